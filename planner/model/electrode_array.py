"""Electrodes of irreversible electroporation: two to six needles and the pulses of each pair."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from planner.base.errors import InvalidValue
from planner.model.geometry import FloatArray
from planner.model.points import Point, as_point, finite_point

#: As many as one generator takes.
MOST_ELECTRODES = 6
#: An electrode shorter than this cannot point anywhere.
SHORTEST_ELECTRODE_MM = 1.0


@dataclass(frozen=True)
class Electrode:
    """One needle of an array, bare from its tip backwards over the exposure.

    Parameters
    ----------
    entry_lps_mm, tip_lps_mm
        Where the shaft passes the skin, and its deepest point.
    exposure_mm
        Length of the bare part; positive and no longer than the needle.

    Raises
    ------
    InvalidValue
        If a number is not finite, entry and tip coincide, or the exposure does not fit the needle.
    """

    entry_lps_mm: Point
    tip_lps_mm: Point
    exposure_mm: float

    def __post_init__(self) -> None:
        for word in ("entry_lps_mm", "tip_lps_mm"):
            object.__setattr__(self, word, finite_point(getattr(self, word), f"{word} of an electrode"))
        length = math.dist(self.entry_lps_mm, self.tip_lps_mm)
        if length < SHORTEST_ELECTRODE_MM:
            raise InvalidValue(
                "An electrode's entry and tip lie on the same point.",
                f"tip {self.tip_lps_mm}",
                "Move the entry or the tip.",
            )
        object.__setattr__(self, "exposure_mm", float(self.exposure_mm))
        if not 0.0 < self.exposure_mm <= length:
            raise InvalidValue(
                "The exposure of an electrode is longer than the needle, or not positive.",
                f"{self.exposure_mm:g} mm of {length:.1f} mm",
                "Shorten the exposure.",
            )

    @property
    def length_mm(self) -> float:
        """Distance from entry to tip."""
        return math.dist(self.entry_lps_mm, self.tip_lps_mm)

    @property
    def direction(self) -> FloatArray:
        """Unit vector from entry to tip, shape (3,)."""
        return np.asarray((np.array(self.tip_lps_mm) - np.array(self.entry_lps_mm)) / self.length_mm)

    def point_behind_tip(self, offset_mm: float) -> FloatArray:
        """Point on the shaft ``offset_mm`` behind the tip, towards the entry; shape (3,)."""
        return np.asarray(np.array(self.tip_lps_mm) - offset_mm * self.direction)

    @property
    def exposed_ends_lps_mm(self) -> FloatArray:
        """The tip, and where the bare part ends; shape (2, 3)."""
        return np.stack([np.array(self.tip_lps_mm), self.point_behind_tip(self.exposure_mm)])

    def moved(self, by_lps_mm: Point) -> Electrode:
        """The electrode shifted as a whole."""
        shift = np.array(by_lps_mm)
        return replace(
            self,
            entry_lps_mm=as_point(np.array(self.entry_lps_mm) + shift),
            tip_lps_mm=as_point(np.array(self.tip_lps_mm) + shift),
        )

    def pulled_back(self, by_mm: float) -> Electrode:
        """The electrode drawn out along its shaft."""
        return self.moved(as_point(-by_mm * self.direction))


@dataclass(frozen=True)
class PulsePair:
    """Two electrodes that are pulsed against each other.

    Parameters
    ----------
    a, b
        Their numbers in the array, from zero; a before b.
    voltage_v
        Between them; positive.  Zero leaves the pair out.
    """

    a: int
    b: int
    voltage_v: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "voltage_v", float(self.voltage_v))
        if not 0 <= self.a < self.b:
            raise InvalidValue("A pair names two electrodes, the lower number first.", f"{self.a}-{self.b}")
        if not (math.isfinite(self.voltage_v) and self.voltage_v >= 0):
            raise InvalidValue(
                "The voltage of a pair is a number of zero or more.",
                f"pair {self.a}-{self.b}: {self.voltage_v}",
            )


@dataclass(frozen=True)
class ElectrodeArray:
    """Needles for irreversible electroporation, with the pulses given between pairs of them.

    Parameters
    ----------
    id
        Unique in the plan, such as ``e1``.
    device
        Name of a device of the library.
    electrodes
        One to six; an array of one can be planned on, but not pulsed.
    pairs
        Which are pulsed with which voltage; each pair once.
    pulses, pulse_us
        Number of treatment pulses of each pair, and the length of one in microseconds.
    lesion
        Name of the lesion it treats, or empty.
    pull_backs, pull_back_mm
        How often the whole array is drawn out along its shafts and pulsed again, and by how much each time.

    Raises
    ------
    InvalidValue
        If there are no or too many electrodes, a pair names one that is not there or stands twice, or
        a number is out of its range.
    """

    id: str
    device: str
    electrodes: tuple[Electrode, ...]
    pairs: tuple[PulsePair, ...] = ()
    pulses: int = 90
    pulse_us: float = 90.0
    lesion: str = ""
    pull_backs: int = 0
    pull_back_mm: float = 0.0

    def __post_init__(self) -> None:
        name = f"electrodes '{self.id}'"
        object.__setattr__(self, "electrodes", tuple(self.electrodes))
        object.__setattr__(self, "pairs", tuple(self.pairs))
        if not self.id or not self.device:
            raise InvalidValue("An array of electrodes needs an id and a device.", name)
        if not 1 <= len(self.electrodes) <= MOST_ELECTRODES:
            raise InvalidValue(
                f"An array has one to {MOST_ELECTRODES} electrodes.",
                f"{name}: {len(self.electrodes)}",
                "Add or remove electrodes.",
            )
        named = [(p.a, p.b) for p in self.pairs]
        if len(set(named)) < len(named) or any(p.b >= len(self.electrodes) for p in self.pairs):
            raise InvalidValue(
                "A pair of electrodes is named twice, or names one that is not there.",
                f"{name}: {', '.join(f'{a}-{b}' for a, b in named)}, {len(self.electrodes)} electrodes",
                "Name each pair once.",
            )
        for word, value, low in (
            ("pulses", self.pulses, 1),
            ("pulse_us", self.pulse_us, 1e-3),
            ("pull_backs", self.pull_backs, 0),
            ("pull_back_mm", self.pull_back_mm, 0.0),
        ):
            if not (math.isfinite(value) and value >= low):
                raise InvalidValue(
                    f"This number of an array is {low:g} or more.", f"{word} of {name}: {value}"
                )
        if self.pull_backs and self.pull_back_mm <= 0:
            raise InvalidValue("A pull-back needs a length.", name, "Give pull_back_mm, or no pull-backs.")
        deepest = self.pull_backs * self.pull_back_mm
        for n, electrode in enumerate(self.electrodes):
            if electrode.length_mm - deepest < electrode.exposure_mm:
                raise InvalidValue(
                    "An electrode cannot be pulled back so far: its bare part would leave the body.",
                    f"{name}, electrode {n + 1}: {deepest:g} mm of {electrode.length_mm:.0f} mm",
                    "Pull back less.",
                )

    @property
    def kind(self) -> str:
        """Word of the plan file for this instrument."""
        return "electrode_array"

    @property
    def settings(self) -> Mapping[str, float]:
        """The numbers of its pulses by name."""
        return MappingProxyType({"pulses": float(self.pulses), "pulse_us": self.pulse_us})

    @property
    def middle_lps_mm(self) -> Point:
        """Middle of all bare parts."""
        return as_point(np.mean([e.exposed_ends_lps_mm for e in self.electrodes], axis=(0, 1)))

    @property
    def direction(self) -> FloatArray:
        """Mean direction of the shafts, unit vector (3,)."""
        mean = np.mean([e.direction for e in self.electrodes], axis=0)
        size = float(np.linalg.norm(mean))
        return self.electrodes[0].direction if size < 1e-9 else np.asarray(mean / size)

    def moved(self, by_lps_mm: Point) -> ElectrodeArray:
        """The array shifted as a whole."""
        return replace(self, electrodes=tuple(e.moved(by_lps_mm) for e in self.electrodes))

    def with_electrode(self, number: int, electrode: Electrode) -> ElectrodeArray:
        """The array with one electrode in another place."""
        changed = tuple(electrode if n == number else e for n, e in enumerate(self.electrodes))
        return replace(self, electrodes=changed)

    def positions(self) -> tuple[ElectrodeArray, ...]:
        """The array at the start and after each pull-back, none of them pulled back further."""
        return tuple(
            replace(
                self,
                electrodes=tuple(e.pulled_back(step * self.pull_back_mm) for e in self.electrodes),
                pull_backs=0,
                pull_back_mm=0.0,
            )
            for step in range(self.pull_backs + 1)
        )
