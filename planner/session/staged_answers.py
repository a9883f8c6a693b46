"""What stages and embolizations of the open plan leave of the liver: asked of the module for resections, in the worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psygnal import Signal

from planner.base.errors import PlannerError
from planner.model.assessment import Assessment
from planner.model.plan import Plan
from planner.plugin.hashing import plan_hash
from planner.plugin.running import Run
from planner.session.judgement import JudgementState
from planner.session.resecting import MODULE
from planner.session.session import Session

if TYPE_CHECKING:
    from planner.planning.liver_volumes import StandardVolume
    from planner.planning.staged_plans import EmbolizedLiver, StageNumbers

#: Settings that change no volume: their change asks nothing anew.
_OF_SHARES = ("liver_state", "standard_formula", "body_surface")

Answer = Assessment | PlannerError


class StagedAnswers:
    """Keeps answers to parts of the open plan, and asks for those that are missing, one after the other.

    Parameters
    ----------
    session
        Whose plan is asked about.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        self._session = session
        self._subject: tuple[Any, ...] = ()
        self._known: dict[str, Answer] = {}
        self._run: Run | None = None
        self._asked = self._stopped = ""

    # answers -------------------------------------------------------------------------------

    def of(self, plan: Plan) -> Answer | None:
        """What is known of a plan, or why it is not; None where it was not asked yet."""
        return self._known.get(plan_hash(plan))

    def after_first_stage(self, standard: StandardVolume) -> StageNumbers | None:
        """Numbers after the first stage; None for plans in one stage, and until they are known."""
        from planner.planning.staged_plans import first_stage, is_two_stage

        plan = self._session.plan
        return self._numbers(first_stage(plan), standard) if is_two_stage(plan) else None

    def after_all(self, standard: StandardVolume) -> StageNumbers | None:
        """Numbers after all stages; None until they are known."""
        return self._numbers(self._session.plan, standard)

    def embolized(self) -> EmbolizedLiver | None:
        """What embolizations close and spare; None without any, and until it is known."""
        from planner.planning.staged_plans import embolized_by

        return embolized_by(self._session.plan, self._assessed)

    @property
    def is_running(self) -> bool:
        """Whether something is being asked."""
        return self._run is not None

    @property
    def is_stopped(self) -> bool:
        """Whether the user stopped what was being asked; `ask_again` goes on."""
        return bool(self._stopped) and any(plan_hash(p) == self._stopped for p in self._wanted())

    @property
    def error(self) -> PlannerError | None:
        """Why something cannot be told; None where nothing went wrong."""
        plans = (*self._wanted(), self._session.recorded_plan)
        return next((a for p in plans if isinstance(a := self.of(p), PlannerError)), None)

    # asking --------------------------------------------------------------------------------

    def follow(self) -> None:
        """Ask for what is not known yet; called where the answers are looked at."""
        session = self._session
        if not session.is_open:
            return
        subject = self._subject_now()
        if subject != self._subject:
            self._subject, self._known, self._run, self._stopped = subject, {}, None, ""
        self._keep_judged()
        if not session.case.structure_sets:
            return
        for plan in self._wanted():
            key = plan_hash(plan)
            if key not in self._known:
                if key != self._stopped and (self._run is None or self._asked != key):
                    self._ask(plan, key)
                return

    def ask_again(self) -> None:
        """Ask anew for what went wrong or was stopped."""
        self._stopped = ""
        self._known = {k: a for k, a in self._known.items() if isinstance(a, Assessment)}
        self.follow()
        self.changed.emit()

    def _subject_now(self) -> tuple[Any, ...]:
        """All that answers depend on beside the plan."""
        case, settings = self._session.case, self._session.judgements.settings(MODULE)
        kept = tuple(sorted((k, v) for k, v in settings.items() if k not in _OF_SHARES))
        return (case.id, case.structure_sets[:1], case.vessel_trees, kept)

    def _keep_judged(self) -> None:
        """The plan itself is judged anyway."""
        judgement = self._session.judgements.of(MODULE)
        answer, key = judgement.assessment, plan_hash(self._session.recorded_plan)
        if judgement.state == JudgementState.CURRENT and answer is not None and answer.inputs["plan"] == key:
            self._known[key] = answer
        elif judgement.state == JudgementState.FAILED and judgement.error is not None:
            self._known.setdefault(key, judgement.error)

    def _wanted(self) -> tuple[Plan, ...]:
        """Plans other than the open one that have to be assessed."""
        from planner.planning.staged_plans import derived_plans

        return derived_plans(self._session.recorded_plan)

    def _assessed(self, plan: Plan) -> Assessment | None:
        answer = self.of(plan)
        return answer if isinstance(answer, Assessment) else None

    def _numbers(self, plan: Plan, standard: StandardVolume) -> StageNumbers | None:
        from planner.planning.staged_plans import stage_numbers

        answer = self._assessed(plan)
        return None if answer is None else stage_numbers(answer, standard)

    def _ask(self, plan: Plan, key: str) -> None:
        judgements, case = self._session.judgements, self._session.case
        post = judgements.post
        run = Run(
            MODULE,
            on_progress=lambda _fraction, _text: None,
            on_done=lambda found: post(lambda: self._take(run, key, found)),
            on_failed=lambda error: post(lambda: self._take(run, key, error)),
            on_cancelled=lambda: post(lambda: self._forget(run)),
        )
        self._run, self._asked, self._stopped = run, key, ""
        try:
            judgements.slow_runner.start(run, case, plan, judgements.settings(MODULE))
        except OSError as error:
            trouble = PlannerError("The module's process could not be started.", MODULE, str(error))
            self._take(run, key, trouble)

    def _take(self, run: Run, key: str, found: Answer) -> None:
        if self._run is run:
            self._run = None
            self._known[key] = found
            self.follow()
            self.changed.emit()

    def _forget(self, run: Run) -> None:
        if self._run is run:
            self._run, self._stopped = None, self._asked
            self.changed.emit()
