"""What a tip feeds, corrected with a brush where a radiologist knows better: each stroke a change of the case."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from planner.base.errors import PlannerError
from planner.base.task import Task
from planner.model.case import Case
from planner.model.catheter import CatheterTarget
from planner.model.geometry import Grid
from planner.model.points import Point
from planner.model.roles import Role
from planner.model.structures import Structure
from planner.model.vocabulary import vocabulary
from planner.session.catheter_placing import CatheterPlacing
from planner.session.segment_brushing import DAB_SHARE, LARGEST_MM, SMALLEST_MM
from planner.session.session import Session

if TYPE_CHECKING:
    from planner.planning.perfusion import PerfusionGround

BoolArray = npt.NDArray[np.bool_]
CORRECTED = "corrected with the brush"


@dataclass(frozen=True, eq=False)
class PaintedVolume:
    """A volume as it was painted at one moment: voxels [k, j, i] of the liver's box."""

    target: str
    name: str
    mask: BoolArray
    grid: Grid
    origin: str


class PerfusedPainting:
    """Paints on a copy of what the chosen tip feeds; only liver is painted.

    Parameters
    ----------
    session
        Whose case gets the volume.
    placing
        Knows the chosen tip, and what it feeds.
    """

    changed = Signal()

    def __init__(self, session: Session, placing: CatheterPlacing) -> None:
        self._session, self._placing = session, placing
        self.is_on = False
        self.adds = True
        self.radius_mm = 10.0
        self.revision = 0
        self.mask: BoolArray | None = None
        self._of: tuple[str, PerfusionGround] | None = None
        self._before: BoolArray | None = None
        self._last: Point | None = None
        self._waiting: PaintedVolume | None = None
        self._case: Case | None = None
        self._for = ""

    def why_not(self) -> str:
        """Why nothing can be painted, or empty."""
        if self._placing.chosen is None:
            return "Choose a tip first."
        # One's own strokes make what vessels feed be looked at anew: painting goes on meanwhile.
        is_known = self.shown is not None or self._placing.ground is not None
        return "" if is_known else "What the vessels feed is still being looked at."

    def switch(self, is_on: bool) -> None:
        """Take the brush, or lay it down."""
        chosen = self._placing.chosen
        self.is_on = is_on and not self.why_not()
        if self.is_on and chosen is not None:
            self._for = chosen.id
            self._copy()
        elif self._waiting is None:
            self.mask = self._of = None
        self._announce()

    def set_up(self, adds: bool | None = None, radius_mm: float | None = None) -> None:
        """Choose whether the brush adds or erases, and its size."""
        self.adds = self.adds if adds is None else adds
        if radius_mm is not None:
            self.radius_mm = min(max(radius_mm, SMALLEST_MM), LARGEST_MM)
        self.changed.emit()

    @property
    def shown(self) -> tuple[str, BoolArray, Grid] | None:
        """The tip whose volume is painted, the volume as it is now, and its lattice; None while nothing is."""
        if self.mask is None or self._of is None:
            return None
        return self._of[0], self.mask, self._of[1].liver.grid

    # strokes -------------------------------------------------------------------------------

    def begin_stroke(self, lps_mm: Point) -> None:
        """Set the brush down."""
        self._copy()
        if self.mask is not None:
            self._before, self._last = self.mask.copy(), None
            self.brush_to(lps_mm)

    def brush_to(self, lps_mm: Point) -> None:
        """Draw the brush to a point."""
        if self.mask is None or self._of is None or self._before is None:
            return
        from planner.compute.zone_growing import ball_box, painted

        liver = self._of[1].liver
        start = np.array(self._last if self._last is not None else lps_mm, dtype=float)
        way = np.array(lps_mm, dtype=float) - start
        count = max(1, int(np.ceil(np.linalg.norm(way) / (DAB_SHARE * self.radius_mm))))
        for n in range(1, count + 1):
            center = start + way * n / count
            box = ball_box(liver.grid, center, self.radius_mm)
            if box.is_empty:
                continue
            nothing = np.zeros(box.shape, dtype=bool)
            ball = painted(nothing, liver.grid.cropped(box), center, self.radius_mm, True)
            self.mask[box.slices][ball & (liver.codes[box.slices] >= 0)] = self.adds
        self._last = lps_mm
        self._announce()

    def end_stroke(self) -> PaintedVolume | None:
        """Lift the brush; the volume waits to become a change of the case. None where nothing changed."""
        before, self._before, self._last = self._before, None, None
        target = self._placing.chosen
        if before is None or self.mask is None or self._of is None or target is None:
            return None
        if np.array_equal(before, self.mask):
            return None
        name = target.perfused_structure or self._free_name(target)
        basis = f"what hangs on {target.tree}" if target.tree and not target.perfused_structure else "itself"
        origin = f"painted over {basis}" if not target.perfused_structure else self._corrected(name)
        self._waiting = PaintedVolume(target.id, name, self.mask.copy(), self._of[1].liver.grid, origin)
        self._announce()
        return self._waiting

    # the case ------------------------------------------------------------------------------

    @property
    def waiting(self) -> PaintedVolume | None:
        """The volume that is to become a change of the case."""
        return self._waiting

    def make(self, volume: PaintedVolume, case: Case, task: Task) -> Case:
        """The case with a painted volume in it, written already; any thread may ask."""
        structures = case.structures
        ijk = np.rint(structures.grid.to_ijk(np.array(volume.grid.origin_lps_mm))).astype(int)
        mask = np.zeros(structures.grid.shape, dtype=bool)
        box = tuple(slice(int(a), int(a) + n) for a, n in zip(ijk[::-1], volume.mask.shape, strict=True))
        mask[box] = volume.mask
        entry = vocabulary().entry(Role.PERFUSED_VOLUME)
        made = Structure(
            volume.name, Role.PERFUSED_VOLUME, color=entry.color, code=entry.code, origin=volume.origin
        )
        found = structures.with_mask(made, mask)
        found.box(volume.name)  # found here, not on the window's thread
        return self._session.written(case.with_structures(found), task)

    def take(self, volume: PaintedVolume, asked: Case, case: Case) -> None:
        """Record a painted volume, and give it to its tip.

        Raises
        ------
        PlannerError
            If the case was changed meanwhile: what was painted is thrown away.
        """
        if self._waiting is volume:
            self._waiting = None
        if not self._session.is_open or self._session.case is not asked:
            self.forget()
            raise PlannerError(
                "The case was changed while a stroke was being kept; the stroke is not taken over.",
                volume.name,
                "Paint it again.",
            )
        plan = self._session.plan
        target = next((t for t in plan.catheter_targets if t.id == volume.target), None)
        if target is not None:
            plan = plan.with_instrument(replace(target, perfused_structure=volume.name))
        self._case = None  # whatever object the session keeps it as: `follow` is told of it meanwhile
        self._session.change_both(f"Paint {volume.name}", case, plan)
        self._case = self._session.case

    def forget(self) -> None:
        """Throw away what is painted and not kept."""
        self.mask = self._of = self._before = self._waiting = self._case = None
        self.is_on = False
        self._announce()

    def follow(self) -> None:
        """Plan, case or what vessels feed changed: paint on it as it is, once nothing waits to be kept."""
        chosen = self._placing.chosen
        if self.is_on and (chosen is None or chosen.id != self._for):
            self.is_on = False
        is_other = self._case is not None and self._session.case is not self._case  # as after Ctrl+Z
        if (not self.is_on or is_other) and self._waiting is None and self._before is None:
            self.mask = self._of = self._case = None

    def _copy(self) -> None:
        chosen, ground = self._placing.chosen, self._placing.ground
        if chosen is None or ground is None or self._waiting is not None:
            return
        if self._of is not None and self._of[0] == chosen.id and self.mask is not None:
            return  # goes on with what is painted
        try:
            fed = ground.fed(chosen)
        except PlannerError:  # on no branch: the module says so, and painting begins with nothing
            fed = np.zeros(ground.liver.classes, dtype=bool)
        self.mask, self._of, self._case = ground.mask(fed), (chosen.id, ground), self._session.case

    def _corrected(self, name: str) -> str:
        """The origin of a corrected volume: where it comes from stays, such as another scan with its error."""
        structures = self._session.case.structures
        before = structures[name].origin if name in structures else ""
        return before if before.endswith(CORRECTED) else f"{before}, {CORRECTED}" if before else CORRECTED

    def _free_name(self, target: CatheterTarget) -> str:
        names = {s.name for s in self._session.case.structures.structures}
        wanted = f"Perfused from {target.id}"
        return next(n for n in (wanted, *(f"{wanted} ({k})" for k in range(2, 99))) if n not in names)

    def _announce(self) -> None:
        self.revision += 1
        self.changed.emit()
