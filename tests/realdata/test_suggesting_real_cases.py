"""Plans suggested for lesions of a real case: no refused path, the margin reached, the same again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from planner_plugins.thermal_ablation.logic import assess
from planner_plugins.thermal_ablation.settings import Settings
from planner_plugins.thermal_ablation.suggestions import access_rules, suggest

from planner.base.task import Task
from planner.io.importing import read_case
from planner.model.assessment import Severity
from planner.model.case import Case
from planner.model.plan import Plan
from planner.planning.access import access_map
from planner.planning.case_ground import access_ground_of
from planner.planning.device_library import device_library
from planner.planning.needle_path import judge_path
from planner.planning.placing import zone_center

pytestmark = pytest.mark.realdata


@pytest.fixture(scope="module")
def case(shared_data: Callable[[str], Path]) -> Case:
    folder = shared_data("ircadb01_p01")
    return read_case([folder / "PATIENT_DICOM"], structure_paths=[folder / "MASKS_DICOM.zip"]).case


@pytest.mark.parametrize("lesion", ["livertumor02", "livertumor03", "livertumor05"])
def test_suggested_plans_have_no_refused_path(case: Case, lesion: str) -> None:
    settings = Settings()
    found = suggest(case, Plan("A", case.id), settings, {"lesion": lesion}, Task())
    assert 3 <= len(found) <= 5
    ground, rules = access_ground_of(case.structures), access_rules(settings)
    device = device_library().device("generic-mwa-2450")
    for suggestion in found:
        assert suggestion.scores["lesion_coverage_percent"] >= 99.9
        for needle in suggestion.plan.applicators:
            center = zone_center(needle, device.center_offset.value)
            access = access_map(
                ground, center, lesion, device.length.value, device.center_offset.value, rules
            )
            away = ((access.points_lps_mm - needle.entry_lps_mm) ** 2).sum(axis=1)
            assert access.broken_rules(int(away.argmin())) == ()
            # And by the exact structures: nothing hard is crossed.
            path = judge_path(ground.anatomy, needle)
            crossed = {c.role.value for c in path.crossings}
            assert not crossed & {"bone", "bowel", "stomach", "gallbladder", "heart", "kidney", "spleen"}
    best = assess(case, found[0].plan, Settings(robustness_samples=0), Task())
    margin = best.metric("minimal_margin_without_capsule_mm", lesion).value
    assert margin == pytest.approx(found[0].scores["minimal_margin_mm"], abs=1e-6)
    assert not [f for f in best.findings if f.severity == Severity.STOP]
