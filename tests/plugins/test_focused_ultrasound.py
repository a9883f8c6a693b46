"""Grids of foci judged as needles are: margin, coverage, beam, refusals, and the same numbers while dragging."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from planner_plugins.thermal_ablation.grounds import prepare_grounds
from planner_plugins.thermal_ablation.settings import Settings
from planner_plugins.thermal_ablation.suggestions import suggest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import custom_probe, phantom, plan_of

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.foci_union import FociUnion
from planner.compute.lesion_outline import outline_lesion
from planner.compute.margin import evaluate_margin
from planner.compute.spheroid import Spheroid
from planner.compute.zone_union import ZoneUnion
from planner.model.assessment import Assessment, Finding
from planner.model.case import Case
from planner.model.plan import FocusGrid, Plan
from planner.model.roles import Role
from planner.planning.device_library import device_library
from planner.planning.focusing import filled_grid, goal_points, transducer_power_w
from planner.plugin.judging import judge
from planner.plugin.registry import find_modules

MODULE = find_modules().module("thermal_ablation")
HIFU = device_library().device("generic-hifu")
ZONE = HIFU.zone(HIFU.defaults)
#: Points of the phantom's skin in front of the lesion.
FRONT = tuple(
    (x, -float(np.sqrt(100.0**2 - x * x - z * z)), z) for x in (-30.0, 0.0, 30.0) for z in (-20.0, 0.0, 20.0)
)


@pytest.fixture(scope="module")
def case() -> Case:
    return phantom(rib=(Role.BONE, (0.0, -90.0, 20.0), 6.0), colon=(Role.BOWEL, (0.0, -60.0, -40.0), 10.0))


@pytest.fixture(scope="module")
def grid(case: Case) -> FocusGrid:
    outline = outline_lesion(*case.structures.cropped("lesion", 6.0))
    goal = goal_points(outline, 2.0, (0.0, 1.0, 0.0), ZONE, case.structures)
    return filled_grid("h1", HIFU, HIFU.defaults, goal, FRONT, "lesion")


def answer(case: Case, *instruments: Any, **settings: Any) -> Assessment:
    return judge(MODULE, case, Plan("A", "phantom", instruments), {"robustness_samples": 60, **settings})


def finding(found: Assessment, rule: str) -> Finding | None:
    return next((f for f in found.findings if f.rule == rule), None)


def test_a_grid_is_judged_as_a_needle_is(case: Case, grid: FocusGrid) -> None:
    found = answer(case, grid)
    margin = found.metric("minimal_margin_without_capsule_mm", "lesion")
    assert margin.value is not None
    assert 1.5 < margin.value < 4.0
    assert margin.target is not None, "judged by its margin, as no chance is known"
    assert finding(found, "chance_not_known") is not None
    assert finding(found, "margin_short") is not None
    assert found.metric("lesion_coverage_percent", "lesion").value == 100.0
    assert not [m for m in found.metrics if m.name == "chance_of_5mm_margin_percent"]
    count = len(grid.foci_lps_mm)
    assert found.metric("foci_count", "h1").value == count
    assert found.metric("sonication_time_total_s", "h1").value == 20.0 * count
    assert found.metric("sonication_with_pauses_s", "h1").value == 50.0 * count
    depth = found.metric("skin_to_focus_mm", "h1").value
    assert depth is not None
    assert 100.0 < depth < 115.0
    blocked = found.metric("beam_blocked_percent", "h1").value
    assert blocked is not None
    power = found.metric("transducer_power_w", "h1")
    assert power.value == pytest.approx(transducer_power_w(8.0, depth, 1.2, blocked))
    assert power.is_estimate
    (surface,) = [s for s in found.surfaces if s.name == "lesion_margin"]
    assert surface.values is not None
    assert surface.values.min() == pytest.approx(margin.value, abs=0.5)


def test_ribs_warn_gas_stops_and_both_are_pointed_at(case: Case, grid: FocusGrid) -> None:
    ribs = finding(answer(case, grid), "ribs_in_beam")
    assert ribs is not None
    assert ribs.severity.value == "warning"
    assert ribs.where_lps_mm is not None
    assert np.linalg.norm(np.array(ribs.where_lps_mm) - (0.0, -90.0, 20.0)) < 8.0
    assert finding(answer(case, grid), "gas_in_beam") is None, "the colon lies beside the beam"
    low = replace(grid, window_lps_mm=tuple((x, y, z - 50.0) for x, y, z in grid.window_lps_mm))
    gas = finding(answer(case, low), "gas_in_beam")
    assert gas is not None
    assert gas.severity.value == "stop"
    assert "colon" in gas.text


def test_what_is_not_segmented_is_not_free_of_ribs(grid: FocusGrid) -> None:
    found = answer(phantom(), grid)
    said = finding(found, "beam_not_checked")
    assert said is not None
    assert "bones, lungs, stomach, duodenum, bowel (not segmented)" in said.text
    assert found.metric("beam_blocked_percent", "h1").note.startswith("not checked: bones")


def test_without_a_window_nothing_passes_in_silence(case: Case, grid: FocusGrid) -> None:
    found = answer(case, replace(grid, window_lps_mm=()))
    said = finding(found, "no_acoustic_window")
    assert said is not None
    assert said.text.startswith("Not checked: ribs and gas")
    assert found.metric("beam_blocked_percent", "h1").value is None


def test_foci_too_deep_too_near_and_too_far_apart_are_said(case: Case, grid: FocusGrid) -> None:
    near = replace(grid, window_lps_mm=tuple((x, -25.0, z) for x, _, z in grid.window_lps_mm))
    assert finding(answer(case, near), "foci_near_skin") is not None
    far = replace(grid, window_lps_mm=tuple((x, -150.0, z) for x, _, z in grid.window_lps_mm))
    deep = finding(answer(case, far), "foci_too_deep")
    assert deep is not None
    assert (deep.severity.value, "unverified" in deep.text) == ("stop", True)
    wide = replace(grid, foci_lps_mm=(*grid.foci_lps_mm, (50.0, 0.0, 0.0)))
    assert finding(answer(case, wide), "beyond_steering") is not None
    assert finding(answer(case, grid), "beyond_steering") is None


def test_a_grid_without_a_lesion_treats_the_nearest(case: Case, grid: FocusGrid) -> None:
    named, bare = answer(case, grid), answer(case, replace(grid, lesion=""))
    assert bare.metric("minimal_ablation_margin_mm", "lesion") == named.metric(
        "minimal_ablation_margin_mm", "lesion"
    )


def test_a_preview_says_the_same_as_the_assessment(case: Case, grid: FocusGrid) -> None:
    plan = Plan("A", "phantom", (grid, custom_probe(center=(1.0, 2.0, 3.0))))
    settings = MODULE.settings({"robustness_samples": 60})
    prepared = MODULE.logic.prepare(case, settings, Task())
    shown = MODULE.logic.preview(case, prepared, plan, settings, "p1")
    by_name = {(m.name, m.subject): m for m in judge(MODULE, case, plan, {"robustness_samples": 60}).metrics}
    assert shown.metrics
    for metric in shown.metrics:
        assert metric.is_estimate or by_name[metric.name, metric.subject] == metric


def test_a_needle_beside_a_grid_makes_the_margin_no_smaller(case: Case, grid: FocusGrid) -> None:
    alone = answer(case, grid).metric("minimal_ablation_margin_mm", "lesion").value
    both = answer(case, grid, custom_probe(size_mm=50.0)).metric("minimal_ablation_margin_mm", "lesion").value
    assert alone is not None
    assert both is not None
    assert both == pytest.approx(15.0, abs=0.5)
    assert both > alone


def test_order_is_said_of_several_positions_alone(case: Case, grid: FocusGrid) -> None:
    assert finding(answer(case, grid), "treatment_order") is None
    said = finding(answer(case, custom_probe(), grid), "treatment_order")
    assert said is not None
    assert said.text.startswith("Order: h1, p1 (")


def test_needles_and_transducers_are_not_mixed_up(case: Case, grid: FocusGrid) -> None:
    with pytest.raises(InvalidValue, match="focuses no sound"):
        answer(case, replace(grid, device="generic-mwa-2450"))
    with pytest.raises(InvalidValue, match="transducer"):
        answer(case, replace(custom_probe(), device="generic-hifu", settings=dict(HIFU.defaults)))
    with pytest.raises(InvalidValue, match="never extrapolated"):
        answer(case, replace(grid, settings={"power_w": 80, "time_s": 20}))
    with pytest.raises(InvalidValue, match="names a lesion"):
        answer(case, replace(grid, lesion="lesion 9"))


def test_the_report_of_a_union_is_that_of_its_zones(case: Case) -> None:
    """The same numbers as `evaluate_margin` makes, for a union it can make too."""
    ground = prepare_grounds(case, Settings(), Task()).lesions["lesion"].margin
    zones = [Spheroid((x, 1.0, 0.0), (0.0, 1.0, 0.0), 34.0, 28.0) for x in (-6.0, 0.0, 6.0)]
    for union in (ZoneUnion(zones), FociUnion(zones)):
        found, known = evaluate_margin(ground, union), evaluate_margin(ground, zones)
        assert found.minimal.value_mm == pytest.approx(known.minimal.value_mm, abs=0.01)
        assert found.minimal.low_mm == pytest.approx(known.minimal.low_mm, abs=0.02)
        assert found.margins_mm == pytest.approx(known.margins_mm, abs=0.02)
        for name in (
            "below_0_percent", "from_0_to_5_percent", "from_5_to_10_percent", "at_least_10_percent",
            "percentile_5_mm", "median_mm", "mean_mm", "lesion_coverage_percent", "grown_coverage_percent",
            "liver_outside_lesion_ml", "zone_volume_ml", "capsule_share_percent",
        ):  # fmt: skip
            assert getattr(found, name) == pytest.approx(getattr(known, name), abs=0.3), name
        assert found.histogram_percent == pytest.approx(known.histogram_percent, abs=0.6)


def test_a_plan_without_probe_and_grid_is_refused(case: Case) -> None:
    with pytest.raises(InvalidValue, match="no probe"):
        judge(MODULE, case, plan_of())


def test_suggested_grids_replace_the_lesions_instruments_and_are_judged_as_said() -> None:
    case = phantom()
    plan = Plan("A", "phantom", (custom_probe(),))
    found = suggest(
        case, plan, Settings(robustness_samples=0), {"device": "generic-hifu", "margin_mm": 1.0}, Task()
    )
    assert 2 <= len(found) <= 5
    for each in found:
        (foci,) = each.plan.instruments
        assert isinstance(foci, FocusGrid)
        judged = answer(case, foci)
        margin = next(
            m for m in judged.metrics if m.name == "minimal_ablation_margin_mm" and m.subject == "lesion"
        )
        assert margin.value == pytest.approx(each.scores["minimal_margin_mm"], abs=0.05)
        assert each.scores["foci_count"] == len(foci.foci_lps_mm)
        assert finding(judged, "ribs_in_beam") is None
