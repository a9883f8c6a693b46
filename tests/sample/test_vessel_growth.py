"""Grown trees: Murray's law, clearance, reach."""

from __future__ import annotations

import numpy as np
import pytest

from planner.sample.vessel_growth import MURRAY_EXPONENT, Tree, scattered


@pytest.fixture
def tree() -> Tree:
    made = Tree(0.6, 4.0)
    made.add_trunk(np.stack([np.zeros(8), np.zeros(8), np.linspace(-40, -10, 8)], axis=1))

    def room(points: np.ndarray) -> np.ndarray:
        return np.asarray(np.where(points[:, 2] < -12, 1.0, 40 - np.linalg.norm(points, axis=1)))

    targets = scattered(lambda p: room(p) > 1, np.full(3, -40.0), np.full(3, 40.0), 60, 3)
    made.grow(targets, room, [(np.array([[15.0, 0.0, 0.0]]), np.array([5.0]))], 1.0)
    return made


def test_radii_obey_murrays_law_at_every_fork(tree: Tree) -> None:
    radii, parents = tree.radii(), np.array(tree.parents)
    for node in range(len(radii)):
        children = np.flatnonzero(parents == node)
        if len(children) > 1:
            assert (radii[children] ** MURRAY_EXPONENT).sum() == pytest.approx(radii[node] ** MURRAY_EXPONENT)


def test_the_root_has_the_radius_asked_for(tree: Tree) -> None:
    assert tree.radii()[0] == pytest.approx(4.0)


def test_no_branch_enters_what_is_taken_or_leaves_the_organ(tree: Tree) -> None:
    grown = np.array(tree.points[tree.fixed :])
    assert len(grown) > 100
    assert np.linalg.norm(grown - [15.0, 0.0, 0.0], axis=1).min() > 6.0
    assert np.linalg.norm(grown, axis=1).max() < 40.0


def test_twigs_reach_every_side(tree: Tree) -> None:
    grown = np.array(tree.points[tree.fixed :])
    for axis in (0, 1):
        assert grown[:, axis].min() < -20
        assert grown[:, axis].max() > 20
