"""Signed distance of points to an outline found from a mask, to a small part of a voxel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from planner.compute.lesion_outline import LesionOutline, outline_lesion
from planner.model.geometry import FloatArray, Grid

#: A point whose foot lies within this share of the samples' distance beside a sample is measured to the
#: sample's plane, any other to the sample: at creases no plane is near.
BESIDE_SHARE = 0.5
#: The foot is looked for around so many of the nearest samples.
CANDIDATES = 3


@dataclass(frozen=True, eq=False)
class OutlineDistance:
    """Distances to an outline, positive inside as in the word *margin*.

    Parameters
    ----------
    outline
        The outline of an ablation zone, a lesion or any other closed shape.
    """

    outline: LesionOutline

    @classmethod
    def of_mask(cls, mask: npt.NDArray[np.bool_], grid: Grid) -> OutlineDistance:
        """The outline of a mask [k, j, i]; raises `InvalidValue` where it is empty or does not fit."""
        return cls(outline_lesion(mask, grid))

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(self.outline.samples.points_lps_mm)

    def signed_distance_mm(self, points_lps_mm: FloatArray, reach_mm: float = np.inf) -> FloatArray:
        """Distance of points (n, 3) to the outline, positive inside; infinite beyond `reach_mm`, shape (n,)."""
        if np.isinf(reach_mm):
            return self.nearest(points_lps_mm)[0]
        gap, _ = self._tree.query(points_lps_mm, distance_upper_bound=reach_mm + self._step_mm)
        distance = np.where(self._is_inside(points_lps_mm), np.inf, -np.inf)
        near = np.isfinite(gap)
        distance[near] = self.nearest(points_lps_mm[near])[0]
        return distance

    def nearest(self, points_lps_mm: FloatArray) -> tuple[FloatArray, FloatArray, npt.NDArray[np.intp]]:
        """Signed distance (n,), its slope in space (n, 3), and the nearest sample of the outline (n,)."""
        samples, around = self.outline.samples, self.outline.around_lps_mm
        count = min(CANDIDATES, len(samples))
        _, candidates = self._tree.query(points_lps_mm, k=count)
        candidates = candidates.reshape(len(points_lps_mm), count)
        gap = np.full(len(points_lps_mm), np.inf)
        foot = np.zeros((len(gap), 3))
        sample = np.zeros(len(gap), dtype=np.intp)
        for number in candidates.T:
            for point in (samples.points_lps_mm[number], *np.moveaxis(around[number], 1, 0)):
                away = np.linalg.norm(points_lps_mm - point, axis=1)
                nearer = away < gap
                gap[nearer], foot[nearer], sample[nearer] = away[nearer], point[nearer], number[nearer]
        ray = points_lps_mm - foot
        normal = samples.normals_lps[sample]
        plane = np.einsum("ij,ij->i", ray, normal)
        beside = np.sqrt(np.maximum(gap**2 - plane**2, 0.0))
        flat = beside <= BESIDE_SHARE * self._step_mm
        side = np.where(flat, np.sign(-plane), np.where(self._is_inside(points_lps_mm), 1.0, -1.0))
        distance = side * np.where(flat, np.abs(plane), gap)
        slope = np.where(flat[:, None], -normal, -side[:, None] * -ray / np.maximum(gap, 1e-9)[:, None])
        return distance, slope, sample

    @property
    def _step_mm(self) -> float:
        """Distance of the outline's samples."""
        return self.outline.lattice.spacing_mm[0]

    def _is_inside(self, points_lps_mm: FloatArray) -> npt.NDArray[np.bool_]:
        """By the outline's level, linear in between; beyond its lattice is outside."""
        from scipy.ndimage import map_coordinates

        ijk = self.outline.lattice.to_ijk(points_lps_mm)
        lowest = float(self.outline.level.min())
        level = map_coordinates(self.outline.level, ijk[:, ::-1].T, order=1, cval=min(lowest, -1.0))
        return np.asarray(level > 0)
