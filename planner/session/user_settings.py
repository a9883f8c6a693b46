"""What a user has set once and for all: the look, each module's settings, who practises; a versioned file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
from platformdirs import user_config_path

from planner.base.errors import PlannerError
from planner.io.writing import write_atomically
from planner.model.assessment import SettingValue

SCHEMA = "liver-planner/settings"
VERSION = 1
FILE_NAME = "settings.json"
THEMES = ("dark", "light")

ModuleValues = Mapping[str, SettingValue]


@dataclass(frozen=True)
class UserSettings:
    """Values that differ from the defaults.

    Parameters
    ----------
    theme
        One of `THEMES`.
    modules
        By module, the settings that differ from its defaults.
    practice_profile
        Name of the profile of practice that was chosen last; empty where none was.
    """

    theme: str = "dark"
    modules: Mapping[str, ModuleValues] = field(default_factory=dict)
    practice_profile: str = ""

    def with_practice_profile(self, name: str) -> UserSettings:
        """A copy with another profile of practice chosen."""
        return replace(self, practice_profile=name)

    def with_module(self, module: str, values: ModuleValues) -> UserSettings:
        """A copy with a module's values replaced; without any it is at its defaults."""
        kept = {name: dict(held) for name, held in self.modules.items() if name != module}
        if values:
            kept[module] = dict(values)
        return replace(self, modules=kept)


class _Record(msgspec.Struct):
    schema: str
    version: int
    theme: str = "dark"
    modules: dict[str, dict[str, bool | int | float | str]] = {}
    practice_profile: str = ""


class SettingsFile:
    """The settings on disk.

    Parameters
    ----------
    folder
        Where the file lies; the user's configuration folder by default.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.path = (folder or user_config_path("liver-planner", appauthor=False)) / FILE_NAME
        self._is_unreadable = False

    def read(self) -> UserSettings:
        """The settings, or the defaults where there is no file yet.

        Raises
        ------
        PlannerError
            If the file is damaged or of a later version; it stays as it is.
        """
        try:
            record = msgspec.json.decode(self.path.read_bytes(), type=_Record)
        except (FileNotFoundError, NotADirectoryError):
            return UserSettings()
        except (OSError, msgspec.MsgspecError) as error:
            raise self._unreadable(str(error)) from None
        if record.schema != SCHEMA or record.version > VERSION or record.theme not in THEMES:
            raise self._unreadable(f"{record.schema}, version {record.version}, theme {record.theme}")
        return UserSettings(record.theme, record.modules, record.practice_profile)

    def write(self, settings: UserSettings) -> None:
        """Keep the settings; a file that could not be read is kept beside under another name.

        Raises
        ------
        PlannerError
            If they cannot be written.
        """
        document: dict[str, Any] = {
            "schema": SCHEMA,
            "version": VERSION,
            "theme": settings.theme,
            "modules": {name: dict(values) for name, values in settings.modules.items()},
            "practice_profile": settings.practice_profile,
        }
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self._is_unreadable and self.path.exists():
                self.path.replace(self.path.with_suffix(".unreadable.json"))
            self._is_unreadable = False
        except OSError as error:
            raise PlannerError(
                "The settings cannot be kept.", f"{self.path}: {error.strerror}", "They hold until you quit."
            ) from None
        write_atomically(self.path, (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode())

    def _unreadable(self, reason: str) -> PlannerError:
        self._is_unreadable = True
        return PlannerError(
            "The settings file cannot be read, so the defaults are used.",
            f"{self.path}: {reason}",
            "It stays as it is until you change a setting; a copy of it is then kept beside it.",
        )
