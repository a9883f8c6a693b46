"""Needles in place: found or marked on a control scan, and the plan judged again as they lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.model.assessment import Assessment
from planner.model.case import Case
from planner.model.plan import Applicator, Plan, Point
from planner.model.registration import Registration
from planner.model.wording import unit_text, value_text
from planner.plugin.judging import judge
from planner.session.following_up import FollowingUp
from planner.session.scan_pairs import NextClick, ScanPair, from_other

if TYPE_CHECKING:
    from planner.compute.needle_finding import FoundNeedle
    from planner.planning.placed_plan import PlacedPlan
    from planner.session.placed_pair_rows import PairRow

#: What is told of the plan as planned and as placed, side by side.
COMPARED = (
    ("minimal_ablation_margin_mm", "Minimal margin"),
    ("lesion_coverage_percent", "Lesion covered"),
    ("lesion_plus_5mm_coverage_percent", "Lesion + 5 mm"),
)


@dataclass(frozen=True)
class Comparison:
    """One number of the plan as planned and as placed, in words; empty where it is not known yet."""

    title: str
    planned: str
    placed: str


class PlacedNeedles:
    """Holds the needles of a control scan, in the planning scan's space.

    Parameters
    ----------
    following
        The two scans.
    """

    changed = Signal()

    def __init__(self, following: FollowingUp) -> None:
        self._following = following
        self._session = following.session
        self.found: tuple[FoundNeedle, ...] = ()
        self.words = ""
        self._entry: Point | None = None
        self._planned: Plan | None = None
        self._placed: Plan | None = None
        self._answers: tuple[Assessment, ...] = ()
        following.pointed.connect(self._pointed)

    def clear(self) -> None:
        """Forget all, as when another case is opened."""
        self.found, self.words, self._entry = (), "", None
        self._planned = self._placed = None
        self._answers = ()
        self.changed.emit()

    # finding -------------------------------------------------------------------------------

    def why_not(self) -> str:
        """Why no needle can be looked for, or empty."""
        pair = self._following.pair
        if pair is None:
            return "Add the control scan with the needle in place first."
        if not (self.planned.applicators or self.planned.electrode_arrays):
            return "The plan has no probe and no electrode to compare with."
        if pair.other.modality != "CT":
            return "Needles are found in CT only: mark entry and tip."
        return ""

    @staticmethod
    def make_found(
        pair: ScanPair, registration: Registration, metal_hu: float, task: Task
    ) -> tuple[FoundNeedle, ...]:
        """The needles of the other scan, in the planning scan's space; any thread may ask.

        Raises
        ------
        InvalidValue
            If the scan is no CT, or nothing in it is as bright as metal.
        """
        from dataclasses import replace

        from planner.compute.needle_finding import find_needles

        found = find_needles(pair.other, metal_hu=metal_hu, task=task)
        here = []
        for needle in found:
            ends = np.array([needle.entry_lps_mm, needle.tip_lps_mm])
            entry, tip = (_point(p) for p in from_other(registration, pair.planning.id, ends))
            here.append(replace(needle, entry_lps_mm=entry, tip_lps_mm=tip))
        return tuple(here)

    def show(self, found: tuple[FoundNeedle, ...]) -> None:
        """Take over what was found; needles marked by hand stay."""
        self.found = (*found, *(n for n in self.found if n.is_marked))
        self.words = "" if found else "No needle was found: lower the threshold, or mark entry and tip."
        self.changed.emit()

    def start_marking(self) -> None:
        """Wait for two clicks: the entry, then the tip."""
        self._entry = None
        self._following.wait_for(NextClick.NEEDLE_ENTRY)

    def remove(self, number: int) -> None:
        """Leave a needle out."""
        self.found = tuple(n for k, n in enumerate(self.found) if k != number)
        self.changed.emit()

    def _pointed(self, click: NextClick, lps_mm: Point) -> None:
        if click == NextClick.NEEDLE_ENTRY:
            self._entry = lps_mm
            self._following.wait_for(NextClick.NEEDLE_TIP)
        elif click == NextClick.NEEDLE_TIP and self._entry is not None:
            from planner.compute.needle_finding import FoundNeedle

            entry, self._entry = self._entry, None
            self._following.wait_for(NextClick.NOTHING)
            try:
                self.found = (*self.found, FoundNeedle(entry, lps_mm, is_marked=True))
                self.words = ""
            except InvalidValue as error:
                self.words = f"{error.what} Click them at two places."
            self.changed.emit()

    @property
    def marks(self) -> tuple[Point, ...]:
        """The entry that waits for its tip."""
        is_waiting = self._entry is not None and self._following.next_click == NextClick.NEEDLE_TIP
        return (self._entry,) if is_waiting and self._entry is not None else ()

    @property
    def drawn(self) -> tuple[Applicator, ...]:
        """The needles as they are drawn, without a zone."""
        if not self._following.is_on:
            return ()
        return tuple(
            Applicator(f"placed {n + 1}", "found", needle.entry_lps_mm, needle.tip_lps_mm)
            for n, needle in enumerate(self.found)
        )

    # comparing -----------------------------------------------------------------------------

    @property
    def planned(self) -> Plan:
        """The plan needles are compared with: what was planned, also while it is shown as placed."""
        plan = self._session.recorded_plan
        return self._planned if self._planned is not None and plan == self._placed else plan

    def placed(self) -> PlacedPlan:
        """The plan as its needles lie, with how far each is off.

        Raises
        ------
        InvalidValue
            If no needle that was found lies near a planned one.
        """
        from planner.planning.placed_plan import as_placed

        return as_placed(self.planned, self.found)

    def make_planned(self, case: Case, plan: Plan, task: Task) -> tuple[Assessment, ...]:
        """What the modules say of the plan as planned; any thread may ask."""
        judgements = self._session.judgements
        modules = judgements.registry.judging(plan)
        return tuple(judge(m, case, plan, judgements.settings(m.manifest.id), task) for m in modules)

    def judge_as_placed(self, planned: Plan, answers: tuple[Assessment, ...]) -> None:
        """Make the plan as placed the open one, so that it is judged as any other; can be undone."""
        from planner.planning.placed_plan import as_placed

        placed = as_placed(planned, self.found).plan
        self._planned, self._placed, self._answers = planned, placed, answers
        self._session.change_plan(f"Judge {planned.name} as placed", placed)
        self.changed.emit()

    def comparison(self, lesion: str) -> tuple[Comparison, ...]:
        """Numbers of a lesion as planned and as placed; empty until it was judged as placed."""
        if self._placed is None or self._session.recorded_plan != self._placed:
            return ()
        now = self._session.judgements.current_answers(self._placed)
        rows = []
        for name, title in COMPARED:
            told = [a for a in self._answers if _words((a,), name, lesion)]
            for answer in told:
                same = tuple(a for a in now if a.module == answer.module)
                whose = f" ({self._module_title(answer.module)})" if len(told) > 1 else ""
                planned, placed = _words((answer,), name, lesion), _words(same, name, lesion)
                rows.append(Comparison(title + whose, planned, placed))
        return tuple(rows)

    def pair_rows(self) -> tuple[PairRow, ...]:
        """The pulsed pairs as planned and as placed, known before any judging; currents once judged.

        Raises
        ------
        InvalidValue
            If no needle that was found lies near a planned one.
        """
        from planner.session.placed_pair_rows import pair_rows

        if not (self.found and self.planned.electrode_arrays):
            return ()
        placed = self.placed()
        if self._placed is None or placed.plan != self._placed or self._session.recorded_plan != self._placed:
            return pair_rows(self.planned, placed)
        now = self._session.judgements.current_answers(self._placed)
        return pair_rows(self.planned, placed, self._answers, now)

    def pair_words(self) -> str:
        """What is to be known of the pairs as placed: those that are lost, and electrodes counted anew.

        Raises
        ------
        InvalidValue
            If no needle that was found lies near a planned one.
        """
        from planner.session.placed_pair_rows import pair_words

        if not (self.found and self.planned.electrode_arrays):
            return ""
        return pair_words(self.planned, self.placed())

    def _module_title(self, module: str) -> str:
        known = self._session.judgements.registry.modules.get(module)
        return module if known is None else known.manifest.title.lower()


def _words(answers: tuple[Assessment, ...], name: str, subject: str) -> str:
    for answer in answers:
        for metric in answer.metrics:
            if metric.name == name and metric.subject == subject and metric.value is not None:
                return f"{value_text(metric)} {unit_text(metric)}"
    return ""


def _point(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Point:
    return float(values[0]), float(values[1]), float(values[2])
