"""A teacher's page: files put together, tables counted by hand, and the table as CSV."""

from __future__ import annotations

import csv
import io
import random
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from planner.base.errors import InputRefused, InvalidValue
from planner.practice.attempt_file import AttemptFile, write_attempts
from planner.practice.attempt_table import COLUMNS, export_csv
from planner.practice.attempts import Attempt
from planner.practice.exercise import SKILLS
from planner.practice.scoring import Score, ScorePart, score
from planner.practice.teaching import (
    Course,
    common_hazards,
    merged,
    pass_rates,
    read_course,
    read_export,
    skill_table,
)

from .made_attempts import PERFECT, attempt, steps

BONE = replace(PERFECT, stops=("path_crosses_bone",), warnings=("path_crosses_lung", "path_crosses_lung"))
SHORT = replace(PERFECT, margin_mm=0.0, warnings=("path_crosses_lung",))


def file(name: str, *attempts: Attempt) -> AttemptFile:
    return AttemptFile(Path("/from") / name, attempts)


# Files put together ---------------------------------------------------------------------------


def test_the_same_attempt_counts_once_and_a_later_export_is_the_same_person() -> None:
    monday = file("monday.jsonl", attempt(0), attempt(1))
    friday = file("friday.jsonl", attempt(0), attempt(1), attempt(2))
    course = merged([monday, friday])
    (anna,) = course.people
    assert anna.label == anna.name == "Anna"
    assert anna.attempts == (attempt(0), attempt(1), attempt(2))
    assert set(anna.files) == {monday.path, friday.path}
    assert merged([friday, friday, monday]) == course


def test_two_people_of_one_name_are_told_apart_by_file() -> None:
    one, other = file("ward/anna.jsonl", attempt(0)), file("lab/anna.jsonl", attempt(1))
    course = merged([one, other, file("bob.jsonl", attempt(2, profile="Bob"))])
    assert [p.label for p in course.people] == ["Anna (lab/anna.jsonl)", "Anna (ward/anna.jsonl)", "Bob"]
    assert [p.name for p in course.people] == ["Anna", "Anna", "Bob"]
    assert [a.profile for a in course.attempts] == [p.label for p in course.people]
    labels = [p.label for p in merged([one, file("x.jsonl", attempt(1))]).people]
    assert labels == ["Anna (anna.jsonl)", "Anna (x.jsonl)"]


def test_a_renamed_profile_stays_one_person() -> None:
    before = file("a.jsonl", attempt(0), attempt(1))
    after = file("b.jsonl", *(attempt(n, profile="Anna B") for n in range(3)))
    for order in permutations((before, after)):
        (person,) = merged(order).people
        assert person.name == person.label == "Anna B", "the latest name"
        assert len(person.attempts) == 3


def test_files_that_hang_together_by_a_third_are_one_person_in_any_order() -> None:
    files = [
        file("1.jsonl", attempt(0), attempt(1)),
        file("2.jsonl", attempt(3), attempt(4)),
        file("3.jsonl", attempt(1), attempt(3)),
        file("4.jsonl", attempt(9)),
    ]
    courses = [merged(order) for order in permutations(files)]
    assert all(c == courses[0] for c in courses)
    assert sorted(len(p.attempts) for p in courses[0].people) == [1, 4]


def test_several_profiles_of_one_file_are_several_people() -> None:
    course = merged([file("all.jsonl", attempt(0), attempt(1, profile="Bob"), attempt(2))])
    assert [(p.label, len(p.attempts)) for p in course.people] == [("Anna", 2), ("Bob", 1)]
    assert merged([]) == Course(())


# What a course tells --------------------------------------------------------------------------


def course() -> Course:
    """Anna fails the dome three times and passes centrally; Bob passes the dome at the second attempt."""
    dome = {"exercise": "dome", "level": "hard", "skills": ("path", "margin")}
    anna = [attempt(n, BONE, **dome) for n in range(3)] + [attempt(5)]  # type: ignore[arg-type]
    bob = [attempt(10 + n, m, profile="Bob", **dome) for n, m in enumerate((BONE, SHORT))]  # type: ignore[arg-type]
    return merged([file("a.jsonl", *anna), file("b.jsonl", *bob)])


def test_who_struggles_with_what() -> None:
    anna, bob = skill_table(course())
    assert (anna.person, bob.person) == ("Anna", "Bob")
    percents = {s.skill: s.percent for s in anna.scores}
    assert percents["path"] == pytest.approx(20.0), "a stop of the path: 5 of 25 points"
    assert percents["margin"] == pytest.approx(100.0)
    assert percents["several"] is None
    assert list(percents) == list(SKILLS)
    assert anna.weakest.skill == "path"
    assert bob.weakest.skill is None, "two attempts are not enough"
    percents = {s.skill: s.percent for s in bob.scores}
    assert percents["path"] == pytest.approx((20.0 + 84.0) / 2)
    last = {s.skill: s.percent for s in skill_table(course(), last=1)[1].scores}
    assert last["path"] == pytest.approx(84.0)
    assert last["margin"] == pytest.approx(50.0)


def test_pass_rates_count_people_and_attempts() -> None:
    dome, central = pass_rates(course())
    assert (dome.exercise, dome.title, dome.level) == ("dome", "Dome", "hard")
    assert (dome.people, dome.people_passed, dome.attempts, dome.attempts_passed) == (2, 1, 5, 1)
    assert dome.percent == 50.0
    assert (central.exercise, central.people, central.people_passed, central.percent) == (
        "central-2cm", 1, 1, 100.0,
    )  # fmt: skip
    assert pass_rates(Course(())) == ()


def test_common_hazards_count_an_attempt_once() -> None:
    lung, bone = common_hazards(course())
    assert (lung.rule, lung.attempts, lung.stops, lung.people) == ("path_crosses_lung", 5, 0, ("Anna", "Bob"))
    assert (bone.rule, bone.attempts, bone.stops) == ("path_crosses_bone", 4, 4)
    assert bone.title == "Path crosses bone"
    assert common_hazards(course(), least=5) == (lung,)
    assert common_hazards(course(), least=6) == ()


# Files on disk --------------------------------------------------------------------------------


def test_exports_are_read_and_what_is_none_is_said(tmp_path: Path) -> None:
    good, mixed, empty, table = (tmp_path / f"{n}.jsonl" for n in ("good", "mixed", "empty", "table"))
    write_attempts(good, [attempt(0), attempt(1, made=steps(3))])
    assert read_export(good).attempts == (attempt(0), attempt(1, made=steps(3)))
    mixed.write_bytes(good.read_bytes().replace(b"Anna", b"Bob") + b'{"schema":')
    empty.write_bytes(b"\n\n")
    table.write_text("profile,points\r\nAnna,3\r\n")
    for path, words in ((empty, "no attempt"), (table, "damaged"), (tmp_path / "none", "cannot be read")):
        with pytest.raises(InputRefused, match=words) as caught:
            read_export(path)
        assert caught.value.todo
        assert path.name in caught.value.thing
    found = read_course([good, mixed, empty, table, tmp_path / "none"])
    assert [t.what.split()[0] for t in found.troubles] == ["The", "The", "The", "The"]
    assert len(found.troubles) == 4
    (person,) = found.people
    assert len(person.attempts) == 2, "the same attempts under two names are one person's"


# CSV ------------------------------------------------------------------------------------------


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_row_holds_what_an_attempt_was_measured_and_given() -> None:
    measured = replace(BONE, margin_mm=-1.23456, seconds=31.0, limit_s=60.0)
    text = export_csv([attempt(3, measured)])
    (row,) = rows_of(text)
    assert list(row)[: len(COLUMNS)] == list(COLUMNS)
    assert row["profile"] == "Anna"
    assert row["skills"] == "centring margin"
    assert row["started_utc"] == "2026-11-03T08:03:00.000+00:00"
    assert (row["taken_s"], row["limit_s"], row["seed"]) == ("30.0", "60.0", "3")
    assert row["margin_mm"] == "-1.2346"
    assert (row["stops"], row["warnings"]) == ("path_crosses_bone", "path_crosses_lung path_crosses_lung")
    assert row["is_passed"] == "false"
    given = score(measured)
    assert float(row["points"]) == pytest.approx(given.points, abs=1e-4)
    for part in given.parts:
        assert float(row[f"{part.id}_points"]) == pytest.approx(part.points, abs=1e-4)
        assert float(row[f"{part.id}_most_points"]) == part.most
    assert sum(float(row[f"{p.id}_most_points"]) for p in given.parts) == pytest.approx(100.0)


def test_the_table_is_one_of_rfc_4180() -> None:
    odd = 'Zoë, "the\r\nfirst"'
    text = export_csv([attempt(0, profile=odd), attempt(1)])
    assert text.endswith("\r\n")
    assert text.replace("\r\n", "").count("\n") == 0
    assert '"Zoë, ""the\r\nfirst"""' in text
    found = rows_of(text.encode("utf-8").decode("utf-8"))
    assert [r["profile"] for r in found] == [odd, "Anna"]
    assert len({len(line) for line in csv.reader(io.StringIO(text, newline=""))}) == 1
    assert export_csv([]) == ",".join(COLUMNS) + "\r\n"
    assert export_csv([attempt(0), attempt(1)]) == export_csv([attempt(0), attempt(1)])


def test_what_is_not_known_is_empty_and_versions_stand_side_by_side() -> None:
    old = Score((ScorePart("dexterity", "Dexterity", 3.0, 7.0, ""),), 3.0, 5.0, 77)
    first, second = rows_of(
        export_csv([attempt(0, replace(PERFECT, margin_mm=None)), replace(attempt(1), score=old)])
    )
    assert (first["margin_mm"], first["limit_s"]) == ("", "")
    assert (first["dexterity_points"], second["dexterity_points"]) == ("", "3.0")
    assert (first["coverage_points"], second["coverage_points"]) == ("25.0", "")
    assert (first["scoring_version"], second["scoring_version"]) == ("1", "77")


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", "=cmd|' /C calc'!A0"])
def test_a_name_is_no_formula_of_a_spreadsheet(name: str) -> None:
    (row,) = rows_of(export_csv([attempt(0, profile=name)]))
    assert row["profile"] == f"'{name}"


def test_every_number_has_its_unit_in_the_name() -> None:
    (row,) = rows_of(export_csv([attempt(0, replace(PERFECT, seconds=1.0, limit_s=2.0))]))
    units = ("_s", "_mm", "_ml", "_percent", "_count", "points", "_version", "seed")
    for name, text in row.items():
        try:
            float(text)
        except ValueError:
            continue
        assert name.endswith(units), name


def test_shuffled_files_make_the_same_table() -> None:
    made = [file(f"{n}.jsonl", attempt(n), attempt(n + 1, profile="Bob")) for n in range(0, 12, 3)]
    first = export_csv(merged(made).attempts)
    for seed in range(5):
        random.Random(seed).shuffle(made)
        assert export_csv(merged(made).attempts) == first


def test_a_label_that_is_no_name_would_be_refused() -> None:
    with pytest.raises(InvalidValue):
        replace(attempt(0), profile="")
