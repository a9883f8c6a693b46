"""The device library: the devices that come with the planner, and the user's own."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_data_path

from planner.base.errors import InvalidValue, PlannerError

if TYPE_CHECKING:
    from planner.planning.devices import Device


@dataclass(frozen=True)
class DeviceLibrary:
    """Devices by name.

    Parameters
    ----------
    devices
        Needles by name, in the order they are listed.
    own
        Names of those that the user added.
    troubles
        What is wrong with files of own devices; those devices are left out.
    transducers, electrodes
        Of focused ultrasound and of electroporation, by name: no probe can be made of them.
    """

    devices: Mapping[str, Device]
    own: frozenset[str] = frozenset()
    troubles: tuple[PlannerError, ...] = ()
    transducers: Mapping[str, Device] = field(default_factory=dict)
    electrodes: Mapping[str, Device] = field(default_factory=dict)

    @cached_property
    def all(self) -> Mapping[str, Device]:
        """Every device by name, probes first."""
        return {**self.devices, **self.transducers, **self.electrodes}

    def device(self, name: str) -> Device:
        """The device of a name; raises `InvalidValue` where there is none."""
        try:
            return self.all[name]
        except KeyError:
            broken = [t.thing for t in self.troubles if name in t.thing]
            raise InvalidValue(
                "The device is not in the library.",
                "; ".join([name, *broken]),
                f"Choose one of: {', '.join(self.all)}; or add it as your own (My devices).",
            ) from None

    def title_of(self, name: str) -> str:
        """What people call a device; its bare name where the library does not have it."""
        found = self.all.get(name)
        return found.title if found is not None else name

    def with_devices(self, devices: Iterable[Device], troubles: Iterable[PlannerError] = ()) -> DeviceLibrary:
        """A library with own devices added after these.

        Raises
        ------
        InvalidValue
            If a name is taken: nobody's device stands in for another.
        """
        known, own = dict(self.all), set(self.own)
        for device in devices:
            if device.name in known:
                raise InvalidValue(
                    "The library has a device of this name.", device.name, "Give it another name."
                )
            known[device.name] = device
            own.add(device.name)
        return _shelved(known.values(), frozenset(own), (*self.troubles, *troubles))


def _shelved(
    devices: Iterable[Device], own: frozenset[str] = frozenset(), troubles: tuple[PlannerError, ...] = ()
) -> DeviceLibrary:
    """A library of devices, each where it belongs."""

    from planner.planning.devices import ELECTROPORATION, ULTRASOUND  # a case alone needs it

    probes: dict[str, Device] = {}
    transducers: dict[str, Device] = {}
    electrodes: dict[str, Device] = {}
    shelves = {ULTRASOUND: transducers, ELECTROPORATION: electrodes}
    for device in devices:
        shelves.get(device.modality, probes)[device.name] = device
    return DeviceLibrary(probes, own, troubles, transducers, electrodes)


class _Shelf:
    """The library in use, shared by all threads: what was set, else what lies on disk now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set: DeviceLibrary | None = None
        self._read: tuple[object, DeviceLibrary] | None = None

    def set(self, library: DeviceLibrary | None) -> None:
        with self._lock:
            self._set, self._read = library, None

    def library(self) -> DeviceLibrary:
        with self._lock:
            if self._set is not None:
                return self._set
            folder = own_devices_folder()
            seen = (folder, _folder_state(folder))
            if self._read is None or self._read[0] != seen:
                self._read = (seen, _with_own(folder))
            return self._read[1]


_shelf = _Shelf()


def device_library() -> DeviceLibrary:
    """The devices that come with the planner and the user's own, as they lie on disk now.

    Cheap to ask often: files are read again only where the folder of own devices changed, so a
    worker sees a device that was added in the window. Own files that are wrong are left out and
    stand in `DeviceLibrary.troubles`.
    """
    return _shelf.library()


def set_device_library(library: DeviceLibrary) -> None:
    """Use exactly this library in this process from now on."""
    _shelf.set(library)


def reset_device_library() -> None:
    """Use what is on disk again."""
    _shelf.set(None)


@cache
def built_in_library() -> DeviceLibrary:
    """The devices that come with the planner; raises `PlannerError` where a file is wrong."""

    from planner.planning.devices import (  # a case alone needs it
        ELECTROPORATION,
        MODALITIES,
        ULTRASOUND,
        read_device,
    )

    folder = files("planner.resources").joinpath("devices")
    found = [read_device(path) for path in folder.iterdir() if path.name.endswith(".toml")]
    kinds = (*MODALITIES, ULTRASOUND, ELECTROPORATION)
    return _shelved(sorted(found, key=lambda d: (kinds.index(d.modality), d.name)))


def own_devices_folder() -> Path:
    """Where a user's own devices are kept, one file each."""
    return _data_folder(*(os.environ.get(name, "") for name in _FOLDER_WORDS)) / "devices"


#: What says where a user's data lies; asked at each drag, where the library behind it takes half a millisecond.
_FOLDER_WORDS = ("XDG_DATA_HOME", "HOME", "LOCALAPPDATA", "USERPROFILE")


@cache
def _data_folder(*words: str) -> Path:
    return user_data_path("liver-planner", appauthor=False)


def _with_own(folder: Path) -> DeviceLibrary:
    from planner.planning.devices import read_device  # a case alone needs it

    library = built_in_library()
    try:
        paths = sorted(p for p in folder.iterdir() if p.suffix == ".toml" and not p.name.startswith("."))
    except OSError:
        return library  # nobody has added a device yet
    for path in paths:
        try:
            library = library.with_devices([read_device(path, is_own=True)])
        except PlannerError as error:
            named = error if path.name in error.thing else _named(path, error)
            library = library.with_devices([], [named])
    return library


def _named(path: Path, error: PlannerError) -> PlannerError:
    return PlannerError(error.what, f"{path.name}: {error.thing}", error.todo)


def _folder_state(folder: Path) -> tuple[tuple[str, int, int, int], ...]:
    """What tells that a file was added, changed or removed."""
    try:
        found = [(p.name, p.stat()) for p in folder.iterdir() if p.suffix == ".toml"]
    except OSError:
        return ()
    return tuple(sorted((n, s.st_ino, s.st_mtime_ns, s.st_size) for n, s in found))
