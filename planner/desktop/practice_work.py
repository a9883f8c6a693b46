"""What ties the mode Practice together: exercises, attempts, what the views show, and what is locked meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from planner.base.errors import PlannerError
from planner.base.task import Task
from planner.desktop.attempt_jobs import AttemptJobs
from planner.desktop.messages import ask, show_error
from planner.desktop.practice_files import PracticeFiles
from planner.desktop.practice_guard import PracticeGuard
from planner.desktop.practice_views import PracticeViews
from planner.model.plan import Point
from planner.practice.attempts import Attempt
from planner.practice.current_attempt import CurrentAttempt
from planner.practice.exercise import Exercise
from planner.practice.exercise_folder import KnownExercises
from planner.practice.learning import next_exercise
from planner.practice.shipped import shipped_exercises
from planner.session.placing import center_of
from planner.session.practising import Stage

if TYPE_CHECKING:
    from planner.desktop.window import MainWindow
    from planner.practice.revealing import Revealed


class PracticeWork(QObject):
    """Runs exercises in the window.

    Parameters
    ----------
    window
        The window it works for.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.is_on = False
        self._views, self._guard, self._jobs = (
            PracticeViews(window),
            PracticeGuard(window),
            AttemptJobs(window),
        )
        self.files = PracticeFiles(window, self._files_changed)
        self._attempts: tuple[Attempt, ...] = ()
        self._stage = Stage.CHOOSE
        #: Id of a case that is being opened for an exercise, and what is done then.
        self._wanted: tuple[str, Callable[[], None]] | None = None
        self._clock = QTimer(self)
        self._clock.setInterval(500)
        panel = self._panel = window.practice_panel
        self._clock.timeout.connect(panel.attempt.show_time)
        practising = self._practising = window.bench.practising
        practising.changed.connect(self.follow)
        window.session.dragged.connect(self._dragged)
        window.bench.placing.changed.connect(self._refresh_attempt)
        panel.trouble.connect(self._say)
        panel.place_asked.connect(self._look_at)
        panel.profile.chosen.connect(self._profile_chosen)
        panel.progress.exercise_asked.connect(self._show_exercise)
        panel.progress.attempt_chosen.connect(self.look_back)
        panel.choice.begin_asked.connect(self.begin)
        panel.choice.case_asked.connect(self._open_case_of)
        panel.choice.file_asked.connect(self.files.choose)
        panel.choice.making_asked.connect(self.files.make)
        panel.choice.export_asked.connect(self.files.export)
        panel.choice.removal_asked.connect(self.files.remove)
        panel.resume_asked.connect(self.resume)
        panel.discard_asked.connect(self._discard)
        panel.teacher_asked.connect(self.files.show_teacher)
        panel.attempt.action_asked.connect(window.run_id)
        panel.attempt.put_in_asked.connect(self._jobs.put_in)
        panel.attempt.again_asked.connect(self._jobs.put_in)
        panel.attempt.commit_asked.connect(self._jobs.commit)
        panel.attempt.give_up_asked.connect(self.give_up)
        panel.reveal.overlay_asked.connect(self._show_overlays)
        panel.reveal.step_asked.connect(self._show_step)
        panel.reveal.retry_asked.connect(lambda: self._try(practising.retry))
        panel.reveal.next_asked.connect(self._go_on)
        panel.reveal.done_asked.connect(practising.end)
        panel.reveal.keep_asked.connect(self._keep_again)
        panel.reveal.file_asked.connect(self._jobs.save)

    # the mode ------------------------------------------------------------------------------

    def switch(self, is_on: bool) -> None:
        """Begin or end the mode."""
        if is_on == self.is_on:
            return
        self.is_on = is_on
        if is_on:
            self._panel.profile.refresh()
            if not self._panel.profile.name and self._window.session.settings.practice_profile:
                self._panel.profile.choose(self._window.session.settings.practice_profile)
            self._read_exercises()
            self._read_attempts()
        self.follow()

    def forget(self) -> None:
        """Another case is open: go on with what was wanted of it."""
        wanted, self._wanted = self._wanted, None
        if wanted is not None and wanted[0] == self._window.session.case.id:
            self._window.choose_mode_of("practice")
            QTimer.singleShot(0, self, wanted[1])  # once all has taken the case over

    def follow(self) -> None:
        """The case, the plan or the stage changed."""
        if self._practising.stage != self._stage:
            self._stage = self._practising.stage
            self._stage_changed()
        if not self.is_on:
            return
        self._panel.refresh()
        if self._stage == Stage.CHOOSE:
            session = self._window.session
            case_id = session.case.id if session.is_open else ""
            self._panel.choice.show_case(case_id, self._panel.profile.name)
            self._show_unfinished()
        if self._stage in (Stage.PLACE, Stage.TABLE):
            self._views.show_lying(self._practising.landing)
            self._window.views.refresh_slices()

    def _stage_changed(self) -> None:
        window, stage = self._window, self._stage
        is_on = self._practising.is_on
        if stage == Stage.PLACE:
            self._guard.stop_others()
        if is_on:
            self._guard.close_dialogs()
            window.status.forget_point()
            self._guard.use_devices(self._exercise)
        window.lock_modes("practice" if is_on else "")
        if self._practising.is_blind:
            self._views.blind(self._exercise.conditions)
            self._clock.start()
        else:
            self._views.clear()
            self._clock.stop()
        if stage == Stage.PLACE:
            window.go_to(center_of(window.session.case.structures, self._exercise.lesion))
        elif stage == Stage.TABLE and self._practising.landing is not None:
            # Where the middle of the lesion lies in the control scan.
            self._look_at(center_of(window.session.case.structures, self._exercise.lesion))
        elif stage == Stage.CHOOSE:
            self._guard.give_devices_back()
            self._read_attempts()
            window.show_judged()
        elif stage == Stage.REVEALED:
            self._reveal()
        window.update_actions()
        window.mark_practice()

    @property
    def _exercise(self) -> Exercise:
        exercise = self._practising.exercise
        assert exercise is not None
        return exercise

    def _dragged(self) -> None:
        if self.is_on:
            self._panel.attempt.show_moved()

    def _refresh_attempt(self) -> None:
        if self.is_on and self._practising.is_blind:
            self._panel.refresh()

    # choosing ------------------------------------------------------------------------------

    def _read_exercises(self) -> None:
        def read(_task: Task) -> KnownExercises:
            return self.files.folder.read()

        def show(known: KnownExercises) -> None:
            self._panel.exercises = known.exercises
            self._panel.choice.show_exercises(known.exercises, known.own, known.troubles)
            self._panel.progress.refresh()
            self._show_best()
            self.follow()

        self._window.jobs.start(
            "practice_exercises", "Reading exercises", read, show, self._say, needs_numerics=False
        )

    def _read_attempts(self) -> None:
        """The attempts of who practises, for the best scores and the next exercise."""
        name, profiles = self._panel.profile.name, self._practising.profiles
        if not name:
            self._attempts = ()
            self._show_best()
            return

        def read(_task: Task) -> tuple[Attempt, ...]:
            return profiles.attempts(name).attempts

        def show(attempts: tuple[Attempt, ...]) -> None:
            self._attempts = attempts
            self._show_best()
            self._panel.progress.show_profile(name)
            self._panel.reveal.show_next(next_exercise(self._panel.exercises, attempts))

        self._window.jobs.start(
            "practice_attempts", "Reading attempts", read, show, self._say, needs_numerics=False
        )

    def _files_changed(self, id: str) -> None:
        if id:
            self._panel.choice.choose(id)
        self._read_exercises()

    def _show_best(self) -> None:
        best: dict[str, tuple[float, bool]] = {}
        for attempt in self._attempts:
            found = (attempt.score.points, attempt.score.is_passed)
            best[attempt.exercise] = max(best.get(attempt.exercise, found), found)
        self._panel.choice.show_best(best)

    def _profile_chosen(self, name: str) -> None:
        session = self._window.session
        session.change_settings(session.settings.with_practice_profile(name))
        self._read_attempts()
        self._panel.progress.show_profile(name)
        self.follow()

    def _show_exercise(self, id: str) -> None:
        self._panel.choice.choose(id)
        self._panel.show_page(0)

    def open_sample(self) -> None:
        """Open the sample case, and go to its exercises."""
        self._open_case(shipped_exercises()[0].case.id, True, lambda: None)

    def _open_case_of(self, exercise: Exercise) -> None:
        """Open the case of an exercise, wherever the library knows it."""
        self._open_case(exercise.case.id, exercise.case.is_sample, lambda: self._show_exercise(exercise.id))

    def _open_case(self, id: str, is_sample: bool, then: Callable[[], None]) -> None:
        window = self._window
        if is_sample:
            self._wanted = (id, then)
            window.work.open_sample()
            return
        known = [e.path for e in window.session.index.recent(1000) if e.case_id == id]
        if not known:
            self._say(
                PlannerError(
                    "The case of this exercise is not on this machine.",
                    f"case '{id}'",
                    "Ask who made the exercise for the case, and open it once.",
                )
            )
            return
        self._wanted = (id, then)
        window.work.open_paths([Path(known[0])])

    # an attempt ----------------------------------------------------------------------------

    def begin(self, exercise: Exercise) -> None:
        """Begin an attempt for who is chosen."""
        self._try(partial(self._practising.begin, exercise, self._panel.profile.name))

    def resume(self) -> None:
        """Go on with the attempt that was open when the program ended."""
        found, _ = self._unfinished()
        exercise = self._known(found.exercise) if found is not None else None
        if found is None or exercise is None:
            return
        session = self._window.session
        if session.is_open and session.case.id == found.case_id:
            self._try(partial(self._practising.resume, found, exercise))
        else:
            self._open_case(found.case_id, exercise.case.is_sample, self.resume)

    def look_back(self, attempt: Attempt) -> None:
        """Show an attempt that is kept, with the score it was given then."""
        exercise, session = self._known(attempt.exercise), self._window.session
        if exercise is None:
            self._say(
                PlannerError(
                    "The exercise of this attempt is not on this machine.", f"'{attempt.title}'", "Add it."
                )
            )
            return
        if not (session.is_open and session.case.id == attempt.case_id):
            self._open_case(attempt.case_id, exercise.case.is_sample, partial(self.look_back, attempt))
            return
        case = session.case_behind

        def work(task: Task) -> Revealed:
            from planner.practice.revealing import reveal_again

            return reveal_again(exercise, case, attempt, task)

        self._window.jobs.start("practice", "Judging the attempt", work, self._show_again, self._say)

    def _show_again(self, revealed: Revealed) -> None:
        session = self._window.session
        is_there = session.is_open and session.case.id == revealed.exercise.case.id
        if is_there and self._practising.stage == Stage.CHOOSE and self.is_on:
            self._practising.take(revealed, None)

    def give_up(self) -> None:
        """Ask, then end the attempt without keeping it."""
        steps = len(self._practising.current.steps) if self._practising.current is not None else 0
        text = f"{steps} step{'' if steps == 1 else 's'} will be gone; nothing is scored."
        if ask(self._window, "Give this attempt up?", text, ("Give up", "Cancel")) == "Give up":
            self._try(self._practising.give_up)

    def may_leave(self) -> bool:
        """Whether another case may be opened, or the window closed; the exercise is left then.

        An open attempt waits on disk; the plan that was open before is shown again.
        """
        if self._practising.is_blind:
            text = "The attempt is kept as it is; go on with it when you come back to Practice."
            if ask(self._window, "Leave the exercise?", text, ("Leave", "Stay")) != "Leave":
                return False
        if self._practising.is_on:
            self._practising.end()
        return True

    def _go_on(self, id: str) -> None:
        self._practising.end()
        self._show_exercise(id)

    def _unfinished(self) -> tuple[CurrentAttempt | None, PlannerError | None]:
        try:
            return self._practising.unfinished(), None
        except PlannerError as error:
            return None, error

    def _show_unfinished(self) -> None:
        found, error = self._unfinished()
        self._window.mark_practice()
        why = ""
        if found is not None and self._panel.exercises and self._known(found.exercise) is None:
            why = "Its exercise is not on this machine any more."
        self._panel.show_unfinished(found, error, why)

    def _known(self, id: str) -> Exercise | None:
        return next((e for e in self._panel.exercises if e.id == id), None)

    def _discard(self) -> None:
        text = "Its steps will be gone. A file that cannot be read is kept beside."
        if ask(self._window, "Give this attempt up?", text, ("Give up", "Cancel")) == "Give up":
            self._try(self._practising.journal.discard)
            self._window.mark_practice()
            self.follow()

    def _keep_again(self) -> None:
        if self._jobs.keep_again():
            self._read_attempts()

    def _reveal(self) -> None:
        revealed, window = self._practising.revealed, self._window
        assert revealed is not None
        manifest = window.session.judgements.registry.module(revealed.exercise.module).manifest
        self._panel.reveal.show_attempt(revealed, manifest)
        self._jobs.say_not_kept()
        self._read_attempts()
        self._views.show_answer(revealed)
        self._show_overlays()
        told = [x for x in revealed.lessons if x.where_lps_mm is not None]
        if told:
            self._look_at(max(told, key=lambda x: x.points_lost or 0.0).where_lps_mm)

    def _look_at(self, lps_mm: Point | None) -> None:
        """Take all views to a place, near enough to tell two plans apart."""
        if lps_mm is not None:
            from planner.desktop.close_look import look_closely

            self._window.go_to(lps_mm)
            look_closely(self._window.views, lps_mm)

    def _show_overlays(self) -> None:
        revealed, part = self._practising.revealed, self._panel.reveal
        if revealed is not None:
            self._views.show_beside(revealed, part.reference_number, part.planned.isChecked())

    def _show_step(self, number: int | None) -> None:
        """Colours are of the end of the attempt: while an earlier step is looked at there are none."""
        revealed = self._practising.revealed
        if revealed is None:
            return
        if number is None:
            self._views.show_answer(revealed)
        else:
            self._views.hide_answer()
        self._practising.show_step(number)

    def _try(self, call: Callable[[], object]) -> None:
        try:
            call()
        except PlannerError as error:
            self._say(error)

    def _say(self, error: PlannerError) -> None:
        show_error(self._window, error)
