"""By how much the zones of a plan miss what they were to treat: along their shafts, and across."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.model.assessment import Confidence
from planner.model.electrode_array import ElectrodeArray
from planner.model.geometry import FloatArray, unit_vector
from planner.model.plan import Applicator, FocusGrid, Plan, Point
from planner.model.points import as_point
from planner.model.structures import StructureSet
from planner.planning.achieved_margin import towards_words
from planner.planning.constants import Constant
from planner.planning.device_library import device_library
from planner.planning.placing import center_offset_mm

#: Less is not said: no placement under CT can tell it.
SAID = Constant(1.0, "mm", "about a voxel of a planning scan", Confidence.OUR_RULE)
#: A reference whose zones lie farther from the middle of the lesion was put there on purpose.
ON_PURPOSE = Constant(2.0, "mm", "less than the thickness of a slice is chance", Confidence.OUR_RULE)


@dataclass(frozen=True)
class ZonePlace:
    """Where the zones of a plan lie together.

    Parameters
    ----------
    titles
        Ids of the instruments that make them.
    center_lps_mm
        The middle of their centres.
    along
        Mean direction of the shafts or beams, unit vector as a tuple.
    is_tip
        Whether one probe alone makes it, so that its tip can be spoken of.
    """

    titles: tuple[str, ...]
    center_lps_mm: Point
    along: Point
    is_tip: bool


@dataclass(frozen=True)
class Miss:
    """How far zones lie from where they should.

    Parameters
    ----------
    zones
        Where they lie.
    aim_lps_mm
        Where they should.
    is_by_reference
        Whether that is the reference's place, and not the middle of the lesion.
    depth_mm
        Too deep along the shaft; negative where too shallow.
    across_lps_mm
        The way they are off across the shaft.
    """

    zones: ZonePlace
    aim_lps_mm: Point
    is_by_reference: bool
    depth_mm: float
    across_lps_mm: Point

    @property
    def lateral_mm(self) -> float:
        """How far they are off across the shaft."""
        return float(np.linalg.norm(self.across_lps_mm))

    @property
    def depth_words(self) -> str:
        """Such as ``the tip of p1 lies 6.0 mm too shallow``; empty where it is not worth saying."""
        return f"{self._deep} {self._depth}" if self._depth else ""

    @property
    def lateral_words(self) -> str:
        """Such as ``the zone of p1 lies 4.0 mm too far towards the left``; empty where not worth saying."""
        return f"{self.subject} {self._lateral}" if self._lateral else ""

    @property
    def words(self) -> str:
        """Both in one sentence without its end; empty where neither is worth saying."""
        if not self._depth or not self._lateral:
            return self.depth_words or self.lateral_words
        return f"{self.depth_words} and {'its zone ' if self.zones.is_tip else ''}{self._lateral}"

    @property
    def _depth(self) -> str:
        way = "deep" if self.depth_mm > 0 else "shallow"
        return f"{abs(self.depth_mm):.1f} mm too {way}" if abs(self.depth_mm) >= SAID.value else ""

    @property
    def _lateral(self) -> str:
        if self.lateral_mm < SAID.value:
            return ""
        return f"{self.lateral_mm:.1f} mm too far {towards_words(self.across_lps_mm)}"

    @property
    def _deep(self) -> str:
        return f"the tip of {self.zones.titles[0]} lies" if self.zones.is_tip else self.subject

    @property
    def subject(self) -> str:
        """Such as ``the zones of p1 and p2 together lie``."""
        titles = self.zones.titles
        if len(titles) == 1:
            return f"the zone of {titles[0]} lies"
        return f"the zones of {', '.join(titles[:-1])} and {titles[-1]} together lie"


def zone_place(plan: Plan, lesion: str) -> ZonePlace | None:
    """Where the zones that treat a lesion lie together; None where nothing does.

    An instrument that names no lesion counts, for an exercise has one.
    """
    found: list[tuple[str, FloatArray, FloatArray]] = []
    for instrument in plan.instruments:
        if not isinstance(instrument, Applicator | ElectrodeArray | FocusGrid):
            continue
        if instrument.lesion not in ("", lesion):
            continue
        found.append((instrument.id, _center(instrument), instrument.direction))
    if not found:
        return None
    titles = tuple(id for id, _, _ in found)
    center = np.mean([center for _, center, _ in found], axis=0)
    way = np.sum([along for _, _, along in found], axis=0)
    # Needles from opposite sides have no depth in common: the first one's is taken.
    along = unit_vector(way) if float(np.linalg.norm(way)) > 1e-6 else found[0][2]
    only = plan.instrument(titles[0])
    is_tip = len(found) == 1 and isinstance(only, Applicator)
    return ZonePlace(titles, as_point(center), as_point(along), is_tip)


def zone_miss(structures: StructureSet, lesion: str, plan: Plan, reference: Plan) -> Miss | None:
    """By how much a plan's zones miss the middle of a lesion; None where it has none.

    Where the reference's own lie more than `ON_PURPOSE` off that middle, theirs is the place to reach.

    Raises
    ------
    InvalidValue
        If the lesion has no voxel, or a device is not in the library.
    """
    zones, best = zone_place(plan, lesion), zone_place(reference, lesion)
    if zones is None:
        return None
    aim = lesion_middle(structures, lesion)
    is_by_reference = False
    if best is not None and np.linalg.norm(np.array(best.center_lps_mm) - aim) > ON_PURPOSE.value:
        aim, is_by_reference = np.array(best.center_lps_mm), True
    off, along = np.array(zones.center_lps_mm) - aim, np.array(zones.along)
    depth_mm = float(off @ along)
    return Miss(zones, as_point(aim), is_by_reference, depth_mm, as_point(off - depth_mm * along))


def lesion_middle(structures: StructureSet, lesion: str) -> FloatArray:
    """Mean place of a lesion's voxels, LPS mm, shape (3,)."""
    mask, grid = structures.cropped(lesion)
    return np.asarray(grid.to_lps(np.argwhere(mask)[:, ::-1].mean(axis=0)))


def _center(instrument: Applicator | ElectrodeArray | FocusGrid) -> FloatArray:
    if isinstance(instrument, Applicator):
        device = device_library().device(instrument.device)
        return instrument.point_behind_tip(center_offset_mm(device, instrument.settings))
    return np.array(instrument.middle_lps_mm)
