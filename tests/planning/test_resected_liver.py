"""Volumes of cuts add up, margins and crossings are where geometry says, over awkward grids."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import LESION_MM, LIVER_MM, phantom

from planner.base.errors import InvalidValue
from planner.compute.outline_distance import OutlineDistance
from planner.compute.outline_nearness import OutlineNearness
from planner.model.resection import MarginCut, PatchCut, PlaneCut, Resection, SegmentsCut
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.model.vessel_tree import Branch, VesselTree
from planner.planning.excision import excised
from planner.planning.liver_classes import LESION, LiverClasses
from planner.planning.liver_ground import LiverGround
from planner.planning.resected_liver import ABLATED, CAUDATE, ResectedLiver
from planner.planning.resection_sides import set_column

SPACINGS = [(1.0, 1.0, 1.0), (0.8, 0.8, 2.5), (2.0, 2.0, 2.0)]


def ball_ml(radius: float) -> float:
    return 4.0 / 3.0 * np.pi * radius**3 / 1000.0


def cap_ml(radius: float, height: float) -> float:
    """Of a ball, what lies beyond a plane at a distance from its middle."""
    h = radius - height
    return np.pi * h**2 * (3 * radius - h) / 3000.0


def structures(spacing=(1.0, 1.0, 1.0)) -> StructureSet:
    return phantom(spacing).structures


def outline(of: StructureSet) -> OutlineDistance:
    mask, grid = of.cropped("lesion", 3.0)
    return OutlineNearness.of(OutlineDistance.of_mask(mask, grid))


def plane(offset: float, normal=(1.0, 0.0, 0.0), **rest) -> Resection:
    n = np.array(normal) / np.linalg.norm(normal)
    return Resection("r1", PlaneCut(tuple(offset * n), tuple(n)), **rest)


def net(offset: float, normal=(1.0, 0.0, 0.0), half=40.0) -> tuple:
    n = np.array(normal, float) / np.linalg.norm(normal)
    one = np.cross(n, np.eye(3)[int(np.argmin(np.abs(n)))])
    one /= np.linalg.norm(one)
    two = np.cross(n, one)
    at = np.linspace(-half, half, 4)
    points = n * offset + at[:, None, None] * one + at[None, :, None] * two
    return tuple(tuple(tuple(float(c) for c in p) for p in row) for row in points)


@pytest.fixture(scope="module", params=SPACINGS, ids=str)
def scene(request) -> tuple[StructureSet, LiverClasses]:
    found = structures(request.param)
    return found, LiverClasses.of(found)


@pytest.mark.parametrize("normal", [(1, 0, 0), (0.6, 0.64, 0.48), (1, -2, 2)])
@pytest.mark.parametrize("offset", [-15.0, 20.0])
@pytest.mark.parametrize("by_patch", [False, True])
def test_a_cap_of_a_ball(scene, normal, offset: float, by_patch: bool) -> None:
    set_, liver = scene
    cut = Resection("r1", PatchCut(net(offset, normal))) if by_patch else plane(offset, normal)
    found = ResectedLiver(liver, (cut,))
    taken, left = found.sum_ml()
    assert taken == pytest.approx(cap_ml(LIVER_MM, offset), rel=0.01)
    assert taken + left == pytest.approx(set_.volume_ml("liver"), rel=1e-12), "nothing is lost on the way"
    margin = found.margin(outline(set_))
    # The lesion is a ball of 10 mm about the origin; a voxel's outline is right to a fifth of a millimetre or so.
    assert margin.margin_mm == pytest.approx(abs(offset) - LESION_MM, abs=0.35)
    assert found.is_left("lesion") == (offset > 0)
    assert float(np.dot(margin.cut_lps_mm, normal) / np.linalg.norm(normal)) == pytest.approx(
        offset, abs=1e-6
    )


def test_a_cut_through_a_lesion_is_a_negative_margin(scene) -> None:
    set_, liver = scene
    found = ResectedLiver(liver, (plane(3.0),))
    # The deepest point of the plane in the ball lies 3 mm beside its middle.
    assert found.margin(outline(set_)).margin_mm == pytest.approx(3.0 - LESION_MM, abs=0.35)
    taken, left = found.lesion_ml("lesion")
    assert taken == pytest.approx(cap_ml(LESION_MM, 3.0), rel=0.03)
    assert taken + left == pytest.approx(set_.volume_ml("lesion"))
    assert not found.is_left("lesion")


def test_several_cuts_count_once(scene) -> None:
    set_, liver = scene
    one, two = plane(20.0), Resection("r2", PlaneCut((0.0, 30.0, 0.0), (0.0, 1.0, 0.0)))
    apart = [ResectedLiver(liver, (r,)).sum_ml()[0] for r in (one, two)]
    both = ResectedLiver(liver, (one, two)).sum_ml()[0]
    corner = sum(apart) - both
    x, y = np.meshgrid(np.arange(20.05, 60, 0.1), np.arange(30.05, 60, 0.1), indexing="ij")
    exact = 0.01 * 2 * np.sqrt(np.maximum(LIVER_MM**2 - x**2 - y**2, 0)).sum() / 1000.0
    assert corner == pytest.approx(exact, rel=0.015)
    assert ResectedLiver(liver, (one, one.__class__("r2", one.surface))).sum_ml()[0] == pytest.approx(
        apart[0]
    )
    # Its twin takes the whole of a cut's surface only where it lies beyond it.
    assert ResectedLiver(liver, (one, two)).margin(outline(set_)).margin_mm == pytest.approx(10.0, abs=0.35)


def test_segments_ablation_and_the_caudate() -> None:
    set_ = structures((2.0, 2.0, 2.0))
    liver = LiverClasses.of(set_)
    k, j, i = np.indices(liver.codes.shape)
    points = liver.grid.to_lps(np.stack([i, j, k], axis=-1).astype(float))
    right = np.where(points[..., 0] < -10.0, 0, -1)
    zone = np.where((points**2).sum(axis=-1) < 20.0**2, 0, -1)
    small = np.where((points[..., 1] > 40.0) & (points[..., 0] > 0), 0, -1)
    cut = Resection("r1", SegmentsCut(("right",)))
    liver = liver.with_column(set_column(cut), right).with_column(ABLATED, zone).with_column(CAUDATE, small)
    voxel = liver.grid.voxel_volume_ml
    inside = liver.codes >= 0
    found = ResectedLiver(liver, (cut,))
    assert found.sum_ml()[0] == pytest.approx((inside & (right == 0)).sum() * voxel)
    assert found.sum_ml(liver.chosen(ABLATED))[1] == pytest.approx(
        ((zone == 0) & (right < 0) & inside).sum() * voxel
    )
    taken = ResectedLiver(liver, (Resection("r1", cut.surface, caudate="specimen"),)).sum_ml()[0]
    assert taken == pytest.approx((inside & ((right == 0) | (small == 0))).sum() * voxel)
    beyond = Resection("r1", PlaneCut((0.0, 30.0, 0.0), (0.0, 1.0, 0.0)), caudate="remnant")
    kept = ResectedLiver(liver, (beyond,))
    assert kept.sum_ml(liver.chosen(CAUDATE))[0] == 0.0
    assert sum(kept.sum_ml()) == pytest.approx(inside.sum() * voxel)
    # The border of a set runs along its voxels: half a voxel's error.
    assert found.margin(outline(set_)).margin_mm < 1.5


@pytest.mark.parametrize("is_wedge", [False, True])
def test_excisions(is_wedge: bool) -> None:
    set_ = phantom((1.0, 1.0, 1.0), other=(Role.LESION, (38.0, 0.0, 0.0), 8.0)).structures
    liver = LiverClasses.of(set_)
    mask, grid = set_.cropped("other", 3.0)
    own = OutlineNearness.of(OutlineDistance.of_mask(mask, grid))
    cut = Resection("r1", MarginCut("other", 6.0, is_wedge))
    taken = excised(liver, cut.surface, own)
    found = ResectedLiver(liver.with_column(set_column(cut), np.where(taken, 0, -1)), (cut,))
    volume = found.sum_ml()[0]
    if is_wedge:
        # A rod of 14 mm radius from the half ball's middle plane to the capsule at 60 mm.
        k = np.linspace(0, 14.0, 4001)
        rod = np.trapezoid(2 * np.pi * k * (np.sqrt(60.0**2 - k**2) - 38.0), k) / 1000.0
        assert volume == pytest.approx(0.5 * ball_ml(14.0) + rod, rel=0.03)
    else:
        assert volume == pytest.approx(ball_ml(14.0), rel=0.02)
    assert found.lesion_ml("other")[1] == 0.0
    assert found.margin(own).margin_mm == pytest.approx(6.0, abs=0.6)
    assert found.is_left("lesion")


def test_vessels_that_are_crossed_and_pieces() -> None:
    set_ = structures((2.0, 2.0, 2.0))
    liver = LiverClasses.of(set_)
    x = np.linspace(-70.0, 70.0, 141)
    thick = Branch(0, None, np.column_stack([x, 0 * x, 0 * x]), np.full(141, 4.0), "main")
    thin = Branch(1, None, np.column_stack([x, 0 * x + 8, 0 * x]), np.full(141, 1.0))
    tree = VesselTree("portal", Role.PORTAL_VEIN, (thin, thick))
    found = ResectedLiver(liver, (plane(20.3),)).crossed([tree])
    assert [(v.title, v.diameter_mm) for v in found] == [("main", 8.0), ("branch 1", 2.0)]
    assert found[0].where_lps_mm == pytest.approx((20.5, 0.0, 0.0))
    assert ResectedLiver(liver, (plane(65.0),)).crossed([tree]) == (), "outside the liver nothing is crossed"
    slab = (plane(20.0), Resection("r2", PlaneCut((-20.0, 0.0, 0.0), (-1.0, 0.0, 0.0))))
    assert len(ResectedLiver(liver, slab).remnant_pieces_ml(0.5)) == 1
    middle = np.where(
        np.abs(liver.grid.to_lps(np.argwhere(liver.codes >= -1)[:, ::-1].astype(float))[:, 0]) < 8, 0, -1
    )
    cut = Resection("r1", SegmentsCut(("middle",)))
    parted = liver.with_column(set_column(cut), middle.reshape(liver.codes.shape))
    pieces = ResectedLiver(parted, (cut,)).remnant_pieces_ml(0.5)
    assert len(pieces) == 2
    assert pieces[0] == pytest.approx(pieces[1], rel=0.05)


def test_a_lesion_elsewhere_in_the_body_is_no_liver() -> None:
    """Territories and resections speak of the same liver."""
    near = (Role.LESION, (62.5, 0.0, 0.0), 4.0)
    set_ = phantom((2.0, 2.0, 2.0), near=near, far=(Role.LESION, (0.0, 80.0, 0.0), 5.0)).structures
    liver = LiverClasses.of(set_)
    assert liver.lesions == ("lesion", "near")
    volume = ResectedLiver(liver, ()).sum_ml()[1]
    assert volume == pytest.approx(LiverGround.of(set_).volume_ml)
    assert volume > set_.volume_ml("liver")
    assert ResectedLiver(liver, ()).lesion_ml("near")[1] == pytest.approx(set_.volume_ml("near"))


def test_what_cannot_be() -> None:
    set_ = structures((4.0, 4.0, 4.0))
    liver = LiverClasses.of(set_)
    assert ResectedLiver(liver, ()).sum_ml()[0] == 0.0
    assert ResectedLiver(liver, (plane(90.0),)).margin(outline(set_)) is None, "a cut that misses the liver"
    everything = ResectedLiver(liver, (plane(-90.0),))
    assert everything.sum_ml()[1] == pytest.approx(0.0, abs=1e-9), "a remnant of nothing"
    folded = np.array(net(0.0))
    folded[1], folded[2] = folded[2].copy(), folded[1].copy()
    rows = tuple(tuple(tuple(float(c) for c in p) for p in row) for row in folded)
    with pytest.raises(InvalidValue, match="folds") as caught:
        ResectedLiver(liver, (Resection("r7", PatchCut(rows)),)).sum_ml()
    assert "r7" in caught.value.thing
    with pytest.raises(InvalidValue, match="No liver is outlined"):
        LiverClasses.of(set_.without("liver"))
    with pytest.raises(InvalidValue, match="does not lie in the liver"):
        excised(liver, MarginCut("else", 5.0), outline(set_))
    with pytest.raises(InvalidValue, match="shape of the liver"):
        liver.with_column(LESION, np.zeros((2, 2, 2), dtype=int))
