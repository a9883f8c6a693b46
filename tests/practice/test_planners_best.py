"""The planner's best: better than what was suggested, within the rules, and the same every time."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import SKIN_MM, custom_probe, phantom, plan_of

from planner.base.errors import Cancelled, InvalidValue, PlannerError
from planner.base.task import Task
from planner.model.case import Case
from planner.model.electrode_array import Electrode, ElectrodeArray, PulsePair
from planner.model.plan import Applicator, Plan
from planner.model.roles import Role
from planner.planning.device_library import device_library
from planner.planning.placing import aimed_applicator
from planner.plugin.judging import propose
from planner.plugin.registry import find_modules
from planner.practice import planners_best
from planner.practice.exercise import CaseMark, Exercise, Reference
from planner.practice.measuring import score_plan
from planner.practice.plan_moves import moved_plans
from planner.practice.planners_best import TITLE, Effort, make_reference, with_own_reference

DEVICE = "generic-mwa-2450"


@pytest.fixture(scope="module")
def case() -> Case:
    return phantom(
        (4.0, 3.5, 5.0),
        rib=(Role.BONE, (0.0, -85.0, 0.0), 14.0),
        gallbladder=(Role.GALLBLADDER, (24.0, 6.0, 0.0), 7.0),
    )


def exercise_on(case: Case, **changes: Any) -> Exercise:
    given: dict[str, Any] = {
        "id": "balls",
        "title": "Balls",
        "task": "Cover the ball.",
        "case": CaseMark.of(case),
        "module": "thermal_ablation",
        "lesion": "lesion",
        "devices": (DEVICE,),
        "references": (Reference("none yet", Plan("none", case.id)),),
        "settings": {"robustness_samples": 0},
    }
    return Exercise(**{**given, **changes})


def test_it_scores_more_than_what_was_suggested_and_comes_out_the_same_twice(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planners_best, "EFFORT", Effort(3, (4.0, 2.0), 60))
    exercise = exercise_on(case)
    reference = make_reference(case, exercise, Task())
    assert reference.title == TITLE
    assert exercise.against(reference.plan) == ()
    own = replace(exercise, references=(reference,))
    scored = score_plan(own, case, reference.plan, Task())
    assert scored.score.is_passed
    assert scored.measured.stops == ()
    suggested = propose(
        find_modules().module(exercise.module), case, Plan("none", case.id), exercise.settings,
        {"lesion": "lesion", "device": DEVICE, "margin_mm": 5.0, "most_needles": 1},
    )  # fmt: skip
    assert suggested
    for other in suggested:
        assert score_plan(own, case, other.plan, Task()).score.points <= scored.score.points
    old = replace(exercise, case=CaseMark(case.id, case.title, "0" * 64, is_sample=True))
    made = with_own_reference(case, old, Task())
    assert made.references == (reference,), "the same twice"
    assert made.case == CaseMark.of(case, is_sample=True), "on the case as it is"


def test_what_cannot_have_a_reference_is_said(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planners_best, "EFFORT", Effort(3, (4.0, 2.0), 60))
    ex_vivo = exercise_on(case, devices=("generic-mwa-60w",))
    with pytest.raises(PlannerError) as found:
        make_reference(case, ex_vivo, Task())
    assert found.value.todo
    both = exercise_on(case, devices=("generic-mwa-60w", DEVICE))
    assert make_reference(case, both, Task()).plan.instruments[0].device == DEVICE
    with pytest.raises(InvalidValue, match="another case"):
        make_reference(replace(case, id="other"), exercise_on(case), Task())
    walled_in = phantom((4.0, 3.5, 5.0), wall=(Role.GALLBLADDER, (0.0, 14.0, 0.0), 9.0))
    with pytest.raises(PlannerError, match="no plan that passes"):
        make_reference(walled_in, exercise_on(walled_in), Task())
    stopped = Task()
    stopped.cancel()
    with pytest.raises(Cancelled):
        make_reference(case, exercise_on(case), stopped)


def on_skin(point: tuple[float, float, float]) -> bool:
    return math.dist(point, (0.0, 0.0, 0.0)) == pytest.approx(SKIN_MM, abs=5.0)


@pytest.mark.parametrize("step_mm", [4.0, 1.0])
def test_probes_are_moved_by_a_step_and_enter_at_the_skin(case: Case, step_mm: float) -> None:
    device = device_library().device(DEVICE)
    probe = aimed_applicator("p1", device, device.defaults, (1.0, 2.0, 0.0), (60.0, 80.0, 0.0), "lesion")
    plan = plan_of(probe, custom_probe(id="p2"))
    moved = list(moved_plans(case.structures, plan, step_mm))
    assert moved == list(moved_plans(case.structures, plan, step_mm))
    ways = set()
    for other in moved:
        changed = [(a, b) for a, b in zip(plan.instruments, other.instruments, strict=True) if a != b]
        assert len(changed) <= 1
        for a, b in changed:
            assert isinstance(a, Applicator)
            assert isinstance(b, Applicator)
            assert on_skin(b.entry_lps_mm)
            gap = math.dist(a.tip_lps_mm, b.tip_lps_mm)
            assert gap == pytest.approx(0.0, abs=1e-9) or gap == pytest.approx(step_mm, abs=1e-9)
            ways.add(
                ("tip", a.id) if gap > 0 else ("settings" if a.settings != b.settings else "entry", a.id)
            )
            assert (b.id, b.device, b.lesion) == (a.id, a.device, a.lesion)
    assert {("tip", "p1"), ("entry", "p1"), ("settings", "p1"), ("tip", "p2"), ("entry", "p2")} <= ways


def test_electrodes_are_moved_together_and_one_by_one_with_voltages_and_bare_parts(case: Case) -> None:
    electrodes = tuple(Electrode((x, -99.0, 0.0), (x, 8.0, 0.0), 6.0) for x in (-8.0, 8.0))
    array = ElectrodeArray("e1", "generic-ire-19g", electrodes, (PulsePair(0, 1, 2000.0),), lesion="lesion")
    plan = Plan("A", case.id, (array,))
    arrays = [p.instruments[0] for p in moved_plans(case.structures, plan, 4.0)]
    tips = [np.array([e.tip_lps_mm for e in a.electrodes]) for a in arrays if isinstance(a, ElectrodeArray)]
    shifts = [np.linalg.norm(t - np.array([e.tip_lps_mm for e in electrodes]), axis=1) for t in tips]
    assert any(np.allclose(s, 4.0) for s in shifts), "together"
    assert any(np.allclose(s, (4.0, 0.0)) for s in shifts), "the first alone"
    assert any(np.allclose(s, (0.0, 4.0)) for s in shifts), "the second alone"
    assert {a.pairs[0].voltage_v for a in arrays if isinstance(a, ElectrodeArray)} == {1800.0, 2000.0, 2200.0}
    bare = {a.electrodes[0].exposure_mm for a in arrays if isinstance(a, ElectrodeArray)}
    assert bare == {2.0, 6.0, 10.0}
    assert all(on_skin(e.entry_lps_mm) for a in arrays if isinstance(a, ElectrodeArray) for e in a.electrodes)
    strongest = replace(array, pairs=(PulsePair(0, 1, 2900.0),))
    volts = {
        a.pairs[0].voltage_v
        for p in moved_plans(case.structures, Plan("A", case.id, (strongest,)), 4.0)
        for a in p.electrode_arrays
    }
    assert volts == {2610.0, 2900.0, 3000.0}, "no more than the generator gives"
    longer = list(moved_plans(case.structures, plan, 8.0))
    assert len(longer) == len(arrays) - 1, "no bare part shorter than nothing"
