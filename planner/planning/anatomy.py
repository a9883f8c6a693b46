"""The case as a needle meets it: boundaries of what may be hurt, and what lies on a line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.base.task import Task
from planner.compute.clearance import BoundaryPoints
from planner.compute.vessel_caliber import diameter_at, inscribed_radius_mm, thick_part
from planner.model.geometry import Box, FloatArray
from planner.model.roles import VESSEL_ROLES, Role
from planner.model.structures import StructureSet

#: Samples along a needle are so far apart.
STEP_MM = 0.25
#: Vessels at least so wide cool a zone and bleed (Lu 2002, AJR 178:47, 10.2214/ajr.178.1.1780047).
THICK_VESSEL_MM = 3.0

#: Wide vessels matter so far around the liver.
AROUND_LIVER_MM = 20.0


@dataclass(frozen=True)
class HazardGroup:
    """Structures that one rule speaks of.

    Parameters
    ----------
    id, title, plural
        Word of metric names, and words for people.
    roles
        What belongs to it.
    """

    id: str
    title: str
    plural: str
    roles: frozenset[Role]


GROUPS = (
    HazardGroup("vessel", "vessel", "vessels", VESSEL_ROLES),
    HazardGroup("bile_duct", "bile duct", "bile ducts", frozenset({Role.BILE_DUCT})),
    HazardGroup("gallbladder", "gallbladder", "gallbladder", frozenset({Role.GALLBLADDER})),
    HazardGroup("bowel", "bowel", "bowel and stomach", frozenset({Role.BOWEL, Role.DUODENUM, Role.STOMACH})),
    HazardGroup("lung", "lung", "lungs and pleura", frozenset({Role.LUNG, Role.PLEURA})),
    HazardGroup("bone", "bone", "bones", frozenset({Role.BONE})),
    HazardGroup("heart", "heart", "heart", frozenset({Role.HEART})),
    HazardGroup("kidney", "kidney", "kidneys", frozenset({Role.KIDNEY})),
    HazardGroup("spleen", "spleen", "spleen", frozenset({Role.SPLEEN})),
)

#: What a complete segmentation for needle planning holds; what is missing is said first.
EXPECTED = (
    (Role.LIVER, "liver"),
    (Role.SKIN, "skin"),
    (Role.BONE, "bones"),
    (Role.LUNG, "lungs"),
    (Role.PLEURA, "pleura"),
    (Role.PORTAL_VEIN, "portal vein"),
    (Role.HEPATIC_VEIN, "hepatic veins"),
    (Role.HEPATIC_ARTERY, "hepatic artery"),
    (Role.BILE_DUCT, "bile ducts"),
    (Role.GALLBLADDER, "gallbladder"),
    (Role.STOMACH, "stomach"),
    (Role.DUODENUM, "duodenum"),
    (Role.BOWEL, "bowel"),
    (Role.HEART, "heart"),
    (Role.KIDNEY, "kidneys"),
    (Role.SPLEEN, "spleen"),
)


@dataclass(frozen=True)
class Stretch:
    """A stretch of a line within a structure.

    Parameters
    ----------
    structure, role
        What is crossed.
    start_mm, stop_mm
        From the beginning of the line.
    middle_lps_mm
        Its middle.
    """

    structure: str
    role: Role
    start_mm: float
    stop_mm: float
    middle_lps_mm: tuple[float, float, float]

    @property
    def length_mm(self) -> float:
        """How long the line runs within the structure."""
        return self.stop_mm - self.start_mm


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Structures of a case, ready for questions about needles and zones.

    Parameters
    ----------
    structures
        Where the voxels are.
    boundaries
        Boundary points by structure name, for hazards, skin and liver.
    thick_vessels
        Boundary points of the parts of vessels that are at least `THICK_VESSEL_MM` wide.
    calibers
        By vessel, its box and the radius of the ball it holds around each voxel of it.
    """

    structures: StructureSet
    boundaries: Mapping[str, BoundaryPoints]
    thick_vessels: Mapping[str, BoundaryPoints]
    calibers: Mapping[str, tuple[Box, npt.NDArray[np.float32]]]

    @classmethod
    def of(cls, structures: StructureSet, task: Task | None = None) -> Anatomy:
        """Prepare the structures of a case; seconds for a whole CT."""
        task = task or Task()
        hazards = {role for group in GROUPS for role in group.roles}
        wanted = [s for s in structures.structures if s.role in hazards | {Role.SKIN, Role.LIVER}]
        boundaries, thick, calibers = {}, {}, {}
        around = _box_around_liver(structures)
        for index, structure in enumerate(wanted):
            task.report(index / max(1, len(wanted)), f"Boundary of {structure.name}")
            box = structures.box(structure.name)
            if box.is_empty:
                continue
            mask, grid = structures.cropped(structure.name, 2.0 * max(structures.grid.spacing_mm))
            boundaries[structure.name] = BoundaryPoints.of_mask(mask, grid)
            if structure.role in VESSEL_ROLES:
                own = structures.mask(structure.name, box)
                radius = inscribed_radius_mm(own, structures.grid.cropped(box)).astype(np.float32)
                calibers[structure.name] = (box, radius)
                # One voxel more: a face at the box's own edge is a face of the vessel.
                near = _common_box(box.grown((1, 1, 1), structures.grid.shape), around)
                if not near.is_empty:
                    part = thick_part(
                        structures.mask(structure.name, near), structures.grid.cropped(near), THICK_VESSEL_MM
                    )
                    thick[structure.name] = BoundaryPoints.of_mask(part, structures.grid.cropped(near))
        return cls(structures, boundaries, thick, calibers)

    def group(self, group: HazardGroup) -> tuple[str, ...]:
        """Names of the structures of a group that have voxels."""
        return tuple(s.name for s in self.structures.with_role(*group.roles) if s.name in self.boundaries)

    def missing(self) -> tuple[str, ...]:
        """What is not segmented and therefore cannot be checked, in words."""
        present = {s.role for s in self.structures.structures if not self.structures.box(s.name).is_empty}
        return tuple(title for role, title in EXPECTED if role not in present)

    def samples(self, start_lps_mm: Iterable[float], stop_lps_mm: Iterable[float]) -> LineSamples:
        """What lies at points `STEP_MM` apart along a line."""
        start, stop = np.array(tuple(start_lps_mm)), np.array(tuple(stop_lps_mm))
        length = float(np.linalg.norm(stop - start))
        count = max(2, int(np.ceil(length / STEP_MM)) + 1)
        at_mm = np.linspace(0.0, length, count)
        points = start + (at_mm / length)[:, None] * (stop - start)
        ijk = np.rint(self.structures.grid.to_ijk(points)).astype(int)
        inside = np.all((ijk >= 0) & (ijk < np.array(self.structures.grid.shape[::-1])), axis=1)
        labels = np.zeros((len(self.structures.layers), count), dtype=np.int64)
        i, j, k = ijk[inside].T
        for row, layer in zip(labels, self.structures.layers, strict=True):
            row[inside] = layer[k, j, i]
        return LineSamples(self.structures, at_mm, points, labels, inside)

    def vessel_diameter_mm(self, name: str, lps_mm: Iterable[float]) -> float:
        """Diameter of a vessel at a point of it."""
        i, j, k = np.rint(self.structures.grid.to_ijk(np.array(tuple(lps_mm)))).astype(int)
        box, radius = self.calibers[name]
        return diameter_at(radius, (k - box.start[0], j - box.start[1], i - box.start[2]))


def _box_around_liver(structures: StructureSet) -> Box:
    """Where wide vessels can cool a zone: around liver and lesions; everywhere where there are none."""
    boxes = [structures.box(s.name) for s in structures.with_role(Role.LIVER, Role.LESION)]
    boxes = [b for b in boxes if not b.is_empty]
    if not boxes:
        return structures.grid.box
    low = np.min([b.start for b in boxes], axis=0)
    high = np.max([b.stop for b in boxes], axis=0)
    box = Box((int(low[0]), int(low[1]), int(low[2])), (int(high[0]), int(high[1]), int(high[2])))
    return box.grown(structures.voxels_for(AROUND_LIVER_MM), structures.grid.shape)


def _common_box(one: Box, other: Box) -> Box:
    low = [max(a, b) for a, b in zip(one.start, other.start, strict=True)]
    high = [max(a, min(b, c)) for a, b, c in zip(low, one.stop, other.stop, strict=True)]
    return Box((low[0], low[1], low[2]), (high[0], high[1], high[2]))


@dataclass(frozen=True, eq=False)
class LineSamples:
    """Labels at points along a line; `at_mm` (n,), `points_lps_mm` (n, 3), `labels` (layers, n)."""

    structures: StructureSet
    at_mm: FloatArray
    points_lps_mm: FloatArray
    labels: npt.NDArray[np.int64]
    is_scanned: npt.NDArray[np.bool_]

    def within(self, names: Iterable[str]) -> npt.NDArray[np.bool_]:
        """Which samples lie in any of these structures, shape (n,)."""
        found = np.zeros(len(self.at_mm), dtype=bool)
        for name in names:
            structure = self.structures[name]
            found |= self.labels[structure.layer] == structure.label
        return found

    def stretches(self, roles: Iterable[Role]) -> tuple[Stretch, ...]:
        """Where the line runs within structures of these roles, in the order of the line."""
        found = []
        for structure in self.structures.with_role(*roles):
            hit = self.labels[structure.layer] == structure.label
            edges = np.flatnonzero(np.diff(np.concatenate(([False], hit, [False])).astype(np.int8)))
            for first, last in edges.reshape(-1, 2):
                x, y, z = (float(v) for v in self.points_lps_mm[(first + last - 1) // 2])
                start, stop = float(self.at_mm[first]), float(self.at_mm[last - 1])
                found.append(Stretch(structure.name, structure.role, start, stop, (x, y, z)))
        return tuple(sorted(found, key=lambda s: (s.start_mm, s.structure)))

    def length_mm(self, hit: npt.NDArray[np.bool_]) -> float:
        """Length of the line that the true samples (n,) stand for."""
        step = self.at_mm[-1] / (len(self.at_mm) - 1)
        return float(np.count_nonzero(hit) * step)
