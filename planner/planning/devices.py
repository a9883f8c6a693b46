"""Ablation devices, and the zones that were measured with them."""

from __future__ import annotations

import itertools
import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources.abc import Traversable
from typing import Any

from planner.base.errors import InvalidValue, PlannerError
from planner.model.assessment import Confidence
from planner.planning.constants import Constant
from planner.planning.zone_sizes import (
    ASSUMED_SHARE,
    OPT_IN_MEDIA,
    Medium,
    SizeTable,
    ZoneRow,
    setting_text,
    setting_word,
)

__all__ = [
    "CUSTOM",
    "OPT_IN_MEDIA",
    "Device",
    "DeviceZone",
    "Medium",
    "ZoneRow",
]

CUSTOM = "custom-ellipsoid"
#: What a user's own device file says of itself; the library's own files need not.
SCHEMA, VERSION = "liver-planner/device", 1
#: Kinds of energy, in the order they are listed.
MODALITIES = ("microwave", "radiofrequency", "cryo", "laser", "custom")
#: The kind of energy that needs no needle: transducers stand apart in the library.
ULTRASOUND = "ultrasound"
#: Its needles make no zone of their own: what they do lies between two of them.
ELECTROPORATION = "electroporation"
PLACEHOLDER = "Placeholder: enter your device's instructions for use."
#: Spread of a zone's axes where its device publishes none.
ASSUMED_SPREAD = Constant(
    ASSUMED_SHARE, "1", "a tenth of each axis where no spread is published", Confidence.OUR_RULE
)


_WEAKEST_FIRST = (Confidence.UNVERIFIED, Confidence.OUR_RULE, Confidence.ESTABLISHED)


@dataclass(frozen=True)
class DeviceZone:
    """The zone a device is expected to make with some settings.

    Parameters
    ----------
    long_axis_mm, short_axis_mm
        Full lengths along and across the shaft.
    center_offset
        Distance of its centre behind the tip.
    long_sd_mm, short_sd_mm
        Published spread, or None.
    medium, source, confidence
        Of the weakest row it stands on.
    method
        How its size was found between rows, in words.
    """

    long_axis_mm: float
    short_axis_mm: float
    center_offset: Constant
    medium: str
    source: str
    confidence: Confidence
    long_sd_mm: float | None = None
    short_sd_mm: float | None = None
    method: str = ""

    @property
    def is_spread_published(self) -> bool:
        """Whether the spread of both axes is published; what is not is assumed."""
        return self.long_sd_mm is not None and self.short_sd_mm is not None

    def spread_mm(self, assumed_share: float = ASSUMED_SHARE) -> tuple[float, float]:
        """Standard deviation of long and short axis: as published, else a share of the axis."""
        long_sd = self.long_sd_mm if self.long_sd_mm is not None else assumed_share * self.long_axis_mm
        short_sd = self.short_sd_mm if self.short_sd_mm is not None else assumed_share * self.short_axis_mm
        return long_sd, short_sd


@dataclass(frozen=True)
class Device:
    """A straight ablation device, or a transducer of focused ultrasound.

    Parameters
    ----------
    name, title, modality
        Name in plans, name for people, and kind of energy.
    length
        Longest path from skin to tip; of a transducer from skin to focus.
    diameter_mm
        Of the shaft; of a transducer 0, as it has none.
    center_offset
        Distance of the zone's centre behind the tip.
    defaults
        Settings a new probe starts with.
    rows
        What was published.
    lethal_inset_mm
        How far behind a published edge tissue is surely dead (cryo: the ice edge is not lethal).
    note
        Words shown with it.
    emitter
        What of it gives off energy, for simulations: see `planner.planning.emitters`; ``needles``
        where one probe of a plan stands for several.

    Raises
    ------
    InvalidValue
        If its kind of energy is unknown, its shaft has no width, or rows disagree in their settings.
    """

    name: str
    title: str
    modality: str
    length: Constant
    diameter_mm: float
    center_offset: Constant
    defaults: Mapping[str, float]
    rows: tuple[ZoneRow, ...] = ()
    lethal_inset_mm: float = 0.0
    note: str = ""
    emitter: Mapping[str, Constant] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name or not self.title.strip():
            raise InvalidValue("A device needs a name and a title.", self.name or self.title)
        if self.modality not in (*MODALITIES, ULTRASOUND, ELECTROPORATION):
            raise InvalidValue(
                "This kind of energy is not known.", f"{self.name}: {self.modality}", f"Use {MODALITIES}."
            )
        for what, value, low, high in (
            ("diameter_mm", self.diameter_mm, 0.1 if self.is_needle else 0.0, 20.0),
            ("length", self.length.value, 0.1, 500.0),
        ):
            if not low <= value <= high:
                raise InvalidValue(
                    "A shaft must have a length and a width.",
                    f"{self.name}: {what} = {value:g} mm",
                    f"Give up to {high:g} mm.",
                )
        if self.table is not None and set(self.table.names) != set(self.defaults):
            raise InvalidValue(
                "A device's first settings must be those of its table.",
                f"{self.name}: {', '.join(self.defaults)}",
                f"Give {', '.join(self.table.names)}.",
            )

    @property
    def is_custom(self) -> bool:
        """Whether the user gives the zone's size."""
        return self.name == CUSTOM

    @property
    def is_needle(self) -> bool:
        """Whether it is put into the body; a transducer is not."""
        return self.modality != ULTRASOUND

    @property
    def is_probe(self) -> bool:
        """Whether a single probe of a plan can be made of it: a needle with a zone of its own."""
        return self.modality in MODALITIES

    @property
    def is_placeholder(self) -> bool:
        """Whether a zone is drawn from an unverified row, or none can be drawn: see the instructions for use."""
        rows = self.usable_rows(allow_ex_vivo=True)
        return not self.is_custom and (not rows or any(r.confidence == Confidence.UNVERIFIED for r in rows))

    @property
    def needles(self) -> int:
        """How many needles one probe of a plan stands for, each with a path of its own."""
        return int(self.emitter["needles"].value) if "needles" in self.emitter else 1

    def usable_rows(self, allow_ex_vivo: bool = False) -> tuple[ZoneRow, ...]:
        """Rows a zone is judged by: clinical ones, else in vivo, else (opted in) ex vivo."""
        media = [Medium.CLINICAL, Medium.IN_VIVO]
        if allow_ex_vivo:
            media += OPT_IN_MEDIA
        for medium in media:
            rows = tuple(r for r in self.rows if r.medium == medium and not r.is_reference_only)
            if rows:
                return rows
        return ()

    @cached_property
    def table(self) -> SizeTable | None:
        """Sizes by settings, of the best medium known; None where no row gives both axes."""
        rows = self.usable_rows(allow_ex_vivo=True)
        if not rows:
            return None
        beside = tuple(r.settings for r in self.rows if r.medium == rows[0].medium and r.is_reference_only)
        return SizeTable(rows, beside)

    def setting_range(self, name: str, allow_ex_vivo: bool = False) -> tuple[float, float] | None:
        """Smallest and largest tabulated value of a setting, or None where it has no table."""
        if self.table is None or not self.usable_rows(allow_ex_vivo) or name not in self.table.names:
            return None
        return self.table.span(name)

    def center_offset_at(self, settings: Mapping[str, float]) -> Constant:
        """Distance of the zone's centre behind the tip, from rows that measured it, else the device's.

        Between rows it goes straight over the logarithm of energy; beyond them it stays.
        """
        rows = [r for r in self.usable_rows(allow_ex_vivo=True) if r.center_offset_mm is not None]
        if not rows or any(settings.get(n, 0.0) <= 0.0 for n in rows[0].settings):
            return self.center_offset
        at = math.log(math.prod(settings[n] for n in rows[0].settings))
        known = sorted((math.log(math.prod(r.settings.values())), r.center_offset_mm or 0.0) for r in rows)
        value = known[0][1] if at <= known[0][0] else known[-1][1]
        for (x0, y0), (x1, y1) in itertools.pairwise(known):
            if x0 < at <= x1:
                value = y0 + (y1 - y0) * (at - x0) / (x1 - x0)
        weakest = min(rows, key=lambda r: _strength(r.confidence))
        return Constant(value, "mm", weakest.source, weakest.confidence)

    def zone(self, settings: Mapping[str, float], allow_ex_vivo: bool = False) -> DeviceZone:
        """The zone these settings are expected to make.

        Between rows the axes follow a power law of the energy (power times time): see
        `planner.planning.zone_sizes`; outside the hull of the table there is no answer.

        Raises
        ------
        InvalidValue
            If a setting is missing, unknown or outside the table, or there is no usable row.
        """
        if self.is_custom:
            return self._custom_zone(settings)
        rows = self.usable_rows(allow_ex_vivo)
        if not rows or self.table is None:
            if self.table is None:
                reason = "No size of this device's zone is known."
                todo = "Enter your device's instructions for use (My devices)"
            else:
                reason = "Only ex vivo or incomplete sizes are published for this device."
                todo = "Allow ex vivo rows in the settings"
            raise InvalidValue(reason, self.title, f"{todo}, or use '{CUSTOM}' with your own sizes.")
        self._check_settings(settings, self.table)
        size = self.table.expected(settings)
        inset = 2.0 * self.lethal_inset_mm
        if min(size.long_axis_mm, size.short_axis_mm) - inset <= 0:
            raise InvalidValue("The lethal part of this zone is empty.", f"{self.title}, {dict(settings)}")
        used = [rows[n] for n in size.rows]
        weakest = min((r.confidence for r in used), key=_strength)
        return DeviceZone(
            size.long_axis_mm - inset,
            size.short_axis_mm - inset,
            self.center_offset_at(settings),
            rows[0].medium.value,
            "; ".join(dict.fromkeys(r.source for r in used)),
            weakest,
            _spread(r.long_sd_mm for r in used),
            _spread(r.short_sd_mm for r in used),
            size.how,
        )

    def _custom_zone(self, settings: Mapping[str, float]) -> DeviceZone:
        wanted = {
            "long_axis_mm": (1.0, 200.0),
            "short_axis_mm": (1.0, 200.0),
            "center_offset_mm": (-50.0, 100.0),
        }
        _check_names(settings, wanted, self.title)
        for name, (low, high) in wanted.items():
            if not low <= settings[name] <= high:
                raise InvalidValue(
                    "A size of the zone is outside its range.",
                    f"{name} = {settings[name]:g}",
                    f"Give {low:g} to {high:g} mm.",
                )
        source = "entered by the user"
        offset = Constant(settings["center_offset_mm"], "mm", source, Confidence.ESTABLISHED)
        return DeviceZone(
            settings["long_axis_mm"],
            settings["short_axis_mm"],
            offset,
            "as entered",
            source,
            Confidence.ESTABLISHED,
        )

    def _check_settings(self, settings: Mapping[str, float], table: SizeTable) -> None:
        _check_names(settings, dict.fromkeys(table.names), self.title)
        if table.contains(settings):
            return
        words = " or ".join(setting_word(n) for n in table.names).capitalize()
        first, last = table.names[0], table.names[-1]
        beside = table.span(last, settings)
        if beside is not None and first != last:
            advice = f"With {setting_text(first, settings[first])} choose {_span_text(last, beside)}"
        else:
            advice = f"Choose {_span_text(first, table.span(first) or (0.0, 0.0))}"
        raise InvalidValue(
            f"{words} outside the device's table, and sizes are never extrapolated.",
            f"{self.title}: {', '.join(setting_text(n, settings[n]) for n in table.names)}",
            f"{advice}, or use '{CUSTOM}' with your own sizes.",
        )


def read_device(path: Traversable, is_own: bool = False) -> Device:
    """The device of a TOML file; raises `PlannerError` naming what is wrong with it."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        if is_own and table.get("schema") != SCHEMA:
            raise ValueError(f'it does not say schema = "{SCHEMA}"')
        if is_own and not 1 <= int(table["version"]) <= VERSION:
            raise ValueError(f"its format {table['version']} is later than this planner knows")
        return _device(table)
    except PlannerError as error:
        raise PlannerError(
            "A device file is wrong.", f"{path.name}: {error.what} {error.thing}", error.todo or "Correct it."
        ) from error
    except (OSError, KeyError, TypeError, ValueError) as error:
        words = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise PlannerError("A device file is wrong.", f"{path.name}: {words}", "Correct it.") from error


def _device(table: Mapping[str, Any]) -> Device:
    return Device(
        name=str(table["name"]),
        title=str(table["title"]),
        modality=str(table["modality"]),
        length=Constant(**table["length"]),
        diameter_mm=float(table["diameter_mm"]),
        center_offset=Constant(**table["center_offset"]),
        defaults={k: float(v) for k, v in table["defaults"].items()},
        rows=tuple(_row(r) for r in table.get("row", ())),
        lethal_inset_mm=float(table.get("lethal_inset_mm", 0.0)),
        note=str(table.get("note", "")),
        emitter={k: Constant(**v) for k, v in table.get("emitter", {}).items()},
    )


def _row(table: Mapping[str, Any]) -> ZoneRow:
    values = dict(table)
    return ZoneRow(
        settings={k: float(v) for k, v in values.pop("settings").items()},
        long_axis_mm=values.pop("long_axis_mm", None),
        short_axis_mm=values.pop("short_axis_mm", None),
        medium=Medium(values.pop("medium")),
        source=str(values.pop("source")),
        confidence=Confidence(values.pop("confidence")),
        **values,
    )


def _spread(known: Iterable[float | None]) -> float | None:
    return max((v for v in known if v is not None), default=None)


def _span_text(name: str, span: tuple[float, float]) -> str:
    if math.isclose(*span, rel_tol=1e-6):
        return setting_text(name, round(span[0], 1))
    return f"{span[0]:.4g} to {setting_text(name, round(span[1], 1))}"


def _strength(confidence: Confidence) -> int:
    return _WEAKEST_FIRST.index(confidence) if confidence in _WEAKEST_FIRST else len(_WEAKEST_FIRST)


def _check_names(settings: Mapping[str, float], wanted: Mapping[str, Any], title: str) -> None:
    missing = sorted(set(wanted) - set(settings))
    unknown = sorted(set(settings) - set(wanted))
    if missing or unknown:
        words = [f"missing: {', '.join(missing)}"] if missing else []
        words += [f"unknown: {', '.join(unknown)}"] if unknown else []
        raise InvalidValue(
            "The settings do not fit the device.",
            f"{title}; {'; '.join(words)}",
            f"It takes {', '.join(wanted)}.",
        )
