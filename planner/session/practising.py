"""Practice: an exercise is chosen, needles are placed blind, put in on the table, committed, and then all is shown."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from psygnal import Signal

from planner.base.errors import InvalidValue, PlannerError
from planner.base.task import Task
from planner.model.plan import Plan
from planner.session.practice_table import PracticeTable
from planner.session.session import Session

# What practice is made of is loaded when it is first asked for: a window must not wait for it.
if TYPE_CHECKING:
    from planner.practice.current_attempt import AttemptJournal, CurrentAttempt
    from planner.practice.exercise import Exercise
    from planner.practice.landing import Landing
    from planner.practice.profiles import Profiles
    from planner.practice.revealing import Revealed
    from planner.practice.staging import Lying
    from planner.session.attempt_recorder import AttemptRecorder


class Stage(StrEnum):
    """How far an attempt is."""

    CHOOSE = "choose"
    PLACE = "place"
    TABLE = "table"
    JUDGED = "judged"
    REVEALED = "revealed"


#: Stages in which no number of the plan may be seen.
BLIND = (Stage.PLACE, Stage.TABLE, Stage.JUDGED)
Clock = Callable[[], float]


class Practising:
    """The attempt that is open, and what may be seen and done meanwhile.

    Parameters
    ----------
    session
        Whose case is practised on; the open plan waits behind the attempt.
    profiles, journal
        Where attempts and the open one are kept; in the user's data folder by default.
    clock
        Seconds that nobody sets back.
    """

    changed = Signal()

    def __init__(
        self,
        session: Session,
        profiles: Profiles | None = None,
        journal: AttemptJournal | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self._session, self._clock = session, clock
        self._profiles, self._journal = profiles, journal
        self.stage = Stage.CHOOSE
        self.exercise: Exercise | None = None
        self.table = PracticeTable(session)
        self.revealed: Revealed | None = None
        self.not_kept: PlannerError | None = None
        self._before = Stage.CHOOSE
        #: When the unfinished attempt was begun that is known not to be kept.
        self._found = ""
        self._recorder: AttemptRecorder | None = None
        self._image = ""
        session.plan_changed.connect(self._plan_changed)
        session.case_changed.connect(self._case_changed)

    @property
    def profiles(self) -> Profiles:
        """Where attempts are kept."""
        if self._profiles is None:
            from planner.practice.profiles import Profiles

            self._profiles = Profiles()
        return self._profiles

    @profiles.setter
    def profiles(self, profiles: Profiles) -> None:
        self._profiles = profiles

    @property
    def journal(self) -> AttemptJournal:
        """Where the open attempt is kept."""
        if self._journal is None:
            from planner.practice.current_attempt import AttemptJournal

            self._journal = AttemptJournal()
        return self._journal

    @journal.setter
    def journal(self, journal: AttemptJournal) -> None:
        self._journal = journal

    # what is so ----------------------------------------------------------------------------

    @property
    def is_on(self) -> bool:
        """Whether an attempt is open or shown."""
        return self.stage != Stage.CHOOSE

    @property
    def is_blind(self) -> bool:
        """Whether nothing that judges the plan may be seen."""
        return self.stage in BLIND

    @property
    def landing(self) -> Landing | None:
        """How the needles lie; None where they are not put in, or land as planned."""
        return self.table.landing

    @property
    def holds_plan(self) -> bool:
        """Whether the plan must stay as it is: needles are being put in by it, or it is being judged, or was."""
        return self.table.is_busy or self.stage in (Stage.JUDGED, Stage.REVEALED)

    @property
    def shows_zone(self) -> bool:
        """Whether zones of devices are drawn."""
        return not (self.is_blind and self.exercise is not None and not self.exercise.conditions.shows_zone)

    @property
    def shows_plan(self) -> bool:
        """Whether the plan is drawn on slices: on the table one may take it off the control scan."""
        return not (self.table.hides_plan and self.stage == Stage.TABLE)

    def show_plan(self, is_shown: bool) -> None:
        """Draw the plan over the control scan, or take it off."""
        self.table.hides_plan = not is_shown
        self.changed.emit()

    @property
    def elapsed_s(self) -> float:
        """Since the attempt was begun, without the time the program was closed meanwhile."""
        if self.revealed is not None:
            return self.revealed.attempt.seconds
        return self._recorder.elapsed_s if self._recorder is not None else 0.0

    @property
    def current(self) -> CurrentAttempt | None:
        """The attempt with its steps so far; None where none is open."""
        return self._recorder.current if self._recorder is not None else None

    def locks(self, id: str) -> str:
        """Why an action or menu entry cannot be used now, or empty."""
        if self.exercise is None:
            return ""
        from planner.session.practice_locks import placing_lock, shown_lock

        is_placing = self.stage in (Stage.PLACE, Stage.TABLE) and not self.table.is_busy
        return placing_lock(id, self.exercise, self._session) if is_placing else shown_lock(id)

    @property
    def pending(self) -> tuple[str, ...]:
        """Needles, by what people call them, that were changed on the table and are not put in yet."""
        return self.table.pending(self._session.recorded_plan) if self.stage == Stage.TABLE else ()

    @property
    def why_not_go_on(self) -> str:
        """Why needles can neither be put in nor the plan be committed, or empty."""
        if self.stage not in (Stage.PLACE, Stage.TABLE) or self.exercise is None:
            return "Begin an exercise first."
        from planner.session.practice_locks import why_not_an_answer

        return why_not_an_answer(self.exercise, self._session.plan)

    @property
    def why_not_commit(self) -> str:
        """Why the plan cannot be committed now, or empty."""
        if why := "Putting the needles in…" if self.table.is_busy else self.why_not_go_on:
            return why
        assert self.exercise is not None
        if self.exercise.conditions.is_table and self.stage == Stage.PLACE:
            return "Put the needles in first."
        if waiting := self.pending:
            return f"{' and '.join(waiting)} changed: put in again, or undo."
        return ""

    # beginning and ending ------------------------------------------------------------------

    def unfinished(self) -> CurrentAttempt | None:
        """The attempt that was open when the program ended; one that was committed just then is put away.

        Raises
        ------
        PlannerError
            If it, or the attempts of its profile, cannot be read, or it cannot be put away.
        """
        found = self.journal.read() if not self.is_blind else None
        if found is None or found.started == self._found:
            return found
        if self.profiles.holds(found.profile, found.exercise, found.started, found.seed):
            self.journal.discard()
            return None
        self._found = found.started
        return found

    def begin(self, exercise: Exercise, profile: str, seed: int | None = None) -> None:
        """Begin an attempt: an empty plan on the exercise's case, judged by nobody.

        Parameters
        ----------
        exercise, profile
            What is tried, and by whom.
        seed
            Of the draw of where needles land; a new one where None.

        Raises
        ------
        InvalidValue
            If the case is another one or was changed, or the profile is not there.
        PlannerError
            If another attempt is open, or this one cannot be kept.
        """
        from planner.practice.attempts import PLANNED
        from planner.practice.current_attempt import CurrentAttempt

        exercise.check_case(self._session.case_behind)
        if profile not in self.profiles.names():
            raise InvalidValue("Attempts belong to a profile.", f"'{profile}'", "Choose or make one first.")
        self._check_devices(exercise)
        current = CurrentAttempt(
            exercise.id,
            exercise.title,
            exercise.case.id,
            profile,
            secrets.randbits(62) if seed is None else seed,
            datetime.now(UTC).isoformat(),
        )
        self.journal.begin(current)
        self._open(exercise, current, Plan(PLANNED, exercise.case.id), "Begin the exercise")

    def resume(self, current: CurrentAttempt, exercise: Exercise) -> None:
        """Go on with an attempt that was open when the program ended, with the time it had taken.

        Raises
        ------
        InvalidValue
            If it is of another exercise, or the case is another one or was changed.
        """
        if current.exercise != exercise.id:
            raise InvalidValue("The attempt was begun at another exercise.", current.title, "Begin anew.")
        exercise.check_case(self._session.case_behind)
        self._check_devices(exercise)
        from planner.practice.attempts import PLANNED

        plan = current.plan or Plan(PLANNED, exercise.case.id)
        self._open(exercise, current, plan, "Go on with the exercise")
        lying = self.table.as_before(exercise, current, plan)
        if lying is not None:
            self.lie(lying)

    def _check_devices(self, exercise: Exercise) -> None:
        from planner.planning.device_library import device_library

        for name in exercise.devices:
            device_library().device(name)

    def _open(self, exercise: Exercise, current: CurrentAttempt, plan: Plan, label: str) -> None:
        from planner.practice.staging import blind_case
        from planner.session.attempt_recorder import AttemptRecorder

        session = self._session
        session.judgements.silence(True)
        session.selection.choose(lesion=exercise.lesion, instrument="")
        self._stop_recording()
        self.exercise = exercise
        self.table.clear()
        self.revealed = self.not_kept = None
        if not session.is_aside:
            self._image = session.selection.image
        case = blind_case(session.case_behind, exercise)
        if session.is_aside:
            session.go_on_aside(label, plan, case)
        else:
            session.work_aside(label, plan, case)
        if case.planning_image is not None:
            self._show_image(case.planning_image.id)
        post = session.judgements.post
        self._recorder = AttemptRecorder(
            self.journal, current, self._clock, lambda error: post(lambda: session.trouble.emit(error))
        )
        self.stage = Stage.PLACE  # once the views have taken over what they show
        self.changed.emit()

    def retry(self, seed: int | None = None) -> None:
        """Begin the same exercise anew.

        Raises
        ------
        PlannerError
            If none was tried, or the new attempt cannot be kept.
        """
        if self.revealed is None or self.exercise is None:
            raise PlannerError("There is no attempt to do again.", "", "Begin an exercise first.")
        if self.not_kept is not None:
            raise PlannerError(
                "The attempt is not kept yet.", self.not_kept.what, "Keep it first, or end the exercise."
            )
        self.begin(self.exercise, self.revealed.attempt.profile, seed)

    def give_up(self) -> None:
        """End the open attempt without keeping it.

        Raises
        ------
        PlannerError
            If what is on disk cannot be put away; the attempt stays open then.
        """
        if self._recorder is not None:
            self._recorder.finish()
        self.journal.discard()
        self.end()

    def end(self) -> None:
        """Show the case and the plan as they were before; an attempt that is not committed stays on disk."""
        session = self._session
        self._reset()
        if session.is_open:
            session.cancel_drag()
            session.judgements.silence(False)
            if session.is_aside:
                self._show_image("")  # the control scan goes
                session.end_aside()
                self._show_image(self._image)
        self.changed.emit()

    def _reset(self) -> None:
        self._stop_recording()
        self.table.clear()
        self.stage = Stage.CHOOSE
        self.exercise = self.revealed = self.not_kept = None

    def _stop_recording(self) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            recorder.finish()

    # on the table --------------------------------------------------------------------------

    def put_in(self) -> None:
        """Put the needles in; on the table those that were moved again, which is counted, and new ones.

        Raises
        ------
        PlannerError
            If nothing is placed or the plan does not keep to the exercise.
        """
        self.lie(self.putting_in()())

    def put_in_again(self, id: str) -> None:
        """Draw a needle back and put it in again, aimed at the same place; counted. The others stay."""
        self.lie(self.putting_in(id)())

    def putting_in(self, again: str = "") -> Callable[[], Lying]:
        """Begin to put needles in; what is returned makes the control scan, on any thread, and `lie` shows it.

        Parameters
        ----------
        again
            Id of the one needle that is drawn back and put in again, aimed at the same place; else all that are
            new or were moved.

        Raises
        ------
        PlannerError
            If nothing is placed, the plan does not keep to the exercise, or there is no such needle.
        """
        if why := self.why_not_go_on:
            raise PlannerError("The needles cannot be put in.", "", why)
        assert self.exercise is not None
        assert self.current is not None
        make = self.table.putting_in(self.exercise, self.current, again)
        self.changed.emit()
        return make

    def stop_putting_in(self) -> None:
        """The needles could not be put in, or that was cancelled: all is as it was."""
        self.table.is_busy = False
        self.changed.emit()

    def lie(self, lying: Lying) -> None:
        """Show how the needles lie; without a label it was so before."""
        is_wanted, self.table.is_busy = self.table.is_busy, False
        if self._recorder is None or not is_wanted:  # the exercise was left meanwhile, or another begun
            return
        session = self._session
        self._recorder.is_held = True
        self.table.landing = lying.landing
        self._show_image("")  # the scan shown may not be in it
        session.go_on_aside(lying.label or "Go on with the exercise", lying.plan, lying.case)
        self._show_image(lying.case.images[0].id)
        self._recorder.is_held = False
        if lying.label:
            self._recorder.note(lying.label, lying.plan, lying.landing)
        self.stage = Stage.TABLE
        self.changed.emit()

    def _show_image(self, id: str) -> None:
        if any(i.id == id for i in self._session.case.images) or not id:
            self._session.selection.choose(image=id)

    # committing ----------------------------------------------------------------------------

    def commit(self) -> Callable[[Task], Revealed]:
        """Take the plan as it is; what is returned judges it, on any thread, and `take` shows it.

        Raises
        ------
        PlannerError
            If it cannot be committed now.
        """
        if why := self.why_not_commit:
            raise PlannerError("The attempt cannot be committed.", "", why)
        assert self.exercise is not None
        assert self.current is not None
        from planner.practice.revealing import reveal

        exercise, current, landing = self.exercise, self.current, self.landing
        case, plan, seconds = self._session.case_behind, self._session.recorded_plan, self.elapsed_s
        at = datetime.now(UTC).isoformat()
        self._before, self.stage = self.stage, Stage.JUDGED
        self.changed.emit()
        return lambda task: reveal(exercise, case, current, plan, landing, at=at, seconds=seconds, task=task)

    def keep(self, revealed: Revealed) -> PlannerError | None:
        """Keep a judged attempt with its profile, on any thread; what went wrong, or None.

        The open attempt is put away only once it is kept.
        """
        if self._recorder is not None:
            self._recorder.finish()
        attempt = revealed.attempt
        try:
            if not self.profiles.holds(attempt.profile, attempt.exercise, attempt.started, attempt.seed):
                self.profiles.add(attempt.profile, attempt)
            self.journal.discard()
        except PlannerError as error:
            return error
        return None

    def take(self, revealed: Revealed, not_kept: PlannerError | None) -> None:
        """Show what a committed attempt comes to, and why it could not be kept, if so; or one of earlier."""
        from planner.practice.attempts import PLANNED

        session = self._session
        self._stop_recording()
        self.exercise, self.revealed, self.not_kept = revealed.exercise, revealed, not_kept
        plan, case = replace(revealed.plan, name=PLANNED), session.case_behind
        if session.is_aside:
            self._show_image("")  # the control scan goes
            session.go_on_aside("Show the attempt", plan, case)
            self._show_image(self._image)
        else:
            self._image = session.selection.image
            self.table.clear()
            session.judgements.silence(True)
            session.work_aside("Show the attempt", plan)
        ids = [i.id for i in revealed.plan.instruments]
        session.selection.choose(lesion=revealed.exercise.lesion, instrument=ids[0] if ids else "")
        self.stage = Stage.REVEALED
        self.changed.emit()

    def go_back(self) -> None:
        """The plan could not be judged, or that was cancelled: it is open again as it was."""
        if self.stage == Stage.JUDGED:
            self.stage = self._before
            self.changed.emit()

    def show_step(self, number: int | None) -> None:
        """Show the plan as it was after a step of the attempt, nothing of it recorded; None shows the end."""
        if self.revealed is None:
            return
        if number is None:
            self._session.cancel_drag()
            return
        step = self.revealed.attempt.steps[number]
        self._session.drag_plan(step.landed or step.plan)

    # what the session says -----------------------------------------------------------------

    def _plan_changed(self) -> None:
        """What is done to the plan is a step of the attempt."""
        if self._recorder is None or self.stage not in (Stage.PLACE, Stage.TABLE):
            return
        plan = self._session.recorded_plan
        if self._recorder.is_new(plan):
            self._recorder.note(self._session.last_change or "Change", plan, self.landing)
            self.changed.emit()

    def _case_changed(self) -> None:
        """Another case, or none: the attempt waits on disk."""
        if self.is_on and not (self._session.is_open and self._session.is_aside):
            self._reset()
            self.changed.emit()
