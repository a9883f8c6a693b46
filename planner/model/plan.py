"""Plans: the instruments somebody placed in a case."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from planner.base.errors import InvalidValue
from planner.model.geometry import FloatArray

Point = tuple[float, float, float]

#: A probe shorter than this cannot point anywhere.
SHORTEST_PROBE_MM = 1.0


@dataclass(frozen=True)
class Applicator:
    """A straight ablation probe.

    The tip is not the target: the zone's centre lies behind it by the device's offset.

    Parameters
    ----------
    id
        Unique in the plan, such as ``p1``.
    device
        Name of a device of the library.
    entry_lps_mm, tip_lps_mm
        Where the shaft passes the skin, and its deepest point.
    settings
        Numbers such as ``power_w`` and ``time_s``; finite.
    lesion
        Name of the lesion it treats, or empty.

    Raises
    ------
    InvalidValue
        If a number is not finite or entry and tip coincide.
    """

    id: str
    device: str
    entry_lps_mm: Point
    tip_lps_mm: Point
    settings: Mapping[str, float] = field(default_factory=dict)
    lesion: str = ""

    def __post_init__(self) -> None:
        if not self.id or not self.device:
            raise InvalidValue("A probe needs an id and a device.", f"probe '{self.id}'")
        for word in ("entry_lps_mm", "tip_lps_mm"):
            object.__setattr__(self, word, _finite_point(getattr(self, word), f"{word} of '{self.id}'"))
        if math.dist(self.entry_lps_mm, self.tip_lps_mm) < SHORTEST_PROBE_MM:
            raise InvalidValue(
                "A probe's entry and tip lie on the same point.",
                f"probe '{self.id}'",
                "Move the entry or the tip.",
            )
        settings = {str(k): float(v) for k, v in sorted(self.settings.items())}
        for key, value in settings.items():
            if not math.isfinite(value):
                raise InvalidValue("A setting must be a finite number.", f"{key} of probe '{self.id}'")
        object.__setattr__(self, "settings", MappingProxyType(settings))

    def __reduce__(self) -> tuple[Any, ...]:
        fields = (self.id, self.device, self.entry_lps_mm, self.tip_lps_mm, dict(self.settings), self.lesion)
        return (Applicator, fields)

    def __hash__(self) -> int:
        return hash((self.id, self.device, self.entry_lps_mm, self.tip_lps_mm, tuple(self.settings.items())))

    @property
    def kind(self) -> str:
        """Word of the plan file for this instrument."""
        return "applicator"

    @property
    def length_mm(self) -> float:
        """Distance from entry to tip."""
        return math.dist(self.entry_lps_mm, self.tip_lps_mm)

    @property
    def direction(self) -> FloatArray:
        """Unit vector from entry to tip, shape (3,)."""
        tip, entry = np.array(self.tip_lps_mm), np.array(self.entry_lps_mm)
        return np.asarray((tip - entry) / self.length_mm)

    def point_behind_tip(self, offset_mm: float) -> FloatArray:
        """Point on the shaft ``offset_mm`` behind the tip, towards the entry; shape (3,)."""
        return np.array(self.tip_lps_mm) - offset_mm * self.direction

    def moved(self, by_lps_mm: Point) -> Applicator:
        """The probe shifted as a whole."""
        shift = np.array(by_lps_mm)
        return replace(
            self,
            entry_lps_mm=_point(np.array(self.entry_lps_mm) + shift),
            tip_lps_mm=_point(np.array(self.tip_lps_mm) + shift),
        )


Instrument = Applicator


@dataclass(frozen=True)
class Plan:
    """The instruments of one plan, immutable; every save of it is a new version.

    Parameters
    ----------
    name
        What a person calls it; identity within a case.
    case_id
        The case it was made on.
    instruments
        Their ids are unique.
    author, created, notes
        Who, when (ISO 8601, UTC), and free words.
    """

    name: str
    case_id: str
    instruments: tuple[Instrument, ...] = ()
    author: str = ""
    created: str = ""
    notes: str = ""

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise InvalidValue("A plan needs a name.")
        if "@" in self.name or "/" in self.name:
            raise InvalidValue("A plan's name holds no '@' and no '/'.", f"plan '{self.name}'", "Rename it.")
        ids = [i.id for i in self.instruments]
        if len(set(ids)) != len(ids):
            raise InvalidValue("Two instruments of a plan share an id.", ", ".join(sorted(ids)))

    @property
    def applicators(self) -> tuple[Applicator, ...]:
        """The straight probes."""
        return tuple(i for i in self.instruments if isinstance(i, Applicator))

    def instrument(self, id: str) -> Instrument:
        """The instrument of an id; raises `InvalidValue` where there is none."""
        for instrument in self.instruments:
            if instrument.id == id:
                return instrument
        raise InvalidValue("The plan has no such instrument.", f"'{id}' in plan '{self.name}'")

    def with_instrument(self, instrument: Instrument) -> Plan:
        """A copy with an instrument added, or replaced where its id is there already."""
        if any(i.id == instrument.id for i in self.instruments):
            kept = tuple(instrument if i.id == instrument.id else i for i in self.instruments)
        else:
            kept = (*self.instruments, instrument)
        return replace(self, instruments=kept)

    def without_instrument(self, id: str) -> Plan:
        """A copy without an instrument."""
        gone = self.instrument(id)
        return replace(self, instruments=tuple(i for i in self.instruments if i is not gone))

    def free_id(self, prefix: str = "p") -> str:
        """The first unused instrument id, such as ``p2``."""
        used = {i.id for i in self.instruments}
        return next(f"{prefix}{n}" for n in range(1, len(used) + 2) if f"{prefix}{n}" not in used)


def _finite_point(values: Any, what: str) -> Point:
    try:
        numbers = tuple(float(v) for v in values)
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) != 3 or not all(math.isfinite(v) for v in numbers):
        raise InvalidValue("A point needs three finite numbers in mm.", f"{what}: {values!r}")
    return numbers[0], numbers[1], numbers[2]


def _point(values: FloatArray) -> Point:
    return float(values[0]), float(values[1]), float(values[2])
