"""Two scans of one patient in a session, the second moved in a known way, with a dark ball in it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "compute"))
from phantom import custom_probe
from two_scans import in_liver, lattice, scan

from planner.base.task import Task
from planner.model.case import Case
from planner.model.geometry import Grid
from planner.model.image import Image
from planner.model.plan import Plan, Point
from planner.model.registration import Registration
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet
from planner.session.actions import Workbench
from planner.session.scan_pairs import LaidOver, make_laid_over
from planner.session.session import Session

Scans = tuple[Image, Image, np.ndarray]

HERE, THERE = "1.2.1", "1.2.2"
GRID = lattice((60, 100, 130), (2.5, 2.5, 3.0))
LESION: Point = (-70.0, -10.0, 5.0)


def moved(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return np.asarray(points @ matrix[:3, :3].T + matrix[:3, 3])


def rigid(shift: tuple[float, ...] = (7.0, -5.0, 5.0), turn_deg: float = 6.0) -> np.ndarray:
    matrix = np.eye(4)
    axis = np.array([0.2, -0.4, 0.9])
    matrix[:3, :3] = Rotation.from_rotvec(np.radians(turn_deg) * axis / np.linalg.norm(axis)).as_matrix()
    matrix[:3, 3] = shift
    return matrix


def structures_of(grid: Grid) -> StructureSet:
    points = grid.to_lps(np.stack(np.indices(grid.shape)[::-1], axis=-1))
    liver = in_liver(points.reshape(-1, 3)).reshape(grid.shape)
    lesion = ((points - np.array(LESION)) ** 2).sum(axis=-1) <= 12.0**2
    masks = [(Structure("Liver", Role.LIVER), liver), (Structure("Lesion", Role.LESION), lesion)]
    return StructureSet.from_masks("structures", grid, masks, HERE)


def zoned(grid: Grid, matrix: np.ndarray, center: Point, radius_mm: float) -> Image:
    """The abdomen as it lies later, with a dark ball where a point of the planning scan came to lie."""
    image = scan("after", grid, Registration("ct", "after", matrix), uid=THERE)
    points = grid.to_lps(np.stack(np.indices(grid.shape)[::-1], axis=-1))
    away = np.linalg.norm(points - moved(np.array([center]), matrix)[0], axis=-1)
    share = np.clip(0.5 - (away - radius_mm) / 2.0, 0.0, 1.0)
    values = image.values * (1 - share) - 40.0 * share
    return replace(image, values=np.rint(values).astype(np.int16))


def two_scans() -> Scans:
    """The planning scan, the later one, and the movement between them."""
    matrix = rigid()
    later = lattice((70, 105, 135), (2.4, 2.4, 2.8), middle=tuple(matrix[:3, 3]))
    return scan("ct", GRID, uid=HERE), zoned(later, matrix, (-67.0, -10.0, 5.0), 20.0), matrix


def two_scan_case(scans: Scans) -> tuple[Case, Plan]:
    """A case of both scans with liver and lesion, and a plan with one probe."""
    case = Case("two", "Two scans", scans[:2], (structures_of(GRID),))
    probe = custom_probe((-70.0, -150.0, 5.0), LESION, 36.0)
    return case, Plan("A", "two", (replace(probe, lesion="Lesion"),))


def bench_of(scans: Scans) -> Workbench:
    """A session with the case open and the mode on."""
    session = Session()
    session.open_case(*two_scan_case(scans))
    made = Workbench(session)
    made.following.switch(True)
    return made


def registered(bench: Workbench, matrix: np.ndarray, error_mm: float | None = 0.8) -> Registration:
    found = Registration(
        "ct", "after", matrix, None, HERE, THERE, "rigid", error_mm, "estimated from 9 blocks"
    )
    bench.following.show_registration(found)
    kept = bench.following.registration
    assert kept is not None
    return kept


def lay(bench: Workbench) -> LaidOver:
    pair, lying = bench.following.pair, bench.following.lying
    assert pair is not None
    assert lying is not None
    laid = make_laid_over(pair, lying, Task())
    bench.following.show_laid_over(laid)
    return laid
