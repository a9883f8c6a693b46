"""Dose of an image of activity on a block of liver: closed forms, units and times, and every question that is asked."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from planner_plugins.radioembolization import logic
from planner_plugins.radioembolization.settings import (
    AT_SCAN,
    AT_TREATMENT,
    GIVEN_ACTIVITY,
    Settings,
)

from planner.base.task import Task
from planner.model.assessment import Assessment
from planner.model.case import Case, Patient
from planner.model.catheter import Agent, AgentType, CatheterTarget
from planner.model.geometry import Grid
from planner.model.image import DicomIdentity, Image
from planner.model.plan import Plan
from planner.model.registration import Registration
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.model.vessel_tree import VesselTree
from planner.planning.y90_voxel_dose import local_activity_gbq

from ...planning.arterial_case import BALLS, GRID, artery, places, structures
from ...verification.dose_shapes import OBLIQUE, grid_around, radii

LOCAL, KERNEL = "local deposition", "kernel convolution"
SEEN, ALL = "perfused right", "perfused liver"
FACTS = {"lung_shunt_percent": "5", "tumor_to_normal_ratio": "4"}
GIVEN, TO_LIVER = 1.0, 0.95 * 0.99
LIVER_ML = 432.0
#: Concentration of what is given, if the liver held it evenly, Bq/ml; and the dose it leaves, Gy.
EVEN = 1e9 * GIVEN * TO_LIVER / LIVER_ML
EVEN_GY = 49.67 * EVEN * 1e-9 / 1.05e-3
AT_ONCE = "Bq/ml of Y-90, at administration"
#: Voxels of a SPECT, oblique to the liver, to 16 mm and more beyond it.
SPECT = grid_around((100.0, 85.0, 60.0), (4.4, 4.4, 4.4), OBLIQUE)
UID = "2.25.1"


@cache
def liver() -> StructureSet:
    seen = {SEEN: places()[..., 0] < -30.0, ALL: np.ones(GRID.shape, dtype=bool)}
    return replace(structures(**seen), frame_of_reference_uid=UID)


def image(
    values: float | np.ndarray = EVEN,
    unit: str = AT_ONCE,
    grid: Grid = SPECT,
    uid: str = UID,
    modality: str = "NM",
    id: str = "spect",
) -> Image:
    full = np.broadcast_to(np.asarray(values, dtype=np.float32), grid.shape).copy()
    return Image(id, id, grid, full, modality, unit, DicomIdentity(frame_of_reference_uid=uid))


def case(*images: Image, facts: dict[str, str] = FACTS, registrations: tuple[Registration, ...] = ()) -> Case:
    told = Patient().with_facts(facts)
    tree = replace(artery(), is_confirmed=True)
    return Case("c", "c", images, (liver(),), told, registrations=registrations, vessel_trees=(tree,))


def answer(
    of: Case,
    activity_gbq: float | None = GIVEN,
    seen: str = ALL,
    agent: AgentType = AgentType.Y90_RESIN,
    **settings: Any,
) -> Assessment:
    plan = Plan(
        "A", "c", (CatheterTarget("c1", "artery", (20.0, 0.0, 0.0), Agent(agent, activity_gbq), seen),)
    )
    chosen = {"activity_image": "spect", "deposition": LOCAL, "rim_mm": 0.0, **settings}
    return logic.assess(of, plan, Settings(**chosen), Task())


def value(found: Assessment, name: str, subject: str = "plan") -> float | None:
    return found.metric(name, subject).value


def rules(found: Assessment) -> dict[str, str]:
    return {f.rule: f.text for f in found.findings}


STRUCTURES = [
    ("lesion", "left lesion"), ("lesion", "middle lesion"),
    ("perfused_normal_liver", "plan"), ("whole_normal_liver", "plan"),
]  # fmt: skip


@pytest.mark.parametrize("deposition", [LOCAL, KERNEL])
def test_an_even_activity_leaves_an_even_dose(deposition: str) -> None:
    """D = 49.67 A / m everywhere, within 1e-4; by the kernel too, within 0.1 %: the image reaches 12 mm beyond."""
    found = answer(case(image()), deposition=deposition)
    within = 1e-4 if deposition == LOCAL else 1e-3
    for word, subject in STRUCTURES:
        for of in ("dose", "d95", "d70"):
            assert value(found, f"delivered_{word}_{of}_gy", subject) == pytest.approx(EVEN_GY, rel=within)
        assert value(found, f"delivered_{word}_v100_percent", subject) == (100.0 if EVEN_GY > 100 else 0.0)
    assert value(found, "measured_activity_in_liver_gbq") == pytest.approx(GIVEN * TO_LIVER, rel=1e-4)
    assert value(found, "expected_activity_in_liver_gbq") == pytest.approx(GIVEN * TO_LIVER, rel=1e-9)
    assert value(found, "delivered_lung_dose_gy") == pytest.approx(49.67 * GIVEN * 0.99 * 0.05, rel=1e-4)
    assert not {"measured_differs_from_given", "activity_unit_asked", "activity_image_not_used"} & set(
        rules(found)
    )
    method = found.metric("delivered_lesion_dose_gy", "left lesion").method
    assert "same frame of reference" in method
    assert "49.67" in method


@pytest.mark.parametrize(
    ("unit", "values", "settings"),
    [
        ("Bq/ml of Y-90, 24 h after administration", EVEN * 2 ** (-24 / 64.1), {}),
        ("kBq/ml, at administration", EVEN / 1e3, {}),
        ("MBq/ml, at administration", EVEN / 1e6, {}),
        ("", EVEN / 1e6, {"activity_unit": "MBq/ml", "activity_as_of": AT_TREATMENT}),
        ("Bq/ml", EVEN * 2 ** (-30 / 64.1), {"activity_as_of": AT_SCAN, "scan_after_h": 30.0}),
        (
            "Bq/ml, 3 h after administration",
            EVEN,
            {"activity_as_of": AT_TREATMENT},
        ),  # what is set goes before
        ("counts", 7.0, {"scale_to": GIVEN_ACTIVITY}),
        ("", 12000.0, {"scale_to": GIVEN_ACTIVITY}),
        ("Bq/ml of 99mTechnetium, 1 h after administration", 3.0, {"scale_to": GIVEN_ACTIVITY}),
    ],
)
def test_units_times_and_scales_lead_to_the_same_dose(
    unit: str, values: float, settings: dict[str, Any]
) -> None:
    found = answer(case(image(values, unit)), **settings)
    assert value(found, "delivered_whole_normal_liver_dose_gy") == pytest.approx(EVEN_GY, rel=1e-4)
    assert value(found, "measured_activity_in_liver_gbq") == pytest.approx(GIVEN * TO_LIVER, rel=1e-4)
    method = found.metric("measured_activity_in_liver_gbq").method
    assert ("scaled" in method) == ("scale_to" in settings)
    assert ("activity_other_nuclide" in rules(found)) == ("Technetium" in unit)


@pytest.mark.parametrize(
    ("of", "given", "settings", "words"),
    [
        (image(unit=""), GIVEN, {}, ("unit of its values is not known", "Say its unit")),
        (image(unit=""), GIVEN, {}, ("which time its values", "its unit (Bq/ml, kBq/ml or MBq/ml) and whether")),
        (image(unit=""), GIVEN, {}, ("in the settings under 'Dose delivered", "scale it to the given")),
        (image(unit="counts"), GIVEN, {}, ("Counts are no activity", "scale it to the given")),
        (image(), GIVEN, {"activity_unit": "counts"}, ("Counts are no activity", "scale it")),
        (image(unit="g/ml"), GIVEN, {}, ("not known", "in g/ml")),
        (image(unit="Bq/ml"), GIVEN, {}, ("decay-corrected to", "how many hours after it")),
        (image(unit=""), GIVEN, {"activity_unit": "Bq/ml"}, ("decay-corrected to", "hours after")),
        (image(), GIVEN, {"activity_as_of": AT_SCAN}, ("how long after", "Say the hours")),
        (image(unit="Bq/ml of 18Fluorine (half-life 1.83 h), at administration"), GIVEN, {},
         ("another nuclide", "Scale it to the given")),
        (image(unit="counts"), None, {"scale_to": GIVEN_ACTIVITY}, ("nothing to scale", "activity given at every tip")),
        (image(modality="CT", unit="HU"), GIVEN, {}, ("CT shows no activity", "Choose the SPECT")),
        (image(0.0), GIVEN, {}, ("holds no activity", "registered")),
        (image(-1.0), GIVEN, {}, ("none below zero", "reconstruct")),
        (image(uid="2.25.9"), GIVEN, {}, ("different frames of reference", "Register it")),
        (image(id="other"), GIVEN, {}, ("not in this case", "'spect'. ")),
    ],
)  # fmt: skip
def test_what_is_not_known_is_asked_and_yields_no_dose(
    of: Image, given: float | None, settings: dict[str, Any], words: tuple[str, str]
) -> None:
    found = answer(case(of), given, **settings)
    text = rules(found)["activity_image_not_used"]
    assert all(word in text for word in words), text
    for name, subject in (
        ("delivered_lesion_dose_gy", "left lesion"), ("delivered_lesion_d95_gy", "left lesion"),
        ("lesion_dose_difference_gy", "left lesion"), ("delivered_lung_dose_gy", "plan"),
        ("measured_activity_in_liver_gbq", "plan"),
    ):  # fmt: skip
        metric = found.metric(name, subject)
        assert metric.value is None
        assert metric.note
    assert value(found, "lung_dose_gy") is not None, "what is predicted stays"
    assert [f.name for f in found.fields if "delivered" in f.name] == []
    assert "activity" not in found.inputs


@pytest.mark.parametrize("factor", [1e-3, 600.0, 1000.0, 1e6, 0.0018])
def test_a_factor_near_a_thousand_asks_for_the_unit(factor: float) -> None:
    found = answer(case(image(EVEN * factor)))
    text = rules(found)["activity_unit_asked"]
    assert "factor near 1000" in text
    assert "Say the unit" in text
    assert "measured_differs_from_given" not in rules(found)
    assert value(found, "delivered_whole_normal_liver_dose_gy") is None
    assert found.metric("delivered_lung_dose_gy").note == "the unit of the image is asked"


@pytest.mark.parametrize(("factor", "is_said"), [(0.78, True), (0.82, False), (1.18, False), (1.3, True), (30.0, True)])  # fmt: skip
def test_a_total_that_is_not_what_was_given_is_said(factor: float, is_said: bool) -> None:
    found = answer(case(image(EVEN * factor)))
    assert ("measured_differs_from_given" in rules(found)) == is_said
    assert value(found, "delivered_whole_normal_liver_dose_gy") == pytest.approx(factor * EVEN_GY, rel=1e-4)
    if is_said:
        assert f"{100 * (factor - 1):+.0f} %" in rules(found)["measured_differs_from_given"]


def test_without_the_lung_shunt_the_liver_is_known_and_the_lungs_are_not() -> None:
    found = answer(case(image(), facts={"tumor_to_normal_ratio": "4"}))
    assert value(found, "delivered_whole_normal_liver_dose_gy") == pytest.approx(EVEN_GY, rel=1e-4)
    assert value(found, "delivered_lung_dose_gy") is None
    assert found.metric("delivered_lung_dose_gy").note == "unknown: enter the lung shunt"
    assert value(found, "lesion_dose_difference_gy", "left lesion") is None
    assert "enter the lung shunt" in found.metric("lesion_dose_difference_gy", "left lesion").note
    assert "measured_not_checked" in rules(found)


def partition() -> np.ndarray:
    """Activity of the prediction on the structures' lattice, Bq/ml: four times as much in lesions."""
    tumor = sum(np.linalg.norm(places() - m, axis=-1) <= r for m, r in BALLS.values()) > 0
    weight = np.where(tumor, 4.0, 1.0)
    return np.asarray(1e9 * GIVEN * TO_LIVER * weight / weight.sum() / GRID.voxel_volume_ml)


def test_delivered_as_predicted_stands_beside_the_prediction() -> None:
    """The image is the prediction itself; between its voxels values are linear, so a small lesion loses 8 %."""
    wide = Grid((30, 34, 80), GRID.spacing_mm, tuple(GRID.to_lps([-10, -5, -5])))
    values = np.zeros(wide.shape)
    values[5:25, 5:29, 10:70] = partition()
    found = answer(case(image(values, grid=wide)))
    total = value(found, "measured_activity_in_liver_gbq")
    assert total == pytest.approx(GIVEN * TO_LIVER, rel=0.04)
    for word, subject in STRUCTURES:
        predicted, delivered = (
            value(found, f"{w}_{word}_dose_gy", subject) for w in ("predicted", "delivered")
        )
        assert delivered == pytest.approx(predicted, rel=0.10)
        apart = value(found, f"{word}_dose_difference_gy", subject)
        assert apart == pytest.approx(delivered - predicted, abs=1e-9)
    d95 = value(found, "delivered_lesion_d95_gy", "left lesion") - value(
        found, "lesion_d95_gy", "left lesion"
    )
    assert value(found, "lesion_d95_difference_gy", "left lesion") == pytest.approx(d95, abs=1e-9)
    by_hand = value(found, "lesion_dose_gy", "left lesion")
    assert value(found, "predicted_lesion_dose_gy", "left lesion") == pytest.approx(by_hand, rel=0.08), (
        "blocks"
    )


def test_activity_and_dose_invert_and_nothing_is_lost() -> None:
    """Activity of the image -> dose -> activity: what the image holds near the liver, within 1e-3."""
    middle = (-20.0, 3.0, 2.0)
    values = 5e6 * np.exp(-0.5 * (radii(SPECT, middle) / 9.0) ** 2)
    found = answer(case(image(values)), activity_gbq=None)
    field = next(f for f in found.fields if f.name == "delivered_dose")
    back = local_activity_gbq(field.values.astype(float), field.grid)
    total = float(values.sum()) * SPECT.voxel_volume_ml * 1e-9
    assert back.sum() == pytest.approx(total, rel=1e-3)
    assert value(found, "measured_activity_in_liver_gbq") == pytest.approx(total, rel=0.02), (
        "its tail is outside"
    )
    spread = answer(case(image(values)), activity_gbq=None, deposition=KERNEL)
    other = next(f for f in spread.fields if f.name == "delivered_dose")
    assert local_activity_gbq(other.values.astype(float), other.grid).sum() == pytest.approx(
        back.sum(), rel=1e-4
    )
    assert other.values.max() < field.values.max()


def test_given_activity_is_conserved_in_liver_and_lungs() -> None:
    """Scaled counts: mean of the whole liver is the one compartment's, and liver and lungs hold A (1 - R)."""
    rng = np.random.default_rng(4)
    found = answer(
        case(image(rng.gamma(2.0, 50.0, SPECT.shape), "counts")),
        agent=AgentType.Y90_GLASS,
        scale_to=GIVEN_ACTIVITY,
    )
    field = next(f for f in found.fields if f.name == "delivered_dose")
    inside = np.all(np.abs(_middles(field.grid)) < (60.0, 30.0, 30.0), axis=-1)
    assert field.values[inside].mean() == pytest.approx(value(found, "perfused_dose_gy"), rel=0.02)
    lungs = value(found, "delivered_lung_dose_gy")
    in_liver = value(found, "measured_activity_in_liver_gbq")
    assert in_liver + lungs * 1.0 / 49.67 == pytest.approx(GIVEN * 0.99, rel=1e-9)
    assert lungs == pytest.approx(value(found, "lung_dose_gy"), rel=1e-9)


def _middles(grid: Grid) -> np.ndarray:
    k, j, i = np.indices(grid.shape)
    return grid.to_lps(np.stack([i, j, k], axis=-1).astype(float))


def test_a_registered_image_is_carried_to_the_liver() -> None:
    """A hot spot made in another frame falls onto the lesion the registration puts it on, and on no other."""
    turn = np.array(
        [[0.0, -1.0, 0.0, 100.0], [1.0, 0.0, 0.0, -50.0], [0.0, 0.0, 1.0, 20.0], [0.0, 0.0, 0.0, 1.0]]
    )
    ct = Image("ct", "ct", GRID, np.zeros(GRID.shape, np.int16), "CT", "HU", DicomIdentity(frame_of_reference_uid=UID))  # fmt: skip
    middle = tuple((turn @ [*BALLS["left lesion"][0], 1.0])[:3])
    there = grid_around((85.0, 100.0, 60.0), (4.4, 4.4, 4.4), middle_lps_mm=tuple(turn[:3, 3]))
    hot = image(2e7 * np.exp(-0.5 * (radii(there, middle) / 7.0) ** 2), grid=there, uid="2.25.9")
    lying = Registration("ct", "spect", turn, method="by 4 landmarks")
    found = answer(case(ct, hot, registrations=(lying,)))
    left, other = (value(found, "delivered_lesion_dose_gy", n) for n in ("left lesion", "middle lesion"))
    assert left > 50.0 * other
    assert (
        "registered (by 4 landmarks), error unknown" in found.metric("measured_activity_in_liver_gbq").method
    )
    assert "error unknown: look at it" in rules(found)["activity_place_unproved"]
    known = answer(case(ct, hot, registrations=(replace(lying, error_mm=1.4, error_basis="4 landmarks"),)))
    assert "activity_place_unproved" not in rules(known)
    moved = replace(lying, rigid=turn + np.array([[0, 0, 0, 0.5], *np.zeros((3, 4))]))
    again = answer(case(ct, hot, registrations=(moved,)))
    assert again.inputs["activity"] != found.inputs["activity"]


def test_what_a_person_should_look_at_is_said() -> None:
    bare = answer(case(image(uid="", modality="MR")))
    assert {"activity_place_assumed", "activity_kind_assumed", "activity_blurred"} <= set(rules(bare))
    half = grid_around((30.0, 85.0, 60.0), (4.4, 4.4, 4.4))
    cut = answer(case(image(grid=half)))
    text = rules(cut)["activity_image_cuts_liver"]
    assert int(text.split(" %")[0]) == pytest.approx(47, abs=3)
    assert "activity_image_cuts_liver" not in rules(bare)


def test_a_locked_plan_has_no_perfused_volume_to_take_a_mean_of() -> None:
    portal = VesselTree("artery", Role.PORTAL_VEIN, artery().branches, is_confirmed=True)
    found = answer(replace(case(image()), vessel_trees=(portal,)), seen="")
    assert value(found, "delivered_lesion_dose_gy", "left lesion") == pytest.approx(EVEN_GY, rel=1e-4)
    assert value(found, "delivered_whole_normal_liver_dose_gy") == pytest.approx(EVEN_GY, rel=1e-4)
    metric = found.metric("delivered_perfused_normal_liver_dose_gy")
    assert (metric.value, bool(metric.note)) == (None, True)
    assert "dose_locked" in rules(found)


def test_without_an_image_nothing_of_it_is_said_and_with_one_it_is_an_input() -> None:
    plain = answer(case(image()), activity_image="")
    assert not [m for m in plain.metrics if "delivered" in m.name or "difference" in m.name]
    assert "activity" not in plain.inputs
    found, again = (answer(case(image())) for _ in range(2))
    assert [m.value for m in found.metrics] == [m.value for m in again.metrics]
    assert found.inputs["activity"] != answer(case(image(EVEN * 1.01))).inputs["activity"]
    names = {m.name for m in found.metrics}
    assert {m.name for m in plain.metrics} < names
    curves = {c.subject for c in found.curves if c.name == "dose_volume_delivered"}
    assert curves == {"left lesion", "middle lesion", "perfused normal liver", "whole normal liver"}
    shown = {
        m.name
        for s in _manifest().sections
        for m in s.metrics
        if "deliver" in m.name or "difference" in m.name
    }
    assert shown <= names


def _manifest() -> Any:
    from planner.plugin.registry import find_modules

    return find_modules().module("radioembolization").manifest
