"""A teacher's view: files of several people put together, and who struggles with what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from planner.base.errors import InputRefused, PlannerError
from planner.practice.attempt_file import AttemptFile, read_attempts
from planner.practice.attempts import Attempt
from planner.practice.skills import (
    RECENT_ATTEMPTS,
    SkillScore,
    WeakestSkill,
    in_time,
    skill_scores,
    weakest_skill,
)

#: A hazard is common from so many attempts on.
COMMON_ATTEMPTS = 2


@dataclass(frozen=True)
class Person:
    """Somebody who practised.

    Parameters
    ----------
    label
        The name; with its file where another person has the same.
    name, files
        The profile's name, and the files it came from.
    attempts
        Each once, in the order of time; their profile is the label.
    """

    label: str
    name: str
    files: tuple[Path, ...]
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True)
class Course:
    """The people of several files.

    Parameters
    ----------
    people
        In the order of their labels.
    troubles
        Of files and lines that could not be read.
    """

    people: tuple[Person, ...]
    troubles: tuple[PlannerError, ...] = ()

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Of all people, one after the other."""
        return tuple(a for p in self.people for a in p.attempts)


@dataclass(frozen=True)
class SkillRow:
    """How a person's skills go: a row of the table of people and skills."""

    person: str
    scores: tuple[SkillScore, ...]
    weakest: WeakestSkill


@dataclass(frozen=True)
class PassRate:
    """How an exercise goes.

    Parameters
    ----------
    exercise, title, level
        The exercise, as it was called last.
    people, people_passed
        Who tried it, and who passed it at last.
    attempts, attempts_passed
        Of all of them together.
    """

    exercise: str
    title: str
    level: str
    people: int
    people_passed: int
    attempts: int
    attempts_passed: int

    @property
    def percent(self) -> float:
        """Share of those who tried it that passed it."""
        return 100.0 * self.people_passed / self.people


@dataclass(frozen=True)
class CommonHazard:
    """A hazard that several attempts have.

    Parameters
    ----------
    rule
        As findings call it.
    attempts, stops
        That have it, and those of them it stopped.
    people
        Labels of those who had it, in the order of labels.
    """

    rule: str
    attempts: int
    stops: int
    people: tuple[str, ...]

    @property
    def title(self) -> str:
        """In words."""
        return self.rule.replace("_", " ").capitalize()


def read_export(path: Path) -> AttemptFile:
    """The attempts of an exported file or of a profile's own.

    Raises
    ------
    InputRefused
        If it cannot be read, or holds no attempt that can be.
    """
    found = read_attempts(path)
    if not found.attempts:
        if found.troubles:
            first = found.troubles[0]
            raise InputRefused(first.what, first.thing, "Choose a file that was exported in practice.")
        raise InputRefused("The file holds no attempt.", str(path), "Export it again.")
    return found


def read_course(paths: Iterable[Path]) -> Course:
    """The people of several files; a file that cannot be read stands in the troubles, the others count."""
    files: list[AttemptFile] = []
    troubles: list[PlannerError] = []
    for path in paths:
        try:
            files.append(read_export(path))
        except InputRefused as error:
            troubles.append(error)
    course = merged(files)
    return Course(course.people, (*troubles, *course.troubles))


def merged(files: Sequence[AttemptFile]) -> Course:
    """Put files together: the same attempt counts once, and one name in two files is two people.

    Two files are one person's where they share an attempt, as an export and a later one of the same profile
    do, even if it was renamed meanwhile; the name of the latest attempt counts then.

    Parameters
    ----------
    files
        In any order: the same files give the same course.
    """
    groups: list[list[tuple[Path, Attempt]]] = []
    for found in _profiles(files):
        keys = {a.key for _, a in found}
        same = [g for g in groups if keys & {a.key for _, a in g}]
        groups = [g for g in groups if g not in same] + [[row for g in same for row in g] + found]
    people = _labelled([_person(g) for g in groups])
    return Course(people, tuple(t for f in files for t in f.troubles))


def skill_table(course: Course, last: int = RECENT_ATTEMPTS) -> tuple[SkillRow, ...]:
    """Who struggles with what: a row for each person, the mean of the last attempts for each skill."""
    return tuple(
        SkillRow(p.label, skill_scores(p.attempts, last), weakest_skill(p.attempts)) for p in course.people
    )


def pass_rates(course: Course) -> tuple[PassRate, ...]:
    """How each exercise goes, the one fewest of its people passed first."""
    by_exercise: dict[str, list[Attempt]] = {}
    for attempt in course.attempts:
        by_exercise.setdefault(attempt.exercise, []).append(attempt)
    return tuple(sorted((_pass_rate(a) for a in by_exercise.values()), key=lambda r: (r.percent, r.exercise)))


def common_hazards(course: Course, least: int = COMMON_ATTEMPTS) -> tuple[CommonHazard, ...]:
    """Hazards of at least so many attempts, the most frequent first; one attempt counts a hazard once."""
    by_rule: dict[str, list[Attempt]] = {}
    for attempt in course.attempts:
        for rule in dict.fromkeys((*attempt.measured.stops, *attempt.measured.warnings)):
            by_rule.setdefault(rule, []).append(attempt)
    found = [
        CommonHazard(
            rule,
            len(having),
            sum(rule in a.measured.stops for a in having),
            tuple(dict.fromkeys(a.profile for a in having)),
        )
        for rule, having in by_rule.items()
        if len(having) >= least
    ]
    return tuple(sorted(found, key=lambda h: (-h.attempts, h.rule)))


def _profiles(files: Sequence[AttemptFile]) -> list[list[tuple[Path, Attempt]]]:
    """The attempts of each profile of each file, with the file."""
    found: dict[tuple[str, str], list[tuple[Path, Attempt]]] = {}
    for file in sorted(files, key=lambda f: str(f.path)):
        for attempt in file.attempts:
            found.setdefault((str(file.path), attempt.profile), []).append((file.path, attempt))
    return list(found.values())


def _person(rows: Sequence[tuple[Path, Attempt]]) -> Person:
    attempts = in_time([a for _, a in rows])
    latest = attempts[-1].key
    # A profile that was renamed gives its attempts another name in a later file: the one with more of them.
    sizes = {a.profile: sum(b.profile == a.profile for _, b in rows) for _, a in rows if a.key == latest}
    name = max(sizes, key=lambda n: (sizes[n], n))
    files = tuple(dict.fromkeys(path for path, _ in rows))
    return Person(name, name, files, tuple(attempts))


def _labelled(people: Sequence[Person]) -> tuple[Person, ...]:
    """People with labels that tell them apart."""
    found = []
    for person in people:
        others = [p for p in people if p is not person and p.name == person.name]
        label = f"{person.name} ({_short(person.files[0], others)})" if others else person.name
        found.append(
            replace(person, label=label, attempts=tuple(replace(a, profile=label) for a in person.attempts))
        )
    return tuple(sorted(found, key=lambda p: (p.label.casefold(), p.label)))


def _short(path: PurePath, others: Sequence[Person]) -> str:
    """As much of a file's path as tells it from the files of others."""
    for count in range(1, len(path.parts)):
        tail = path.parts[-count:]
        if all(o.files[0].parts[-count:] != tail for o in others):
            return "/".join(tail)
    return str(path)


def _pass_rate(attempts: Sequence[Attempt]) -> PassRate:
    last = in_time(attempts)[-1]
    passed = [a for a in attempts if a.score.is_passed]
    return PassRate(
        last.exercise,
        last.title,
        last.level,
        len({a.profile for a in attempts}),
        len({a.profile for a in passed}),
        len(attempts),
        len(passed),
    )
