"""Laser diffusers: light that spreads through tissue and is absorbed (diffusion approximation).

phi(r) = P exp(-mu_eff r) / (4 pi D r), D = 1 / 3 (mu_a + mu_s'), mu_eff = sqrt(mu_a / D), Q = mu_a phi.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
from planner_plugins.thermal_ablation.simulation.firing import Firing
from planner_plugins.thermal_ablation.simulation.heating import SteadySource
from planner_plugins.thermal_ablation.simulation.line_source import Fading, line_source
from planner_plugins.thermal_ablation.simulation.region import Region

from planner.base.errors import InvalidValue
from planner.planning.tissues import LASER_ABSORPTION, LASER_SCATTERING


def light_fading(absorption_per_m: float, scattering_per_m: float, core_mm: float) -> Fading:
    """How diffuse light fades: mu_eff per mm, over the distance.

    Raises
    ------
    InvalidValue
        If a coefficient is not positive.
    """
    if not min(absorption_per_m, scattering_per_m) > 0:
        raise InvalidValue(
            "Light fades by absorption and scattering.",
            f"mu_a {absorption_per_m}, mu_s' {scattering_per_m} 1/m",
            "Give positive coefficients in 1/m.",
        )
    return Fading(1e-3 * sqrt(3.0 * absorption_per_m * (absorption_per_m + scattering_per_m)), 1, core_mm)


def laser_source(region: Region, firing: Firing) -> SteadySource:
    """The heat of a needle's diffusers, which share its power.

    Raises
    ------
    InvalidValue
        If the needle has no power set.
    """
    power = firing.power_w
    if power is None or power <= 0:
        raise InvalidValue("A laser needs a power.", f"probe '{firing.needle.id}'", "Set its power in W.")
    fading = light_fading(LASER_ABSORPTION.value, LASER_SCATTERING.value, firing.emitter.radius_mm)
    parts = firing.emitter.active_segments(firing.needle)
    heat = np.zeros(region.grid.shape, dtype=np.float32)
    for part in parts:
        heat += line_source(region.grid, part, fading)
    heat *= np.float32(firing.emitter.number("efficiency") * power / len(parts))
    words = (
        f"{firing.needle.id}: {len(parts)} diffusers share {power:g} W; light fades alike in all tissue"
        f" (mu_eff {fading.decay_per_mm:.2f}/mm, unverified)"
    )
    return SteadySource(heat, firing.start_s, firing.stop_s, (words,))
