"""Many straight rays through a lattice that holds four clearances and a class for each voxel.

The clearances of a voxel are quarter millimetres, four in one 32-bit word, so one load tells all
of them.  A ray is sampled in the middles of equal steps, each by the voxel it lies in.  The least
clearance of a ray is therefore off by half a voxel's diagonal, half a step and half a quarter
millimetre at most: `march_error_mm`.  The kernel knows no anatomy: a table says of which `Kind`
each class is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.compute.threads import kernel
from planner.model.geometry import FloatArray, Grid

#: What a clearance of `FAR` quarters means: so far or farther.
FAR = 255
FAR_MM = FAR / 4.0
CHANNELS = 4
#: A ray has at most so many samples.
MOST_SAMPLES = 32_000

WordArray = npt.NDArray[np.int64]


class Kind(IntEnum):
    """What a class of voxels is to a ray that is followed from its start outwards."""

    MEDIUM = 0
    GOAL = 1
    OTHER = 2
    VOID = 3
    NOTHING = 4


@dataclass(frozen=True, eq=False)
class MarchLattice:
    """Voxels that rays are marched through; arrays become read-only.

    Parameters
    ----------
    grid
        Where they lie; any spacing and direction.
    packed
        Clearance of channel c in quarter mm in bits 8 c to 8 c + 7, shape [k, j, i], uint32.
    classes
        Shape [k, j, i], uint8.

    Raises
    ------
    InvalidValue
        If shape or type of an array is wrong.
    """

    grid: Grid
    packed: npt.NDArray[np.uint32]
    classes: npt.NDArray[np.uint8]

    def __post_init__(self) -> None:
        for word, dtype in (("packed", np.uint32), ("classes", np.uint8)):
            array = np.ascontiguousarray(getattr(self, word))
            if array.shape != self.grid.shape or array.dtype != dtype:
                raise InvalidValue(
                    "An array of a lattice has a wrong shape or type.",
                    f"{word} {array.dtype} {array.shape}, grid {self.grid.shape}",
                )
            array.setflags(write=False)
            object.__setattr__(self, word, array)
        if self.packed.size >= 2**31:
            raise InvalidValue(
                "A lattice for rays holds fewer than two thousand million voxels.",
                f"shape {self.grid.shape}",
                "Make its voxels larger.",
            )

    @classmethod
    def of_channels(
        cls, grid: Grid, quarters: Sequence[npt.NDArray[np.uint8]], classes: npt.NDArray[np.uint8]
    ) -> MarchLattice:
        """Pack four clearances [k, j, i] in quarter mm.

        Raises
        ------
        InvalidValue
            If there are not four, or a shape is not the grid's.
        """
        if len(quarters) != CHANNELS or any(q.shape != grid.shape for q in quarters):
            shapes = ", ".join(str(q.shape) for q in quarters)
            raise InvalidValue("Four clearances of the grid's shape are packed.", f"{shapes}; {grid.shape}")
        packed = np.zeros(grid.shape, dtype=np.uint32)
        for channel, quarter in enumerate(quarters):
            packed |= quarter.astype(np.uint32) << np.uint32(8 * channel)
        return cls(grid, packed, classes)


@dataclass(frozen=True, eq=False)
class RayMarch:
    """What n rays met, each from its start to its end; arrays are read-only.

    Parameters
    ----------
    length_mm
        From start to end, shape (n,).
    least_mm
        Least clearance of each channel, `FAR_MM` meaning that or more; shape (n, 4).
    least_at_mm
        Where it is first met, from the start; shape (n, 4).
    within_mm
        Length within `Kind.MEDIUM`, `GOAL`, `OTHER`, `VOID`; shape (n, 4).
    medium_past_goal_mm
        Length within the medium beyond the last of the goal, all of it where there is no goal; (n,).
    entered_mm
        From the start to the outer end of the last of medium, goal or other; NaN without; (n,).
    off_mm
        Length off the lattice, where nothing is known; (n,).
    """

    length_mm: npt.NDArray[np.float32]
    least_mm: npt.NDArray[np.float32]
    least_at_mm: npt.NDArray[np.float32]
    within_mm: npt.NDArray[np.float32]
    medium_past_goal_mm: npt.NDArray[np.float32]
    entered_mm: npt.NDArray[np.float32]
    off_mm: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        for array in vars(self).values():
            array.setflags(write=False)


def march_error_mm(grid: Grid, step_mm: float) -> float:
    """The most by which a ray's least clearance in a lattice may be off from that of its voxels' field."""
    return 0.5 * (float(np.linalg.norm(grid.spacing_mm)) + step_mm + 0.25)


def march_rays(
    lattice: MarchLattice,
    starts_lps_mm: npt.ArrayLike,
    ends_lps_mm: npt.ArrayLike,
    kinds: npt.NDArray[np.uint8],
    step_mm: float,
    skip_mm: float = 0.0,
) -> RayMarch:
    """Follow rays through a lattice.

    Parameters
    ----------
    lattice
        What they meet.
    starts_lps_mm, ends_lps_mm
        Shape (n, 3), or (3,) for one start that all rays share.
    kinds
        The `Kind` of each class, shape (256,).
    step_mm
        Samples are so far apart or a little nearer.
    skip_mm
        Clearances nearer to the start than this do not count.  By default all count: the start of
        a needle's ray is its tip, where a vessel matters most.

    Raises
    ------
    InvalidValue
        If a point is not finite, a shape is wrong, or a step is not positive or too short.
    """
    ends = _points(ends_lps_mm, "end")
    starts = _points(starts_lps_mm, "start")
    if len(starts) == 1:
        starts = np.broadcast_to(starts, ends.shape)
    if starts.shape != ends.shape:
        raise InvalidValue("Rays need a start for each end.", f"{len(starts)} starts, {len(ends)} ends")
    if kinds.shape != (256,) or (kinds.size and int(kinds.max()) > Kind.NOTHING):
        raise InvalidValue("Each of 256 classes has a kind.", f"kinds of shape {kinds.shape}")
    length = np.linalg.norm(ends - starts, axis=1)
    longest = float(length.max()) if len(length) else 0.0
    if not (math.isfinite(step_mm) and step_mm > 0 and longest / step_mm < MOST_SAMPLES):
        raise InvalidValue("The step of a ray must be positive and not tiny.", f"step {step_mm} mm")
    if not math.isfinite(skip_mm):
        raise InvalidValue("What is skipped of a ray must be finite.", f"{skip_mm} mm")
    flags = np.array([0 if k == Kind.NOTHING else 1 << int(k) for k in kinds], dtype=np.uint8)
    least = np.empty((len(ends), CHANNELS), dtype=np.uint32)
    found = np.empty((len(ends), 8), dtype=np.int32)
    grid = lattice.grid
    _march(
        lattice.packed.ravel(),
        lattice.classes.ravel(),
        np.array(grid.shape[::-1], dtype=np.int64),
        grid.to_ijk(starts),
        grid.to_ijk(ends),
        length,
        flags,
        float(step_mm),
        float(skip_mm),
        least,
        found,
    )
    return _told(length, least, found)


def _points(points_lps_mm: npt.ArrayLike, word: str) -> FloatArray:
    points = np.atleast_2d(np.asarray(points_lps_mm, dtype=float))
    if points.ndim != 2 or points.shape[1] != 3 or not np.all(np.isfinite(points)):
        raise InvalidValue(f"The {word} of a ray has three finite numbers.", f"shape {points.shape}")
    return points


def _told(length: FloatArray, least: npt.NDArray[np.uint32], found: npt.NDArray[np.int32]) -> RayMarch:
    step = length / np.maximum(found[:, 0], 1)
    last = found[:, 7]
    arrays = (
        length,
        (least >> 16) / 4.0,
        ((least & 0xFFFF) + 0.5) * step[:, None],
        found[:, 2:6] * step[:, None],
        found[:, 6] * step,
        np.where(last > 0, last * step, np.nan),
        found[:, 1] * step,
    )
    return RayMarch(*(np.asarray(a, dtype=np.float32) for a in arrays))


@kernel
def _march(
    packed: npt.NDArray[np.uint32],
    classes: npt.NDArray[np.uint8],
    counts_ijk: WordArray,
    starts: FloatArray,
    ends: FloatArray,
    length: FloatArray,
    flags: npt.NDArray[np.uint8],
    step_mm: float,
    skip_mm: float,
    least: npt.NDArray[np.uint32],
    found: npt.NDArray[np.int32],
) -> None:
    """Fill `least` (n, 4), value << 16 | sample, and `found` (n, 8), as `_met_classes` does.

    Each ray is gone over three times, so that the processor can do several samples at once: its
    samples' places in memory, what they hold, and the least of it.
    """
    ni, nj, nk = counts_ijk
    ramp = np.arange(MOST_SAMPLES).astype(np.float64)
    places = np.empty(MOST_SAMPLES, dtype=np.int32)
    voxels = np.empty(MOST_SAMPLES, dtype=np.uint32)
    kinds = np.empty(MOST_SAMPLES, dtype=np.uint8)
    for ray in range(starts.shape[0]):
        steps = max(1, int(np.ceil(length[ray] / step_mm)))
        share = 1.0 / steps
        di = (ends[ray, 0] - starts[ray, 0]) * share
        dj = (ends[ray, 1] - starts[ray, 1]) * share
        dk = (ends[ray, 2] - starts[ray, 2]) * share
        # Shifted so that voxel n holds n <= x < n + 1, and that cutting the decimals gives n.
        ai = starts[ray, 0] + 0.5 + 0.5 * di
        aj = starts[ray, 1] + 0.5 + 0.5 * dj
        ak = starts[ray, 2] + 0.5 + 0.5 * dk
        first, stop = 0, steps
        # A lattice's box is convex: between two samples in it, all samples are.
        while first < stop and not _within(ai + first * di, aj + first * dj, ak + first * dk, ni, nj, nk):
            first += 1
        while stop > first and not _within(
            ai + (stop - 1) * di, aj + (stop - 1) * dj, ak + (stop - 1) * dk, ni, nj, nk
        ):
            stop -= 1
        met = stop - first
        along = ramp[first:stop]
        # From 0, as numba lets the processor do several at once only where no index can be negative.
        for n in range(met):
            x, y, z = ai + along[n] * di, aj + along[n] * dj, ak + along[n] * dk
            places[n] = (np.int32(z) * nj + np.int32(y)) * ni + np.int32(x)
        for n in range(met):
            at = np.uint32(places[n])
            voxels[n] = packed[at]
            kinds[n] = flags[classes[at]]
        counted = min(stop, max(first, int(np.ceil(skip_mm / (length[ray] * share + 1e-30) - 0.5))))
        _least_of(voxels[counted - first : met], counted, least[ray])
        found[ray, 0] = steps
        found[ray, 1] = steps - met
        _met_classes(kinds[:met], first, found[ray])


@kernel
def _least_of(voxels: npt.NDArray[np.uint32], first: int, least: npt.NDArray[np.uint32]) -> None:
    """The least value of each channel, and the first sample that has it; `first` is the first of all."""
    far = np.uint32(255 << 16)
    key_a, key_b, key_c, key_d = far, far, far, far
    for n in range(len(voxels)):
        voxel, sample = voxels[n], np.uint32(first + n)
        key_a = min(key_a, np.uint32(((voxel & 0xFF) << 16) | sample))
        key_b = min(key_b, np.uint32(((voxel & 0xFF00) << 8) | sample))
        key_c = min(key_c, np.uint32((voxel & 0xFF0000) | sample))
        key_d = min(key_d, np.uint32(((voxel >> 8) & 0xFF0000) | sample))
    least[0], least[1], least[2], least[3] = key_a, key_b, key_c, key_d


@kernel
def _met_classes(kinds: npt.NDArray[np.uint8], first: int, found: npt.NDArray[np.int32]) -> None:
    """Samples of medium, goal, other and void (2 to 5), of medium past the goal (6), end of a body (7)."""
    media, goals, others, voids = np.int32(0), np.int32(0), np.int32(0), np.int32(0)
    last_goal, last_solid = np.int32(0), np.int32(0)
    for n in range(len(kinds)):
        kind, after = np.int32(kinds[n]), np.int32(n + 1)
        media = np.int32(media + (kind & 1))
        goals = np.int32(goals + (kind & 2))
        others = np.int32(others + (kind & 4))
        voids = np.int32(voids + (kind & 8))
        last_goal = max(last_goal, np.int32(after * np.int32((kind & 2) != 0)))
        last_solid = max(last_solid, np.int32(after * np.int32((kind & 7) != 0)))
    past = np.int32(0)
    rest = kinds[last_goal:]
    for n in range(len(rest)):
        past = np.int32(past + (rest[n] & 1))
    found[2], found[3], found[4], found[5] = media, goals >> 1, others >> 2, voids >> 3
    found[6], found[7] = past, (first + last_solid if last_solid else 0)


@kernel
def _within(x: float, y: float, z: float, ni: int, nj: int, nk: int) -> bool:
    return 0.0 <= x < ni and 0.0 <= y < nj and 0.0 <= z < nk
