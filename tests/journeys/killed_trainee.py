"""A window in a process of its own, in which an attempt is begun; it says how far it is, and waits to be killed.

Called with the case, the library, the exercise's id, and where it ends: `ENDS`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import custom_probe
from PySide6.QtWidgets import QApplication, QPushButton

from planner.desktop.application import make_application
from planner.desktop.window import MainWindow
from planner.io.plan_file import encode_plan
from planner.library.index import LibraryIndex
from planner.practice.current_attempt import AttemptJournal
from planner.practice.profiles import Profiles

#: While placing; on the table; as soon as commit was pressed; before and after the attempt is kept.
ENDS = ("placing", "on the table", "pressed", "before it is kept", "after it is kept")


def wait(is_so: Callable[[], bool], what: str) -> None:
    """Let the window work until something is so."""
    end = time.monotonic() + 60.0
    while not is_so():
        QApplication.processEvents()
        time.sleep(0.002)
        if time.monotonic() > end:
            raise TimeoutError(what)


def die(*_given: Any) -> None:
    """As ``kill -9`` does."""
    os.kill(os.getpid(), signal.SIGKILL)


def say(window: MainWindow) -> None:
    """Say what the attempt is now, once all of it is on the disk."""
    practising = window.bench.practising
    current, landing = practising.current, practising.landing
    assert current is not None

    def is_kept() -> bool:
        kept = practising.journal.read()
        return kept is not None and kept.steps == current.steps

    wait(is_kept, "the attempt to be on the disk")
    told = {
        "steps": len(current.steps),
        "seconds": current.seconds,
        "plan": encode_plan(window.session.recorded_plan),
        "lying": "" if landing is None else encode_plan(landing.plan),
        "repositionings": 0 if landing is None else landing.repositionings,
    }
    print(json.dumps(told), flush=True)


def play(window: MainWindow, exercise: str, end: str) -> None:
    """Go as far as asked."""
    panel, session, practising = window.practice_panel, window.session, window.bench.practising

    def lies(tries: int) -> bool:
        landing = practising.landing
        return landing is not None and landing.repositionings == tries and not practising.table.is_busy

    def buttons() -> list[QPushButton]:
        return list(panel.attempt.findChildren(QPushButton, "again_p1"))

    panel.choice.choose(exercise)
    panel.choice.start.click()
    session.change_plan("Place probe p1", session.plan.with_instrument(custom_probe(center=(0.0, 0.0, 9.0))))
    session.change_plan("Move probe p1", session.plan.with_instrument(custom_probe(center=(0.0, 3.0, 2.0))))
    if end != "placing":
        panel.attempt.put_in.click()
        for tries in range(2):
            wait(lambda tries=tries: lies(tries), "the needle to lie")  # type: ignore[misc]
            wait(lambda: any(b.isVisible() and b.isEnabled() for b in buttons()), "the needle to be listed")
            next(b for b in buttons() if b.isVisible()).click()
        wait(lambda: lies(2), "the needle to lie again")
    say(window)
    if end == "before it is kept":
        Profiles.add = die  # type: ignore[method-assign]
    elif end == "after it is kept":
        AttemptJournal.discard = die  # type: ignore[method-assign]
    if end not in ENDS[:2]:
        panel.attempt.commit.click()
    if end == "pressed":
        die()


def main(case: Path, library: Path, exercise: str, end: str) -> None:
    """Open the case, and play."""
    make_application()
    window = MainWindow(LibraryIndex(library))
    window.show()
    window.work.open_paths([case])
    wait(lambda: window.session.is_open and not window.jobs.is_running, "the case to open")
    window.choose_mode_of("practice")
    wait(lambda: not window.jobs.is_running, "the exercises to be read")
    window.practice_panel.profile.choose("Anna")
    wait(lambda: not window.jobs.is_running, "the attempts to be read")
    play(window, exercise, end)
    wait(lambda: False, "the end")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4])
