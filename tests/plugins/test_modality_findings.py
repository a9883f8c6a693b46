"""What each kind of energy asks for is said where it applies, and not where it does not."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import phantom, plan_of

from planner.model.assessment import Confidence, Finding
from planner.model.case import Case
from planner.model.plan import Applicator, Point
from planner.model.roles import Role
from planner.planning.constants import Constant
from planner.planning.device_library import (
    DeviceLibrary,
    built_in_library,
    reset_device_library,
    set_device_library,
)
from planner.plugin.judging import judge
from planner.plugin.registry import find_modules

MODULE = find_modules().module("thermal_ablation")


@pytest.fixture(scope="module")
def case() -> Case:
    return phantom(
        stent=(Role.METAL, (0.0, 50.0, 0.0), 4.0),
        vein=(Role.PORTAL_VEIN, (0.0, 0.0, 17.0), 4.0),
        colon=(Role.BOWEL, (45.0, 0.0, 0.0), 8.0),
    )


def needle(
    device: str, id: str = "p1", entry: Point = (0.0, -100.0, 0.0), tip: Point = (0.0, 12.0, 0.0)
) -> Applicator:
    defaults = built_in_library().device(device).defaults
    return Applicator(id, device, entry, tip, dict(defaults), "lesion")


def said(case: Case, *needles: Applicator, **settings: Any) -> dict[str, Finding]:
    chosen = {"robustness_samples": 0, "allow_ex_vivo": True, **settings}
    return {f.rule: f for f in judge(MODULE, case, plan_of(*needles), chosen).findings}


def test_monopolar_current_needs_pads_and_bipolar_none(case: Case) -> None:
    found = said(case, needle("generic-rf-single"))
    assert "2 grounding pads for up to 200 W over 12 min" in found["grounding_pads"].text
    assert "implants_and_current" in found
    assert "impedance_rises" in found
    bipolar = said(case, needle("generic-rf-bipolar-3"))
    assert not {"grounding_pads", "implants_and_current", "metal_near_current"} & set(bipolar)
    assert "grounding_pads" not in said(case, needle("generic-rf-single"), rf_electrodes="bipolar")
    assert not {"grounding_pads", "impedance_rises"} & set(said(case, needle("generic-mwa-2450")))


def test_metal_near_the_current_is_said_with_its_distance(case: Case) -> None:
    found = said(case, needle("generic-rf-single"))["metal_near_current"]
    assert found.subject == "stent"
    assert found.source.confidence == Confidence.OUR_RULE
    far = phantom(stent=(Role.METAL, (0.0, 85.0, 0.0), 4.0))
    assert "metal_near_current" not in said(far, needle("generic-rf-single"))


@pytest.mark.parametrize(("shift", "is_said"), [(6.0, True), (16.0, False)])
def test_crossing_electrodes_keep_their_bare_parts_apart(case: Case, shift: float, is_said: bool) -> None:
    one = needle("generic-rf-single")
    two = needle("generic-rf-single", "p2", (100.0, 0.0, shift), (-5.0, 0.0, shift))
    assert ("electrodes_close" in said(case, one, two)) is is_said


def test_an_antenna_that_is_not_cooled_heats_its_shaft(case: Case) -> None:
    assert "shaft_heats" not in said(case, needle("generic-mwa-2450"))
    library = built_in_library()
    device = library.device("generic-mwa-2450")
    hot = replace(
        device, emitter={**device.emitter, "cooled": Constant(0.0, "1", "test", Confidence.OUR_RULE)}
    )
    try:
        set_device_library(DeviceLibrary({**library.devices, hot.name: hot}))
        assert said(case, needle("generic-mwa-2450"))["shaft_heats"].where_lps_mm == (0.0, -100.0, 0.0)
    finally:
        reset_device_library()


def test_heat_and_ice_at_the_capsule_are_said_where_the_lesion_lies_there(case: Case) -> None:
    shallow = phantom(near=(Role.LESION, (0.0, -53.0, 0.0), 7.0))
    probe = replace(needle("generic-mwa-2450", tip=(0.0, -40.0, 0.0)), lesion="near")
    assert "steam_at_capsule" in said(shallow, probe)
    assert "steam_at_capsule" not in said(case, needle("generic-mwa-2450"))
    ice = replace(needle("generic-cryo-ln2", tip=(0.0, -40.0, 0.0)), lesion="near")
    assert "ice_cracks_capsule" in said(shallow, ice)
    assert not {"ice_cracks_capsule", "steam_at_capsule"} & set(said(case, needle("generic-cryo-ln2")))


def test_ice_is_told_from_what_it_kills_and_cycles_are_counted(case: Case) -> None:
    cryo = needle("generic-cryo-ln2")
    inset = built_in_library().device("generic-cryo-ln2").lethal_inset_mm
    found = said(case, cryo)
    assert ("lethal part" in found["ice_is_not_lethal"].text) is (inset > 0)
    assert found["freeze_cycles"].severity.value == "info"
    assert said(case, cryo, freeze_cycles=1)["freeze_cycles"].severity.value == "warning"


def test_ice_near_skin_and_organs_is_said_by_its_edge_and_not_by_what_it_kills(case: Case) -> None:
    cryo = needle("generic-cryo-ln2")
    assert not {"ice_near_skin", "ice_reaches_organ"} & set(said(case, cryo))
    beside = needle("generic-cryo-ln2", entry=(28.0, -95.0, 0.0), tip=(28.0, 15.0, 0.0))
    assert said(case, beside)["ice_reaches_organ"].subject == "colon"
    shallow = needle("generic-cryo-ln2", entry=(0.0, -100.0, 0.0), tip=(0.0, -60.0, 0.0))
    assert "ice_near_skin" in said(case, shallow)


def test_ice_of_a_third_of_the_liver_warns_and_is_unverified() -> None:
    small = phantom((4.0, 4.0, 4.0))
    structures = small.structures
    liver = structures.mask("liver")
    k, j, i = liver.nonzero()
    around = abs(k - k.mean()) + abs(j - j.mean()) + abs(i - i.mean()) > 7
    liver[k[around], j[around], i[around]] = False
    cut = small.with_structures(structures.with_mask(structures["liver"], liver))
    needles = [needle("generic-cryo-argon-4")]
    warned = said(cut, *needles)["large_ice"]
    assert warned.source.confidence == Confidence.UNVERIFIED
    assert "large_ice" not in said(small, *needles)


def test_a_fibre_at_a_wide_vessel_is_said(case: Case) -> None:
    found = said(case, needle("generic-laser-4", tip=(0.0, 10.0, 10.0), entry=(0.0, -100.0, 10.0)))
    assert found["fibre_near_vessel"].subject == "p1"
    away = said(case, needle("generic-laser-4", tip=(0.0, 10.0, -30.0), entry=(0.0, -95.0, -30.0)))
    assert "fibre_near_vessel" not in away
