"""Making an exercise of an open plan: what is proposed, what speaks against it, and what comes out."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import custom_probe, phantom, plan_of

from planner.base.errors import Cancelled, InvalidValue, PlannerError
from planner.base.task import Task
from planner.model.case import Case, Patient
from planner.model.electrode_array import Electrode, ElectrodeArray, PulsePair
from planner.model.plan import FocusGrid, Plan
from planner.model.roles import Role
from planner.planning.device_library import device_library
from planner.planning.placing import aimed_applicator
from planner.practice import exercise_draft, planners_best
from planner.practice.exercise import CaseMark, Conditions
from planner.practice.exercise_draft import (
    EXPERT_TITLE,
    Draft,
    devices_for,
    draft_of,
    faults,
    mark_of,
    privacy_words,
)
from planner.practice.exercise_file import decode_exercise, encode_exercise
from planner.practice.exercise_making import made
from planner.practice.exercise_wording import (
    ball_diameter_mm,
    id_from_title,
    needle_words,
    patient_words,
    proposed_task,
)
from planner.practice.measuring import score_plan
from planner.practice.planners_best import TITLE, Effort
from planner.practice.shipped import shipped_exercises

THERMAL, PULSES = "thermal_ablation", "electroporation"
MICROWAVE = "generic-mwa-2450"
QUICK = {"robustness_samples": 0}
GOOD = plan_of(custom_probe((0.0, 100.0, 0.0), size_mm=34.0))


@pytest.fixture(scope="module")
def case() -> Case:
    """Two lesions, and a rib in front of the first."""
    return phantom(
        (4.0, 3.5, 5.0),
        rib=(Role.BONE, (0.0, -85.0, 0.0), 14.0),
        second=(Role.LESION, (0.0, 40.0, 0.0), 7.0),
    )


def array(count: int = 4, lesion: str = "lesion") -> ElectrodeArray:
    places = ((-8.0, -8.0), (8.0, -8.0), (8.0, 8.0), (-8.0, 8.0), (0.0, 0.0), (0.0, 9.0))[:count]
    electrodes = tuple(Electrode((x, 100.0, z), (x, -12.0, z), 24.0) for x, z in places)
    pairs = tuple(PulsePair(a, b, 3000.0) for a in range(count) for b in range(a + 1, count))
    return ElectrodeArray("e1", "generic-ire-19g", electrodes, pairs, lesion=lesion)


def a_draft(**changes: Any) -> Draft:
    given: dict[str, Any] = {
        "title": "Cover the ball",
        "task": "One zone.",
        "lesion": "lesion",
        "devices": ("custom-ellipsoid",),
        "has_planners_best": False,
    }
    return Draft(**{**given, **changes})


def test_an_open_plan_says_what_it_asks_for(case: Case) -> None:
    draft = draft_of(case, GOOD, THERMAL, {})
    assert (draft.lesion, draft.devices, draft.most_instruments) == ("lesion", ("custom-ellipsoid",), 1)
    assert (draft.margin_mm, draft.conditions, draft.hidden) == (5.0, Conditions(), ())
    assert (draft.has_expert, draft.expert_title, draft.has_planners_best) == (True, EXPERT_TITLE, False)
    assert draft.title == "lesion (20 mm), one needle"
    assert draft.task.startswith("lesion is about 20 mm wide. Place one needle so that the zone covers it")
    assert "with 5 mm all round" in draft.task
    assert faults(draft, case, GOOD, THERMAL) == ()
    two = plan_of(custom_probe(), custom_probe((5.0, 100.0, 0.0), id="p2"))
    draft = draft_of(case, two, THERMAL, {"lung_crossing": "stop"})
    assert (draft.most_instruments, draft.level, draft.skills) == (2, "hard", ("several", "margin"))
    assert "up to two needles so that the zones cover it" in draft.task
    assert "lung or pleura fails" in draft.task
    other = replace(GOOD.instruments[0], lesion="second")
    assert draft_of(case, plan_of(other), THERMAL, {}).level == "easy"  # type: ignore[arg-type]


def test_electrodes_are_counted_one_by_one(case: Case) -> None:
    draft = draft_of(case, Plan("A", case.id, (array(),)), PULSES, {})
    assert (draft.devices, draft.most_instruments) == (("generic-ire-19g",), 4)
    assert draft.skills == ("pulses", "path")
    assert "four electrodes so that the field treats it" in draft.task


def test_a_plan_without_needles_gives_the_planners_best(case: Case) -> None:
    draft = draft_of(case, Plan("A", case.id), THERMAL, {})
    assert (draft.has_expert, draft.has_planners_best) == (False, True)
    assert draft.devices == devices_for(THERMAL)[:1]
    assert faults(draft, case, Plan("A", case.id), THERMAL) == ()
    assert draft_of(case, Plan("A", case.id), PULSES, {}).most_instruments == 4


@pytest.mark.parametrize("module", ["resection", "radioembolization", "no_such_module"])
def test_other_treatments_have_no_exercises(case: Case, module: str) -> None:
    with pytest.raises(InvalidValue, match="no exercises for this treatment") as found:
        draft_of(case, GOOD, module, {})
    assert module in found.value.thing
    assert found.value.todo


def test_a_case_without_a_lesion_has_no_exercise() -> None:
    with pytest.raises(InvalidValue, match="needs a lesion"):
        draft_of(Case("phantom", "Empty"), GOOD, THERMAL, {})


def grid(id: str = "h1") -> FocusGrid:
    return FocusGrid(id, "generic-hifu", ((0.0, 0.0, 0.0),), lesion="lesion")


@pytest.mark.parametrize(
    ("changes", "plan", "field", "says"),
    [
        ({"title": " "}, GOOD, "title", "needs a title"),
        ({"task": "\n"}, GOOD, "task", "needs a task"),
        ({"lesion": "third"}, GOOD, "lesion", "'third'"),
        ({"lesion": "liver"}, GOOD, "lesion", "'liver'"),
        ({"devices": ()}, GOOD, "devices", "one device at least"),
        ({"devices": ("custom-ellipsoid", "no-such")}, GOOD, "devices", "'no-such'"),
        ({"devices": ("custom-ellipsoid", "generic-ire-19g")}, GOOD, "devices", "'generic-ire-19g'"),
        ({"most_instruments": 0}, GOOD, "most_instruments", "1 to 6"),
        ({"most_instruments": 7}, GOOD, "most_instruments", "1 to 6"),
        ({"hidden": ("lesion",)}, GOOD, "hidden", "cannot be hidden"),
        ({"hidden": ("spleen",)}, GOOD, "hidden", "'spleen'"),
        ({"has_expert": False}, GOOD, "references", "without a reference"),
        ({"lesion": "second"}, GOOD, "references", "another lesion"),
        ({"devices": (MICROWAVE,)}, GOOD, "references", "device that is not allowed"),
        ({}, plan_of(), "references", "plan is empty"),
        ({}, replace(GOOD, case_id="other"), "references", "another case"),
        ({}, plan_of(custom_probe(), custom_probe(id="p2")), "references", "more needles"),
        ({}, GOOD.with_instrument(array()), "references", "does not take: electrodes"),
        ({}, GOOD.with_instrument(grid()), "references", "focused ultrasound"),
    ],
)  # fmt: skip
def test_what_speaks_against_a_draft_is_said_at_its_field(
    case: Case, changes: dict[str, Any], plan: Plan, field: str, says: str
) -> None:
    found = faults(a_draft(**changes), case, plan, THERMAL)
    at = [f for f in found if f.field == field and says in str(f.error)]
    assert at, [(f.field, str(f.error)) for f in found]
    assert all(f.error.what and f.error.thing and f.error.todo for f in found)
    with pytest.raises(InvalidValue):
        made(a_draft(**changes), case, plan, THERMAL, QUICK, Task())


def test_electrodes_are_two_at_least_and_probes_are_not_taken_with_them(case: Case) -> None:
    draft = a_draft(
        devices=("generic-ire-19g",), most_instruments=1, has_expert=False, has_planners_best=True
    )
    assert "2 to 6" in str(faults(draft, case, GOOD, PULSES)[0].error)
    mixed = Plan("A", case.id, (array(), *GOOD.instruments))
    draft = a_draft(devices=("generic-ire-19g",), most_instruments=6)
    assert "does not take: probes" in str(faults(draft, case, mixed, PULSES)[0].error)
    assert faults(draft, case, Plan("A", case.id, (array(),)), PULSES) == ()


def test_an_exercise_of_an_experts_plan(case: Case) -> None:
    named = replace(
        GOOD, name="Doe liver", author="A. Person", created="2026-11-03T09:00:00+00:00", notes="J. Doe"
    )
    conditions = Conditions(True, False, 6.5, "freehand", 90.0)
    draft = a_draft(
        title="  Near the vein  ", level="moderate", skills=("margin",), hidden=("rib",),
        conditions=conditions, most_instruments=2, margin_mm=3.0, expert_title="Dr. A",
    )  # fmt: skip
    asked = {**QUICK, "lung_crossing": "stop", "is_patient_on_back": False}
    settings = {**asked, "seed": 1, "vessel_flow": True}
    exercise = made(draft, case, named, THERMAL, settings, Task(), {"near-the-vein", "Near-the-vein-2"})
    assert (exercise.id, exercise.title) == ("near-the-vein-3", "Near the vein")
    assert exercise.case == CaseMark.of(case)
    assert (exercise.hidden, exercise.conditions, exercise.margin_mm) == (("rib",), conditions, 3.0)
    assert dict(exercise.settings) == asked, "a default is left out"
    assert [r.title for r in exercise.references] == ["Dr. A"]
    plan = exercise.reference.plan
    assert plan.instruments == named.instruments
    assert (plan.name, plan.author, plan.created, plan.notes) == (EXPERT_TITLE, "", "", "")
    assert decode_exercise(encode_exercise(exercise), "x") == exercise
    assert score_plan(exercise, case, plan, Task()).score.is_passed
    assert exercise == made(
        draft, case, named, THERMAL, settings, Task(), {"near-the-vein", "near-the-vein-2"}
    )


def test_an_experts_plan_that_stops_or_does_not_pass_is_refused_in_words(case: Case) -> None:
    with pytest.raises(InvalidValue, match="finding that stops") as found:
        made(a_draft(), case, plan_of(custom_probe(size_mm=34.0)), THERMAL, QUICK, Task())
    assert "rib" in found.value.thing
    assert "planner's best" in found.value.todo
    beside = plan_of(custom_probe((0.0, 100.0, 0.0), (0.0, 0.0, 14.0), 26.0))
    with pytest.raises(InvalidValue, match="finding that stops") as found:
        made(a_draft(), case, beside, THERMAL, QUICK, Task())
    assert "lesion" in found.value.thing


def test_points_lost_are_said(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    real = score_plan

    def unstopped(*given: Any, **named: Any) -> Any:
        scored = real(*given, **named)
        parts = tuple(replace(p, points=0.0) if p.id == "margin" else p for p in scored.score.parts)
        return replace(scored, score=replace(scored.score, parts=parts, points=41.4))

    monkeypatch.setattr("planner.practice.exercise_making.score_plan", unstopped)
    with pytest.raises(InvalidValue, match="does not pass its own exercise") as found:
        made(a_draft(), case, GOOD, THERMAL, QUICK, Task())
    assert "41 points" in found.value.thing
    assert "Margin: " in found.value.thing


def test_both_references_the_experts_first(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planners_best, "EFFORT", Effort(1, (4.0,), 2))
    device = device_library().device(MICROWAVE)
    probe = aimed_applicator("p1", device, device.defaults, (0.0, 0.0, 0.0), (0.0, 100.0, 0.0), "lesion")
    plan, draft = plan_of(probe), a_draft(devices=(MICROWAVE,), has_planners_best=True)
    told: list[tuple[float, str]] = []
    exercise = made(draft, case, plan, THERMAL, QUICK, Task(lambda f, text: told.append((f, text))))
    assert [r.title for r in exercise.references] == [EXPERT_TITLE, TITLE]
    assert [f for f, _ in told] == sorted(f for f, _ in told), "it never goes back"
    assert told[0] == (0.0, "Judging the expert's plan")
    assert told[-1][0] == 1.0
    alone = made(replace(draft, has_expert=False), case, plan_of(), THERMAL, QUICK, Task())
    assert alone.references == exercise.references[1:]
    stopped = Task(lambda f, _: stopped.cancel() if f > 0.2 else None)
    with pytest.raises(Cancelled):
        made(draft, case, plan, THERMAL, QUICK, stopped)


def test_a_planners_best_that_is_not_found_and_a_wrong_setting_are_said(case: Case) -> None:
    draft = a_draft(devices=("generic-mwa-60w",), has_expert=False, has_planners_best=True)
    with pytest.raises(PlannerError) as found:
        made(draft, case, plan_of(), THERMAL, QUICK, Task())
    assert found.value.todo
    with pytest.raises(InvalidValue, match="no such setting"):
        made(a_draft(), case, GOOD, THERMAL, {"no_such": 1}, Task())


def test_an_exercise_of_electrodes(case: Case) -> None:
    settings = {**QUICK, "field_voxel_mm": 2.0, "tumor_threshold_v_per_cm": 400.0}
    draft = a_draft(devices=("generic-ire-19g",), most_instruments=4)
    exercise = made(draft, case, Plan("A", case.id, (array(),)), PULSES, settings, Task())
    assert exercise.module == PULSES
    assert exercise.reference.plan.electrode_arrays == (array(),)


def test_the_sample_is_told_by_what_it_holds(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = next(e.case for e in shipped_exercises() if e.case.is_sample)
    assert not mark_of(case).is_sample
    redrawn = replace(case, id=sample.id)
    assert not mark_of(redrawn).is_sample, "other structures than those that are made anew"
    monkeypatch.setattr(exercise_draft, "_sample_marks", lambda: {case.id: CaseMark.of(case).structures})
    assert mark_of(case) == CaseMark.of(case, is_sample=True)


DOE = Patient(name="Doe^Jane Mary", id="4711-X", birth_date="1961-02-03")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Beside the vein", ()),
        ("The lesion of mrs. DOE", ("Doe",)),
        ("Does not touch the portal vein, marylebone", ()),
        ("Jane, 4711-x, born 1961-02-03", ("Jane", "4711-X", "1961-02-03")),
        ("Dôe", ("Doe",)),
        ("", ()),
    ],
)
def test_words_that_name_the_patient_are_found(text: str, found: tuple[str, ...]) -> None:
    assert patient_words(text, DOE) == found
    assert patient_words(text, Patient()) == ()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"title": "Doe's lesion"}, "title"),
        ({"task": "Number 4711-X."}, "task"),
        ({"expert_title": "Plan for Jane"}, "plan's title"),
        ({"expert_title": "Plan for Jane", "has_expert": False}, ""),
        ({}, ""),
    ],
)
def test_a_form_warns_of_the_patients_name(case: Case, changes: dict[str, Any], says: str) -> None:
    words = privacy_words(a_draft(**changes), replace(case, patient=DOE))
    assert bool(words) == bool(says)
    assert says in words


def test_a_cases_title_with_the_patients_name_stays_out_and_the_sample_has_none(case: Case) -> None:
    named = replace(case, patient=DOE, title="CT Doe 2026")
    exercise = made(a_draft(), named, GOOD, THERMAL, QUICK, Task())
    assert exercise.case.title == "case phantom"
    text = json.dumps(json.loads(encode_exercise(exercise)))
    assert "Doe" not in text
    exercise.check_case(named)
    sample = replace(case, id="sample", patient=Patient(name="Sample case", id="SAMPLE-1"))
    assert privacy_words(a_draft(title="A sample case"), sample) == ""


@pytest.mark.parametrize(
    ("title", "id"),
    [
        ("Beside the vein", "beside-the-vein"),
        ("  Añadir – 5 cm / 2  ", "anadir-5-cm-2"),
        ("Печень 3", "печень-3"),
        ("肝臓", "肝臓"),
        ("!!!", "exercise"),
        ("Con", "exercise-con"),
        ("a" * 300, "a" * 40),
        ("İzmir", "izmir"),
        ("½ lesion ②", "1-2-lesion-2"),
    ],
)
def test_ids_are_made_of_titles(case: Case, title: str, id: str) -> None:
    assert id_from_title(title) == id
    again = id_from_title(title, {id, f"{id}-2".upper()})
    assert again == f"{id}-3"
    made(a_draft(title=title), case, GOOD, THERMAL, QUICK, Task(), {id})


def test_words_of_size_and_number(case: Case) -> None:
    volume_ml = case.structures.volume_ml("lesion")
    assert ball_diameter_mm(case, "lesion") == pytest.approx((6000.0 * volume_ml / math.pi) ** (1 / 3))
    assert ball_diameter_mm(case, "lesion") == pytest.approx(20.0, rel=0.03)
    assert needle_words((MICROWAVE,), 1) == "one microwave antenna"
    assert needle_words((MICROWAVE, "generic-mwa-17g"), 3) == "three microwave antennas"
    assert needle_words((MICROWAVE, "generic-rf-single"), 2) == "two needles"
    assert needle_words(("generic-rf-single",), 1) == "one radiofrequency electrode"
    assert needle_words(("no-such",), 9) == "9 needles"
    task = proposed_task(case, "lesion", (MICROWAVE,), 1, 0.0, {"vessel_crossing": "stop"}, 600.0)
    assert "all round" not in task
    assert "vessel of 3 mm or more fails" in task
    assert task.endswith("You have 10 minutes.")
