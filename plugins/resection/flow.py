"""Which of the remnant loses inflow or outflow: what hangs on vessels beyond the places where they are cut."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from planner_plugins.resection.ground import ResectionGround, placed

from planner.model.vessel_tree import Branch, VesselTree
from planner.planning.resected_liver import ResectedLiver
from planner.planning.territories import Territories

BoolArray = npt.NDArray[np.bool_]


def lost(ground: ResectionGround, resected: ResectedLiver, trees: Sequence[VesselTree]) -> BoolArray:
    """Voxels of the liver's box that hang on a vessel beyond a cut through it, [k, j, i]."""
    found = np.zeros(ground.liver.codes.shape, dtype=bool)
    for tree in trees:
        territories = ground.territories.get(tree.id)
        if territories is None:
            continue
        for branch, index in _first_cuts(resected, tree):
            beyond = [b.number for b in tree.children(branch.number)]
            mask = territories.mask(beyond) if beyond else np.zeros(territories.labels.shape, dtype=bool)
            mask |= _own_beyond(territories, branch, index)
            found |= placed(ground.liver, ground.structures, territories, mask)
    return found


def _first_cuts(resected: ResectedLiver, tree: VesselTree) -> list[tuple[Branch, int]]:
    """Branches with the first place on the way from the root at which they are cut within the liver.

    A root that begins in what is taken brings nothing to the remnant: it counts as cut at its start.
    """
    found: list[tuple[Branch, int]] = []
    waiting = list(tree.roots)
    while waiting:
        branch = waiting.pop(0)
        points = branch.points_lps_mm
        inside = resected.liver.at(points) >= 0
        taken = resected.is_taken(points) & inside
        at = np.flatnonzero(taken)
        if len(at):
            found.append((branch, int(at[0])))
        else:
            waiting += tree.children(branch.number)
    return found


def _own_beyond(territories: Territories, branch: Branch, index: int) -> BoolArray:
    """Of a branch's own voxels those next to its centreline from a point outwards."""
    from scipy.spatial import cKDTree

    own = territories.labels == branch.number
    kji = np.argwhere(own)
    found = np.zeros(own.shape, dtype=bool)
    if len(kji):
        points = territories.grid.to_lps(kji[:, ::-1].astype(float))
        _, nearest = cKDTree(branch.points_lps_mm).query(points)
        found[own] = nearest >= index
    return found
