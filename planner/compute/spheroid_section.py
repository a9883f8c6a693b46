"""Where a plane cuts an ellipsoid of revolution: an ellipse, in closed form."""

from __future__ import annotations

import numpy as np

from planner.model.geometry import FloatArray


def spheroid_section(
    center: FloatArray, axis: FloatArray, along_mm: float, across_mm: float, third: float, count: int = 72
) -> FloatArray | None:
    """The cut of a spheroid by the plane on which the third coordinate is constant.

    With M = I / b^2 + (1 / a^2 - 1 / b^2) u u^T the surface is x^T M x = 1 about the centre; at a
    fixed third coordinate this is a quadratic form in the other two, an ellipse or nothing.

    Parameters
    ----------
    center, axis
        Centre (3,) and unit axis (3,) in the plane's coordinates.
    along_mm, across_mm
        Radii along and across the axis.
    third
        Third coordinate of the plane.
    count
        Number of points of the polygon.

    Returns
    -------
    Polygon (count, 2) in the first two coordinates, or None where the plane misses.
    """
    matrix = np.eye(3) / across_mm**2 + (1 / along_mm**2 - 1 / across_mm**2) * np.outer(axis, axis)
    height = third - float(center[2])
    inner, mixed = matrix[:2, :2], matrix[:2, 2]
    middle = -height * np.linalg.solve(inner, mixed)
    level = 1.0 - height**2 * matrix[2, 2] + float(middle @ inner @ middle)
    if level <= 0:
        return None
    values, vectors = np.linalg.eigh(inner)
    angle = np.linspace(0.0, 2.0 * np.pi, count, endpoint=False)
    ring = np.column_stack([np.cos(angle), np.sin(angle)]) * np.sqrt(level / values)
    return np.asarray(ring @ vectors.T + middle + center[:2])
