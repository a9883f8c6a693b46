"""Couinaud's segments from named branches and from planes: known shapes, whole to the voxel."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage as ndi

sys.path.insert(0, str(Path(__file__).resolve().parent))
from liver_shapes import branch, hepatic, lattice, organ, places, portal

from planner.base.errors import InvalidValue
from planner.compute.label_pieces import border_area_mm2, majority
from planner.compute.nearest_branch import nearest_branch
from planner.model.geometry import Grid
from planner.model.roles import Role
from planner.planning.couinaud import (
    HEMILIVERS,
    NUMBERS,
    SECTORS,
    Segments,
    segments_of_lesion,
    share_text,
    tidied,
)
from planner.planning.couinaud_finding import segments_from_planes, segments_from_portal
from planner.planning.couinaud_landmarks import CouinaudLandmarks

OBLIQUE = (0.96, -0.28, 0.0, 0.28, 0.96, 0.0, 0.0, 0.0, 1.0)
GRIDS = [
    lattice((1.0, 1.0, 1.0), (90, 50, 50)),
    lattice((0.7, 1.1, 2.5), (90, 50, 50)),
    lattice((1.0, 0.8, 1.5), (110, 80, 50), OBLIQUE),
]
#: Columns in x and rows in z of eight vessels along y; their liver is a box of 80 x 40 x 40 mm.
PLACES = {
    7: (-30, 10),
    8: (-10, 10),
    4: (10, 10),
    2: (30, 10),
    6: (-30, -10),
    5: (-10, -10),
    1: (10, -10),
    3: (30, -10),
}


def box_liver(grid: Grid, **more):
    at = np.abs(places(grid) - (0.05, 0.05, 0.05)) - (40.0, 20.0, 20.0)
    return organ(grid, (at < 0).all(axis=-1), **more)


def comb(*without: int):
    """A trunk in front of the liver, and a vessel of each segment that runs back through it."""
    fork = (0.0, -60.0, 0.0)
    tines = [
        branch(n, 0, fork, (x, -40, z), (x, 40, z), name=f"segment {n}")
        for n, (x, z) in PLACES.items()
        if n not in without
    ]
    return portal(branch(0, None, (0, -80, 0), fork, name="main portal vein"), *tines)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("way", ["euclidean", "geodesic"])
def test_eight_vessels_have_an_eighth_each(grid, way):
    found = segments_from_portal(comb(), box_liver(grid), way)
    exact = found.grid
    for n, (x, z) in PLACES.items():
        at = places(exact)
        mine = found.ground.mask & (np.abs(at[..., 0] - x) < 10) & (np.abs(at[..., 2] - z) < 10)
        share = np.count_nonzero(mine) / found.ground.voxel_count
        # Between voxels on the planes counting is unsure by half a layer; what is inside them is not.
        assert (found.labels[mine] == n).mean() > 0.999
        assert found.share_percent(n) >= 99.9 * share
    assert sum(found.voxel_count(n) for n in NUMBERS) == found.ground.voxel_count


def test_volumes_of_known_territories_within_half_a_percent():
    """A lattice whose voxels end at all planes between the vessels and at the liver's surface."""
    grid = Grid((42, 42, 82), (1.0, 1.0, 1.0), (-40.5, -20.5, -20.5))
    liver = organ(grid, (np.abs(places(grid)) < (40, 20, 20)).all(axis=-1))
    found = segments_from_portal(comb(), liver)
    for n in NUMBERS:
        assert found.volume_ml(n) == pytest.approx(16.0, rel=0.005)


def test_sectors_hemilivers_and_segments_sum_to_the_liver():
    found = segments_from_portal(comb(), box_liver(GRIDS[1]))
    whole = found.ground.volume_ml
    assert sum(found.sectors_ml.values()) == pytest.approx(whole)
    assert sum(found.hemilivers_ml.values()) == pytest.approx(whole)
    assert sorted(sum(SECTORS.values(), ())) == sorted(sum(HEMILIVERS.values(), ())) == list(NUMBERS)


def test_unnamed_branches_are_of_the_named_one_they_hang_on():
    tree = comb()
    twig = branch(20, 7, (-30, 40, 10), (-30, 45, 10), (-15, 45, 10), (-15, -40, 10))
    found = segments_from_portal(tree.with_branch(twig), box_liver(GRIDS[0]))
    assert found.volume_ml(7) > segments_from_portal(tree, box_liver(GRIDS[0])).volume_ml(7) * 1.1


def test_a_rough_border_gets_smoother_and_leaves_no_island():
    rng = np.random.default_rng(2)
    grid = Grid((30, 40, 50), (0.7, 0.9, 2.0), (0, 0, 0))
    lines = [grid.to_lps(rng.uniform(0, 40, size=(3, 3))) for _ in range(60)]
    labels = rng.integers(1, 9, size=60)
    raw = (nearest_branch(grid, np.ones(grid.shape, bool), lines, labels.tolist())).astype(np.uint8)
    whole = tidied(raw)
    assert border_area_mm2(majority(raw, 8), grid) <= border_area_mm2(raw, grid)
    assert border_area_mm2(whole, grid) <= border_area_mm2(raw, grid)
    assert max(ndi.label(raw == n)[1] for n in NUMBERS) > 1
    assert all(ndi.label(whole == n)[1] == 1 for n in np.unique(whole))


def test_structures_carry_roles_and_the_same_volumes():
    liver = box_liver(GRIDS[1])
    found = segments_from_portal(comb(), liver)
    added = found.added_to(liver)
    for n in NUMBERS:
        (structure,) = added.with_role(Role(f"couinaud_{n}"))
        assert added.volume_ml(structure.name) == pytest.approx(found.volume_ml(n))
    again = found.added_to(added)
    assert len(again.structures) == len(added.structures)
    assert len({s.color for s in again.structures}) == len(again.structures)


def test_a_lesion_is_told_its_segments_on_its_own_grid():
    found = segments_from_portal(comb(), box_liver(GRIDS[0]))
    small = Grid((20, 20, 20), (0.5, 0.5, 0.5), (-26.75, -4.75, 5.25))  # x from -27 to -17
    shares = segments_of_lesion(found, np.ones(small.shape, dtype=bool), small)
    assert [s.segment for s in shares] == [7, 8]
    assert shares[0].percent == pytest.approx(70.0, abs=5.0)  # a voxel of 1 mm is 10 % of it
    assert (
        share_text(shares) == f"segment 7 ({shares[0].percent:.0f} %), segment 8 ({shares[1].percent:.0f} %)"
    )
    beside = Grid((3, 3, 3), (1.0, 1.0, 1.0), (300.0, 0.0, 0.0))
    assert share_text(segments_of_lesion(found, np.ones(beside.shape, dtype=bool), beside)) == "in no segment"


MARKS = {
    "vena_cava_upper": (0.0, 15.0, 18.0),
    "vena_cava_lower": (0.0, 15.0, -18.0),
    "right_hepatic_vein": (-30.0, 15.0, 10.0),
    "middle_hepatic_vein": (0.0, -15.0, 10.0),
    "left_hepatic_vein": (30.0, -15.0, 10.0),
    "portal_fork": (0.0, -5.0, 0.0),
}


@pytest.mark.parametrize("grid", GRIDS)
def test_planes_part_the_liver_as_they_stand(grid):
    liver = box_liver(grid)
    found = segments_from_planes(liver, CouinaudLandmarks(MARKS))
    at = places(found.grid) - (0.0, 15.0, 0.0)
    x, y, z = (at[..., n] for n in range(3))
    expected = {
        6: (x < 0) & (y > 0) & (z < 0),
        7: (x < 0) & (y > 0) & (z > 0),
        5: (x < 0) & (y < 0) & (z < 0),
        8: (x < 0) & (y < 0) & (z > 0),
        4: (x > 0) & (y < -x),
        2: (x > 0) & (y > -x) & (z > 0),
        3: (x > 0) & (y > -x) & (z < 0),
    }
    near = 1.5 * max(grid.spacing_mm)
    clear = found.ground.mask & (abs(x) > near) & (abs(y) > near) & (abs(z) > near) & (abs(x + y) > 2 * near)
    for n, region in expected.items():
        assert (found.labels[clear & region] == n).all()
    assert sum(found.voxel_count(n) for n in NUMBERS) == found.ground.voxel_count
    assert any("Segment 1 is not parted" in note for note in found.notes)


def test_segment_4_ends_at_the_umbilical_fissure_below():
    marks = CouinaudLandmarks({**MARKS, "left_portal_end": (10.0, -15.0, 5.0)})
    found = segments_from_planes(box_liver(GRIDS[0]), marks)
    at = places(found.grid) - (0.0, 15.0, 0.0)
    lateral = found.ground.mask & (at[..., 0] > 2) & (np.hypot(at[..., 0], at[..., 1]) > 37)
    between = lateral & (at[..., 1] > -3 * at[..., 0] + 5) & (at[..., 1] < -at[..., 0] - 3)
    low, high = at[..., 2] < 2, at[..., 2] > 8
    assert (found.labels[between & low] == 3).all()
    assert (found.labels[between & high] == 4).all()


def test_the_caudate_lies_between_vena_cava_and_ligament():
    liver = box_liver(GRIDS[0])
    marks = CouinaudLandmarks({**MARKS, "left_portal_end": (30.0, -10.0, 2.0)})
    for found in (
        segments_from_planes(liver, marks),
        segments_from_portal(comb(1), liver, landmarks=marks),
    ):
        at = places(found.grid)[found.mask(1)]
        assert 0.5 < found.volume_ml(1) < 0.3 * found.ground.volume_ml
        assert (at[:, 0] > -2).all()
        assert (at[:, 1] > -12).all()
        assert (np.hypot(at[:, 0], at[:, 1] - 15) < 37).all()
        assert any("Segment 1 is an estimate" in note for note in found.notes)


def test_landmarks_are_read_from_named_vessels_and_the_vena_cava():
    grid = GRIDS[0]
    at = places(grid)
    cava = np.hypot(at[..., 0], at[..., 1] - 15) < 4
    liver = box_liver(grid, cava=(Role.VENA_CAVA, cava))
    veins = hepatic(
        branch(0, None, (0, 15, 18), (-35, 15, 8), name="right hepatic vein"),
        branch(1, None, (0, 15, 18), (0, -15, 8), name="middle hepatic vein"),
        branch(2, None, (0, 15, 18), (30, -15, 8), name="left hepatic vein"),
    )
    vein = portal(
        branch(0, None, (0, -5, -60), (0, -5, 0), name="main portal vein"),
        branch(1, 0, (0, -5, 0), (-20, -5, 0), name="right portal vein"),
        branch(2, 0, (0, -5, 0), (30, -10, 2), name="left portal vein"),
    )
    read = CouinaudLandmarks({}).filled_from(liver, vein, veins)
    assert read.at("portal_fork") == pytest.approx((0, -5, 0))
    assert read.at("left_portal_end") == pytest.approx((30, -10, 2))
    assert read.at("vena_cava_upper") == pytest.approx((0, 15, 18), abs=2.5)
    assert read.at("vena_cava_lower") == pytest.approx((0, 15, -20), abs=2.5)
    clicked = CouinaudLandmarks({"portal_fork": (1, 2, 3)}).filled_from(liver, vein, veins)
    assert clicked.at("portal_fork") == pytest.approx((1, 2, 3))
    found = segments_from_planes(liver, portal=vein, hepatic=veins)
    assert found.present == NUMBERS


def test_the_same_bits_every_time():
    one, two = (segments_from_portal(comb(), box_liver(GRIDS[2])) for _ in range(2))
    assert one.labels.tobytes() == two.labels.tobytes()


def test_errors_say_what_which_and_what_to_do():
    liver = box_liver(GRIDS[0])
    found = segments_from_portal(comb(), liver)
    tree = comb()
    unnamed = tree.with_branches(branch(b.number, b.parent, *b.points_lps_mm) for b in tree.branches)
    exchanged = {
        **MARKS,
        "right_hepatic_vein": MARKS["left_hepatic_vein"],
        "left_hepatic_vein": MARKS["right_hepatic_vein"],
    }
    trips = [
        lambda: segments_from_portal(unnamed, liver),
        lambda: segments_from_portal(comb(2, 3, 4), liver),
        lambda: segments_from_portal(comb(5, 6, 7, 8), liver),
        lambda: segments_from_portal(hepatic(*tree.branches), liver),
        lambda: segments_from_portal(tree, liver, "by air"),
        lambda: segments_from_portal(portal(), liver),
        lambda: segments_from_portal(tree, organ(GRIDS[0], np.zeros(GRIDS[0].shape, dtype=bool))),
        lambda: segments_from_planes(liver),
        lambda: segments_from_planes(liver, CouinaudLandmarks(exchanged)),
        lambda: segments_from_planes(
            liver, CouinaudLandmarks({**MARKS, "vena_cava_lower": MARKS["vena_cava_upper"]})
        ),
        lambda: segments_from_planes(liver, CouinaudLandmarks({**MARKS, "middle_hepatic_vein": (0, 15, 0)})),
        lambda: CouinaudLandmarks({"spleen": (0, 0, 0)}),
        lambda: found.volume_ml(9),
        lambda: segments_of_lesion(
            found, np.zeros((2, 2, 2), dtype=bool), Grid((2, 2, 2), (1, 1, 1), (0, 0, 0))
        ),
        lambda: found.added_to(box_liver(GRIDS[1])),
        lambda: Segments(found.ground, np.zeros(found.grid.shape, dtype=np.uint8), "none"),
    ]
    for trip in trips:
        with pytest.raises(InvalidValue) as error:
            trip()
        assert error.value.what
        assert error.value.thing
        assert error.value.todo
