"""Profiles of practice on this machine: names of one's choice, and a file of attempts each."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from pathlib import Path

from platformdirs import user_data_path

from planner.base.errors import InvalidValue, PlannerError
from planner.io.writing import write_atomically
from planner.practice.attempt_file import (
    AttemptFile,
    AttemptNotKept,
    append_attempt,
    read_attempts,
    write_attempts,
)
from planner.practice.attempts import Attempt

SUFFIX = ".jsonl"
#: A name in letters of four bytes is still a file's name.
LONGEST_NAME = 40
#: A form says so: a name that is a patient's cannot be told from others.
NAME_HINT = "A name of your choice. No patient's name, number or date of birth: it stands in every export."
_SEPARATORS = "/\\:"
#: No file of some systems is called so, or holds one of these.
_FORBIDDEN = '*?"<>|'
_RESERVED = ("con", "prn", "aux", "nul", *(f"{w}{n}" for w in ("com", "lpt") for n in range(1, 10)))


def practice_folder() -> Path:
    """Where profiles are kept unless another folder is given."""
    return user_data_path("liver-planner", appauthor=False) / "practice"


class Profiles:
    """The profiles of a folder.

    Parameters
    ----------
    folder
        Where their files lie; in the user's data folder by default.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or practice_folder()

    def names(self) -> tuple[str, ...]:
        """In the order of the alphabet; none where nobody has made one.

        Raises
        ------
        PlannerError
            If the folder cannot be read.
        """
        try:
            found = [unicodedata.normalize("NFC", p.stem) for p in self.folder.iterdir() if _is_profile(p)]
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise PlannerError(
                "The folder of profiles cannot be read.",
                f"{self.folder}: {error.strerror}",
                "Check who may read it.",
            ) from None
        return tuple(sorted(found, key=lambda n: (n.casefold(), n)))

    def create(self, name: str) -> str:
        """Make a profile; returns its name as it is kept, without blanks around it.

        Raises
        ------
        InvalidValue
            If no profile can be called so, or one is.
        PlannerError
            If it cannot be written.
        """
        name = profile_name(name)
        self._check_free(name)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PlannerError(
                "The folder of profiles cannot be made.",
                f"{self.folder}: {error.strerror}",
                "Check who may write to it.",
            ) from None
        write_atomically(self._path(name), b"")
        return name

    def rename(self, old: str, new: str) -> str:
        """Call a profile otherwise; returns the name as it is kept. Its attempts come along.

        Raises
        ------
        InvalidValue
            If there is no such profile, or none can be called so, or another one is.
        PlannerError
            If the file cannot be renamed.
        """
        path, new = self._there(old), profile_name(new)
        if new.casefold() != old.casefold():
            self._check_free(new)
        try:
            path.rename(self._path(new))
        except OSError as error:
            raise _unchanged("renamed", path, error) from None
        return new

    def delete(self, name: str) -> None:
        """Remove a profile and all its attempts for good, without asking.

        Raises
        ------
        InvalidValue
            If there is no such profile.
        PlannerError
            If the file cannot be removed.
        """
        path = self._there(name)
        try:
            path.unlink()
        except OSError as error:
            raise _unchanged("removed", path, error) from None

    def attempts(self, name: str) -> AttemptFile:
        """The attempts of a profile under its name of today, and what is wrong with lines of its file.

        Raises
        ------
        InvalidValue
            If there is no such profile.
        InputRefused
            If its file cannot be read.
        """
        found = read_attempts(self._there(name))
        return replace(found, attempts=tuple(replace(a, profile=name) for a in found.attempts))

    def holds(self, name: str, exercise: str, started: str, seed: int) -> bool:
        """Whether an attempt of a profile is kept already, as where the program ended right after that.

        Raises
        ------
        InputRefused
            If the profile's file cannot be read.
        """
        kept = self.attempts(name).attempts if name in self.names() else ()
        return any((a.exercise, a.started, a.seed) == (exercise, started, seed) for a in kept)

    def add(self, name: str, attempt: Attempt) -> None:
        """Keep an attempt at the end of a profile's file, on the disk when this returns.

        Raises
        ------
        AttemptNotKept
            If there is no such profile, or it cannot be written to; the attempt is in the error.
        """
        attempt = replace(attempt, profile=name)
        try:
            path = self._there(name)
        except PlannerError as error:
            raise AttemptNotKept(attempt, f"{error.what} {error.thing}") from None
        append_attempt(path, attempt)

    def export_file(self, name: str, path: Path) -> int:
        """Write a profile's attempts to a file for a teacher; returns how many.

        Raises
        ------
        InvalidValue
            If there is no such profile, or it has no attempt yet.
        PlannerError
            If the file cannot be written, or the profile's not be read.
        """
        attempts = self.attempts(name).attempts
        if not attempts:
            raise InvalidValue(
                "This profile has no attempt to export.", f"'{name}'", "Try an exercise first."
            )
        write_attempts(path, attempts)
        return len(attempts)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}{SUFFIX}"

    def _there(self, name: str) -> Path:
        """The file of a profile that is there; systems differ in how they write letters with accents."""
        if name in self.names():
            for path in self.folder.iterdir():
                if path.suffix == SUFFIX and unicodedata.normalize("NFC", path.stem) == name:
                    return path
        raise InvalidValue("There is no such profile.", f"'{name}'", "Choose one that is there, or make it.")

    def _check_free(self, name: str) -> None:
        if name.casefold() in [n.casefold() for n in self.names()]:
            raise InvalidValue("There is a profile of this name.", f"'{name}'", "Choose another name.")


def profile_name(text: str) -> str:
    """A name as it is kept: composed letters, no blanks around it.

    Raises
    ------
    InvalidValue
        If it is empty, too long, begins with a dot or ends with one, or holds a character that no file has.
    """
    name = unicodedata.normalize("NFC", text).strip()
    todo = f"Choose a name of 1 to {LONGEST_NAME} letters."
    if not name:
        raise InvalidValue("A profile needs a name.", "it is empty", todo)
    if len(name) > LONGEST_NAME:
        raise InvalidValue("The name of a profile is too long.", f"{len(name)} letters", todo)
    wrong = [c for c in name if c in _SEPARATORS + _FORBIDDEN or unicodedata.category(c) in ("Cc", "Cs")]
    if wrong:
        words = " ".join(repr(c) for c in dict.fromkeys(wrong))
        raise InvalidValue("The name of a profile holds a character that no file has.", words, todo)
    if name[0] == "." or name[-1] == "." or name.split(".")[0].strip().casefold() in _RESERVED:
        raise InvalidValue("No file can be called so.", f"'{name}'", todo)
    return name


def _is_profile(path: Path) -> bool:
    """Whether a file of the folder is one a profile was made with."""
    try:
        named = profile_name(path.stem)
    except InvalidValue:
        return False
    return path.suffix == SUFFIX and named == unicodedata.normalize("NFC", path.stem)


def _unchanged(word: str, path: Path, error: OSError) -> PlannerError:
    return PlannerError(
        f"The profile cannot be {word}.", f"{path}: {error.strerror}", "Check who may write to its folder."
    )
