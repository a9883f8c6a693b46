"""Attempts and exercises made of numbers alone: no case is judged."""

from __future__ import annotations

from planner.model.electrode_array import Electrode, ElectrodeArray, PulsePair
from planner.model.plan import Applicator, FocusGrid, Instrument, Plan
from planner.practice.attempts import Attempt, AttemptStep
from planner.practice.exercise import CaseMark, Exercise, Reference
from planner.practice.scoring import Measured, score

#: Scores 100 points.
PERFECT = Measured(100.0, 5.0, 5.0, (), (), 80.0, 20.0, 1, 80.0, 20.0, 1)


def probe(id: str = "p1", tip_mm: float = 10.0) -> Applicator:
    settings = {"power_w": 60.0, "time_s": 300.0}
    return Applicator(id, "generic-mwa-2450", (0.1, -100.0, 0.0), (0.1, tip_mm, 0.3), settings, "lesion")


def array(id: str = "e1") -> ElectrodeArray:
    needles = tuple(Electrode((x, -90.0, 0.0), (x, 10.0, 0.0), 20.0) for x in (0.0, 15.0))
    return ElectrodeArray(id, "generic-ire-19g", needles, (PulsePair(0, 1, 2250.0),), lesion="lesion")


def grid(id: str = "h1") -> FocusGrid:
    return FocusGrid(id, "generic-hifu", ((0.0, 0.0, 0.0), (2.0, 0.0, 0.0)), settings={"power_w": 200.0})


def plan(*instruments: Instrument, case_id: str = "phantom") -> Plan:
    return Plan("Attempt", case_id, instruments or (probe(),))


def steps(count: int) -> tuple[AttemptStep, ...]:
    """One probe moved again and again beside one that stays."""
    return tuple(
        AttemptStep(1.5 * n, f"Move probe p1 ({n})", plan(probe("p1", 10.0 + n), probe("p2")))
        for n in range(count)
    )


def attempt(
    number: int = 0,
    measured: Measured = PERFECT,
    *,
    exercise: str = "central-2cm",
    level: str = "easy",
    skills: tuple[str, ...] = ("centring", "margin"),
    profile: str = "Anna",
    made: tuple[AttemptStep, ...] = (),
) -> Attempt:
    """An attempt as scored; its number says when it was made."""
    return Attempt(
        exercise=exercise,
        title=exercise.title(),
        level=level,
        skills=skills,
        case_id="phantom",
        profile=profile,
        started=f"2026-11-03T{8 + number // 60:02d}:{number % 60:02d}:00+00:00",
        committed=f"2026-11-03T{8 + number // 60:02d}:{number % 60:02d}:30+00:00",
        seconds=30.0,
        seed=number,
        score=score(measured),
        measured=measured,
        plan=plan(),
        landed=plan(probe(tip_mm=12.5)),
        steps=made,
    )


def made_exercise(id: str, level: str, *skills: str) -> Exercise:
    return Exercise(
        id=id,
        title=id.title(),
        task="Treat the lesion.",
        case=CaseMark("phantom", "Phantom", "0" * 64),
        module="thermal_ablation",
        lesion="lesion",
        devices=("generic-mwa-2450",),
        level=level,
        skills=skills,
        references=(Reference("expert", plan()),),
    )
