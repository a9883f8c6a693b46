"""The table of an exercise: needles are put in, and lie where they were drawn; how the control scan is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from planner.base.errors import PlannerError
from planner.model.plan import Plan
from planner.session.session import Session

if TYPE_CHECKING:
    from planner.practice.current_attempt import CurrentAttempt
    from planner.practice.exercise import Exercise
    from planner.practice.landing import Landing
    from planner.practice.staging import Lying


class PracticeTable:
    """How the needles of the open attempt lie.

    Parameters
    ----------
    session
        Whose case the control scan is made of.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.landing: Landing | None = None
        #: While a control scan is made.
        self.is_busy = False
        #: Whether the plan is taken off the control scan.
        self.hides_plan = False

    def clear(self) -> None:
        """No needle is put in."""
        self.landing, self.is_busy, self.hides_plan = None, False, False

    def pending(self, plan: Plan) -> tuple[str, ...]:
        """Needles, by what people call them, that a plan has elsewhere than they were put in by."""
        if self.landing is None:
            return ()
        from planner.session.practice_locks import changed_needles

        return changed_needles(self.landing.planned, plan)

    def putting_in(self, exercise: Exercise, current: CurrentAttempt, again: str) -> Callable[[], Lying]:
        """Draw where needles come to lie; what is returned makes the control scan, on any thread.

        Parameters
        ----------
        exercise, current
            The task, and the open attempt.
        again
            Id of the one needle that is put in again, aimed at the same place; else all that are new or moved.

        Raises
        ------
        PlannerError
            If there is no such needle, or none is put in yet.
        """
        from planner.practice.landing import landed, replanned, repositioned

        plan, before, label = self._session.recorded_plan, self.landing, "Put the needles in"
        if again and before is None:
            raise PlannerError("No needle is put in yet.", again, "Put the needles in first.")
        if before is None:
            landing = landed(plan, exercise.conditions, current.seed)
        elif again:
            landing, label = repositioned(before, again), f"Reposition {again}"
        else:
            landing, label = replanned(before, plan), "Put in again"
        self.is_busy = True
        return self._lying(exercise, landing, plan, label)

    def as_before(self, exercise: Exercise, current: CurrentAttempt, plan: Plan) -> Lying | None:
        """How the needles of an attempt lay that is taken up again; None where they were not put in."""
        from planner.practice.landing import landed

        if current.planned is None:
            return None
        self.is_busy = True
        landing = landed(current.planned, exercise.conditions, current.seed, tries=current.tries)
        return self._lying(exercise, landing, plan, "")()

    def _lying(self, exercise: Exercise, landing: Landing, plan: Plan, label: str) -> Callable[[], Lying]:
        from planner.practice.staging import Lying, blind_case, table_case

        case = blind_case(self._session.case_behind, exercise)
        return lambda: Lying(landing, table_case(case, landing), plan, label)
