"""Goes through the steps of an attempt: back, play, on, and a slider."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSlider, QVBoxLayout, QWidget

from planner.desktop.pieces import Elided
from planner.practice.attempts import AttemptStep
from planner.practice.condition_words import clock_words

#: One step is shown so long while playing.
STEP_MS = 800


class ReplayBar(QWidget):
    """One place a step; the last one is the attempt as it was committed."""

    step_asked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._steps: tuple[AttemptStep, ...] = ()
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 0, 14, 2)
        column.setSpacing(2)
        line = QHBoxLayout()
        line.setSpacing(4)
        self.play = _button("▶", "replayPlay", "Play the attempt")
        self.play.setCheckable(True)
        self.play.toggled.connect(self._play)
        self.back = _button("◀", "replayBack", "One step back")
        self.back.clicked.connect(lambda _checked: self._by(-1))
        self.on = _button("▶▏", "replayOn", "One step on")
        self.on.clicked.connect(lambda _checked: self._by(1))
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setObjectName("replaySlider")
        self.slider.setAccessibleName("Step of the attempt")
        self.slider.valueChanged.connect(self._moved)
        for button in (self.back, self.play, self.on):
            line.addWidget(button)
        line.addWidget(self.slider, 1)
        column.addLayout(line)
        self._words = Elided()
        self._words.setObjectName("replayWords")
        self._words.setProperty("dim", True)
        column.addWidget(self._words)
        self._timer = QTimer(self)
        self._timer.setInterval(STEP_MS)
        self._timer.timeout.connect(self._tick)

    def show_steps(self, steps: tuple[AttemptStep, ...]) -> None:
        """Take another attempt, shown at its end."""
        self.stop()
        self._steps = steps
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, len(steps))
            self.slider.setValue(len(steps))
        for widget in (self.play, self.back, self.on, self.slider):
            widget.setEnabled(bool(steps))
        self._say()

    def stop(self) -> None:
        """Play no more."""
        self.play.setChecked(False)

    def _play(self, is_on: bool) -> None:
        self.play.setText("❚❚" if is_on else "▶")
        if not is_on:
            self._timer.stop()
            return
        if self.slider.value() == self.slider.maximum():
            self.slider.setValue(0)
        self._timer.start()

    def _tick(self) -> None:
        self._by(1)
        if self.slider.value() == self.slider.maximum():
            self.stop()

    def _by(self, count: int) -> None:
        self.slider.setValue(self.slider.value() + count)

    def _moved(self, number: int) -> None:
        self._say()
        self.step_asked.emit(number if number < len(self._steps) else None)

    def _say(self) -> None:
        number, count = self.slider.value(), len(self._steps)
        if number >= count:
            self._words.set_full("As it was committed")
            return
        step = self._steps[number]
        self._words.set_full(f"{number + 1} of {count} · {clock_words(step.after_s)} · {step.label}")


def _button(text: str, name: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setObjectName(name)
    button.setProperty("compact", True)
    button.setFixedWidth(34)
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    return button
