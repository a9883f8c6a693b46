"""A ball of liver with a portal vein that forks once, and a hepatic vein beside it."""

from __future__ import annotations

from functools import cache

import numpy as np

from planner.model.case import Case
from planner.model.geometry import FloatArray, Grid
from planner.model.image import Image
from planner.model.plan import Plan
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet
from planner.model.vessel_tree import Branch, VesselTree
from planner.session.actions import Workbench
from planner.session.session import Session

LIVER_MM, RADIUS_MM = 50.0, 4.0
GRID = Grid((60, 56, 64), (2.0, 2.2, 2.1), (-63.0, -60.5, -58.3))
FORK = (0.0, 0.0, 0.0)
#: Ends of the lines: the portal vein's trunk, right and left branch, and the hepatic vein.
TRUNK, RIGHT, LEFT = (0.0, 0.0, -52.0), (-38.0, 0.0, 18.0), (38.0, 0.0, 18.0)
VEIN = ((0.0, 26.0, 40.0), (0.0, 26.0, -20.0))


def line(start: tuple[float, ...], stop: tuple[float, ...], count: int = 40) -> FloatArray:
    share = np.linspace(0.0, 1.0, count)[:, None]
    return np.asarray(np.array(start) * (1 - share) + np.array(stop) * share)


def branch(number: int, parent: int | None, points: FloatArray, name: str = "") -> Branch:
    return Branch(number, parent, points, np.full(len(points), RADIUS_MM), name)


def portal_tree(id: str = "Portal vein") -> VesselTree:
    """Trunk 0, right 1, left 2, named so that each side feeds a segment."""
    return VesselTree(
        id,
        Role.PORTAL_VEIN,
        (
            branch(0, None, line(TRUNK, FORK), "main portal vein"),
            branch(1, 0, line(FORK, RIGHT), "segment 7"),
            branch(2, 0, line(FORK, LEFT), "segment 3"),
        ),
        "portal",
    )


def hepatic_tree() -> VesselTree:
    return VesselTree("Hepatic veins", Role.HEPATIC_VEIN, (branch(0, None, line(*VEIN)),), "veins")


def within(radius_mm: float, start: tuple[float, ...], stop: tuple[float, ...]) -> np.ndarray:
    """Voxels within a distance of a straight line."""
    points = _points()
    way = np.subtract(stop, start)
    share = np.clip(((points - start) @ way) / max(float(way @ way), 1e-9), 0.0, 1.0)
    return np.asarray(((points - start - share[..., None] * way) ** 2).sum(axis=-1) <= radius_mm**2)


@cache
def _points() -> FloatArray:
    return GRID.to_lps(np.stack(np.indices(GRID.shape)[::-1], axis=-1))


@cache
def _vessels() -> tuple[np.ndarray, np.ndarray]:
    portal = within(RADIUS_MM, TRUNK, FORK) | within(RADIUS_MM, FORK, RIGHT) | within(RADIUS_MM, FORK, LEFT)
    return portal, within(RADIUS_MM, *VEIN)


@cache
def structures() -> StructureSet:
    portal, veins = _vessels()
    masks = [
        (Structure("liver", Role.LIVER), within(LIVER_MM, FORK, FORK)),
        (Structure("lesion", Role.LESION), within(8.0, (-30.0, 0.0, 0.0), (-30.0, 0.0, 0.0))),
        (Structure("portal", Role.PORTAL_VEIN), portal),
        (Structure("veins", Role.HEPATIC_VEIN), veins),
    ]
    return StructureSet.from_masks("structures", GRID, masks)


def vessel_case(*trees: VesselTree, of: StructureSet | None = None) -> Case:
    of = of or structures()
    image = Image("ct", "CT", GRID, np.where(np.logical_or(*_vessels()), 180, 60).astype(np.int16))
    return Case("vessels", "Vessels", (image,), (of,), vessel_trees=trees)


def bench_of(case: Case) -> Workbench:
    session = Session()
    session.open_case(case, Plan("A", case.id))
    return Workbench(session)
