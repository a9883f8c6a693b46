"""Livers of simple shape with straight vessels, whose territories are known in closed form."""

from __future__ import annotations

import numpy as np

from planner.model.geometry import Grid
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet
from planner.model.vessel_tree import Branch, VesselTree

OBLIQUE = (0.8, -0.6, 0.0, 0.48, 0.64, -0.6, 0.36, 0.48, 0.8)


def lattice(spacing_mm, size_mm=(60.0, 60.0, 60.0), direction=(1, 0, 0, 0, 1, 0, 0, 0, 1)) -> Grid:
    """A lattice whose middle is the origin, wide enough for a shape of a size in mm."""
    shape = tuple(int(np.ceil(w / s)) + 3 for w, s in zip(size_mm[::-1], spacing_mm[::-1], strict=True))
    around = Grid(shape, spacing_mm, (0, 0, 0), direction)
    x, y, z = (float(v) for v in -around.center_lps_mm)
    return Grid(shape, spacing_mm, (x, y, z), direction)


def places(grid: Grid) -> np.ndarray:
    """Voxel centres, shape [k, j, i, 3]."""
    k, j, i = np.indices(grid.shape)
    return grid.to_lps(np.stack([i, j, k], axis=-1))


def organ(grid: Grid, mask: np.ndarray, **more: tuple[Role, np.ndarray]) -> StructureSet:
    """Structures of a liver, and of others by name."""
    masks = [(Structure("liver", Role.LIVER), mask)]
    masks += [(Structure(name, role), voxels) for name, (role, voxels) in more.items()]
    return StructureSet.from_masks("structures", grid, masks)


def branch(number: int, parent: int | None, *points, name: str = "", confirmed: bool = False) -> Branch:
    return Branch(number, parent, np.array(points, dtype=float), np.full(len(points), 2.0), name, confirmed)


def portal(*branches: Branch) -> VesselTree:
    return VesselTree("portal", Role.PORTAL_VEIN, branches)


def hepatic(*branches: Branch) -> VesselTree:
    return VesselTree("hepatic", Role.HEPATIC_VEIN, branches)
