"""What the treatment modules say of the open plan: live while dragging, exact on demand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from planner.base.errors import Cancelled, InvalidValue, PlannerError
from planner.base.task import Task
from planner.compute.loading import load_numerics
from planner.model.assessment import Assessment, Preview
from planner.model.case import Case
from planner.model.plan import Plan
from planner.plugin.hashing import plan_hash
from planner.plugin.judging import guarded
from planner.plugin.registry import Registry, TreatmentModule
from planner.plugin.running import ModuleRunner, Run
from planner.plugin.settings import kept_values, usable_values
from planner.session.case_settings import CaseSettings

if TYPE_CHECKING:
    from planner.planning.access_rules import AccessRules

Post = Callable[[Callable[[], None]], None]


class JudgementState(StrEnum):
    """How an answer stands to what is open now."""

    NONE = "none"
    RUNNING = "running"
    CURRENT = "current"
    OUT_OF_DATE = "out of date"
    FAILED = "failed"


@dataclass(frozen=True, eq=False)
class Judgement:
    """A module's newest answer, and how it stands to the open plan."""

    module: str
    state: JudgementState = JudgementState.NONE
    assessment: Assessment | None = None
    preview: Preview | None = None
    error: PlannerError | None = None
    progress: tuple[float, str] = (0.0, "")


@dataclass
class _Prepared:
    source: Any = None
    value: Any = None
    task: Task = field(default_factory=Task)
    is_ready: bool = False


class Judgements:
    """Keeps every applicable module's answer in step with the open case and plan.

    Parameters
    ----------
    registry
        The installed modules.
    post
        Runs a call on the thread that owns the session; called from other threads.
    settings
        By module, kept values that differ from its defaults; what a module no longer takes is left
        out and said through `trouble`.
    case_settings
        Where settings are kept that speak of one patient.
    """

    changed = Signal(str)
    progressed = Signal(str)
    settings_changed = Signal(str)
    trouble = Signal(PlannerError)

    def __init__(
        self,
        registry: Registry,
        post: Post,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        case_settings: CaseSettings | None = None,
    ) -> None:
        self.registry = registry
        self._case_settings = case_settings
        self.post = post
        self._runner = ModuleRunner()
        #: Asks what takes long (suggestions, simulations), so that assessments never wait behind it.
        self.slow_runner = ModuleRunner()
        self._judgements: dict[str, Judgement] = {}
        self._prepared: dict[str, _Prepared] = {}
        self._settings: dict[str, dict[str, Any]] = {
            name: dict(values) for name, values in (settings or {}).items()
        }
        self._runs: dict[str, Run] = {}
        self._subject: tuple[Case, Plan] | None = None
        self._refused: object = None
        self._is_silent = False

    def close(self) -> None:
        """Stop everything that runs."""
        for prepared in self._prepared.values():
            prepared.task.cancel()
        self._runner.close()
        self.slow_runner.close()

    @property
    def is_silent(self) -> bool:
        """Whether nothing is asked and nothing is said, as while somebody practises without numbers."""
        return self._is_silent

    def silence(self, is_on: bool) -> None:
        """Say and ask nothing from now on, or go on; what was answered before is forgotten."""
        if is_on == self._is_silent:
            return
        self.cancel()
        self._is_silent = is_on
        known, self._judgements = tuple(self._judgements), {}
        for name in known:
            self.changed.emit(name)

    def of(self, module: str) -> Judgement:
        """The newest judgement of a module."""
        return self._judgements.get(module, Judgement(module))

    def settings(self, module: str) -> Mapping[str, Any]:
        """Values of a module's settings that differ from its defaults."""
        told = self._case_settings.of(module) if self._case_settings is not None else {}
        if told and module in self.registry.modules:
            kept, refused = usable_values(self.registry.module(module).settings_class, told)
            if refused and told is not self._refused:
                self._refused = told  # said once for what the case tells
                self._say_refused(module, refused)
            told = kept
        return {**self.own_settings(module), **told}

    def own_settings(self, module: str) -> Mapping[str, Any]:
        """Those that are kept for the next case too: all but what speaks of one patient.

        What an earlier version kept for every patient although it speaks of one is left out.
        """
        held = self._settings.get(module, {})
        if held and self._case_settings is not None and module in self.registry.modules:
            return kept_values(self.registry.module(module).settings_class, held)
        return held

    def set_settings(self, module: str, values: Mapping[str, Any]) -> None:
        """Change a module's settings; those that speak of one patient are a change of the case.

        Raises
        ------
        InvalidValue
            If one is wrong, or speaks of a patient and no case is open.
        """
        wanted = self.registry.module(module)
        wanted.settings(values)
        own = kept_values(wanted.settings_class, values)
        if self._case_settings is not None:
            self._case_settings.keep(module, {n: v for n, v in values.items() if n not in own})
        else:
            own = dict(values)
        self._settings[module] = own
        self._mark_old(module)
        self.settings_changed.emit(module)

    def follow(self, case: Case, plan: Plan) -> None:
        """Say what is open now; answers to anything else are out of date."""
        self._subject = (case, plan)
        for module in () if self._is_silent else self.registry.modules.values():
            is_wanted = not module.manifest.waits or module in self.registry.judging(plan)
            if is_wanted and _has_needed(module, case):
                self._prepare(module, case)
        for name in tuple(self._judgements):  # who listens may ask anew
            self._mark_old(name)

    def make_ready(self, case: Case, module: str) -> None:
        """Prepare a module that waits for its instrument before the plan has one; nothing where it is not there."""
        wanted = self.registry.modules.get(module)
        if wanted is not None and _has_needed(wanted, case):
            self._prepare(wanted, case)

    def preview(self, case: Case, plan: Plan, focus: str) -> None:
        """Answer at once with the few numbers shown while an instrument is dragged."""
        if self._is_silent:
            return
        for module in self.registry.judging(plan):
            name = module.manifest.id
            prepared = self._prepared.get(name)
            if prepared is None or not prepared.is_ready:
                continue
            call = module.function("preview")
            if call is not None:
                self._preview(module, call, prepared.value, case, plan, focus)

    def assess(self, case: Case, plan: Plan) -> None:
        """Ask every module that judges the plan's instruments for its whole answer."""
        self.follow(case, plan)
        if self._is_silent:
            return
        for module in self.registry.judging(plan):
            name = module.manifest.id
            run = Run(
                name,
                on_progress=lambda f, t, n=name: self.post(lambda: self._progress(n, f, t)),  # type: ignore[misc]
                on_done=lambda a, n=name, c=case, p=plan: self.post(lambda: self._done(n, a, c, p)),  # type: ignore[misc]
                on_failed=lambda e, n=name: self.post(lambda: self._failed(n, e)),  # type: ignore[misc]
                on_cancelled=lambda: None,
            )
            self._runs[name] = run
            try:
                self._runner.start(run, case, plan, self.settings(name))
            except OSError as error:
                self._failed(
                    name, PlannerError("The module's process could not be started.", name, str(error))
                )
                continue
            self._set(name, state=JudgementState.RUNNING, error=None, progress=(0.0, "Assessing"))

    def cancel(self) -> None:
        """Stop all running assessments; earlier answers stay and are out of date."""
        for name, run in self._runs.items():
            if not run.is_over:
                self._runner.cancel(run)
                self._set(name, state=self._old_state(name))

    def current_answers(self, plan: Plan) -> tuple[Assessment, ...]:
        """The whole answer of every module that judges a plan; empty unless all are of what is open."""
        found = [self.of(m.manifest.id) for m in self.registry.judging(plan)]
        answers = tuple(
            j.assessment
            for j in found
            if j.state == JudgementState.CURRENT
            and j.assessment is not None
            and j.assessment.inputs.get("plan") == plan_hash(plan)
        )
        return answers if len(answers) == len(found) else ()

    @property
    def is_running(self) -> bool:
        """Whether an assessment is under way."""
        return any(j.state == JudgementState.RUNNING for j in self._judgements.values())

    def _preview(
        self,
        module: TreatmentModule,
        call: Callable[..., Any],
        prepared: Any,
        case: Case,
        plan: Plan,
        focus: str,
    ) -> None:
        name = module.manifest.id
        settings = module.settings(self.settings(name))
        try:
            answer: Preview = guarded(module, lambda: call(case, prepared, plan, settings, focus))
        except PlannerError as error:
            self._set(name, state=JudgementState.FAILED, preview=None, error=error)
            return
        self._set(name, preview=answer, error=None, state=self._old_state(name))

    def _prepare(self, module: TreatmentModule, case: Case) -> None:
        """Start what depends on the case alone, on a thread: even loading a module takes a while."""
        name = module.manifest.id
        trees = case.vessel_trees if module.manifest.reads_vessels else ()
        # What speaks of a patient is no part of what is prepared.
        source = (case.structure_sets[:1], trees, dict(self.own_settings(name)))
        held = self._prepared.get(name)
        if held is not None and held.source == source:
            return
        if held is not None:
            held.task.cancel()
        prepared = self._prepared[name] = _Prepared(source)

        def work() -> None:
            try:
                load_numerics()
                call = module.function("prepare")
                kept, refused = usable_values(module.settings_class, source[2])
                if refused:
                    self.post(lambda: self._leave_out(name, source[2], kept, refused))
                    return
                settings = module.settings(kept)
                value = (
                    guarded(module, lambda: call(case, settings, prepared.task)) if call is not None else None
                )
            except (Cancelled, PlannerError):
                return  # without it there is no live preview; the whole answer says what is wrong
            self.post(lambda: self._ready(name, prepared, value))

        threading.Thread(target=work, name=f"prepare-{name}", daemon=True).start()

    def _leave_out(
        self, name: str, given: Mapping[str, Any], kept: dict[str, Any], refused: tuple[InvalidValue, ...]
    ) -> None:
        """Go on without kept settings that the module no longer takes, and say so once."""
        if self.own_settings(name) != given:
            return
        self._settings[name] = dict(kept)
        self.settings_changed.emit(name)
        self._say_refused(name, refused)
        if self._subject is not None:
            self.follow(*self._subject)

    def _say_refused(self, name: str, refused: tuple[InvalidValue, ...]) -> None:
        words = "; ".join(error.thing for error in refused)
        error = PlannerError(
            "Kept settings no longer fit and were left out.", f"{name}: {words}", refused[0].todo
        )
        self.post(lambda: self.trouble.emit(error))

    def _ready(self, name: str, prepared: _Prepared, value: Any) -> None:
        if self._prepared.get(name) is prepared:
            prepared.value, prepared.is_ready = value, True
            self.changed.emit(name)

    def access_rules(self, plan: Plan) -> AccessRules | None:
        """The rules of paths of the module that judges a plan, or of the first that has some."""
        for module in (*self.registry.judging(plan), *self.registry.modules.values()):
            call = module.function("access_rules")
            if call is not None:
                settings = module.settings(self.settings(module.manifest.id))
                rules: AccessRules = guarded(module, lambda call=call, settings=settings: call(settings))
                return rules
        return None

    def prepared(self, module: str) -> Any:
        """What a module prepared of the case; None where it is not ready."""
        held = self._prepared.get(module)
        return held.value if held is not None and held.is_ready else None

    def is_ready(self, module: str) -> bool:
        """Whether a module can preview at once."""
        held = self._prepared.get(module)
        return held is not None and held.is_ready

    def _done(self, name: str, assessment: Assessment, case: Case, plan: Plan) -> None:
        if self._is_silent:  # it was under way when silence began
            return
        state = JudgementState.CURRENT
        if (
            self._subject is None
            or self._subject[0] is not case
            or plan_hash(self._subject[1]) != plan_hash(plan)
        ):
            state = JudgementState.OUT_OF_DATE
        self._set(name, state=state, assessment=assessment, preview=None, error=None)

    def _failed(self, name: str, error: PlannerError) -> None:
        if self._is_silent:
            return
        self._set(name, state=JudgementState.FAILED, error=error)

    def _progress(self, name: str, fraction: float, text: str) -> None:
        if self.of(name).state == JudgementState.RUNNING:
            # Not `changed`: nothing of the answer has, and who shows answers would do so at each step.
            self._judgements[name] = replace(self.of(name), progress=(fraction, text))
            self.progressed.emit(name)

    def _old_state(self, name: str) -> JudgementState:
        return JudgementState.OUT_OF_DATE if self.of(name).assessment else JudgementState.NONE

    def _mark_old(self, name: str) -> None:
        held = self.of(name)
        if held.state == JudgementState.CURRENT:
            self._set(name, state=JudgementState.OUT_OF_DATE)

    def _set(self, name: str, **changes: Any) -> None:
        self._judgements[name] = replace(self.of(name), **changes)
        self.changed.emit(name)


def _has_needed(module: TreatmentModule, case: Case) -> bool:
    """Whether a case has a structure of every role a module needs."""
    present = {s.role for s in case.structure_sets[0].structures} if case.structure_sets else set()
    return set(module.manifest.needs) <= present
