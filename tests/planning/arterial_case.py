"""A block of liver around an artery that forks like a Y, with lesions at known places."""

from __future__ import annotations

import numpy as np

from planner.model.geometry import FloatArray, Grid
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet
from planner.model.vessel_tree import Branch, VesselTree

#: Voxels of 2 x 2.5 x 3 mm; x from -60 to 60, y and z from -30 to 30.
GRID = Grid((20, 24, 60), (2.0, 2.5, 3.0), (-59.0, -28.75, -28.5))
RIGHT_TIP, LEFT_TIP = (-58.0, 0.0, 0.0), (58.0, 0.0, 0.0)
BALLS = {"left lesion": ((40.0, 0.0, 0.0), 9.0), "middle lesion": ((0.0, 12.0, 0.0), 9.0)}


def line(start: tuple[float, ...], stop: tuple[float, ...], step_mm: float = 1.0) -> FloatArray:
    count = round(float(np.linalg.norm(np.subtract(stop, start))) / step_mm) + 1
    share = np.linspace(0.0, 1.0, count)[:, None]
    return np.asarray(np.array(start) * (1 - share) + np.array(stop) * share)


def artery(*more: Branch, radius: float = 2.0) -> VesselTree:
    """Trunk 0 from below, right 1 and left 2 along x."""
    parts = (
        (0, None, line((0.0, 0.0, -80.0), (0.0, 0.0, 0.0)), "proper hepatic artery"),
        (1, 0, line((0.0, 0.0, 0.0), RIGHT_TIP), "right hepatic artery"),
        (2, 0, line((0.0, 0.0, 0.0), LEFT_TIP), "left hepatic artery"),
    )
    branches = [Branch(n, p, points, np.full(len(points), radius), name) for n, p, points, name in parts]
    return VesselTree("artery", Role.HEPATIC_ARTERY, (*branches, *more))


def places() -> FloatArray:
    k, j, i = np.indices(GRID.shape)
    return np.asarray(GRID.to_lps(np.stack([i, j, k], axis=-1).astype(float)))


def structures(**more: np.ndarray) -> StructureSet:
    """The block, two lesions, segments 2 (left) and 5 (right), and what is given as perfused."""
    found = StructureSet("s", GRID, (), ()).with_mask(
        Structure("liver", Role.LIVER), np.ones(GRID.shape, dtype=bool)
    )
    points = places()
    found = found.with_mask(Structure("segment 2", Role.COUINAUD_2), points[..., 0] > 0)
    found = found.with_mask(Structure("segment 5", Role.COUINAUD_5), points[..., 0] <= 0)
    for name, (middle, radius) in BALLS.items():
        found = found.with_mask(
            Structure(name, Role.LESION), np.linalg.norm(points - middle, axis=-1) <= radius
        )
    for name, mask in more.items():
        found = found.with_mask(Structure(name, Role.PERFUSED_VOLUME), mask)
    return found
