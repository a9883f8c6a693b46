"""Planes and patches made of what a hand draws: a line on the liver, a boundary, a side that is taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.compute.patch_surface import PatchSurface
from planner.model.geometry import FloatArray, Grid, unit_vector
from planner.model.points import Point, as_point
from planner.model.resection import MOST_CONTROLS, PatchCut, PlaneCut
from planner.planning.liver_ground import LiverGround

#: Points of the liver so far apart decide extents and sides.
POINT_STEP_MM = 4.0
#: A line that is drawn shorter than this is a slip of the hand.
SHORTEST_MM = 10.0
#: Control points along a line that is drawn and into the depth; and both ways over a boundary.
ALONG, DEEP, OVER = 5, 5, 5
#: A patch reaches this far beyond the liver on its way into the depth.
BEYOND_MM = 5.0
#: A boundary is fitted by so many of its points, each allowed to lie off by about this.
MOST_FITTED, FIT_OFF_MM = 500, 2.0
#: A bowl around a lesion is made of so many of its points, with a wall as steep as may be; it is lowered so often.
MOST_AROUND, WALLS_DEG, LOWERED_TIMES = 800, (60.0, 50.0, 40.0, 30.0, 20.0), 8
#: So many times as smooth where the fit before it folds.
SMOOTHER = (1.0, 8.0, 64.0, 512.0, 4096.0, 1e9)


@dataclass(frozen=True, eq=False)
class LiverPoints:
    """A liver as points spread evenly through it, each as large as the others.

    Parameters
    ----------
    lps_mm
        (n, 3).
    reach_mm
        Farther than this apart no two places of the liver are.
    """

    lps_mm: FloatArray
    reach_mm: float

    @classmethod
    def of(cls, ground: LiverGround) -> LiverPoints:
        """Of a liver's voxels."""
        grid: Grid = ground.grid
        steps = [max(1, round(POINT_STEP_MM / s)) for s in grid.spacing_mm[::-1]]
        kept = ground.mask[:: steps[0], :: steps[1], :: steps[2]]
        kji = np.argwhere(kept) * np.array(steps)
        if not len(kji):  # a liver thinner than the step
            kji = np.argwhere(ground.mask)
        size = np.array(grid.shape[::-1]) * np.array(grid.spacing_mm)
        return cls(grid.to_lps(kji[:, ::-1].astype(float)), 2.0 * float(np.linalg.norm(size)))


def plane_along(line_lps_mm: FloatArray, towards_lps: Point, liver: LiverPoints) -> PlaneCut:
    """The plane through a line (n, 3) that is drawn, going straight into the picture.

    Parameters
    ----------
    line_lps_mm
        Points in the order they are drawn.
    towards_lps
        The direction the view looks in.
    liver
        The plane's point is put into the middle of the liver it cuts.

    Raises
    ------
    InvalidValue
        If the line is too short.
    """
    along, deep = _directions(line_lps_mm, towards_lps)
    plane = PlaneCut(as_point(line_lps_mm.mean(axis=0)), as_point(np.cross(along, deep)))
    return centered(plane, liver)


def centered(plane: PlaneCut, liver: LiverPoints) -> PlaneCut:
    """The same plane with its point in the middle of the liver it cuts; as it is where it cuts none."""
    near = liver.lps_mm[np.abs(plane.distance_mm(liver.lps_mm)) <= POINT_STEP_MM]
    if not len(near):
        return plane
    middle = near.mean(axis=0)
    off = float(plane.distance_mm(middle[None])[0])
    return replace(plane, point_lps_mm=as_point(middle - off * np.array(plane.normal_lps)))


def patch_along(line_lps_mm: FloatArray, towards_lps: Point, liver: LiverPoints) -> PatchCut:
    """The surface through a line (n, 3) that is drawn, going straight into the picture through the liver.

    Raises
    ------
    InvalidValue
        If the line is too short.
    """
    _, deep = _directions(line_lps_mm, towards_lps)
    line = _evenly(line_lps_mm - np.outer(line_lps_mm @ deep, deep), ALONG)
    depths = liver.lps_mm @ deep
    # Only liver near the line counts: a long left lobe must not pull the surface far behind.
    flat = liver.lps_mm - np.outer(depths, deep)
    away = np.min(np.linalg.norm(flat[:, None] - line[None], axis=-1), axis=1)
    near = depths[away <= max(2.0 * POINT_STEP_MM, float(away.min()) + POINT_STEP_MM)]
    rows = np.linspace(float(near.min()) - BEYOND_MM, float(near.max()) + BEYOND_MM, DEEP)
    return _patch(line[:, None, :] + rows[None, :, None] * deep)


def patch_over_plane(plane: PlaneCut, liver: LiverPoints) -> PatchCut:
    """A flat patch where a plane cuts the liver, to be bent."""
    normal = np.array(plane.normal_lps)
    points = liver.lps_mm[np.abs(plane.distance_mm(liver.lps_mm)) <= POINT_STEP_MM]
    if len(points) < 3:
        points = liver.lps_mm
    frame = _Frame.over(points, np.array(plane.point_lps_mm), normal)
    return frame.patch(points, OVER, lambda flat: np.zeros(len(flat)))


def patch_through(
    points_lps_mm: FloatArray, reach_mm: float, controls: int = OVER, towards_lps: Point | None = None
) -> PatchCut:
    """A smooth patch through the points (n, 3) of a boundary, such as that of segments.

    Heights over the boundary's plane are smoothed by thin plates (Duchon 1977; scipy's RBFInterpolator), as much
    as it takes for the patch not to fold where it is carried on.

    Parameters
    ----------
    reach_mm
        So far it is carried on beyond its border.
    controls
        Control points each way.
    towards_lps
        Over which plane, by its normal; that of least spread where left out.

    Raises
    ------
    InvalidValue
        If there are too few points for a surface, or it folds however smooth it is.
    """
    from scipy.interpolate import RBFInterpolator

    if len(points_lps_mm) < 10:
        raise InvalidValue("A boundary needs more points.", f"{len(points_lps_mm)} points")
    middle = points_lps_mm.mean(axis=0)
    if towards_lps is None:
        _, _, directions = np.linalg.svd(points_lps_mm - middle, full_matrices=False)
        normal = np.asarray(directions[2])
    else:
        normal = unit_vector(np.array(towards_lps))
    few = points_lps_mm[:: max(1, len(points_lps_mm) // MOST_FITTED)]
    frame = _Frame.over(points_lps_mm, middle, normal)
    for more in SMOOTHER:
        smoothing = more * len(few) * FIT_OFF_MM
        heights = RBFInterpolator(frame.flat(few), (few - middle) @ normal, smoothing=smoothing, degree=1)
        patch = frame.patch(points_lps_mm, controls, heights)
        try:
            PatchSurface.through(patch.control, reach_mm)
        except InvalidValue:
            if more == SMOOTHER[-1]:
                raise
        else:
            break
    return patch


def patch_around(
    points_lps_mm: FloatArray, margin_mm: float, out_lps: Point, reach_mm: float, controls: int
) -> PatchCut:
    """A bowl that opens in a direction and stays a margin away from all points (n, 3); what lies in it is taken.

    It is the lower envelope of balls of the margin about the points, each carried on upwards as a cone along
    its tangent, read at the control points and lowered until no point is nearer than the margin.

    Parameters
    ----------
    out_lps
        Towards which it opens.
    controls
        Control points each way.

    Raises
    ------
    InvalidValue
        If it folds, however flat its wall.
    """
    from scipy.spatial import cKDTree

    out = unit_vector(np.array(out_lps))
    few = points_lps_mm[:: max(1, len(points_lps_mm) // MOST_AROUND)]
    middle = few.mean(axis=0)
    frame = _Frame.over(few, middle, out)
    own, heights = frame.flat(few), (few - middle) @ out
    rim = frame.flat(few)
    low, high = rim.min(axis=0) - margin_mm, rim.max(axis=0) + margin_mm
    sides = [np.linspace(a, b, controls) for a, b in zip(low, high, strict=True)]
    net = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 2)
    away = np.linalg.norm(net[:, None] - own[None], axis=-1)
    for wall in np.radians(WALLS_DEG):
        floor = np.minimum(away, margin_mm * np.sin(wall))
        cone = np.tan(wall) * (away - floor)
        rise = (heights[None] - np.sqrt(margin_mm**2 - floor**2) + cone).min(axis=1)
        try:
            for _ in range(LOWERED_TIMES):
                placed = middle + net[:, :1] * frame.one + net[:, 1:] * frame.two + rise[:, None] * out
                patch = _patch(placed.reshape(controls, controls, 3))
                surface = PatchSurface.through(patch.control, reach_mm)
                corners = surface.points_lps_mm.reshape(-1, 3)
                away_mm, _ = cKDTree(corners).query(points_lps_mm)
                short = margin_mm - float(np.min(away_mm))
                if short <= 0:
                    break
                rise = rise - short / np.cos(wall)
        except InvalidValue:
            if wall == np.radians(WALLS_DEG[-1]):
                raise
        else:
            break
    return patch


def facing(
    cut: PlaneCut | PatchCut, liver: LiverPoints, taken_lps_mm: FloatArray | None
) -> PlaneCut | PatchCut:
    """The cut turned so that most of some points (n, 3) are taken; without any, the smaller part of the liver.

    Raises
    ------
    InvalidValue
        If a patch folds.
    """
    if taken_lps_mm is not None and len(taken_lps_mm):
        is_right = float(np.mean(heights_over(cut, taken_lps_mm, liver.reach_mm) > 0)) >= 0.5
    else:
        is_right = float(np.mean(heights_over(cut, liver.lps_mm, liver.reach_mm) > 0)) <= 0.5
    return cut if is_right else turned(cut)


def turned(cut: PlaneCut | PatchCut) -> PlaneCut | PatchCut:
    """The cut that takes the other side."""
    if isinstance(cut, PlaneCut):
        return replace(cut, normal_lps=as_point(-np.array(cut.normal_lps)))
    return PatchCut(cut.control_lps_mm[::-1])


def heights_over(cut: PlaneCut | PatchCut, points_lps_mm: FloatArray, reach_mm: float) -> FloatArray:
    """How far points (n, 3) lie beyond a cut, positive where they are taken; zero on it, (n,).

    Raises
    ------
    InvalidValue
        If a patch folds.
    """
    if isinstance(cut, PlaneCut):
        return cut.distance_mm(points_lps_mm)
    return patch_surface(cut, reach_mm).height_mm(points_lps_mm)


@lru_cache(maxsize=8)
def patch_surface(cut: PatchCut, reach_mm: float) -> PatchSurface:
    """A patch carried on by a reach beyond its control points; the last few are kept, since each view asks.

    Raises
    ------
    InvalidValue
        If it folds.
    """
    return PatchSurface.through(cut.control, reach_mm)


def _directions(line: FloatArray, towards_lps: Point) -> tuple[FloatArray, FloatArray]:
    """Along a line across a view, and the view's direction; unit vectors at right angles."""
    deep = unit_vector(np.array(towards_lps, dtype=float))
    flat = line - np.outer(line @ deep, deep)
    length = float(np.linalg.norm(flat.max(axis=0) - flat.min(axis=0))) if len(flat) else 0.0
    if length < SHORTEST_MM:
        raise InvalidValue(
            "This line is too short for a cut.",
            f"{length:.0f} mm; {SHORTEST_MM:g} mm are needed",
            "Press at one end of the cut and draw to its other end.",
        )
    _, _, directions = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)
    along = unit_vector(directions[0] - float(directions[0] @ deep) * deep)
    if float(along @ (flat[-1] - flat[0])) < 0:
        along = -along
    return along, deep


def _evenly(line: FloatArray, count: int) -> FloatArray:
    """So many points along a line (n, 3), evenly spread, with the hand's shaking smoothed away."""
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    kept = np.concatenate([[True], steps > 0])
    at = np.concatenate([[0.0], np.cumsum(steps)])[kept]
    fine = np.linspace(0.0, at[-1], 4 * count + 1)
    points = np.column_stack([np.interp(fine, at, line[kept, a]) for a in range(3)])
    for _ in range(8):
        points[1:-1] = 0.25 * points[:-2] + 0.5 * points[1:-1] + 0.25 * points[2:]
    wanted = np.linspace(0, 4 * count, count)
    return np.column_stack([np.interp(wanted, np.arange(4 * count + 1), points[:, a]) for a in range(3)])


@dataclass(frozen=True, eq=False)
class _Frame:
    """A plane with two directions in it."""

    origin: FloatArray
    normal: FloatArray
    one: FloatArray
    two: FloatArray

    @classmethod
    def over(cls, points: FloatArray, origin: FloatArray, normal: FloatArray) -> _Frame:
        """The first direction is the one along which points spread most."""
        flat = points - origin - np.outer((points - origin) @ normal, normal)
        _, _, directions = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)
        one = unit_vector(directions[0] - float(directions[0] @ normal) * normal)
        return cls(origin, normal, one, np.cross(normal, one))

    def flat(self, points: FloatArray) -> FloatArray:
        """Coordinates in the plane, (n, 2)."""
        return np.column_stack([(points - self.origin) @ self.one, (points - self.origin) @ self.two])

    def patch(
        self, points: FloatArray, controls: int, height: Callable[[FloatArray], FloatArray]
    ) -> PatchCut:
        """Control points at heights over the plane, spread over points."""
        low, high = np.percentile(self.flat(points), [2, 98], axis=0)
        count = min(controls, MOST_CONTROLS)
        # One wide at least: a boundary may be a strip.
        sides = [np.linspace(a, max(b, a + POINT_STEP_MM), count) for a, b in zip(low, high, strict=True)]
        net = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 2)
        rise = height(net)[:, None] * self.normal
        placed = self.origin + net[:, :1] * self.one + net[:, 1:] * self.two + rise
        return _patch(placed.reshape(count, count, 3))


def _patch(net: npt.NDArray[np.float64]) -> PatchCut:
    return PatchCut(tuple(tuple(as_point(p) for p in row) for row in net))
