"""The corners of the convex hull of points."""

from __future__ import annotations

import numpy as np

from planner.model.geometry import FloatArray


def convex_corners(points_mm: FloatArray) -> FloatArray:
    """Those of some points (n, 3) that their convex hull is made of; all of them where they lie in a plane."""
    from scipy.spatial import ConvexHull, QhullError

    try:
        return np.asarray(points_mm[ConvexHull(points_mm).vertices])
    except QhullError:
        return points_mm
