"""Pairs of needles that touch, against measuring them one by one."""

from __future__ import annotations

import itertools

import numpy as np

from planner.model.plan import Applicator
from planner.planning.arrays import gap_mm
from planner.planning.needle_gaps import touching_pairs


def needle(entry: tuple[float, ...], tip: tuple[float, ...]) -> Applicator:
    return Applicator("n", "any", entry, tip)  # type: ignore[arg-type]


def test_pairs_are_those_that_come_nearer() -> None:
    random = np.random.default_rng(3)
    needles = [needle(tuple(random.uniform(-20, 20, 3)), tuple(random.uniform(-9, 9, 3))) for _ in range(40)]
    needles += [
        needle((0.0, 0.0, 0.0), (0.0, 0.0, 30.0)),
        needle((2.0, 0.0, 5.0), (2.0, 0.0, 90.0)),  # parallel, 2 mm beside
        needle((0.0, 0.0, 0.0), (0.0, 0.0, 30.0)),  # the same again
        needle((0.0, 0.0, 32.0), (0.0, 0.0, 60.0)),  # behind, 2 mm away
        needle((0.0, 3.5, 10.0), (0.0, 90.0, 10.0)),  # across, 3.5 mm away
    ]
    for within in (1.0, 3.0, 8.0):
        expected = tuple(
            (a, b)
            for a, b in itertools.combinations(range(len(needles)), 2)
            if gap_mm(needles[a], needles[b]) < within
        )
        assert touching_pairs(needles, within) == expected
        assert expected


def test_one_needle_touches_none() -> None:
    assert touching_pairs([needle((0.0, 0.0, 0.0), (0.0, 0.0, 30.0))], 3.0) == ()
    assert touching_pairs([], 3.0) == ()
