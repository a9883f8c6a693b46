"""Branches of arteries that end outside the liver: how far, and at which organ."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import scipy.ndimage as ndi

from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.model.vessel_tree import VesselTree
from planner.planning.liver_ground import LiverGround

#: A branch that ends so far outside the liver may feed something else; our rule.
OUTSIDE_MM = 10.0
#: An organ so near to its end is named; our rule.
NEAR_ORGAN_MM = 15.0
ORGANS = (
    Role.STOMACH,
    Role.DUODENUM,
    Role.BOWEL,
    Role.GALLBLADDER,
    Role.SPLEEN,
    Role.KIDNEY,
    Role.DIAPHRAGM,
    Role.SKIN,
)


def leaving_branches(
    tree: VesselTree, structures: StructureSet, ground: LiverGround
) -> Mapping[int, tuple[float, str]]:
    """By branch that goes no further and ends outside the liver: how far, mm, and the organ there, or nothing."""
    from scipy.spatial import cKDTree

    from planner.compute.mask_nearness import is_near

    ends = [b for b in tree.branches if not tree.children(b.number)]
    if not ends:
        return {}
    places = np.array([b.points_lps_mm[-1] for b in ends])
    rim = np.argwhere(ground.mask & ~ndi.binary_erosion(ground.mask))
    away = np.asarray(cKDTree(ground.grid.to_lps(rim[:, ::-1].astype(float))).query(places)[0])
    kji = np.rint(ground.grid.to_ijk(places)).astype(np.int64)[:, ::-1]
    within = np.asarray(((kji >= 0) & (kji < np.array(ground.mask.shape))).all(axis=1))
    within[within] = ground.mask[tuple(kji[within].T)]
    leaving = np.flatnonzero(~within & (away > OUTSIDE_MM))
    organs = [""] * len(leaving)
    for structure in structures.with_role(*ORGANS) if len(leaving) else ():
        if structures.box(structure.name).is_empty:
            continue
        mask, grid = structures.cropped(structure.name, NEAR_ORGAN_MM)
        if structure.role is Role.SKIN:  # the whole body is within its outline: its border is meant
            mask = ~mask
        near = is_near(mask, grid, places[leaving], NEAR_ORGAN_MM)
        organs = [o or (structure.name if n else "") for o, n in zip(organs, near, strict=True)]
    return {ends[n].number: (float(away[n]), organ) for n, organ in zip(leaving, organs, strict=True)}
