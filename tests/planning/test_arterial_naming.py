"""Names of arteries: by how they fork within a block of liver, and by where others end outside it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from liver_shapes import OBLIQUE, lattice, organ, places

from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.model.vessel_tree import Branch, VesselTree
from planner.planning.arterial_names import variant
from planner.planning.arterial_naming import AORTA, ASIDE, NO_FORK, NO_JUNCTION, THREE
from planner.planning.branch_names import with_proposed_names
from planner.planning.leaving_branches import leaving_branches
from planner.planning.liver_ground import LiverGround

#: Half sizes of the liver: a block around the origin.
SIZE = np.array((90.0, 60.0, 50.0))
FORK, JUNCTION, CELIAC = (0.0, 30.0, -45.0), (20.0, 40.0, -70.0), (20.0, 60.0, -75.0)
LOW, SPLEEN, BAG = (20.0, 40.0, -130.0), (105.0, 70.0, -75.0), (-40.0, -10.0, -75.0)


def structures(direction=(1, 0, 0, 0, 1, 0, 0, 0, 1)) -> StructureSet:
    grid = lattice((4.0, 4.0, 5.0), (260.0, 240.0, 300.0), direction)
    points = places(grid)

    def ball(middle: tuple[float, ...]) -> np.ndarray:
        return np.linalg.norm(points - middle, axis=-1) <= 9.0

    return organ(
        grid,
        (np.abs(points) <= SIZE).all(axis=-1),
        duodenum=(Role.DUODENUM, ball(LOW)),
        spleen=(Role.SPLEEN, ball(SPLEEN)),
        gallbladder=(Role.GALLBLADDER, ball(BAG)),
    )


def branch(number: int, parent: int | None, *corners: tuple[float, ...], radius=2.0) -> Branch:
    points = np.array(corners, dtype=float)
    return Branch(number, parent, points, np.full(len(points), radius))


TRUNK = (
    branch(0, None, (20.0, 75.0, -75.0), CELIAC),
    branch(1, 0, CELIAC, SPLEEN),
    branch(2, 0, CELIAC, JUNCTION),
    branch(3, 2, JUNCTION, LOW),
    branch(4, 2, JUNCTION, FORK),
)
SIDES = (
    branch(5, 4, FORK, (-40.0, 10.0, -20.0)),
    branch(6, 5, (-40.0, 10.0, -20.0), (-60.0, -40.0, 10.0)),
    branch(7, 5, (-40.0, 10.0, -20.0), (-60.0, 50.0, 10.0)),
    branch(8, 4, FORK, (70.0, -10.0, 0.0)),
)
CYSTIC = branch(9, 5, (-40.0, 10.0, -20.0), BAG)
NAMES = {
    0: "celiac trunk",
    1: "splenic artery",
    2: "common hepatic artery",
    3: "gastroduodenal artery",
    4: "proper hepatic artery",
    5: "right hepatic artery",
    6: "right anterior hepatic artery",
    7: "right posterior hepatic artery",
    8: "left hepatic artery",
    9: "cystic artery",
}


def proposed(*branches: Branch, of: StructureSet | None = None) -> tuple[dict[int, str], tuple[str, ...]]:
    tree = VesselTree("artery", Role.HEPATIC_ARTERY, branches)
    found = with_proposed_names(tree, of or structures())
    assert not any(b.is_name_confirmed for b in found.tree.branches)
    return {b.number: b.name for b in found.tree.branches}, found.notes


@pytest.mark.parametrize("direction", [(1, 0, 0, 0, 1, 0, 0, 0, 1), OBLIQUE])
def test_usual_arteries_have_their_names(direction: tuple[float, ...]) -> None:
    names, notes = proposed(*TRUNK, *SIDES, CYSTIC, of=structures(direction))
    assert names == NAMES
    assert sum("outside the liver" in n for n in notes) == 3


def test_their_names_make_michels_first_type_a_proposal() -> None:
    tree = VesselTree("artery", Role.HEPATIC_ARTERY, (*TRUNK, *SIDES))
    found = with_proposed_names(tree, structures()).tree
    told = variant([found])
    assert told.type == "I"
    assert told.why == "by proposed names of the branches"


def test_without_a_gastroduodenal_artery_this_is_said() -> None:
    rest = (branch(b.number, 2 if b.parent == 4 else b.parent, *map(tuple, b.points_lps_mm)) for b in SIDES)
    names, notes = proposed(branch(2, None, JUNCTION, FORK), *rest)
    assert names[2] == "proper hepatic artery"
    assert NO_JUNCTION in notes


def test_a_third_branch_is_the_middle_one() -> None:
    middle = branch(10, 4, FORK, (20.0, -50.0, 0.0))
    names, notes = proposed(*TRUNK, *SIDES, middle)
    assert (names[5], names[8], names[10]) == (
        "right hepatic artery", "left hepatic artery", "middle hepatic artery",
    )  # fmt: skip
    assert THREE in notes


@pytest.mark.parametrize(("side", "name"), [(-1.0, "right hepatic artery"), (1.0, "left hepatic artery")])
def test_an_artery_of_one_side_is_named_by_it(side: float, name: str) -> None:
    start = (side * 45.0, 10.0, -40.0)
    names, notes = proposed(
        branch(0, None, (side * 45.0, 40.0, -80.0), start),
        branch(1, 0, start, (side * 80.0, -40.0, 0.0)),
        branch(2, 0, start, (side * 80.0, 40.0, 0.0)),
    )
    assert names == {0: name, 1: "", 2: ""}
    assert ASIDE in notes


def test_the_aorta_and_what_leaves_it_has_no_name() -> None:
    aorta = (
        branch(0, None, (20.0, 75.0, 20.0), (20.0, 75.0, -75.0), radius=9.0),
        branch(11, 0, (20.0, 75.0, -75.0), (20.0, 75.0, -140.0), radius=9.0),
        branch(12, 0, (20.0, 75.0, -75.0), CELIAC),
    )
    rest = [
        branch(b.number, 12 if b.parent == 0 else b.parent, *map(tuple, b.points_lps_mm))
        for b in (*TRUNK[1:], *SIDES)
    ]
    names, notes = proposed(*aorta, *rest)
    assert (names[0], names[11], names[12]) == ("", "", "celiac trunk")
    assert names[3] == "gastroduodenal artery"
    assert AORTA in notes


def test_a_vessel_that_does_not_fork() -> None:
    names, notes = proposed(branch(0, None, JUNCTION, FORK, (0.0, 0.0, 0.0)))
    assert names == {0: "common hepatic artery"}
    assert NO_FORK in notes


def test_a_confirmed_name_stays_and_is_given_once() -> None:
    """Somebody who says that the left artery is the right one is believed."""
    sure = Branch(8, 4, SIDES[3].points_lps_mm, SIDES[3].radii_mm, "replaced left hepatic artery", True)
    tree = VesselTree("artery", Role.HEPATIC_ARTERY, (*TRUNK, *SIDES[:3], sure))
    found = with_proposed_names(tree, structures()).tree
    assert found.branch(8).name == "replaced left hepatic artery"
    assert found.branch(8).is_name_confirmed


def test_the_skin_is_near_at_its_border_alone() -> None:
    """The outline of the body holds every branch; one that ends 60 mm below it is at no organ."""
    grid = lattice((4.0, 4.0, 5.0), (300.0, 300.0, 300.0))
    points = places(grid)
    body = (np.abs(points) <= 130.0).all(axis=-1)
    found = organ(grid, (np.abs(points) <= SIZE).all(axis=-1), skin=(Role.SKIN, body))
    tree = VesselTree(
        "artery",
        Role.HEPATIC_ARTERY,
        (
            branch(0, None, (0.0, 0.0, -60.0), (0.0, 0.0, 0.0)),
            branch(1, 0, (0.0, 0.0, 0.0), (0.0, -70.0, -70.0)),
            branch(2, 0, (0.0, 0.0, 0.0), (0.0, -122.0, 0.0)),
        ),
    )
    leaving = leaving_branches(tree, found, LiverGround.of(found))
    assert {n: organ for n, (_, organ) in leaving.items()} == {1: "", 2: "skin"}
