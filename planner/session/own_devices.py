"""The user's own devices: kept in files, part of the library as soon as they are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from psygnal import Signal

from planner.base.errors import InvalidValue, PlannerError
from planner.io.device_files import device_path, name_from_title, read_zone_csv, write_device
from planner.model.assessment import Confidence
from planner.planning.constants import Constant
from planner.planning.device_library import built_in_library, device_library, own_devices_folder
from planner.planning.devices import MODALITIES, Device, Medium, ZoneRow
from planner.planning.emitters import DEFAULTS

ENTERED = "entered by the user"


class OwnDevices:
    """Adds, changes and removes devices of one's own in the user's data folder.

    The library follows the folder, in this process and in workers; `changed` tells views to look again.
    """

    changed = Signal()

    @property
    def folder(self) -> Path:
        """Where they are kept."""
        return own_devices_folder()

    @property
    def devices(self) -> tuple[Device, ...]:
        """The own devices that can be used."""
        library = device_library()
        return tuple(d for name, d in library.devices.items() if name in library.own)

    @property
    def troubles(self) -> tuple[PlannerError, ...]:
        """What is wrong with files of others."""
        return device_library().troubles

    def keep(self, device: Device, instead_of: str = "") -> None:
        """Keep a device, new or changed.

        Parameters
        ----------
        device
            What to keep.
        instead_of
            The name it had, where it is a changed one.

        Raises
        ------
        PlannerError
            If its name is that of another device, or it cannot be written; nothing changes then.
        """
        taken = device.name in built_in_library().devices
        if taken or (device.name != instead_of and device_path(self.folder, device.name).exists()):
            raise InvalidValue(
                "The library has a device of this name.", device.name, "Give it another title."
            )
        write_device(device, self.folder)
        if instead_of and instead_of != device.name:
            self._put_away(instead_of)
        self.changed.emit()

    def remove(self, name: str) -> None:
        """Take a device out of the library; its file stays beside under another name.

        Raises
        ------
        PlannerError
            If there is none of this name, or its file cannot be renamed.
        """
        self._put_away(name)
        self.changed.emit()

    def take_back(self, name: str) -> None:
        """Put a removed device back; raises `PlannerError` where that cannot be."""
        path = device_path(self.folder, name)
        if path.exists():
            raise InvalidValue("The library has a device of this name.", name, "Remove that one first.")
        _rename(_removed(path), path)
        self.changed.emit()

    def import_csv(self, path: Path, device: Device) -> Device:
        """Keep a device with the rows of a CSV table; returns it.

        Raises
        ------
        PlannerError
            With line and column of what is wrong; nothing changes then.
        """
        made = with_rows(device, read_zone_csv(path))
        self.keep(made)
        return made

    def _put_away(self, name: str) -> None:
        path = device_path(self.folder, name)
        _rename(path, _removed(path))


def new_device(
    title: str,
    modality: str,
    rows: Sequence[ZoneRow] = (),
    *,
    name: str = "",
    length_mm: float = 150.0,
    diameter_mm: float = 1.8,
    center_offset_mm: float | None = None,
) -> Device:
    """A device as a form describes it.

    Parameters
    ----------
    title, modality
        What people call it, and its kind of energy.
    rows
        Its zones, at least one.
    name
        In plans; made of the title where left out.
    length_mm, diameter_mm
        Of the shaft.
    center_offset_mm
        Distance of the zone's centre behind the tip; the mean of the rows' where left out, and 0
        where no row gives one.

    Raises
    ------
    InvalidValue
        If it has no title or no row, or a number is impossible.
    """
    if modality not in DEFAULTS:
        kinds = ", ".join(m for m in MODALITIES if m in DEFAULTS)
        raise InvalidValue("This kind of energy is not known.", modality, f"Choose one of: {kinds}.")
    name = name or name_from_title(title)
    if not title.strip() or not name:
        raise InvalidValue("A device needs a title.", title, "Type one with letters or digits.")
    if not rows:
        raise InvalidValue(
            "A device needs a row: settings and the size of their zone.",
            title,
            "Add one from its instructions.",
        )
    offsets = [r.center_offset_mm for r in rows if r.center_offset_mm is not None]
    if center_offset_mm is None:
        center_offset_mm = sum(offsets) / len(offsets) if offsets else 0.0
    return Device(
        name=name,
        title=title.strip(),
        modality=modality,
        length=_entered(length_mm),
        diameter_mm=diameter_mm,
        center_offset=_entered(center_offset_mm),
        defaults=_first_settings(rows),
        rows=tuple(rows),
        note="Your own device.",
    )


def with_rows(device: Device, rows: Sequence[ZoneRow]) -> Device:
    """A device with other rows, at least one.

    Raises
    ------
    InvalidValue
        If rows of one medium disagree in their settings.
    """
    return replace(device, rows=tuple(rows), defaults=_first_settings(rows))


def _first_settings(rows: Sequence[ZoneRow]) -> dict[str, float]:
    """What a new probe starts with: the first row of the medium that is drawn."""
    media = list(Medium)
    return dict(min(rows, key=lambda r: media.index(r.medium)).settings)


def _entered(value_mm: float) -> Constant:
    return Constant(value_mm, "mm", ENTERED, Confidence.ESTABLISHED)


def _removed(path: Path) -> Path:
    return path.with_suffix(".toml.removed")


def _rename(path: Path, new: Path) -> None:
    try:
        path.replace(new)
    except OSError as error:
        raise PlannerError(
            "The device's file cannot be renamed.", f"{path.name}: {error.strerror}", "Check the folder."
        ) from None
