"""How large a structure is, as radiologists measure it."""

from __future__ import annotations

import numpy as np

from planner.compute.clearance import BoundaryPoints
from planner.model.structures import StructureSet


def longest_diameter_mm(structures: StructureSet, name: str) -> float:
    """Largest distance between two points of a structure's boundary (3D, to a voxel)."""
    from scipy.spatial import ConvexHull, QhullError
    from scipy.spatial.distance import pdist

    mask, grid = structures.cropped(name, 2.0 * max(structures.grid.spacing_mm))
    points = BoundaryPoints.of_mask(mask, grid).points_lps_mm.astype(float)
    if len(points) < 2:
        return float(max(grid.spacing_mm))
    try:
        corners = points[ConvexHull(points).vertices]
    except QhullError:
        corners = points[:: max(1, len(points) // 2000)]
    return float(np.max(pdist(corners)))
