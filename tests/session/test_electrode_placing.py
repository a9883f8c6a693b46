"""Electrodes placed by two clicks, held by hand, and set by numbers; facts about the patient."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import LESION_MM, SKIN_MM, custom_probe, phantom, plan_of

from planner.base.errors import InvalidValue, PlannerError
from planner.library.case_folder import create_case_folder, open_case_folder
from planner.model.case import Case
from planner.model.electrode_array import ElectrodeArray
from planner.model.suggestion import Suggestion
from planner.planning.electrode_arrays import pair_geometry
from planner.planning.pulse_voltages import nominal_v_per_cm
from planner.session.actions import Workbench
from planner.session.holding import held_needles
from planner.session.placing import Grip, Step
from planner.session.session import Session


@pytest.fixture(scope="module")
def case() -> Case:
    return phantom((3.0, 3.0, 3.0))


@pytest.fixture
def bench(case: Case) -> Workbench:
    session = Session()
    session.open_case(case, plan_of(custom_probe(entry=(-100.0, 0.0, 0.0))))
    return Workbench(session)


def placed(bench: Workbench, count: int = 4) -> ElectrodeArray:
    bench.electrodes.set_up(count=count)
    bench.electrodes.start()
    bench.placing.click((0.0, 0.0, 0.0))
    bench.placing.click((0.0, -SKIN_MM, 0.0))
    found = bench.electrodes.array
    assert found is not None
    return found


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6])
def test_two_clicks_set_electrodes_around_the_lesion(bench: Workbench, count: int) -> None:
    array = placed(bench, count)
    assert len(array.electrodes) == count
    assert array.lesion == "lesion"
    assert bench.session.undo_label == "Place electrodes e1"
    assert bench.placing.step == Step.IDLE
    for electrode in array.electrodes:
        away = np.array(electrode.exposed_ends_lps_mm.mean(axis=0))
        assert np.hypot(away[0], away[2]) >= LESION_MM - 2.0, "outside the lesion, or at its rim"
        assert math.dist(electrode.entry_lps_mm, (0, 0, 0)) == pytest.approx(SKIN_MM, abs=4.0)
    assert array.pairs
    bench.session.undo()
    assert bench.session.plan.electrode_arrays == ()
    assert len(bench.session.plan.applicators) == 1


def test_while_the_entry_is_looked_for_the_array_is_shown(bench: Workbench) -> None:
    bench.electrodes.aim()
    assert bench.placing.step == Step.ENTRY
    ghost = bench.placing.ghost((0.0, -SKIN_MM, 0.0))
    assert isinstance(ghost, ElectrodeArray)
    bench.placing.cancel()
    bench.placing.start()
    bench.placing.click((0.0, 0.0, 0.0))
    ghost = bench.placing.ghost((0.0, -SKIN_MM, 0.0))
    assert ghost is not None
    assert ghost.kind == "applicator", "the next placing is of a probe again"


def test_a_dragged_electrode_keeps_volts_per_centimetre_and_its_neighbours(bench: Workbench) -> None:
    array = placed(bench)
    before = [nominal_v_per_cm(array, p) for p in array.pairs]
    held = next(h for h in held_needles(bench.session.plan) if h.number == 1)
    moved = held.moved((4.0, 0.0, 0.0))
    assert isinstance(moved, ElectrodeArray)
    for n, (old, new) in enumerate(zip(array.electrodes, moved.electrodes, strict=True)):
        shift = np.subtract(new.tip_lps_mm, old.tip_lps_mm)
        assert shift == pytest.approx((4.0, 0.0, 0.0) if n == 1 else (0.0, 0.0, 0.0))
    for pair, nominal in zip(moved.pairs, before, strict=True):
        distance = pair_geometry(moved, pair.a, pair.b).distance_mm
        assert pair.voltage_v == pytest.approx(min(0.1 * nominal * distance, 3000.0), abs=8.0)
    assert held.label == "Move electrode 2 of e1"
    assert replace(held, grip=Grip.TIP).label == "Move tip of electrode 2 of e1"


def test_with_all_of_them_held_the_array_moves_as_it_is(bench: Workbench) -> None:
    array = placed(bench)
    held = held_needles(bench.session.plan)[1].as_whole()
    moved = held.moved((1.0, 2.0, 3.0))
    assert isinstance(moved, ElectrodeArray)
    assert moved == array.moved((1.0, 2.0, 3.0))
    assert moved.pairs == array.pairs
    probe = held_needles(bench.session.plan)[0]
    assert probe.as_whole() == probe
    assert probe.label == "Move probe p1"


def test_numbers_change_the_chosen_array_and_can_be_undone(bench: Workbench) -> None:
    array = placed(bench)
    electrodes = bench.electrodes
    electrodes.set_voltage(0, 1, 1230.0)
    electrodes.set_pulses(70, 80.0)
    electrodes.set_pull_back(2, 15.0)
    electrodes.set_exposure(15.0)
    found = electrodes.array
    assert found is not None
    assert next(p.voltage_v for p in found.pairs if (p.a, p.b) == (0, 1)) == 1230.0
    assert (found.pulses, found.pulse_us, found.pull_backs, found.pull_back_mm) == (70, 80.0, 2, 15.0)
    for old, new in zip(array.electrodes, found.electrodes, strict=True):
        assert new.exposure_mm == 15.0
        assert new.exposed_ends_lps_mm.mean(axis=0) == pytest.approx(old.exposed_ends_lps_mm.mean(axis=0))
    electrodes.set_nominal(1000.0)
    found = electrodes.array
    assert found is not None
    assert all(nominal_v_per_cm(found, p) == pytest.approx(1000.0, abs=8.0) for p in found.pairs)
    for _ in range(5):
        bench.session.undo()
    assert bench.electrodes.array == array


def test_electrodes_are_snapped_parallel_about_their_middles(bench: Workbench) -> None:
    array = placed(bench)
    tilted = array.electrodes[0]
    x, y, z = tilted.entry_lps_mm
    array = array.with_electrode(0, replace(tilted, entry_lps_mm=(x + 15.0, y, z)))
    bench.session.change_plan("tilt", bench.session.plan.with_instrument(array))
    bench.electrodes.snap_parallel()
    found = bench.electrodes.array
    assert found is not None
    for a in range(4):
        for b in range(a + 1, 4):
            assert pair_geometry(found, a, b).angle_deg == pytest.approx(0.0, abs=1e-3)


def test_an_electrode_is_taken_out_with_its_pairs(bench: Workbench) -> None:
    array = placed(bench)
    bench.electrodes.remove_electrode(1)
    found = bench.electrodes.array
    assert found is not None
    assert found.electrodes == (array.electrodes[0], *array.electrodes[2:])
    kept = {(p.a, p.b): p.voltage_v for p in array.pairs if 1 not in (p.a, p.b)}
    renamed = {0: 0, 2: 1, 3: 2}
    assert {(p.a, p.b): p.voltage_v for p in found.pairs} == {
        (renamed[a], renamed[b]): v for (a, b), v in kept.items()
    }


def test_without_an_array_each_change_says_so(bench: Workbench) -> None:
    with pytest.raises(PlannerError, match="No electrodes"):
        bench.electrodes.set_exposure(15.0)
    placed(bench)
    with pytest.raises(InvalidValue, match="pulled back so far"):
        bench.electrodes.set_pull_back(5, 40.0)


def test_a_suggested_array_replaces_arrays_and_leaves_probes(bench: Workbench) -> None:
    array = placed(bench)
    suggesting = bench.suggesting_electrodes
    other = array.moved((0.0, 0.0, 5.0))
    suggesting.lesion = "lesion"
    suggesting.suggestions = (
        Suggestion("four", "", bench.session.plan.with_instrument(other), {"electrodes_count": 4.0}),
    )
    suggesting.look_at(0)
    assert bench.session.plan.electrode_arrays[0].electrodes == other.electrodes
    suggesting.look_away()
    assert bench.session.plan.electrode_arrays == (array,)
    suggesting.take(0)
    assert [i.kind for i in bench.session.plan.instruments] == ["applicator", "electrode_array"]
    module = suggesting.module()
    assert module is None or module.manifest.id == "electroporation"
    needles = bench.suggesting.module()
    assert needles is not None
    assert needles.manifest.id == "thermal_ablation"


def test_facts_about_the_patient_are_kept_and_undone(case: Case, tmp_path: Path) -> None:
    folder = tmp_path / "case"
    create_case_folder(case, folder)
    session = Session()
    session.open_folder(folder)
    bench = Workbench(session)
    bench.advising.set_fact("cardiac_stimulator", "no", "Pacemaker")
    bench.advising.set_fact("epilepsy", "yes", "Epilepsy")
    assert session.undo_label == "Note epilepsy"
    bench.advising.set_fact("epilepsy", "", "Epilepsy")
    assert bench.advising.facts == {"cardiac_stimulator": "no"}
    session.undo()
    assert bench.advising.facts == {"cardiac_stimulator": "no", "epilepsy": "yes"}
    session.close()
    assert dict(open_case_folder(folder).patient.facts) == {"cardiac_stimulator": "no", "epilepsy": "yes"}
