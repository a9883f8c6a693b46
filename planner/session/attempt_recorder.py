"""The attempt that is open: its steps as they are done, kept on disk after each."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from planner.base.errors import PlannerError
from planner.model.plan import Plan
from planner.practice.attempts import AttemptStep
from planner.practice.current_attempt import AttemptJournal, CurrentAttempt
from planner.practice.landing import Landing


class AttemptRecorder:
    """Notes the steps of one attempt, and writes them off the session's thread: syncing may take longer than a frame.

    Parameters
    ----------
    journal
        Where the open attempt is kept.
    current
        What there is of it already; its time goes on.
    clock
        Seconds that nobody sets back.
    on_trouble
        Told once where it cannot be written; called on a thread of its own.
    """

    def __init__(
        self,
        journal: AttemptJournal,
        current: CurrentAttempt,
        clock: Callable[[], float],
        on_trouble: Callable[[PlannerError], None],
    ) -> None:
        self.current = current
        #: While something is only shown anew, nothing of it is a step.
        self.is_held = False
        self._journal, self._clock, self._on_trouble = journal, clock, on_trouble
        self._began_s = clock() - current.seconds
        self._is_said = False
        self._pool: ThreadPoolExecutor | None = None

    @property
    def elapsed_s(self) -> float:
        """Taken so far, without the time the program was closed meanwhile."""
        return self._clock() - self._began_s

    def is_new(self, plan: Plan) -> bool:
        """Whether a plan is another one than after the last step."""
        last = self.current.plan
        return not self.is_held and plan.instruments != (last.instruments if last is not None else ())

    def note(self, label: str, plan: Plan, landing: Landing | None) -> None:
        """Add a step, and keep it soon."""
        lying, tries = (None, None) if landing is None else (landing.plan, landing.tries)
        self.current = self.current.with_step(AttemptStep(self.elapsed_s, label, plan, lying), tries)
        self._pool = self._pool or ThreadPoolExecutor(max_workers=1, thread_name_prefix="practice")
        self._pool.submit(self._keep, self.current)

    def finish(self) -> None:
        """Wait until all is written."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True)

    def _keep(self, current: CurrentAttempt) -> None:
        try:
            self._journal.keep(current)
        except PlannerError as error:
            if not self._is_said:
                self._is_said = True
                self._on_trouble(error)
