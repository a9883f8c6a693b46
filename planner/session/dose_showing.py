"""Which dose is shown: the one a person chose, as long as it is of the plan and the case as they are."""

from __future__ import annotations

import numpy as np
from psygnal import Signal

from planner.model.assessment import Assessment, ScalarField
from planner.session.actions import Workbench
from planner.session.judgement import JudgementState

#: The module whose doses these are.
MODULE = "radioembolization"
PREDICTED, DELIVERED = "predicted", "delivered"
#: Doses that can be shown, by the word for each the field of the module's answer.
DOSE_FIELDS = {PREDICTED: "dose", DELIVERED: "delivered_dose"}
DOSES = tuple(DOSE_FIELDS)
#: Numbers of the answer whose notes say why there is no such field.
_EXPLAINED = {PREDICTED: "lesion_d95_gy", DELIVERED: "measured_activity_in_liver_gbq"}
NO_IMAGE = "No SPECT or PET is chosen at Delivered dose."
NO_DOSE = "The answer holds no dose."


class DoseShowing:
    """The choice of a dose and of surfaces in space, and whether it can be shown now.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    changed = Signal()

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self.choice = ""
        #: Doses with a surface in space; 0 for none.
        self.levels_gy: tuple[float, float] = (100.0, 0.0)
        self._measured: tuple[ScalarField | None, float] = (None, 0.0)

    def choose(self, dose: str) -> None:
        """Show one of `DOSES`; empty for none."""
        if dose != self.choice:
            self.choice = dose
            self.changed.emit()

    def set_level(self, number: int, level_gy: float) -> None:
        """Give the first or second surface another dose; 0 takes it away."""
        levels = list(self.levels_gy)
        levels[number] = level_gy
        if tuple(levels) != self.levels_gy:
            self.levels_gy = (levels[0], levels[1])
            self.changed.emit()

    @property
    def is_wanted(self) -> bool:
        """Whether the plan has tips for Y-90, so that there may be a dose at all."""
        session = self._bench.session
        return session.is_open and any(t.agent.type.is_y90 for t in session.plan.catheter_targets)

    @property
    def field(self) -> ScalarField | None:
        """The chosen dose; None where it may not be shown (`hint` says why)."""
        if not self.choice or self._why_hidden():
            return None
        return self._field(self.choice)

    def why_not(self, dose: str) -> str:
        """Why one of `DOSES` cannot be chosen; empty where it can."""
        answer = self._answer
        if answer is None:
            return self._why_hidden() or NO_DOSE
        if self._field(dose) is not None:
            return ""
        name = _EXPLAINED[dose]
        note = next((m.note for m in answer.metrics if m.name == name and m.note), "")
        if note:
            return f"No dose {dose}: {note.removeprefix('unknown: ')}."
        return NO_IMAGE if dose == DELIVERED else NO_DOSE

    @property
    def hint(self) -> str:
        """What a person should know of the dose now: how high it is, or why none is shown."""
        if self.choice:
            return self._why_hidden() or self.why_not(self.choice) or self._reach_words()
        # Nothing is missed while none is asked for: words that come and go would move what lies below.
        return self.why_not(PREDICTED) if all(self.why_not(d) for d in DOSES) else ""

    @property
    def _answer(self) -> Assessment | None:
        session = self._bench.session
        return session.judgements.of(MODULE).assessment if session.is_open else None

    def _field(self, dose: str) -> ScalarField | None:
        answer = self._answer
        fields = answer.fields if answer is not None else ()
        return next((f for f in fields if f.name == DOSE_FIELDS[dose]), None)

    def _reach_words(self) -> str:
        """The highest dose, and surfaces it does not reach."""
        field = self._field(self.choice)
        assert field is not None
        if field is not self._measured[0]:
            known = field.values[np.isfinite(field.values)]
            self._measured = (field, float(known.max()) if known.size else 0.0)
        most = self._measured[1]
        lacking = [f"{level:g}" for level in sorted(set(self.levels_gy)) if level >= most and level > 0]
        none = f"; no surface of {' and '.join(lacking)} {field.unit}" if lacking else ""
        return f"{most:.0f} {field.unit} at most{none}."

    def _why_hidden(self) -> str:
        """Why no dose may be shown now, whichever was chosen."""
        session = self._bench.session
        if not self.is_wanted:
            return "The plan has no tip for Y-90."
        if session.is_dragging:
            return "Hidden while a tip is moved."
        if self._bench.painting.is_on:
            return "Hidden while what a tip feeds is painted."
        judgement = session.judgements.of(MODULE)
        if judgement.state == JudgementState.CURRENT:
            return ""
        if judgement.state == JudgementState.RUNNING:
            return "The dose is being worked out."
        if judgement.state == JudgementState.FAILED:
            return "There is no dose: the assessment failed."
        if judgement.assessment is None:
            return "No dose yet: F5 assesses it."
        return "Hidden: the plan or the case changed since. F5 assesses it."
