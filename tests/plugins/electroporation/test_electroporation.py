"""Electroporation on a phantom of balls: the answer as a whole, its findings, its refusals."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from phantom import phantom
from two_needles import TwoCylinders, array

from planner.base.errors import Cancelled, InvalidValue
from planner.base.task import Task
from planner.model.assessment import Assessment, Finding, Preview, Severity
from planner.model.case import Case
from planner.model.electrode_array import Electrode, ElectrodeArray, PulsePair
from planner.model.plan import Plan
from planner.model.roles import Role
from planner.planning.device_library import device_library
from planner.planning.electrode_arrays import standard_pairs
from planner.plugin.judging import judge
from planner.plugin.message import assessment_document, assessment_of_document
from planner.plugin.registry import find_modules
from planner.report.pair_table import pair_table_csv

MODULE = find_modules().module("electroporation")
DEVICE = device_library().device("generic-ire-19g")
#: One medium everywhere: what is left is the geometry.
SAME = {
    "conductivity_model": "constant",
    **{
        f"{what}_conductivity_s_per_m": 0.2
        for what in ("liver", "tumor", "vessel", "background", "bile_duct", "gallbladder")
    },
}
FAST = {"field_voxel_mm": 2.0, "robustness_samples": 0}


@pytest.fixture(scope="module")
def case() -> Case:
    return phantom(
        vein=(Role.HEPATIC_VEIN, (0.0, 0.0, 16.0), 4.0),
        duct=(Role.BILE_DUCT, (22.0, 0.0, 0.0), 3.0),
        rib=(Role.BONE, (-7.5, -80.0, 0.0), 4.0),
    )


def plan_of(*arrays: ElectrodeArray) -> Plan:
    return Plan("IRE", "phantom", arrays)


def asked(case: Case, *arrays: ElectrodeArray, **settings: object) -> Assessment:
    return judge(MODULE, case, plan_of(*arrays), {**FAST, **settings})


def square(side_mm: float, exposure_mm: float, nominal_v_per_cm: float = 1500.0) -> ElectrodeArray:
    """Four needles around the lesion, all pairs in reach."""
    half = side_mm / 2
    places = ((-half, -half), (half, -half), (half, half), (-half, half))
    electrodes = tuple(Electrode((x, -99.0, z), (x, exposure_mm / 2, z), exposure_mm) for x, z in places)
    bare = ElectrodeArray("e1", DEVICE.name, electrodes, lesion="lesion")
    return replace(bare, pairs=standard_pairs(bare, DEVICE, nominal_v_per_cm, 40.0)[0])


@pytest.fixture(scope="module")
def answer(case: Case) -> Assessment:
    return judge(MODULE, case, plan_of(square(18.0, 25.0)), {"robustness_samples": 60, "field_voxel_mm": 1.5})


def found(answer: Assessment | Preview, rule: str) -> list[Finding]:
    return [f for f in answer.findings if f.rule == rule]


def numbers(answer: Assessment | Preview) -> Mapping[tuple[str, str], float | None]:
    return {(m.name, m.subject): m.value for m in answer.metrics}


def test_a_known_medium_gives_the_closed_form(case: Case) -> None:
    """H12 through the whole module: tissue of one conductivity, so lesion, vein and duct leave no trace."""
    row = TwoCylinders(15.0, 2250.0)
    answer = judge(MODULE, case, plan_of(array(15.0, 2250.0, 60.0)), {**SAME, "robustness_samples": 0})
    field = next(f for f in answer.fields if f.name == "electric_field_v_per_cm")
    k, j, i = np.indices(field.grid.shape)
    points = field.grid.to_lps(np.stack([i, j, k], axis=-1))
    near = np.minimum(
        np.hypot(points[..., 0] - 7.5, points[..., 2]), np.hypot(points[..., 0] + 7.5, points[..., 2])
    )
    middle = (np.abs(points[..., 1]) < 1.5) & (near > 1.0) & (row.e_v_per_cm(points) > 400.0)
    assert middle.sum() > 500
    # 2 % from two radii of a needle on; across its ends and sides up to 1 % of it.
    assert field.values[middle] == pytest.approx(row.e_v_per_cm(points[middle]), rel=0.02)
    # Both ends of a needle 60 mm bare let in 8 % more than the same length of a long one.
    current = answer.metric("pair_current_a", "e1:0-1").value
    assert current == pytest.approx(1.08 * 0.2 * row.a_per_m * 0.060, rel=0.02)


def test_pair_table(answer: Assessment) -> None:
    plan = square(18.0, 25.0)
    pairs = {f"e1:{p.a}-{p.b}" for p in plan.pairs}
    assert pairs == {m.subject for m in answer.metrics if m.name == "pair_current_a"}
    side = answer.metric("pair_distance_mm", "e1:0-1")
    assert side.value == pytest.approx(18.0)
    assert side.is_met
    assert answer.metric("pair_nominal_v_per_cm", "e1:0-1").value == pytest.approx(1500.0, rel=0.01)
    assert "nominal V/d" in answer.metric("pair_nominal_v_per_cm", "e1:0-1").method
    current = answer.metric("pair_current_a", "e1:0-1")
    assert current.target is not None
    assert current.target.high == 50.0
    assert not current.is_estimate
    diagonal = found(answer, "electrode_spacing")
    assert [f.subject for f in diagonal] == ["e1:0-2", "e1:1-3"]
    assert "too far apart: 25.5 mm" in diagonal[0].text


def test_csv_has_a_row_for_each_pair(answer: Assessment) -> None:
    rows = list(csv.DictReader(io.StringIO(pair_table_csv(answer))))
    assert [(r["electrode_a"], r["electrode_b"]) for r in rows][:3] == [("1", "2"), ("1", "3"), ("1", "4")]
    assert len(rows) == 6
    assert rows[0]["array"] == "e1"
    assert rows[0]["voltage_v"] == "2700"
    assert float(rows[0]["expected_current_a"]) == pytest.approx(
        answer.metric("pair_current_a", "e1:0-1").value or 0.0, abs=0.05
    )
    assert "distance_mm outside limits" in rows[1]["remarks"]
    nothing = Assessment("electroporation", "0", {}, {})
    with pytest.raises(InvalidValue, match="no pair"):
        pair_table_csv(nothing)


def test_coverage_falls_with_the_threshold(answer: Assessment) -> None:
    for what in ("lesion_coverage", "lesion_plus_5mm_coverage"):
        shares = [
            answer.metric(f"{what}_{c}_v_per_cm_percent", "lesion").value or 0.0 for c in (500, 600, 700, 800)
        ]
        assert shares == sorted(shares, reverse=True)
    volumes = [answer.metric(f"field_{c}_v_per_cm_volume_ml").value or 0.0 for c in (500, 600, 700, 800)]
    assert volumes == sorted(volumes, reverse=True)
    assert volumes[-1] > 0
    own = answer.metric("lesion_coverage_percent", "lesion").value
    assert own == answer.metric("lesion_coverage_800_v_per_cm_percent", "lesion").value
    least = answer.metric("lesion_minimal_field_v_per_cm", "lesion")
    assert least.value is not None
    assert least.where_lps_mm is not None
    assert np.linalg.norm(least.where_lps_mm) < 11.5
    assert (least.value >= 800.0) == (own == 100.0)


def test_histogram_starts_with_the_whole_lesion(answer: Assessment) -> None:
    curve = next(c for c in answer.curves if c.name == "lesion_field_histogram")
    assert curve.y[0] == pytest.approx(100.0, abs=0.01)
    assert np.all(np.diff(curve.y) <= 1e-9)
    at_800 = float(curve.y[list(curve.x).index(800.0)])
    assert at_800 == pytest.approx(
        answer.metric("lesion_coverage_800_v_per_cm_percent").value or 0.0, abs=0.01
    )


def test_margin_and_surface_agree_with_the_field(answer: Assessment) -> None:
    margin = answer.metric("minimal_ablation_margin_mm", "lesion").value
    coverage = answer.metric("lesion_coverage_percent", "lesion").value
    assert margin is not None
    assert coverage is not None
    assert (margin < 0) == (coverage < 99.9)
    zone = next(s for s in answer.surfaces if s.name == "ire_zone")
    painted = {s.name: s for s in answer.surfaces}
    assert painted["lesion_margin"].unit == "mm"
    assert painted["lesion_field"].unit == "V/cm"
    values = painted["lesion_margin"].values
    assert values is not None
    # The mesh is as fine as a millimetre: its corners come near to the weakest point.
    assert float(values.min()) == pytest.approx(margin, abs=0.6)
    assert len(zone.triangles) > 100


def test_a_strong_field_covers_the_lesion_with_margin(case: Case) -> None:
    answer = asked(
        case, square(16.0, 30.0), **SAME, liver_threshold_v_per_cm=200.0, tumor_threshold_v_per_cm=200.0
    )
    assert answer.metric("lesion_coverage_percent").value == 100.0
    assert answer.metric("lesion_plus_5mm_coverage_percent").value == 100.0
    assert (answer.metric("minimal_ablation_margin_mm").value or 0.0) > 5.0
    assert not found(answer, "lesion_not_covered")
    assert not found(answer, "margin_short")


def test_tissue_decides_the_field(case: Case) -> None:
    """A vein of high conductivity has a weaker field than the liver that would be in its place."""
    near = array(14.0, 2100.0, 20.0).moved((0.0, 0.0, 16.0))
    with_vein = asked(case, near, vessel_conductivity_s_per_m=1.4, conductivity_model="constant")
    without = asked(case, near, **SAME)

    def middle(answer: Assessment) -> float:
        field = answer.fields[0]
        i, j, k = (int(n) for n in np.rint(field.grid.to_ijk((0.0, 0.0, 16.0))))
        return float(field.values[k, j, i])

    assert middle(with_vein) < 0.6 * middle(without)


def test_chances(answer: Assessment) -> None:
    for name in ("chance_of_full_coverage_percent", "chance_of_plus_5mm_coverage_percent"):
        metric = answer.metric(name, "lesion")
        assert metric.value is not None
        assert 0.0 <= metric.value <= 100.0
    assert "60 samples, seed 1" in answer.metric("chance_of_full_coverage_percent").method


def test_chances_of_two_arrays_at_one_lesion(case: Case) -> None:
    """Two pairs of a square as two arrays: the lesion has one chance, no better than with all six pairs."""
    whole = square(18.0, 25.0, 2000.0)
    halves = [
        replace(
            whole,
            id=id,
            electrodes=tuple(whole.electrodes[n] for n in numbers),
            pairs=(PulsePair(0, 1, next(p.voltage_v for p in whole.pairs if (p.a, p.b) == numbers)),),
        )
        for id, numbers in (("e1", (0, 1)), ("e2", (2, 3)))
    ]
    settings = {
        "robustness_samples": 60,
        "liver_threshold_v_per_cm": 400.0,
        "tumor_threshold_v_per_cm": 400.0,
    }
    name = "lesion_coverage_low_percent"
    by_two, by_all, by_one = (asked(case, *a, **settings) for a in (halves, [whole], halves[:1]))
    assert by_two.metric("chance_of_full_coverage_percent", "lesion").value is not None
    assert by_two.metric("spacing_off_mm", "e1 + e2").value > 0
    low = [a.metric(name, "lesion").value for a in (by_one, by_two, by_all)]
    assert low == sorted(low)
    assert low[0] < low[2]


def test_no_placement_error_gives_the_plan_itself(case: Case) -> None:
    strong = {**SAME, "liver_threshold_v_per_cm": 200.0, "tumor_threshold_v_per_cm": 200.0}
    answer = asked(case, square(16.0, 30.0), **{**strong, "robustness_samples": 50, "placement": "exact"})
    assert answer.metric("chance_of_full_coverage_percent").value == 100.0


def test_preview_says_what_assess_says_or_calls_it_an_estimate(case: Case, answer: Assessment) -> None:
    logic, settings = MODULE.logic, MODULE.settings({"field_voxel_mm": 1.5})
    prepared = logic.prepare(case, settings, Task())
    shown = logic.preview(case, prepared, plan_of(square(18.0, 25.0)), settings, "e1")
    exact = numbers(answer)
    guessed = 0
    for metric in shown.metrics:
        if metric.is_estimate:
            guessed += 1
        else:
            assert metric.value == pytest.approx(exact[metric.name, metric.subject]), metric.name
    assert guessed > 10
    assert {m.name for m in shown.metrics if m.name.startswith("pair_")} <= {m.name for m in answer.metrics}
    current = next(m for m in shown.metrics if (m.name, m.subject) == ("pair_current_a", "e1:0-1"))
    # The closed form knows one tissue; the phantom's needles lie in liver around a lesion.
    assert current.value == pytest.approx(exact["pair_current_a", "e1:0-1"], rel=0.25)
    assert any(s.name == "ire_zone" for s in shown.surfaces)
    again = logic.preview(case, prepared, plan_of(square(18.0, 25.0)), settings, "e1")
    assert numbers(shown) == numbers(again)
    other = logic.preview(case, prepared, plan_of(square(18.0, 25.0)), settings, "p1")
    assert not [m for m in other.metrics if m.name == "path_length_mm"]


def test_answer_survives_the_way_to_another_process(answer: Assessment, tmp_path: Path) -> None:
    back = assessment_of_document(assessment_document(answer, tmp_path))
    assert numbers(back) == numbers(answer)
    assert np.array_equal(back.fields[0].values, answer.fields[0].values)
    assert back.fields[0].name == "electric_field_v_per_cm"
    assert back.fields[1].name == "temperature_degc"


def test_the_same_question_gives_the_same_bits(case: Case) -> None:
    one, two = (asked(case, square(16.0, 20.0), robustness_samples=50) for _ in range(2))
    assert numbers(one) == numbers(two)
    assert one.fields[0].values.tobytes() == two.fields[0].values.tobytes()
    assert one.findings == two.findings


def test_cancelled_work_leaves_nothing(case: Case) -> None:
    plan = plan_of(square(16.0, 20.0))
    told: list[str] = []

    def listen(_fraction: float, words: str) -> None:
        told.append(words)
        if "3 of 6" in words:
            task.cancel()

    task = Task(listen)
    with pytest.raises(Cancelled):
        judge(MODULE, case, plan, FAST, task)
    assert told[-1].startswith("Field of pair")
    after = judge(MODULE, case, plan, FAST)
    fresh = judge(MODULE, case, plan, FAST)
    assert after.fields[0].values.tobytes() == fresh.fields[0].values.tobytes()


def test_paths_of_all_electrodes(answer: Assessment) -> None:
    assert answer.metric("path_length_mm", "e1:2").value == pytest.approx(111.5)
    rib = found(answer, "path_crosses_bone")
    assert rib == []
    assert found(answer, "not_checked")[0].text.startswith("Not checked: lungs")
    assert answer.findings[0].rule == "not_checked"


def test_path_through_a_rib_is_a_stop(case: Case) -> None:
    bone = found(asked(case, array(15.0, 0.0, 20.0)), "path_crosses_bone")
    assert [(f.subject, f.severity) for f in bone] == [("e1:0", Severity.STOP)]
    assert bone[0].text.startswith("Electrode 1 of e1 crosses rib")


def test_zero_voltage_leaves_a_pair_out(case: Case) -> None:
    both = array(14.0, 2100.0, 20.0, (0.0, 12.0), pairs=(PulsePair(0, 1, 2100.0), PulsePair(0, 2, 0.0)))
    answer = asked(case, both)
    assert "1-3" in found(answer, "pair_left_out")[0].text
    assert answer.metric("pair_current_a", "e1:0-2").value is None
    assert answer.metric("pair_current_a", "e1:0-2").note == "nothing is pulsed"
    assert answer.metric("pair_current_a", "e1:0-1").value is not None
    alone = asked(case, array(14.0, 2100.0, 20.0))
    assert answer.metric("field_500_v_per_cm_volume_ml").value == pytest.approx(
        alone.metric("field_500_v_per_cm_volume_ml").value, rel=0.02
    )


def test_nothing_pulsed_is_said_and_no_number_is_invented(case: Case) -> None:
    for placed, words in (
        (array(14.0, 0.0, 20.0), "every pair of e1 has 0 V"),
        (array(14.0, 0.0, 20.0, pairs=()), "e1 has no pair"),
    ):
        answer = asked(case, placed)
        assert words in found(answer, "no_pair_pulsed")[0].text
        assert answer.metric("lesion_coverage_percent").value is None
        assert answer.fields == ()


def test_a_single_electrode_makes_no_field(case: Case) -> None:
    one = ElectrodeArray("e1", DEVICE.name, (Electrode((0, -99, 0), (0, 10, 0), 20.0),), lesion="lesion")
    answer = asked(case, one)
    assert found(answer, "too_few_electrodes")[0].severity == Severity.STOP
    assert answer.metric("path_length_mm", "e1:0").value == pytest.approx(109.0)


def test_coincident_electrodes(case: Case) -> None:
    answer = asked(case, array(0.0, 2000.0, 20.0))
    assert found(answer, "electrodes_touch")[0].severity == Severity.STOP
    assert found(answer, "electrodes_too_near")[0].subject == "e1:0-1"
    assert answer.metric("pair_current_a", "e1:0-1").value is None
    assert answer.metric("pair_nominal_v_per_cm", "e1:0-1").value is None


def test_crossing_shafts(case: Case) -> None:
    crossed = ElectrodeArray(
        "e1",
        DEVICE.name,
        (Electrode((-20, -99, 0), (7, 10, 0), 10.0), Electrode((20, -99, 0.3), (-7, 10, 0.3), 10.0)),
        (PulsePair(0, 1, 1000.0),),
        lesion="lesion",
    )
    answer = asked(case, crossed)
    assert "touch or cross" in found(answer, "electrodes_touch")[0].text
    assert found(answer, "electrodes_not_parallel")


def test_limits_of_the_generator(case: Case) -> None:
    high = asked(case, array(15.0, 3400.0, 40.0), tumor_conductivity_s_per_m=1.0)
    assert "3400 V; the generator gives up to 3000 V" in found(high, "voltage_over_limit")[0].text
    assert found(high, "current_over_limit")[0].severity == Severity.STOP
    assert high.metric("pair_voltage_v", "e1:0-1").is_met is False
    assert high.metric("pair_current_a", "e1:0-1").is_met is False
    low = asked(case, array(15.0, 80.0, 20.0))
    assert "100 V or more" in found(low, "voltage_over_limit")[0].text
    assert found(low, "nominal_voltage_low")
    amperes = asked(case, array(15.0, 2250.0, 20.0)).metric("pair_current_a").value or 0.0
    advised = asked(case, array(15.0, 2250.0, 20.0), current_advice_a=0.9 * amperes)
    assert "cut the voltage" in found(advised, "current_high")[0].text


def test_limits_of_pulses_and_exposures(case: Case) -> None:
    odd = array(15.0, 0.0, 45.0, pulses=20, pulse_us=130.0)
    answer = asked(case, odd)
    assert "130 µs" in found(answer, "pulse_outside_limits")[0].text
    assert "20 pulses" in found(answer, "pulses_few")[0].text
    assert [f.subject for f in found(answer, "exposure_outside_limits")] == ["e1:0", "e1:1"]


def test_lie_of_the_electrodes(case: Case) -> None:
    tilted = ElectrodeArray(
        "e1",
        DEVICE.name,
        (Electrode((-7, -99, 0), (-7, 10, 0), 20.0), Electrode((30, -99, 0), (7, 22, 0), 20.0)),
        (PulsePair(0, 1, 2000.0),),
        lesion="lesion",
    )
    answer = asked(case, tilted)
    assert "11°; up to 10°" in found(answer, "electrodes_not_parallel")[0].text
    assert found(answer, "electrode_depths_differ")
    assert not found(asked(case, tilted, parallel_tolerance_deg=15.0), "electrodes_not_parallel")
    uneven = asked(case, tilted, spacing_deviation_mm=0.5)
    assert "changes from" in found(uneven, "electrode_spacing_uneven")[0].text
    close = asked(case, array(8.0, 800.0, 20.0))
    assert "lies close: 8.0 mm" in found(close, "electrode_spacing")[0].text


def test_vessel_that_swallows_an_electrode(case: Case) -> None:
    half = array(14.0, 0.0, 20.0).moved((7.0, 0.0, 16.0))
    swallowed = found(asked(case, half), "electrode_in_vessel")
    assert [(f.subject, f.severity) for f in swallowed] == [("e1:0", Severity.WARNING)]
    short = array(14.0, 0.0, 6.0).moved((7.0, 0.0, 16.0))
    stop = found(asked(case, short), "electrode_in_vessel")
    assert stop[0].severity == Severity.STOP
    assert stop[0].text.startswith("vein swallows electrode 1 of e1")


def test_electrode_near_a_bile_duct_and_its_heat(case: Case) -> None:
    near = array(14.0, 2100.0, 20.0).moved((10.0, 0.0, 0.0))
    answer = asked(case, near)
    # The duct begins at 19 mm, the needle stands at 17.
    assert "duct at" in found(answer, "electrode_near_bile_duct")[0].text
    hottest = answer.metric("hottest_bile_duct_degc", "duct")
    assert hottest.value is not None
    assert hottest.value > 45.0
    assert found(answer, "bile_duct_hot")
    assert found(answer, "tissue_hot")
    assert (answer.metric("heated_volume_ml").value or 0.0) >= (
        answer.metric("heated_by_one_pair_ml").value or 0.0
    )
    away = asked(case, array(14.0, 2100.0, 20.0).moved((-20.0, 0.0, 0.0)))
    assert not found(away, "bile_duct_hot")


def test_bare_part_outside_the_body_or_the_scan(case: Case) -> None:
    shallow = array(14.0, 1000.0, 20.0).moved((0.0, -95.0, 0.0))
    out = found(asked(case, shallow), "bare_part_outside")
    assert {f.subject for f in out} == {"e1:0", "e1:1"}
    assert all("outside the body" in f.text and f.severity == Severity.STOP for f in out)
    far = array(14.0, 1000.0, 20.0).moved((0.0, -112.0, 0.0))
    answer = asked(case, far)
    assert any("outside the scan" in f.text for f in found(answer, "bare_part_outside"))
    assert found(answer, "field_outside_scan")


def test_no_lesion_named(case: Case) -> None:
    answer = asked(case, replace(array(14.0, 0.0, 20.0), lesion=""))
    assert "judged on lesion, the nearest" in found(answer, "no_lesion_named")[0].text


def test_refusals(case: Case) -> None:
    with pytest.raises(InvalidValue, match="no electrodes"):
        judge(MODULE, case, plan_of(), FAST)
    with pytest.raises(InvalidValue, match="lesion that is not there"):
        asked(case, replace(array(14.0, 0.0, 20.0), lesion="another"))
    with pytest.raises(InvalidValue, match="no electrode for electroporation"):
        asked(case, replace(array(14.0, 0.0, 20.0), device="generic-mwa-2450"))
    bare = case.structures.without("lesion")
    nothing = replace(case, structure_sets=(bare,))
    with pytest.raises(InvalidValue, match="no lesion"):
        asked(nothing, array(14.0, 0.0, 20.0))
    with pytest.raises(InvalidValue, match="range"):
        asked(case, array(14.0, 0.0, 20.0), field_voxel_mm=5.0)
    away = replace(array(14.0, 1000.0, 20.0).moved((900.0, 0.0, 0.0)), id="e2")
    with pytest.raises(InvalidValue, match="too large"):
        asked(case, array(14.0, 1000.0, 20.0), away, field_voxel_mm=0.5)


def test_sections_name_metrics_that_are_there(answer: Assessment) -> None:
    known = {m.name for m in answer.metrics}
    organs = {"gallbladder", "bowel", "lung"}
    for section in MODULE.manifest.sections:
        for metric in section.metrics:
            if not any(o in metric.name for o in organs):
                assert metric.name in known, metric.name
