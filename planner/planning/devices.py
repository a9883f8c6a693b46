"""The device library: ablation devices and the zones that were measured with them."""

from __future__ import annotations

import itertools
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from planner.base.errors import InvalidValue, PlannerError
from planner.model.assessment import Confidence
from planner.planning.constants import Constant

CUSTOM = "custom-ellipsoid"


class Medium(StrEnum):
    """What a zone was measured in, the most telling first."""

    CLINICAL = "clinical"
    IN_VIVO = "in vivo"
    EX_VIVO = "ex vivo"
    PHANTOM = "phantom"


#: Media whose rows are used only where the user opts in.
OPT_IN_MEDIA = (Medium.EX_VIVO, Medium.PHANTOM)

_WEAKEST_FIRST = (Confidence.UNVERIFIED, Confidence.OUR_RULE, Confidence.ESTABLISHED)


@dataclass(frozen=True)
class ZoneRow:
    """One published zone of a device.

    Parameters
    ----------
    settings
        What it was made with, such as ``power_w`` and ``time_s``.
    long_axis_mm, short_axis_mm
        Size along and across the shaft; None where not published: then the row is reference only.
    long_sd_mm, short_sd_mm
        Published standard deviations, where known.
    medium, source, confidence, note
        What it was measured in, where it stands, how sure we are, and words of caution.
    """

    settings: Mapping[str, float]
    long_axis_mm: float | None
    short_axis_mm: float | None
    medium: Medium
    source: str
    confidence: Confidence
    long_sd_mm: float | None = None
    short_sd_mm: float | None = None
    note: str = ""

    @property
    def is_reference_only(self) -> bool:
        """Whether it lacks an axis and so cannot be drawn."""
        return self.long_axis_mm is None or self.short_axis_mm is None


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
    """

    long_axis_mm: float
    short_axis_mm: float
    center_offset: Constant
    medium: str
    source: str
    confidence: Confidence
    long_sd_mm: float | None = None
    short_sd_mm: float | None = None


@dataclass(frozen=True)
class Device:
    """A straight ablation device.

    Parameters
    ----------
    name, title, modality
        Name in plans, name for people, and kind of energy.
    length
        Longest path from skin to tip.
    diameter_mm
        Of the shaft.
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

    @property
    def is_custom(self) -> bool:
        """Whether the user gives the zone's size."""
        return self.name == CUSTOM

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

    def setting_range(self, name: str, allow_ex_vivo: bool = False) -> tuple[float, float] | None:
        """Smallest and largest tabulated value of a setting, or None where it has no table."""
        values = [r.settings[name] for r in self.usable_rows(allow_ex_vivo) if name in r.settings]
        return (min(values), max(values)) if values else None

    def zone(self, settings: Mapping[str, float], allow_ex_vivo: bool = False) -> DeviceZone:
        """The zone these settings are expected to make.

        Between rows the axes follow a power law of the energy (power times time), as fitted
        between the two neighbouring rows; outside the table there is no answer.

        Raises
        ------
        InvalidValue
            If a setting is missing, unknown or outside the table, or there is no usable row.
        """
        if self.is_custom:
            return self._custom_zone(settings)
        rows = self.usable_rows(allow_ex_vivo)
        if not rows:
            reason = "Only ex vivo or incomplete sizes are published for this device."
            raise InvalidValue(
                reason,
                self.title,
                f"Allow ex vivo rows in the settings, or use '{CUSTOM}' with your own sizes.",
            )
        self._check_settings(settings, rows)
        low, high, share = _bracket(rows, settings)
        long_axis = _between(low.long_axis_mm, high.long_axis_mm, share)
        short_axis = _between(low.short_axis_mm, high.short_axis_mm, share)
        inset = 2.0 * self.lethal_inset_mm
        if min(long_axis, short_axis) - inset <= 0:
            raise InvalidValue("The lethal part of this zone is empty.", f"{self.title}, {dict(settings)}")
        weakest = min((low.confidence, high.confidence), key=_strength)
        sources = dict.fromkeys((low.source, high.source))
        return DeviceZone(
            long_axis - inset,
            short_axis - inset,
            self.center_offset,
            low.medium.value,
            "; ".join(sources),
            weakest,
            _spread(low.long_sd_mm, high.long_sd_mm),
            _spread(low.short_sd_mm, high.short_sd_mm),
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

    def _check_settings(self, settings: Mapping[str, float], rows: tuple[ZoneRow, ...]) -> None:
        _check_names(settings, rows[0].settings, self.title)
        for name in rows[0].settings:
            values = [r.settings[name] for r in rows]
            low, high = min(values), max(values)
            if not low - 1e-9 <= settings[name] <= high + 1e-9:
                span = f"{low:g}" if low == high else f"{low:g} to {high:g}"
                raise InvalidValue(
                    "This setting lies outside the device's table, and sizes are never extrapolated.",
                    f"{self.title}: {name} = {settings[name]:g}",
                    f"Choose {span}, or use '{CUSTOM}' with your own sizes.",
                )


@dataclass(frozen=True)
class DeviceLibrary:
    """Devices by name."""

    devices: Mapping[str, Device]

    def device(self, name: str) -> Device:
        """The device of a name; raises `InvalidValue` where there is none."""
        try:
            return self.devices[name]
        except KeyError:
            raise InvalidValue(
                "The device is not in the library.", name, f"Choose one of: {', '.join(self.devices)}."
            ) from None


@cache
def device_library() -> DeviceLibrary:
    """The devices that come with the planner; raises `PlannerError` where a file is wrong."""
    folder = files("planner.resources").joinpath("devices")
    found = [read_device(path) for path in folder.iterdir() if path.name.endswith(".toml")]
    order = {"microwave": 0, "radiofrequency": 1, "cryo": 2, "laser": 3, "custom": 4}
    found.sort(key=lambda d: (order.get(d.modality, 9), d.name))
    return DeviceLibrary({d.name: d for d in found})


def read_device(path: Traversable) -> Device:
    """The device of a TOML file; raises `PlannerError` naming what is wrong with it."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        return Device(
            name=table["name"],
            title=table["title"],
            modality=table["modality"],
            length=Constant(**table["length"]),
            diameter_mm=float(table["diameter_mm"]),
            center_offset=Constant(**table["center_offset"]),
            defaults={k: float(v) for k, v in table["defaults"].items()},
            rows=tuple(_row(r) for r in table.get("row", ())),
            lethal_inset_mm=float(table.get("lethal_inset_mm", 0.0)),
            note=table.get("note", ""),
        )
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise PlannerError("A device file is wrong.", f"{path.name}: {error}", "Correct it.") from error


def _row(table: Mapping[str, Any]) -> ZoneRow:
    return ZoneRow(
        {k: float(v) for k, v in table["settings"].items()},
        table.get("long_axis_mm"),
        table.get("short_axis_mm"),
        Medium(table["medium"]),
        table["source"],
        Confidence(table["confidence"]),
        table.get("long_sd_mm"),
        table.get("short_sd_mm"),
        table.get("note", ""),
    )


def _bracket(rows: tuple[ZoneRow, ...], settings: Mapping[str, float]) -> tuple[ZoneRow, ZoneRow, float]:
    """The two rows around these settings, and the share of the way in the logarithm of energy."""
    ordered = sorted(rows, key=lambda r: _energy(r.settings))
    energy = _energy(settings)
    if energy <= _energy(ordered[0].settings):
        return ordered[0], ordered[0], 0.0
    for low, high in itertools.pairwise(ordered):
        first, last = _energy(low.settings), _energy(high.settings)
        if first <= energy <= last and last > first:
            return low, high, math.log(energy / first) / math.log(last / first)
    return ordered[-1], ordered[-1], 0.0


def _energy(settings: Mapping[str, float]) -> float:
    return math.prod(settings.values())


def _between(low: float | None, high: float | None, share: float) -> float:
    assert low is not None
    assert high is not None
    return float(low ** (1 - share) * high**share)


def _spread(low: float | None, high: float | None) -> float | None:
    known = [v for v in (low, high) if v is not None]
    return max(known) if known else None


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
