"""A needle's path as far as a frame allows: what it crosses, and its angles, but not what it passes by."""

from __future__ import annotations

from planner.model.plan import Applicator
from planner.model.roles import VESSEL_ROLES, Role
from planner.planning.anatomy import GROUPS, Anatomy
from planner.planning.needle_path import NeedlePath, VesselCrossing, needle_angles_deg


def quick_path(anatomy: Anatomy, needle: Applicator) -> NeedlePath:
    """A path whose numbers are those of `judge_path`, with the slow ones left out.

    Nothing is said of the angle to the capsule, the depth of the entry and the nearest structures: for
    several needles dragged at once there is no time for them.
    """
    line = anatomy.samples(needle.entry_lps_mm, needle.tip_lps_mm)
    structures = anatomy.structures
    livers = [s.name for s in structures.with_role(Role.LIVER)]
    lesions = [s.name for s in structures.with_role(Role.LESION)]
    skins = [s.name for s in structures.with_role(Role.SKIN) if s.name in anatomy.boundaries]
    in_lesion = line.within([needle.lesion] if needle.lesion in structures else lesions)
    hazards = {role for g in GROUPS for role in g.roles} - VESSEL_ROLES
    vessels = tuple(
        VesselCrossing(s, anatomy.vessel_diameter_mm(s.structure, s.middle_lps_mm))
        for s in line.stretches(VESSEL_ROLES)
    )
    in_plane, craniocaudal = needle_angles_deg(needle)
    return NeedlePath(
        length_mm=float(line.at_mm[-1]),
        in_plane_deg=in_plane,
        craniocaudal_deg=craniocaudal,
        liver_traversed_mm=line.length_mm(line.within(livers) & ~in_lesion),
        parenchyma_before_lesion_mm=None,
        capsule_angle_deg=None,
        capsule_place_lps_mm=None,
        crossings=line.stretches(hazards),
        vessel_crossings=vessels,
        nearest={},
        entry_depth_mm=None,
        unscanned_mm=line.length_mm(~line.is_scanned),
        is_tip_in_body=bool(line.within(skins)[-1]) if skins else None,
    )
