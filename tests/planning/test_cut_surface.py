"""The cut's surface and its distance to lesions on balls, where areas and distances are known in closed form."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import LESION_MM, LIVER_MM, phantom

from planner.compute.clipped_mesh import areas_below_mm2, triangle_areas_mm2
from planner.compute.outline_distance import OutlineDistance
from planner.compute.outline_nearness import FINE_MM, OutlineNearness
from planner.model.resection import PatchCut, PlaneCut, Resection, SegmentsCut
from planner.planning.cut_surface import CUT_MARGIN, EXACT_MM, FAR_MM
from planner.planning.liver_classes import LiverClasses
from planner.planning.resected_liver import CAUDATE, ResectedLiver
from planner.planning.resection_sides import set_column

NORMALS = [(1.0, 0.0, 0.0), (0.6, 0.64, 0.48)]


@pytest.fixture(scope="module", params=[(1.0, 1.0, 1.0), (0.8, 0.8, 2.5)], ids=str)
def scene(request) -> tuple[LiverClasses, OutlineNearness]:
    set_ = phantom(request.param).structures
    mask, grid = set_.cropped("lesion", 3.0)
    return LiverClasses.of(set_), OutlineNearness.of(OutlineDistance.of_mask(mask, grid))


def plane(offset: float, normal=NORMALS[0], id: str = "r1", **rest) -> Resection:
    n = np.array(normal)
    return Resection(id, PlaneCut(tuple(offset * n), tuple(n)), **rest)


def patch(offset: float, normal) -> Resection:
    n = np.array(normal)
    one = np.cross(n, np.eye(3)[int(np.argmin(np.abs(n)))])
    one /= np.linalg.norm(one)
    at = np.linspace(-40.0, 40.0, 4)
    net = n * offset + at[:, None, None] * one + at[None, :, None] * np.cross(n, one)
    return Resection("r1", PatchCut(tuple(tuple(tuple(map(float, p)) for p in row) for row in net)))


def places(liver: LiverClasses) -> np.ndarray:
    k, j, i = np.indices(liver.codes.shape)
    return liver.grid.to_lps(np.stack([i, j, k], axis=-1).astype(float))


def by_set(liver: LiverClasses, taken: np.ndarray, id: str = "r1") -> tuple[LiverClasses, Resection]:
    cut = Resection(id, SegmentsCut((id,)))
    return liver.with_column(set_column(cut), np.where(taken, 0, -1)), cut


def normals(cut) -> np.ndarray:
    a, b, c = (cut.points_lps_mm[cut.triangles[:, n]] for n in range(3))
    return np.cross(b - a, c - a)


@pytest.mark.parametrize("normal", NORMALS)
@pytest.mark.parametrize("by_patch", [False, True])
def test_a_flat_cut_is_a_disc_coloured_by_distance(scene, normal, by_patch: bool) -> None:
    liver, outline = scene
    offset = 14.0
    made = patch(offset, normal) if by_patch else plane(offset, normal)
    resected = ResectedLiver(liver, (made,))
    (cut,) = resected.surfaces
    radius = np.sqrt(LIVER_MM**2 - offset**2)
    assert cut.area_cm2 == pytest.approx(np.pi * radius**2 / 100.0, rel=0.01)
    away = np.linalg.norm(cut.points_lps_mm - offset * np.array(normal), axis=1)
    assert away.max() == pytest.approx(radius, abs=0.8), "crisp at the liver's outline"
    assert (cut.points_lps_mm @ np.array(normal)) == pytest.approx(offset, abs=1e-6)
    assert (normals(cut) @ np.array(normal) >= 0).all(), "normals point to what is taken"
    own = resected.distances(0, {"lesion": outline})
    truth = np.hypot(away, offset) - LESION_MM
    is_near = truth < EXACT_MM
    assert np.abs(own.values_mm - truth)[is_near].max() < 0.35
    assert (own.values_mm <= truth + 0.4)[~is_near].all(), "farther ones are lower bounds"
    assert (own.values_mm >= EXACT_MM - 0.35)[~is_near].all()
    surface = cut.surface(own.values_mm)
    assert (surface.name, surface.unit, surface.subject) == (CUT_MARGIN, "mm", "r1")
    assert (surface.points_lps_mm.dtype, surface.triangles.dtype) == (np.float32, np.int32)
    assert own.least["lesion"].margin_mm == pytest.approx(4.0, abs=0.25)
    # Classes of a plane beside a ball: rings whose area is pi ((end + r)^2 - offset^2).
    ends = np.array([1.0, 5.0, 10.0])
    rings = np.clip((ends + LESION_MM) ** 2 - offset**2, 0.0, None) * np.pi / 100.0
    below = np.cumsum(cut.class_areas_cm2(own.values_mm))
    assert below[:3] == pytest.approx(rings, abs=0.35)
    assert below[3] == pytest.approx(cut.area_cm2)


def test_classes_are_exact_for_exact_distances(scene) -> None:
    """What triangles of 2.5 mm add to the error of the areas alone: distances between corners are a little too long."""
    liver, _ = scene
    (cut,) = ResectedLiver(liver, (plane(12.0),)).surfaces
    exact = np.linalg.norm(cut.points_lps_mm, axis=1) - LESION_MM
    rings = np.pi * np.array([15.0**2 - 12.0**2, 20.0**2 - 12.0**2]) / 100.0
    assert np.cumsum(cut.class_areas_cm2(exact))[1:3] == pytest.approx(rings, rel=0.025)


def test_no_lesion_taken_means_far(scene) -> None:
    liver, _ = scene
    own = ResectedLiver(liver, (plane(20.0),)).distances(0, {})
    assert (own.values_mm == FAR_MM).all()


def test_the_border_of_a_set_is_smooth(scene) -> None:
    liver, outline = scene
    normal = np.array(NORMALS[1])
    parted, cut = by_set(liver, places(liver) @ normal > 14.0)
    resected = ResectedLiver(parted, (cut,))
    (found,) = resected.surfaces
    assert found.area_cm2 == pytest.approx(np.pi * (LIVER_MM**2 - 14.0**2) / 100.0, rel=0.03)
    assert np.abs(found.points_lps_mm @ normal - 14.0).mean() < 0.25
    turned = normals(found) @ normal
    assert turned[turned > 0].sum() > 0.99 * np.abs(turned).sum()
    assert resected.distances(0, {"": outline}).least[""].margin_mm == pytest.approx(4.0, abs=0.6)
    everything, all_of_it = by_set(liver, liver.codes >= 0)
    assert not len(ResectedLiver(everything, (all_of_it,)).surfaces[0].triangles)


def test_two_cuts_share_no_surface(scene) -> None:
    liver, _ = scene
    both = ResectedLiver(liver, (plane(10.0), plane(20.0, (0.0, 1.0, 0.0), "r2"))).surfaces
    for cut, other, offset in ((both[0], 1, 20.0), (both[1], 0, 10.0)):
        assert cut.points_lps_mm[:, other].max() == pytest.approx(offset, abs=0.3)
        # Of a disc, the part on one side of a line.
        radius = np.sqrt(LIVER_MM**2 - (10.0 if other else 20.0) ** 2)
        segment = radius**2 * np.arccos(offset / radius) - offset * np.sqrt(radius**2 - offset**2)
        assert cut.area_cm2 == pytest.approx((np.pi * radius**2 - segment) / 100.0, rel=0.015)
    x = places(liver)[..., 0]
    one, first = by_set(liver, (x > 0) & (x < 20.0), "r1")
    two, second = by_set(one, x >= 20.0, "r2")
    near, beyond = ResectedLiver(two, (first, second)).surfaces
    assert near.area_cm2 == pytest.approx(np.pi * LIVER_MM**2 / 100.0, rel=0.03), "but not where both end"
    assert beyond.area_cm2 < 0.03 * near.area_cm2


@pytest.mark.parametrize("to", ["remnant", "specimen"])
def test_the_caudate_goes_where_it_is_given(scene, to: str) -> None:
    """A ball of 20 mm about (40, 0, 0) as the lobe, and a plane beside the lesion at x = 14, or beyond the lobe."""
    liver, outline = scene
    lobe = np.linalg.norm(places(liver) - (30.0, 0.0, 0.0), axis=-1) <= 14.0
    parted = liver.with_column(CAUDATE, np.where(lobe, 0, -1))
    offset = 14.0 if to == "remnant" else 50.0
    resected = ResectedLiver(parted, (plane(offset, caudate=to),))
    inside = np.array([(30.0, 0.0, 0.0), (52.0, 0.0, 0.0), (0.0, 30.0, 0.0)])
    assert resected.is_taken(inside).tolist() == [to == "specimen", True, False]
    own = resected.liver.chosen(CAUDATE)
    taken, left = resected.sum_ml(own)
    assert (taken, left)[to == "specimen"] == pytest.approx(0.0, abs=1e-9)
    whole = ResectedLiver(parted, (plane(offset),))
    ball, disc = 4 * np.pi * 14.0**2 / 100.0, whole.surfaces[0].area_cm2
    (cut,) = resected.surfaces
    assert cut.area_cm2 == pytest.approx(disc + ball, rel=0.04)
    centre = cut.points_lps_mm - (30.0, 0.0, 0.0)
    on_ball = np.abs(np.linalg.norm(centre, axis=1) - 14.0) < 1.0
    turn = np.einsum("ij,ij->i", normals(cut), centre[cut.triangles[:, 0]])[
        on_ball[cut.triangles].all(axis=1)
    ]
    assert (np.sign(turn) == (1.0 if to == "remnant" else -1.0)).mean() > 0.99
    assert resected.distances(0, {"": outline}).least[""].margin_mm == pytest.approx(
        4.0 if to == "remnant" else 6.0, abs=0.5
    )
    both = ResectedLiver(parted, (plane(14.0, caudate="specimen"), plane(50.0, id="r2", caudate="remnant")))
    assert both.caudate_to == "remnant", "given to both it stays"


def test_nearness_says_what_the_outline_says(scene) -> None:
    _, outline = scene
    points = np.random.default_rng(1).uniform(-25.0, 25.0, (4000, 3))
    truth = outline.distance.signed_distance_mm(points)
    found = outline.signed_distance_mm(points)
    near = np.abs(truth) < FINE_MM - 1.0
    assert np.abs(found - truth)[near].max() < 1e-9
    assert np.abs(found - truth).max() < 0.5
    assert np.abs(outline.signed_distance_mm(points, fine_mm=np.inf) - truth).max() < 1e-9


def test_area_below_a_level() -> None:
    """Of a right triangle with values along one leg, s^2 of its area lies beyond a share 1 - s of the leg."""
    points = np.array([(0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 2.0, 0.0)])
    triangles = np.array([[0, 1, 2]], dtype=np.int32)
    assert triangle_areas_mm2(points, triangles) == pytest.approx(1.0)
    for level in (-0.1, 0.0, 0.3, 1.0, 1.1):
        (below,) = areas_below_mm2(points, triangles, points[:, 0], np.array([level]))
        assert below == pytest.approx(1.0 - (1.0 - np.clip(level, 0, 1)) ** 2)
    flat = np.full(3, 2.0)
    assert areas_below_mm2(points, triangles, flat, np.array([2.0, 1.9])).tolist() == [1.0, 0.0]


def test_ids_come_back_in_order(scene) -> None:
    liver, _ = scene
    cuts = (plane(10.0, id="b"), replace(plane(-30.0, (-1.0, 0.0, 0.0)), id="a"))
    assert [c.resection for c in ResectedLiver(liver, cuts).surfaces] == ["b", "a"]
