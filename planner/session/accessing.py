"""The skin as an access map for what is selected: which entries are allowed, and why others are not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from planner.base.errors import PlannerError
from planner.base.task import Task
from planner.model.plan import Applicator, Point
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.planning.device_library import device_library
from planner.planning.placing import center_offset_mm
from planner.session.placing import center_of, nearest_lesion, zone_center_of
from planner.session.session import Session

if TYPE_CHECKING:
    from planner.planning.access import AccessMap
    from planner.planning.access_choice import AccessEntry, LeastBad
    from planner.planning.access_ground import AccessGround
    from planner.planning.access_rules import AccessRules
    from planner.planning.devices import Device

#: A click so near to the skin points at it.
SKIN_REACH_MM = 15.0
#: So many alternatives are listed.
LISTED = 6
#: The id of the path that is looked at; no probe of a plan has it.
LOOKED_AT = "path"


@dataclass(frozen=True)
class AccessSubject:
    """What paths are looked for.

    Parameters
    ----------
    target_lps_mm, lesion
        Where the zone's centre is to lie, and in which lesion.
    device, settings
        What is placed.
    probe
        The probe it would be, or empty for a new one.
    """

    target_lps_mm: Point
    lesion: str
    device: Device
    settings: tuple[tuple[str, float], ...]
    probe: str = ""

    @property
    def beyond_mm(self) -> float:
        """How far the tip lies beyond the target."""
        return max(0.0, center_offset_mm(self.device, dict(self.settings)))


@dataclass(frozen=True, eq=False)
class AccessAnswer:
    """A map with the entries to choose from; where none is allowed, what blocks."""

    subject: AccessSubject
    ground: AccessGround
    access: AccessMap
    entries: tuple[AccessEntry, ...]
    blocked: LeastBad | None


class Accessing:
    """Shows the access map of the selected probe's or lesion's target, and takes a path from it.

    Parameters
    ----------
    session
        Whose plan gets the path.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        self._session = session
        self.is_on = False
        self.answer: AccessAnswer | None = None
        self.chosen: int | None = None
        self.words = ""
        self.trouble: PlannerError | None = None

    # asking --------------------------------------------------------------------------------

    def switch(self, is_on: bool) -> None:
        """Show or hide the map."""
        self.is_on = is_on
        if not is_on:
            self.answer, self.chosen, self.words, self.trouble = None, None, "", None
        self.changed.emit()

    def subject(self, device: str, settings: dict[str, float]) -> AccessSubject | None:
        """What is selected: a probe's target, else a lesion's centre for a device; None without either."""
        session = self._session
        structures = session.case.structures if session.case.structure_sets else None
        if structures is None:
            return None
        lesions = [s.name for s in structures.with_role(Role.LESION) if not structures.box(s.name).is_empty]
        if not lesions:
            return None
        for probe in session.plan.applicators:
            if probe.id == session.selection.instrument and probe.device in device_library().devices:
                return self._of_probe(probe, structures, lesions)
        lesion = session.selection.lesion if session.selection.lesion in lesions else lesions[0]
        chosen = device_library().device(device)
        return AccessSubject(center_of(structures, lesion), lesion, chosen, tuple(sorted(settings.items())))

    def make(self, subject: AccessSubject, rules: AccessRules | None, task: Task) -> AccessAnswer:
        """The map of a subject; seconds the first time, then a fraction of one. Any thread may ask.

        Raises
        ------
        InvalidValue
            If the case has no skin, or the target lies outside the body.
        """
        from planner.planning.access import access_map
        from planner.planning.access_choice import least_bad, sound_alternatives
        from planner.planning.case_ground import access_ground_of

        ground = access_ground_of(self._session.case.structures, task.part(0.0, 0.8))
        length = subject.device.length.value
        access = access_map(
            ground,
            subject.target_lps_mm,
            subject.lesion,
            length,
            subject.beyond_mm,
            rules,
            task.part(0.8, 1.0),
        )
        entries = sound_alternatives(ground, access, LISTED, subject.device)
        blocked = None if entries else least_bad(access, LISTED)
        return AccessAnswer(subject, ground, access, entries, blocked)

    def show(self, answer: AccessAnswer) -> None:
        """Take over a map; a path that was looked at stays where its entry is still there."""
        if not self.is_on:
            return
        kept = self.chosen is not None and self.answer is not None
        kept = (
            kept
            and self.answer is not None
            and self.answer.access.points_lps_mm is answer.access.points_lps_mm
        )
        chosen = self.chosen if kept else None
        self.answer, self.trouble = answer, None
        self.chosen, self.words = None, ""
        if chosen is not None:
            self.choose(chosen)
        else:
            self.changed.emit()

    def fail(self, error: PlannerError) -> None:
        """Say why there is no map."""
        self.answer, self.chosen, self.words, self.trouble = None, None, "", error
        self.changed.emit()

    # choosing ------------------------------------------------------------------------------

    def point_at(self, lps_mm: Point) -> bool:
        """Look at the path from the skin nearest to a point; whether there was skin near it."""
        if self.answer is None:
            return False
        away = self.answer.access.points_lps_mm - np.array(lps_mm, dtype=np.float32)
        squares = np.einsum("nd,nd->n", away, away)
        nearest = int(np.argmin(squares))
        if float(squares[nearest]) > SKIN_REACH_MM**2:
            return False
        self.choose(nearest)
        return True

    def choose(self, index: int) -> None:
        """Look at the path from one entry of the map."""
        from planner.planning.access_words import why_refused

        assert self.answer is not None
        self.chosen = index
        self.words = why_refused(self.answer.ground, self.answer.access, index)
        self.changed.emit()

    def look_away(self) -> None:
        """Look at no path."""
        if self.chosen is not None:
            self.chosen, self.words = None, ""
            self.changed.emit()

    @property
    def path(self) -> Applicator | None:
        """The needle of the entry that is looked at."""
        if self.answer is None or self.chosen is None:
            return None
        subject = self.answer.subject
        needle = self.answer.access.needle(self.chosen)
        return replace(needle, id=LOOKED_AT, device=subject.device.name, settings=dict(subject.settings))

    def take(self) -> None:
        """Place the probe on the path that is looked at, or a new one; can be undone."""
        path = self.path
        if path is None or self.answer is None:
            return
        plan, probe = self._session.plan, self.answer.subject.probe
        is_there = any(i.id == probe for i in plan.instruments)
        id = probe if is_there else plan.free_id()
        label = f"Take another path for probe {id}" if is_there else f"Place probe {id}"
        self._session.change_plan(label, plan.with_instrument(replace(path, id=id)))
        self._session.selection.choose(instrument=id)

    @staticmethod
    def _of_probe(probe: Applicator, structures: StructureSet, lesions: list[str]) -> AccessSubject:
        device = device_library().device(probe.device)
        target = zone_center_of(probe)
        lesion = probe.lesion if probe.lesion in lesions else nearest_lesion(structures, target, 1e6)
        return AccessSubject(target, lesion, device, tuple(sorted(probe.settings.items())), probe.id)
