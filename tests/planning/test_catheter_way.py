"""Tips on trees: lengths, forks, reflux, and arteries' names."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from arterial_case import artery, line

from planner.base.errors import InvalidValue
from planner.model.roles import Role
from planner.model.vessel_tree import Branch, VesselTree
from planner.planning.arterial_names import extrahepatic_beyond, organ_of, variant
from planner.planning.catheter_way import CatheterWay


def test_a_tip_beside_a_branch_is_taken_to_its_middle() -> None:
    way = CatheterWay.to(artery(radius=1.5), (-20.3, 3.0, -1.0))
    assert way.branch == 1
    assert way.tip_lps_mm == pytest.approx((-20.3, 0.0, 0.0))
    assert way.off_mm == pytest.approx(np.hypot(3.0, 1.0))
    assert way.diameter_mm == pytest.approx(3.0)
    assert way.from_ostium_mm == pytest.approx(100.3)
    assert way.tortuosity == pytest.approx(100.3 / np.hypot(80.0, 20.3))
    assert (way.forks, way.beyond) == (1, (1,))
    assert way.reflux_mm == pytest.approx(20.3)
    assert np.linalg.norm(np.diff(way.line_lps_mm, axis=0), axis=1).sum() == pytest.approx(100.3)


def test_in_the_trunk_nothing_leaves_before() -> None:
    way = CatheterWay.to(artery(), (0.0, 0.0, -30.0))
    assert (way.branch, way.forks, way.reflux_mm, way.beyond) == (0, 0, None, (0, 1, 2))
    assert way.tortuosity == pytest.approx(1.0)
    assert CatheterWay.to(artery(), (0.0, 0.0, -80.0)).tortuosity is None


def test_a_tip_slides_out_and_back_over_forks() -> None:
    way = CatheterWay.to(artery(), (-20.0, 0.0, 0.0))
    assert way.slid(10.0).tip_lps_mm == pytest.approx((-30.0, 0.0, 0.0))
    assert way.slid(500.0).tip_lps_mm == pytest.approx((-58.0, 0.0, 0.0))
    back = way.slid(-25.0)
    assert (back.branch, back.tip_lps_mm) == (0, pytest.approx((0.0, 0.0, -5.0)))
    assert way.slid(-500.0).from_ostium_mm == 0.0
    assert back.slid(30.0).tip_lps_mm == pytest.approx((0.0, 0.0, 0.0)), "which way on is for a person to say"


def test_reflux_reaches_over_a_branch_that_only_goes_on() -> None:
    more = Branch(3, 2, line((58.0, 0.0, 0.0), (58.0, 30.0, 0.0)), np.full(31, 1.0))
    way = CatheterWay.to(artery(more), (58.0, 10.0, 0.0))
    assert way.reflux_mm == pytest.approx(68.0)
    assert way.forks == 1
    assert way.title == "branch of the left hepatic artery"
    assert way.slid(-20.0).slid(20.0).branch == 3


def test_a_tip_on_no_branch_is_refused() -> None:
    with pytest.raises(InvalidValue, match="no branch") as error:
        CatheterWay.to(artery(), (0.0, 25.0, 0.0))
    assert "25 mm" in error.value.thing
    with pytest.raises(InvalidValue, match="no branch"):
        CatheterWay.to(VesselTree("a", Role.HEPATIC_ARTERY), (0.0, 0.0, 0.0))


def test_lengths_of_a_half_circle() -> None:
    """Path over chord of a half circle is pi / 2."""
    angle = np.linspace(0.0, np.pi, 400)
    points = 30.0 * np.column_stack([np.cos(angle), np.sin(angle), 0 * angle])
    tree = VesselTree("a", Role.HEPATIC_ARTERY, (Branch(0, None, points, np.ones(400)),))
    way = CatheterWay.to(tree, (-30.0, 0.0, 0.0))
    assert way.tortuosity == pytest.approx(np.pi / 2, rel=1e-4)


def named(*names: tuple[str, str]) -> VesselTree:
    """Branches one after the other from a root: each with its name and the name of its parent."""
    branches, number = [Branch(0, None, line((0, 0, 0), (0, 0, 5)), np.ones(6), "celiac trunk")], 1
    known = {"celiac trunk": 0}
    for name, parent in names:
        if parent and parent not in known:
            start = (50.0 * number, 0.0, 0.0)
            branches.append(Branch(number, None, line(start, (start[0], 0, 5)), np.ones(6), parent))
            known[parent], number = number, number + 1
        of = known.get(parent, 0)
        end = branches[of].points_lps_mm[-1]
        branches.append(Branch(number, of, line(tuple(end), (*end[:2], end[2] + 5)), np.ones(6), name))
        known[name], number = number, number + 1
    return VesselTree("artery", Role.HEPATIC_ARTERY, tuple(branches))


R, L = "right hepatic artery", "left hepatic artery"
RR, RL, AR, AL = f"replaced {R}", f"replaced {L}", f"accessory {R}", f"accessory {L}"


@pytest.mark.parametrize(
    ("type", "names"),
    [
        ("I", (R, L)), ("II", (R, RL)), ("III", (RR, L)), ("IV", (RR, RL)), ("V", (R, L, AL)),
        ("VI", (R, L, AR)), ("VII", (R, L, AR, AL)), ("VIII", (RR, L, AL)), ("VIII", (R, AR, RL)),
        ("", (R,)), ("", ()), ("", (R, RR, AR, L)),
    ],
)  # fmt: skip
def test_michels_type_follows_from_names(type: str, names: tuple[str, ...]) -> None:
    found = variant([named(*((n, "") for n in names))])
    assert (found.type, found.is_told) == (type, False)


def test_michels_type_by_where_the_common_artery_leaves() -> None:
    common = "common hepatic artery"
    for trunk, type in (("superior mesenteric artery", "IX"), ("left gastric artery", "X"), ("", "I")):
        tree = named((common, trunk), (R, common), (L, common))
        assert variant([tree]).type == type
    assert "left hepatic artery" in variant([named((R, ""))]).why
    told = variant([named((R, ""))], "V")
    assert (told.type, told.is_told, told.words) == (
        "V",
        True,
        "Michels type V: accessory left hepatic artery",
    )
    with pytest.raises(InvalidValue, match="no such type"):
        variant([], "XI")


def test_other_organs_beyond_a_tip() -> None:
    cystic = Branch(3, 1, line((-58.0, 0.0, 0.0), (-58.0, 20.0, 0.0)), np.ones(21), "cystic artery")
    further = replace(cystic, number=4, parent=3, points_lps_mm=line((-58.0, 20.0, 0.0), (-58.0, 40.0, 0.0)))
    tree = artery(cystic, further)
    assert [b.number for b in extrahepatic_beyond(tree, CatheterWay.to(tree, (-20, 0, 0)).beyond)] == [3]
    assert [b.number for b in extrahepatic_beyond(tree, (4,))] == [4]
    assert not extrahepatic_beyond(tree, (2,))
    assert (organ_of("cystic artery"), organ_of(R)) == ("gallbladder", "")
