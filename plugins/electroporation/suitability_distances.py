"""How far a lesion lies from what decides between heat and electroporation, and where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.compute.clearance import BoundaryPoints
from planner.compute.hull import convex_corners
from planner.compute.vessel_caliber import thick_part
from planner.model.assessment import Confidence
from planner.model.geometry import FloatArray
from planner.model.points import Point, as_point
from planner.model.roles import VESSEL_ROLES, Role
from planner.planning.anatomy import AROUND_LIVER_MM, Anatomy
from planner.planning.constants import Constant
from planner.planning.lesion_grounds import LesionGround

#: Portal branches so wide stand in for the central bile ducts beside them, where none is segmented.
CENTRAL_BRANCH = Constant(
    5.0,
    "mm",
    "ducts run along portal branches; branches of 5 mm or more are of the first orders, no publication",
    Confidence.OUR_RULE,
)


@dataclass(frozen=True)
class Measured:
    """How near a structure comes to a lesion; 0 where they overlap."""

    structure: str
    distance_mm: float
    place_lps_mm: Point


@dataclass(frozen=True)
class LesionDistances:
    """What was measured of a lesion; None where nothing of the kind is segmented.

    Parameters
    ----------
    diameter_mm, middle_lps_mm
        Largest diameter, and the middle.
    bile_duct
        Nearest bile duct.
    central_portal
        Nearest portal branch of `CENTRAL_BRANCH` or more.
    portal_vein, hepatic_vein, vena_cava, gallbladder, bowel, metal
        Nearest of each.
    wide_vessel
        Nearest vessel wide enough to cool (3 mm).
    has_vessels
        Whether any vessel is segmented.
    """

    diameter_mm: float
    middle_lps_mm: Point
    bile_duct: Measured | None
    central_portal: Measured | None
    portal_vein: Measured | None
    hepatic_vein: Measured | None
    vena_cava: Measured | None
    gallbladder: Measured | None
    bowel: Measured | None
    metal: Measured | None
    wide_vessel: Measured | None
    has_vessels: bool

    @property
    def duct_or_stand_in(self) -> Measured | None:
        """The nearest duct, or the portal branch that stands in for it."""
        return self.bile_duct if self.bile_duct is not None else self.central_portal

    def by_metric(self) -> Mapping[str, tuple[str, Measured | None]]:
        """Name of a metric, words, and what was measured."""
        return {
            "lesion_to_bile_duct_mm": ("bile ducts", self.bile_duct),
            "lesion_to_central_portal_branch_mm": ("central portal branches", self.central_portal),
            "lesion_to_portal_vein_mm": ("portal vein", self.portal_vein),
            "lesion_to_hepatic_vein_mm": ("hepatic veins", self.hepatic_vein),
            "lesion_to_vena_cava_mm": ("vena cava", self.vena_cava),
            "lesion_to_gallbladder_mm": ("gallbladder", self.gallbladder),
            "lesion_to_bowel_mm": ("bowel and stomach", self.bowel),
        }


def measured_distances(anatomy: Anatomy, lesion: str, ground: LesionGround) -> LesionDistances:
    """Measure a lesion, from its sub-voxel outline to the voxel faces of the structures."""
    surface = ground.margin.outline.samples.points_lps_mm
    gauge = _Gauge(anatomy, lesion, surface)
    diameter, middle = largest_diameter_mm(surface)
    return LesionDistances(
        diameter,
        middle,
        gauge.nearest(anatomy.boundaries, {Role.BILE_DUCT}),
        gauge.nearest(_central_branches(anatomy), {Role.PORTAL_VEIN}),
        gauge.nearest(anatomy.boundaries, {Role.PORTAL_VEIN}),
        gauge.nearest(anatomy.boundaries, {Role.HEPATIC_VEIN}),
        gauge.nearest(anatomy.boundaries, {Role.VENA_CAVA}),
        gauge.nearest(anatomy.boundaries, {Role.GALLBLADDER}),
        gauge.nearest(anatomy.boundaries, {Role.BOWEL, Role.DUODENUM, Role.STOMACH}),
        gauge.nearest(_boundaries_of(anatomy, Role.METAL), {Role.METAL}),
        gauge.nearest(anatomy.thick_vessels, VESSEL_ROLES),
        bool(set(anatomy.calibers)),
    )


def largest_diameter_mm(points_lps_mm: FloatArray) -> tuple[float, Point]:
    """The largest distance of two of some points (n, 3), and the middle between those two."""
    from scipy.spatial.distance import cdist

    corners = convex_corners(points_lps_mm)
    apart = cdist(corners, corners)
    a, b = np.unravel_index(int(np.argmax(apart)), apart.shape)
    return float(apart[a, b]), as_point(0.5 * (corners[a] + corners[b]))


class _Gauge:
    """Measures from one lesion."""

    def __init__(self, anatomy: Anatomy, lesion: str, surface: FloatArray) -> None:
        from scipy.spatial import cKDTree

        self._anatomy, self._lesion = anatomy, lesion
        self._tree = cKDTree(surface)

    def nearest(self, boundaries: Mapping[str, BoundaryPoints], roles: Iterable[Role]) -> Measured | None:
        """The structure of some roles that comes nearest."""
        best: Measured | None = None
        for structure in self._anatomy.structures.with_role(*roles):
            boundary = boundaries.get(structure.name)
            if boundary is None or not len(boundary):
                continue
            points = boundary.points_lps_mm.astype(float)
            gaps = np.asarray(self._tree.query(points)[0])
            n = int(np.argmin(gaps))
            distance = float(gaps[n])
            if self._holds(points[gaps < distance + 3.0]):
                distance = 0.0
            if best is None or distance < best.distance_mm:
                best = Measured(structure.name, distance, as_point(points[n]))
        return best

    def _holds(self, points: npt.NDArray[np.float64]) -> bool:
        """Whether a boundary point lies within the lesion's voxels, off their rim: the two overlap."""
        structures = self._anatomy.structures
        box = structures.box(self._lesion)
        ijk = structures.grid.to_ijk(points)
        mask = structures.mask(self._lesion, box)
        low, high = np.floor(ijk).astype(int), np.ceil(ijk).astype(int)
        inside = np.ones(len(points), dtype=bool)
        for corner in (low, high):
            at = corner[:, ::-1] - np.array(box.start)
            fits = np.all((at >= 0) & (at < np.array(mask.shape)), axis=1)
            hit = np.zeros(len(points), dtype=bool)
            k, j, i = at[fits].T
            hit[fits] = mask[k, j, i]
            inside &= hit
        return bool(inside.any())


def _boundaries_of(anatomy: Anatomy, role: Role) -> dict[str, BoundaryPoints]:
    structures = anatomy.structures
    found = {}
    for structure in structures.with_role(role):
        if not structures.box(structure.name).is_empty:
            mask, grid = structures.cropped(structure.name, 2.0 * max(structures.grid.spacing_mm))
            found[structure.name] = BoundaryPoints.of_mask(mask, grid)
    return found


def _central_branches(anatomy: Anatomy) -> dict[str, BoundaryPoints]:
    """The wide parts of portal veins, around the liver."""
    structures = anatomy.structures
    found = {}
    for structure in structures.with_role(Role.PORTAL_VEIN):
        box = structures.box(structure.name)
        if box.is_empty:
            continue
        box = box.grown(structures.voxels_for(min(2.0, AROUND_LIVER_MM)), structures.grid.shape)
        near = structures.grid.cropped(box)
        part = thick_part(structures.mask(structure.name, box), near, CENTRAL_BRANCH.value)
        found[structure.name] = BoundaryPoints.of_mask(part, near)
    return found
