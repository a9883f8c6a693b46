"""Laser diffusers: light that spreads through tissue and is absorbed (diffusion approximation).

phi(r) = P exp(-mu_eff r) / (4 pi D r), D = 1 / 3 (mu_a + mu_s'), mu_eff = sqrt(mu_a / D), Q = mu_a phi
in native tissue.  Where tissue coagulates it scatters more, so light reaches less far (Germer 1998):
the heat is found anew under way (`light`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from planner_plugins.thermal_ablation.simulation.calibration import Calibration, Parameter
from planner_plugins.thermal_ablation.simulation.firing import Firing
from planner_plugins.thermal_ablation.simulation.light import LightLattice, Optics, line_light_w
from planner_plugins.thermal_ablation.simulation.line_source import Fading, line_source
from planner_plugins.thermal_ablation.simulation.needle_voxels import stretched
from planner_plugins.thermal_ablation.simulation.region import Region

from planner.base.errors import InvalidValue
from planner.compute.cell_death import GAS_CONSTANT, ZERO_CELSIUS_K, Arrhenius
from planner.compute.heat_lattice import FixedVoxels, Single
from planner.model.geometry import FloatArray
from planner.planning.tissues import (
    LASER_ABSORPTION,
    LASER_SCATTERING,
    LASER_SCATTERING_COAGULATED,
)

#: The light is found anew so long after the last time at the earliest.
RENEW_S = 5.0
#: It is found anew only where the coagulated share of some voxel has changed by this.
CHANGED = 0.1
#: Coagulation that is as good as whole.
MOST_DAMAGE = 20.0
#: The share of the set power that becomes light in tissue, and the length that gives it off.
SHARE = Parameter("share of power", "1", 0.05, 8.0, (0.1, 1.0), True, 0.2, 0.7)
LENGTH = Parameter("length of a diffuser", "of its own", 0.1, 4.0, (0.5, 2.0), False, 0.2, 0.5)

NATIVE = Optics(LASER_ABSORPTION.value, LASER_SCATTERING.value)
COAGULATED = Optics(LASER_ABSORPTION.value, LASER_SCATTERING_COAGULATED.value)


def light_fading(absorption_per_m: float, scattering_per_m: float, core_mm: float) -> Fading:
    """How diffuse light fades: mu_eff per mm, over the distance.

    Raises
    ------
    InvalidValue
        If a coefficient is not positive.
    """
    return Fading(Optics(absorption_per_m, scattering_per_m).decay_per_mm, 1, core_mm)


@dataclass(frozen=True, eq=False)
class _Fibre:
    """A needle's diffusers: their heat in native tissue, and the light they give off, per voxel."""

    firing: Firing
    native_w_per_m3: Single
    light_w: FloatArray
    words: str


class LaserSource:
    """The heat of all laser needles of a plan, in tissue that coagulates.

    Raises
    ------
    InvalidValue
        If a needle has no power set.
    """

    fixed: tuple[FixedVoxels, ...] = ()

    def __init__(
        self, region: Region, firings: Sequence[Firing], calibrations: Mapping[str, Calibration] | None = None
    ) -> None:
        found = calibrations or {}
        self._fibres = tuple(_fibre(region, f, found.get(f.needle.id)) for f in firings)
        self._lattice = LightLattice(region.grid, NATIVE, COAGULATED)
        shape = region.grid.shape
        self._damage: Single = np.zeros(shape, dtype=np.float32)
        self._share: Single = np.zeros(shape, dtype=np.float32)
        self._heat: Single = np.zeros(shape, dtype=np.float32)
        self._on: tuple[int, ...] = ()
        self._looked_s, self._renewed_s, self._renewals = 0.0, 0.0, 0

    def update(self, time_s: float, celsius: Single) -> bool:
        """Let tissue coagulate, and find the light anew where that has changed it."""
        self._coagulate(time_s, celsius)
        on = tuple(n for n, f in enumerate(self._fibres) if f.firing.works_at(time_s))
        if on != self._on:
            self._on = on
            if on:
                self._lattice.shine(np.sum([self._fibres[n].light_w for n in on], axis=0))
            self._renew(time_s)
            return True
        if not on or time_s - self._renewed_s < RENEW_S:
            return False
        if np.abs(self._coagulated() - self._share).max() <= CHANGED:
            return False
        self._renew(time_s)
        return True

    @property
    def heat_w_per_m3(self) -> Single:
        """Heat in each voxel now."""
        return self._heat

    @property
    def notes(self) -> tuple[str, ...]:
        """Each needle, and how often coagulation changed its light."""
        words = (
            f"light fades by {NATIVE.decay_per_mm:.2f}/mm in native and by {COAGULATED.decay_per_mm:.2f}/mm in"
            f" coagulated tissue (unverified), found anew {self._renewals} times"
        )
        return (*(f.words for f in self._fibres), words)

    def _coagulate(self, time_s: float, celsius: Single) -> None:
        """Arrhenius damage of the liver set since the last look, whatever model of death is chosen."""
        model, seconds = Arrhenius(), time_s - self._looked_s
        self._looked_s = time_s
        hot = celsius > model.counts_above_c
        if seconds <= 0 or not hot.any():
            return
        per_k = model.activation_j_per_mol / GAS_CONSTANT
        rate = model.frequency_per_s * np.exp(-per_k / (celsius[hot].astype(np.float64) + ZERO_CELSIUS_K))
        self._damage[hot] = np.minimum(self._damage[hot] + seconds * rate, MOST_DAMAGE)

    def _coagulated(self) -> Single:
        return np.asarray(-np.expm1(-self._damage), dtype=np.float32)

    def _renew(self, time_s: float) -> None:
        """The heat at this share of coagulated tissue; in sum what it is in native tissue."""
        self._renewed_s, self._share = time_s, self._coagulated()
        self._heat = np.zeros_like(self._damage)
        for n in self._on:
            self._heat += self._fibres[n].native_w_per_m3
        if not self._on or not self._share.any():
            return
        changed = self._heat * self._lattice.change(self._share)
        self._heat = changed * np.float32(self._heat.sum(dtype=float) / changed.sum(dtype=float))
        self._renewals += 1


def _fibre(region: Region, firing: Firing, calibration: Calibration | None) -> _Fibre:
    power = firing.power_w
    if power is None or power <= 0:
        raise InvalidValue("A laser needs a power.", f"probe '{firing.needle.id}'", "Set its power in W.")
    share = firing.emitter.number("efficiency") if calibration is None else calibration.value(SHARE.name)
    length = 1.0 if calibration is None else calibration.value(LENGTH.name)
    fading = Fading(NATIVE.decay_per_mm, 1, firing.emitter.radius_mm)
    parts = stretched(firing.emitter.active_segments(firing.needle), length)
    heat, light = np.zeros(region.grid.shape, dtype=np.float32), np.zeros(region.grid.shape)
    for part in parts:
        heat += line_source(region.grid, part, fading)
        light += line_light_w(region.grid, part)
    watts = share * power / len(parts)
    words = f"{firing.needle.id}: {len(parts)} diffusers share {power:g} W"
    if calibration is not None:
        words += f"; {calibration.words}"
    return _Fibre(firing, heat * np.float32(watts), light * watts, words)
