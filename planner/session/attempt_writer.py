"""Keeps the open attempt on disk after each step, off the session's thread: syncing may take longer than a frame."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from planner.base.errors import PlannerError
from planner.practice.current_attempt import AttemptJournal, CurrentAttempt


class AttemptWriter:
    """Writes one attempt's steps in their order.

    Parameters
    ----------
    journal
        Where the open attempt is kept.
    on_trouble
        Told once where it cannot be written; called on the writer's thread.
    """

    def __init__(self, journal: AttemptJournal, on_trouble: Callable[[PlannerError], None]) -> None:
        self._journal, self._on_trouble = journal, on_trouble
        self._is_said = False
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="practice")

    def write(self, current: CurrentAttempt) -> None:
        """Keep the attempt as it is now, soon."""
        self._pool.submit(self._keep, current)

    def finish(self) -> None:
        """Wait until all is written."""
        self._pool.shutdown(wait=True)

    def _keep(self, current: CurrentAttempt) -> None:
        try:
            self._journal.keep(current)
        except PlannerError as error:
            if not self._is_said:
                self._is_said = True
                self._on_trouble(error)
