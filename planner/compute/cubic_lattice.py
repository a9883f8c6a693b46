"""A lattice of cubic voxels around points, one axis along a needle."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.model.geometry import FloatArray, Grid, unit_vector


def cubic_lattice(
    points_lps_mm: FloatArray,
    through_lps_mm: npt.ArrayLike,
    direction: FloatArray,
    voxel_mm: float,
    border_mm: npt.ArrayLike,
    most_voxels: int,
) -> Grid:
    """Cubic voxels around points (n, 3) and a border about each, k along a direction.

    Parameters
    ----------
    points_lps_mm
        What it holds, shape (n, 3).
    through_lps_mm
        A point that lies at a voxel's centre, such as a needle's tip.
    direction
        Of k, in LPS; i and j are chosen across it, always the same for the same direction.
    voxel_mm, border_mm
        Size of a voxel, and how far the lattice reaches beyond the points; one number or (n,).
    most_voxels
        More would take minutes and gigabytes.

    Raises
    ------
    InvalidValue
        If it would have more voxels.
    """
    third = unit_vector(direction)
    first = unit_vector(np.cross(third, np.eye(3)[int(np.abs(third).argmin())]))
    axes = np.stack([first, np.cross(third, first), third], axis=1)
    through = np.asarray(through_lps_mm, dtype=float)
    local = (points_lps_mm - through) @ axes / voxel_mm
    border = np.broadcast_to(np.asarray(border_mm, dtype=float) / voxel_mm, len(local))[:, None]
    low, high = np.floor((local - border).min(axis=0)), np.ceil((local + border).max(axis=0))
    count = (high - low).astype(int) + 1
    if count.prod() > most_voxels:
        raise InvalidValue(
            "The region to compute is too large for voxels of this size.",
            f"{count.prod() / 1e6:.0f} million voxels of {voxel_mm:g} mm",
            "Choose larger voxels, or plan needles that lie far apart each in a plan of its own.",
        )
    x, y, z = (float(v) for v in through + axes @ (low * voxel_mm))
    shape = (int(count[2]), int(count[1]), int(count[0]))
    return Grid(shape, (voxel_mm,) * 3, (x, y, z), tuple(axes.ravel()))
