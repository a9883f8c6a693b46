"""Branches to tie, so that nothing but the liver gets the drug."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planner.model.points import Point, as_point
from planner.model.vessel_tree import Branch, VesselTree
from planner.planning.arterial_names import extrahepatic_beyond, organ_of
from planner.planning.catheter_way import CatheterWay
from planner.planning.gastroduodenal import Junction

BEYOND, IN_STEM = "beyond the junction", "between junction and tip"


@dataclass(frozen=True)
class Ligation:
    """A branch that leaves where the drug flows and feeds something else: to be tied.

    Parameters
    ----------
    tip
        Of which target.
    number, title
        The branch, in all arteries together, and its name.
    organ
        What it feeds; empty where nobody named it.
    where
        `BEYOND` or `IN_STEM`.
    away_mm
        From the junction (or the tip, where there is none) to where it leaves, along the vessels.
    diameter_mm
        Mean.
    place_lps_mm
        Where it leaves.
    """

    tip: str
    number: int
    title: str
    organ: str
    where: str
    away_mm: float
    diameter_mm: float
    place_lps_mm: Point


def ligations(tip: str, way: CatheterWay, junction: Junction | None) -> tuple[Ligation, ...]:
    """Arteries of other organs beyond the junction (or the tip), by name, and all between junction and tip.

    Parameters
    ----------
    tip
        Id of the target.
    way
        To it.
    junction
        It lies at; None where it perfuses what lies beyond the tip.
    """
    tree = way.tree
    beyond = way.beyond if junction is None else junction.perfused
    before = way.along_mm if junction is None else 0.0
    found = [
        _ligation(tip, branch, BEYOND, max(_length_mm(tree, branch.number, beyond) - before, 0.0))
        for branch in _outermost(tree, extrahepatic_beyond(tree, beyond))
    ]
    if junction is not None:
        stem = [b.number for b in tree.subtree(junction.number)]
        found += [
            _ligation(tip, branch, IN_STEM, _length_mm(tree, branch.number, stem))
            for branch in junction.side_branches(way)
        ]
    return tuple(found)


def _outermost(tree: VesselTree, branches: Sequence[Branch]) -> tuple[Branch, ...]:
    """Without those beyond another of them: tying that one closes them."""
    beyond = {b.number for each in branches for b in tree.subtree(each.number)[1:]}
    return tuple(b for b in branches if b.number not in beyond)


def _length_mm(tree: VesselTree, number: int, among: Sequence[int]) -> float:
    """Of the branches among some on the way to where one leaves."""
    chosen = set(among)
    return sum(b.length_mm for b in tree.way_to(number)[:-1] if b.number in chosen)


def _ligation(tip: str, branch: Branch, where: str, away_mm: float) -> Ligation:
    return Ligation(
        tip,
        branch.number,
        branch.title,
        organ_of(branch.name),
        where,
        away_mm,
        branch.mean_diameter_mm,
        as_point(branch.points_lps_mm[0]),
    )
