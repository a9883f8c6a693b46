"""The ablation zone in the planning scan's space: grown from a click, corrected with a brush, taken."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from planner.base.errors import InvalidValue, PlannerError
from planner.base.task import Task
from planner.model.geometry import Box, Grid
from planner.model.image import Image
from planner.model.plan import Point
from planner.model.registration import Registration
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet
from planner.model.vocabulary import vocabulary
from planner.session.following_up import FollowingUp
from planner.session.scan_pairs import NextClick, mask_on, names_of

if TYPE_CHECKING:
    from planner.compute.zone_growing import GrownZone

BoolArray = npt.NDArray[np.bool_]

NAME = "Ablation zone"
TAKE = f"Take {NAME}"
#: Dabs of one stroke stand so far apart, as a share of the brush's radius.
DAB_SHARE = 0.4
#: What parts a zone's origin from the scan it was drawn on, and how it names the fit it was drawn under.
FROM, FIT = ", on ", "(fit {})"


def drawn_under(origin: str) -> str:
    """The fingerprint of the registration a zone was drawn under; empty where its origin names none."""
    head, _, rest = FIT.partition("{}")
    _, found, after = origin.rpartition(head)
    return after.removesuffix(rest) if found and after.endswith(rest) else ""


class Brush(StrEnum):
    """What a left drag in a slice does."""

    OFF = "off"
    ADD = "add"
    ERASE = "erase"


@dataclass(frozen=True, eq=False)
class GrowingSubject:
    """Where a zone is to grow: the scan after treatment on the planning scan's lattice, and the liver."""

    image: Image
    within: BoolArray | None
    seed_lps_mm: Point


@dataclass(frozen=True, eq=False)
class DrawnZone:
    """A zone as it was drawn at one moment, on the planning scan's lattice."""

    mask: BoolArray
    grid: Grid
    planning: Image
    origin: str
    revision: int


def with_zone(structures: StructureSet, zone: DrawnZone) -> StructureSet:
    """A copy of structures with a drawn zone in it, in the place of an earlier one; any thread may ask."""
    mask = zone.mask
    if not structures.grid.same_as(zone.grid):
        from planner.compute.registration import resampled_mask

        whole = Registration.identity(zone.planning)
        mask = resampled_mask(mask, zone.grid, zone.planning.id, whole, structures.grid)
    entry = vocabulary().entry(Role.ABLATION_ZONE)
    taken = Structure(NAME, Role.ABLATION_ZONE, color=entry.color, code=entry.code, origin=zone.origin)
    return structures.with_mask(taken, mask)


class Brushing:
    """Holds the zone that is being drawn, until it is taken as a structure of the case.

    Parameters
    ----------
    following
        The scan it is drawn on.
    """

    changed = Signal()

    def __init__(self, following: FollowingUp) -> None:
        self._following = following
        self.mask: BoolArray | None = None
        self.grid: Grid | None = None
        self.brush = Brush.OFF
        self.radius_mm = 5.0
        self.revision = 0
        self.origin = ""
        self._fit = ""
        self._count = 0
        self._last: Point | None = None
        #: By stroke the voxels of each dab's box as they were before.
        self._strokes: list[list[tuple[Box, BoolArray]]] = []

    def clear(self) -> None:
        """Throw away what was drawn."""
        self.mask = self.grid = None
        self.brush, self.origin = Brush.OFF, ""
        self._begin_anew(0)

    @property
    def volume_ml(self) -> float:
        """Volume of the zone that is being drawn."""
        return 0.0 if self.grid is None else self._count * self.grid.voxel_volume_ml

    @property
    def is_empty(self) -> bool:
        """Whether nothing is drawn."""
        return self._count == 0

    # growing -------------------------------------------------------------------------------

    def why_not(self) -> str:
        """Why no zone can be drawn, or empty."""
        following = self._following
        if following.pair is None:
            return "Add the scan after treatment first."
        if following.laid is None or following.is_laid_old:
            return "The other scan is still being laid over this one."
        return ""

    def subject(self, seed_lps_mm: Point) -> GrowingSubject:
        """What a zone grows in from a click; raises `InvalidValue` without a scan after treatment."""
        following = self._following
        pair, why = following.pair, self.why_not()
        if why or pair is None or following.laid is None:
            raise InvalidValue("There is no scan to grow a zone in.", "", why)
        livers = names_of(pair.case, Role.LIVER)
        lesions = names_of(pair.case, Role.LESION)
        within = mask_on(pair, (*livers, *lesions)) if livers else None
        return GrowingSubject(following.laid.image, within, seed_lps_mm)

    @staticmethod
    def make_grown(subject: GrowingSubject, task: Task) -> GrownZone:
        """The zone around a click; any thread may ask.

        Raises
        ------
        InvalidValue
            If the click lies outside liver or scan, or the zone grows beyond all bounds.
        """
        from planner.compute.zone_border import grow_to_border

        return grow_to_border(subject.image, subject.seed_lps_mm, within=subject.within, task=task)

    def show_grown(self, subject: GrowingSubject, grown: GrownZone) -> None:
        """Take over a grown zone, to be corrected.

        Raises
        ------
        PlannerError
            If the scans were laid over each other in another way meanwhile.
        """
        laid = self._following.laid
        if laid is None or laid.image is not subject.image:
            raise PlannerError(
                "The scans lie over each other in another way now; the zone grown in them as they were is"
                " not taken over.",
                NAME,
                "Click into the zone again.",
            )
        cut = f"; bridges thinner than {2 * grown.bridge_mm:g} mm cut" if grown.bridge_mm else ""
        low, high = (round(v) for v in grown.range_values)
        self.origin = f"grown from a click, {low} to {high} {subject.image.unit}{cut}".strip()
        self._take_over(grown.mask, subject.image.grid)
        self._following.wait_for(NextClick.NOTHING)

    # brushing ------------------------------------------------------------------------------

    def choose_brush(self, brush: Brush) -> None:
        """Choose what a left drag does; without a zone an empty one is begun."""
        laid = self._following.laid
        if brush != Brush.OFF:
            self._following.wait_for(NextClick.NOTHING)
            if self.mask is None and laid is not None:
                self.origin = "drawn with the brush"
                self._take_over(np.zeros(laid.image.grid.shape, dtype=bool), laid.image.grid)
        self.brush = brush if self.mask is not None else Brush.OFF
        self.changed.emit()

    def set_radius(self, radius_mm: float) -> None:
        """Change the brush's size."""
        self.radius_mm = radius_mm
        self.changed.emit()

    def begin_stroke(self, lps_mm: Point) -> None:
        """Set the brush down."""
        self._strokes.append([])
        self._last = None
        self.brush_to(lps_mm)

    def brush_to(self, lps_mm: Point) -> None:
        """Draw the brush to a point; touches the voxels near it alone."""
        if self.mask is None or self.grid is None or not self._strokes:
            return
        from planner.compute.zone_growing import ball_box, painted

        start = np.array(self._last if self._last is not None else lps_mm, dtype=float)
        way = np.array(lps_mm, dtype=float) - start
        count = max(1, int(np.ceil(np.linalg.norm(way) / (DAB_SHARE * self.radius_mm))))
        for n in range(1, count + 1):
            center = start + way * n / count
            box = ball_box(self.grid, center, self.radius_mm)
            if box.is_empty:
                continue
            before = self.mask[box.slices].copy()
            near = self.grid.cropped(box)
            after = painted(before, near, center, self.radius_mm, self.brush == Brush.ADD)
            self._strokes[-1].append((box, before))
            self._put(box, after)
        self._last = lps_mm
        self._announce()

    def end_stroke(self) -> None:
        """Lift the brush."""
        self._last = None
        if self._strokes and not self._strokes[-1]:
            self._strokes.pop()
        self.changed.emit()

    @property
    def has_strokes(self) -> bool:
        """Whether there is a stroke to take back."""
        return bool(self._strokes)

    def undo_stroke(self) -> None:
        """Take the last stroke back."""
        if self._strokes:
            for box, before in reversed(self._strokes.pop()):
                self._put(box, before)
            self._announce()

    # structures ----------------------------------------------------------------------------

    def edit(self, name: str) -> None:
        """Take a structure's voxels up again, to correct them; raises `InvalidValue` without one."""
        pair = self._following.pair
        if pair is None:
            raise InvalidValue("There is no scan to draw on.", name, "Add the scan after treatment first.")
        structures, image = pair.case.structures, pair.planning
        mask = structures.mask(name)
        if not structures.grid.same_as(image.grid):
            from planner.compute.registration import resampled_mask

            whole = Registration.identity(image)
            mask = resampled_mask(mask, structures.grid, image.id, whole, image.grid)
        self.origin = structures[name].origin.partition(FROM)[0]
        self._take_over(mask.copy(), image.grid)

    def drawn(self) -> DrawnZone:
        """What was drawn, as it is now; raises `PlannerError` where nothing is."""
        pair = self._following.pair
        if self.mask is None or self.grid is None or self.is_empty or pair is None:
            raise PlannerError("There is no zone to take.", NAME, "Grow or draw it first.")
        origin = f"{self.origin}{FROM}{pair.other.title} {FIT.format(self._fit)}"
        return DrawnZone(self.mask.copy(), self.grid, pair.planning, origin, self.revision)

    def take(self) -> str:
        """Make the zone a structure of the case; can be undone. Gives its name.

        Raises
        ------
        PlannerError
            If nothing is drawn, or the case has no structures.
        """
        zone = self.drawn()
        session = self._following.session
        session.change_structures(TAKE, with_zone(session.case.structures, zone))
        self.taken(zone)
        return NAME

    def taken(self, zone: DrawnZone) -> None:
        """A zone has become a structure: what was drawn goes, unless it was drawn on since."""
        if zone.revision == self.revision:
            self.clear()

    def _take_over(self, mask: BoolArray, grid: Grid) -> None:
        """Draw on a mask that is right for the scans as they lie over each other now."""
        lying = self._following.lying
        self.mask, self.grid, self._fit = mask, grid, "" if lying is None else lying.fingerprint
        self._begin_anew(int(np.count_nonzero(mask)))

    def _begin_anew(self, count: int) -> None:
        self._count, self._strokes, self._last = count, [], None
        self._announce()

    def _put(self, box: Box, values: BoolArray) -> None:
        assert self.mask is not None
        near = self.mask[box.slices]
        self._count += int(np.count_nonzero(values)) - int(np.count_nonzero(near))
        near[...] = values

    def _announce(self) -> None:
        self.revision += 1
        self.changed.emit()
