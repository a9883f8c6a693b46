"""Liver that is not perfused, by the artery it hangs on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.model.points import Point, as_point
from planner.model.vessel_tree import Branch, VesselTree
from planner.planning.arterial_names import (
    ACCESSORY_LEFT,
    ACCESSORY_RIGHT,
    COMMON,
    HEPATIC,
    PROPER,
    REPLACED_LEFT,
    REPLACED_RIGHT,
    organ_of,
)
from planner.planning.catheter_way import CatheterWay
from planner.planning.perfusion import Fed, PerfusionGround

BoolArray = npt.NDArray[np.bool_]

#: Arteries that may hang elsewhere than the others.
VARIANTS = (REPLACED_RIGHT, REPLACED_LEFT, ACCESSORY_RIGHT, ACCESSORY_LEFT)


@dataclass(frozen=True)
class LeftOut:
    """Liver that hangs on an artery which is not perfused.

    Parameters
    ----------
    number, title
        The artery, in all of them together, and its name.
    volume_ml
        Of the liver.
    is_before
        Whether it leaves before the junction, from the artery the blood comes through.
    place_lps_mm
        Where it begins.
    """

    number: int
    title: str
    volume_ml: float
    is_before: bool
    place_lps_mm: Point

    @property
    def is_variant(self) -> bool:
        """Whether it is a replaced or accessory artery."""
        return self.title in VARIANTS

    @property
    def organ(self) -> str:
        """What else it feeds by its name; empty where it feeds the liver or nobody knows."""
        return organ_of(self.title)


def left_out(
    ground: PerfusionGround,
    tree: VesselTree,
    perfused: BoolArray,
    passed: Collection[int],
    reached: Collection[int],
) -> tuple[LeftOut, ...]:
    """Liver that is not perfused, most first, with named variants that feed none; with the rest it is the liver.

    Parameters
    ----------
    ground
        The liver shared out among the branches of the tree.
    tree
        All arteries together.
    perfused
        Which of its classes are perfused, (classes,).
    passed
        Numbers of branches the blood comes through before it gets the drug.
    reached
        Numbers of branches that get it.
    """
    own = own_ml(ground, tree, ~perfused)
    volumes: dict[int, float] = {}
    for branch in tree.branches:
        artery = _artery_of(tree, branch.number, passed)
        if own[branch.number] > 0 or (artery.name in VARIANTS and artery.number not in reached):
            volumes[artery.number] = volumes.get(artery.number, 0.0) + own[branch.number]
    found = []
    for number, ml in volumes.items():
        artery = tree.branch(number)
        place = as_point(artery.points_lps_mm[0])
        found.append(LeftOut(number, artery.title, ml, number in passed, place))
    return tuple(sorted(found, key=lambda part: (-part.volume_ml, part.number)))


def own_ml(ground: PerfusionGround, tree: VesselTree, among: BoolArray) -> dict[int, float]:
    """By branch the liver that hangs on it and not on what lies beyond, among some classes (classes,)."""
    whole = {
        b.number: Fed(ground, ground.fed_beyond(CatheterWay(tree, b.number, 0.0)) & among).volume_ml
        for b in tree.branches
    }
    # Sums of voxels: less than one is rounding.
    least = 0.5 * ground.liver.grid.voxel_volume_ml
    own = {n: ml - sum(whole[c.number] for c in tree.children(n)) for n, ml in whole.items()}
    return {n: ml if ml > least else 0.0 for n, ml in own.items()}


def _artery_of(tree: VesselTree, number: int, passed: Collection[int]) -> Branch:
    """The artery a branch is told as: a variant, else a named one of the liver, else the first that is not passed."""
    way = tree.way_to(number)
    on = [b for b in way if b.number not in passed]
    if not on:
        return way[-1]
    variant = [b for b in on if b.name in VARIANTS]
    named = [b for b in on if b.name in HEPATIC and b.name not in (COMMON, PROPER)]
    return (variant or named or on)[0]
