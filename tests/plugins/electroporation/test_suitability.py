"""The checklist: nobody is told to go ahead while an absolute contraindication is unknown; distances are right."""

from __future__ import annotations

import itertools
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from phantom import LESION_MM, phantom
from planner_plugins.electroporation.settings import Settings
from planner_plugins.electroporation.suitability import (
    Suitability,
    Verdict,
    advise,
    suitability,
    suitability_findings,
    suitability_metrics,
)
from planner_plugins.electroporation.suitability_distances import largest_diameter_mm

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.model.assessment import CheckState, Severity
from planner.model.case import Case
from planner.model.plan import Plan
from planner.model.roles import Role
from planner.planning.lesion_grounds import lesion_grounds
from planner.planning.patient_facts import PATIENT_FACTS

WELL = {
    "ventricular_arrhythmia": "no",
    "cardiac_stimulator": "no",
    "nyha_class": "0",
    "ecg_recorded": "yes",
    "atrial_fibrillation": "no",
    "epilepsy": "no",
    "general_anaesthesia_possible": "yes",
    "metal_near_zone": "no",
    "resection_possible": "no",
}
ABSOLUTE = ("ventricular_arrhythmia", "cardiac_stimulator", "nyha_class")
SETTINGS = Settings()
#: Grounds are kept by their fingerprint, and an id() may come again.
CASES = itertools.count()
#: A duct of 3 mm radius, 5 mm from the lesion; a gallbladder 20 mm, bowel 30 mm and a vein 25 mm from it.
NEAR_DUCT = {
    "duct": (Role.BILE_DUCT, (18.0, 0.0, 0.0), 3.0),
    "gallbladder": (Role.GALLBLADDER, (0.0, -38.0, 0.0), 8.0),
    "bowel": (Role.BOWEL, (0.0, 48.0, 0.0), 8.0),
    "portal": (Role.PORTAL_VEIN, (0.0, 0.0, 40.0), 5.0),
}
FAR = {**NEAR_DUCT, "duct": (Role.BILE_DUCT, (38.0, 0.0, 0.0), 3.0)}


def case(**extra: object) -> Case:
    return phantom((2.0, 2.0, 2.5), **extra)  # type: ignore[arg-type]


def checked(a_case: Case, facts: dict[str, str], settings: Settings = SETTINGS) -> Suitability:
    grounds = lesion_grounds(a_case.structures, f"case {next(CASES)}", Task(), ("lesion",))
    return suitability(grounds, "lesion", facts, settings)


def state(found: Suitability, rule: str) -> CheckState:
    return next(c.state for c in found.checks if c.rule == rule)


@pytest.fixture(scope="module")
def near_duct() -> Case:
    return case(**NEAR_DUCT)


def test_all_known_and_heat_in_trouble_is_suitable(near_duct: Case) -> None:
    found = checked(near_duct, WELL)
    assert found.verdict == Verdict.SUITABLE
    assert "suitable" in found.statement
    assert state(found, "heat_near_bile_duct") == CheckState.FULFILLED
    assert state(found, "perihilar") == CheckState.FULFILLED
    assert state(found, "heat_sink") == CheckState.NOT_FULFILLED
    # 5 mm to the duct: heat must stop 5 mm before the lesion's edge, a margin of 5 mm is 10 mm short.
    line = next(c for c in found.checks if c.rule == "heat_near_bile_duct")
    short = 5.0 - (found.distances.bile_duct.distance_mm - 10.0)  # type: ignore[union-attr]
    assert f"{short:.0f} mm short" in line.text
    assert short == pytest.approx(10.0, abs=1.4)
    assert line.where_lps_mm == pytest.approx((15.0, 0.0, 0.0), abs=2.0)
    assert line.subject == "duct"


@pytest.mark.parametrize("unknown", ABSOLUTE)
@pytest.mark.parametrize("told", [None, "unknown", ""])
def test_never_suitable_while_an_absolute_contraindication_is_unknown(
    near_duct: Case, unknown: str, told: str | None
) -> None:
    facts = {k: v for k, v in WELL.items() if k != unknown}
    if told is not None:
        facts[unknown] = told
    found = checked(near_duct, facts)
    assert found.verdict == Verdict.OPEN
    assert state(found, unknown) == CheckState.UNKNOWN
    words = " ".join((found.statement, *found.reasons, *(f.text for f in suitability_findings(found))))
    assert "suitable" not in words


@pytest.mark.parametrize(
    ("id", "value"),
    [
        ("ventricular_arrhythmia", "yes"),
        ("cardiac_stimulator", "yes"),
        ("nyha_class", "3"),
        ("nyha_class", "4"),
    ],
)
def test_an_absolute_contraindication_stops_whatever_else_is_unknown(
    near_duct: Case, id: str, value: str
) -> None:
    for facts in ({id: value}, {**WELL, id: value}):
        found = checked(near_duct, facts)
        assert found.verdict == Verdict.MUST_NOT
        statement = next(f for f in suitability_findings(found) if f.rule == "ire_suitability")
        assert statement.severity == Severity.STOP
        assert "suitable" not in found.statement


def test_without_facts_all_of_the_patient_is_unknown(near_duct: Case) -> None:
    found = checked(near_duct, {})
    for fact in PATIENT_FACTS:
        assert state(found, fact.id) == CheckState.UNKNOWN


@pytest.mark.parametrize(
    ("id", "value"),
    [
        ("epilepsy", "yes"), ("atrial_fibrillation", "yes"), ("ecg_recorded", "no"), ("resection_possible", "yes"),
        ("general_anaesthesia_possible", "no"), ("metal_near_zone", "inside"),
    ],
)  # fmt: skip
def test_what_speaks_against_it_is_said(near_duct: Case, id: str, value: str) -> None:
    found = checked(near_duct, {**WELL, id: value})
    assert found.verdict == Verdict.AGAINST
    assert state(found, id) == CheckState.NOT_FULFILLED
    assert any(r.startswith("Against") for r in found.reasons)


def test_metal_outside_the_zone_is_no_contraindication(near_duct: Case) -> None:
    assert checked(near_duct, {**WELL, "metal_near_zone": "outside"}).verdict == Verdict.SUITABLE


def test_metal_that_is_seen_counts_more_than_what_was_told() -> None:
    clip = case(**NEAR_DUCT, clip=(Role.METAL, (0.0, 0.0, -15.0), 3.0))
    found = checked(clip, WELL)
    line = next(c for c in found.checks if c.rule == "metal_near_zone")
    assert (line.state, line.subject) == (CheckState.NOT_FULFILLED, "clip")
    far = case(**NEAR_DUCT, clip=(Role.METAL, (0.0, 0.0, -30.0), 3.0))
    assert state(checked(far, WELL), "metal_near_zone") == CheckState.FULFILLED


def test_nothing_against_heat_means_heat_first() -> None:
    found = checked(case(**FAR), WELL)
    assert found.verdict == Verdict.HEAT_FIRST
    assert "suitable" not in found.statement


def test_a_wide_vessel_at_the_lesion_cools_heat() -> None:
    found = checked(case(**FAR, vein=(Role.HEPATIC_VEIN, (-16.0, 0.0, 0.0), 4.0)), WELL)
    line = next(c for c in found.checks if c.rule == "heat_sink")
    assert (line.state, line.subject) == (CheckState.FULFILLED, "vein")
    assert found.verdict == Verdict.SUITABLE
    assert found.distances.hepatic_vein is not None
    assert found.distances.hepatic_vein.distance_mm == pytest.approx(2.0, abs=1.5)


def test_central_portal_branches_stand_in_for_ducts_and_it_is_said() -> None:
    without = {k: v for k, v in FAR.items() if k != "duct"}
    without["portal"] = (Role.PORTAL_VEIN, (0.0, 0.0, 22.0), 5.0)
    found = checked(case(**without), WELL)
    line = next(c for c in found.checks if c.rule == "heat_near_bile_duct")
    assert line.state == CheckState.FULFILLED
    assert "stand in" in line.text
    assert "bile ducts" in found.unchecked


def test_narrow_portal_branches_do_not_stand_in() -> None:
    without = {k: v for k, v in FAR.items() if k != "duct"}
    without["portal"] = (Role.PORTAL_VEIN, (0.0, 0.0, 15.0), 2.0)
    assert state(checked(case(**without), WELL), "heat_near_bile_duct") == CheckState.UNKNOWN


def test_nothing_segmented_is_unknown_and_not_decided() -> None:
    found = checked(case(), WELL)
    assert found.verdict == Verdict.OPEN
    for rule in ("perihilar", "heat_near_bile_duct", "heat_sink", "heat_near_organ", "rim_bowel",
                 "distance_vena_cava"):  # fmt: skip
        assert state(found, rule) == CheckState.UNKNOWN, rule
    first = suitability_findings(found)[0]
    assert first.text.startswith("Not checked:")


def test_distances_of_balls() -> None:
    found = checked(case(**NEAR_DUCT), WELL).distances
    for measured, exact in (
        (found.bile_duct, 18 - 3 - LESION_MM),
        (found.gallbladder, 38 - 8 - LESION_MM),
        (found.bowel, 48 - 8 - LESION_MM),
        (found.portal_vein, 40 - 5 - LESION_MM),
    ):
        assert measured is not None
        assert measured.distance_mm == pytest.approx(exact, abs=1.4)  # half a voxel's diagonal is 1.9 mm
    assert found.diameter_mm == pytest.approx(2 * LESION_MM, abs=0.8)
    assert found.vena_cava is None


def test_what_overlaps_is_at_zero() -> None:
    found = checked(case(duct=(Role.BILE_DUCT, (8.0, 0.0, 0.0), 5.0)), WELL).distances
    assert found.bile_duct is not None
    assert found.bile_duct.distance_mm == 0.0


def test_a_large_lesion_speaks_against_it() -> None:
    large = case(**FAR, big=(Role.LESION, (-30.0, 0.0, 0.0), 18.0))
    grounds = lesion_grounds(large.structures, "large", Task(), ("big",))
    found = suitability(grounds, "big", WELL, SETTINGS)
    assert state(found, "lesion_size") == CheckState.NOT_FULFILLED
    assert found.verdict == Verdict.AGAINST


def test_metrics_have_places_or_say_why_not(near_duct: Case) -> None:
    found = checked(near_duct, WELL)
    metrics = {m.name: m for m in suitability_metrics(found)}
    assert metrics["lesion_to_bile_duct_mm"].where_lps_mm is not None
    assert metrics["lesion_to_vena_cava_mm"].value is None
    assert "not segmented" in metrics["lesion_to_vena_cava_mm"].note


def test_every_line_has_a_source(near_duct: Case) -> None:
    for check in checked(near_duct, {}).checks:
        assert check.title
        assert check.text
        assert check.source.text, check.rule


def test_largest_diameter_of_a_box() -> None:
    corners = np.array([(x, y, z) for x in (0.0, 3.0) for y in (0.0, 4.0) for z in (0.0, 12.0)])
    size, middle = largest_diameter_mm(corners)
    assert size == pytest.approx(13.0)
    assert middle == pytest.approx((1.5, 2.0, 6.0))


def test_advice_as_an_answer(near_duct: Case) -> None:
    told = replace(near_duct, patient=near_duct.patient.with_facts(WELL))
    answer = advise(told, Plan("A", told.id), SETTINGS, {}, Task())
    assert answer.module == "electroporation"
    assert {c.rule for c in answer.checks} >= {*ABSOLUTE, "lesion_size", "heat_sink"}
    assert any("suitable" in f.text for f in answer.findings)
    with pytest.raises(InvalidValue, match="no such lesion"):
        advise(told, Plan("A", told.id), SETTINGS, {"lesion": "other"}, Task())
    with pytest.raises(InvalidValue, match="does not know this word"):
        advise(told, Plan("A", told.id), SETTINGS, {"lesions": "lesion"}, Task())
    two = case(**NEAR_DUCT, second=(Role.LESION, (-30.0, 0.0, 0.0), 8.0))
    with pytest.raises(InvalidValue, match="Which lesion"):
        advise(two, Plan("A", two.id), SETTINGS, {}, Task())


def test_guards(near_duct: Case) -> None:
    grounds = lesion_grounds(near_duct.structures, "near", Task(), ("lesion",))
    with pytest.raises(InvalidValue, match="does not take"):
        suitability(grounds, "lesion", {"nyha_class": "9"}, SETTINGS)
    with pytest.raises(InvalidValue, match="no such lesion"):
        suitability(grounds, "other", WELL, SETTINGS)
