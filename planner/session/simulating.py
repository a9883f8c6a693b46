"""A simulation of the plan: asked for in the worker, watched while it runs, kept until the next one."""

from __future__ import annotations

from psygnal import Signal

from planner.base.errors import PlannerError
from planner.model.assessment import Assessment, ScalarField, Surface
from planner.model.case import Case
from planner.model.plan import Plan
from planner.plugin.hashing import plan_hash
from planner.plugin.registry import TreatmentModule
from planner.plugin.running import Run
from planner.session.session import Session

#: Fields of temperature over time are named so, with their second behind it, such as ``temperature_0060s``.
TEMPERATURE = "temperature_"


class Simulating:
    """Asks for a simulation, and shows one of its moments.

    Parameters
    ----------
    session
        Whose case and plan are simulated.
    """

    changed = Signal()
    shown_changed = Signal()

    def __init__(self, session: Session) -> None:
        self._session = session
        self.assessment: Assessment | None = None
        self.error: PlannerError | None = None
        self.progress: tuple[float, str] = (0.0, "")
        self.is_overlay_on = True
        self.moment = 0
        self._live: ScalarField | None = None
        self._of: tuple[Case, str] | None = None
        self._run: Run | None = None

    # asking --------------------------------------------------------------------------------

    @property
    def is_running(self) -> bool:
        """Whether a simulation is under way."""
        return self._run is not None

    @property
    def is_current(self) -> bool:
        """Whether what was simulated is the plan and the structures as they are now."""
        session = self._session
        if self.assessment is None or self._of is None or not session.is_open:
            return False
        case, plan = self._of
        same_sets = [s is t for s, t in zip(case.structure_sets, session.case.structure_sets, strict=False)]
        same_settings = all(
            self.assessment.settings.get(name) == value
            for name, value in session.judgements.settings(self.assessment.module).items()
        )
        return all(same_sets) and same_settings and plan == plan_hash(session.recorded_plan)

    def modules(self) -> tuple[TreatmentModule, ...]:
        """The modules that judge the plan and simulate; loads their logic."""
        judging = self._session.judgements.registry.judging(self._session.recorded_plan)
        return tuple(m for m in judging if m.function("simulate") is not None)

    def ask(self, module: str) -> None:
        """Simulate the plan as it is; an older simulation is disowned."""
        session = self._session
        judgements, case, plan = session.judgements, session.case, session.recorded_plan
        self.error, self.progress, self._live = None, (0.0, "Simulating"), None
        post = judgements.post
        run = Run(
            module,
            on_progress=lambda f, t: post(lambda: self._progressed(run, f, t)),
            on_done=lambda found: post(lambda: self._done(run, found, case, plan)),
            on_failed=lambda error: post(lambda: self._failed(run, error)),
            on_cancelled=lambda: None,
            do="simulate",
            on_shown=lambda picture: post(lambda: self._watched(run, picture)),
        )
        self._run = run
        try:
            judgements.slow_runner.start(run, case, plan, judgements.settings(module))
        except OSError as error:
            self._run = None
            self.error = PlannerError("The module's process could not be started.", module, str(error))
        self.changed.emit()

    def cancel(self) -> None:
        """Stop; an earlier simulation stays."""
        if self._run is not None:
            self._session.judgements.slow_runner.cancel(self._run)
            self._run = self._live = None
            self.changed.emit()
            self.shown_changed.emit()

    def clear(self) -> None:
        """Forget all, as when another case is opened."""
        self._run = self._live = self.assessment = self.error = self._of = None
        self.moment = 0
        self.changed.emit()
        self.shown_changed.emit()

    # showing -------------------------------------------------------------------------------

    @property
    def moments(self) -> tuple[tuple[float, ScalarField], ...]:
        """Seconds and temperatures of the finished simulation, in order."""
        fields = self.assessment.fields if self.assessment is not None else ()
        found = [(seconds_of(f), f) for f in fields if f.name.startswith(TEMPERATURE)]
        return tuple(sorted(found, key=lambda pair: pair[0]))

    @property
    def shown(self) -> ScalarField | None:
        """The temperatures to lay over the slices: live ones while a simulation runs."""
        if not self.is_overlay_on:
            return None
        if self._live is not None:
            return self._live
        moments = self.moments
        return moments[min(self.moment, len(moments) - 1)][1] if moments else None

    @property
    def zone(self) -> Surface | None:
        """The simulated zone, where a simulation is finished and none runs."""
        if self.assessment is None or self._live is not None:
            return None
        return next((s for s in self.assessment.surfaces if s.name == "simulated_zone"), None)

    def choose_moment(self, number: int) -> None:
        """Show another moment."""
        if number != self.moment:
            self.moment = number
            self.shown_changed.emit()

    def show_overlay(self, is_on: bool) -> None:
        """Lay temperatures over the slices, or not."""
        if is_on != self.is_overlay_on:
            self.is_overlay_on = is_on
            self.shown_changed.emit()

    def _progressed(self, run: Run, fraction: float, text: str) -> None:
        if self._run is run:
            self.progress = (fraction, text)
            self.changed.emit()

    def _watched(self, run: Run, picture: ScalarField) -> None:
        if self._run is run:
            self._live = picture
            self.shown_changed.emit()

    def _done(self, run: Run, found: Assessment, case: Case, plan: Plan) -> None:
        if self._run is run:
            self._run = self._live = None
            self.assessment, self._of = found, (case, plan_hash(plan))
            self.moment = max(0, len(self.moments) - 1)
            self.changed.emit()
            self.shown_changed.emit()

    def _failed(self, run: Run, error: PlannerError) -> None:
        if self._run is run:
            self._run = self._live = None
            self.error = error
            self.changed.emit()
            self.shown_changed.emit()


def seconds_of(field: ScalarField) -> float:
    """The second of a field of temperatures."""
    return float(field.name.removeprefix(TEMPERATURE).removesuffix("s"))
