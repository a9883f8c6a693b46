"""Two outlines that overlap or have grown together are parted, so that no tree has the other's branch."""

from __future__ import annotations

import numpy as np
import pytest

from planner.base.errors import InvalidValue
from planner.model.structures import Structure, StructureSet
from planner.planning.vessel_finding import find_tree
from planner.planning.vessel_parting import parted

from .vessel_shapes import LATTICES, Tube, lattice, outlined, voxels

#: One runs along x; the other crosses over it and touches it at the middle, 5.5 mm away.
ONE = Tube((-38, 0, 0), (38, 0, 0), 3.0)
TWO = Tube((0, -36, 5.5), (0, 36, 5.5), 3.0)


def both(kind: str, stolen: bool = False) -> tuple[StructureSet, np.ndarray, np.ndarray]:
    grid = lattice(kind)
    one, two = voxels(grid, [ONE]), voxels(grid, [TWO])
    if stolen:
        piece = voxels(grid, [Tube((0, -7, 5.5), (0, 7, 5.5), 3.0, is_round=False)])
        return outlined(grid, one=one | piece, two=two & ~piece), one, two
    return outlined(grid, one=one, two=two), one, two


def error_ml(structures: StructureSet, name: str, truth: np.ndarray, ambiguous: np.ndarray) -> float:
    wrong = (structures.mask(name) != truth) & ~ambiguous
    return float(wrong.sum()) * structures.grid.voxel_volume_ml


@pytest.mark.parametrize("kind", LATTICES)
def test_what_lies_in_both_goes_to_the_nearer(kind: str) -> None:
    structures, one, two = both(kind)
    found = parted(structures, "one", "two")
    assert found.shared_ml == pytest.approx((one & two).sum() * structures.grid.voxel_volume_ml)
    assert not (found.structures.mask("one") & found.structures.mask("two")).any()
    assert ((found.structures.mask("one") | found.structures.mask("two")) == (one | two)).all()
    assert found.moved_ml < 0.01
    assert "given to the nearer vessel" in found.notes[0]
    for name in ("one", "two"):
        (branch,) = find_tree(found.structures, name, id=name).branches
        assert branch.length_mm == pytest.approx(82 if name == "one" else 78, rel=0.02)


@pytest.mark.parametrize("kind", LATTICES)
def test_a_piece_of_one_in_the_others_outline_is_given_back(kind: str) -> None:
    structures, one, two = both(kind, stolen=True)
    assert len(find_tree(structures, "one", id="before").branches) > 1
    found = parted(structures, "one", "two")
    assert found.moved_ml > 0.25
    assert any("lay within the other" in note for note in found.notes)
    for name, truth in (("one", one), ("two", two)):
        tree = find_tree(found.structures, name, id=name)
        assert len(tree.branches) == 1
        assert error_ml(found.structures, name, truth, one & two) < 0.08


def test_vessels_side_by_side_are_left_as_they_are() -> None:
    grid = lattice("thick slices")
    one = voxels(grid, [ONE])
    two = voxels(grid, [Tube((-38, 6, 0), (38, 6, 0), 3.0)]) & ~one
    found = parted(outlined(grid, one=one, two=two), "one", "two")
    assert found.moved_ml == 0
    assert (found.structures.mask("one") == one).all()
    assert [len(find_tree(found.structures, n, id=n).branches) for n in ("one", "two")] == [1, 1]
    away = outlined(grid, one=one, two=np.roll(two, 30, axis=1))
    assert parted(away, "one", "two").structures is away


def test_an_outline_within_the_other_and_bad_names() -> None:
    grid = lattice("even")
    one = voxels(grid, [ONE])
    inside = voxels(grid, [Tube((-10, 0, 0), (10, 0, 0), 2.0)])
    found = parted(outlined(grid, one=one, two=inside), "one", "two")
    assert found.structures.voxel_count("one") == one.sum()
    with pytest.raises(InvalidValue, match="from itself"):
        parted(found.structures, "one", "one")
    with pytest.raises(InvalidValue, match="no voxel"):
        parted(found.structures, "one", "two")
    bare = found.structures.without("two").with_mask(Structure("three"), inside & ~inside)
    with pytest.raises(InvalidValue, match="no structure of this name"):
        parted(bare, "one", "two")
