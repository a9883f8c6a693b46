"""The whole chain: zones that do not depend on the lattice, held power, vessels, ice, cancel and same bits."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from planner_plugins.thermal_ablation.grounds import prepare_grounds
from planner_plugins.thermal_ablation.logic import assess
from planner_plugins.thermal_ablation.settings import Settings
from planner_plugins.thermal_ablation.simulation.ablation import SimulatedAblation, simulate_plan
from planner_plugins.thermal_ablation.simulation.course import SNAPSHOTS, Course
from planner_plugins.thermal_ablation.simulation.findings import simulation_findings
from planner_plugins.thermal_ablation.simulation.firing import firings_of
from planner_plugins.thermal_ablation.simulation.heating import SteadySource, heat_course, heat_problem
from planner_plugins.thermal_ablation.simulation.judging import simulate
from planner_plugins.thermal_ablation.simulation.line_source import line_source
from planner_plugins.thermal_ablation.simulation.microwave import calibrate, fading_of
from planner_plugins.thermal_ablation.simulation.radiofrequency import RadiofrequencySource
from planner_plugins.thermal_ablation.simulation.region import Region, plain_region, region_grid, region_of
from planner_plugins.thermal_ablation.simulation.ultrasound import Beam, Sonication, foci_course
from planner_plugins.thermal_ablation.simulation.vessels import Vessel
from planner_plugins.thermal_ablation.simulation.zone_boundary import zone_boundary

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from phantom import custom_probe, phantom, plan_of

from planner.base.errors import Cancelled, InvalidValue
from planner.base.task import Task
from planner.compute.bioheat import solve_bioheat
from planner.compute.heat_lattice import FixedVoxels
from planner.model.case import Case
from planner.model.geometry import Grid
from planner.model.plan import Applicator, Plan
from planner.model.roles import Role
from planner.planning.device_library import device_library

LIBRARY = device_library()
SHORT = {"power_w": 80.0, "time_s": 300.0}
COARSE = Settings(simulation_voxel_mm=2.0, robustness_samples=100)


def liver(spacing_mm: float, *half_mm: float) -> Region:
    counts = [2 * round(h / spacing_mm) + 1 for h in half_mm]
    x, y, z = (-(n // 2) * spacing_mm for n in counts)
    return plain_region(Grid((counts[2], counts[1], counts[0]), (spacing_mm,) * 3, (x, y, z)))


def needle(
    device: str, settings: dict[str, float], id: str = "p1", x: float = 0.0, tip_z: float = 0.0
) -> Applicator:
    return Applicator(id, device, (x, 0.0, -100.0), (x, 0.0, tip_z), settings, "lesion")


def microwave(spacing_mm: float, power_w: float = 20.0, seconds: float = 240.0) -> Course:
    """A zone of about 3 cm in plain liver."""
    region = liver(spacing_mm, 23.0, 23.0, 23.0)
    heat = line_source(region.grid, [[0.0, 0.0, -9.0], [0.0, 0.0, 9.0]], fading_of(2450.0, 1.05))
    return heat_course(
        region, [SteadySource(heat * np.float32(power_w), 0.0, seconds)], seconds, Settings(), Task()
    )


def volume_ml(course: Course) -> float:
    return zone_boundary(course.grid, course.level).volume_ml


def test_the_volume_of_a_microwave_zone_does_not_depend_on_the_lattice() -> None:
    """Halving 2 mm changes it by less than 1 %, halving 1 mm by less than 0.5 %."""
    coarse, middle, fine = (volume_ml(microwave(h)) for h in (2.0, 1.0, 0.5))
    assert 10.0 < fine < 18.0
    assert coarse == pytest.approx(middle, rel=0.01)
    assert middle == pytest.approx(fine, rel=0.005)


def radiofrequency(
    spacing_mm: float, settings: Settings, seconds: float
) -> tuple[RadiofrequencySource, Course]:
    region = liver(spacing_mm, 20.0, 20.0, 27.0)
    device = LIBRARY.device("generic-rf-single")
    own = needle(device.name, {"time_s": seconds}, tip_z=15.0)
    source = RadiofrequencySource(region, firings_of([own], [device], in_turn=False), settings)
    return source, heat_course(region, [source], seconds, settings, Task())


def test_the_volume_of_a_radiofrequency_zone_does_not_depend_on_the_lattice() -> None:
    """Halving 1 mm changes it by less than 3 %."""
    settings = Settings(rf_control="power", rf_power_w=40.0)
    middle, fine = (volume_ml(radiofrequency(h, settings, 60.0)[1]) for h in (1.0, 0.5))
    assert middle == pytest.approx(fine, rel=0.03)


def test_constant_power_is_held() -> None:
    """At each look the heat given sums to the power within 2 %, while conductivity changes."""
    settings = Settings(rf_control="power", rf_power_w=30.0)
    source, _ = radiofrequency(2.0, settings, 20.0)
    volume = source.region.grid.voxel_volume_ml * 1e-6
    rest = np.full(source.region.grid.shape, 37.0, dtype=np.float32)
    _, j, i = np.indices(rest.shape) - np.array(rest.shape)[:, None, None, None] // 2
    hot = np.where(i**2 + j**2 < 16, np.float32(103.0), rest)
    for time_s, celsius in ((5.0, rest), (12.0, hot), (18.0, rest)):
        source.update(time_s, celsius)
        assert source.heat_w_per_m3.sum(dtype=float) * volume == pytest.approx(30.0, rel=0.02)
    source.update(25.0, rest)
    assert not source.heat_w_per_m3.any()


@pytest.mark.parametrize("way", ["switching", "together", "bipolar"])
def test_electrodes_work_in_their_way(way: str) -> None:
    """In turns the heat follows the needle; in pairs both heat alike; bipolar needs two."""
    region = liver(2.0, 30.0, 20.0, 30.0)
    device = LIBRARY.device("generic-rf-single")
    pair = [needle(device.name, {"time_s": 120.0}, f"p{n}", x, 15.0) for n, x in enumerate((-10.0, 10.0))]
    settings = Settings(rf_electrodes=way)
    source = RadiofrequencySource(region, firings_of(pair, [device] * 2, in_turn=False), settings)
    rest = np.full(region.grid.shape, 37.0, dtype=np.float32)
    shares = []
    for time_s in (0.0, 35.0):
        source.update(time_s, rest)
        heat = source.heat_w_per_m3
        shares.append(float(heat[:, :, : heat.shape[2] // 2].sum() / heat.sum()))
    if way == "switching":
        assert shares[0] > 0.75 > 0.25 > shares[1]
    else:
        assert shares == pytest.approx([0.5, 0.5], abs=0.03)
    if way == "bipolar":
        with pytest.raises(InvalidValue, match="two electrodes"):
            RadiofrequencySource(region, firings_of(pair[:1], [device], in_turn=False), settings)


@pytest.mark.parametrize(
    ("name", "settings"),
    [("generic-mwa-2450", SHORT), ("generic-mwa-17g", {"power_w": 65.0, "time_s": 600.0})],
)
def test_the_calibration_reproduces_the_devices_row(name: str, settings: dict[str, float]) -> None:
    """In the whole chain, on a lattice of its own: both axes within 1 mm."""
    device = LIBRARY.device(name)
    (firing,) = firings_of([needle(name, settings)], [device], in_turn=False)
    zone = device.zone(settings)
    found = calibrate(firing, zone, Settings(), Task())
    assert found.misfit_mm < 0.5
    assert calibrate(firing, zone, Settings(), Task()) is found
    region = liver(1.0, 32.0, 32.0, 34.0)
    half = found.value("segment") / 2
    heat = line_source(
        region.grid, [[0.1, 0.2, -half], [0.1, 0.2, half]], fading_of(2450.0, firing.emitter.radius_mm)
    )
    heat *= np.float32(found.value("efficiency") * settings["power_w"])
    seconds = settings["time_s"]
    course = heat_course(region, [SteadySource(heat, 0.0, seconds)], seconds, Settings(), Task())
    extent = np.ptp(zone_boundary(region.grid, course.level).points_lps_mm, axis=0)
    assert extent[2] == pytest.approx(zone.long_axis_mm, abs=1.0)
    assert extent[:2] == pytest.approx([zone.short_axis_mm] * 2, abs=1.0)


def test_a_vessel_cools_as_the_closed_form() -> None:
    """H7 through the chain: a vessel of 5 mm in a ring held at 60 °C, within 1 K of the logarithm."""
    region = liver(1.0, 24.0, 24.0, 1.0)
    _, j, i = np.indices(region.grid.shape)
    x, y = (a - a.max() // 2 for a in (i, j))
    away = np.hypot(x + 0.21, y - 0.17)
    vessel = Vessel("vein", away <= 2.5, 5.0)
    region = replace(region, vessels=(vessel,))
    ring = FixedVoxels(away >= 20.0, 60.0)
    sides = (("fixed", "fixed"), ("fixed", "fixed"), ("insulated", "insulated"))
    settings = Settings(liver_perfusion_per_s=0.0, death_model="isotherm")
    none = np.zeros(region.grid.shape, dtype=np.float32)
    problem = heat_problem(region, settings, none, [ring], sides)
    found = solve_bioheat(problem, 6000.0).temperature_c
    conductivity, inner = 0.52, 2.5e-3
    flow = 2 * np.pi * conductivity * 23 / (np.log(8.0) + conductivity / (vessel.transfer_w_per_m2_k * inner))
    exact = 60.0 - flow / (2 * np.pi * conductivity) * np.log(20.0 / away)
    between = (away > 4.0) & (away < 18.0)
    assert np.abs(found - exact)[between].max() < 1.0
    still = solve_bioheat(
        heat_problem(region, replace(settings, vessel_flow=False), none, [ring], sides), 6000.0
    )
    assert still.temperature_c[between].min() > 59.0


def test_the_same_input_gives_the_same_bits() -> None:
    one, two = microwave(2.0), microwave(2.0)
    assert np.array_equal(one.level, two.level)
    assert np.array_equal(one.temperatures_c, two.temperatures_c)
    assert np.array_equal(one.dead_at_s, two.dead_at_s)


def test_a_source_that_is_no_number_is_refused() -> None:
    region = liver(2.0, 10.0, 10.0, 10.0)
    heat = np.full(region.grid.shape, np.nan, dtype=np.float32)
    with pytest.raises(InvalidValue, match="finite"):
        heat_course(region, [SteadySource(heat, 0.0, 10.0)], 10.0, Settings(), Task())


def test_foci_are_heated_one_after_the_other() -> None:
    """Each kills about itself; a focus outside the region is refused."""
    region = liver(1.0, 14.0, 10.0, 10.0)
    beam = Beam((0.0, 0.0, 1.0), 2.5, 9.0)
    spots = [Sonication((x, 0.0, 0.0), 40.0, 10.0 * n, 10.0 * n + 6.0) for n, x in enumerate((-7.0, 7.0))]
    found = foci_course(region, spots, beam, Settings(death_model="cem43"), Task())
    i = [round(float(region.grid.to_ijk((x, 0.0, 0.0))[0])) for x in (-7.0, 0.0, 7.0)]
    when = found.dead_at_s[10, 10, i]
    assert when[0] < 10.0 < when[2] <= 16.0
    assert np.isinf(when[1])
    with pytest.raises(InvalidValue, match="within"):
        foci_course(region, [Sonication((50.0, 0.0, 0.0), 40.0, 0.0, 5.0)], beam, Settings(), Task())


@pytest.fixture(scope="module")
def case() -> Case:
    """A lesion with a vein of 8 mm beside it."""
    return phantom(vein=(Role.PORTAL_VEIN, (15.0, 0.0, 3.0), 4.0))


def run(case: Case, plan: Plan, settings: Settings = COARSE, task: Task | None = None) -> SimulatedAblation:
    return simulate_plan(case, plan, prepare_grounds(case, settings, Task()), settings, task or Task())


def aimed(device: str, settings: dict[str, float]) -> Applicator:
    offset = LIBRARY.device(device).center_offset.value
    return Applicator("p1", device, (0.0, -95.0, 0.0), (0.0, offset, 0.0), settings, "lesion")


def test_a_vessel_lowers_a_margin_and_a_stopped_one_does_not(case: Case) -> None:
    plan = plan_of(aimed("generic-mwa-2450", SHORT))
    flowing = simulate(case, plan, COARSE, Task())
    stopped = simulate(case, plan, replace(COARSE, vessel_flow=False), Task())

    def number(name: str, answer: object = flowing) -> float:
        value = answer.metric(name).value  # type: ignore[attr-defined]
        assert value is not None
        return float(value)

    assert number("simulated_minimal_margin_mm") < number("simulated_minimal_margin_mm", stopped) - 0.5
    device_margin = number("simulated_minimal_margin_mm") - number("simulated_margin_change_mm")
    assert number("judged_minimal_margin_mm") == pytest.approx(
        min(number("simulated_minimal_margin_mm"), device_margin)
    )
    assert number("judged_minimal_margin_mm", stopped) <= device_margin + 1e-9
    assert number("simulated_zone_overlap_dice", stopped) > 0.9
    assert number("judged_lesion_coverage_percent") <= number("simulated_lesion_coverage_percent") + 1e-9
    plain = assess(case, plan, COARSE, Task())
    for answer in (flowing, stopped):
        for name in ("chance_of_5mm_margin_percent", "chance_of_full_coverage_percent"):
            assert number(f"simulated_{name}", answer) <= number(name, plain), "a chance may fall, never rise"
    histogram = next(c for c in flowing.curves if c.name == "judged_margin_histogram")
    assert histogram.y.sum() == pytest.approx(100.0)
    bite = next(f for f in flowing.findings if f.rule == "vessel_bites_zone")
    assert bite.subject == "vein"
    assert bite.where_lps_mm is not None
    assert np.linalg.norm(np.array(bite.where_lps_mm) - (15.0, 0.0, 3.0)) < 4.0 + 6.0
    assert not any(f.rule == "vessel_bites_zone" for f in stopped.findings)
    rules = {f.rule for f in flowing.findings}
    assert {
        "simulation_is_a_model",
        "simulation_death_model",
        "simulation_calibrated",
        "simulation_parameters",
    } <= rules
    assert len(flowing.fields) == SNAPSHOTS + 1
    assert flowing.fields[-2].name == "temperature_0300s"
    zone, lesion, chance = flowing.surfaces
    assert (zone.name, lesion.name, lesion.subject) == ("simulated_zone", "lesion_margin", "lesion")
    assert (chance.name, chance.subject) == ("lesion_simulated_chance_of_5mm", "lesion")
    assert lesion.values is not None
    assert lesion.values.min() == pytest.approx(number("simulated_minimal_margin_mm"), abs=0.5)
    volumes = next(c for c in flowing.curves if c.name == "simulated_zone_volume").y
    assert (np.diff(volumes) >= 0).all()


def test_ice_reaches_farther_than_death(case: Case) -> None:
    """The lethal zone lies within what was below 0 °C at some time."""
    settings = replace(COARSE, freeze_cycles=2, thaw_s=60.0, lethal_cold_degc=-20.0)
    found = run(case, plan_of(aimed("generic-cryo-ln2", {"time_s": 240.0})), settings)
    assert found.dead.any()
    coldest = found.temperatures_c.min(axis=0)
    tissue = ~found.region.is_blood
    assert (coldest[found.dead & tissue] < 0).all()
    assert np.count_nonzero(coldest < 0) > 1.3 * np.count_nonzero(found.dead)
    assert -160.0 < found.coldest_c < -40.0
    assert (found.dead_at_s[found.dead] <= found.times_s[-1]).all()
    assert np.isinf(found.dead_at_s[~found.dead]).all()
    (calibration,) = found.calibrations.values()
    assert fit_rules(found) == {"simulation_calibrated"}
    long = replace(calibration, long_axis_mm=calibration.wanted_long_mm + 2.4)
    odd = replace(calibration, values=(3.0, calibration.values[1]))
    for worse, words in ((long, "misses the device's row by 2.4 mm"), (odd, "outside what is plausible")):
        bad = replace(found, calibrations={"p1": worse})
        assert fit_rules(bad) == {"simulation_not_fitted"}
        assert any(words in f.text for f in simulation_findings(bad))


def fit_rules(found: SimulatedAblation) -> set[str]:
    return {f.rule for f in simulation_findings(found)} & {"simulation_calibrated", "simulation_not_fitted"}


def test_a_device_without_a_size_is_not_fitted_and_not_judged(case: Case) -> None:
    answer = simulate(
        case, plan_of(aimed("generic-laser-1", {"power_w": 7.0, "time_s": 120.0})), COARSE, Task()
    )
    (finding,) = (f for f in answer.findings if f.rule == "simulation_not_fitted")
    assert "not fitted" in finding.text
    names = {m.name for m in answer.metrics}
    assert "simulated_minimal_margin_mm" in names
    assert not any(n.startswith(("judged", "simulated_chance")) for n in names)


def test_what_was_not_scanned_or_segmented_is_said() -> None:
    bare = phantom()
    probe = aimed("generic-mwa-2450", SHORT)
    answer = simulate(bare, plan_of(probe), COARSE, Task())
    assert answer.findings[0].rule == "not_checked"
    assert "cooling by vessels is not simulated" in answer.findings[0].text
    structures = bare.structures[0] if isinstance(bare.structures, tuple) else bare.structures
    grid = region_grid(np.array([[0.0, 0.0, 105.0]]), np.zeros(3), np.array([0.0, 0.0, 1.0]), 2.0)
    assert 10.0 < region_of(structures, grid).unscanned_percent < 90.0


@pytest.mark.parametrize("device", ["generic-mwa-2450", "generic-rf-single", "generic-cryo-ln2"])
def test_cancelled_work_stops_and_leaves_nothing(case: Case, device: str) -> None:
    """Cancelled in the midst of the solver; the next run is whole."""
    task = Task(lambda share, text: task.cancel() if text.startswith(("Heating", "Freezing")) else None)
    settings = dict(LIBRARY.device(device).defaults) | {
        "time_s": LIBRARY.device(device).rows[0].settings["time_s"]
    }
    if "power_w" in settings:
        settings = SHORT
    shown = []
    grounds = prepare_grounds(case, COARSE, Task())
    with pytest.raises(Cancelled):
        simulate_plan(
            case, plan_of(aimed(device, settings)), grounds, COARSE, task, lambda t, c: shown.append(t)
        )
    assert not shown


def test_impossible_plans_are_refused(case: Case) -> None:
    with pytest.raises(InvalidValue, match="no probe"):
        simulate(case, plan_of(), COARSE, Task())
    with pytest.raises(InvalidValue, match="not known"):
        simulate(case, plan_of(custom_probe()), COARSE, Task())
    both = [aimed("generic-mwa-2450", SHORT), replace(aimed("generic-cryo-ln2", {"time_s": 240.0}), id="p2")]
    with pytest.raises(InvalidValue, match="Heat and cold"):
        simulate(case, plan_of(*both), COARSE, Task())
    with pytest.raises(InvalidValue, match="too large"):
        region_grid(np.array([[0.0] * 3, [400.0] * 3]), np.zeros(3), np.array([0.0, 0.0, 1.0]), 0.5)


def test_needles_work_together_or_in_turn() -> None:
    device = LIBRARY.device("generic-mwa-2450")
    pair = [needle(device.name, SHORT, f"p{n}", 20.0 * n) for n in range(2)]
    together = firings_of(pair, [device] * 2, in_turn=False)
    assert [(f.start_s, f.stop_s) for f in together] == [(0.0, 300.0), (0.0, 300.0)]
    turns = firings_of(pair, [device] * 2, in_turn=True)
    assert [(f.start_s, f.stop_s) for f in turns] == [(0.0, 300.0), (300.0, 600.0)]
    pulled = [needle(device.name, SHORT, f"p{n}", 0.0, -20.0 * n) for n in range(2)]
    assert firings_of(pulled, [device] * 2, in_turn=False)[1].start_s == 300.0
    with pytest.raises(InvalidValue, match="some time"):
        firings_of([needle(device.name, {"power_w": 80.0})], [device], in_turn=False)


def test_another_electrodes_impedance_is_no_rise() -> None:
    """Turns between liver and tumour, which conducts twice as well: no circuit pauses for the other's impedance."""
    region = liver(2.0, 30.0, 20.0, 30.0)
    tumour = np.zeros(region.grid.shape, dtype=bool)
    tumour[:, :, tumour.shape[2] // 2 :] = True
    region = replace(region, is_tumour=tumour)
    device = LIBRARY.device("generic-rf-single")
    pair = [needle(device.name, {"time_s": 120.0}, f"p{n}", x, 15.0) for n, x in enumerate((-10.0, 10.0))]
    source = RadiofrequencySource(region, firings_of(pair, [device] * 2, in_turn=False), Settings())
    rest = np.full(region.grid.shape, 37.0, dtype=np.float32)
    for time_s in (0.0, 35.0, 65.0, 95.0):
        source.update(time_s, rest)
        assert source.heat_w_per_m3.any()
    assert "0 pauses" in source.notes[0]
