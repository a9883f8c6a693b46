"""Plans a treatment module suggests for a lesion: asked for in the worker, looked at, and taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from psygnal import Signal

from planner.base.errors import PlannerError
from planner.model.plan import Instrument, Plan
from planner.model.suggestion import Suggestion
from planner.plugin.registry import TreatmentModule
from planner.plugin.running import Run
from planner.session.session import Session

#: How suggestions can be ranked: words, a score's name, and whether more of it is better.
Order = tuple[str, str, bool]
ORDERS: tuple[Order, ...] = (
    ("fewest probes", "probes_count", False),
    ("highest chance of 5 mm", "chance_of_5mm_margin_percent", True),
    ("least healthy liver", "liver_destroyed_ml", False),
    ("most clearance", "least_path_clearance_mm", True),
    ("widest margin", "minimal_margin_mm", True),
)

#: The same for arrays of electrodes.
ELECTRODE_ORDERS: tuple[Order, ...] = (
    ("fewest electrodes", "electrodes_count", False),
    ("best coverage with margin", "lesion_plus_5mm_coverage_percent", True),
    ("least current", "largest_current_a", False),
    ("most clearance", "least_path_clearance_mm", True),
)

#: Letters instruments' ids begin with, by kind.
PREFIXES = {"applicator": "p", "focus_grid": "h", "electrode_array": "e", "resection": "r"}
#: Kinds of instruments that heat or freeze.
NEEDLES = ("applicator", "focus_grid")


class Suggesting:
    """Asks for suggestions, and makes one of them the plan.

    Parameters
    ----------
    session
        Whose case and plan are asked about.
    kinds
        Of the instruments that are suggested; others of the lesion stay as they are.
    orders
        How they can be ranked.
    """

    changed = Signal()

    def __init__(
        self, session: Session, kinds: tuple[str, ...] = NEEDLES, orders: tuple[Order, ...] = ORDERS
    ) -> None:
        self._session, self.kinds, self.orders = session, kinds, orders
        self.lesion = ""
        self.suggestions: tuple[Suggestion, ...] = ()
        self.error: PlannerError | None = None
        self.progress: tuple[float, str] = (0.0, "")
        self.looked_at: int | None = None
        self._found: tuple[Suggestion, ...] = ()
        self._run: Run | None = None
        session.plan_changed.connect(self._plan_changed)

    @property
    def is_running(self) -> bool:
        """Whether suggestions are being made."""
        return self._run is not None

    def module(self) -> TreatmentModule | None:
        """The module that suggests such instruments; loads its logic."""
        for module in self._session.judgements.registry.modules.values():
            if set(self.kinds) & set(module.manifest.instruments) and module.function("suggest") is not None:
                return module
        return None

    def ask(self, module: str, lesion: str, goal: Mapping[str, Any]) -> None:
        """Ask a module for plans for a lesion; an older question is disowned."""
        session = self._session
        session.cancel_drag()
        judgements = session.judgements
        self.lesion, self.suggestions, self.error, self.looked_at = lesion, (), None, None
        self._found = ()
        self.progress = (0.0, "Suggesting plans")
        post = judgements.post
        run = Run(
            module,
            on_progress=lambda f, t: post(lambda: self._progressed(run, f, t)),
            on_done=lambda found: post(lambda: self._done(run, tuple(found))),
            on_failed=lambda error: post(lambda: self._failed(run, error)),
            on_cancelled=lambda: None,
            do="suggest",
            goal={**goal, "lesion": lesion},
        )
        self._run = run
        try:
            judgements.slow_runner.start(run, session.case, session.plan, judgements.settings(module))
        except OSError as error:
            self._run = None
            self.error = PlannerError("The module's process could not be started.", module, str(error))
        self.changed.emit()

    def cancel(self) -> None:
        """Stop; earlier suggestions are gone, the plan stays as it is."""
        if self._run is not None:
            self._session.judgements.slow_runner.cancel(self._run)
        self._run = None
        self.changed.emit()

    def clear(self) -> None:
        """Forget all, as when another case is opened."""
        self._run = None
        self.lesion, self.suggestions, self.error, self.looked_at = "", (), None, None
        self._found = ()
        self.changed.emit()

    def rank(self, order: int) -> None:
        """Put the best by one of the orders first; ties keep the module's order, what has no score comes last."""
        _, name, is_more = self.orders[order]
        self.look_away()

        def key(suggestion: Suggestion) -> tuple[bool, float]:
            score = suggestion.scores.get(name)
            return (score is None, 0.0 if score is None else -score if is_more else score)

        self.suggestions = tuple(sorted(self._found, key=key))
        self.changed.emit()

    def look_at(self, number: int) -> None:
        """Show a suggestion as a drag does: nothing is changed until it is taken."""
        self.looked_at = number
        self._session.drag_plan(self._plan_of(self.suggestions[number]))
        self.changed.emit()

    def look_away(self) -> None:
        """Show the plan as it is again."""
        if self.looked_at is not None:
            self.looked_at = None
            self._session.cancel_drag()
            self.changed.emit()

    def take(self, number: int) -> None:
        """Make a suggestion the plan; can be undone."""
        suggestion = self.suggestions[number]
        plan = self._plan_of(suggestion)
        self.looked_at = None
        self._session.change_plan(f"Take suggested plan {suggestion.name}", plan)
        self.changed.emit()

    def _plan_of(self, suggestion: Suggestion) -> Plan:
        """The plan as it is now with the lesion's probes taken from a suggestion."""
        plan = self._session.recorded_plan
        plan = replace(plan, instruments=tuple(i for i in plan.instruments if not self._is_replaced(i)))
        for needle in suggestion.plan.instruments:
            if self._is_replaced(needle):
                plan = plan.with_instrument(replace(needle, id=plan.free_id(PREFIXES[needle.kind])))
        return plan

    def _is_replaced(self, instrument: Instrument) -> bool:
        return instrument.lesion == self.lesion and instrument.kind in self.kinds

    def _plan_changed(self) -> None:
        """A change of the plan ends a look at a suggestion."""
        if self.looked_at is not None and self._session.plan is self._session.recorded_plan:
            self.looked_at = None
            self.changed.emit()

    def _progressed(self, run: Run, fraction: float, text: str) -> None:
        if self._run is run:
            self.progress = (fraction, text)
            self.changed.emit()

    def _done(self, run: Run, found: tuple[Suggestion, ...]) -> None:
        if self._run is run:
            self._run = None
            self.suggestions = self._found = found
            self.changed.emit()

    def _failed(self, run: Run, error: PlannerError) -> None:
        if self._run is run:
            self._run = None
            self.error = error
            self.changed.emit()
