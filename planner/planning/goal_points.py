"""What a suggested plan is to cover, as points, and where zones may be centred to cover it."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from planner.compute.margin import PreparedMargin
from planner.model.geometry import FloatArray
from planner.model.plan import Point

#: About so many points stand for the lesion with its margin, and so many zone centres are tried.
POINTS, CENTERS = 900, 34


def goal_points(prepared: PreparedMargin, margin_mm: float) -> tuple[FloatArray, float]:
    """Points (n, 3) that stand for a lesion grown by a margin within the liver, and their distance.

    Some lie on the grown surface itself, which a cover must not miss, the others on a lattice within.
    """
    samples = prepared.outline.samples
    points, normals = samples.points_lps_mm, samples.normals_lps
    volume_mm3 = 1000.0 * prepared.lesion_volume_ml + margin_mm * samples.total_area_mm2
    step = float(np.clip((volume_mm3 / POINTS) ** (1 / 3), 1.0, 5.0))
    low, high = points.min(axis=0) - margin_mm, points.max(axis=0) + margin_mm
    axes = [np.arange(a + 0.5 * step, b + 0.5 * step, step) for a, b in zip(low, high, strict=True)]
    lattice = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    distance, nearest = cKDTree(points).query(lattice)
    outside = np.einsum("ij,ij->i", lattice - points[nearest], normals[nearest]) > 0
    inner = lattice[~outside | (distance <= margin_mm)]
    shell = points + margin_mm * normals
    stride = max(1, len(shell) // (POINTS // 3))
    gap, _ = cKDTree(points).query(shell)
    shell = shell[gap >= margin_mm - 1e-6 - 0.02 * margin_mm][::stride]
    found = np.vstack([inner, shell, points[::stride]])
    if prepared.liver is not None:
        from_lesion, foot = cKDTree(points).query(found)
        beyond = np.einsum("ij,ij->i", found - points[foot], normals[foot]) > 0.01
        is_liver = prepared.liver.share_at(found) >= 0.5
        found = found[~beyond | is_liver | (from_lesion < 0.5)]
    return np.ascontiguousarray(found), step


def candidate_centers(prepared: PreparedMargin, points: FloatArray, radius_mm: float) -> list[Point]:
    """Zone centres to try: the lesion's own centre first, then places spread over it and its margin.

    Places so deep outside that a zone there would leave the far side bare by far are not tried: a
    centre lies within the goal.
    """
    middle = prepared.outline.samples.points_lps_mm.mean(axis=0)
    chosen = [middle]
    size = float(np.linalg.norm(points - middle, axis=1).max())
    if size <= radius_mm * 0.9:
        extra = 12  # one zone may do: look for it closely around the middle
        near = points[np.argsort(np.linalg.norm(points - middle, axis=1))][: max(1, len(points) // 4)]
    else:
        extra, near = CENTERS - 1, points
    gap = np.linalg.norm(near - middle, axis=1)
    for _ in range(min(extra, len(near) - 1)):  # farthest point next: spread evenly, and no chance in it
        n = int(np.argmax(gap))
        if gap[n] < 2.0:
            break
        chosen.append(near[n])
        gap = np.minimum(gap, np.linalg.norm(near - near[n], axis=1))
    return [(float(x), float(y), float(z)) for x, y, z in chosen]
