"""Cuts made of what a hand draws, and moved by it: against planes, cylinders and paraboloids."""

from __future__ import annotations

import numpy as np
import pytest

from planner.base.errors import InvalidValue
from planner.compute.patch_surface import PatchSurface
from planner.model.geometry import Grid, unit_vector
from planner.model.points import as_point
from planner.model.resection import PatchCut, PlaneCut
from planner.planning.cut_drawing import (
    LiverPoints,
    centered,
    facing,
    heights_over,
    patch_along,
    patch_around,
    patch_over_plane,
    patch_through,
    plane_along,
    turned,
)
from planner.planning.cut_moving import (
    RIM_MM,
    bulged,
    pushed,
    rim_of,
    shifted,
    tilted,
    with_control_moved,
)
from planner.planning.liver_ground import LiverGround

_TURN = np.linalg.qr(np.array([[0.9, 0.3, 0.1], [-0.2, 0.9, 0.3], [0.1, -0.4, 0.8]]))[0]
GRIDS = {
    "anisotropic": Grid((40, 110, 140), (1.0, 1.2, 3.0), (-70.0, -66.0, -58.0)),
    "oblique": Grid((60, 110, 120), (1.5, 1.4, 2.1), (30.0, -80.0, -20.0), tuple(_TURN.ravel().tolist())),
}


@pytest.fixture(params=GRIDS)
def liver(request: pytest.FixtureRequest) -> LiverPoints:
    """An ellipsoid in the middle of a lattice."""
    grid = GRIDS[request.param]
    k, j, i = np.indices(grid.shape)
    kji = np.stack([k, j, i], axis=-1).reshape(-1, 3)
    at = grid.to_lps(kji[:, ::-1].astype(float)) - np.array(grid.center_lps_mm)
    mask = ((at / np.array([55.0, 45.0, 40.0])) ** 2).sum(axis=1) <= 1.0
    return LiverPoints.of(LiverGround.of_mask(grid, mask.reshape(grid.shape)))


def middle(liver: LiverPoints) -> np.ndarray:
    return np.asarray(liver.lps_mm.mean(axis=0))


def line(liver: LiverPoints, bend_mm: float = 0.0) -> np.ndarray:
    """A line across the middle along y, bent towards x; shaken by a hand's half a millimetre."""
    y = np.linspace(-40.0, 40.0, 60)
    shaken = np.random.default_rng(3).normal(0.0, 0.2, (60, 3))
    return middle(liver) + np.column_stack([bend_mm * (1 - (y / 40.0) ** 2), y, 0 * y]) + shaken


def test_points_stand_for_the_same_volume_everywhere(liver: LiverPoints) -> None:
    share = float(np.mean(liver.lps_mm[:, 0] > middle(liver)[0]))
    assert share == pytest.approx(0.5, abs=0.03)


def test_a_plane_goes_through_the_line_and_straight_into_the_picture(liver: LiverPoints) -> None:
    towards = (0.0, 0.0, 1.0)
    plane = plane_along(line(liver), towards, liver)
    assert abs(float(np.array(plane.normal_lps) @ towards)) < 1e-9
    assert np.abs(plane.distance_mm(line(liver))).max() < 1.0
    assert np.linalg.norm(np.array(plane.point_lps_mm) - middle(liver)) < 6.0


def test_a_straight_line_gives_a_flat_patch(liver: LiverPoints) -> None:
    patch, plane = (make(line(liver), (0.0, 0.0, 1.0), liver) for make in (patch_along, plane_along))
    heights = heights_over(patch, liver.lps_mm, liver.reach_mm)
    signed = plane.distance_mm(liver.lps_mm)
    turn = np.sign(float((heights * signed).sum()))
    assert np.abs(heights - turn * signed).max() < 2.5
    assert np.abs(heights - turn * signed)[np.abs(signed) < 15].max() < 1.0


def test_a_bent_line_gives_a_patch_through_it_into_the_depth(liver: LiverPoints) -> None:
    drawn = line(liver, 12.0)
    patch = patch_along(drawn, (0.0, 0.0, 1.0), liver)
    for depth in (-25.0, 0.0, 25.0):
        at = drawn + np.array([0.0, 0.0, depth])
        assert np.abs(heights_over(patch, at, liver.reach_mm)).max() < 1.5


def test_a_line_drawn_backwards_gives_the_same_plane(liver: LiverPoints) -> None:
    one, two = (plane_along(drawn, (0.0, 0.0, 1.0), liver) for drawn in (line(liver), line(liver)[::-1]))
    assert abs(float(np.array(one.normal_lps) @ np.array(two.normal_lps))) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("make", [plane_along, patch_along])
def test_a_slip_of_the_hand_is_no_cut(make: object, liver: LiverPoints) -> None:
    short = middle(liver) + np.array([[0.0, 0.0, 0.0], [0.0, 6.0, 0.0]])
    into = middle(liver) + np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 60.0]])
    for drawn in (short, into, short[:1]):
        with pytest.raises(InvalidValue, match="too short"):
            make(drawn, (0.0, 0.0, 1.0), liver)  # type: ignore[operator]


def test_a_cut_takes_the_smaller_part_or_the_one_asked_for(liver: LiverPoints) -> None:
    plane = PlaneCut(as_point(middle(liver) + [20.0, 0.0, 0.0]), (-1.0, 0.0, 0.0))
    small = facing(plane, liver, None)
    assert small.normal_lps == (1.0, 0.0, 0.0)
    asked = facing(plane, liver, middle(liver)[None])
    assert asked.normal_lps == (-1.0, 0.0, 0.0)
    patch = patch_over_plane(plane, liver)
    for cut in (patch, turned(patch)):
        found = facing(cut, liver, None)
        assert np.mean(heights_over(found, liver.lps_mm, liver.reach_mm) > 0) < 0.5


def test_a_patch_over_a_plane_lies_on_it(liver: LiverPoints) -> None:
    plane = PlaneCut(as_point(middle(liver)), as_point(unit_vector(np.array([1.0, 0.4, -0.3]))))
    patch = patch_over_plane(plane, liver)
    assert np.abs(plane.distance_mm(patch.control.reshape(-1, 3))).max() < 1e-9


def test_a_plane_that_misses_the_liver_stays_where_it_is(liver: LiverPoints) -> None:
    plane = PlaneCut(as_point(middle(liver) + [500.0, 0.0, 0.0]), (1.0, 0.0, 0.0))
    assert centered(plane, liver) == plane


@pytest.mark.parametrize("towards", [None, (0.2, -0.1, 1.0)])
def test_a_boundary_is_fitted(towards: tuple[float, float, float] | None) -> None:
    rng = np.random.default_rng(5)
    flat = rng.uniform(-50, 50, (3000, 2))
    height = 0.004 * (flat**2).sum(axis=1)
    noise = rng.normal(0, 0.5, 3000)
    points = np.column_stack([flat, height + noise]) + np.array([10.0, -20.0, 5.0])
    patch = patch_through(points, 300.0, towards_lps=towards)
    exact = np.column_stack([flat, height]) + np.array([10.0, -20.0, 5.0])
    inner = (np.abs(flat) < 40).all(axis=1)
    off = PatchSurface.through(patch.control, 300.0).height_mm(exact[inner])
    assert np.abs(off).mean() < 0.5
    assert np.abs(off).max() < 2.0


def test_a_deep_bowl_is_smoothed_until_it_does_not_fold() -> None:
    flat = np.random.default_rng(6).uniform(-30, 30, (2000, 2))
    bowl = np.column_stack([flat, 0.06 * (flat**2).sum(axis=1)])
    wavy = np.column_stack([flat, 25.0 * np.sin(flat[:, 0] / 6.0) * np.cos(flat[:, 1] / 5.0)])
    for points in (bowl, wavy):
        patch = patch_through(points, 600.0, 7, (0.0, 0.0, 1.0))
        assert len(PatchSurface.through(patch.control, 600.0).triangles)


@pytest.mark.parametrize("out", [(0.0, 0.0, 1.0), (0.6, -0.3, 0.7)])
@pytest.mark.parametrize("axes", [(12.0, 12.0, 12.0), (25.0, 10.0, 8.0)])
def test_a_bowl_keeps_the_margin_and_opens_outwards(
    axes: tuple[float, float, float], out: tuple[float, float, float]
) -> None:
    ways = np.random.default_rng(7).normal(size=(1500, 3))
    points = ways / np.linalg.norm(ways, axis=1)[:, None] * np.array(axes) + np.array([5.0, -8.0, 20.0])
    patch = patch_around(points, 10.0, out, 500.0, 7)
    surface = PatchSurface.through(patch.control, 500.0)
    corners = surface.inner_points_lps_mm.reshape(-1, 3)
    least = np.linalg.norm(points[:, None] - corners[None], axis=-1).min()
    assert 9.7 <= least < 14.0
    turn = np.sign(float(surface.normal_lps @ np.array(out)))
    assert (turn * surface.height_mm(points) > 0).all()
    assert (turn * surface.height_mm(points - 60.0 * unit_vector(np.array(out))) < 0).all()


def test_few_points_are_no_boundary() -> None:
    with pytest.raises(InvalidValue, match="more points"):
        patch_through(np.zeros((4, 3)), 300.0)


PLANE = PlaneCut((5.0, -3.0, 2.0), as_point(unit_vector(np.array([0.3, -0.2, 0.9]))))


@pytest.mark.parametrize("rim", range(4))
def test_a_tilted_plane_goes_through_its_point_and_the_moved_rim(rim: int) -> None:
    by = 12.0 * np.array(PLANE.normal_lps) + np.array([1.0, 2.0, 0.0])
    found = tilted(PLANE, rim, as_point(by))
    place = np.array(rim_of(PLANE)[rim])
    along = by - float(by @ PLANE.normal_lps) * np.array(PLANE.normal_lps)
    before = place - np.array(PLANE.point_lps_mm)
    slid = place + float(along @ before) / RIM_MM**2 * before + 12.0 * np.array(PLANE.normal_lps)
    slid = slid + float((by - along) @ PLANE.normal_lps - 12.0) * np.array(PLANE.normal_lps)
    assert found.point_lps_mm == PLANE.point_lps_mm
    assert abs(float(found.distance_mm(slid[None])[0])) < 1e-9


def test_a_rim_pulled_onto_the_middle_turns_nothing() -> None:
    rim = np.array(rim_of(PLANE)[0])
    assert tilted(PLANE, 0, as_point(np.array(PLANE.point_lps_mm) - rim)) == PLANE


def test_a_plane_is_pushed_along_its_normal_alone() -> None:
    normal = np.array(PLANE.normal_lps)
    across = np.cross(normal, [1.0, 0.0, 0.0])
    found = pushed(PLANE, as_point(7.0 * normal + 20.0 * across))
    assert np.array(found.point_lps_mm) == pytest.approx(np.array(PLANE.point_lps_mm) + 7.0 * normal)
    whole = shifted(PLANE, as_point(7.0 * normal + 20.0 * across))
    assert whole.distance_mm(np.array([found.point_lps_mm])) == pytest.approx([0.0], abs=1e-9)


def flat_patch() -> PatchCut:
    side = np.linspace(-40.0, 40.0, 5)
    net = np.stack([*np.meshgrid(side, side, indexing="ij"), np.zeros((5, 5))], axis=-1)
    return PatchCut(tuple(tuple(as_point(p) for p in row) for row in net))


@pytest.mark.parametrize("at", [(0.0, 0.0, 0.0), (10.0, -10.0, 0.0), (-31.0, 22.0, 0.0), (40.0, 40.0, 0.0)])
def test_a_bulged_patch_follows_the_hand(at: tuple[float, float, float]) -> None:
    patch = flat_patch()
    normal = PatchSurface.through(patch.control, 100.0).normal_lps
    bent = bulged(patch, at, as_point(10.0 * normal + np.array([4.0, 0.0, 0.0])), normal)
    rise = -PatchSurface.through(bent.control, 100.0).height_mm(np.array([at]))[0]
    assert rise == pytest.approx(10.0, abs=2.5)
    far = np.linalg.norm(patch.control - np.array(at), axis=-1) > 55
    assert np.abs((bent.control - patch.control)[far]).max(initial=0.0) < 2.0


def test_one_control_point_is_moved_and_never_onto_another() -> None:
    patch = flat_patch()
    moved = with_control_moved(patch, 2, 2, (1.0, 2.0, 9.0))
    change = moved.control - patch.control
    assert change[2, 2] == pytest.approx([1.0, 2.0, 9.0])
    assert np.count_nonzero(np.abs(change).sum(axis=-1)) == 1
    with pytest.raises(InvalidValue, match="coincide"):
        with_control_moved(patch, 2, 2, (20.0, 0.0, 0.0))
