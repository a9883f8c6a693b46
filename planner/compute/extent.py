"""How large a structure is, as radiologists measure it."""

from __future__ import annotations

import numpy as np

from planner.compute.clearance import BoundaryPoints
from planner.compute.hull import convex_corners
from planner.model.structures import StructureSet


def longest_diameter_mm(structures: StructureSet, name: str) -> float:
    """Largest distance between two points of a structure's boundary (3D, to a voxel)."""
    from scipy.spatial.distance import pdist

    mask, grid = structures.cropped(name, 2.0 * max(structures.grid.spacing_mm))
    points = BoundaryPoints.of_mask(mask, grid).points_lps_mm.astype(float)
    if len(points) < 2:
        return float(max(grid.spacing_mm))
    corners = convex_corners(points)
    corners = corners[:: max(1, len(corners) // 2000)]  # a flat one keeps all its points
    return float(np.max(pdist(corners)))
