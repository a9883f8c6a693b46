"""Learning: curves, skills by hand, the weakest one, and the exercise that fits next."""

from __future__ import annotations

import random
from dataclasses import replace
from importlib import import_module
from itertools import permutations

import pytest

from planner.model.assessment import Severity
from planner.planning.rules import Rule
from planner.practice.attempts import Attempt
from planner.practice.exercise import SKILLS
from planner.practice.learning import TREND_ATTEMPTS, learning_curve, next_exercise
from planner.practice.scoring import Score, is_hazard, weights
from planner.practice.skills import (
    ENOUGH_ATTEMPTS,
    HAZARDS_OF,
    MEASURES,
    WARNING_SHARE,
    skill_of,
    skill_percents,
    skill_scores,
    weakest_skill,
)

from .made_attempts import PERFECT, attempt, made_exercise

ALL = tuple(SKILLS)
#: Half the points of coverage, margin, path, healthy liver and punctures.
HALF = replace(PERFECT, coverage_percent=90.0, margin_mm=0.0, path_mm=128.0, liver_ml=42.0, punctures=2)
RULES_IN = (
    "planner.planning.rules",
    "planner_plugins.thermal_ablation.findings",
    "planner_plugins.thermal_ablation.modality_findings",
    "planner_plugins.thermal_ablation.chances",
    "planner_plugins.electroporation.findings",
    "planner_plugins.electroporation.place_findings",
    "planner_plugins.electroporation.array_findings",
    "planner_plugins.electroporation.chances",
)
#: Warnings that speak of the case, of what is not known, or of what other parts count.
OF_NO_SKILL = {"metal_near_current", "field_outside_scan", "no_lesion_named", "chance_of_coverage_low"}


def scored(number: int, points: float, **words: object) -> Attempt:
    """An attempt with these points; its parts are those of a perfect one."""
    made = attempt(number, **words)  # type: ignore[arg-type]
    return replace(made, score=replace(made.score, points=points))


# Curves ---------------------------------------------------------------------------------------


def test_the_trend_is_the_median_of_the_last_five() -> None:
    points = [10.0, 50.0, 30.0, 90.0, 40.0, 60.0, 0.0]
    curve = learning_curve([scored(n, p) for n, p in enumerate(points)])
    assert TREND_ATTEMPTS == 5
    assert [p.points for p in curve] == points
    assert [p.number for p in curve] == [1, 2, 3, 4, 5, 6, 7]
    # (10), (10 50), (10 30 50), (10 30 50 90), (10 30 40 50 90), (30 40 50 60 90), (0 30 40 60 90)
    assert [p.trend for p in curve] == [10.0, 30.0, 30.0, 40.0, 40.0, 50.0, 40.0]
    assert [p.is_passed for p in curve] == [False, False, False, True, False, True, False]


def test_a_curve_is_that_of_an_exercise_each_attempt_once_in_any_order() -> None:
    made = [scored(n, 10.0 * n, exercise="a" if n % 2 else "b") for n in range(6)]
    whole = learning_curve(made)
    assert [p.points for p in learning_curve(made, "a")] == [10.0, 30.0, 50.0]
    assert [p.number for p in learning_curve(made, "a")] == [1, 2, 3]
    mixed = [*made, *made]
    random.Random(1).shuffle(mixed)
    assert learning_curve(mixed) == whole
    assert learning_curve(made, "c") == learning_curve([]) == ()


def test_a_curve_says_where_the_weights_changed() -> None:
    old = replace(attempt(0), score=Score((), 70.0, 50.0, 77))
    assert [p.scoring_version for p in learning_curve([attempt(1), old])] == [77, weights()["version"]]


# Skills ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("skill", "warnings", "percent"),
    [
        ("centring", (), 100.0 * (12.5 + 5.0) / 35.0),
        ("margin", (), 50.0),
        ("path", (), 100.0 * (2.5 + 20.0) / 25.0),
        ("path", ("path_crosses_vessel",), 100.0 * (2.5 + 16.0) / 25.0),
        ("path", ("zone_reaches_organ", "probe_spacing"), 100.0 * (2.5 + 20.0) / 25.0),
        ("path", ("path_crosses_vessel",) * 7, 100.0 * 2.5 / 25.0),
        ("organs", (), 100.0),
        ("organs", ("zone_reaches_organ", "zone_near_bile_duct", "path_crosses_lung"), 60.0),
        ("several", ("probe_spacing",), 100.0 * (12.5 + 12.5 + 5.0 + 16.0) / 80.0),
        ("pulses", ("current_high",), 100.0 * (12.5 + 12.5 + 16.0) / 70.0),
    ],
)
def test_each_skill_by_hand(skill: str, warnings: tuple[str, ...], percent: float) -> None:
    made = attempt(0, replace(HALF, warnings=warnings), skills=ALL)
    assert skill_percents(made)[skill] == pytest.approx(percent, abs=1e-9)
    assert skill_percents(attempt(0, skills=ALL)) == {s: pytest.approx(100.0) for s in SKILLS}


def test_a_stop_takes_the_skill_it_speaks_of() -> None:
    found = skill_percents(attempt(0, replace(PERFECT, stops=("path_crosses_bone",)), skills=ALL))
    assert found["path"] == pytest.approx(100.0 * 5.0 / 25.0)
    assert found["organs"] == pytest.approx(100.0)
    uncovered = skill_percents(attempt(0, replace(PERFECT, stops=("lesion_not_covered",)), skills=ALL))
    assert uncovered["organs"] == uncovered["path"] == pytest.approx(100.0), "coverage counts it"


def test_an_attempt_says_nothing_of_skills_its_exercise_does_not_train() -> None:
    assert set(skill_percents(attempt(0, skills=("organs",)))) == {"organs"}
    assert skill_percents(attempt(0, skills=())) == {}
    other = replace(attempt(0, skills=ALL), score=Score((), 50.0, 60.0, 77))
    assert skill_percents(other) == {}, "nor does a score of other parts"


def test_the_map_is_whole() -> None:
    assert set(MEASURES) == set(SKILLS)
    assert all(m.why and (m.parts or m.hazards) for m in MEASURES.values())
    parts = {name for name, told in weights().items() if isinstance(told, dict)}
    assert {p for m in MEASURES.values() for p in m.parts} <= parts
    assert set(HAZARDS_OF) == {skill for skill, m in MEASURES.items() if m.hazards}
    told = weights()["hazards"]
    assert told["each_warning"] / told["points"] == WARNING_SHARE, "as the score in version 1"
    all_rules = [rule for rules in HAZARDS_OF.values() for rule in rules]
    assert len(set(all_rules)) == len(all_rules), "no hazard speaks of two skills"


def test_every_hazard_of_needle_treatments_has_a_skill_or_none_on_purpose() -> None:
    values = [v for name in RULES_IN for v in vars(import_module(name)).values() if isinstance(v, Rule)]
    known = {v.id for v in values}
    hazards = {v.id for v in values if v.severity != Severity.INFO and is_hazard(v.id)}
    assert {r for rules in HAZARDS_OF.values() for r in rules} <= known, "no rule is misspelt"
    assert {r for r in hazards if not skill_of(r)} <= OF_NO_SKILL


def test_a_skill_is_the_mean_of_the_last_attempts_that_train_it() -> None:
    made = [attempt(n, replace(PERFECT, margin_mm=m)) for n, m in enumerate((-5.0, 0.0, 5.0, 5.0, 0.0, 0.0))]
    others = [attempt(10 + n, skills=("organs",)) for n in range(9)]
    found = {s.skill: s for s in skill_scores([*others, *made[::-1]])}
    assert found["margin"].percent == pytest.approx((50 + 100 + 100 + 50 + 50) / 5)
    assert found["margin"].attempts == 5
    assert {s.skill: s.percent for s in skill_scores(made, last=2)}["margin"] == pytest.approx(50.0)
    assert (found["several"].percent, found["several"].attempts) == (None, 0)
    assert not found["several"].is_known
    assert list(found) == list(SKILLS)
    assert skill_scores([*made, *made]) == skill_scores(made), "each attempt counts once"


def test_the_weakest_skill_needs_enough_attempts() -> None:
    poor = replace(PERFECT, margin_mm=0.0)
    assert weakest_skill([]).skill is None
    assert "once 2 of them were tried 3 times each" in weakest_skill([]).reason
    few = [attempt(n, poor) for n in range(ENOUGH_ATTEMPTS - 1)]
    assert weakest_skill(few).skill is None
    enough = [attempt(n, poor) for n in range(ENOUGH_ATTEMPTS)]
    found = weakest_skill(enough)
    assert found.skill == "margin"
    assert "50 % over the last 3 attempts" in found.reason
    alone = [attempt(n, poor, skills=("margin",)) for n in range(ENOUGH_ATTEMPTS)]
    assert weakest_skill(alone).skill is None, "there is none to compare it with"
    even = [attempt(n) for n in range(ENOUGH_ATTEMPTS)]
    assert weakest_skill(even).skill is None
    assert "all are at 100 %" in weakest_skill(even).reason


def test_of_two_that_tie_the_first_is_the_weakest() -> None:
    skills = ("organs", "margin", "path")
    made = [
        attempt(n, replace(PERFECT, margin_mm=1.0, warnings=("zone_reaches_organ",) * 2), skills=skills)
        for n in range(3)
    ]
    assert [round(s.percent or 0) for s in skill_scores(made) if s.percent is not None] == [100, 60, 60]
    assert weakest_skill(made).skill == "margin"


# The next exercise ----------------------------------------------------------------------------

EXERCISES = (
    made_exercise("a-margin", "easy", "centring", "margin"),
    made_exercise("b-margin", "moderate", "margin"),
    made_exercise("c-path", "easy", "path"),
    made_exercise("d-path", "moderate", "path"),
    made_exercise("e-path", "hard", "path"),
    made_exercise("f-all", "expert", "path", "margin"),
)


def tried(exercise: str, number: int, points: float = 90.0) -> Attempt:
    (found,) = [e for e in EXERCISES if e.id == exercise]
    measured = replace(PERFECT, warnings=("path_crosses_lung",)) if "path" in found.skills else PERFECT
    made = attempt(number, measured, exercise=exercise, level=found.level, skills=found.skills)
    return replace(made, score=replace(made.score, points=points))


def chosen(*attempts: Attempt) -> str:
    found = next_exercise(EXERCISES, attempts)
    for order in permutations(EXERCISES[:4]):
        assert next_exercise([*order, *EXERCISES[4:]], attempts) == found, (
            "the order of the list does not matter"
        )
    assert found == next_exercise(EXERCISES, attempts[::-1])
    assert found.reason
    return found.exercise.id if found.exercise is not None else ""


def test_the_first_exercise_is_an_easy_one() -> None:
    assert chosen() == "a-margin"
    assert "Nothing is passed yet" in next_exercise(EXERCISES, []).reason


def test_the_next_trains_the_weakest_skill_one_level_on() -> None:
    margins = [tried("a-margin", n) for n in range(3)]
    failed = [tried("c-path", 10 + n, 40.0) for n in range(3)]
    assert weakest_skill([*margins, *failed]).skill == "path"
    assert chosen(*margins, *failed) == "c-path", "nothing of the path is passed"
    passed = [*margins, *failed, tried("c-path", 20)]
    assert chosen(*passed) == "d-path"
    reason = next_exercise(EXERCISES, passed).reason
    assert "Weakest: find a path" in reason
    assert "Passed in it up to 'easy'" in reason
    skipped = [*margins, *failed, tried("d-path", 20)]
    assert chosen(*skipped) == "e-path", "one level after the highest, though an easier one is left"
    assert chosen(*skipped, tried("e-path", 21)) == "f-all"
    assert chosen(*skipped, tried("e-path", 21), tried("f-all", 22)) == "c-path", "what is left below"


def test_an_exercise_above_goes_before_one_below() -> None:
    left = [made_exercise("a", "easy", "path"), made_exercise("z", "expert", "path")]
    found = next_exercise(left, [attempt(0, exercise="other", level="easy")])
    assert found.exercise is left[1], "two levels above what is wanted, where the easy one is one below it"


def test_without_a_weakest_skill_it_is_one_level_on_in_all() -> None:
    assert chosen(tried("a-margin", 0)) == "b-margin"
    assert "No skill is the weakest yet" in next_exercise(EXERCISES, [tried("a-margin", 0)]).reason
    assert chosen(tried("a-margin", 0), tried("b-margin", 1)) == "e-path"


def test_where_nothing_trains_the_weakest_skill_another_is_found() -> None:
    margins = [tried("a-margin", n) for n in range(3)]
    paths = [tried(e.id, 10 + n) for n, e in enumerate(EXERCISES) if "path" in e.skills]
    found = next_exercise(EXERCISES, [*margins, *paths])
    assert found.exercise is not None
    assert found.exercise.id == "b-margin"
    assert "No exercise is left that trains it." in found.reason


def test_where_all_is_passed_none_is_named() -> None:
    found = next_exercise(EXERCISES, [tried(e.id, n) for n, e in enumerate(EXERCISES)])
    assert (found.exercise, found.reason) == (None, "Every exercise is passed.")
    assert next_exercise([], []).reason == "There is no exercise."
