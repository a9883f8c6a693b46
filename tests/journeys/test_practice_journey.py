"""The exercises that come with the planner, each played through the real window by mouse and keys."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from practice_steps import own_folders
from PySide6.QtCore import QPointF
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QCheckBox, QLabel, QWidget
from steps import button, resting, scrolled_to
from trainee import Trainee, Vector

from planner.desktop.judgement_view import MetricTable
from planner.desktop.theme import shown_theme
from planner.io.plan_file import write_plan
from planner.model.geometry import FloatArray
from planner.planning.plan_needles import plan_needles
from planner.practice.attempts import AttemptStep
from planner.practice.learning import next_exercise
from planner.practice.revealing import Revealed
from planner.scene.palette import LIGHT
from planner.session.practising import Stage

pytestmark = [pytest.mark.window]

NARROW, WIDE = (1280, 800), (1920, 1080)
#: Lessons that are clicked on a page; electroporation has two dozen.
CLICKED_LESSONS = 4
#: Surfaces one sees through are blended in the order they were added: a pixel may differ by so much of 255.
BLENDING = 24


@pytest.fixture
def come(
    hands: Callable[[int, int], Any], own_fine_sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Trainee]:
    """Opens a window on the sample and goes to Practice; who practises is there already, or is made."""

    def open_window(size: tuple[int, int], is_new: bool = False) -> Trainee:
        own_folders(monkeypatch, tmp_path)
        hand = hands(*size)
        window = hand.window
        if not is_new:
            window.bench.practising.profiles.create("Anna")
        window.work.open_paths([own_fine_sample])
        hand.wait(lambda: window.session.is_open and not window.jobs.is_running, "the case to open")
        trainee = Trainee(hand, tmp_path)
        trainee.practise()
        if is_new:
            trainee.new_profile("Anna")
        else:
            trainee.choose_profile("Anna")
        if size == WIDE:
            window.run_id("theme")
            assert shown_theme() is LIGHT
            chosen = trainee.row(trainee.panel.choice.exercise.id)
            assert LIGHT.raised in chosen.styleSheet(), "rows of the other theme cannot be read"
        return trainee

    return open_window


# what a committed attempt shows ----------------------------------------------------------------


@contextmanager
def commanded(revealed: Revealed, case: Path, folder: Path) -> Iterator[None]:
    """Meanwhile the command scores the needles as they lie; in the end it must say what the window says."""
    attempt, plan = revealed.attempt, folder / "landed.plan.json"
    write_plan(attempt.landed, plan)
    words = ["practice", "score", revealed.exercise.id, str(plan), "--case", str(case), "--json"]
    words += ["--repositionings", str(attempt.repositionings), "--seconds", repr(attempt.seconds)]
    command = subprocess.Popen([sys.executable, "-m", "planner", *words], stdout=subprocess.PIPE, text=True)
    try:
        yield
        said = json.loads(command.communicate(timeout=200)[0])
    finally:
        command.kill()
        command.wait()
    assert said["points"] == attempt.score.points
    assert {p["id"]: p["points"] for p in said["parts"]} == {p.id: p.points for p in attempt.score.parts}


def check_revealed(trainee: Trainee, revealed: Revealed, case: Path, folder: Path) -> None:
    """Go through all a trainee is shown."""
    trainee.look("revealed")
    with commanded(revealed, case, folder):
        check_score(trainee, revealed)
        check_lessons(trainee, revealed)
        check_beside(trainee, revealed)
        check_replay(trainee, revealed)
        check_numbers(trainee, revealed)


def check_score(trainee: Trainee, revealed: Revealed) -> None:
    """The points and their parts stand on the page, and with the profile."""
    reveal, score = trainee.panel.reveal, revealed.attempt.score
    assert f">{score.points:.0f}<" in reveal.findChild(QLabel, "attemptPoints").text()
    verdict = reveal.findChild(QLabel, "attemptVerdict").text()
    assert verdict.startswith("Passed" if score.is_passed else "Not passed")
    for part in score.parts:
        assert reveal.findChild(QLabel, f"part_{part.id}").text() == f"{part.points:.1f} of {part.most:g}"
    kept = trainee.practising.profiles.attempts("Anna").attempts
    assert [a.score for a in kept] == [score]


def check_lessons(trainee: Trainee, revealed: Revealed) -> None:
    """What cost points is in sight; a click on a lesson takes all slices to its place."""
    rows = trainee.panel.reveal.lessons.findChildren(QWidget, "lesson")
    assert {r.lesson.text for r in rows} == {x.text for x in revealed.lessons}
    assert all(r.isVisible() for r in rows if r.lesson.points_lost)
    placed = [r for r in rows if r.isVisible() and r.lesson.where_lps_mm is not None]
    assert placed
    for row in placed[:CLICKED_LESSONS]:
        trainee.session.selection.move_cursor((0.0, -180.0, -1050.0))
        trainee.hand.click(scrolled_to(trainee.hand, row))
        assert trainee.session.selection.cursor_lps_mm == pytest.approx(row.lesson.where_lps_mm)
        for view in trainee.window.views.slices:
            assert view.index == view.stack.index_of(row.lesson.where_lps_mm)


def check_beside(trainee: Trainee, revealed: Revealed) -> None:
    """The reference stands in all views; its box takes it away and back. So does that of what was planned."""
    reveal, views = trainee.panel.reveal, trainee.window.views
    boxes = [("practice_reference", reveal.reference, revealed.exercise.reference.plan)]
    if revealed.exercise.conditions.is_table:
        boxes.append(("practice_planned", reveal.planned, revealed.planned))
    assert reveal.planned.isHidden() is not revealed.exercise.conditions.is_table
    assert reveal.reference.isChecked()
    for name, box, plan in boxes:
        trainee.session.selection.move_cursor(plan_needles(plan)[0].needle.tip_lps_mm)
        trainee.hand.settle(0.2)
        was_on, before = box.isChecked(), pictures(trainee)
        toggle(trainee, box)
        assert all((name in view.layers.layers) is not was_on for view in views.slices)
        for old, new in zip(before, pictures(trainee), strict=True):
            assert np.abs(new - old).max() > 2 * BLENDING, name
        toggle(trainee, box)
        for old, new in zip(before, pictures(trainee), strict=True):
            assert np.abs(new - old).max() <= BLENDING, name


def toggle(trainee: Trainee, box: QCheckBox) -> None:
    """Click a box, and take the mouse off."""
    was_on = box.isChecked()
    trainee.hand.click(scrolled_to(trainee.hand, box), QPointF(10, box.height() / 2))
    assert box.isChecked() is not was_on
    trainee.hand.move(trainee.window.status)
    trainee.hand.settle(0.2)


def pictures(trainee: Trainee) -> list[FloatArray]:
    """What the three slices and the 3D view show."""
    views, found = trainee.window.views, []
    for view in (*views.slices, views.space):
        image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
        pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1, 4)
        found.append(pixels[..., :3].astype(np.float64))
    return found


def check_replay(trainee: Trainee, revealed: Revealed) -> None:
    """Steps back show the attempt as it was then; played, it comes to its end."""
    replay, session, steps = trainee.panel.reveal.replay, trainee.session, revealed.attempt.steps
    end = session.plan
    trainee.hand.click(scrolled_to(trainee.hand, replay.back))
    assert session.plan.instruments == shown(steps[-1])
    trainee.hand.click(replay.back)
    assert session.plan.instruments == shown(steps[-2])
    assert replay.findChild(QLabel, "replayWords").text().startswith(f"{len(steps) - 1} of {len(steps)} · ")
    trainee.look("replay")
    trainee.hand.click(replay.play)
    trainee.hand.wait(lambda: not replay.play.isChecked(), "the replay to end", 20)
    assert session.plan == session.recorded_plan == end


def shown(step: AttemptStep) -> Any:
    """The needles a step is shown with."""
    return (step.landed or step.plan).instruments


def check_numbers(trainee: Trainee, revealed: Revealed) -> None:
    """All numbers unfold, and fold."""
    reveal = trainee.panel.reveal
    link, tables = button(reveal, "allNumbers"), reveal.findChildren(MetricTable)
    assert tables
    assert not any(t.isVisible() for t in tables)
    trainee.hand.click(scrolled_to(trainee.hand, link))
    trainee.hand.settle(0.2)
    trainee.look("numbers")
    said = [w.text() for t in tables if t.isVisible() for w in t.findChildren(QLabel)]
    assert any(f"{revealed.attempt.measured.margin_mm:.1f}" in text for text in said)
    trainee.hand.click(scrolled_to(trainee.hand, link))
    assert not any(t.isVisible() for t in tables)


# the table -------------------------------------------------------------------------------------


def at_the_table(trainee: Trainee, id: str, by_px: QPointF, view: str = "axial") -> None:
    """Put in, look, put one in again, drag it aside and put it in there."""
    trainee.put_in()
    first = trainee.practising.landing.plan
    trainee.look("table")
    check_plan_over_scan(trainee)
    trainee.again(id)
    again = trainee.practising.landing.plan
    assert changed_needles(first, again) == [0]
    trainee.drag(plan_needles(trainee.session.plan)[0].needle.tip_lps_mm, by_px, view)
    assert trainee.practising.pending
    assert not trainee.panel.attempt.commit.isEnabled()
    assert trainee.panel.attempt.put_in.text() == f"Put in {trainee.practising.pending[0]}"
    trainee.look("pending")
    trainee.put_in()
    assert changed_needles(again, trainee.practising.landing.plan) == [0]
    assert not trainee.practising.pending
    assert trainee.panel.attempt.commit.hasFocus(), "a key pressed once more does not give up"


def check_plan_over_scan(trainee: Trainee) -> None:
    """The box takes the plan off the control scan, and brings it back."""
    box = trainee.panel.attempt.plan_shown
    trainee.session.selection.move_cursor(plan_needles(trainee.session.plan)[0].needle.tip_lps_mm)
    trainee.hand.settle(0.2)
    before = pictures(trainee)[:3]
    toggle(trainee, box)
    assert all(np.abs(a - b).max() > BLENDING for a, b in zip(before, pictures(trainee)[:3], strict=True))
    toggle(trainee, box)
    assert all(np.array_equal(a, b) for a, b in zip(before, pictures(trainee)[:3], strict=True))


def changed_needles(before: Any, after: Any) -> list[int]:
    """Numbers of the needles that lie elsewhere."""
    pairs = zip(plan_needles(before), plan_needles(after), strict=True)
    return [n for n, (a, b) in enumerate(pairs) if a.needle != b.needle]


# the exercises ---------------------------------------------------------------------------------


def test_a_small_lesion_tried_by_somebody_new(
    come: Callable[..., Trainee], own_fine_sample: Path, tmp_path: Path
) -> None:
    trainee, id = come(NARROW, is_new=True), "small-and-central"
    trainee.look("choose")
    session, before = trainee.session, trainee.session.plan
    assert before.instruments
    assert trainee.mark(id) == "–"
    trainee.choose(id)
    trainee.start()
    assert session.plan.instruments == ()
    trainee.set_number("field_power_w", 80)
    trainee.set_number("field_time_s", 300)
    trainee.place(trainee.center, (11.0, -84.0, 0.0))
    trainee.undo_and_redo()
    probe = session.plan.instrument("p1")
    assert dict(probe.settings) == {"power_w": 80.0, "time_s": 300.0}
    trainee.drag(probe.tip_lps_mm, QPointF(2, -2))
    trainee.drag(session.plan.instrument("p1").entry_lps_mm, QPointF(6, 0))
    moved = session.plan.instrument("p1")
    assert moved.tip_lps_mm != probe.tip_lps_mm
    assert moved.entry_lps_mm != probe.entry_lps_mm
    trainee.look("placed")
    revealed = trainee.commit()
    labels = [step.label for step in revealed.attempt.steps]
    assert labels[-2:] == ["Move tip of probe p1", "Move entry of probe p1"]
    check_revealed(trainee, revealed, own_fine_sample, tmp_path)

    trainee.hand.click(resting(trainee.hand, lambda: trainee.panel.reveal.done))
    trainee.rest("attempts to be read")
    assert trainee.practising.stage == Stage.CHOOSE
    assert session.plan == before
    assert trainee.mark(id)[2:] == f"{revealed.attempt.score.points:.0f}"
    trainee.look("done")
    trainee.show_progress()
    trainee.look("progress")
    assert trainee.panel.progress.findChild(QLabel, "progressWords").text().startswith("1 attempt;")


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_three_centimetres_beside_a_branch_and_once_more(
    come: Callable[..., Trainee],
    own_fine_sample: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
) -> None:
    trainee = come(size)
    before = trainee.session.plan
    trainee.choose("near-portal-branch")
    trainee.start()
    trainee.place(trainee.center, (-29.0, -60.0, 0.0))
    trainee.undo_and_redo()
    trainee.look("placed")
    revealed = trainee.commit()
    check_revealed(trainee, revealed, own_fine_sample, tmp_path)

    trainee.hand.click(resting(trainee.hand, lambda: trainee.panel.reveal.retry))
    trainee.rest("the case to be shown")
    assert trainee.practising.stage == Stage.PLACE
    assert trainee.session.plan.instruments == ()
    assert trainee.practising.elapsed_s < 10.0
    trainee.place(trainee.center, (-29.0, -60.0, 0.0))
    asked: list[str] = []

    def give_up(_parent: object, title: str, _text: str, choices: tuple[str, ...]) -> str:
        asked.append(title)
        return choices[0]

    monkeypatch.setattr("planner.desktop.practice_work.ask", give_up)
    trainee.hand.click(resting(trainee.hand, lambda: trainee.panel.attempt.give_up))
    trainee.rest("attempts to be read")
    assert asked == ["Give this attempt up?"]
    assert trainee.practising.stage == Stage.CHOOSE
    assert trainee.session.plan == before
    assert len(trainee.practising.profiles.attempts("Anna").attempts) == 1


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_beside_the_gallbladder_and_on_to_the_next(
    come: Callable[..., Trainee], own_fine_sample: Path, tmp_path: Path, size: tuple[int, int]
) -> None:
    trainee = come(size)
    trainee.choose("beside-the-gallbladder")
    trainee.start()
    trainee.choose_device("generic-mwa-17g")
    id = trainee.place(trainee.center, (-17.0, -57.0, 0.0))
    trainee.undo_and_redo()
    at_the_table(trainee, id, QPointF(3, 2))
    revealed = trainee.commit()
    assert revealed.attempt.repositionings == 2
    check_revealed(trainee, revealed, own_fine_sample, tmp_path)

    following = next_exercise(trainee.panel.exercises, (revealed.attempt,)).exercise
    trainee.hand.click(resting(trainee.hand, lambda: trainee.panel.reveal.next))
    trainee.rest("attempts to be read")
    assert trainee.practising.stage == Stage.CHOOSE
    assert trainee.panel.choice.exercise == following


def test_five_centimetres_with_two_antennas(
    come: Callable[..., Trainee], own_fine_sample: Path, tmp_path: Path
) -> None:
    trainee = come(NARROW)
    trainee.choose("five-centimetres")
    trainee.start()
    trainee.set_number("field_power_w", 150)
    trainee.set_number("field_time_s", 720)
    x, y, z = trainee.center
    for off_mm, towards in ((-13.0, (-69.0, -25.0, 0.0)), (13.0, (-70.0, 0.0, 0.0))):
        trainee.place((x, y + off_mm, z), towards)
    assert [p.settings["power_w"] for p in trainee.session.plan.applicators] == [150.0, 150.0]
    trainee.undo_and_redo()
    at_the_table(trainee, "p1", QPointF(3, 2))
    check_revealed(trainee, trainee.commit(), own_fine_sample, tmp_path)


def test_under_the_dome_from_below(
    come: Callable[..., Trainee], own_fine_sample: Path, tmp_path: Path
) -> None:
    trainee = come(NARROW)
    trainee.choose("under-the-dome")
    trainee.start()
    trainee.choose_device("generic-mwa-17g")
    id = trainee.place(trainee.center, (-89.0, 0.0, -84.0), "coronal")
    trainee.undo_and_redo()
    at_the_table(trainee, id, QPointF(0, 4), "coronal")
    revealed = trainee.commit()
    assert any("breath" in x.text for x in revealed.lessons)
    check_revealed(trainee, revealed, own_fine_sample, tmp_path)


def test_electroporation_with_five_electrodes(
    come: Callable[..., Trainee], own_fine_sample: Path, tmp_path: Path
) -> None:
    trainee = come(NARROW)
    trainee.choose("ire-beside-portal-branch")
    trainee.start()
    trainee.set_number("electrodeCount", 5)
    towards: Vector = (80.0, -90.0, 0.0)
    trainee.place(trainee.center, towards, by="placeElectrodes")
    trainee.undo_and_redo()
    trainee.set_number("ire_nominal", 1400)
    assert trainee.session.undo_label == "Set 1400 V/cm in e1"
    (array,) = trainee.session.plan.electrode_arrays
    assert len(array.electrodes) == 5
    at_the_table(trainee, plan_needles(trainee.session.plan)[0].needle.id, QPointF(3, 2))
    check_revealed(trainee, trainee.commit(), own_fine_sample, tmp_path)
