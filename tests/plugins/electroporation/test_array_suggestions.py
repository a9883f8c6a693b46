"""What the module suggests: words, scores, other instruments kept, goals that cannot be."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from phantom import custom_probe, phantom
from planner_plugins.electroporation.settings import Settings
from planner_plugins.electroporation.suggestions import (
    _percent,
    access_rules,
    coverage_points,
    liver_law,
    suggest,
)

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.conductivity import FieldRamp, FieldSigmoid
from planner.model.case import Case
from planner.model.plan import Plan
from planner.model.roles import Role
from planner.model.suggestion import Suggestion
from planner.planning import electrode_suggesting
from planner.planning.lesion_grounds import lesion_grounds

SETTINGS = Settings(margin_mm=2.0, liver_threshold_v_per_cm=500.0, tumor_threshold_v_per_cm=500.0)


@pytest.fixture(scope="module", autouse=True)
def few_directions() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(electrode_suggesting, "DIRECTIONS", 2)
        patch.setattr(electrode_suggesting, "LAYOUTS_A_COUNT", 2)
        yield


@pytest.fixture(scope="module")
def case() -> Case:
    """A lesion of 7 mm radius beside the phantom's, which gets another role."""
    made = phantom((2.0, 2.0, 2.0), small=(Role.LESION, (25.0, -10.0, 0.0), 7.0))
    return made


@pytest.fixture(scope="module")
def plan(case: Case) -> Plan:
    return Plan("A", case.id, (custom_probe(),))


@pytest.fixture(scope="module")
def found(case: Case, plan: Plan) -> list[Suggestion]:
    return suggest(case, plan, SETTINGS, {"lesion": "small", "most_electrodes": 4, "verify": False}, Task())


def test_each_says_what_it_is_and_that_it_is_an_estimate(found: list[Suggestion]) -> None:
    assert 2 <= len(found) <= 5
    for each in found:
        (array,) = each.plan.electrode_arrays
        assert f"{len(array.electrodes)} electrodes" in each.why
        assert "nominal V/d" in each.why
        assert "not solved" in each.why
        assert "not checked" in each.why
        assert "bone, wide vessels and organs" in each.why or "least_path_clearance_mm" not in each.scores
        assert each.scores["electrodes_count"] == len(array.electrodes)
        assert each.scores["is_field_solved"] == 0.0
        assert 0.0 <= each.scores["lesion_plus_2mm_coverage_percent"] <= 100.0
        assert each.scores["largest_current_a"] <= 50.0
        assert array.lesion == "small"
        assert array.id == "e1"


def test_instruments_of_other_lesions_stay(found: list[Suggestion], plan: Plan) -> None:
    for each in found:
        assert plan.instruments[0] in each.plan.instruments


def test_an_older_array_of_the_lesion_is_replaced(case: Case, plan: Plan, found: list[Suggestion]) -> None:
    goal = {"lesion": "small", "most_electrodes": 2, "verify": "no"}
    again = suggest(case, found[0].plan, SETTINGS, goal, Task())
    assert all(len(s.plan.electrode_arrays) == 1 for s in again)
    assert all(len(s.plan.instruments) == 2 for s in again)
    other = replace(found[0].plan.electrode_arrays[0], lesion="lesion")
    kept = suggest(case, plan.with_instrument(other), SETTINGS, goal, Task())
    assert all(other in s.plan.instruments and len(s.plan.electrode_arrays) == 2 for s in kept)


def test_a_solved_field_is_said_and_its_numbers_shown(case: Case, plan: Plan) -> None:
    settings = replace(SETTINGS, field_voxel_mm=2.0, margin_mm=0.0)
    goal = {"lesion": "small", "most_electrodes": 2}
    solved = suggest(case, plan, settings, goal, Task())
    for each in solved:
        assert "field solved on 2 mm voxels" in each.why
        assert each.scores["is_field_solved"] == 1.0
    assert solved[0].scores["lesion_coverage_percent"] > 80.0


@pytest.mark.parametrize(
    ("goal", "words"),
    [
        ({"lesion": "nowhere"}, "no such lesion"),
        ({"lession": "small"}, "does not know this word"),
        ({"lesion": "small", "device": "generic-mwa-2450"}, "no electrode"),
        ({"lesion": "small", "margin_mm": 40}, "between 0 and 15"),
        ({"lesion": "small", "margin_mm": "wide"}, "is a number"),
        ({"lesion": "small", "most_electrodes": 1}, "2 to 6"),
    ],
)
def test_goals_that_cannot_be(case: Case, plan: Plan, goal: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidValue, match=words):
        suggest(case, plan, SETTINGS, goal, Task())


def test_which_lesion_must_be_clear(case: Case) -> None:
    with pytest.raises(InvalidValue, match="Which lesion"):
        suggest(case, Plan("A", case.id), SETTINGS, {}, Task())


@pytest.mark.parametrize("margin", [0.0, 3.0, 5.0, 8.0])
def test_points_stand_for_lesion_and_margin(case: Case, margin: float) -> None:
    ground = lesion_grounds(case.structures, "points", Task(), ("small",)).lesions["small"]
    points = coverage_points(ground, margin, Settings())
    ratio = points.grown.sum() / points.lesion.sum()
    if margin == 5.0:  # shares of volume; with other margins points also lie on the surfaces
        assert ratio == pytest.approx(((7.0 + margin) / 7.0) ** 3, rel=0.08)
    assert points.grown.sum() >= points.lesion.sum()
    assert set(points.threshold_v_per_cm) <= {700.0, 800.0}
    away = ((points.points_lps_mm - (25.0, -10.0, 0.0)) ** 2).sum(axis=1) ** 0.5
    assert away.max() <= 7.0 + margin + 1.8


def test_law_and_rules_follow_the_settings() -> None:
    assert isinstance(liver_law(Settings()), FieldRamp)
    assert isinstance(liver_law(Settings(conductivity_model="sigmoid")), FieldSigmoid)
    constant = Settings(conductivity_model="constant", liver_conductivity_s_per_m=0.15)
    assert liver_law(constant) == pytest.approx(0.15)
    assert access_rules(Settings(lung_crossing="stop")).is_lung_refused
    assert not access_rules(Settings(lung_crossing="warning")).is_lung_refused
    assert access_rules(Settings(parenchyma_mm=7.0)).parenchyma_mm == 7.0


def test_shares_are_never_rounded_up_to_all() -> None:
    assert [_percent(v) for v in (100.0, 99.96, 99.94, 98.25, 0.0)] == ["100", "100", "99.9", "98.2", "0.0"]
