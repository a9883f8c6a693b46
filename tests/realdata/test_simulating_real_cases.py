"""A microwave needle simulated in a real liver: what a hepatic vein beside the lesion does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from planner_plugins.thermal_ablation.settings import Settings
from planner_plugins.thermal_ablation.simulation.judging import simulate

from planner.base.task import Task
from planner.io.importing import read_case
from planner.model.assessment import Assessment
from planner.model.plan import Plan
from planner.planning.device_library import device_library
from planner.planning.placing import aimed_applicator

pytestmark = pytest.mark.realdata
LESION = "livertumor04"


def value(answer: Assessment, name: str) -> float:
    found = answer.metric(name).value
    assert found is not None
    return found


def test_a_hepatic_vein_bites_into_the_zone(shared_data: Callable[[str], Path]) -> None:
    """livertumor04 touches a hepatic vein: flow costs margin and volume, without it the zone is the device's."""
    case = read_case([shared_data("ircadb01_p01")]).case
    structures = case.structures
    box = structures.box(LESION)
    k, j, i = (0.5 * (a + b - 1) for a, b in zip(box.start, box.stop, strict=True))
    center = structures.grid.to_lps((i, j, k))
    device = device_library().device("generic-mwa-2450")
    probe = aimed_applicator("p1", device, device.defaults, center, center + (60.0, -80.0, 10.0), LESION)
    plan = Plan("A", case.id, (probe,))
    flowing, stopped = (
        simulate(case, plan, Settings(simulation_voxel_mm=2.0, vessel_flow=flow), Task())
        for flow in (True, False)
    )
    assert value(flowing, "simulated_zone_volume_ml") < 0.85 * value(stopped, "simulated_zone_volume_ml")
    assert value(flowing, "simulated_minimal_margin_mm") < value(stopped, "simulated_minimal_margin_mm") - 2.0
    assert value(stopped, "simulated_zone_overlap_dice") > 0.9
    assert value(flowing, "judged_minimal_margin_mm") <= value(flowing, "simulated_minimal_margin_mm")
    bites = [f for f in flowing.findings if f.rule == "vessel_bites_zone"]
    assert "venoussystem" in {f.subject for f in bites}
