"""How much a train of short pulses heats tissue, if no heat leaves."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.compute.heat_lattice import Single

#: Water boils: tissue gets no hotter.
BOILING_C = 100.0


def adiabatic_rise_k(
    joule_w_per_m3: npt.ArrayLike, pulses: int, pulse_us: float, heat_capacity_j_per_m3_k: npt.ArrayLike
) -> Single:
    """Rise of temperature N tau q / (rho c), q = sigma E² while a pulse lasts; without flow of heat.

    An upper bound: heat spreads and blood carries it off between the pulses.

    Parameters
    ----------
    joule_w_per_m3, heat_capacity_j_per_m3_k
        Heat while a pulse lasts and heat capacity; numbers, or arrays of one shape.
    pulses, pulse_us
        Number of pulses and the length of one.

    Raises
    ------
    InvalidValue
        If a number is negative or the heat capacity not positive.
    """
    heat, capacity = np.asarray(joule_w_per_m3), np.asarray(heat_capacity_j_per_m3_k)
    if pulses < 0 or pulse_us < 0 or not np.all(capacity > 0):
        raise InvalidValue(
            "Pulses have a number and a length, and tissue a heat capacity.",
            f"{pulses} pulses of {pulse_us} us",
            "Give positive numbers.",
        )
    return np.asarray(heat * (pulses * pulse_us * 1e-6) / capacity, dtype=np.float32)
