"""The stretches of all vessels that take part in a liver's territories, found at once for whole trees."""

from __future__ import annotations

import numpy as np

from planner.base.errors import InvalidValue
from planner.compute.mask_nearness import is_near
from planner.model.vessel_tree import VesselTree
from planner.planning.centreline_parts import TAKES_PART_MM, CentrelinePart, with_steps
from planner.planning.liver_ground import LiverGround


def parts_within(
    tree: VesselTree, ground: LiverGround, within_mm: float = TAKES_PART_MM
) -> list[CentrelinePart]:
    """The stretches of all branches in the liver or within a distance of it, in the tree's order.

    Raises
    ------
    InvalidValue
        If the tree has no branch, or none so near.
    """
    if not tree.branches:
        raise InvalidValue("These vessels have no branch.", f"'{tree.id}'", "Find or draw the vessels first.")
    lines = [with_steps(b.points_lps_mm) for b in tree.branches]
    near = is_near(ground.mask, ground.grid, np.concatenate(lines), within_mm)
    ends = np.cumsum([len(line) for line in lines])
    parts = []
    for branch, line, takes in zip(tree.branches, lines, np.split(near, ends[:-1]), strict=True):
        if takes.all():
            parts.append(CentrelinePart(branch.number, branch.points_lps_mm))
            continue
        edges = np.flatnonzero(np.diff(np.concatenate([[0], takes.astype(np.int8), [0]])))
        parts += [
            CentrelinePart(branch.number, line[start:stop])
            for start, stop in zip(edges[::2], edges[1::2], strict=True)
        ]
    if not parts:
        raise InvalidValue(
            f"These vessels lie outside the liver, and none within {within_mm:g} mm of it.",
            f"'{tree.id}', {len(tree.branches)} branches",
            "Outline the vessels within the liver, or check that both belong to one scan.",
        )
    return parts
