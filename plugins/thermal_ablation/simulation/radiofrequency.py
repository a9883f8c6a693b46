"""Radiofrequency: current through tissue whose conductivity changes as it heats and dries.

div(sigma(T) grad phi) = 0 and Q = sigma |grad phi|²; sigma rises with temperature to 100 °C and
falls by decades as the tissue dries.  Field and temperature are found in turns.

Of the generator's power a share heats the region; the rest goes to cables, ground pads and the tissue
beyond, since the region's ground lies near.  Controls see the whole power and the region's impedance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from planner_plugins.thermal_ablation.settings import Settings
from planner_plugins.thermal_ablation.simulation.calibration import Calibration, Parameter
from planner_plugins.thermal_ablation.simulation.firing import Firing
from planner_plugins.thermal_ablation.simulation.needle_voxels import needle_voxels, stretched
from planner_plugins.thermal_ablation.simulation.region import Region
from planner_plugins.thermal_ablation.simulation.rf_control import (
    ConstantPower,
    ImpedanceControl,
    PowerControl,
    TemperatureControl,
)

from planner.base.errors import InvalidValue
from planner.compute.conductivity import Conductor
from planner.compute.electric_field import ElectricProblem, solve_electric_field
from planner.compute.heat_lattice import BODY_C, FixedVoxels, Single
from planner.compute.thin_electrode import ThinElectrode
from planner.planning.tissues import DRY_DECADES, DRYING_FROM, DRYING_TO, ELECTRIC_RISE

#: The field is found anew so long after the last time at the earliest.
RENEW_S = 5.0
#: It is found anew only where the conductivity of some voxel near has changed by this share.
CHANGED = 0.03
#: Switching works with one electrode, or pair, for so long.
TURN_S = 30.0
#: Residual of a field that serves for seconds only.
TOLERANCE = 1e-3
#: Tissue so near to an electrode decides about a new field.
NEAR_MM = 15.0
#: What of the generator's power heats the region; more than all of it is what the model leaves out.
SHARE = Parameter("share of power", "1", 0.02, 2.0, (0.05, 1.0), True, 0.2, 0.5)
#: The bare length that gives current; of a needle with tines how far they are spread.
LENGTH = Parameter("bare length", "of its own", 0.2, 2.5, (0.5, 1.5), False, 0.1, 0.4)


def conductivity_factor(celsius: npt.ArrayLike) -> Single:
    """What temperature makes of the electric conductivity at 37 °C: 1.5 %/K up, then dry."""
    temperature = np.asarray(celsius, dtype=np.float32)
    warm = 1.0 + ELECTRIC_RISE.value * (np.minimum(temperature, DRYING_FROM.value) - BODY_C)
    dry = np.clip((temperature - DRYING_FROM.value) / (DRYING_TO.value - DRYING_FROM.value), 0.0, 1.0)
    return np.asarray(np.maximum(warm, 0.05) * 10.0 ** (-DRY_DECADES.value * dry), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class _Needle:
    """An electrode of one needle: its bare parts at one potential, and its share of the power."""

    firing: Firing
    parts: npt.NDArray[np.float64]
    radii_mm: tuple[float, ...]
    sensors: tuple[npt.NDArray[np.intp], ...]
    share: float


class RadiofrequencySource:
    """The heat of all radiofrequency needles of a plan under their generator's control.

    Parameters
    ----------
    calibrations
        By needle.  Each needle works with its own share of the power while its turn lasts; where
        several work at once the heat of one cannot be told from another's, and they have the mean of
        their shares.

    Raises
    ------
    InvalidValue
        If pairs are wanted of a single electrode.
    """

    def __init__(
        self,
        region: Region,
        firings: Sequence[Firing],
        settings: Settings,
        calibrations: Mapping[str, Calibration] | None = None,
    ) -> None:
        self.region, self.settings = region, settings
        found = calibrations or {}
        self.needles = tuple(_needle(region, f, found.get(f.needle.id)) for f in firings)
        self._calibrated = tuple(found[f.needle.id].words for f in firings if f.needle.id in found)
        self.way = settings.rf_electrodes if len(firings) > 1 else "together"
        if settings.rf_electrodes == "bipolar" and len(firings) < 2:
            raise InvalidValue(
                "Pairs need two electrodes.",
                f"probe '{firings[0].needle.id}'",
                "Add one, or choose another way.",
            )
        self.fixed = _cooled(region, firings)
        # Each circuit has an impedance of its own, so each has its own control.
        self._controls: dict[tuple[tuple[int, float], ...], PowerControl] = {}
        self.sigma = region.electric_s_per_m()
        self.near = _near(region, self.needles)
        self._unit: Single = np.zeros(region.grid.shape, dtype=np.float32)
        self._power_w, self._impedance_ohm = 0.0, np.inf
        self._key: tuple[tuple[int, float], ...] = ()
        self._renewed_s, self._factor = -np.inf, np.zeros(0, dtype=np.float32)
        self._log: list[tuple[float, float, float]] = []

    def update(self, time_s: float, celsius: Single) -> bool:
        """Find the field anew where needed, and ask the control for the power."""
        key = self._active(time_s)
        if not key:
            return self._give(time_s, 0.0)
        if self._is_stale(key, time_s, celsius):
            self._renew(key, time_s, celsius)
        sensor = float(np.mean([celsius[s] for n, _ in key for s in self.needles[n].sensors]))
        control = self._controls.setdefault(key, _control(self.needles[0].firing, self.settings))
        power = control.power_w(time_s, self._impedance_ohm, sensor)
        return self._give(time_s, power)

    @property
    def heat_w_per_m3(self) -> Single:
        """Heat in each voxel now; sums to the share of the power that heats the region."""
        return self._unit * np.float32(self._power_w)

    @property
    def notes(self) -> tuple[str, ...]:
        """Control, mean power and impedances."""
        device = self.needles[0].firing.device.title
        words = [f"{device}: {_control_words(tuple(self._controls.values()))}"] if self._controls else []
        if len(self.needles) > 1:
            words.append(
                f"electrodes {self.way}" + (f", {TURN_S:g} s each" if self.way != "together" else "")
            )
        if len(self._log) > 1:
            times, powers, ohms = (np.array(c) for c in zip(*self._log, strict=True))
            seconds = np.diff(times, append=times[-1])
            mean = float((powers * seconds).sum() / max(seconds.sum(), 1e-9))
            known = ohms[np.isfinite(ohms)]
            words.append(
                f"mean power {mean:.0f} W, impedance of the region {known.min():.0f} to {known.max():.0f} ohm"
                " (ground at its sides; model)"
            )
        if len(self._calibrated) > 1:
            words.append(
                "each electrode has its own share of the power in its turn, several at once their mean"
            )
        return (*words, *self._calibrated)

    def _give(self, time_s: float, power_w: float) -> bool:
        changed = power_w != self._power_w or self._is_new
        self._power_w, self._is_new = power_w, False
        self._log.append((time_s, power_w, self._impedance_ohm))
        return changed

    _is_new = False

    def _active(self, time_s: float) -> tuple[tuple[int, float], ...]:
        """Which needles are at which potential now."""
        working = [n for n, needle in enumerate(self.needles) if needle.firing.works_at(time_s)]
        turn = int(time_s / TURN_S)
        if self.way == "bipolar" and len(working) > 1:
            pairs = [(a, b) for k, a in enumerate(working) for b in working[k + 1 :]]
            plus, minus = pairs[turn % len(pairs)]
            return ((plus, 0.5), (minus, -0.5))
        if self.way == "switching" and len(working) > 1:
            working = [working[turn % len(working)]]
        return tuple((n, 1.0) for n in working)

    def _is_stale(self, key: tuple[tuple[int, float], ...], time_s: float, celsius: Single) -> bool:
        if key != self._key:
            return True
        if time_s - self._renewed_s < RENEW_S:
            return False
        factor = conductivity_factor(celsius[self.near])
        return bool((np.abs(factor / self._factor - 1.0)).max() > CHANGED)

    def _renew(self, key: tuple[tuple[int, float], ...], time_s: float, celsius: Single) -> None:
        """The field of one volt at this temperature."""
        electrodes = [e for n, volts in key for e in _electrodes(self.needles[n], volts)]
        conductor = Conductor(self.region.grid, self.sigma, None, conductivity_factor(celsius))
        sides = "insulated" if any(v < 0 for _, v in key) else "grounded"
        found = solve_electric_field(
            ElectricProblem(conductor, electrodes, sides),  # type: ignore[arg-type]
            tolerance=TOLERANCE,
        )
        # What falls into a cooled electrode's own voxels is heat at its surface, which the coolant takes.
        share = float(np.mean([self.needles[n].share for n, _ in key]))
        self._unit = found.joule_w_per_m3 * np.float32(share / found.power_w)
        self._impedance_ohm = 1.0 / found.power_w
        self._key, self._renewed_s, self._is_new = key, time_s, True
        self._factor = conductivity_factor(celsius[self.near])


def _needle(region: Region, firing: Firing, calibration: Calibration | None) -> _Needle:
    share, length = 1.0, 1.0
    if calibration is not None:
        share, length = calibration.value(SHARE.name), calibration.value(LENGTH.name)
    parts = bare_parts(firing, length)
    radii = [firing.emitter.radius_mm] * len(parts)
    ends = parts[:, 0].copy()
    if firing.emitter.number("tines") > 0:
        radii[1:] = [0.5 * firing.emitter.number("tine_diameter")] * (len(parts) - 1)
        ends = ends[1:]
    sensors = []
    for point in ends:
        i, j, k = np.rint(region.grid.to_ijk(point)).astype(int)
        sensors.append((k, j, i))
    return _Needle(firing, parts, tuple(radii), tuple(sensors), share)  # type: ignore[arg-type]


def bare_parts(firing: Firing, length: float) -> npt.NDArray[np.float64]:
    """What gives current, shape (n, 2, 3), its length changed by a factor.

    Straight electrodes grow about their own middles; tines are spread wider about the trocar's tip.
    """
    parts = firing.emitter.active_segments(firing.needle)
    if firing.emitter.number("tines") > 0:
        tip = np.array(firing.needle.tip_lps_mm)
        return np.concatenate([parts[:1], tip + length * (parts[1:] - tip)])
    return stretched(parts, length)


def _electrodes(needle: _Needle, potential_v: float) -> list[ThinElectrode]:
    name = needle.firing.needle.id
    return [
        ThinElectrode(f"{name}.{n}", tuple(stop), tuple(start), radius, potential_v)
        for n, ((start, stop), radius) in enumerate(zip(needle.parts.tolist(), needle.radii_mm, strict=True))
    ]


def _cooled(region: Region, firings: Sequence[Firing]) -> tuple[FixedVoxels, ...]:
    """Electrodes whose surface is held cold."""
    fixed = []
    for firing in firings:
        if firing.emitter.number("cooled") > 0:
            parts = firing.emitter.active_segments(firing.needle)
            mask, factor = needle_voxels(region.grid, parts, firing.emitter.radius_mm)
            fixed.append(FixedVoxels(mask, firing.emitter.number("coolant"), None, factor))
    return tuple(fixed)


def _near(region: Region, needles: Sequence[_Needle]) -> tuple[slice, slice, slice]:
    """The box of voxels near the electrodes."""
    ends = np.concatenate([n.parts.reshape(-1, 3) for n in needles])
    ijk = region.grid.to_ijk(ends)
    reach = NEAR_MM / region.grid.spacing_mm[0]
    low = np.maximum(np.floor(ijk.min(axis=0) - reach), 0).astype(int)
    high = np.ceil(ijk.max(axis=0) + reach).astype(int) + 1
    i, j, k = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return k, j, i


def _control(firing: Firing, settings: Settings) -> PowerControl:
    emitter = firing.emitter
    most = min(settings.rf_power_w, emitter.number("max_power"))
    way = settings.rf_control
    if way == "device":
        way = "impedance" if emitter.number("cooled") > 0 else "temperature"
    if way == "power":
        return ConstantPower(most)
    if way == "temperature":
        return TemperatureControl(emitter.number("target_temperature"), most)
    return ImpedanceControl(most, emitter.number("max_current"))


def _control_words(controls: Sequence[PowerControl]) -> str:
    """What the controls of all circuits, which are of one kind, did."""
    first = controls[0]
    if isinstance(first, ConstantPower):
        return f"constant power of {first.constant_w:g} W"
    if isinstance(first, TemperatureControl):
        return f"held at {first.target_c:g} °C with at most {first.most_w:g} W"
    pauses = sum(c.pauses for c in controls if isinstance(c, ImpedanceControl))
    most = first.most_w if isinstance(first, ImpedanceControl) else 0.0
    return f"at most {most:g} W, {pauses} pauses as the impedance rose"
