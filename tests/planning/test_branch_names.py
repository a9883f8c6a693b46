"""Names proposed for the sample's known trees, for variants, and beside names a person confirmed."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from liver_shapes import branch, hepatic, lattice, organ, places, portal

from planner.base.errors import InvalidValue
from planner.model.geometry import Grid
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.model.vessel_tree import Branch, VesselTree
from planner.planning.branch_names import segment_number, segment_of_branch, with_proposed_names
from planner.planning.couinaud import NUMBERS
from planner.planning.couinaud_finding import segments_from_portal
from planner.planning.couinaud_landmarks import CouinaudLandmarks
from planner.planning.tree_editing import with_name
from planner.sample.liver import liver_field
from planner.sample.liver_vessels import HEPATIC_TRUNKS, PORTAL_TRUNKS, grown_vessels
from planner.sample.tubes import curve


@cache
def sample_liver() -> StructureSet:
    field = liver_field()
    low = field.lattice
    grid = Grid(low.shape, (float(low.step_mm[0]),) * 3, tuple(float(v) for v in low.start_mm))
    return organ(grid, np.asarray(field.values < 0))


def tree_of_trunks(id: str, role: Role, trunks) -> VesselTree:
    """A branch of each trunk, parted where others leave it."""
    branches: list[Branch] = []
    for trunk in trunks:
        line = curve([(*p, 2.0) for p in trunk])
        parent = next((b.number for b in branches if np.allclose(b.points_lps_mm[-1], line[0, :3])), None)
        branches.append(Branch(len(branches), parent, line[:, :3], line[:, 3]))
    return VesselTree(id, role, tuple(branches))


def tree_of_cones(id: str, role: Role, cones: np.ndarray) -> VesselTree:
    """The branches between the forks of a grown tree's cones."""
    nodes, parents = [], {}
    at: dict[tuple[float, ...], int] = {}

    def node(point: np.ndarray) -> int:
        key = tuple(np.round(point, 4))
        if key not in at:
            at[key] = len(nodes)
            nodes.append(point)
        return at[key]

    for cone in cones:
        start = node(cone[:3])
        parents[node(cone[4:7])] = start
    children: dict[int, list[int]] = {}
    for child, parent in parents.items():
        children.setdefault(parent, []).append(child)
    branches: list[Branch] = []
    waiting = [(None, n, c) for n in range(len(nodes)) if n not in parents for c in children.get(n, [])]
    while waiting:
        parent, start, child = waiting.pop(0)
        way = [start, child]
        while len(children.get(way[-1], [])) == 1:
            way.append(children[way[-1]][0])
        number = len(branches)
        branches.append(Branch(number, parent, np.array([nodes[n] for n in way]), np.full(len(way), 2.0)))
        waiting += [(number, way[-1], c) for c in children.get(way[-1], [])]
    return VesselTree(id, role, tuple(branches))


def test_the_samples_portal_trunks_have_their_names():
    named = with_proposed_names(tree_of_trunks("portal", Role.PORTAL_VEIN, PORTAL_TRUNKS), sample_liver())
    # Of each trunk as it was made: main, right, two of the anterior sector, two of the posterior, left; the
    # anterior trunk runs on into segment 8 past the fork to 5, which the drawn trunks do not part.
    names = [b.name for b in named.tree.branches]
    assert names[0] == "main portal vein"
    assert names[1] == "right portal vein"
    assert names[6] == "left portal vein"
    assert not any(b.is_name_confirmed for b in named.tree.branches)
    assert any("2, 3, 4" in note for note in named.notes)


def test_a_parted_sample_has_all_its_right_segments():
    trunks = [
        *PORTAL_TRUNKS[:2],
        PORTAL_TRUNKS[2][:2],
        PORTAL_TRUNKS[2][1:],
        PORTAL_TRUNKS[3],
        PORTAL_TRUNKS[4][:2],
        PORTAL_TRUNKS[4][1:],
        PORTAL_TRUNKS[5],
        PORTAL_TRUNKS[6],
    ]
    named = with_proposed_names(tree_of_trunks("portal", Role.PORTAL_VEIN, trunks), sample_liver())
    assert [b.name for b in named.tree.branches] == [
        "main portal vein",
        "right portal vein",
        "right anterior portal vein",
        "segment 8",
        "segment 5",
        "right posterior portal vein",
        "segment 7",
        "segment 6",
        "left portal vein",
    ]


def test_the_samples_hepatic_veins_have_their_names():
    named = with_proposed_names(tree_of_trunks("hepatic", Role.HEPATIC_VEIN, HEPATIC_TRUNKS), sample_liver())
    names = [b.name for b in named.tree.branches]
    assert names == ["", "right hepatic vein", "middle hepatic vein", "left hepatic vein"]
    assert named.notes == ()


@cache
def grown():
    return grown_vessels(liver_field())


@pytest.mark.parametrize("finest_mm", [0.0, 1.2])
def test_the_samples_grown_trees_have_theirs(finest_mm):
    """With all twigs, and with those that are outlined: main names stand where the trunks are."""
    vessels = grown()
    cones = vessels.portal[vessels.portal[:, 7] >= finest_mm]
    named = with_proposed_names(tree_of_cones("portal", Role.PORTAL_VEIN, cones), sample_liver())
    tree = named.tree

    def names_at(place) -> str:
        """Name of what feeds a place of the centreline: that of its branch, or of the one it hangs on."""
        away = [(np.linalg.norm(b.points_lps_mm - place, axis=1).min(), b.number) for b in tree.branches]
        way = tree.way_to(min(away)[1])
        return next((b.name for b in reversed(way) if b.name), "")

    expected = {
        (-22, -18, 118): "main portal vein",
        (-9, -34, 145): "left portal vein",
        (-68, -30, 160): "segment 8",
        (-70, -40, 142): "segment 5",
        (-74, -5, 159): "segment 7",
        (-92, -6, 116): "segment 6",
    }
    for place, name in expected.items():
        assert names_at(place) == name, place
    found = segments_from_portal(tree, sample_liver())
    assert set(found.present) >= {2, 3, 4, 5, 6, 7, 8}
    assert sum(found.voxel_count(n) for n in NUMBERS) == found.ground.voxel_count
    cones = vessels.hepatic[vessels.hepatic[:, 7] >= finest_mm]
    veins = with_proposed_names(tree_of_cones("hepatic", Role.HEPATIC_VEIN, cones), sample_liver()).tree
    for name, place in {
        "right hepatic vein": (-62, 6, 184),
        "middle hepatic vein": (-40, -34, 178),
        "left hepatic vein": (2, -28, 188),
    }.items():
        near = [np.linalg.norm(b.points_lps_mm - place, axis=1).min() for b in veins.named(name)]
        assert min(near) < 2.0


LIVER = organ(lattice((2.0, 2.0, 2.0), (160, 120, 120)), np.ones((63, 63, 83), dtype=bool))


def fan(*heads: Branch) -> VesselTree:
    return portal(branch(0, None, (0, 0, -40), (0, 0, 0)), *heads)


def left_tree(start=(0, 0, 0), parent: int = 0, first: int = 10) -> list[Branch]:
    """A left portal vein that turns forward, with branches of segments 2, 3 and 4."""
    x, y, z = start
    return [
        branch(first, parent, start, (x + 30, y - 10, z)),
        branch(first + 1, first, (x + 30, y - 10, z), (x + 60, y + 5, z + 15)),
        branch(first + 2, first, (x + 30, y - 10, z), (x + 30, y - 30, z)),
        branch(first + 3, first + 2, (x + 30, y - 30, z), (x + 55, y - 40, z - 15)),
        branch(first + 4, first + 2, (x + 30, y - 30, z), (x + 5, y - 35, z)),
    ]


def sector(parent: int, first: int, start, to) -> list[Branch]:
    """A sector's branch and its upper and lower ends."""
    end = np.array(to, dtype=float)
    return [
        branch(first, parent, start, end),
        branch(first + 1, first, end, end + (-20, 0, 30)),
        branch(first + 2, first, end, end + (-20, 0, -30)),
    ]


def names(tree: VesselTree) -> dict[int, str]:
    return {b.number: b.name for b in tree.branches}


def test_the_left_portal_vein_parts_into_2_3_and_4():
    right = [
        branch(1, 0, (0, 0, 0), (-20, 0, 0)),
        *sector(1, 2, (-20, 0, 0), (-30, -20, 0)),
        *sector(1, 5, (-20, 0, 0), (-30, 20, 0)),
    ]
    found = names(with_proposed_names(fan(*right, *left_tree()), LIVER).tree)
    assert found[10] == found[12] == "left portal vein"
    assert (found[11], found[13], found[14]) == ("segment 2", "segment 3", "segment 4")
    assert [found[n] for n in (1, 2, 3, 4, 5, 6, 7)] == [
        "right portal vein",
        "right anterior portal vein",
        "segment 8",
        "segment 5",
        "right posterior portal vein",
        "segment 7",
        "segment 6",
    ]


def test_a_portal_vein_that_divides_into_three_is_said():
    heads = [*sector(0, 2, (0, 0, 0), (-25, -20, 0)), *sector(0, 5, (0, 0, 0), (-25, 20, 0)), *left_tree()]
    named = with_proposed_names(fan(*heads), LIVER)
    found = names(named.tree)
    assert found[2] == "right anterior portal vein"
    assert found[5] == "right posterior portal vein"
    assert found[10] == "left portal vein"
    assert "right portal vein" not in found.values()
    assert any("three" in note for note in named.notes)


def test_a_right_posterior_branch_that_leaves_first_is_said():
    heads = [
        *sector(0, 2, (0, 0, 0), (-25, 20, 0)),
        branch(8, 0, (0, 0, 0), (0, -5, 10)),
        *sector(8, 5, (0, -5, 10), (-25, -20, 10)),
        *left_tree((0, -5, 10), 8),
    ]
    named = with_proposed_names(fan(*heads), LIVER)
    found = names(named.tree)
    assert found[2] == "right posterior portal vein"
    assert found[5] == "right anterior portal vein"
    assert found[8] == "main portal vein"
    assert found[10] == "left portal vein"
    assert any("variant" in note for note in named.notes)


def test_a_trunk_of_middle_and_left_hepatic_veins_is_parted():
    tree = hepatic(
        branch(0, None, (0, 30, 45), (0, 30, 35)),
        branch(1, 0, (0, 30, 35), (-60, 30, 0)),
        branch(2, 0, (0, 30, 35), (5, 20, 33)),
        branch(3, 2, (5, 20, 33), (-10, -40, 0)),
        branch(4, 2, (5, 20, 33), (60, -20, 0)),
    )
    named = with_proposed_names(tree, LIVER)
    assert names(named.tree) == {
        0: "",
        1: "right hepatic vein",
        2: "",
        3: "middle hepatic vein",
        4: "left hepatic vein",
    }


def test_a_vena_cava_outlined_with_the_veins_is_no_vein():
    """The right vein leaves it low and forks at once; it runs on out of the liver."""
    tree = hepatic(
        branch(0, None, (0, 30, 70), (0, 30, 40)),
        branch(1, 0, (0, 30, 40), (-10, -40, 0)),
        branch(2, 0, (0, 30, 40), (60, -20, 10)),
        branch(3, 0, (0, 30, 40), (0, 30, 30)),
        branch(4, 3, (0, 30, 30), (-15, 30, 25)),
        branch(5, 4, (-15, 30, 25), (-60, 20, 0)),
        branch(6, 4, (-15, 30, 25), (-45, 55, 0)),
        branch(7, 3, (0, 30, 30), (0, 30, -200)),
    )
    named = with_proposed_names(tree, LIVER)
    found = names(named.tree)
    assert found[1] == "middle hepatic vein"
    assert found[2] == "left hepatic vein"
    assert found[4] == "right hepatic vein"
    assert found[3] == found[7] == "inferior vena cava"
    read = CouinaudLandmarks({}).filled_from(LIVER, hepatic=named.tree)
    assert read.at("vena_cava_lower")[:2] == pytest.approx((0, 30))
    assert -66 < read.at("vena_cava_lower")[2] < -55


def test_two_veins_alone_are_named_by_where_they_run_and_doubted():
    tree = hepatic(branch(0, None, (0, 30, 35), (-60, 30, 0)), branch(1, None, (0, 30, 35), (-5, -40, 0)))
    named = with_proposed_names(tree, LIVER)
    assert names(named.tree) == {0: "right hepatic vein", 1: "middle hepatic vein"}
    assert any("three are usual" in note for note in named.notes)


def test_a_confirmed_name_stays_and_a_stale_proposal_goes():
    tree = fan(*sector(0, 2, (0, 0, 0), (-25, -20, 0)), *sector(0, 5, (0, 0, 0), (-25, 20, 0)), *left_tree())
    changed = with_name(tree, 3, "my own name")
    changed = with_name(changed, 5, "left portal vein")
    changed = with_name(changed, 4, "spleen", is_confirmed=False)
    named = with_proposed_names(changed, LIVER)
    found = names(named.tree)
    assert found[3] == "my own name"
    assert named.tree.branch(3).is_name_confirmed
    assert found[5] == "left portal vein"
    assert found[4] == "segment 5"
    assert found[10] == ""
    assert any("confirmed elsewhere" in note for note in named.notes)
    again = with_proposed_names(named.tree, LIVER)
    assert names(again.tree) == found


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("segment 8", 8),
        ("Segment 1", 1),
        ("segment 9", None),
        ("segment 12", None),
        ("", None),
        ("right", None),
    ],
)
def test_segment_numbers_are_read_from_names(name, number):
    assert segment_number(name) == number


def test_a_branch_is_of_the_nearest_named_ancestors_segment():
    tree = fan(branch(1, 0, (0, 0, 0), (9, 0, 0), name="segment 4"), branch(2, 1, (9, 0, 0), (19, 0, 0)))
    assert segment_of_branch(tree, 2) == 4
    assert segment_of_branch(tree, 0) is None
    called = tree.with_branch(replace(tree.branch(2), name="left portal vein"))
    assert segment_of_branch(called, 2) is None


def test_errors_say_what_which_and_what_to_do():
    artery = VesselTree("bile", Role.BILE_DUCT, fan().branches)
    empty = organ(LIVER.grid, np.zeros(LIVER.grid.shape, dtype=bool))
    outside = portal(branch(0, None, (900, 0, 0), (950, 0, 0)))
    for tree, structures in ((artery, LIVER), (fan(), empty), (portal(), LIVER), (outside, LIVER)):
        with pytest.raises(InvalidValue) as error:
            with_proposed_names(tree, structures)
        assert error.value.what
        assert error.value.thing
        assert error.value.todo
    assert places(LIVER.grid).shape[:3] == LIVER.grid.shape
