"""First outlines without a mask: a lesion as an ellipsoid or by region growing, liver and skin by threshold.

Good enough to plan a path on; every one of them is to be looked at and accepted or thrown away.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.ndimage as ndi

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.model.geometry import Box, FloatArray, Grid

BoolArray = npt.NDArray[np.bool_]

#: A lesion grown by region is given up beyond this volume: it has leaked.
LARGEST_GROWN_ML = 400.0
#: The image is smoothed by this before a region grows in it.
GROWING_SMOOTHING_MM = 1.5
#: Air is below this.
AIR_HU = -300.0


def ellipsoid_mask(
    grid: Grid, center_lps_mm: FloatArray, axes_lps: FloatArray, diameters_mm: FloatArray
) -> BoolArray:
    """Voxels ``[k, j, i]`` whose centre lies in an ellipsoid.

    Parameters
    ----------
    grid
        Lattice of the mask.
    center_lps_mm
        Its centre, shape (3,).
    axes_lps
        Its unit axes as rows, shape (3, 3).
    diameters_mm
        Full length along each axis, shape (3,).

    Raises
    ------
    InvalidValue
        If a diameter is not positive, or no voxel centre lies in it.
    """
    if not np.all(np.isfinite(diameters_mm)) or np.min(diameters_mm) <= 0:
        raise InvalidValue(
            "A lesion's diameters must be positive.", f"{np.round(diameters_mm, 1).tolist()} mm"
        )
    box = _box_around(grid, center_lps_mm, float(np.max(diameters_mm)) / 2)
    mask = np.zeros(grid.shape, dtype=bool)
    if not box.is_empty:
        k, j, i = np.indices(box.shape)
        away = grid.cropped(box).to_lps(np.stack([i, j, k], axis=-1)) - np.asarray(center_lps_mm)
        level = ((away @ np.asarray(axes_lps).T * 2.0 / np.asarray(diameters_mm)) ** 2).sum(axis=-1)
        mask[box.slices] = level <= 1.0
    if not mask.any():
        raise InvalidValue(
            "The lesion would hold no voxel.",
            f"{np.round(diameters_mm, 1).tolist()} mm",
            "Draw it larger, in the scan.",
        )
    return mask


def grown_region(
    values: npt.NDArray[Any],
    grid: Grid,
    seed_lps_mm: FloatArray,
    within: BoolArray | None = None,
    task: Task | None = None,
) -> BoolArray:
    """Voxels ``[k, j, i]`` joined to a clicked point whose smoothed value is like that around it.

    The range is the mean of a ball of 4 mm radius around the click plus or minus what parts it
    from its surroundings: 2.5 standard deviations, at least 12.

    Raises
    ------
    InvalidValue
        If the point lies outside the image, or the region leaks beyond `LARGEST_GROWN_ML`.
    """
    task = task or Task()
    if not grid.contains(seed_lps_mm):
        raise InvalidValue("The click lies outside the scan.", "", "Click on the lesion.")
    box = _box_around(grid, seed_lps_mm, 60.0)
    local = grid.cropped(box)
    task.report(0.1, "Smoothing")
    sigma = [GROWING_SMOOTHING_MM / s for s in local.spacing_mm[::-1]]
    smooth = ndi.gaussian_filter(values[box.slices].astype(np.float32), sigma, mode="nearest")
    k, j, i = np.indices(box.shape)
    away = np.linalg.norm(local.to_lps(np.stack([i, j, k], axis=-1)) - np.asarray(seed_lps_mm), axis=-1)
    ball = smooth[away <= max(4.0, 1.5 * max(local.spacing_mm))]
    spread = max(2.5 * float(ball.std()), 12.0)
    task.report(0.5, "Growing")
    like = np.abs(smooth - float(ball.mean())) <= spread
    if within is not None:
        like &= within[box.slices]
    # Thin bridges to the liver around are cut before joining, and the rim they cost is given back.
    core = ndi.binary_erosion(like, iterations=1)
    labels, _ = ndi.label(core if core[away <= 4.0].any() else like)
    near = np.unravel_index(int(np.argmin(np.where(labels > 0, away, np.inf))), labels.shape)
    if labels[near] == 0:
        raise InvalidValue(
            "Nothing could be grown here.", "", "Click inside the lesion, or use two diameters."
        )
    region = ndi.binary_dilation(labels == labels[near], iterations=1) & like
    region = ndi.binary_fill_holes(region)
    if np.count_nonzero(region) * grid.voxel_volume_ml > LARGEST_GROWN_ML or _touches_border(region):
        raise InvalidValue(
            "The region grows beyond a lesion: its gray values are too like those around it.",
            "",
            "Use two diameters instead.",
        )
    mask = np.zeros(grid.shape, dtype=bool)
    mask[box.slices] = region
    return mask


def body_mask(values: npt.NDArray[Any], grid: Grid, task: Task | None = None) -> BoolArray:
    """The body in a CT ``[k, j, i]`` in HU: the largest part above air, with its inside filled."""
    task = task or Task()
    step = tuple(max(1, round(2.0 / s)) for s in grid.spacing_mm[::-1])
    coarse = np.asarray(values[:: step[0], :: step[1], :: step[2]] > AIR_HU)
    task.report(0.2, "Body")
    coarse = ndi.binary_opening(coarse, iterations=2)
    coarse = _largest(coarse)
    for k in range(coarse.shape[0]):
        coarse[k] = ndi.binary_fill_holes(coarse[k])
    task.report(0.6, "Skin")
    near = ndi.binary_dilation(coarse, iterations=2)
    inner = ndi.binary_erosion(coarse, iterations=2)
    fine_near, fine_inner = (_expanded(m, step, values.shape) for m in (near, inner))
    mask = fine_inner | (fine_near & np.asarray(values > AIR_HU))
    for k in range(mask.shape[0]):
        task.report(0.7 + 0.3 * k / mask.shape[0], "Skin")
        mask[k] = ndi.binary_fill_holes(mask[k])
    return mask


def liver_mask(
    values: npt.NDArray[Any], grid: Grid, seed_lps_mm: FloatArray, task: Task | None = None
) -> BoolArray:
    """A rough liver in a CT ``[k, j, i]`` in HU, from a click in it.

    The smoothed value around the click plus or minus 35 HU, thin bridges cut, joined to the click.

    Raises
    ------
    InvalidValue
        If nothing of a liver's size (100 to 4000 ml) is found.
    """
    task = task or Task()
    step = tuple(max(1, round(2.0 / s)) for s in grid.spacing_mm[::-1])
    coarse = np.asarray(values[:: step[0], :: step[1], :: step[2]], dtype=np.float32)
    spacing = np.array(grid.spacing_mm[::-1]) * step
    task.report(0.1, "Smoothing")
    smooth = ndi.gaussian_filter(coarse, 2.5 / spacing)
    kji = np.rint(grid.to_ijk(seed_lps_mm)[::-1] / step).astype(int)
    if np.any(kji < 0) or np.any(kji >= coarse.shape):
        raise InvalidValue("The click lies outside the scan.", "", "Click on the liver.")
    around = tuple(slice(max(0, c - 3), c + 4) for c in kji)
    task.report(0.4, "Liver")
    like = np.abs(smooth - float(np.median(smooth[around]))) <= 35.0
    core = ndi.binary_erosion(like, iterations=3)
    labels, _ = ndi.label(core)
    found = _nearest_label(labels, kji, 8)
    if found == 0:
        raise InvalidValue(
            "No liver was found around the click.", "", "Click in the middle of the liver, off vessels."
        )
    region = ndi.binary_dilation(labels == found, iterations=3) & like
    region = ndi.binary_closing(np.pad(region, 4), iterations=4)[4:-4, 4:-4, 4:-4]
    region = ndi.binary_fill_holes(region)
    mask = _expanded(region, step, values.shape)
    volume = float(np.count_nonzero(mask)) * grid.voxel_volume_ml
    if not 100.0 <= volume <= 4000.0:
        raise InvalidValue(
            "What was found is no liver.",
            f"{volume:.0f} ml",
            "Click in the middle of the liver, or import a mask.",
        )
    return mask


def _largest(mask: BoolArray) -> BoolArray:
    labels, count = ndi.label(mask)
    if count == 0:
        raise InvalidValue("No body was found in the scan.", "", "Is this a CT in HU?")
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(labels == int(np.argmax(sizes)))


def _nearest_label(labels: npt.NDArray[Any], kji: npt.NDArray[np.int64], reach: int) -> int:
    box = tuple(slice(max(0, int(c) - reach), int(c) + reach + 1) for c in kji)
    near = labels[box]
    hits = np.argwhere(near > 0)
    if not len(hits):
        return 0
    centre = kji - np.array([s.start for s in box])
    return int(near[tuple(hits[int(np.argmin(((hits - centre) ** 2).sum(axis=1)))])])


def _expanded(mask: BoolArray, step: tuple[int, ...], shape: tuple[int, ...]) -> BoolArray:
    for axis, n in enumerate(step):
        mask = np.repeat(mask, n, axis=axis)
    return np.asarray(mask[: shape[0], : shape[1], : shape[2]])


def _touches_border(mask: BoolArray) -> bool:
    return any(bool(np.take(mask, end, axis=a).any()) for a in range(3) for end in (0, -1))


def _box_around(grid: Grid, center_lps_mm: npt.ArrayLike, reach_mm: float) -> Box:
    i, j, k = grid.to_ijk(center_lps_mm)
    ri, rj, rk = (reach_mm / s + 1.0 for s in grid.spacing_mm)
    low = [
        int(np.clip(np.floor(c - r), 0, n))
        for c, r, n in zip((k, j, i), (rk, rj, ri), grid.shape, strict=True)
    ]
    high = [
        int(np.clip(np.ceil(c + r) + 1, 0, n))
        for c, r, n in zip((k, j, i), (rk, rj, ri), grid.shape, strict=True)
    ]
    return Box((low[0], low[1], low[2]), (high[0], high[1], high[2]))
