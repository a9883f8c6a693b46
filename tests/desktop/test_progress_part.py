"""Progress of a profile: the curve's dots lie where its points are, and everything that is known is said."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPointF, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "practice"))
from made_attempts import PERFECT, attempt, made_exercise

from planner.base.errors import InvalidValue, PlannerError
from planner.desktop.application import make_application
from planner.desktop.attempt_words import attempt_lines, day_and_time, minutes_words, plain_tip, points_words
from planner.desktop.learning_chart import HEIGHT_PX, LEAST_ROOM, LearningChart
from planner.desktop.progress_part import ALL, NO_ATTEMPT, NOBODY, READING, ProgressPart
from planner.desktop.theme import apply_theme, sign_color
from planner.practice.attempt_file import AttemptFile, write_attempts
from planner.practice.attempts import Attempt
from planner.practice.exercise import Exercise
from planner.practice.profiles import Profiles
from planner.practice.scoring import weights
from planner.practice.skills import weakest_skill
from planner.scene.palette import THEMES

pytestmark = [pytest.mark.window]

BAD = replace(PERFECT, coverage_percent=82.0, margin_mm=-4.0, stops=("path_crosses_vessel",), liver_ml=90.0)
EXERCISES = (
    made_exercise("central-2cm", "easy", "centring", "margin"),
    made_exercise("dome", "hard", "path", "organs"),
    made_exercise("rib", "moderate", "path"),
)


def attempts() -> tuple[Attempt, ...]:
    """Four at one exercise, the first not passed; then three at another, none of them passed."""
    return (
        attempt(0, BAD),
        *(attempt(n) for n in (1, 2, 3)),
        *(
            replace(attempt(n, BAD, exercise="dome", level="hard", skills=("path", "organs")), seconds=65.4)
            for n in (4, 5, 6)
        ),
    )


def wait_until(is_so: Callable[[], bool]) -> None:
    for _ in range(6000):
        if is_so():
            return
        QTest.qWait(10)
    raise AssertionError("it did not come")


@pytest.fixture
def profiles(tmp_path: Path) -> Profiles:
    found = Profiles(tmp_path / "practice")
    for name in ("Anna", "Ben"):
        found.create(name)
    write_attempts(found.folder / "Anna.jsonl", attempts())
    return found


@pytest.fixture
def part(qapp: object, profiles: Profiles) -> Iterator[ProgressPart]:
    make_application()
    found = ProgressPart(profiles, lambda: EXERCISES)
    found.resize(350, 1100)
    found.show()
    yield found
    wait_until(lambda: not found.is_reading)
    found.close()
    found.deleteLater()


@pytest.fixture
def chart(qapp: object) -> Iterator[LearningChart]:
    make_application()
    found = LearningChart()
    found.resize(326, HEIGHT_PX)
    yield found
    found.close()
    found.deleteLater()


def show(part: ProgressPart, name: str) -> None:
    part.show_profile(name)
    wait_until(lambda: not part.is_reading)


# words ---------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone cannot be set here")
def test_moments_are_told_by_this_machines_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        assert day_and_time("2026-12-31T20:00:00.000+00:00") == "1 Jan 2027, 01:30"
        assert day_and_time("2026-12-31T20:00:00.000+00:00", with_year=False) == "1 Jan 01:30"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.0, "0:00"), (65.4, "1:05"), (59.6, "0:59"), (3725.0, "62:05")]
)
def test_seconds_are_minutes(seconds: float, words: str) -> None:
    assert minutes_words(seconds) == words


def test_points_are_not_rounded_up_to_what_passes() -> None:
    found = attempt()
    assert points_words(replace(found, score=replace(found.score, points=59.7))) == "59"
    assert points_words(replace(found, score=replace(found.score, points=60.2))) == "60"
    assert points_words(replace(found, score=replace(found.score, points=58.6))) == "59"


def test_a_title_is_no_markup_in_a_tooltip() -> None:
    assert "&lt;b&gt;" in plain_tip(attempt_lines(replace(attempt(), title="<b>loud</b>")))


# chart ---------------------------------------------------------------------------------------


def test_dots_lie_at_their_points_and_the_mouse_finds_them(chart: LearningChart) -> None:
    chart.show_attempts(tuple(reversed(attempts())))
    frame = chart.frame
    assert frame.room == LEAST_ROOM, "a short curve leaves room to grow"
    assert [p.number for p in chart.points] == [1, 2, 3, 4, 5, 6, 7]
    for n, each in enumerate(attempts()):
        dot = chart.dot(n)
        assert chart.attempts[n].key == each.key
        down = (frame.area.bottom() - dot.y()) / frame.area.height()
        assert down == pytest.approx(each.score.points / 100.0, abs=1e-9)
        assert chart.dot_at(dot + QPointF(1.0, -1.0)) == n
        assert frame.area.contains(dot)
    assert chart.dot_at(chart.dot(3) + QPointF(0.0, 40.0)) is None
    assert chart.dot_at(QPointF(-50.0, 10.0)) is None


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_passed_and_not_passed_differ_by_shape(chart: LearningChart, theme: str) -> None:
    """A disc is filled beside its middle, straight left of it; a cross is not."""
    apply_theme(make_application(), THEMES[theme])
    try:
        chart.show_attempts([attempt(n, BAD if n else PERFECT) for n in range(2)])
        picture = chart.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
        passed, failed = chart.dot(0), chart.dot(1)
        ratio = chart.devicePixelRatioF()

        def color(at: QPointF) -> str:
            return QColor(picture.pixel(round(at.x() * ratio), round(at.y() * ratio))).name()

        assert color(passed + QPointF(-3.0, 0.0)) == QColor(sign_color("✓")).name()
        assert color(failed + QPointF(-3.0, 0.0)) not in (
            QColor(sign_color("✓")).name(),
            QColor(sign_color("▲")).name(),
        )
    finally:
        apply_theme(make_application())


def test_the_line_of_passing_is_at_the_points_of_the_weights(chart: LearningChart) -> None:
    chart.show_attempts([])
    y = chart.frame.y(float(weights()["pass_points"]))
    assert (chart.frame.area.bottom() - y) / chart.frame.area.height() == pytest.approx(0.6)
    picture = chart.grab().toImage()
    row = round((y - 0.5) * chart.devicePixelRatioF())
    colors = {
        picture.pixel(x, row + d) for d in (0, 1) for x in range(picture.width() // 3, picture.width() - 20)
    }
    assert len(colors) > 1, "a dashed line is there"
    assert chart.words == "No attempt yet."


def test_a_click_on_a_dot_and_enter_choose_an_attempt(chart: LearningChart) -> None:
    chart.show_attempts(attempts())
    chosen: list[Attempt] = []
    chart.attempt_chosen.connect(chosen.append)
    QTest.mouseClick(chart, Qt.MouseButton.LeftButton, pos=chart.dot(2).toPoint())
    assert [a.seed for a in chosen] == [2]
    QTest.mouseClick(chart, Qt.MouseButton.LeftButton, pos=(chart.dot(2) + QPointF(0.0, 45.0)).toPoint())
    assert len(chosen) == 1
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Return):
        QTest.keyClick(chart, key)
    assert [a.seed for a in chosen] == [2, 5], "the last attempt first, then the one before it"
    chart.choose(None)
    assert chart.chosen is None


def test_where_the_rules_change_is_said(chart: LearningChart) -> None:
    chart.show_attempts(attempts())
    assert chart.version_words == ""
    later = [replace(a, score=replace(a.score, version=2)) if n >= 3 else a for n, a in enumerate(attempts())]
    before = chart.grab().toImage()
    chart.show_attempts(later)
    assert chart.version_words.startswith("From attempt 4 on points are given by version 2 of the rules")
    assert chart.grab().toImage() != before


def test_thousands_of_attempts_keep_inside_the_frame(chart: LearningChart) -> None:
    one = attempt()
    many = [replace(one, started="2026-01-01T00:00:00+00:00", seed=n) for n in range(3000)]
    chart.show_attempts(many)
    assert chart.frame.room == 3000
    assert chart.dot(2999).x() <= chart.frame.area.right()
    assert chart.dot_at(chart.dot(1500)) is not None


# part ----------------------------------------------------------------------------------------


def test_nobody_is_said(part: ProgressPart) -> None:
    assert part.words.text() == NOBODY
    for hidden in (part.chart, part.bars, part.list, part.try_it, part.again):
        assert not hidden.isVisible()


def test_the_progress_of_a_profile(part: ProgressPart, profiles: Profiles) -> None:
    show(part, "Anna")
    assert part.words.text() == "7 attempts; 1 of 3 exercises passed."
    assert not part.wrong.isVisible()
    assert len(part.chart.points) == 7
    weakest = weakest_skill(profiles.attempts("Anna").attempts)
    assert weakest.skill == "path"
    assert weakest.reason in part.next_reason.text()
    assert not part.weakest.isVisible(), "it is said once"
    label = part.bars.findChild(QLabel, "skill_path")
    assert label is not None
    assert label.text().endswith(" %, weakest")
    untried = part.bars.findChild(QLabel, "skill_pulses")
    assert untried is not None
    assert untried.text() == "not tried yet"
    asked: list[str] = []
    part.exercise_asked.connect(asked.append)
    QTest.mouseClick(part.try_it, Qt.MouseButton.LeftButton)
    assert asked == ["rib"], "it trains the weakest skill, and is the easier of two"
    assert part.next_title.text() == "Rib"


def test_the_table_is_newest_first_and_chooses(part: ProgressPart) -> None:
    show(part, "Anna")
    model = part.list.model()
    rows = [[model.index(r, c).data() for c in range(model.columnCount())] for r in range(model.rowCount())]
    assert len(rows) == 7
    newest = part.list.attempts[0]
    assert newest.seed == 6
    assert rows[0] == [
        day_and_time(newest.committed, with_year=False),
        "Dome",
        f"{points_words(newest)} ✕",
        "1:05",
        "0",
    ]
    assert rows[3][2] == "100 ✓"
    assert model.rowCount(model.index(0, 0)) == 0
    chosen: list[Attempt] = []
    part.attempt_chosen.connect(chosen.append)
    place = part.list.visualRect(model.index(1, 1)).center()
    QTest.mouseClick(part.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert [a.seed for a in chosen] == [5]
    assert part.chart.chosen == 5
    QTest.keyClick(part.list, Qt.Key.Key_Down)
    QTest.keyClick(part.list, Qt.Key.Key_Return)
    assert [a.seed for a in chosen] == [5, 4]
    QTest.mouseClick(part.chart, Qt.MouseButton.LeftButton, pos=part.chart.dot(1).toPoint())
    assert part.list.currentIndex().row() == 5, "the dot's row is marked"


def test_one_exercise_is_looked_at_alone(part: ProgressPart) -> None:
    show(part, "Anna")
    assert [part.choice.itemText(n) for n in range(part.choice.count())] == [ALL, "Central-2Cm", "Dome"]
    part.choice.setCurrentIndex(2)
    part.choice.activated.emit(2)
    assert len(part.chart.points) == len(part.list.attempts) == 3
    assert {a.exercise for a in part.list.attempts} == {"dome"}
    part.refresh()
    wait_until(lambda: not part.is_reading)
    assert part.choice.currentText() == "Dome", "it stays when an attempt is added"
    assert len(part.chart.points) == 3


def test_a_profile_without_attempts_is_told_what_to_try(part: ProgressPart) -> None:
    show(part, "Ben")
    assert part.words.text() == NO_ATTEMPT
    assert not part.chart.isVisible()
    assert part.next_title.text() == "Central-2Cm"
    assert part.try_it.isVisible()


def test_damaged_lines_are_said_and_the_others_count(part: ProgressPart, profiles: Profiles) -> None:
    path = profiles.folder / "Anna.jsonl"
    path.write_bytes(path.read_bytes() + b"{}\n[1\nx\n\x00\nnot an attempt")
    show(part, "Anna")
    assert part.words.text().startswith("7 attempts")
    said = part.wrong.text().splitlines()
    assert "Anna.jsonl, line 8" in said[0]
    assert said[-1] == "2 more lines could not be read."
    assert len(said) == 4


def test_a_file_that_cannot_be_read_is_said_and_read_again(part: ProgressPart, profiles: Profiles) -> None:
    show(part, "Anna")
    path = profiles.folder / "Anna.jsonl"
    content = path.read_bytes()
    path.unlink()
    path.mkdir()
    part.refresh()
    wait_until(lambda: not part.is_reading)
    assert part.wrong.text().startswith("The file of attempts cannot be read.")
    assert not part.chart.isVisible(), "numbers of before would be wrong"
    assert not part.words.isVisible()
    path.rmdir()
    path.write_bytes(content)
    QTest.mouseClick(part.again, Qt.MouseButton.LeftButton)
    wait_until(lambda: not part.is_reading)
    assert part.words.text().startswith("7 attempts")
    assert not part.again.isVisible()


def test_exercises_that_cannot_be_listed_are_told_to_the_window(qapp: object, profiles: Profiles) -> None:
    make_application()

    def fail() -> tuple[Exercise, ...]:
        raise InvalidValue("No exercise can be read.", "exercises")

    part = ProgressPart(profiles, fail)
    said: list[PlannerError] = []
    part.trouble.connect(said.append)
    show(part, "Anna")
    assert [e.what for e in said] == ["No exercise can be read."]
    assert part.words.text() == "7 attempts; there is no exercise to pass."
    assert part.next_reason.text() == "There is no exercise."
    assert part.try_it.isHidden()
    part.deleteLater()


def test_reading_leaves_the_window_free_and_the_name_chosen_last_counts(
    part: ProgressPart, profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on, read = threading.Event(), Profiles.attempts
    threads: list[str] = []

    def slow(self: Profiles, name: str) -> AttemptFile:
        threads.append(threading.current_thread().name)
        if name == "Anna":
            assert may_go_on.wait(60)
        return read(self, name)

    monkeypatch.setattr(Profiles, "attempts", slow)
    part.show_profile("Anna")
    assert part.words.text() == READING
    show(part, "Ben")
    may_go_on.set()
    QTest.qWait(50)
    assert part.words.text() == NO_ATTEMPT
    assert part.progress is not None
    assert part.progress.attempts == ()
    assert threading.main_thread().name not in threads


def test_a_part_that_is_deleted_while_it_reads_harms_nothing(
    qapp: object, profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_application()
    may_go_on, has_read = threading.Event(), threading.Event()

    def slow(_self: Profiles, _name: str) -> AttemptFile:
        assert may_go_on.wait(60)
        has_read.set()
        return AttemptFile(profiles.folder, ())

    monkeypatch.setattr(Profiles, "attempts", slow)
    gone = ProgressPart(profiles, lambda: EXERCISES)
    gone.show_profile("Anna")
    gone.deleteLater()
    del gone
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    may_go_on.set()
    assert has_read.wait(60)
    for thread in threading.enumerate():
        if thread.name == "job-progress":
            thread.join(timeout=60)
    QTest.qWait(30)
    assert "job-progress" not in [t.name for t in threading.enumerate()]
