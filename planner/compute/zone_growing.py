"""An ablation zone grown in a scan from a click in it, and a ball-shaped brush to correct it.

The zone is what joins the click, lies in a range of gray values and within the liver.  Where it leaks
through a bridge into other dark tissue, wider and wider bridges are cut until it holds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.ndimage as ndi

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.model.geometry import Box, FloatArray, Grid
from planner.model.image import Image

BoolArray = npt.NDArray[np.bool_]

#: Values around the click are those within this.
AROUND_CLICK_MM = 4.0
#: The range reaches so many standard deviations from their mean, and at least so far.
DEVIATIONS, LEAST_RANGE = 2.5, 15.0
#: Bridges thinner than twice this are cut, one after the other.
BRIDGES_MM = (0.0, 1.5, 2.5, 4.0, 6.0)


@dataclass(frozen=True)
class GrowingRules:
    """How a zone grows, and when it has leaked.

    Parameters
    ----------
    smoothing_mm
        The scan is smoothed by a Gaussian of this before, against noise.
    largest_ml
        A zone larger than this has leaked.
    farthest_mm
        So has one that reaches farther from the click.
    """

    smoothing_mm: float = 1.0
    largest_ml: float = 250.0
    farthest_mm: float = 60.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.smoothing_mm <= 10.0:
            raise InvalidValue("The smoothing lies between 0 and 10 mm.", f"{self.smoothing_mm} mm")
        if not (0.0 < self.largest_ml <= 3000.0 and 0.0 < self.farthest_mm <= 200.0):
            raise InvalidValue(
                "A zone's limits lie within 3000 ml and 200 mm.",
                f"{self.largest_ml} ml, {self.farthest_mm} mm",
            )


@dataclass(frozen=True, eq=False)
class GrownZone:
    """An ablation zone grown from a click; to be looked at and corrected.

    Parameters
    ----------
    mask
        Shape of the scan [k, j, i].
    range_values
        Lowest and highest gray value taken, after smoothing.
    bridge_mm
        Bridges thinner than twice this were cut to keep it from leaking; 0 where it did not leak.
    volume_ml
        Its voxels.
    """

    mask: BoolArray
    range_values: tuple[float, float]
    bridge_mm: float
    volume_ml: float


def grow_zone(
    image: Image,
    seed_lps_mm: npt.ArrayLike,
    *,
    range_values: tuple[float, float] | None = None,
    within: BoolArray | None = None,
    rules: GrowingRules | None = None,
    task: Task | None = None,
) -> GrownZone:
    """The zone around a click.

    Parameters
    ----------
    image
        The scan after the treatment.
    seed_lps_mm
        The click, shape (3,).
    range_values
        Lowest and highest gray value (HU in CT); those around the click where not given.
    within
        Mask [k, j, i] it must stay in, such as the liver.

    Raises
    ------
    InvalidValue
        If the click lies outside the scan, the liver or the range, or the zone leaks all the same.
    """
    task = task or Task()
    rules = rules or GrowingRules()
    grid = image.grid
    seed = np.asarray(seed_lps_mm, dtype=float)
    if seed.shape != (3,) or not bool(grid.contains(seed)):
        raise InvalidValue("The click lies outside the scan.", f"'{image.title}'", "Click into the zone.")
    if within is not None and within.shape != grid.shape:
        raise InvalidValue("A mask needs the shape of its scan.", f"mask {within.shape}, scan {grid.shape}")
    task.report(0.0, "Smoothing around the click")
    box = ball_box(grid, seed, rules.farthest_mm + 6.0)
    near = grid.cropped(box)
    spacing = np.array(near.spacing_mm[::-1])
    values = np.asarray(image.values[box.slices], dtype=np.float32)
    if rules.smoothing_mm > 0:
        values = ndi.gaussian_filter(values, rules.smoothing_mm / spacing, mode="nearest")
    away = _distance_mm(near, seed)
    low, high = range_values or _range_around(values, away)
    if not low < high:
        raise InvalidValue("The range of gray values is empty.", f"{low:g} to {high:g}", "Widen it.")
    like = (values >= low) & (values <= high)
    if within is not None:
        like &= within[box.slices]
    at = np.unravel_index(int(np.argmin(away)), near.shape)
    if not like[at]:
        place = "" if within is None or within[box.slices][at] else "; the click lies outside the liver"
        raise InvalidValue(
            "The click is not like what is looked for.",
            f"{values[at]:.0f}, range {low:.0f} to {high:.0f}{place}",
            "Click into the zone, or change the range.",
        )
    for n, bridge_mm in enumerate(BRIDGES_MM):
        task.report(0.2 + 0.75 * n / len(BRIDGES_MM), "Growing the ablation zone")
        zone = _joined(like, away, bridge_mm, spacing)
        if zone is None:
            break
        zone = _without_holes(zone, None if within is None else within[box.slices])
        volume_ml = float(np.count_nonzero(zone)) * grid.voxel_volume_ml
        if volume_ml <= rules.largest_ml and float(away[zone].max()) <= rules.farthest_mm:
            mask = np.zeros(grid.shape, dtype=bool)
            mask[box.slices] = zone
            return GrownZone(mask, (float(low), float(high)), bridge_mm, volume_ml)
    raise InvalidValue(
        "The zone grows into tissue beyond it.",
        f"more than {rules.largest_ml:g} ml, or {rules.farthest_mm:g} mm from the click",
        "Narrow the range of gray values, keep it within the liver, or draw it with the brush.",
    )


def painted(
    mask: BoolArray, grid: Grid, center_lps_mm: npt.ArrayLike, radius_mm: float, value: bool
) -> BoolArray:
    """A copy of a mask [k, j, i] after one dab of a ball-shaped brush; a voxel counts by its centre.

    Raises
    ------
    InvalidValue
        If the brush has no size or the mask does not have the grid's shape.
    """
    if not (np.isfinite(radius_mm) and radius_mm > 0):
        raise InvalidValue("A brush needs a size.", f"radius {radius_mm} mm")
    if mask.shape != grid.shape:
        raise InvalidValue("A mask needs the shape of its grid.", f"mask {mask.shape}, grid {grid.shape}")
    changed = np.array(mask, dtype=bool)
    box = ball_box(grid, np.asarray(center_lps_mm, dtype=float), radius_mm)
    if not box.is_empty:
        ball = _distance_mm(grid.cropped(box), np.asarray(center_lps_mm, dtype=float)) <= radius_mm
        changed[box.slices][ball] = value
    return changed


def ball_box(grid: Grid, center_lps_mm: FloatArray, radius_mm: float) -> Box:
    """The voxels of a grid whose centres a ball may hold; empty where it lies outside."""
    middle = grid.to_ijk(center_lps_mm)[::-1]
    reach = radius_mm / np.array(grid.spacing_mm[::-1])
    low = np.clip(np.floor(middle - reach).astype(int), 0, grid.shape)
    high = np.clip(np.ceil(middle + reach).astype(int) + 1, 0, grid.shape)
    return Box((int(low[0]), int(low[1]), int(low[2])), (int(high[0]), int(high[1]), int(high[2])))


def _distance_mm(grid: Grid, point_lps_mm: FloatArray) -> npt.NDArray[np.float64]:
    """Distance of all voxel centres to a point; along the grid's axes, so no array of points is made."""
    i, j, k = grid.to_ijk(point_lps_mm)
    squares = [
        ((np.arange(n) - at) * s) ** 2
        for n, at, s in zip(grid.shape, (k, j, i), grid.spacing_mm[::-1], strict=True)
    ]
    return np.asarray(np.sqrt(squares[0][:, None, None] + squares[1][:, None] + squares[2]))


def _range_around(values: npt.NDArray[np.float32], away: npt.NDArray[np.float64]) -> tuple[float, float]:
    near = values[away <= max(AROUND_CLICK_MM, float(away.min()) + 1e-6)]
    half = max(LEAST_RANGE, DEVIATIONS * float(near.std()))
    middle = float(np.median(near))
    return middle - half, middle + half


def _joined(
    like: BoolArray, away: npt.NDArray[np.float64], bridge_mm: float, spacing: FloatArray
) -> BoolArray | None:
    """What joins the click after thin bridges are cut; None where nothing is left there."""
    if bridge_mm == 0:
        core = like
    else:
        depth = ndi.distance_transform_edt(like, sampling=spacing)
        core = depth > bridge_mm
    reach = bridge_mm + float(spacing.max())
    near = core & (away <= max(reach, float(away.min()) + 1e-6))
    if not near.any():
        return None
    labels, _ = ndi.label(core)
    at = np.unravel_index(int(np.argmin(np.where(near, away, np.inf))), core.shape)
    found = np.asarray(labels == labels[at])
    if bridge_mm == 0:
        return found
    # What the cut took from the rim is given back, but only so far.
    rim = ndi.distance_transform_edt(~found, sampling=spacing)
    return np.asarray(like & (rim <= bridge_mm))


def _without_holes(zone: BoolArray, within: BoolArray | None) -> BoolArray:
    """Bright coagulum and the needle's track lie inside and belong to it."""
    filled: BoolArray = ndi.binary_fill_holes(zone)
    return filled if within is None else np.asarray(filled & within)
