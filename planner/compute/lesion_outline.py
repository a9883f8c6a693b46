"""The smooth outline behind a binary lesion mask, sub-voxel, with what the voxels leave open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.compute.lesion_surface import SurfaceSamples, sample_surface
from planner.compute.margin_uncertainty import OutlineEvidence, outline_error_mm
from planner.compute.smoothest_outline import SmoothOutline, fit_outline
from planner.compute.voxel_border import VoxelBorder, border_band, crop_around, reach_voxels
from planner.model.geometry import FloatArray, Grid

BoolArray = npt.NDArray[np.bool_]

#: Distance of surface samples: a share of the volume over the surface (a third of a ball's radius,
#: half a plate's thickness), within these bounds in mm.
SAMPLE_SHARE = 0.36
SAMPLE_STEP_MM = (0.35, 1.8)
#: Points around each sample among which the least margin is looked for: rings as shares of the step.
RINGS = ((0.22, 6), (0.44, 8), (0.66, 10))


@dataclass(frozen=True)
class LesionOutline:
    """A lesion's outline.

    Parameters
    ----------
    lattice
        Lattice of `level`, with cubic cells, reaching beyond the lesion (and the image's border).
    level
        About the signed distance to the outline in mm near it, positive inside, shape [k, j, i].
    samples
        Points of the outline with area and outward normal.
    error_mm
        How far outside or inside each point the true outline may lie (90 %), shape (n,).
    around_lps_mm
        Further points of the outline around each sample, shape (n, points, 3).
    volume_ml
        Volume within the outline.
    """

    lattice: Grid
    level: FloatArray
    samples: SurfaceSamples
    error_mm: FloatArray
    around_lps_mm: FloatArray
    volume_ml: float

    def __post_init__(self) -> None:
        for array in (self.level, self.error_mm, self.around_lps_mm):
            array.setflags(write=False)


def outline_lesion(mask: npt.NDArray[np.bool_], grid: Grid) -> LesionOutline:
    """The smooth outline of a mask [k, j, i] whose voxels are set where their centre is inside.

    Raises
    ------
    InvalidValue
        If the mask is empty or does not have the grid's shape.
    """
    crop, near = crop_around(mask, grid, reach_voxels(grid.spacing_mm).max() + 2)
    spacing = np.array(near.spacing_mm)
    fine_mm = fine_voxel_mm(near.spacing_mm)
    border = VoxelBorder.of(crop, spacing)
    fit = fit_outline(border, fine_mm)
    lattice = _sampling_lattice(crop, near, border)
    level = _level(fit, crop, spacing, lattice)
    rough = sample_surface(level, lattice)
    local, normals, slope = _onto_surface(fit, rough, near, lattice.spacing_mm[0])
    samples = SurfaceSamples(
        local @ near.axes.T + np.array(near.origin_lps_mm), normals @ near.axes.T, rough.area_mm2
    )
    width = np.abs(normals) @ spacing
    evidence = OutlineEvidence(
        fit.spread(local) / slope, width, fine_mm, float(spacing.max()), max(0.0, fit.trespass_mm)
    )
    start: FloatArray = (rough.points_lps_mm - np.array(near.origin_lps_mm)) @ near.axes
    facing = rough.normals_lps @ near.axes
    within = np.einsum("ij,ij,i->", start - start.mean(axis=0), facing, rough.area_mm2) / 3.0
    shell = np.einsum("ij,ij,i->", local - start, facing, rough.area_mm2)
    volume = float(within + shell) / 1000.0
    around = _around(fit, local, normals, lattice.spacing_mm[0]) @ near.axes.T + np.array(near.origin_lps_mm)
    return LesionOutline(lattice, level, samples, outline_error_mm(evidence), around, volume)


def fine_voxel_mm(spacing_mm: tuple[float, float, float]) -> float:
    """Size of a voxel within the slices; where it is nearly cubic, its mean size."""
    least, middle, most = sorted(spacing_mm)
    within = (least + middle) / 2
    return within if most > 1.5 * within else (least + middle + most) / 3


def _sampling_lattice(crop: BoolArray, near: Grid, border: VoxelBorder) -> Grid:
    """A lattice of cubic cells over the cropped mask."""
    spacing = np.array(near.spacing_mm)
    width = np.linalg.norm(border.face_outer_mm - border.face_inner_mm, axis=1)
    area = float((spacing.prod() / width).sum()) / 1.5  # faces of voxels overstate an area by half
    volume = float(np.count_nonzero(crop) * spacing.prod())
    step = float(np.clip(SAMPLE_SHARE * volume / area, *SAMPLE_STEP_MM))
    columns, rows, slices = (int(n) + 1 for n in np.floor(spacing * (np.array(crop.shape[::-1]) - 1) / step))
    return Grid((slices, rows, columns), (step,) * 3, near.origin_lps_mm, near.direction)


def _level(fit: SmoothOutline, crop: BoolArray, spacing: FloatArray, lattice: Grid) -> FloatArray:
    """The outline's spline on a lattice; a large value away from the voxels' border."""
    step = lattice.spacing_mm[0]
    k, j, i = (np.arange(n) * step for n in lattice.shape)
    nearest = np.ix_(
        *(
            np.minimum(np.rint(x / s).astype(int), n - 1)
            for x, s, n in zip((k, j, i), spacing[::-1], crop.shape, strict=True)
        )
    )
    near_border = border_band(crop, spacing)[nearest]
    level = np.where(crop[nearest], 1.0, -1.0) * 2.0 * max(step, float(spacing.max()))
    c, b, a = np.nonzero(near_border)
    points = np.stack([a, b, c], axis=1).astype(np.float64) * step
    level[near_border] = fit.value(points)
    return level


def _onto_surface(
    fit: SmoothOutline, rough: SurfaceSamples, near: Grid, step: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Sample points moved onto the spline's zero surface, their outward normals, and its slope."""
    local = (rough.points_lps_mm - np.array(near.origin_lps_mm)) @ near.axes
    normals = rough.normals_lps @ near.axes
    for _ in range(2):
        value, gradient = fit.evaluate(local)
        squared = np.maximum((gradient**2).sum(axis=1), 1e-4)
        local = local - np.clip(value / squared, -step / 2, step / 2)[:, None] * gradient
    slope = np.sqrt(squared)
    smooth = -gradient / slope[:, None]
    agree = np.einsum("ij,ij->i", smooth, normals) > 0.3
    normals = np.where(agree[:, None], smooth / np.linalg.norm(smooth, axis=1, keepdims=True), normals)
    return local, normals, np.maximum(slope, 0.1)


def _around(fit: SmoothOutline, local: FloatArray, normals: FloatArray, step: float) -> FloatArray:
    """Points of the outline in rings around each sample, shape (n, points, 3)."""
    least = np.eye(3)[np.argmin(np.abs(normals), axis=1)]
    first = np.cross(normals, least)
    first /= np.sqrt((first**2).sum(axis=1))[:, None]
    second = np.cross(normals, first)
    rings = []
    for share, count in RINGS:
        for turn in 2 * np.pi * (np.arange(count) + share) / count:
            rings.append(local + share * step * (np.cos(turn) * first + np.sin(turn) * second))
    points = np.stack(rings, axis=1).reshape(-1, 3)
    value, gradient = fit.evaluate(points)  # one step is enough so near to the surface
    squared = np.maximum((gradient**2).sum(axis=1), 1e-4)
    points = points - np.clip(value / squared, -step / 2, step / 2)[:, None] * gradient
    around: FloatArray = points.reshape(len(local), -1, 3)
    return around
