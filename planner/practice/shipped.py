"""The exercises that come with the planner, all on the built-in sample."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.model.case import Case
from planner.practice.exercise import LEVELS, Exercise
from planner.practice.exercise_file import SUFFIX, decode_exercise, write_exercise


@cache
def shipped_exercises() -> tuple[Exercise, ...]:
    """The exercises that come with the planner, the easiest first; no case is needed.

    Raises
    ------
    InputRefused
        If a file is damaged.
    """
    folder = files("planner.resources").joinpath("practice", "exercises")
    found = [
        decode_exercise(path.read_bytes(), path.name)
        for path in folder.iterdir()
        if path.name.endswith(SUFFIX)
    ]
    return tuple(sorted(found, key=lambda e: (LEVELS.index(e.level), e.id)))


def shipped_exercise(id: str) -> Exercise:
    """The shipped exercise of an id; raises `InvalidValue` where there is none."""
    known = {e.id: e for e in shipped_exercises()}
    if id not in known:
        raise InvalidValue(
            "There is no such exercise.", f"'{id}'", f"Choose one of: {', '.join(known)}; or give a file."
        )
    return known[id]


def remake(sample: Case, folder: Path, task: Task) -> tuple[Path, ...]:
    """Write the shipped exercises anew for the sample as it is made now, each with a new reference.

    Needed where the sample, the devices, a module or the score changed; their texts stay.

    Parameters
    ----------
    sample
        The built-in sample.
    folder
        Where the files go, such as ``resources/practice/exercises``.
    task
        Progress and cancel; several minutes.
    """
    from planner.practice.planners_best import with_own_reference  # reading exercises plans nothing

    written = []
    exercises = shipped_exercises()
    for n, exercise in enumerate(exercises):
        made = with_own_reference(sample, exercise, task.part(n / len(exercises), (n + 1) / len(exercises)))
        written.append(folder / f"{exercise.id}{SUFFIX}")
        write_exercise(made, written[-1])
    return tuple(written)
