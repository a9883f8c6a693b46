"""Where planned needles come to lie: drawn around the plan, and against a liver that moved with the breath.

The model, and its limits.  A needle goes in at its planned entry, so an error across its shaft turns it about
the skin; its tip is off by errors as published (`landing_errors`).  Breath moves the whole liver, with its lesions and vessels, stiffly towards the feet
between planning and placing, while skin and ribs stay; a liver in a patient also turns and bends, and the lung
over it opens.  In the liver the needle is drawn from its entry to the shifted tip, so a place ``o`` behind the tip
of a needle of length ``L`` is off by ``breath * o / L`` (1 mm at 10 mm of breath, 12 mm behind a tip 120 mm
deep).  Foci of ultrasound neither go astray nor lag behind the liver: sound is steered by a picture
taken while it is given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from planner.base.errors import InvalidValue
from planner.model.electrode_array import ElectrodeArray
from planner.model.geometry import FloatArray
from planner.model.plan import SHORTEST_PROBE_MM, Plan
from planner.model.points import Point, as_point
from planner.planning.plan_needles import ROUNDING_MM, Ends, Key, PlanNeedle, plan_needles, with_places
from planner.practice.exercise import Conditions
from planner.practice.landing_errors import drawn_offset

_TOWARDS_HEAD = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class LandedNeedle:
    """How far a needle lies from where it was planned.

    Parameters
    ----------
    id, title
        Of the planned needle: ``e1:2`` is ``e1 electrode 3``.
    lateral_mm
        Distance of its tip from the planned line.
    depth_mm
        How much deeper its tip lies along that line; negative where it falls short.
    tip_off_lps_mm
        From the planned tip to its own; the breath does not count.
    repositionings
        How often it was drawn back and put in again.
    """

    id: str
    title: str
    lateral_mm: float
    depth_mm: float
    tip_off_lps_mm: Point
    repositionings: int = 0


@dataclass(frozen=True)
class Landing:
    """An attempt's needles as they lie.

    Parameters
    ----------
    planned, conditions, seed, attempt_number
        What it was drawn from: the same ones give the same bits.
    needles
        In the plan's order.
    plan
        As it lies in the liver of the planning scan: what is judged.  Entries are as planned, tips lie
        `Conditions.breath_mm` further towards the head, since the liver went towards the feet.
    scanned
        As it lies in the room, and in a control scan.
    tries
        By needle how often it was put in again, those included that left the plan.
    """

    planned: Plan
    conditions: Conditions
    seed: int
    attempt_number: int
    needles: tuple[LandedNeedle, ...]
    plan: Plan
    scanned: Plan
    tries: tuple[tuple[str, int], ...] = ()

    @property
    def repositionings(self) -> int:
        """How often needles were drawn back and put in again, in all."""
        return sum(count for _, count in self.tries)

    def needle(self, id: str) -> LandedNeedle:
        """The needle of an id, such as ``p1`` or ``e1:2``; raises `InvalidValue` where there is none."""
        for needle in self.needles:
            if needle.id == id:
                return needle
        ids = ", ".join(n.id for n in self.needles)
        raise InvalidValue("The plan has no such needle.", f"'{id}'", f"Name one of: {ids or 'none there'}.")


def landed(
    plan: Plan,
    conditions: Conditions,
    seed: int,
    attempt_number: int = 0,
    tries: Iterable[tuple[str, int]] = (),
) -> Landing:
    """Where the needles of a plan come to lie.

    Each needle is drawn by its own id, so others beside it change nothing.  Electrodes of an array are
    drawn one by one; their pairs keep the planned nominal V/d at the distances as they lie, as a
    generator is set after placement (`plan_needles.with_places`).

    Parameters
    ----------
    plan
        In coordinates of the planning scan.
    conditions
        How needles are placed.
    seed, attempt_number
        Of the draw, zero or more; another attempt at the same seed is another draw.
    tries
        By needle how often it was put in again before, as `Landing.tries` of an attempt that is taken up.

    Raises
    ------
    InvalidValue
        If a seed or number is negative.
    """
    known = dict(tries)
    if min(seed, attempt_number, *known.values()) < 0:
        raise InvalidValue(
            "A draw needs a seed and numbers of zero or more.",
            f"seed {seed}, attempt {attempt_number}, tries {known}",
        )
    return _landing(plan, conditions, seed, attempt_number, known)


def repositioned(landing: Landing, id: str) -> Landing:
    """The same with one needle drawn back and put in again, aimed at the same place; the others stay.

    Raises
    ------
    InvalidValue
        If there is no such needle.
    """
    needle = landing.needle(id)
    return _again(landing, landing.planned, {id: needle.repositionings + 1})


def replanned(landing: Landing, plan: Plan) -> Landing:
    """The same with a changed plan: a needle that was moved is put in again, and counted; a new one put in.

    Needles whose entry and tip are as before lie where they lay.  Places are those of the control scan,
    in which the liver lies lower by the breath.  Electrodes go by their numbers: where one is taken out
    of an array, those behind it are put in again.
    """
    before = {n.needle.id: _ends(n) for n in plan_needles(landing.planned)}
    known = dict(landing.tries)
    moved = {
        n.needle.id: known.get(n.needle.id, 0) + 1
        for n in plan_needles(plan)
        if before.get(n.needle.id, _ends(n)) != _ends(n)
    }
    return _again(landing, plan, moved)


def _again(landing: Landing, plan: Plan, tries: Mapping[str, int]) -> Landing:
    every = {**dict(landing.tries), **tries}
    return _landing(plan, landing.conditions, landing.seed, landing.attempt_number, every)


def _landing(plan: Plan, conditions: Conditions, seed: int, number: int, tries: Mapping[str, int]) -> Landing:
    breath = conditions.breath_mm * _TOWARDS_HEAD
    needles: list[LandedNeedle] = []
    scanned: dict[Key, Ends] = {}
    judged: dict[Key, Ends] = {}
    for each in plan_needles(plan):
        id, entry = each.needle.id, each.needle.entry_lps_mm
        count, least_mm = tries.get(id, 0), _least_length_mm(plan, each)
        random = np.random.default_rng([seed, number, count, _word(id)])
        off = drawn_offset(each.needle.direction, conditions.placement, random)
        tip = _deep_enough(each, np.array(each.needle.tip_lps_mm) + off, least_mm)
        needles.append(_landed_needle(each, tip, count))
        scanned[each.key] = entry, as_point(tip)
        judged[each.key] = entry, as_point(_deep_enough(each, tip + breath, least_mm))
    kept = tuple(sorted((i, n) for i, n in tries.items() if n))
    in_room = _lying(plan, scanned)
    in_liver = in_room if judged == scanned else _lying(plan, judged)
    return Landing(plan, conditions, seed, number, tuple(needles), in_liver, in_room, kept)


def _landed_needle(each: PlanNeedle, tip: FloatArray, count: int) -> LandedNeedle:
    off, along = tip - np.array(each.needle.tip_lps_mm), each.needle.direction
    depth_mm = float(off @ along)
    lateral_mm = float(np.linalg.norm(off - depth_mm * along))
    return LandedNeedle(each.needle.id, each.title, lateral_mm, depth_mm, as_point(off), count)


def _lying(plan: Plan, places: Mapping[Key, Ends]) -> Plan:
    """The plan with its needles in these places; itself, voltages and all, where none of them moved."""
    if all(_ends(n) == places[n.key] for n in plan_needles(plan)):
        return plan
    return replace(with_places(plan, places), name=f"{plan.name} as it lies", created="")


def _least_length_mm(plan: Plan, each: PlanNeedle) -> float:
    """What of a needle stays in the body: the bare part of an electrode, wherever it is pulled back to."""
    instrument = plan.instrument(each.instrument)
    if not isinstance(instrument, ElectrodeArray) or each.number is None:
        return SHORTEST_PROBE_MM + ROUNDING_MM
    deepest = instrument.pull_backs * instrument.pull_back_mm
    return instrument.electrodes[each.number].exposure_mm + deepest


def _deep_enough(each: PlanNeedle, tip: FloatArray, least_mm: float) -> FloatArray:
    """A tip, pushed on along the planned shaft where it lies nearer to the entry than it can."""
    along = each.needle.direction
    depth_mm = float((tip - np.array(each.needle.entry_lps_mm)) @ along)
    if depth_mm >= least_mm - ROUNDING_MM:
        return tip
    return np.asarray(tip + (least_mm - depth_mm) * along)


def _ends(each: PlanNeedle) -> Ends:
    return each.needle.entry_lps_mm, each.needle.tip_lps_mm


def _word(id: str) -> int:
    """A number of an id that is the same on every machine and day."""
    return int.from_bytes(hashlib.sha256(id.encode()).digest()[:8], "big")
