"""When tissue dies of heat or cold: four models, from a damage that grows at each temperature.

Each model is a frozen record with its source, packed as numbers for the kernels of the heat
solvers.  They are not interchangeable: at 50 °C the Arrhenius set kills in one minute, CEM43 in
two, the three-state model in 26.  The choice is to be shown to whoever reads the zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, isfinite, log

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.compute.threads import kernel

FloatArray = npt.NDArray[np.float64]

#: J/mol/K (CODATA 2018).
GAS_CONSTANT = 8.314462618
ZERO_CELSIUS_K = 273.15
LN_2 = log(2.0)

#: Places in a packed model; the last four are the model's own numbers.
KIND, LOW_C, HIGH_C, DEAD_AT, FIRST, SECOND, THIRD, FOURTH = range(8)
ARRHENIUS, CEM, THREE_STATE, ISOTHERM = range(4)

#: Below this no heat damage is counted: body temperature does not kill.  A choice of ours, at the
#: temperature where CEM43 stops by definition; without it the Arrhenius set kills resting liver in an hour.
COUNTS_ABOVE_C = 39.0

#: Longest exposure looked at, in s.
LONGEST_S = 86400.0


@dataclass(frozen=True)
class Arrhenius:
    """Damage of a first-order reaction: dΩ/dt = A exp(-Ea / RT), dead where Ω reaches 1 (63 %).

    Parameters
    ----------
    frequency_per_s, activation_j_per_mol
        A and Ea.  The default liver set is fast at low temperatures: Ω = 1 after 510 s at 43 °C.
    dead_at
        Ω of dead tissue; 4.6 stands for 99 %.
    counts_above_c
        Temperature from which damage is counted.
    """

    frequency_per_s: float = 7.39e39
    activation_j_per_mol: float = 2.577e5
    dead_at: float = 1.0
    counts_above_c: float = COUNTS_ABOVE_C
    source: str = "Jacques et al. 1996; Chang and Nguyen, Biomed Eng OnLine 2004;3:27"
    damage_unit = "Ω"

    def __post_init__(self) -> None:
        _check_positive(self, "frequency_per_s", "activation_j_per_mol", "dead_at")
        _check_finite(self, "counts_above_c")

    @property
    def packed(self) -> FloatArray:
        """The model as numbers for the kernels, shape (8,)."""
        return _pack(
            ARRHENIUS,
            self.counts_above_c,
            inf,
            self.dead_at,
            self.frequency_per_s,
            self.activation_j_per_mol / GAS_CONSTANT,
        )

    def seconds_to_death(self, temperature_c: float) -> float:
        """Seconds to death at a constant temperature; infinite where it never comes."""
        return _by_rate(self.packed, temperature_c)


@dataclass(frozen=True)
class CEM43:
    """Cumulative equivalent minutes at 43 °C: sum of R^(43 - T) dt, R = 0.5 above 43, 0.25 below.

    Nothing counts below 39 °C.

    Parameters
    ----------
    dead_at_min
        Equivalent minutes of dead tissue; 240 is the standard for focused ultrasound.
    """

    dead_at_min: float = 240.0
    source: str = "Sapareto and Dewey, Int J Radiat Oncol Biol Phys 1984;10:787"
    damage_unit = "min"

    def __post_init__(self) -> None:
        _check_positive(self, "dead_at_min")

    @property
    def packed(self) -> FloatArray:
        """The model as numbers for the kernels, shape (8,)."""
        return _pack(CEM, 39.0, inf, self.dead_at_min)

    def seconds_to_death(self, temperature_c: float) -> float:
        """Seconds to death at a constant temperature; infinite where it never comes."""
        return _by_rate(self.packed, temperature_c)


@dataclass(frozen=True)
class ThreeState:
    """Alive, vulnerable and dead cells: dA/dt = -kf A + kb V, dD/dt = kf V, V = 1 - A - D.

    kf = kf0 exp(T / Tk) (1 - A).  The damage is D.  Below ``counts_above_c`` the state stands
    still, since the equations kill resting liver in an hour.

    Parameters
    ----------
    forward_per_s, backward_per_s, scale_c
        kf0, kb and Tk.
    alive_at_start
        A at rest; the others are vulnerable.
    dead_at
        D of dead tissue.
    counts_above_c
        Temperature from which the state changes.
    """

    forward_per_s: float = 3.33e-3
    backward_per_s: float = 7.77e-3
    scale_c: float = 40.5
    alive_at_start: float = 0.99
    dead_at: float = 0.8
    counts_above_c: float = COUNTS_ABOVE_C
    source: str = "O'Neill et al., Ann Biomed Eng 2011;39:570"
    damage_unit = "dead fraction"

    def __post_init__(self) -> None:
        _check_positive(self, "forward_per_s", "backward_per_s", "scale_c", "alive_at_start", "dead_at")
        _check_finite(self, "counts_above_c")
        if self.alive_at_start >= 1 or self.dead_at >= 1:
            raise InvalidValue(
                "Fractions of alive and dead cells must stay below 1.",
                f"alive at start {self.alive_at_start}, dead at {self.dead_at}",
                "Give fractions between 0 and 1.",
            )

    @property
    def packed(self) -> FloatArray:
        """The model as numbers for the kernels, shape (8,)."""
        rates = (self.forward_per_s, self.backward_per_s, self.scale_c, self.alive_at_start)
        return _pack(THREE_STATE, self.counts_above_c, inf, self.dead_at, *rates)

    def seconds_to_death(self, temperature_c: float) -> float:
        """Seconds to death at a constant temperature; infinite where it takes more than a day."""
        return float(_by_steps(self.packed, float(temperature_c), 0.1, LONGEST_S))


@dataclass(frozen=True)
class Isotherm:
    """Dead beyond a lethal temperature, held for some time.  The damage is the time held in s.

    Parameters
    ----------
    lethal_c
        Tissue at this temperature or beyond it dies.
    hold_s
        For how long it must stay there, in sum; 0 for at once.
    cold
        Whether colder tissue dies, as in an ice ball, instead of hotter.
    """

    lethal_c: float = 60.0
    hold_s: float = 0.0
    cold: bool = False
    source: str = "60 °C at once: Brace 2009 (PMC2941203); -20 °C: Gage and Baust, Cryobiology 1998;37:171"
    damage_unit = "s"

    def __post_init__(self) -> None:
        _check_finite(self, "lethal_c", "hold_s")
        if self.hold_s < 0:
            raise InvalidValue(
                "A lethal temperature cannot be held for a negative time.",
                f"isotherm of {self.lethal_c} °C, held {self.hold_s} s",
                "Give 0 s for death at once.",
            )

    @property
    def packed(self) -> FloatArray:
        """The model as numbers for the kernels, shape (8,)."""
        low, high = (-inf, self.lethal_c) if self.cold else (self.lethal_c, inf)
        # A step takes longer than a nanosecond, so held for no time means the first step kills.
        return _pack(ISOTHERM, low, high, max(self.hold_s, 1e-9))

    def seconds_to_death(self, temperature_c: float) -> float:
        """Seconds to death at a constant temperature; infinite where it never comes."""
        return self.hold_s if counts_at(self.packed, float(temperature_c)) else inf


DeathModel = Arrhenius | CEM43 | ThreeState | Isotherm


def dead_fraction(omega: npt.ArrayLike) -> FloatArray:
    """Fraction of dead cells 1 - exp(-Ω) of an Arrhenius damage, any shape."""
    return np.asarray(-np.expm1(-np.asarray(omega, dtype=float)))


@kernel
def counts_at(model: FloatArray, temperature_c: float) -> bool:
    """Whether a packed model counts damage at a temperature."""
    return bool(model[LOW_C] <= temperature_c and temperature_c <= model[HIGH_C])


@kernel
def damage_per_s(model: FloatArray, temperature_c: float) -> float:
    """How fast the damage of a packed model with one variable grows, where it counts."""
    if model[KIND] == ARRHENIUS:
        return float(model[FIRST] * exp(-model[SECOND] / (temperature_c + ZERO_CELSIUS_K)))
    if model[KIND] == CEM:
        halvings = 1.0 if temperature_c > 43.0 else 2.0
        return float(exp(LN_2 * halvings * (temperature_c - 43.0)) / 60.0)
    return 1.0


@kernel
def advance_damage(
    model: FloatArray, damage: float, alive: float, temperature_c: float, step_s: float
) -> tuple[float, float]:
    """Damage and alive fraction of one voxel after a step at a temperature at which it counts.

    The three-state model takes one classical Runge-Kutta step (fourth order); the others grow
    evenly, and leave the alive fraction as it is.
    """
    if model[KIND] != THREE_STATE:
        return damage + step_s * damage_per_s(model, temperature_c), alive
    forward = model[FIRST] * exp(temperature_c / model[THIRD])
    back = model[SECOND]
    half = 0.5 * step_s
    a1, d1 = _cell_rates(alive, damage, forward, back)
    a2, d2 = _cell_rates(alive + half * a1, damage + half * d1, forward, back)
    a3, d3 = _cell_rates(alive + half * a2, damage + half * d2, forward, back)
    a4, d4 = _cell_rates(alive + step_s * a3, damage + step_s * d3, forward, back)
    sixth = step_s / 6.0
    return damage + sixth * (d1 + 2 * d2 + 2 * d3 + d4), alive + sixth * (a1 + 2 * a2 + 2 * a3 + a4)


@kernel
def _cell_rates(alive: float, dead: float, forward: float, back: float) -> tuple[float, float]:
    """Growth per second of the alive and the dead fraction."""
    vulnerable = 1.0 - alive - dead
    rate = forward * (1.0 - alive)
    return back * vulnerable - rate * alive, rate * vulnerable


@kernel
def _by_steps(model: FloatArray, temperature_c: float, step_s: float, longest_s: float) -> float:
    """Time at which the three-state damage reaches death, straight between two steps."""
    if not counts_at(model, temperature_c):
        return np.inf
    damage = 0.0
    alive = model[FOURTH]
    time_s = 0.0
    while time_s < longest_s:
        before = damage
        damage, alive = advance_damage(model, damage, alive, temperature_c, step_s)
        if damage >= model[DEAD_AT]:
            return float(time_s + step_s * (model[DEAD_AT] - before) / (damage - before))
        time_s += step_s
    return np.inf


def _by_rate(model: FloatArray, temperature_c: float) -> float:
    if not counts_at(model, float(temperature_c)):
        return inf
    return float(model[DEAD_AT] / damage_per_s(model, float(temperature_c)))


def _pack(kind: int, low_c: float, high_c: float, dead_at: float, *own: float) -> FloatArray:
    packed = np.zeros(8)
    packed[: 4 + len(own)] = (kind, low_c, high_c, dead_at, *own)
    return packed


def _check_finite(model: DeathModel, *names: str) -> None:
    for name in names:
        if not isfinite(getattr(model, name)):
            raise InvalidValue(
                "A model of cell death needs finite numbers.",
                f"{type(model).__name__}: {name} {getattr(model, name)}",
                "Take the default, or a published value.",
            )


def _check_positive(model: DeathModel, *names: str) -> None:
    _check_finite(model, *names)
    for name in names:
        if getattr(model, name) <= 0:
            raise InvalidValue(
                "A model of cell death needs positive numbers.",
                f"{type(model).__name__}: {name} {getattr(model, name)}",
                "Take the default, or a published value.",
            )
