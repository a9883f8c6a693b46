"""Trees corrected by hand: every change keeps all points, and the tree stays one without circles."""

from __future__ import annotations

import numpy as np
import pytest

from planner.base.errors import InvalidValue
from planner.model.roles import Role
from planner.model.vessel_tree import Branch, VesselTree
from planner.planning.tree_editing import (
    cut_at,
    joined,
    nearest_point,
    rerooted,
    with_drawn,
    with_name,
    without,
)


def line(number: int, parent: int | None, start, stop, count: int = 11, **rest) -> Branch:
    points = np.linspace(start, stop, count)
    return Branch(number, parent, points, np.linspace(5.0, 4.0, count), **rest)


def tree() -> VesselTree:
    """A trunk that forks into 1 and 2; 2 forks into 3 and 4; lengths 30, 20, 10, 10, 10 mm."""
    branches = (
        line(0, None, (0, 0, 0), (30, 0, 0)),
        line(1, 0, (30, 0, 0), (30, 20, 0)),
        line(2, 0, (30, 0, 0), (30, -10, 0)),
        line(3, 2, (30, -10, 0), (40, -10, 0)),
        line(4, 2, (30, -10, 0), (30, -10, 10)),
    )
    return VesselTree("portal", Role.PORTAL_VEIN, branches)


def cloud(of: VesselTree) -> set[tuple[float, ...]]:
    return {tuple(np.round(p, 6)) for b in of.branches for p in b.points_lps_mm}


def test_lengths_generations_and_ways() -> None:
    found = tree()
    assert found.length_mm == pytest.approx(80.0)
    assert [found.generation(n) for n in range(5)] == [0, 1, 1, 2, 2]
    assert [b.number for b in found.way_to(4)] == [0, 2, 4]
    assert [b.number for b in found.subtree(2)] == [2, 3, 4]
    assert found.branch(0).mean_diameter_mm == pytest.approx(9.0)


def test_a_name_is_kept_as_proposed_or_confirmed() -> None:
    proposed = with_name(tree(), 1, " right portal vein ", is_confirmed=False)
    assert proposed.named("right portal vein")[0].number == 1
    assert not proposed.branch(1).is_name_confirmed
    assert with_name(proposed, 1, "left portal vein").branch(1).is_name_confirmed
    assert with_name(proposed, 1, "").branch(1).title == "branch 1"


def test_deleting_takes_all_beyond_and_heals_the_fork() -> None:
    left = without(tree(), 2)
    assert [b.number for b in left.branches] == [0]
    assert left.length_mm == pytest.approx(50.0)
    assert without(tree(), 3).branch(2).length_mm == pytest.approx(20.0)
    assert without(tree(), 0).branches == ()


def test_a_fork_of_two_names_is_not_healed() -> None:
    named = with_name(with_name(tree(), 0, "main"), 1, "right")
    assert [b.number for b in without(named, 2).branches] == [0, 1]


@pytest.mark.parametrize("index", [1, 5, 9])
def test_cutting_parts_and_joining_mends(index: int) -> None:
    parted = cut_at(tree(), 2, index)
    assert parted.length_mm == pytest.approx(80.0)
    assert len(parted.roots) == 2
    far = parted.roots[1]
    assert {b.number for b in parted.subtree(far.number)} == {far.number, 3, 4}
    mended = joined(parted, far.number, 2, index)
    assert len(mended.roots) == 1
    assert mended.length_mm == pytest.approx(80.0)
    assert cloud(mended) == cloud(tree())
    assert [b.number for b in mended.way_to(4)] == [0, 2, far.number, 4]


def test_cutting_at_the_start_takes_the_whole_branch() -> None:
    parted = cut_at(tree(), 2, 0)
    assert {r.number for r in parted.roots} == {0, 2}
    assert parted.branch(0).length_mm == pytest.approx(50.0), (
        "the trunk and its only branch are one vessel now"
    )


def test_a_fragment_is_joined_by_a_straight_piece() -> None:
    drawn = with_drawn(tree(), np.array([(15.0, 8.0, 0.0), (15.0, 18.0, 0.0)]), np.array([1.0, 1.0]), "drawn")
    fragment = drawn.roots[1]
    assert fragment.is_name_confirmed
    whole = joined(drawn, fragment.number, 0, 5)
    assert len(whole.roots) == 1
    assert whole.branch(fragment.number).length_mm == pytest.approx(18.0)
    assert whole.length_mm == pytest.approx(98.0)
    assert whole.branch(0).length_mm == pytest.approx(15.0)


@pytest.mark.parametrize("leaf", [1, 3, 4])
def test_another_root_turns_the_way_and_nothing_else(leaf: int) -> None:
    turned = rerooted(tree(), leaf)
    (root,) = turned.roots
    assert root.number == leaf
    assert tuple(root.points_lps_mm[0]) == tuple(tree().branch(leaf).points_lps_mm[-1])
    assert cloud(turned) == cloud(tree())
    assert turned.length_mm == pytest.approx(80.0)
    # And back: the old root's start is the end of its branch now.
    back = rerooted(turned, 0)
    for branch in tree().branches:
        assert back.branch(branch.number).parent == branch.parent
        assert np.array_equal(back.branch(branch.number).points_lps_mm, branch.points_lps_mm)


def test_what_lies_next() -> None:
    assert nearest_point(tree(), (30.0, 11.0, 3.0))[:2] == (1, 5)
    assert nearest_point(tree(), (30.0, 10.0, 3.0))[2] == pytest.approx(3.0)
    with pytest.raises(InvalidValue, match="no branch"):
        nearest_point(VesselTree("none", Role.PORTAL_VEIN), (0, 0, 0))


def test_guards() -> None:
    found = tree()
    with pytest.raises(InvalidValue, match="blood cannot enter"):
        rerooted(found, 2)
    with pytest.raises(InvalidValue, match="between its ends"):
        cut_at(found, 1, 10)
    with pytest.raises(InvalidValue, match="a root already"):
        cut_at(found, 0, 0)
    with pytest.raises(InvalidValue, match="Only a root"):
        joined(found, 1, 2, 3)
    with pytest.raises(InvalidValue, match="hangs on it"):
        joined(found, 0, 3, 3)
    with pytest.raises(InvalidValue, match="no such branch"):
        found.branch(9)
    with pytest.raises(InvalidValue, match="elsewhere"):
        found.with_branch(line(5, 1, (0, 0, 0), (1, 0, 0)))
    with pytest.raises(InvalidValue, match="not there"):
        found.with_branch(line(5, 8, (0, 0, 0), (1, 0, 0)))
    ring = (line(0, 1, (0, 0, 0), (1, 0, 0)), line(1, 0, (1, 0, 0), (0, 0, 0)))
    with pytest.raises(InvalidValue, match="circle"):
        VesselTree("ring", Role.PORTAL_VEIN, ring)
    with pytest.raises(InvalidValue, match="one number"):
        VesselTree("two", Role.PORTAL_VEIN, (line(0, None, (0, 0, 0), (1, 0, 0)),) * 2)
    with pytest.raises(InvalidValue, match="radius each"):
        Branch(0, None, np.zeros((2, 3)), np.ones(3))
    with pytest.raises(InvalidValue, match="twice in a row"):
        Branch(0, None, np.zeros((2, 3)), np.ones(2))
    with pytest.raises(InvalidValue, match="radii positive"):
        Branch(0, None, np.eye(3)[:2], np.array([1.0, 0.0]))
