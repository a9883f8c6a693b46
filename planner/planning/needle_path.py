"""A needle's path: its length and angles, what it crosses, and what it passes by."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.compute.clearance import Nearest, nearest_to_segment
from planner.model.geometry import Box, FloatArray
from planner.model.plan import Applicator
from planner.model.roles import VESSEL_ROLES, Role
from planner.planning.anatomy import GROUPS, Anatomy, Stretch

#: The capsule's direction is taken from the liver smoothed by this.
CAPSULE_SMOOTHING_MM = 3.0


@dataclass(frozen=True)
class VesselCrossing:
    """A vessel the needle goes through, and how wide it is there."""

    stretch: Stretch
    diameter_mm: float


@dataclass(frozen=True)
class NearestStructure:
    """The structure of a group that comes nearest."""

    structure: str
    nearest: Nearest


@dataclass(frozen=True)
class NeedlePath:
    """What is said of one needle's path, from entry to tip.

    Parameters
    ----------
    length_mm
        Entry to tip.
    in_plane_deg
        Angle in the axial plane to the straight line from front to back, positive towards the
        patient's left, -180..180.
    craniocaudal_deg
        Tilt out of the axial plane, positive towards the head, -90..90.
    liver_traversed_mm
        Within liver, without the lesion.
    parenchyma_before_lesion_mm
        Within liver before the lesion is reached; None where the lesion is not met.
    capsule_angle_deg
        Between needle and the plane that touches the liver where it enters; None without liver.
    capsule_place_lps_mm
        Where it enters the liver.
    crossings
        Stretches within bone, lung, bowel and the like, vessels left out.
    vessel_crossings
        Vessels it goes through.
    nearest
        By hazard group, the structure it passes nearest; zero where it goes through.
    entry_depth_mm
        How far the entry lies under the skin (negative: above it); None without a skin.
    unscanned_mm
        Length outside the scan.
    is_tip_in_body
        Whether the tip lies within the skin; None without a skin.
    """

    length_mm: float
    in_plane_deg: float
    craniocaudal_deg: float
    liver_traversed_mm: float
    parenchyma_before_lesion_mm: float | None
    capsule_angle_deg: float | None
    capsule_place_lps_mm: tuple[float, float, float] | None
    crossings: tuple[Stretch, ...]
    vessel_crossings: tuple[VesselCrossing, ...]
    nearest: Mapping[str, NearestStructure]
    entry_depth_mm: float | None
    unscanned_mm: float
    is_tip_in_body: bool | None


def judge_path(anatomy: Anatomy, needle: Applicator) -> NeedlePath:
    """Everything about a needle's path through the structures of a case."""
    line = anatomy.samples(needle.entry_lps_mm, needle.tip_lps_mm)
    structures = anatomy.structures
    livers = [s.name for s in structures.with_role(Role.LIVER)]
    lesions = [s.name for s in structures.with_role(Role.LESION)]
    skins = [s.name for s in structures.with_role(Role.SKIN) if s.name in anatomy.boundaries]
    in_lesion = line.within([needle.lesion] if needle.lesion in structures else lesions)
    in_liver = line.within(livers) & ~in_lesion
    before = None
    if in_lesion.any():
        before = line.length_mm(in_liver & (np.arange(len(in_liver)) < int(np.argmax(in_lesion))))
    capsule_place, capsule_angle = _capsule(
        anatomy, needle, livers, line.within([*livers, *lesions]), line.points_lps_mm
    )
    hazards = {role for g in GROUPS for role in g.roles} - VESSEL_ROLES
    vessels = tuple(
        VesselCrossing(s, anatomy.vessel_diameter_mm(s.structure, s.middle_lps_mm))
        for s in line.stretches(VESSEL_ROLES)
    )
    crossed = {s.structure for s in line.stretches(hazards | VESSEL_ROLES)}
    in_plane, craniocaudal = needle_angles_deg(needle)
    return NeedlePath(
        length_mm=needle.length_mm,
        in_plane_deg=in_plane,
        craniocaudal_deg=craniocaudal,
        liver_traversed_mm=line.length_mm(in_liver),
        parenchyma_before_lesion_mm=before,
        capsule_angle_deg=capsule_angle,
        capsule_place_lps_mm=capsule_place,
        crossings=line.stretches(hazards),
        vessel_crossings=vessels,
        nearest=_nearest(anatomy, needle, crossed),
        entry_depth_mm=_entry_depth(anatomy, needle),
        unscanned_mm=line.length_mm(~line.is_scanned),
        is_tip_in_body=bool(line.within(skins)[-1]) if skins else None,
    )


def needle_angles_deg(needle: Applicator) -> tuple[float, float]:
    """In-plane and craniocaudal angle of a needle, as `NeedlePath` defines them."""
    x, y, z = needle.direction
    return math.degrees(math.atan2(x, y)), math.degrees(math.asin(max(-1.0, min(1.0, float(z)))))


def _nearest(anatomy: Anatomy, needle: Applicator, crossed: set[str]) -> dict[str, NearestStructure]:
    start, stop = np.array(needle.entry_lps_mm), np.array(needle.tip_lps_mm)
    found: dict[str, NearestStructure] = {}
    for group in GROUPS:
        for name in anatomy.group(group):
            nearest = nearest_to_segment(anatomy.boundaries[name], start, stop)
            if nearest is None:
                continue
            if name in crossed:
                nearest = Nearest(0.0, nearest.place_lps_mm)
            best = found.get(group.id)
            if best is None or nearest.distance_mm < best.nearest.distance_mm:
                found[group.id] = NearestStructure(name, nearest)
    return found


def _entry_depth(anatomy: Anatomy, needle: Applicator) -> float | None:
    names = [s.name for s in anatomy.structures.with_role(Role.SKIN) if s.name in anatomy.boundaries]
    if not names:
        return None
    entry = np.array(needle.entry_lps_mm)
    gaps = [nearest_to_segment(anatomy.boundaries[n], entry, entry) for n in names]
    depth = min(g.distance_mm for g in gaps if g is not None)
    inside = anatomy.samples(needle.entry_lps_mm, needle.tip_lps_mm).within(names)[0]
    return depth if inside else -depth


def _capsule(
    anatomy: Anatomy,
    needle: Applicator,
    livers: list[str],
    in_liver: npt.NDArray[np.bool_],
    points: FloatArray,
) -> tuple[tuple[float, float, float] | None, float | None]:
    """Where the needle enters the liver, and its angle to the capsule there."""
    if not livers or not in_liver.any():
        return None, None
    place = points[int(np.argmax(in_liver))]
    structures = anatomy.structures
    i, j, k = np.rint(structures.grid.to_ijk(place)).astype(int)
    box = Box((k, j, i), (k + 1, j + 1, i + 1)).grown(
        structures.voxels_for(4 * CAPSULE_SMOOTHING_MM), structures.grid.shape
    )
    lesions = [s.name for s in structures.with_role(Role.LESION)]
    mask = structures.union_mask([*livers, *lesions], box)
    # The gradient of the mask smoothed by a Gaussian, at this one voxel: the mask's first moment.
    weights, steps = [], []
    for axis, (centre, spacing) in enumerate(zip((k, j, i), structures.grid.spacing_mm[::-1], strict=True)):
        away = (np.arange(mask.shape[axis]) + box.start[axis] - centre) * spacing
        weights.append(np.exp(-0.5 * (away / CAPSULE_SMOOTHING_MM) ** 2))
        steps.append(away)
    wk, wj, wi = weights
    plane = np.tensordot(wk, mask, axes=1)
    moment_k = wj @ np.tensordot(wk * steps[0], mask, axes=1) @ wi
    slope = [float(wj @ plane @ (wi * steps[2])), float((wj * steps[1]) @ plane @ wi), float(moment_k)]
    normal = structures.grid.axes @ np.array(slope)
    length = float(np.linalg.norm(normal))
    x, y, z = (float(v) for v in place)
    if length == 0:
        return (x, y, z), None
    sine = abs(float(normal @ needle.direction)) / length
    return (x, y, z), math.degrees(math.asin(min(1.0, sine)))
