"""Whether a treatment may be done for a lesion: a module's checklist, asked for in the worker."""

from __future__ import annotations

from psygnal import Signal

from planner.base.errors import PlannerError
from planner.model.assessment import Assessment
from planner.model.case import Case, Patient
from planner.plugin.running import Run
from planner.session.session import Session


class Advising:
    """Asks for a checklist, and keeps the facts about the patient it rests on.

    Parameters
    ----------
    session
        Whose case is asked about.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        self._session = session
        self.lesion = ""
        self.assessment: Assessment | None = None
        self.error: PlannerError | None = None
        self._of: Case | None = None
        self._asked_of: Case | None = None
        self._run: Run | None = None

    @property
    def is_running(self) -> bool:
        """Whether the checklist is being made."""
        return self._run is not None

    @property
    def is_current(self) -> bool:
        """Whether the checklist is of the case as it is now."""
        return self.assessment is not None and self._session.is_open and self._of is self._session.case

    def ask(self, module: str, lesion: str) -> None:
        """Ask a module about a lesion; an older question is disowned, the same is not asked twice."""
        session = self._session
        judgements, case = session.judgements, session.case
        if self._run is not None and (self._asked_of, self.lesion) == (case, lesion):
            return  # this very question is being answered
        self._asked_of = case
        if lesion != self.lesion:
            self.assessment = None
        self.lesion, self.error = lesion, None
        post = judgements.post
        run = Run(
            module,
            on_progress=lambda _fraction, _text: None,
            on_done=lambda found: post(lambda: self._done(run, found, case)),
            on_failed=lambda error: post(lambda: self._failed(run, error)),
            on_cancelled=lambda: None,
            do="advise",
            goal={"lesion": lesion},
        )
        self._run = run
        try:
            judgements.slow_runner.start(run, case, session.recorded_plan, judgements.settings(module))
        except OSError as error:
            self._run = None
            self.error = PlannerError("The module's process could not be started.", module, str(error))
        self.changed.emit()

    def fail(self, error: PlannerError) -> None:
        """Say why nothing can be asked."""
        self._run, self.assessment, self.error = None, None, error
        self.changed.emit()

    def clear(self) -> None:
        """Forget all, as when another case is opened."""
        self._run = self.assessment = self.error = self._of = self._asked_of = None
        self.lesion = ""
        self.changed.emit()

    # facts about the patient ---------------------------------------------------------------

    @property
    def facts(self) -> dict[str, str]:
        """What is known of the patient, by id; what is not there is unknown."""
        return dict(self._session.case.patient.facts) if self._session.is_open else {}

    def set_fact(self, id: str, value: str, title: str) -> None:
        """Note a fact about the patient, or (empty) that it is unknown; kept with the case, can be undone."""
        facts = {**self.facts, id: value}
        if not value:
            del facts[id]
        if facts == self.facts:
            return
        case = self._session.case
        patient: Patient = case.patient.with_facts(facts)
        self._session.change_case(f"Note {title.lower()}", case.with_patient(patient))

    def _done(self, run: Run, found: Assessment, case: Case) -> None:
        if self._run is run:
            self._run = None
            self.assessment, self._of = found, case
            self.changed.emit()

    def _failed(self, run: Run, error: PlannerError) -> None:
        if self._run is run:
            self._run = None
            self.error = error
            self.changed.emit()
