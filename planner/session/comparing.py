"""Plans side by side: each is assessed by its modules, and what differs is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from psygnal import Signal

from planner.base.errors import PlannerError
from planner.model.assessment import Assessment, Metric, Severity
from planner.model.case import Case
from planner.model.plan import Plan
from planner.model.wording import mark, unit_text, value_text
from planner.plugin.manifest import Manifest
from planner.plugin.running import Run
from planner.session.session import Session

#: Plans that stand side by side at most.
MOST = 3


@dataclass(frozen=True)
class PlanChoice:
    """A plan that can be compared: the open one (no version), or a saved version."""

    name: str
    version: int | None = None
    is_latest: bool = True

    @property
    def words(self) -> str:
        """For a list."""
        if self.version is None:
            return f"{self.name} (open)"
        return f"{self.name}, version {self.version}" + ("" if self.is_latest else " (older)")


@dataclass(eq=False)
class ComparedPlan:
    """A plan with what the modules say of it, as far as they have answered."""

    choice: PlanChoice
    plan: Plan
    answers: dict[str, Assessment] = field(default_factory=dict)
    errors: dict[str, PlannerError] = field(default_factory=dict)


@dataclass(frozen=True)
class ComparedRow:
    """One number of all plans.

    Parameters
    ----------
    module, title, subject, unit
        What it is.
    values, marks
        For each plan as shown; empty where it has none.
    """

    module: str
    title: str
    subject: str
    unit: str
    values: tuple[str, ...]
    marks: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether the plans that have this number differ in what is shown."""
        return len({v for v in self.values if v}) > 1


class Comparing:
    """Assesses plans one after the other in the worker, and lines their numbers up.

    Parameters
    ----------
    session
        Whose case and plans.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        self._session = session
        self.plans: list[ComparedPlan] = []
        self._waiting: list[tuple[ComparedPlan, str]] = []
        self._run: Run | None = None
        self._case: Case | None = None
        self._done_count = self._all_count = 0
        self._part = 0.0

    @property
    def choices(self) -> tuple[PlanChoice, ...]:
        """The open plan, then saved versions, newest first."""
        if not self._session.is_open:
            return ()
        versions = list(reversed(self._session.plan_versions()))
        seen: set[str] = set()
        found = [PlanChoice(self._session.plan.name)]
        for version in versions:
            found.append(PlanChoice(version.name, version.version, version.name not in seen))
            seen.add(version.name)
        return tuple(found)

    @property
    def is_running(self) -> bool:
        """Whether plans are being assessed."""
        return self._run is not None

    @property
    def progress(self) -> tuple[float, str]:
        """How far, and in words."""
        share = (self._done_count + self._part) / max(1, self._all_count)
        return share, f"Comparing plans: {self._done_count + 1} of {self._all_count}"

    def compare(self, choices: tuple[PlanChoice, ...]) -> None:
        """Take these plans, and ask what is not known of them yet.

        Raises
        ------
        PlannerError
            If a saved plan cannot be read.
        """
        session = self._session
        self.cancel()
        if session.case is not self._case:
            self.plans, self._case = [], session.case
        plans = []
        for choice in choices[:MOST]:
            plan = (
                session.recorded_plan
                if choice.version is None
                else session.saved_plan(choice.name, choice.version)
            )
            kept = next((p for p in self.plans if p.plan == plan), None)
            made = ComparedPlan(choice, plan, kept.answers if kept else {}, {})
            if choice.version is None:
                made.answers |= {a.module: a for a in session.judgements.current_answers(plan)}
            plans.append(made)
        self.plans = plans
        self._waiting = [
            (made, m.manifest.id)
            for made in plans
            for m in session.judgements.registry.judging(made.plan)
            if m.manifest.id not in made.answers
        ]
        self._done_count, self._all_count = 0, len(self._waiting)
        self._next()

    def cancel(self) -> None:
        """Ask no more; what is known stays."""
        run, self._run = self._run, None
        self._waiting = []
        if run is not None:
            self._session.judgements.slow_runner.cancel(run)
        self.changed.emit()

    def clear(self) -> None:
        """Forget all, as when another case is opened."""
        self.cancel()
        self.plans, self._case = [], None
        self.changed.emit()

    def rows(self) -> tuple[ComparedRow, ...]:
        """What stands and differs between the plans, in the modules' order."""
        found = []
        for manifest in self._manifests():
            found += list(self._counts(manifest))
            answers = [p.answers.get(manifest.id) for p in self.plans]
            for section in manifest.sections_of("assess"):
                for shown in section.metrics:
                    for subject in _subjects(answers, shown.name):
                        metrics = [_metric(a, shown.name, subject) for a in answers]
                        unit = next((unit_text(m) for m in metrics if m is not None), "")
                        found.append(
                            ComparedRow(
                                manifest.title,
                                shown.title,
                                "" if subject == "plan" else subject,
                                unit,
                                tuple("" if m is None else value_text(m) for m in metrics),
                                tuple("" if m is None else mark(m) for m in metrics),
                            )
                        )
        return tuple(found)

    def _manifests(self) -> list[Manifest]:
        registry = self._session.judgements.registry
        judging = {m.manifest.id for p in self.plans for m in registry.judging(p.plan)}
        return [m.manifest for id, m in registry.modules.items() if id in judging]

    def _counts(self, manifest: Manifest) -> Iterator[ComparedRow]:
        for severity, words in ((Severity.STOP, "What must be changed"), (Severity.WARNING, "Warnings")):
            counts = []
            for plan in self.plans:
                answer = plan.answers.get(manifest.id)
                said = answer.findings if answer is not None else ()
                counts.append("" if answer is None else str(sum(f.severity == severity for f in said)))
            yield ComparedRow(manifest.title, words, "", "", tuple(counts), ("",) * len(counts))

    def _next(self) -> None:
        self._part = 0.0
        if not self._waiting:
            self._run = None
            self.changed.emit()
            return
        compared, module = self._waiting.pop(0)
        judgements = self._session.judgements
        post = judgements.post
        stopped = PlannerError("Another question took the place of this one.", module, "Compare again.")
        run = Run(
            module,
            on_progress=lambda fraction, _text: post(lambda: self._went_on(run, fraction)),
            on_done=lambda answer: post(lambda: self._answered(run, compared, module, answer)),
            on_failed=lambda error: post(lambda: self._answered(run, compared, module, error)),
            on_cancelled=lambda: post(lambda: self._answered(run, compared, module, stopped)),
        )
        self._run = run
        try:
            judgements.slow_runner.start(run, self._session.case, compared.plan, judgements.settings(module))
        except OSError as error:
            failed = PlannerError("The module's process could not be started.", module, str(error))
            self._answered(run, compared, module, failed)
            return
        self.changed.emit()

    def _went_on(self, run: Run, fraction: float) -> None:
        if self._run is run:
            self._part = fraction
            self.changed.emit()

    def _answered(
        self, run: Run, compared: ComparedPlan, module: str, answer: Assessment | PlannerError
    ) -> None:
        if self._run is not run:
            return  # disowned
        if isinstance(answer, PlannerError):
            compared.errors[module] = answer
        else:
            compared.answers[module] = answer
        self._done_count += 1
        self._next()


def _subjects(answers: list[Assessment | None], name: str) -> list[str]:
    said = (m.subject for a in answers if a is not None for m in a.metrics if m.name == name)
    return list(dict.fromkeys(said))


def _metric(answer: Assessment | None, name: str, subject: str) -> Metric | None:
    if answer is None:
        return None
    return next((m for m in answer.metrics if m.name == name and m.subject == subject), None)
