"""Plans: the instruments somebody placed in a case."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from planner.base.errors import InvalidValue
from planner.model.catheter import CatheterTarget
from planner.model.electrode_array import ElectrodeArray
from planner.model.embolization import Embolization
from planner.model.geometry import FloatArray
from planner.model.points import Point, as_point, finite_point
from planner.model.resection import Resection

__all__ = ["Applicator", "FocusGrid", "Instrument", "Plan", "Point"]

#: A probe shorter than this cannot point anywhere.
SHORTEST_PROBE_MM = 1.0
#: Without a window the beam is taken to come from so far in front of the foci.
NO_WINDOW_MM = 100.0


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
            object.__setattr__(self, word, finite_point(getattr(self, word), f"{word} of '{self.id}'"))
        if math.dist(self.entry_lps_mm, self.tip_lps_mm) < SHORTEST_PROBE_MM:
            raise InvalidValue(
                "A probe's entry and tip lie on the same point.",
                f"probe '{self.id}'",
                "Move the entry or the tip.",
            )
        object.__setattr__(self, "settings", _finite_settings(self.settings, f"probe '{self.id}'"))

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
            entry_lps_mm=as_point(np.array(self.entry_lps_mm) + shift),
            tip_lps_mm=as_point(np.array(self.tip_lps_mm) + shift),
        )


@dataclass(frozen=True)
class FocusGrid:
    """Foci of focused ultrasound, heated one after the other through one window of the skin.

    Its beam runs from the middle of the window to the middle of the foci.

    Parameters
    ----------
    id
        Unique in the plan, such as ``h1``.
    device
        Name of a transducer of the library.
    foci_lps_mm
        Where sound is focused, in the order of treatment; one or more.
    window_lps_mm
        Points of the skin the beam enters by, three or more; empty where no window is chosen yet.
    settings
        Numbers of each sonication such as ``power_w`` and ``time_s``; finite.
    lesion
        Name of the lesion it treats, or empty.

    Raises
    ------
    InvalidValue
        If there is no focus, the window has one or two points, a number is not finite, or the middle of
        the window lies on the middle of the foci.
    """

    id: str
    device: str
    foci_lps_mm: tuple[Point, ...]
    window_lps_mm: tuple[Point, ...] = ()
    settings: Mapping[str, float] = field(default_factory=dict)
    lesion: str = ""

    def __post_init__(self) -> None:
        name = f"grid '{self.id}'"
        if not self.id or not self.device:
            raise InvalidValue("A grid of foci needs an id and a device.", name)
        for word in ("foci_lps_mm", "window_lps_mm"):
            points = tuple(finite_point(p, f"{word} of '{self.id}'") for p in getattr(self, word))
            object.__setattr__(self, word, points)
        if not self.foci_lps_mm:
            raise InvalidValue("A grid of foci needs at least one focus.", name, "Fill the lesion with foci.")
        if len(self.window_lps_mm) in (1, 2):
            raise InvalidValue(
                "An acoustic window needs three points of the skin or more.",
                f"{name}: {len(self.window_lps_mm)}",
                "Choose a window, or leave it out.",
            )
        away = np.subtract(self.foci_lps_mm, self.window_middle_lps_mm).mean(axis=0)
        if float(np.linalg.norm(away)) < SHORTEST_PROBE_MM:
            raise InvalidValue(
                "The window lies on the foci, so the beam has no direction.",
                name,
                "Choose a window on the skin.",
            )
        object.__setattr__(self, "settings", _finite_settings(self.settings, name))

    def __reduce__(self) -> tuple[Any, ...]:
        fields = (
            self.id,
            self.device,
            self.foci_lps_mm,
            self.window_lps_mm,
            dict(self.settings),
            self.lesion,
        )
        return (FocusGrid, fields)

    def __hash__(self) -> int:
        return hash(
            (self.id, self.device, self.foci_lps_mm, self.window_lps_mm, tuple(self.settings.items()))
        )

    @property
    def kind(self) -> str:
        """Word of the plan file for this instrument."""
        return "focus_grid"

    @property
    def has_window(self) -> bool:
        """Whether a window is chosen; without one the beam is taken straight from the front."""
        return bool(self.window_lps_mm)

    @property
    def middle_lps_mm(self) -> Point:
        """Middle of the foci."""
        return as_point(np.mean(self.foci_lps_mm, axis=0))

    @property
    def window_middle_lps_mm(self) -> Point:
        """Middle of the window; without one a point straight in front of the foci."""
        if self.window_lps_mm:
            return as_point(np.mean(self.window_lps_mm, axis=0))
        x, y, z = self.middle_lps_mm
        return x, y - NO_WINDOW_MM, z

    @property
    def direction(self) -> FloatArray:
        """Unit vector of the beam, shape (3,)."""
        away = np.array(self.middle_lps_mm) - np.array(self.window_middle_lps_mm)
        return np.asarray(away / np.linalg.norm(away))

    def moved(self, by_lps_mm: Point) -> FocusGrid:
        """The same foci somewhere else; the window stays on the skin."""
        shift = np.array(by_lps_mm)
        return replace(self, foci_lps_mm=tuple(as_point(np.array(p) + shift) for p in self.foci_lps_mm))


Instrument = Applicator | FocusGrid | ElectrodeArray | Resection | Embolization | CatheterTarget


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

    @property
    def focus_grids(self) -> tuple[FocusGrid, ...]:
        """The grids of focused ultrasound."""
        return tuple(i for i in self.instruments if isinstance(i, FocusGrid))

    @property
    def electrode_arrays(self) -> tuple[ElectrodeArray, ...]:
        """The electrodes of irreversible electroporation."""
        return tuple(i for i in self.instruments if isinstance(i, ElectrodeArray))

    @property
    def resections(self) -> tuple[Resection, ...]:
        """What is taken out with a knife."""
        return tuple(i for i in self.instruments if isinstance(i, Resection))

    @property
    def embolizations(self) -> tuple[Embolization, ...]:
        """What is closed so that the rest of the liver grows."""
        return tuple(i for i in self.instruments if isinstance(i, Embolization))

    @property
    def catheter_targets(self) -> tuple[CatheterTarget, ...]:
        """Tips in arteries, and what is given there."""
        return tuple(i for i in self.instruments if isinstance(i, CatheterTarget))

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

    def with_structure_renamed(self, old: str, new: str) -> Plan:
        """A copy whose instruments name a structure by its new name."""
        return replace(self, instruments=tuple(_renamed(i, old, new) for i in self.instruments))

    def without_instrument(self, id: str) -> Plan:
        """A copy without an instrument."""
        gone = self.instrument(id)
        return replace(self, instruments=tuple(i for i in self.instruments if i is not gone))

    def free_id(self, prefix: str = "p") -> str:
        """The first unused instrument id, such as ``p2``."""
        used = {i.id for i in self.instruments}
        return next(f"{prefix}{n}" for n in range(1, len(used) + 2) if f"{prefix}{n}" not in used)


def _renamed(instrument: Instrument, old: str, new: str) -> Instrument:
    if isinstance(instrument, Resection | CatheterTarget):
        return instrument.with_structure_renamed(old, new)
    if isinstance(instrument, Embolization):
        return instrument
    return replace(instrument, lesion=new) if instrument.lesion == old else instrument


def _finite_settings(settings: Mapping[str, float], whose: str) -> Mapping[str, float]:
    found = {str(k): float(v) for k, v in sorted(settings.items())}
    for key, value in found.items():
        if not math.isfinite(value):
            raise InvalidValue("A setting must be a finite number.", f"{key} of {whose}")
    return MappingProxyType(found)
