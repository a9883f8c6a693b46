"""Placing a probe by two clicks: the lesion, then the entry; and moving it afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from functools import cached_property
from typing import TypeVar

import numpy as np
from psygnal import Signal

from planner.base.errors import PlannerError
from planner.model.electrode_array import Electrode, ElectrodeArray
from planner.model.plan import Applicator, Instrument, Plan, Point
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.planning.device_library import device_library
from planner.planning.placing import aimed_applicator, center_offset_mm, entry_on_skin
from planner.session.session import Session

#: A click so near to a lesion counts as on it.
NEAR_LESION_MM = 5.0


class Step(StrEnum):
    """What the next click means."""

    IDLE = "idle"
    TARGET = "target"
    ENTRY = "entry"


class Grip(StrEnum):
    """What of a probe is being dragged."""

    ENTRY = "entry"
    TIP = "tip"
    WHOLE = "whole"


#: Makes an instrument of a target, an entry on the skin and a lesion; raises `PlannerError` where it cannot.
Maker = Callable[[Point, Point, str], Instrument]


class ProbePlacing:
    """Two clicks make a probe, or what another maker makes of a target and an entry.

    Parameters
    ----------
    session
        Whose plan gets the probe.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        self._session = session
        self.device = "generic-mwa-2450"
        self.step = Step.IDLE
        self.target_lps_mm: Point | None = None
        self.lesion = ""
        self._maker: Maker | None = None

    @cached_property
    def settings(self) -> dict[str, float]:
        """Of the next probe; first asked for when a case is open: the window does not wait for the library."""
        return dict(device_library().device(self.device).defaults)

    def choose_device(self, name: str) -> None:
        """Take another device for the next probe, with its default settings."""
        self.device = name
        self.settings = dict(device_library().device(name).defaults)
        self.changed.emit()

    def start(self, maker: Maker | None = None) -> None:
        """Wait for a click on a lesion; the two clicks make a probe, or what a maker makes of them."""
        self.step, self.target_lps_mm, self.lesion = Step.TARGET, None, ""
        self._maker = maker
        self.changed.emit()

    def cancel(self) -> None:
        """Stop placing."""
        if self.step != Step.IDLE:
            self.step, self.target_lps_mm = Step.IDLE, None
            self.changed.emit()

    def click(self, lps_mm: Point) -> None:
        """Take a click: the target first, then the entry.

        Raises
        ------
        PlannerError
            If the first click is on no lesion, or entry and target coincide.
        """
        if self.step == Step.TARGET:
            self.lesion = self._lesion_at(lps_mm)
            self.target_lps_mm, self.step = lps_mm, Step.ENTRY
            self._session.selection.choose(lesion=self.lesion)
        elif self.step == Step.ENTRY and self.target_lps_mm is not None:
            self._place(lps_mm)
        self.changed.emit()

    def ghost(self, lps_mm: Point) -> Instrument | None:
        """The instrument that a click here would make, while the entry is looked for."""
        if self.step != Step.ENTRY or self.target_lps_mm is None:
            return None
        try:
            return self._made(lps_mm)
        except PlannerError:
            return None

    def aim_at_center(self, lesion: str, maker: Maker | None = None) -> None:
        """Take a lesion's centre of volume as the target; the next click is the entry."""
        self.lesion, self._maker = lesion, maker
        self.target_lps_mm, self.step = center_of(self._session.case.structures, lesion), Step.ENTRY
        self._session.selection.choose(lesion=lesion)
        self._session.selection.move_cursor(self.target_lps_mm)
        self.changed.emit()

    def _place(self, lps_mm: Point) -> None:
        plan = self._session.plan
        made = self._made(lps_mm)
        self.step, self.target_lps_mm = Step.IDLE, None
        word = "electrodes" if isinstance(made, ElectrodeArray) else "probe"
        self._session.change_plan(f"Place {word} {made.id}", plan.with_instrument(made))
        self._session.selection.choose(instrument=made.id)

    def _made(self, entry_lps_mm: Point) -> Instrument:
        assert self.target_lps_mm is not None
        structures = self._session.case.structures
        entry = entry_on_skin(structures, self.target_lps_mm, entry_lps_mm)
        if self._maker is not None:
            return self._maker(self.target_lps_mm, entry, self.lesion)
        device = device_library().device(self.device)
        id = self._session.plan.free_id()
        return aimed_applicator(id, device, self.settings, self.target_lps_mm, entry, self.lesion)

    def _lesion_at(self, lps_mm: Point) -> str:
        structures = self._session.case.structures
        found = nearest_lesion(structures, lps_mm, NEAR_LESION_MM)
        if not found:
            raise PlannerError(
                "There is no lesion here.",
                "the first click names the lesion",
                "Click on a lesion, or mark one first in the mode Structures.",
            )
        return found


def nearest_lesion(structures: StructureSet, lps_mm: Point, reach_mm: float) -> str:
    """The lesion at a point or nearest to it within a reach, or empty."""
    i, j, k = np.rint(structures.grid.to_ijk(np.array(lps_mm))).astype(int)
    best, found = np.inf, ""
    for lesion in structures.with_role(Role.LESION):
        box = structures.box(lesion.name)
        if box.is_empty:
            continue
        near = box.grown(structures.voxels_for(reach_mm), structures.grid.shape)
        if not all(a <= v < b for a, v, b in zip(near.start, (k, j, i), near.stop, strict=True)):
            continue
        kji = np.argwhere(structures.mask(lesion.name, box)) + np.array(box.start)
        away = structures.grid.to_lps(kji[:, ::-1]) - np.array(lps_mm)
        gap = float(np.sqrt((away**2).sum(axis=1).min()))
        if gap < best and gap <= reach_mm:
            best, found = gap, lesion.name
    return found


def center_of(structures: StructureSet, name: str) -> Point:
    """Centre of volume of a structure, in LPS mm; its nearest voxel where that lies outside, as in a crescent."""
    box = structures.box(name)
    mask = structures.mask(name, box)
    voxels = np.argwhere(mask)
    kji = voxels.mean(axis=0)
    if not mask[tuple(np.rint(kji).astype(int))]:
        apart = (voxels - kji) * np.array(structures.grid.spacing_mm)[::-1]
        kji = voxels[int((apart**2).sum(axis=1).argmin())]
    x, y, z = (float(v) for v in structures.grid.to_lps((kji + np.array(box.start))[::-1]))
    return x, y, z


_Needle = TypeVar("_Needle", Applicator, Electrode)


def dragged(needle: _Needle, grip: Grip, by_lps_mm: Point) -> _Needle:
    """A probe or an electrode with its entry, tip, or all of it moved."""
    if grip == Grip.WHOLE:
        return needle.moved(by_lps_mm)
    point = needle.entry_lps_mm if grip == Grip.ENTRY else needle.tip_lps_mm
    x, y, z = (a + b for a, b in zip(point, by_lps_mm, strict=True))
    if grip == Grip.ENTRY:
        return replace(needle, entry_lps_mm=(x, y, z))
    return replace(needle, tip_lps_mm=(x, y, z))


def with_device(probe: Applicator, device: str) -> Applicator:
    """A probe with another device and its default settings; the tip stays."""
    return replace(probe, device=device, settings=device_library().device(device).defaults)


def retargeted(probe: Applicator, target_lps_mm: Point) -> Applicator:
    """A probe with the same entry whose zone is centred on another point."""
    device = device_library().device(probe.device)
    return aimed_applicator(probe.id, device, probe.settings, target_lps_mm, probe.entry_lps_mm, probe.lesion)


def zone_center_of(probe: Applicator) -> Point:
    """Centre of a probe's zone."""
    offset = center_offset_mm(device_library().device(probe.device), probe.settings)
    x, y, z = (float(v) for v in probe.point_behind_tip(offset))
    return x, y, z


def plan_with_copy(plan: Plan, probe: Applicator, shift_lps_mm: Point) -> tuple[Plan, str]:
    """The plan with a parallel copy of a probe, and the copy's id."""
    copy = replace(probe.moved(shift_lps_mm), id=plan.free_id())
    return plan.with_instrument(copy), copy.id
