"""Which voxels of a mask lie near others, without a map of all distances."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from planner.compute.threads import kernel

BoolArray = npt.NDArray[np.bool_]
OffsetArray = npt.NDArray[np.int64]

#: Distances this much longer than asked for count still: they were rounded.
HAIR_MM = 1e-5


def near_voxels(
    mask: npt.ArrayLike, cores: npt.ArrayLike, spacing_mm: tuple[float, float, float], within_mm: float
) -> BoolArray:
    """Voxels of a mask [k, j, i] whose centre lies within a distance of a core voxel's, as a new mask.

    For distances of a few voxels: the work grows with their third power.

    Parameters
    ----------
    mask, cores
        Same shape.
    spacing_mm
        Of i, j, k.
    within_mm
        The distance.
    """
    voxels, centers = np.ascontiguousarray(mask, dtype=bool), np.ascontiguousarray(cores, dtype=bool)
    found = np.zeros(voxels.shape, dtype=bool)
    _mark_near(voxels, centers, _offsets(spacing_mm, within_mm), found)
    return found


def _offsets(spacing_mm: tuple[float, float, float], within_mm: float) -> OffsetArray:
    """Steps (k, j, i) no longer than a distance, the shortest first; shape (n, 3)."""
    spacing = np.array(spacing_mm[::-1])
    reach = [int(within_mm / s + HAIR_MM) for s in spacing]
    steps = np.stack(np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij"), axis=-1)
    steps = steps.reshape(-1, 3)
    length = np.linalg.norm(steps * spacing, axis=1)
    order = np.argsort(length, kind="stable")
    chosen = order[length[order] <= within_mm + HAIR_MM]
    return np.ascontiguousarray(steps[chosen], dtype=np.int64)


@kernel
def _mark_near(mask: BoolArray, cores: BoolArray, offsets: OffsetArray, found: BoolArray) -> None:
    nk, nj, ni = mask.shape
    for k in range(nk):
        for j in range(nj):
            for i in range(ni):
                if mask[k, j, i]:
                    for n in range(offsets.shape[0]):
                        a, b, c = k + offsets[n, 0], j + offsets[n, 1], i + offsets[n, 2]
                        inside = 0 <= a < nk and 0 <= b < nj and 0 <= c < ni
                        if inside and cores[a, b, c]:
                            found[k, j, i] = True
                            break
