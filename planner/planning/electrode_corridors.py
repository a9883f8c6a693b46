"""Where nearly parallel needles of one direction may go: each place across it judged by the access rules."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from planner.base.task import Task
from planner.compute.skin_mesh import SkinMesh
from planner.model.electrode_array import Electrode
from planner.model.geometry import FloatArray
from planner.model.plan import Applicator
from planner.model.points import as_point
from planner.planning.access import access_map
from planner.planning.access_choice import AccessEntry, crosses_exactly, entry_of
from planner.planning.access_ground import AccessGround
from planner.planning.access_rules import AccessRules
from planner.planning.devices import Device
from planner.planning.electrode_ring import LesionSection

#: Places across the direction are so far apart.
CELL_MM = 2.5
#: Skin is kept for a corridor this far off its axis, seen from the lesion's middle.
AROUND_DEG = 30.0
#: So many entries of a needle are tried against the exact structures.
TRIED = 6


@dataclass(frozen=True, eq=False)
class PathJudge:
    """Finds the way of a needle nearest to a direction that the rules of access maps allow.

    Parameters
    ----------
    ground, lesion, device, rules
        As of an access map.
    lean_deg
        A needle may lean off the direction by this; two needles then are within twice of it.
    """

    ground: AccessGround
    lesion: str
    device: Device
    rules: AccessRules
    lean_deg: float

    def around(self, middle_lps_mm: FloatArray, along: FloatArray) -> PathJudge:
        """The judge with the skin about one direction only: quicker, and the same answers there."""
        skin = self.ground.skin
        kept = _off_axis_deg(skin.points_lps_mm.astype(float), middle_lps_mm, along) <= AROUND_DEG
        return replace(self, ground=replace(self.ground, skin=_chosen(skin, np.flatnonzero(kept))))

    def ways(self, middle_lps_mm: FloatArray, along: FloatArray, beyond_mm: float) -> tuple[AccessEntry, ...]:
        """Allowed entries of a needle through a point, the most parallel first; none where none is allowed.

        Parameters
        ----------
        middle_lps_mm
            The middle of the bare part, (3,).
        along
            The direction, (3,).
        beyond_mm
            How far the tip lies beyond that point.
        """
        skin = self.ground.skin
        off = _off_axis_deg(skin.points_lps_mm.astype(float), middle_lps_mm, along)
        near = np.flatnonzero(off <= self.lean_deg)
        if not len(near) or not self.ground.anatomy.structures.grid.contains(middle_lps_mm[None])[0]:
            return ()
        near = near[np.lexsort((near, off[near]))]
        ground = replace(self.ground, skin=_chosen(skin, near))
        point = as_point(middle_lps_mm)
        access = access_map(ground, point, self.lesion, self.device.length.value, beyond_mm, self.rules)
        return tuple(entry_of(access, int(n)) for n in np.flatnonzero(access.is_allowed)[:TRIED])

    def sound_way(self, middle_lps_mm: FloatArray, along: FloatArray, beyond_mm: float) -> AccessEntry | None:
        """The most parallel allowed entry that crosses nothing refused by the exact structures."""
        for way in self.ways(middle_lps_mm, along, beyond_mm):
            needle = Applicator(
                "electrode", self.device.name, way.entry_lps_mm, way.tip_lps_mm, {}, self.lesion
            )
            if not crosses_exactly(self.ground.anatomy, needle, self.rules):
                return way
        return None


@dataclass(frozen=True, eq=False)
class Corridor:
    """Needles about one direction: which places across are free.

    Parameters
    ----------
    judge
        With the skin about this direction.
    section
        The lesion as seen along them.
    is_free
        Cells of `CELL_MM` about the section's middle, (2 n + 1, 2 n + 1), first and second direction.
    """

    judge: PathJudge
    section: LesionSection
    is_free: npt.NDArray[np.bool_]

    def allows(self, offsets_mm: FloatArray) -> bool:
        """Whether all places (n, 2) across are free; places beyond the cells are not."""
        cells = self._cells(offsets_mm)
        if not np.all((cells >= 0) & (cells < self.is_free.shape[0])):
            return False
        return bool(self.is_free[cells[:, 0], cells[:, 1]].all())

    def without(self, offset_mm: FloatArray) -> Corridor:
        """The corridor with the cell of a place (2,) no longer free."""
        is_free = self.is_free.copy()
        first, second = self._cells(np.asarray(offset_mm)[None])[0]
        is_free[first, second] = False
        return replace(self, is_free=is_free)

    def free_places_mm(self) -> FloatArray:
        """Middles of the free cells, (n, 2)."""
        return np.asarray(CELL_MM * (np.argwhere(self.is_free) - self.is_free.shape[0] // 2), dtype=float)

    def placed(
        self, offsets_mm: FloatArray, depth_mm: float, exposure_mm: float, beyond_mm: float
    ) -> tuple[tuple[Electrode, ...], tuple[AccessEntry, ...], tuple[int, ...]]:
        """Electrodes from the skin through places across, and the numbers of those without a sound way.

        Parameters
        ----------
        offsets_mm
            Where across, (n, 2).
        depth_mm
            Of the point the needles pass at that place, beyond the section's middle.
        exposure_mm
            Of the bare parts.
        beyond_mm
            How far the tips lie beyond that point.
        """
        electrodes: list[Electrode] = []
        entries: list[AccessEntry] = []
        refused: list[int] = []
        for n, offset in enumerate(offsets_mm):
            way = self.judge.sound_way(self.section.at(offset, depth_mm), self.section.along, beyond_mm)
            if way is None or way.length_mm <= exposure_mm:
                refused.append(n)
                continue
            electrodes.append(Electrode(way.entry_lps_mm, way.tip_lps_mm, exposure_mm))
            entries.append(way)
        return tuple(electrodes), tuple(entries), tuple(refused)

    def _cells(self, offsets_mm: FloatArray) -> npt.NDArray[np.intp]:
        return np.asarray(np.rint(offsets_mm / CELL_MM) + self.is_free.shape[0] // 2, dtype=np.intp)


def corridor(
    judge: PathJudge,
    points_lps_mm: FloatArray,
    along: FloatArray,
    past_mm: float,
    beside_mm: float,
    task: Task,
) -> Corridor:
    """Judge the places across a direction.

    Parameters
    ----------
    judge
        By which rules.
    points_lps_mm
        The lesion's, (n, 3).
    along
        The direction, (3,).
    past_mm
        How far the tips lie past the lesion's far end.
    beside_mm
        How far beside the lesion needles may lie.
    """
    section = LesionSection.of(points_lps_mm, along)
    near = judge.around(section.middle_lps_mm, section.along)
    reach = float(np.linalg.norm(section.outline_mm, axis=1).max()) + beside_mm
    half = math.ceil(reach / CELL_MM)
    beyond = 0.5 * section.length_mm + past_mm
    is_free = np.zeros((2 * half + 1,) * 2, dtype=bool)
    for row in range(-half, half + 1):
        task.check()
        for column in range(-half, half + 1):
            offset = CELL_MM * np.array([row, column], dtype=float)
            if np.linalg.norm(offset) <= reach + CELL_MM:
                found = near.ways(section.at(offset, 0.0), section.along, beyond)
                is_free[row + half, column + half] = bool(found)
    return Corridor(near, section, is_free)


def _off_axis_deg(points: FloatArray, middle: FloatArray, along: FloatArray) -> FloatArray:
    """Angle of needles from points (n, 3) to a middle off a direction, in degrees."""
    way = middle - points
    length = np.maximum(np.linalg.norm(way, axis=1), 1e-9)
    return np.asarray(np.degrees(np.arccos(np.clip(way @ along / length, -1.0, 1.0))))


def _chosen(skin: SkinMesh, kept: npt.NDArray[np.intp]) -> SkinMesh:
    return SkinMesh(
        skin.points_lps_mm[kept],
        np.zeros((0, 3), dtype=np.int32),
        skin.normals_lps[kept],
        skin.areas_mm2[kept],
    )
