"""How a radiofrequency generator sets its power: constant, by temperature, or by impedance in pulses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from planner.base.errors import InvalidValue

#: Impedance control pauses when the impedance has risen by so much over its least.
RISE_OHM = 25.0
#: For how long it pauses.
PAUSE_S = 15.0
#: Longest time the integral of temperature control takes in at once.
LONGEST_STEP_S = 5.0
#: Temperature control: W for each K short of the target, and W for each K and s.
PROPORTIONAL_W_PER_K, INTEGRAL_W_PER_K_S = 1.5, 0.02


class PowerControl(Protocol):
    """The power a generator gives, from what it can measure."""

    def power_w(self, time_s: float, impedance_ohm: float, sensor_c: float) -> float:
        """Power from this time on."""


@dataclass(frozen=True)
class ConstantPower:
    """The same power at any impedance."""

    constant_w: float

    def __post_init__(self) -> None:
        _check_power(self.constant_w)

    def power_w(self, time_s: float, impedance_ohm: float, sensor_c: float) -> float:
        """The power set."""
        del time_s, impedance_ohm, sensor_c
        return self.constant_w


@dataclass(eq=False)
class TemperatureControl:
    """Power that brings the sensors to a temperature and holds it (proportional and integral)."""

    target_c: float
    most_w: float
    _sum_w: float = 0.0
    _last_s: float = 0.0

    def __post_init__(self) -> None:
        _check_power(self.most_w)

    def power_w(self, time_s: float, impedance_ohm: float, sensor_c: float) -> float:
        """Power for a sensor's temperature."""
        del impedance_ohm
        short = self.target_c - sensor_c
        # Between its turns an electrode is not controlled.
        added = INTEGRAL_W_PER_K_S * short * min(time_s - self._last_s, LONGEST_STEP_S)
        self._last_s = time_s
        wanted = PROPORTIONAL_W_PER_K * short + self._sum_w + added
        if 0.0 < wanted < self.most_w:  # while it cannot follow, the sum must not run away
            self._sum_w += added
        return float(np.clip(wanted, 0.0, self.most_w))


@dataclass(eq=False)
class ImpedanceControl:
    """The most power and current allowed, with a pause whenever the impedance has risen.

    Parameters
    ----------
    most_w, most_a
        Limits of the generator.
    pauses
        How many there were.
    """

    most_w: float
    most_a: float
    pauses: int = 0
    _least_ohm: float = field(default=np.inf)
    _until_s: float = 0.0

    def __post_init__(self) -> None:
        _check_power(self.most_w)

    def power_w(self, time_s: float, impedance_ohm: float, sensor_c: float) -> float:
        """Power at an impedance; none while it pauses."""
        del sensor_c
        if time_s < self._until_s:
            return 0.0
        self._least_ohm = min(self._least_ohm, impedance_ohm)
        if impedance_ohm > self._least_ohm + RISE_OHM:
            self.pauses += 1
            self._until_s = time_s + PAUSE_S
            return 0.0
        return min(self.most_w, self.most_a**2 * impedance_ohm)


def _check_power(power_w: float) -> None:
    if not 0 < power_w < np.inf:
        raise InvalidValue("A generator needs a power.", f"{power_w:g} W", "Set a positive power.")
