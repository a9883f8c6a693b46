"""What ``liver-planner practice`` says: the exercises there are, and what a plan scores in one."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from planner.base.errors import PlannerError
from planner.base.task import Task
from planner.io.plan_file import read_plan
from planner.library.case_folder import create_case_folder, is_case_folder, open_case_folder
from planner.model.assessment import Severity
from planner.model.case import Case
from planner.practice.exercise import Exercise
from planner.practice.exercise_file import read_exercise
from planner.practice.exercise_folder import ExerciseFolder
from planner.practice.measuring import score_plan
from planner.practice.scoring import is_hazard

#: A document for machines, and the same in lines for people.
Told = tuple[dict[str, Any], list[str]]


def told_exercises() -> Told:
    """The exercises that come with the planner and one's own, and what is wrong with files of others."""
    known = ExerciseFolder().read()
    rows = [
        {
            "id": e.id,
            "title": e.title,
            "level": e.level,
            "skills": list(e.skills),
            "task": e.task,
            "module": e.module,
            "lesion": e.lesion,
            "devices": list(e.devices),
            "most_instruments": e.most_instruments,
            "margin_mm": e.margin_mm,
            "limit_s": e.conditions.limit_s,
            "case": {"id": e.case.id, "title": e.case.title, "is_sample": e.case.is_sample},
            "references": [r.title for r in e.references],
            "is_own": e.id in known.own,
        }
        for e in known.exercises
    ]
    troubles = [{"what": t.what, "thing": t.thing, "todo": t.todo} for t in known.troubles]
    lines = [
        line
        for e in known.exercises
        for line in (
            f"{e.id} ({e.level}{', your own' if e.id in known.own else ''}): {e.title}",
            f"  {e.task}",
        )
    ]
    lines += [f"Left out: {t.what} {t.thing} {t.todo}" for t in known.troubles]
    return {"exercises": rows, "troubles": troubles}, lines


def told_score(
    exercise: str,
    plan: Path,
    case: Path | None,
    task: Task,
    repositionings: int = 0,
    seconds: float | None = None,
) -> Told:
    """What a plan scores in an exercise.

    Parameters
    ----------
    exercise
        Id of an exercise that comes with the planner or of one's own, or an exercise file.
    plan
        A plan file.
    case
        Its case folder; left out for an exercise on the built-in sample, which is made where it is not there.
    task
        Progress and cancel.
    repositionings, seconds
        Of the attempt, as in `score_plan`.

    Raises
    ------
    PlannerError
        If a file is refused, a case is needed or wrong, or the plan does not keep to the exercise.
    """
    is_file = _is_file(exercise)
    chosen = read_exercise(Path(exercise)) if is_file else ExerciseFolder().read().exercise(exercise)
    placed = read_plan(plan)
    opened, folder, made = _case_of(chosen, case, task.part(0.0, 0.7))
    scored = score_plan(
        chosen, opened, placed, task.part(0.7, 1.0), repositionings=repositionings, seconds=seconds
    )
    found = scored.score
    hazards = [
        f
        for f in scored.answer.findings
        if f.severity == Severity.STOP or (f.severity == Severity.WARNING and is_hazard(f.rule))
    ]
    document = {
        "exercise": {"id": chosen.id, "title": chosen.title},
        "plan": {"file": str(plan), "name": placed.name},
        "case": {"folder": str(folder), "is_made_now": made},
        "reference": chosen.reference.title,
        "module": {"id": scored.answer.module, "version": scored.answer.module_version},
        "scoring_version": found.version,
        "points": found.points,
        "pass_points": found.pass_points,
        "is_passed": found.is_passed,
        "capped_by": list(found.capped_by),
        "parts": [asdict(p) for p in found.parts],
        "hazards": [{"rule": f.rule, "severity": f.severity.value, "text": f.text} for f in hazards],
        "measured": asdict(scored.measured),
    }
    verdict = "passed" if found.is_passed else "not passed"
    lines = [
        f"{chosen.title}: {found.points:.1f} of 100 points, {verdict} (from {found.pass_points:g})",
        *(f"  {p.points:5.1f} of {p.most:3g} {p.title}: {p.rule}" for p in found.parts),
        *(f"  {f.severity.value}: {f.text}" for f in hazards),
        f"Measured against: {chosen.reference.title}; rules of version {found.version}",
        f"Case: {folder}{' (the built-in sample, made now)' if made else ''}",
    ]
    return document, lines


def _is_file(words: str) -> bool:
    return words.endswith(".json") or Path(words).is_file()


def _case_of(exercise: Exercise, given: Path | None, task: Task) -> tuple[Case, Path, bool]:
    """The case, its folder, and whether it was made just now."""
    if given is not None:
        return open_case_folder(given), given, False
    if not exercise.case.is_sample:
        raise PlannerError(
            "This exercise needs its case.",
            f"'{exercise.title}' is on '{exercise.case.title}'",
            "Name its folder with --case.",
        )
    # Named by what it must hold: the sample of another version is made beside it.
    folder = user_cache_path("liver-planner", appauthor=False) / f"sample-{exercise.case.structures[:16]}"
    if is_case_folder(folder):
        return open_case_folder(folder), folder, False
    _make_sample(folder, task)
    return open_case_folder(folder), folder, True


def _make_sample(folder: Path, task: Task) -> None:
    """Write the sample whole, or not at all: made beside its place, then renamed."""
    from planner.sample.case import make_sample_case  # listing exercises needs no case

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="sample-", dir=folder.parent) as beside:
            made = Path(beside) / "case"
            create_case_folder(make_sample_case(task.part(0.0, 0.9)), made, task.part(0.9, 1.0))
            if not is_case_folder(folder):  # somebody else may have been faster
                made.replace(folder)
    except OSError as error:
        raise PlannerError(
            "The sample case cannot be made.",
            f"{folder}: {error.strerror or error}",
            "Make room or rights there, or write it with 'liver-planner sample' and name it with --case.",
        ) from error
