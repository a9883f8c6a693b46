"""The exercises on this machine: those that come with the planner, and one's own in a folder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from planner.base.errors import InvalidValue, PlannerError
from planner.practice.exercise import LEVELS, Exercise
from planner.practice.exercise_file import SUFFIX, read_exercise, write_exercise
from planner.practice.profiles import practice_folder
from planner.practice.shipped import shipped_exercises

_CHECK = "Check who may read and write it."


@dataclass(frozen=True)
class KnownExercises:
    """The exercises one can try, and what is wrong with files of others.

    Parameters
    ----------
    exercises
        The easiest first, then by title.
    troubles
        One for each file that was left out, with its name.
    own
        Ids of those that do not come with the planner.
    """

    exercises: tuple[Exercise, ...]
    troubles: tuple[PlannerError, ...] = ()
    own: frozenset[str] = frozenset()

    @property
    def ids(self) -> frozenset[str]:
        """Ids that are taken."""
        return frozenset(e.id for e in self.exercises)

    def exercise(self, id: str) -> Exercise:
        """The exercise of an id; raises `InvalidValue` where there is none."""
        known = {e.id: e for e in self.exercises}
        if id not in known:
            raise InvalidValue(
                "There is no such exercise.", f"'{id}'", f"Choose one of: {', '.join(known)}; or give a file."
            )
        return known[id]


class ExerciseThere(InvalidValue):
    """Another exercise of one's own has this id already: ask, then replace it.

    Parameters
    ----------
    known, given
        The one that is kept, and the one that should be.
    """

    def __init__(self, known: Exercise, given: Exercise) -> None:
        super().__init__(
            "There is another exercise with this id.",
            f"'{known.title}' ({known.id})",
            "Replace it, or keep the one that is there.",
        )
        self.known, self.given = known, given


class ExerciseFolder:
    """Shipped exercises and those of a folder; ids that differ only in capitals are the same.

    Parameters
    ----------
    folder
        Where one's own lie; beside the profiles by default.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or practice_folder() / "exercises"

    def read(self) -> KnownExercises:
        """All there are now.

        Of two with the same id the shipped one counts, then the first by file name.  A file that is no
        exercise, damaged or of a later version stands in the troubles, and the others count.
        """
        own, troubles = self._read()
        found = (*shipped_exercises(), *own.values())
        ordered = sorted(found, key=lambda e: (LEVELS.index(e.level), e.title.casefold(), e.id))
        return KnownExercises(tuple(ordered), troubles, frozenset(e.id for e in own.values()))

    def is_own(self, id: str) -> bool:
        """Whether an exercise of this id lies in the folder and does not come with the planner."""
        return _of_id(id, self._read()[0]) is not None

    def add(self, path: Path, *, replace: bool = False) -> Exercise:
        """Keep a copy of an exercise file from anywhere; one that is there already stays as it is.

        Parameters
        ----------
        path
            The file.
        replace
            Whether another exercise of one's own with the same id is overwritten.

        Raises
        ------
        InputRefused
            If the file is no exercise, in its words.
        ExerciseThere
            If another exercise of one's own has its id and is not to be replaced.
        PlannerError
            If one that comes with the planner has its id, or the folder cannot be written.
        """
        exercise = read_exercise(path)
        if exercise not in self.read().exercises:
            self.keep(exercise, replace=replace)
        return exercise

    def keep(self, exercise: Exercise, *, replace: bool = False) -> Path:
        """Write an exercise to the folder; returns its file.

        Raises
        ------
        ExerciseThere
            If another exercise of one's own has its id and is not to be replaced.
        PlannerError
            If one that comes with the planner has its id, or the folder cannot be written.
        """
        _check_not_shipped(exercise.id, "Give it another title, and make it anew.")
        there = _of_id(exercise.id, self._read()[0])
        if there is not None and not replace and there[1] != exercise:
            raise ExerciseThere(there[1], exercise)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PlannerError(
                "The folder of exercises cannot be made.", f"{self.folder}: {error.strerror}", _CHECK
            ) from None
        path = there[0] if there is not None else self._free_path(exercise.id)
        write_exercise(exercise, path)
        return path

    def remove(self, id: str) -> None:
        """Remove an exercise of one's own for good, without asking; attempts at it stay.

        Raises
        ------
        InvalidValue
            If there is none of this id, or it comes with the planner.
        PlannerError
            If its file cannot be removed.
        """
        _check_not_shipped(id, "Remove one of your own.")
        there = _of_id(id, self._read()[0])
        if there is None:
            raise InvalidValue("There is no such exercise of your own.", f"'{id}'", "Choose one in the list.")
        try:
            there[0].unlink()
        except OSError as error:
            raise PlannerError(
                "The exercise cannot be removed.", f"{there[0]}: {error.strerror}", _CHECK
            ) from None

    def export(self, exercise: Exercise, path: Path) -> None:
        """Write an exercise to a file that can be handed around; raises `PlannerError` where it cannot be."""
        write_exercise(exercise, path)

    def _read(self) -> tuple[dict[Path, Exercise], tuple[PlannerError, ...]]:
        """One's own by their files in the order of names, and what is wrong with the others."""
        own: dict[Path, Exercise] = {}
        troubles: list[PlannerError] = []
        try:
            paths = sorted(p for p in self.folder.iterdir() if _is_exercise(p))
        except FileNotFoundError:
            return {}, ()
        except OSError as error:
            trouble = PlannerError(
                "The folder of exercises cannot be read.", f"{self.folder}: {error.strerror}", _CHECK
            )
            return {}, (trouble,)
        for path in paths:
            try:
                found = read_exercise(path)
                _check_free(found, shipped_exercises(), "one that comes with the planner", path)
                _check_free(found, own.values(), "another one", path)
            except PlannerError as error:
                troubles.append(error)
            else:
                own[path] = found
        return own, tuple(troubles)

    def _free_path(self, id: str) -> Path:
        """A file that is not there: one that cannot be read may still be of worth to somebody."""
        # Some systems have names that no file can have, such as "con".
        name = f"exercise-{id}" if PureWindowsPath(id).is_reserved() else id
        path, n = self.folder / f"{name}{SUFFIX}", 1
        while path.exists():
            n += 1
            path = self.folder / f"{name}-{n}{SUFFIX}"
        return path


def _is_exercise(path: Path) -> bool:
    return path.name.endswith(SUFFIX) and not path.name.startswith(".")


def _of_id(id: str, own: dict[Path, Exercise]) -> tuple[Path, Exercise] | None:
    found = ((p, e) for p, e in own.items() if e.id.casefold() == id.casefold())
    return next(found, None)


def _check_free(exercise: Exercise, others: Iterable[Exercise], whose: str, path: Path) -> None:
    for other in others:
        if other.id.casefold() == exercise.id.casefold():
            raise InvalidValue(
                f"This exercise has the id of {whose} and is left out.",
                f"{path}: '{exercise.id}', as '{other.title}' has",
                "Remove the file, or give it another id.",
            )


def _check_not_shipped(id: str, todo: str) -> None:
    for shipped in shipped_exercises():
        if shipped.id.casefold() == id.casefold():
            raise InvalidValue(
                "An exercise that comes with the planner is never changed.", f"'{shipped.title}' ({id})", todo
            )
