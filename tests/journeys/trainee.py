"""A trainee's hands: an exercise is begun, needles are placed blind, put in, committed, and all is looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QLabel, QWidget
from steps import button, resting, scrolled_to

from planner.model.plan import Point
from planner.practice.exercise import Exercise
from planner.practice.revealing import Revealed
from planner.session.placing import center_of
from planner.session.practising import Stage

Vector = tuple[float, float, float]


class Trainee:
    """Plays exercises in a window by mouse and keys.

    Parameters
    ----------
    hand
        Mouse, keys and eyes.
    pictures
        Where pictures of each stage are kept.
    """

    def __init__(self, hand: Any, pictures: Path) -> None:
        self.hand, self.window = hand, hand.window
        self.panel = hand.window.practice_panel
        self.practising = hand.window.bench.practising
        self.session = hand.window.session
        self._pictures = pictures

    def look(self, name: str) -> None:
        """Keep a picture of a stage."""
        self.hand.picture(self._pictures / f"{name}.png")

    # choosing ------------------------------------------------------------------------------

    def practise(self) -> None:
        """Go to the mode by its button."""
        self.hand.click(button(self.window, "mode_practice"))
        self.rest("exercises and attempts to be read")

    def new_profile(self, name: str) -> None:
        """Make a profile by the button and the keys."""
        self.hand.click(button(self.window, "newProfile"))
        self.hand.wait(lambda: self.window.findChild(QWidget, "profileNameDialog") is not None, "the dialog")
        self.hand.settle(0.3)
        self.hand.type(name)
        self.look("profile")
        self.hand.key("Return")
        self.hand.wait(lambda: self.panel.profile.name == name, "the profile to be chosen")
        self.rest("attempts to be read")

    def choose_profile(self, name: str) -> None:
        """Choose who practises by the list."""
        box = self.panel.profile.box
        self.hand.click(box)
        self.hand.settle(0.3)
        self.hand.key("Home")
        for _ in range(box.findText(name)):
            self.hand.key("Down")
        self.hand.key("Return")
        self.hand.wait(lambda: self.panel.profile.name == name, "the profile to be chosen")
        self.rest("attempts to be read")

    def choose(self, id: str) -> Exercise:
        """Click an exercise's row."""
        self.hand.click(scrolled_to(self.hand, self.row(id)))
        assert self.panel.choice.exercise.id == id
        return self.panel.choice.exercise  # type: ignore[no-any-return]

    def row(self, id: str) -> QWidget:
        """The row of an exercise."""
        return next(w for w in self.panel.choice.findChildren(QWidget) if w.property("exercise") == id)

    def mark(self, id: str) -> str:
        """What the row says of the best attempt."""
        return self.row(id).findChildren(QLabel)[-1].text()

    def start(self) -> None:
        """Click Start."""
        self.hand.click(scrolled_to(self.hand, self.panel.choice.start))
        self.hand.wait(lambda: self.practising.stage == Stage.PLACE, "the exercise to begin")
        self.rest("the case to be shown")

    def rest(self, what: str) -> None:
        """Wait until nothing runs."""
        self.hand.wait(lambda: not self.window.jobs.is_running, what)
        self.hand.settle(0.2)

    def show_progress(self) -> None:
        """Go to the page of progress."""
        self.hand.click(
            next(b for b in self.panel.pages.findChildren(QAbstractButton) if "Progress" in b.text())
        )
        self.hand.wait(lambda: self.panel.progress.progress is not None, "the attempts to be read")
        self.hand.settle(0.3)

    # placing -------------------------------------------------------------------------------

    @property
    def center(self) -> Point:
        """The middle of the lesion of the exercise."""
        return center_of(self.session.case.structures, self.practising.exercise.lesion)

    def set_number(self, name: str, value: float) -> None:
        """Type a number into a field of the attempt."""
        field = self.panel.attempt.findChild(QAbstractSpinBox, name)
        self.hand.click(scrolled_to(self.hand, field), QPointF(20, field.height() / 2))
        self.hand.key("ctrl+a")
        self.hand.type(f"{value:g}")
        self.hand.key("Return")

    def choose_device(self, name: str) -> None:
        """Choose a device by the keys of its list."""
        box = self.panel.attempt.findChild(QComboBox, "devicePicker")
        self.hand.click(scrolled_to(self.hand, box))
        self.hand.settle(0.2)
        by = box.findData(name) - box.currentIndex()
        for _ in range(abs(by)):
            self.hand.key("Down" if by > 0 else "Up")
        self.hand.key("Return")

    def place(
        self, target: Point, towards: Vector, view: str = "axial", by: str = "practise_place_probe"
    ) -> str:
        """Click a button that places, the lesion in a slice, and the entry in it; gives the new one's id."""
        hand, slices = self.hand, getattr(self.window.views, view)
        self.session.selection.move_cursor(target)
        hand.settle(0.2)
        hand.click(scrolled_to(hand, button(self.panel.attempt, by)))
        hand.click(slices, slices.view_of(target))
        x, y, z = (float(v) for v in np.array(target) + towards)
        at = slices.view_of((x, y, z))
        hand.move(slices, at)
        hand.click(slices, at)
        return str(self.session.selection.instrument)

    def drag(self, end: Point, by: QPointF, view: str = "axial") -> None:
        """Drag an end of a needle in a slice that shows it."""
        slices = getattr(self.window.views, view)
        self.session.selection.move_cursor(end)
        self.hand.settle(0.2)
        at = slices.view_of(end)
        self.hand.drag(slices, at, at + by)

    def undo_and_redo(self) -> None:
        """Take the last change back by a key, and do it again by another."""
        after = self.session.plan
        self.hand.key("ctrl+z")
        assert self.session.plan != after
        self.hand.key("ctrl+shift+z")
        assert self.session.plan == after

    # the table -----------------------------------------------------------------------------

    def put_in(self) -> None:
        """Click what puts needles in."""
        self.hand.click(resting(self.hand, lambda: self.panel.attempt.put_in))
        self.rest("the control scan")
        assert self.practising.stage == Stage.TABLE

    def again(self, id: str) -> None:
        """Put a needle in again, aimed at the same place."""
        self.hand.click(scrolled_to(self.hand, button(self.panel.attempt, f"again_{id}")))
        self.rest("the control scan")

    def commit(self) -> Revealed:
        """Accept, and wait for what it comes to."""
        self.hand.click(resting(self.hand, lambda: self.panel.attempt.commit))
        self.hand.settle(0.3)
        self.look("judging")
        self.hand.wait(lambda: self.practising.stage == Stage.REVEALED, "the attempt to be judged", 120)
        self.rest("the score to be shown")
        assert self.practising.revealed is not None
        return self.practising.revealed  # type: ignore[no-any-return]
