"""Trees found in outlines: lengths, radii, forks and roots against tubes known exactly."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from planner.base.errors import Cancelled, InvalidValue
from planner.base.task import Task
from planner.model.geometry import Grid
from planner.model.roles import Role
from planner.model.vessel_tree import VesselTree
from planner.planning.vessel_finding import find_tree, liver_part

from .vessel_shapes import LATTICES, Tube, lattice, outlined, voxels

every_lattice = pytest.mark.parametrize("kind", LATTICES)


def found(grid: Grid, *tubes: Tube, role: Role = Role.HEPATIC_ARTERY, **rest) -> VesselTree:
    return find_tree(outlined(grid, role, vessels=voxels(grid, tubes)), "vessels", id="tree", **rest)


def half_voxel_mm(grid: Grid) -> float:
    return 0.5 * max(grid.spacing_mm)


@every_lattice
@pytest.mark.parametrize(
    "way", [(1, 0, 0), (0, 0, 1), (0.55, -0.62, 0.56)], ids=["along x", "along z", "aslant"]
)
@pytest.mark.parametrize("radius", [2.0, 5.5])
def test_a_straight_tube_has_its_length_and_radius_and_no_staircase(
    kind: str, way: tuple[float, float, float], radius: float
) -> None:
    grid = lattice(kind)
    unit = np.array(way) / np.linalg.norm(way)
    start, stop = tuple(-35 * unit), tuple(35 * unit)
    tree = found(grid, Tube(start, stop, radius, is_round=False))
    (branch,) = tree.branches
    assert branch.parent is None
    assert branch.length_mm == pytest.approx(70, rel=0.02)
    assert np.abs(branch.radii_mm - radius).max() < half_voxel_mm(grid)
    points = branch.points_lps_mm
    off = np.linalg.norm(points - (points @ unit)[:, None] * unit, axis=1)
    assert off.max() < half_voxel_mm(grid)
    assert (tree.structure, tree.frame_of_reference_uid) == ("vessels", "1.2.3")
    assert tree.notes == ()


@every_lattice
def test_a_fork_gives_three_branches_of_two_generations(kind: str) -> None:
    grid = lattice(kind)
    # Round ends reach a radius beyond their lines.
    trunk = Tube((0, -38, 0), (0, 0, 0), 4.5)
    left, right = Tube((0, 0, 0), (22, 30, 8), 3.2), Tube((0, 0, 0), (-26, 28, -6), 2.6)
    tree = found(grid, trunk, left, right)
    assert sorted(tree.generation(b.number) for b in tree.branches) == [0, 1, 1]
    assert tree.length_mm == pytest.approx(
        38 + 4.5 + np.hypot(np.hypot(22, 30), 8) + 3.2 + 38.7 + 2.6, rel=0.02
    )
    root, one, two = tree.branches
    assert root.radii_mm[:20] == pytest.approx(4.5, abs=half_voxel_mm(grid))
    assert np.median(one.radii_mm) == pytest.approx(3.2, abs=half_voxel_mm(grid))
    assert np.median(two.radii_mm) == pytest.approx(2.6, abs=half_voxel_mm(grid))
    assert root.points_lps_mm[0] == pytest.approx([0, -42.5, 0], abs=2 * half_voxel_mm(grid))
    assert one.points_lps_mm[-1] @ [22, 30, 8] > 0 > two.points_lps_mm[-1][0]


@every_lattice
def test_generations_follow_the_forks(kind: str) -> None:
    grid = lattice(kind)
    tubes = [
        Tube((-40, 0, 0), (40, 0, 0), 4.0, 2.5),
        Tube((-15, 0, 0), (0, 28, 0), 2.4),
        Tube((8, 0, 0), (22, -26, 8), 2.2),
        Tube((22, 0, 0), (34, 4, 24), 2.0),
    ]
    tree = found(grid, *tubes)
    assert [b.number for b in tree.branches] == list(range(7))
    assert sorted(tree.generation(b.number) for b in tree.branches) == [0, 1, 1, 2, 2, 3, 3]


@every_lattice
def test_a_tapering_tube_has_its_radius_everywhere(kind: str) -> None:
    grid = lattice(kind)
    tree = found(grid, Tube((-36, -10, 4), (36, 12, -4), 6.0, 2.0, is_round=False))
    (branch,) = tree.branches
    whole = float(np.linalg.norm([72, 22, 8]))
    assert branch.length_mm == pytest.approx(whole, rel=0.02)
    along = np.clip((branch.points_lps_mm - [-36, -10, 4]) @ np.array([72, 22, -8]) / whole**2, 0, 1)
    away = np.abs(branch.radii_mm - (6.0 - 4.0 * along))
    assert away.max() < half_voxel_mm(grid)
    # The root is the wide end.
    assert branch.radii_mm[0] > 5 > 3 > branch.radii_mm[-1]


@every_lattice
def test_a_loop_is_opened_at_its_thinnest_place_and_said(kind: str) -> None:
    grid = lattice(kind)
    tubes = [
        Tube((-40, 0, 0), (-20, 0, 0), 4.0),
        Tube((-20, 0, 0), (0, 22, 0), 3.5),
        Tube((0, 22, 0), (22, 0, 0), 3.5),
        Tube((-20, 0, 0), (0, -22, 0), 4.5, 1.5),
        Tube((0, -22, 0), (22, 0, 0), 1.5, 4.5),
        Tube((22, 0, 0), (40, 0, 0), 4.0),
    ]
    tree = found(grid, *tubes)
    assert sum("1 loop opened" in note for note in tree.notes) == 1
    tips = [b.points_lps_mm[-1] for b in tree.branches if not tree.children(b.number)]
    opened = [tip for tip in tips if np.linalg.norm(tip - [0, -22, 0]) < 8]
    assert len(opened) == 2
    assert len(tree.branches) == 5


@every_lattice
def test_roughness_is_no_branch_and_a_hole_no_loop(kind: str) -> None:
    grid = lattice(kind)
    mask = voxels(grid, [Tube((-36, 0, 0), (36, 6, 0), 4.5)])
    rng = np.random.default_rng(2)
    kji = np.argwhere(mask)
    at = np.rint(grid.to_ijk([[0.0, 3.0, 0.0], [12.0, 4.0, 0.0]])).astype(int)
    for i, j, k in at:
        mask[k, j, i] = False
    for k, j, i in kji[rng.choice(len(kji), 60, replace=False)]:
        mask[k, j, min(i + 1, mask.shape[2] - 1)] = True
    tree = find_tree(outlined(grid, vessels=mask), "vessels", id="tree")
    assert len(tree.branches) == 1
    assert any("holes" in note for note in tree.notes)


def test_a_side_branch_counts_from_a_voxel_beyond_the_wall() -> None:
    grid = lattice("even")
    trunk = Tube((-38, 0, 0), (38, 0, 0), 5.0, is_round=False)
    assert len(found(grid, trunk, Tube((0, 0, 0), (0, 4.5, 0), 1.6)).branches) == 1
    assert len(found(grid, trunk, Tube((0, 0, 0), (0, 12, 0), 1.6)).branches) == 3


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_tube_cut_by_the_edge_ends_there_and_is_said(axis: int) -> None:
    grid = lattice("thick slices", 30.0)
    stop = np.zeros(3)
    stop[axis] = 60.0
    tree = found(grid, Tube((0, 0, 0), tuple(stop), 3.0, is_round=False))
    (branch,) = tree.branches
    face = grid.center_lps_mm[axis] + 0.5 * grid.shape[2 - axis] * grid.spacing_mm[axis]
    ends = branch.points_lps_mm[[0, -1], axis]
    assert ends.max() == pytest.approx(face, abs=0.05)
    assert branch.radii_mm == pytest.approx(3.0, abs=half_voxel_mm(grid))
    assert any("cut by the edge of the scan" in note for note in tree.notes)


def test_specks_are_dropped_and_further_pieces_are_roots() -> None:
    grid = lattice("even")
    tree = found(
        grid,
        Tube((-38, 0, 0), (38, 0, 0), 3.0),
        Tube((-10, 25, 0), (15, 25, 0), 2.0),
        Tube((0, -25, 0), (0, -26, 0), 1.2),
        Tube((0, -25, 20), (0.1, -25, 20), 6.0),
    )
    assert [b.parent for b in tree.branches] == [None, None]
    assert tree.branches[0].length_mm > 70 > 40 > tree.branches[1].length_mm
    words = " ".join(tree.notes)
    assert "1 speck of 0.01 ml together left out." in words
    assert "1 piece of 0.9" in words
    assert "in 2 pieces: each has a root of its own" in words


def test_a_thing_that_is_no_vessel_is_refused() -> None:
    grid = lattice("even", 20.0)
    with pytest.raises(InvalidValue, match="No vessel was found") as raised:
        found(grid, Tube((0, 0, 0), (0.1, 0, 0), 9.0))
    assert "longer than wide" in str(raised.value)
    with pytest.raises(InvalidValue, match="specks below"):
        found(grid, Tube((0, 0, 0), (1, 0, 0), 1.0), Tube((9, 0, 0), (10, 0, 0), 1.0))
    empty = outlined(grid, vessels=np.zeros(grid.shape, dtype=bool))
    with pytest.raises(InvalidValue, match="no voxel"):
        find_tree(empty, "vessels", id="tree")
    full = outlined(grid, vessels=np.ones(grid.shape, dtype=bool))
    with pytest.raises(InvalidValue, match="fills the whole scan"):
        find_tree(full, "vessels", id="tree")
    with pytest.raises(InvalidValue, match="no structure of this name"):
        find_tree(full, "veins", id="tree")
    with pytest.raises(InvalidValue, match="three finite numbers"):
        find_tree(full, "vessels", id="tree", root_lps_mm=(0.0, np.nan, 0.0))


def test_a_flat_thing_gives_a_tree_or_is_refused() -> None:
    grid = lattice("even", 20.0)
    mask = np.zeros(grid.shape, dtype=bool)
    mask[20:23, 5:35, 5:35] = True
    tree = find_tree(outlined(grid, vessels=mask), "vessels", id="tree")
    assert tree.branches


def test_a_ring_becomes_one_branch() -> None:
    grid = lattice("even")
    angle = np.linspace(0, 2 * np.pi, 25)
    corners = np.stack([25 * np.cos(angle), 25 * np.sin(angle), 0 * angle], axis=1)
    tree = found(grid, *(Tube(tuple(a), tuple(b), 3.0) for a, b in pairwise(corners)))
    assert len(tree.roots) == 1
    assert tree.length_mm == pytest.approx(2 * np.pi * 25, rel=0.04)
    assert "1 loop opened" in tree.notes[0]


def test_the_root_is_where_it_was_asked_for() -> None:
    grid = lattice("even")
    tubes = (
        Tube((-38, 0, 0), (0, 0, 0), 5.0),
        Tube((0, 0, 0), (28, 24, 0), 3.0),
        Tube((0, 0, 0), (28, -24, 0), 3.0),
    )
    assert found(grid, *tubes).roots[0].points_lps_mm[0][0] < -38
    asked = found(grid, *tubes, root_lps_mm=(30.0, 24.0, 0.0))
    assert asked.roots[0].points_lps_mm[0] == pytest.approx([30, 26, 0], abs=2)
    assert [asked.generation(b.number) for b in asked.branches] == [0, 1, 1]


def test_a_portal_vein_enters_from_outside_the_liver() -> None:
    grid = lattice("even")
    vessels = voxels(
        grid,
        [
            Tube((-38, 0, 0), (0, 0, 0), 3.0),
            Tube((0, 0, 0), (30, 24, 0), 4.0),
            Tube((0, 0, 0), (30, -24, 0), 3.0),
        ],
    )
    liver = voxels(grid, [Tube((18, 0, 0), (18.1, 0, 0), 34.0)])
    structures = outlined(grid, Role.PORTAL_VEIN, vessels=vessels, liver=liver)
    tree = find_tree(structures, "vessels", id="tree")
    assert tree.roots[0].points_lps_mm[0][0] < -35
    assert any("lies outside the liver" in note for note in tree.notes)
    part = liver_part(tree, structures)
    assert part.branches == {1, 2}
    assert part.shares[0] == pytest.approx(17 / 42, abs=0.03)
    assert part.percent == pytest.approx(
        100 * sum(part.shares[b.number] * b.length_mm for b in tree.branches) / tree.length_mm
    )
    away = outlined(grid, Role.PORTAL_VEIN, vessels=vessels, liver=np.roll(liver & ~liver, 1))
    with pytest.raises(InvalidValue, match="no liver"):
        liver_part(tree, away)


def test_a_portal_system_outside_the_liver_is_said() -> None:
    grid = lattice("even")
    vessels = voxels(grid, [Tube((-38, -30, 0), (30, -30, 0), 3.0)])
    liver = voxels(grid, [Tube((0, 20, 0), (0.1, 20, 0), 20.0)])
    tree = find_tree(outlined(grid, Role.PORTAL_VEIN, vessels=vessels, liver=liver), "vessels", id="tree")
    assert "No part of these vessels lies in the liver." in tree.notes


@pytest.mark.parametrize("overlap", [0.0, 6.0], ids=["touching", "overlapping"])
def test_hepatic_veins_drain_into_the_vena_cava(overlap: float) -> None:
    grid = lattice("even")
    # Two veins meet at the cava's wall, wider ends lie elsewhere, and a twig ends beside the cava.
    vessels = voxels(
        grid,
        [
            Tube((overlap - 2, 0, 0), (30, 20, 0), 3.0, 5.0),
            Tube((overlap - 2, 0, 0), (30, -20, 0), 3.0),
            Tube((14, 11, 0), (2, 16, 25), 1.4),
        ],
    )
    cava = voxels(grid, [Tube((-6, 0, -40), (-6, 0, 40), 8.0)])
    tree = find_tree(outlined(grid, Role.HEPATIC_VEIN, vessels=vessels, cava=cava), "vessels", id="tree")
    assert len(tree.roots) == 1
    assert np.linalg.norm(tree.roots[0].points_lps_mm[0][1:]) < 3.5
    assert tree.roots[0].points_lps_mm[0][0] < 5


def test_the_same_outline_gives_the_same_tree_and_work_can_be_stopped() -> None:
    grid = lattice("oblique")
    tubes = Tube((-38, 0, 0), (0, 0, 0), 5.0), Tube((0, 0, 0), (28, 24, 0), 3.0)
    one, two = found(grid, *tubes), found(grid, *tubes)
    assert all(
        np.array_equal(a.points_lps_mm, b.points_lps_mm)
        for a, b in zip(one.branches, two.branches, strict=True)
    )
    assert all(
        np.array_equal(a.radii_mm, b.radii_mm) for a, b in zip(one.branches, two.branches, strict=True)
    )
    said: list[str] = []

    def listen(_: float, text: str) -> None:
        said.append(text)
        if len(said) > 1:
            task.cancel()

    task = Task(listen)
    with pytest.raises(Cancelled):
        found(grid, *tubes, task=task)
    assert said[0] == "Cleaning the outline: vessels"
