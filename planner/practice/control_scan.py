"""The control scan a trainee sees: the planning image with the needles as they lie in it.

The model, and its limits: shafts are painted by the share of metal in each voxel, without streaks, blur or
noise of their own; the breath moves the whole image, skin and ribs too, which in a patient stay.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.model.assessment import Confidence
from planner.model.geometry import FloatArray, Grid
from planner.model.image import DicomIdentity, Image
from planner.model.plan import Applicator, Plan
from planner.model.points import Point, as_point
from planner.planning.constants import Constant
from planner.planning.device_library import device_library
from planner.planning.emitters import shafts_of
from planner.planning.plan_needles import plan_needles
from planner.planning.robustness import across_shaft
from planner.practice.landing import Landing

#: What a voxel full of metal attenuates, and the most the scan shows: thin shafts stand out, as in patients.
METAL = Constant(8000.0, "HU", "titanium and steel lie far above the scale of 12 bit", Confidence.OUR_RULE)
BRIGHTEST = Constant(3000.0, "HU", "just below the top of 12 bit, 3071 HU", Confidence.OUR_RULE)
#: Points that fill a shaft lie so many times closer than voxels, along it and across; so many pairs at least.
_ALONG, _ACROSS, _FEWEST_PAIRS = 4.0, 3.0, 8

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Shaft:
    """A straight piece of metal.

    Parameters
    ----------
    tip_lps_mm, end_lps_mm
        Its deep end, and its end outside the body.
    diameter_mm
        Positive.

    Raises
    ------
    InvalidValue
        If it has no length or width.
    """

    tip_lps_mm: Point
    end_lps_mm: Point
    diameter_mm: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.length_mm) and self.length_mm > 0 and self.diameter_mm > 0):
            raise InvalidValue(
                "A shaft needs a length and a width.", f"{self.length_mm:g} mm, {self.diameter_mm:g} mm"
            )

    @property
    def length_mm(self) -> float:
        """From end to end."""
        return math.dist(self.tip_lps_mm, self.end_lps_mm)


def control_scan(image: Image, landing: Landing) -> Image:
    """The image with the needles as they lie, and the body lower by the breath.

    Needles show as metal in CT; in other images, such as MR, as the darkest value there is: metal gives no
    signal.  Voxels are shifted by their grid, so none is resampled, and only those a shaft touches change.

    Parameters
    ----------
    image
        What was planned on.
    landing
        The needles.

    Raises
    ------
    InvalidValue
        If a device is not in the library.
    """
    return with_shafts(moved_to_the_feet(image, landing.conditions.breath_mm), shafts(landing.scanned))


def shafts(plan: Plan) -> tuple[Shaft, ...]:
    """All metal of a plan: each needle of each device over its whole length, what is outside the body too."""
    found = []
    for each in plan_needles(plan):
        device = device_library().device(each.needle.device)
        for needle in shafts_of(each.needle, device):
            length_mm = max(device.length.value, needle.length_mm)
            found.append(_shaft(needle, length_mm, device.diameter_mm))
    return tuple(found)


def moved_to_the_feet(image: Image, by_mm: float) -> Image:
    """The same voxels so much lower in the patient; the image itself where it does not move."""
    if by_mm == 0:
        return image
    x, y, z = image.grid.origin_lps_mm
    return replace(image, grid=replace(image.grid, origin_lps_mm=(x, y, z - by_mm)))


def with_shafts(image: Image, metal: tuple[Shaft, ...]) -> Image:
    """An image, ``<id>-control``, in which shafts lie; of the same type and size, and no DICOM series."""
    values = np.array(image.values, order="C")
    full, top = METAL.value, BRIGHTEST.value
    if image.modality != "CT":
        full = top = float(values.min())
    found = [metal_shares(image.grid, shaft) for shaft in metal]
    if found:
        places, owner = np.unique(np.concatenate([p for p, _ in found]), return_inverse=True)
        # Where shafts touch each other, their metal adds up to a full voxel at most.
        share = np.minimum(np.bincount(owner, np.concatenate([s for _, s in found])), 1.0)
        flat = values.reshape(-1)
        before = flat[places].astype(float)
        # What is brighter than the scale already, such as an older clip, stays.
        painted = np.minimum(before + share * (full - before), np.maximum(top, before))
        flat[places] = _typed(painted, values.dtype)
    return replace(
        image,
        id=f"{image.id}-control",
        title=f"{image.title}, control",
        values=values,
        identity=DicomIdentity(frame_of_reference_uid=image.identity.frame_of_reference_uid),
        acquired="",
    )


def metal_shares(grid: Grid, shaft: Shaft) -> tuple[IntArray, FloatArray]:
    """Which voxels a shaft touches, and what share of each is metal.

    The shaft is a cylinder with flat ends.  A voxel sees its neighbours' halves too, less the farther they
    are (a tent two voxels wide along each axis, as the profile of a slice is): so the middle of the metal
    lies on the shaft, however thin it is and however thick the slices are.

    Returns
    -------
    places
        Positions in the flattened array ``[k, j, i]``, rising, shape (n,).
    shares
        Above 0, up to 1 but for rounding, shape (n,).
    """
    ijk = grid.to_ijk(_filling(shaft, min(grid.spacing_mm)))
    low = np.floor(ijk).astype(np.int64)
    upper = np.array(grid.shape[::-1])
    inner = np.all((low >= -1) & (low < upper), axis=1)
    volume_mm3 = math.pi * (0.5 * shaft.diameter_mm) ** 2 * shaft.length_mm
    each = volume_mm3 / len(ijk) / (1000.0 * grid.voxel_volume_ml)
    low, beyond = low[inner], (ijk - low)[inner]
    sides = np.stack([1.0 - beyond, beyond])
    places, weights = [], []
    for a, b, c in np.ndindex(2, 2, 2):
        i, j, k = (low + np.array((a, b, c))).T
        weight = each * sides[a, :, 0] * sides[b, :, 1] * sides[c, :, 2]
        kept = (i >= 0) & (j >= 0) & (k >= 0) & (i < upper[0]) & (j < upper[1]) & (k < upper[2])
        kept &= weight > 0
        places.append(np.ravel_multi_index((k[kept], j[kept], i[kept]), grid.shape))
        weights.append(weight[kept])
    found, owner = np.unique(np.concatenate(places), return_inverse=True)
    shares = np.bincount(owner, np.concatenate(weights), minlength=len(found))
    return np.asarray(found, dtype=np.int64), np.asarray(shares)


def _filling(shaft: Shaft, voxel_mm: float) -> FloatArray:
    """Points that fill a shaft evenly and evenly about its axis, LPS mm, (n, 3)."""
    tip = np.array(shaft.tip_lps_mm)
    along = (np.array(shaft.end_lps_mm) - tip) / shaft.length_mm
    count = math.ceil(shaft.length_mm * _ALONG / voxel_mm)
    at_mm = shaft.length_mm * (np.arange(count) + 0.5) / count
    # A sunflower's seeds (Vogel 1979, Math Biosci 44:179) have equal areas; mirrored, their middle is the axis.
    pairs = max(math.ceil(0.125 * math.pi * (shaft.diameter_mm * _ACROSS / voxel_mm) ** 2), _FEWEST_PAIRS)
    seeds = np.arange(pairs)
    away = 0.5 * shaft.diameter_mm * np.sqrt((seeds + 0.5) / pairs)
    turn = math.pi * (3.0 - math.sqrt(5.0)) * seeds
    side, other = across_shaft(along)
    disc = (away * np.cos(turn))[:, None] * side + (away * np.sin(turn))[:, None] * other
    section = np.concatenate([disc, -disc])
    return np.asarray((tip + at_mm[:, None] * along)[:, None] + section).reshape(-1, 3)


def _shaft(needle: Applicator, length_mm: float, diameter_mm: float) -> Shaft:
    return Shaft(needle.tip_lps_mm, as_point(needle.point_behind_tip(length_mm)), diameter_mm)


def _typed(values: FloatArray, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Values as a type holds them: whole numbers within its range where it holds only those."""
    if dtype.kind not in "iu":
        return values.astype(dtype)
    known = np.iinfo(dtype)
    return np.clip(np.rint(values), known.min, known.max).astype(dtype)
