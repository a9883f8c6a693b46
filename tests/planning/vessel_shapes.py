"""Vessels known exactly, as tubes along lines, and their voxels on lattices of any kind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.model.geometry import Grid
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet

Array = npt.NDArray[np.float64]

#: Spacings along i, j, k and turns of the lattice: even, thick slices, oblique, oblique and mirrored.
LATTICES = {
    "even": ((1.0, 1.0, 1.0), 0.0, 1.0),
    "thick slices": ((0.7, 0.7, 1.5), 0.0, 1.0),
    "oblique": ((0.7, 0.7, 1.5), 0.6, 1.0),
    "oblique and mirrored": ((0.8, 0.6, 2.0), -1.1, -1.0),
}


@dataclass(frozen=True)
class Tube:
    """A straight tube whose radius changes evenly; flat at its ends, or rounded."""

    start: tuple[float, float, float]
    stop: tuple[float, float, float]
    radius: float
    stop_radius: float | None = None
    is_round: bool = True

    def contains(self, points: Array) -> npt.NDArray[np.bool_]:
        start, stop = np.array(self.start), np.array(self.stop)
        way = stop - start
        length = float(np.linalg.norm(way))
        along = (points - start) @ (way / length)
        across = np.linalg.norm(points - start - along[..., None] * way / length, axis=-1)
        share = np.clip(along / length, 0, 1)
        last = self.radius if self.stop_radius is None else self.stop_radius
        radius = self.radius + share * (last - self.radius)
        beyond = along - share * length
        if self.is_round:
            return np.asarray(np.hypot(across, beyond) < radius)
        return np.asarray((across < radius) & (along > 0) & (along < length))


def lattice(name: str, half_mm: float = 45.0) -> Grid:
    """A lattice that holds a ball around the origin, its voxels off the middle."""
    spacing, turn, hand = LATTICES[name]
    c, s = np.cos(turn), np.sin(turn)
    about_z = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    axes = about_z @ about_x @ np.diag([1.0, 1.0, hand])
    count = [int(2 * half_mm / step) for step in spacing]
    corner = axes @ (-np.array(spacing) * (np.array(count) - 1) / 2) + np.array([0.21, -0.13, 0.37])
    shape = (count[2], count[1], count[0])
    return Grid(shape, spacing, (float(corner[0]), float(corner[1]), float(corner[2])), tuple(axes.ravel()))


def voxels(grid: Grid, tubes: Iterable[Tube]) -> npt.NDArray[np.bool_]:
    """Voxels whose centre lies in any of some tubes."""
    k, j, i = np.indices(grid.shape)
    points = grid.to_lps(np.stack([i, j, k], axis=-1))
    found = np.zeros(grid.shape, dtype=bool)
    for tube in tubes:
        found |= tube.contains(points)
    return found


def outlined(grid: Grid, role: Role = Role.HEPATIC_ARTERY, **masks: npt.NDArray[np.bool_]) -> StructureSet:
    """Structures named as the masks; `liver` and `cava` have their own roles."""
    own = {"liver": Role.LIVER, "cava": Role.VENA_CAVA}
    return StructureSet.from_masks(
        "set", grid, [(Structure(n, own.get(n, role)), m) for n, m in masks.items()], "1.2.3"
    )
