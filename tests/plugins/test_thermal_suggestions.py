"""Suggested plans of a large lesion: where few ways reach it, margins between are tried, and no more than needed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import phantom
from planner_plugins.thermal_ablation import suggestions
from planner_plugins.thermal_ablation.settings import Settings

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.model.plan import Plan

WAYS = [
    ("as set", {"a": 1.0}, 5.0),
    ("as set, for 10 mm", {"a": 1.0}, 10.0),
    ("smallest zone", {"a": 2.0}, 5.0),
]


def test_margins_between_the_asked_and_the_wider_one() -> None:
    found = suggestions._between(WAYS, 5.0)
    assert [(title, margin) for title, _, margin in found] == [
        ("as set, for 7.5 mm", 7.5),
        ("smallest zone, for 7.5 mm", 7.5),
        ("as set, for 6 mm", 6.0),
        ("smallest zone, for 6 mm", 6.0),
    ]
    assert suggestions._between(WAYS, 10.0) == [], "nothing lies between"


def test_only_what_worked_is_tried_again_and_only_where_plans_are_few(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The device's ways are refused but for one; what is asked of the search is listed."""
    case, asked = phantom((4.0, 4.0, 4.0)), []
    plan = Plan("A", case.id)
    real = suggestions.suggest_needles

    def search(ground, margin, device, values, goal, **rest):
        asked.append((dict(values), goal.margin_mm))
        if goal.margin_mm >= suggestions.WIDER_MM or values != largest:
            raise InvalidValue("More needles would be needed.", "", "")
        return real(ground, margin, device, values, goal, **rest)[:1]

    rows = suggestions._ways(
        suggestions.device_library().device(suggestions.DEVICE),
        suggestions.device_library().device(suggestions.DEVICE).defaults,
        False,
        5.0,
    )
    largest = next(dict(values) for title, values, _ in rows if title == "largest zone")
    monkeypatch.setattr(suggestions, "suggest_needles", search)
    settings = Settings(robustness_samples=0)
    found = suggestions.suggest(case, plan, settings, {"lesion": "lesion"}, Task())
    tried = asked[len(rows) :]
    assert tried, "one plan is no choice"
    assert all(values == largest for values, _ in tried)
    assert {margin for _, margin in tried} <= {7.5, 6.0}
    assert 1 <= len(found) <= 3
