"""Trees of vessels kept in files and cases: the same numbers come back, and nothing wrong is taken for a tree."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from planner.base.errors import InputRefused, InvalidValue
from planner.io.tree_file import read_tree, tree_bytes, tree_of_bytes
from planner.library.case_folder import create_case_folder, open_case_folder
from planner.model.case import Case
from planner.model.roles import Role
from planner.model.vessel_tree import Branch, VesselTree


def tree() -> VesselTree:
    points = np.random.default_rng(0).normal(size=(7, 3))
    trunk = Branch(3, None, points, np.linspace(5, 3, 7), "main", True)
    twig = Branch(4, 3, np.array([points[-1], points[-1] + 1 / 3]), np.array([2.0, 1.0]))
    return VesselTree("portal", Role.PORTAL_VEIN, (trunk, twig), "portal vein", "1.2.3", ("two fragments",))


def same(one: VesselTree, two: VesselTree) -> bool:
    return tree_bytes(one) == tree_bytes(two)


def test_the_same_numbers_come_back(tmp_path: Path) -> None:
    path = tmp_path / "portal.json"
    path.write_bytes(tree_bytes(tree()))
    found = read_tree(path)
    assert same(found, tree())
    for one, two in zip(found.branches, tree().branches, strict=True):
        assert np.array_equal(one.points_lps_mm, two.points_lps_mm)
        assert (one.name, one.is_name_confirmed, one.parent) == (two.name, two.is_name_confirmed, two.parent)
    assert (found.role, found.structure, found.notes) == (Role.PORTAL_VEIN, "portal vein", ("two fragments",))


def test_a_case_keeps_its_trees(tmp_path: Path) -> None:
    case = Case("c", "C").with_vessel_tree(tree()).with_vessel_tree(VesselTree("veins", Role.HEPATIC_VEIN))
    create_case_folder(case, tmp_path / "case")
    back = open_case_folder(tmp_path / "case")
    assert [t.id for t in back.vessel_trees] == ["portal", "veins"]
    assert same(back.vessel_tree("portal"), tree())
    assert [t.id for t in back.without_vessel_tree("veins").vessel_trees] == ["portal"]
    with pytest.raises(InvalidValue, match="no such tree"):
        back.vessel_tree("artery")
    with pytest.raises(InvalidValue, match="share an id"):
        Case("c", "C", vessel_trees=(tree(), tree()))


def test_an_older_case_without_trees_opens(tmp_path: Path) -> None:
    create_case_folder(Case("c", "C"), tmp_path / "case")
    path = tmp_path / "case" / "case.json"
    document = json.loads(path.read_text())
    del document["vessel_trees"]
    path.write_text(json.dumps({**document, "version": 3}))
    assert open_case_folder(tmp_path / "case").vessel_trees == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": "x"}, "no tree"),
        ({"version": 99}, "later version"),
        ({"role": "teapot"}, "are no tree"),
        ({"branches": [{"number": 0, "parent": 0, "points": [[0, 0, 0, 1], [1, 0, 0, 1]]}]}, "are no tree"),
        ({"branches": [{"number": 0, "parent": None, "points": [[0, 0, 0, 1]]}]}, "are no tree"),
        ({"branches": [{"number": 0, "parent": None, "points": [[0, 0, 0]]}]}, "field of the file"),
        ({"more": 1}, "field of the file"),
    ],
)
def test_what_is_no_tree_is_refused(change: dict[str, object], words: str) -> None:
    document = json.loads(tree_bytes(tree()))
    with pytest.raises(InputRefused, match=words):
        tree_of_bytes(json.dumps({**document, **change}).encode(), "portal.json")


def test_damaged_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="damaged"):
        tree_of_bytes(b"{", "portal.json")
    with pytest.raises(InputRefused, match="cannot be read"):
        read_tree(tmp_path / "none.json")
