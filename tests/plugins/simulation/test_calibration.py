"""Sources fitted to a device's zone: the search in closed forms, each kind of energy, memory and cancel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from planner_plugins.thermal_ablation.settings import Settings
from planner_plugins.thermal_ablation.simulation import plain_liver
from planner_plugins.thermal_ablation.simulation.calibration import (
    Axes,
    Calibration,
    Parameter,
    ShortBy,
    meet,
    meet_short,
    remembered,
)
from planner_plugins.thermal_ablation.simulation.firing import Firing, firings_of
from planner_plugins.thermal_ablation.simulation.plain_liver import alone, calibrate, plain_axes_mm
from planner_plugins.thermal_ablation.simulation.radiofrequency import RadiofrequencySource
from planner_plugins.thermal_ablation.simulation.region import plain_region

from planner.base.errors import Cancelled, InvalidValue
from planner.base.task import Task
from planner.model.geometry import Grid
from planner.model.plan import Applicator
from planner.planning.device_library import device_library
from planner.planning.devices import DeviceZone

LIBRARY = device_library()
POWER = Parameter("power", "1", 0.1, 10.0, (0.5, 2.0), True, 0.2, 0.7)
LENGTH = Parameter("length", "mm", 1.0, 60.0, (1.0, 60.0), False, 2.0, 10.0)


def grown(values: tuple[float, ...]) -> np.ndarray:
    """Axes of a made-up zone: as wide as the root of its power, longer by its length."""
    power, length = values
    return np.array([20.0 * power**0.4 + 0.8 * length, 20.0 * power**0.5])


def test_both_axes_are_met_where_they_can_be() -> None:
    fit = meet(grown, np.array([45.0, 28.0]), (POWER, LENGTH), (1.0, 10.0))
    assert fit.axes_mm == pytest.approx([45.0, 28.0], abs=0.2)
    power, length = fit.values((POWER, LENGTH))
    assert power == pytest.approx(1.96, rel=0.02)
    assert length == pytest.approx((45.0 - 20.0 * 1.96**0.4) / 0.8, abs=0.5)


def test_what_is_out_of_reach_stays_within_bounds_and_the_short_axis_is_met() -> None:
    """The long axis wants a length of 120: it stays at its bound, the short one is met by power alone."""
    goal = np.array([120.0, 28.0])
    fit = meet(grown, goal, (POWER, LENGTH), (1.0, 10.0), most_runs=8)
    fit = meet_short(grown, goal, (POWER, LENGTH), fit, ShortBy(0, 1.0), most_runs=12, close_mm=0.2)
    assert fit.axes_mm[1] == pytest.approx(28.0, abs=0.2)
    assert fit.values((POWER, LENGTH))[1] <= 60.0 + 1e-9
    assert fit.axes_mm[0] < 75.0


def test_a_short_axis_that_falls_with_its_parameter_is_met() -> None:
    """By one that grows as the other falls, such as a temperature; at its bound the search ends."""
    warmth = Parameter("warmth", "1", -10.0, 10.0, (-10.0, 10.0), False, 1.0, 3.0)

    def cold(values: tuple[float, ...]) -> np.ndarray:
        return np.array([40.0, 20.0 - values[0]])

    start = meet(cold, np.array([40.0, 20.0]), (warmth,), (0.0,), most_runs=2)
    by = ShortBy(0, -1.0)
    met = meet_short(cold, np.array([40.0, 26.5]), (warmth,), start, by, most_runs=12, close_mm=0.1)
    assert met.axes_mm[1] == pytest.approx(26.5, abs=0.1)
    far = meet_short(cold, np.array([40.0, 90.0]), (warmth,), start, by, most_runs=12, close_mm=0.1)
    assert far.place[0] == pytest.approx(-10.0)


def test_a_fit_says_its_misfit_and_what_is_implausible() -> None:
    found = Calibration("antenna", (LENGTH, POWER), (12.34, 0.4), 40.0, 29.0, 43.0, 30.0, 7)
    assert found.misfit_mm == pytest.approx(3.0)
    assert not found.is_plausible
    assert replace(found, values=(12.34, 0.6)).is_plausible
    assert "length 12.3 mm, power 0.40, gives 40.0 x 29.0 mm" in found.words
    assert found.value("power") == 0.4
    with pytest.raises(InvalidValue, match="no parameter"):
        found.value("colour")
    with pytest.raises(InvalidValue, match="one number"):
        replace(found, values=(1.0,))
    with pytest.raises(InvalidValue, match="range"):
        Parameter("p", "1", 2.0, 1.0, (0.0, 1.0), False, 0.1, 0.1)


def test_a_fit_is_remembered_and_a_cancelled_one_is_not() -> None:
    made = Calibration("x", (POWER,), (1.0,), 1.0, 1.0, 1.0, 1.0, 1)

    def stopped() -> Calibration:
        raise Cancelled

    with pytest.raises(Cancelled):
        remembered("a wanted zone of this test", stopped)
    assert remembered("a wanted zone of this test", lambda: made) is made
    assert remembered("a wanted zone of this test", stopped) is made


def firing(name: str, tip_z: float = 0.0, id: str = "p1") -> Firing:
    device = LIBRARY.device(name)
    settings = dict(device.defaults)
    needle = Applicator(id, name, (0.0, 0.0, -120.0), (0.0, 0.0, tip_z), settings, "lesion")
    return firings_of([needle], [device], in_turn=False)[0]


def row(name: str) -> DeviceZone:
    device = LIBRARY.device(name)
    return device.zone(device.defaults, True)


COARSE = Settings(simulation_voxel_mm=2.0, allow_ex_vivo=True)


@pytest.mark.parametrize("name", ["generic-rf-single", "generic-cryo-ln2"])
def test_a_needle_alone_makes_its_devices_zone(name: str) -> None:
    """Short axis within 0.5 mm of its row, long within 2 mm; the whole chain gives the fit's own axes."""
    own, zone = firing(name), row(name)
    found = calibrate(own, zone, COARSE, Task())
    assert found.short_axis_mm == pytest.approx(zone.short_axis_mm, abs=0.5)
    assert found.long_axis_mm == pytest.approx(zone.long_axis_mm, abs=2.0)
    axes = plain_axes_mm(alone(own), zone, COARSE, found, Task())
    assert axes == pytest.approx([found.long_axis_mm, found.short_axis_mm], abs=1e-6)
    assert calibrate(firing(name, 31.7, "other"), zone, COARSE, Task()) is found, "its place does not matter"
    free = plain_axes_mm(alone(own), zone, COARSE, None, Task())
    assert abs(free[1] - zone.short_axis_mm) > 1.0, "without a fit the row is missed"


def test_a_fit_can_be_cancelled_and_reports() -> None:
    shares: list[float] = []

    def listen(share: float, text: str) -> None:
        assert text.startswith("Fitting")
        shares.append(share)
        if "run 2" in text:
            task.cancel()

    task = Task(listen)
    settings = replace(COARSE, liver_perfusion_per_s=0.0071)
    with pytest.raises(Cancelled):
        calibrate(firing("generic-cryo-ln2"), row("generic-cryo-ln2"), settings, task)
    assert shares == sorted(shares)
    assert not any(w.settings.liver_perfusion_per_s == 0.0071 for w in _kept_wants())


def _kept_wants() -> list[plain_liver._Wanted]:
    from planner_plugins.thermal_ablation.simulation import calibration

    return [w for w in calibration._fits if isinstance(w, plain_liver._Wanted)]


def test_only_what_matters_fits_anew() -> None:
    relevant = plain_liver._relevant
    assert relevant("cryo", replace(COARSE, death_model="cem43", seed=5)) == relevant("cryo", COARSE)
    assert relevant("laser", replace(COARSE, rf_power_w=50.0)) == relevant("laser", COARSE)
    assert relevant("radiofrequency", replace(COARSE, rf_power_w=50.0)) != relevant("radiofrequency", COARSE)
    assert relevant("cryo", replace(COARSE, lethal_cold_degc=-30.0)) != relevant("cryo", COARSE)
    assert relevant("cryo", replace(COARSE, simulation_voxel_mm=0.5)).simulation_voxel_mm == 1.0


def share_of(calibrations: dict[str, Calibration]) -> tuple[list[float], RadiofrequencySource]:
    """Power heating the region while each of two electrodes has its turn."""
    region = plain_region(Grid((31, 21, 31), (2.0,) * 3, (-30.0, -20.0, -30.0)))
    device = LIBRARY.device("generic-rf-single")
    pair = [
        Applicator(f"p{n}", device.name, (x, 0.0, -100.0), (x, 0.0, 15.0), {"time_s": 120.0}, "lesion")
        for n, x in enumerate((-10.0, 10.0))
    ]
    settings = Settings(rf_control="power", rf_power_w=40.0, rf_electrodes="switching")
    source = RadiofrequencySource(
        region, firings_of(pair, [device] * 2, in_turn=False), settings, calibrations
    )
    rest = np.full(region.grid.shape, 37.0, dtype=np.float32)
    watts = []
    for time_s in (0.0, 35.0):
        source.update(time_s, rest)
        watts.append(float(source.heat_w_per_m3.sum(dtype=float)) * region.grid.voxel_volume_ml * 1e-6)
    return watts, source


def test_each_electrode_has_its_share_in_its_turn() -> None:
    """Of 40 W of the generator; the notes tell the generator's power, not the share of it."""
    parameters = plain_liver._FITTED["radiofrequency"].parameters
    half = Calibration("electrode", parameters, (0.5, 1.0), 1.0, 1.0, 1.0, 1.0, 1)
    watts, source = share_of({"p0": half, "p1": replace(half, values=(0.25, 1.0))})
    assert watts == pytest.approx([20.0, 10.0], rel=0.02)
    assert share_of({})[0] == pytest.approx([40.0, 40.0], rel=0.02)
    assert "constant power of 40 W" in source.notes[0]
    assert "share of power 0.25" in source.notes[-1]


class Coarsened:
    """Runs of a made-up zone that shrinks evenly with the voxels."""

    def on(self, voxel_mm: float) -> Axes:
        """Axes on voxels of a size."""
        return lambda values: grown(values) - np.array([1.2, 0.7]) * voxel_mm


def test_a_fit_on_larger_voxels_holds_on_the_plans() -> None:
    """Fitted on 3 and 1.5 mm, judged on 1 mm: the change with the voxels goes on (exact where it is even)."""
    kind = plain_liver._Fitted("source", (POWER, LENGTH), (1.0, 10.0), ShortBy(0, 1.0), 3.0, 9, 1)
    goal, runs = np.array([45.0, 28.0]), Coarsened()
    coarse = meet(runs.on(3.0), goal, kind.parameters, kind.first, close_mm=(1.0, 0.4))
    fit = plain_liver._refined(runs, (3.0, 1.5), 1.0, goal, kind, coarse)  # type: ignore[arg-type]
    on_plan = runs.on(1.0)(fit.values(kind.parameters))
    assert on_plan == pytest.approx(fit.axes_mm, abs=1e-9)
    assert abs(on_plan[0] - 45.0) <= 1.0
    assert abs(on_plan[1] - 28.0) <= 0.4
