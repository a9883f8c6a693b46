"""What of a device gives off energy: how long, where along the shaft, how many, how strong."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from planner.base.errors import InvalidValue
from planner.model.assessment import Confidence
from planner.model.geometry import FloatArray, unit_vector
from planner.model.plan import Applicator
from planner.planning.constants import Constant
from planner.planning.devices import Device

_OURS = Confidence.OUR_RULE


def _constants(**values: tuple[float, str]) -> dict[str, Constant]:
    return {
        k: Constant(v, unit, "default of its kind, no published value", _OURS)
        for k, (v, unit) in values.items()
    }


#: What a device's file does not say, by modality.
DEFAULTS: Mapping[str, Mapping[str, Constant]] = {
    "microwave": _constants(
        active_length=(25.0, "mm"), tip_gap=(2.0, "mm"), efficiency=(0.7, "1"), frequency=(2450.0, "MHz"),
        cooled=(1.0, "1"),
    ),
    "radiofrequency": _constants(
        active_length=(30.0, "mm"), tip_gap=(0.0, "mm"), electrodes=(1.0, "1"), electrode_spacing=(5.0, "mm"),
        tines=(0.0, "1"), tine_length=(22.0, "mm"), tine_diameter=(0.5, "mm"), array_diameter=(40.0, "mm"),
        frequency=(480.0, "kHz"), cooled=(0.0, "1"), coolant=(15.0, "degC"), max_power=(200.0, "W"),
        max_current=(2.0, "A"), target_temperature=(100.0, "degC"),
    ),
    "laser": _constants(
        active_length=(20.0, "mm"), tip_gap=(0.0, "mm"), diffusers=(1.0, "1"), diffuser_spacing=(20.0, "mm"),
        wavelength=(1064.0, "nm"), efficiency=(1.0, "1"), cooled=(0.0, "1"),
    ),
    "cryo": _constants(active_length=(35.0, "mm"), tip_gap=(0.0, "mm"), probe_temperature=(-140.0, "degC")),
}  # fmt: skip


@dataclass(frozen=True)
class Emitter:
    """The part of a device that heats or freezes.

    Parameters
    ----------
    modality
        Kind of energy.
    radius_mm
        Of the shaft.
    values
        By name: ``active_length``, ``tip_gap`` (from the tip to where the active part begins) and
        what its kind of energy needs; each with unit, source and confidence.

    Raises
    ------
    InvalidValue
        If a length is not positive or a count not whole.
    """

    modality: str
    radius_mm: float
    values: Mapping[str, Constant]

    def __post_init__(self) -> None:
        for name, least in (("active_length", 0.1), ("tip_gap", -50.0), ("efficiency", 1e-3)):
            if name in self.values and not least <= self.values[name].value < math.inf:
                raise InvalidValue(
                    "What a device gives off must be positive.",
                    f"{self.modality}: {name} {self.values[name].value:g}",
                    "Correct the device's file.",
                )
        for name in ("electrodes", "tines", "diffusers"):
            if name in self.values and self.values[name].value not in range(0 if name == "tines" else 1, 21):
                raise InvalidValue(
                    "A device has a whole number of needles, tines or diffusers.",
                    f"{self.modality}: {name} {self.values[name].value:g}",
                    "Correct the device's file.",
                )

    def number(self, name: str) -> float:
        """The value of a name."""
        return self.values[name].value

    @property
    def unverified(self) -> tuple[str, ...]:
        """Names of values that no publication stands behind."""
        return tuple(n for n, c in self.values.items() if c.label)

    def active_segments(self, needle: Applicator) -> FloatArray:
        """Both ends of each active part in LPS mm, near the tip first, shape (n, 2, 3).

        One for each electrode of a cluster, each tine and the trocar's bare end, each diffuser.
        """
        along = needle.direction
        tip = np.array(needle.tip_lps_mm)
        near, length = self.number("tip_gap"), self.number("active_length")
        own = np.stack([tip - near * along, tip - (near + length) * along])
        if self._count("tines"):
            return np.concatenate([own[None], self._tines(tip, along)])
        return own[None] + self.shaft_offsets_mm(needle)[:, None, :]

    def shaft_offsets_mm(self, needle: Applicator) -> FloatArray:
        """How far each needle of a set lies from the middle line, in LPS; shape (n, 3), zero for one needle."""
        count, spacing = self._count("electrodes"), "electrode_spacing"
        if self.modality == "laser":
            count, spacing = self._count("diffusers"), "diffuser_spacing"
        if self._count("tines") or count <= 1:
            return np.zeros((1, 3))
        return _ring(count, self.number(spacing), needle.direction)

    def _tines(self, tip: FloatArray, along: FloatArray) -> FloatArray:
        """Tines as straight wires spread evenly from the trocar's tip; bare from a third on."""
        length, across = self.number("tine_length"), 0.5 * self.number("array_diameter")
        forward = math.sqrt(max(length**2 - across**2, 0.0))
        ring = _ring_directions(self._count("tines"), along)
        ends = tip + forward * along + across * ring
        starts = tip + (ends - tip) / 3.0
        return np.stack([ends, starts], axis=1)

    def _count(self, name: str) -> int:
        return int(self.values[name].value) if name in self.values else 0


def emitter_of(device: Device) -> Emitter:
    """What of a device gives off energy; what its file leaves out is taken from others of its kind.

    Raises
    ------
    InvalidValue
        If nothing is known of its kind of energy, as with a zone known by size alone.
    """
    if device.modality not in DEFAULTS:
        raise InvalidValue(
            "What this device gives off is not known, so its zone cannot be simulated.",
            device.title,
            "Choose a microwave, radiofrequency, laser or cryo device.",
        )
    return Emitter(device.modality, 0.5 * device.diameter_mm, {**DEFAULTS[device.modality], **device.emitter})


def shafts_of(needle: Applicator, device: Device) -> tuple[Applicator, ...]:
    """The needles of a device that is a set, parallel to its middle line; the needle itself where it is one.

    Which of them is named first has no meaning: they stand evenly around the middle line, and may be
    turned about it.
    """
    if device.modality not in DEFAULTS or not device.is_probe:
        return (needle,)
    places = emitter_of(device).shaft_offsets_mm(needle)
    if len(places) == 1:
        return (needle,)
    entry, tip = np.array(needle.entry_lps_mm), np.array(needle.tip_lps_mm)
    return tuple(
        replace(
            needle,
            id=f"{needle.id}.{n + 1}",
            entry_lps_mm=tuple((entry + place).tolist()),
            tip_lps_mm=tuple((tip + place).tolist()),
        )
        for n, place in enumerate(places)
    )


def _ring(count: int, spacing_mm: float, along: FloatArray) -> FloatArray:
    """Places across an axis on a regular ring whose neighbours are so far apart; two on a line."""
    radius = 0.5 * spacing_mm / math.sin(math.pi / count)
    return radius * _ring_directions(count, along)


def _ring_directions(count: int, along: FloatArray) -> FloatArray:
    """Unit vectors across an axis, evenly around it, shape (count, 3)."""
    first = unit_vector(np.cross(along, np.eye(3)[int(np.abs(along).argmin())]))
    second = np.cross(along, first)
    turn = 2.0 * np.pi * np.arange(count) / count
    return np.cos(turn)[:, None] * first + np.sin(turn)[:, None] * second
