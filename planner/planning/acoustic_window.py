"""The window of the skin a focused beam enters by: what its rays meet, and where it is best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from planner.base.errors import InvalidValue
from planner.compute.foci_union import beam_frame
from planner.model.assessment import Confidence
from planner.model.geometry import FloatArray
from planner.model.plan import FocusGrid, Point
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.planning.access import AccessMap
from planner.planning.access_rules import Hazard, Refusal
from planner.planning.anatomy import EXPECTED
from planner.planning.constants import Constant

#: Samples along a ray are so far apart; rays run from no more points of the window to no more foci.
RAY_STEP_MM = 1.0
WINDOW_POINTS, FOCUS_POINTS = 48, 64
#: Structures that hold gas, which sound does not pass.
GAS_ROLES = (Role.LUNG, Role.BOWEL, Role.DUODENUM, Role.STOMACH)
#: A window's rays pass bone, and lung and organs, at this distance or more.
WINDOW_CLEARANCE = Constant(
    3.0, "mm", "rays of a proposed window pass bone and gas so far", Confidence.OUR_RULE
)
#: Beams of two windows to choose from differ so much; one worth less than this share of the best is no choice.
WINDOWS_APART_DEG, WORTH_SHARE = 25.0, 0.5


@dataclass(frozen=True)
class BeamReport:
    """What the rays from a window to the foci meet.

    Parameters
    ----------
    rays
        How many were followed, the outermost foci among them.
    bone_percent, gas_percent, blocked_percent
        Share of the rays that meet bone, gas, or either.
    bone, gas
        A structure that is met and a place on it; None without.
    unscanned_percent
        Share of the rays that leave the scan.
    deepest_mm, shallowest_mm
        From the window's middle to the farthest focus, and from the skin to the nearest.
    span_across_mm, span_along_mm
        How far the foci reach from their middle, across and along the beam.
    unchecked
        Bone and gas that is not segmented and may lie in the beam unseen, in words.
    """

    rays: int
    bone_percent: float
    gas_percent: float
    blocked_percent: float
    bone: tuple[str, Point] | None
    gas: tuple[str, Point] | None
    unscanned_percent: float
    deepest_mm: float
    shallowest_mm: float
    span_across_mm: float
    span_along_mm: float
    unchecked: tuple[str, ...] = ()


@lru_cache(maxsize=4)
def judge_beam(structures: StructureSet, grid: FocusGrid) -> BeamReport:
    """Follow rays from the points of a window to the foci; of many points those farthest apart."""
    foci = np.array(grid.foci_lps_mm)
    window = np.array(grid.window_lps_mm if grid.has_window else [grid.window_middle_lps_mm])
    local = (foci - np.array(grid.middle_lps_mm)) @ beam_frame(grid.direction)
    to_middle = np.linalg.norm(foci - np.array(grid.window_middle_lps_mm), axis=1)
    nearest, _ = cKDTree(window).query(foci)
    rows, foci = _spread_out(window, WINDOW_POINTS), _spread_out(foci, FOCUS_POINTS)
    names = [
        [s.name for s in structures.with_role(*roles) if not structures.box(s.name).is_empty]
        for roles in ((Role.BONE,), GAS_ROLES)
    ]
    meets = np.zeros((2, len(rows), len(foci)), dtype=bool)
    leaves = np.zeros((len(rows), len(foci)), dtype=bool)
    first: list[tuple[str, Point] | None] = [None, None]
    for row, start in enumerate(rows):
        steps = max(2, math.ceil(float(np.linalg.norm(foci - start, axis=1).max()) / RAY_STEP_MM))
        share = ((np.arange(steps) + 0.5) / steps)[None, :, None]
        points = (start + share * (foci - start)[:, None]).reshape(-1, 3)
        leaves[row] = (~structures.grid.contains(points)).reshape(len(foci), steps).any(axis=1)
        for kind, group in enumerate(names):
            for name in group:
                hit = inside_any(structures, [name], points)
                if hit.any():
                    meets[kind, row] |= hit.reshape(len(foci), steps).any(axis=1)
                    first[kind] = first[kind] or (name, _point(points[int(np.argmax(hit))]))
    return BeamReport(
        meets[0].size,
        100.0 * float(meets[0].mean()),
        100.0 * float(meets[1].mean()),
        100.0 * float(meets.any(axis=0).mean()),
        first[0],
        first[1],
        100.0 * float(leaves.mean()),
        float(to_middle.max()),
        float(np.min(nearest)),
        float(np.linalg.norm(local[:, :2], axis=1).max()),
        float(np.abs(local[:, 2]).max()),
        unchecked_obstacles(structures),
    )


def unchecked_obstacles(structures: StructureSet) -> tuple[str, ...]:
    """Bone and organs with gas that are not segmented, in words."""
    present = {s.role for s in structures.structures if not structures.box(s.name).is_empty}
    return tuple(t for role, t in EXPECTED if role in (Role.BONE, *GAS_ROLES) and role not in present)


def usable_window(access: AccessMap, radius_mm: float, deepest_mm: float) -> tuple[Point, ...]:
    """The best of `usable_windows`."""
    return usable_windows(access, radius_mm, deepest_mm, 1)[0]


def usable_windows(
    access: AccessMap, radius_mm: float, deepest_mm: float, count: int
) -> tuple[tuple[Point, ...], ...]:
    """Patches of skin through which a target is seen, the best first: points whose rays pass bone and gas.

    The worth of a patch is its open skin over the square of its distance.  Beams of any two patches
    differ by `WINDOWS_APART_DEG`; a further one is shown only if it is worth half of the best.

    Parameters
    ----------
    access
        The map of the lesion's middle.
    radius_mm
        Of the beam at the skin.
    deepest_mm
        The farthest focus the transducer reaches.
    count
        At most so many.

    Raises
    ------
    InvalidValue
        If no part of the skin sees the target.
    """
    clearance = np.nan_to_num(access.clearance_mm, nan=np.inf)
    outside = np.uint16(Refusal.NOT_STRAIGHT.bit | Refusal.UNSCANNED.bit | Refusal.TABLE.bit)
    is_open = (access.broken & outside) == 0
    for hazard in (Hazard.BONE, Hazard.ORGAN, Hazard.LUNG):
        is_open &= clearance[:, hazard] >= WINDOW_CLEARANCE.value
    is_open &= access.length_mm <= deepest_mm
    seen = np.flatnonzero(is_open)
    if len(seen) < 3:
        raise InvalidValue(
            "No part of the skin sees the lesion past bone and gas.",
            access.lesion,
            "Change the position of the patient, or treat it with a needle.",
        )
    points = access.points_lps_mm[seen].astype(float)
    worth = access.areas_mm2[seen].astype(float) / access.length_mm[seen].astype(float) ** 2
    tree = cKDTree(points)
    middles = points[:: max(1, len(points) // 600)]
    patches = tree.query_ball_point(middles, radius_mm, return_sorted=True)
    values = np.array([float(worth[patch].sum()) for patch in patches])
    beams = np.stack([points[patch].mean(axis=0) for patch in patches]) - np.array(access.target_lps_mm)
    beams /= np.linalg.norm(beams, axis=1, keepdims=True)
    chosen: list[int] = []
    for n in np.argsort(-values, kind="stable"):
        is_worth = values[n] >= WORTH_SHARE * values.max() and len(patches[n]) >= 3
        if not chosen or (
            is_worth and (beams[chosen] @ beams[n]).max() < math.cos(math.radians(WINDOWS_APART_DEG))
        ):
            chosen.append(int(n))
        if len(chosen) == count:
            break
    return tuple(tuple(_point(p) for p in _spread_out(points[patches[n]], WINDOW_POINTS)) for n in chosen)


def _spread_out(points: FloatArray, count: int) -> FloatArray:
    """At most so many of the points, the middle one first, each the farthest from those before it."""
    chosen = [int(np.argmin(np.linalg.norm(points - points.mean(axis=0), axis=1)))]
    gap = np.full(len(points), np.inf)
    while len(chosen) < min(count, len(points)):
        gap = np.minimum(gap, np.linalg.norm(points - points[chosen[-1]], axis=1))
        chosen.append(int(np.argmax(gap)))
    return np.asarray(points[chosen])


def inside_any(structures: StructureSet, names: Sequence[str], points: FloatArray) -> npt.NDArray[np.bool_]:
    """Which points (n, 3) lie in any of these structures."""
    ijk = np.rint(structures.grid.to_ijk(points)).astype(np.int32)
    scanned = np.all((ijk >= 0) & (ijk < np.array(structures.grid.shape[::-1])), axis=1)
    inside = np.zeros(len(points), dtype=bool)
    i, j, k = ijk[scanned].T
    for name in names:
        structure = structures[name]
        inside[scanned] |= structures.layers[structure.layer][k, j, i] == structure.label
    return inside


def _point(values: npt.NDArray[np.float64]) -> Point:
    return float(values[0]), float(values[1]), float(values[2])
