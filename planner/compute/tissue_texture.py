"""A scan made comparable with another: gray values freed of local brightness and contrast.

Two scans of one liver differ in contrast agent and noise; what stays are the borders and vessels.
Each value is taken relative to the mean and the spread of the tissue around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.ndimage as ndi

from planner.base.errors import InvalidValue
from planner.compute.threads import kernel
from planner.model.geometry import Box, FloatArray, Grid
from planner.model.image import Image

#: Soft tissue in CT; what lies beyond (air, bone, metal) is cut to it.
SOFT_TISSUE_HU = (-150.0, 250.0)
#: A CT of whose voxels above air a smaller share lies there has no HU: a cone-beam CT's numbers need not be any.
AIR_HU, LEAST_SOFT_SHARE = -500.0, 0.3
#: What has no HU is cut at these percentiles.
KEPT_PERCENT = (1.0, 99.0)
#: Brightness and contrast are those of a Gaussian neighbourhood of this size.
NEIGHBOURHOOD_MM = 12.0
#: Contrast below this share of the window is noise and is not made larger.
LEAST_CONTRAST = 0.04


@dataclass(frozen=True, eq=False)
class TissueTexture:
    """A scan's texture on a lattice of cubic cells along the scan's own axes.

    Parameters
    ----------
    grid
        The lattice; all of it lies within the scan.
    values
        Shape [k, j, i], about of size 1.
    """

    grid: Grid
    values: npt.NDArray[np.float32]

    @classmethod
    def of(cls, image: Image, region: Box, step_mm: float) -> TissueTexture:
        """The texture of a region of a scan.

        Raises
        ------
        InvalidValue
            If the region holds no voxel, or nothing but one value.
        """
        if region.is_empty:
            raise InvalidValue("The scans have no region in common.", f"scan '{image.id}'")
        low, high = gray_window(image)
        grid = image.grid.cropped(region)
        values = np.clip(np.asarray(image.values[region.slices], dtype=np.float32), low, high)
        values, grid = binned(values, grid, step_mm)
        spacing = np.array(grid.spacing_mm[::-1])
        values = ndi.gaussian_filter(values, 0.5 * step_mm / spacing, mode="nearest")
        values, grid = _on_cubes(values, grid, step_mm)
        sigma = NEIGHBOURHOOD_MM / step_mm
        away = values - ndi.gaussian_filter(values, sigma, mode="nearest", truncate=2.5)
        spread = np.sqrt(ndi.gaussian_filter(away**2, sigma, mode="nearest", truncate=2.5))
        return cls(grid, np.ascontiguousarray(away / (spread + LEAST_CONTRAST * (high - low))))

    def smoothed(self, sigma_mm: float) -> TissueTexture:
        """A copy smoothed by a Gaussian."""
        sigma = sigma_mm / self.grid.spacing_mm[0]
        return TissueTexture(self.grid, ndi.gaussian_filter(self.values, sigma, mode="nearest", truncate=3.0))

    def sampled(self, points_lps_mm: FloatArray) -> tuple[FloatArray, FloatArray, npt.NDArray[np.bool_]]:
        """Value (n,) and slope per mm (n, 3) at points (n, 3), and which of them lie on the lattice."""
        ijk = np.ascontiguousarray(self.grid.to_ijk(points_lps_mm))
        value, slope = np.zeros(len(ijk)), np.zeros((len(ijk), 3))
        inside = np.zeros(len(ijk), dtype=np.bool_)
        _sample(self.values, ijk, value, slope, inside)
        slope = (slope / np.array(self.grid.spacing_mm)) @ self.grid.axes.T
        return value, slope, inside


def gray_window(image: Image) -> tuple[float, float]:
    """Lowest and highest value that tells tissue apart.

    Raises
    ------
    InvalidValue
        If the scan holds one value only.
    """
    some = np.asarray(image.values[:: max(1, image.grid.shape[0] // 60), ::4, ::4], dtype=float)
    if image.modality == "CT" and _is_in_hu(some):
        low, high = SOFT_TISSUE_HU
    else:
        low, high = (float(v) for v in np.percentile(some, KEPT_PERCENT))
    few = np.clip(image.values[:: max(1, image.grid.shape[0] // 60), ::2, ::2], low, high)
    if not high > low or float(few.max()) <= float(few.min()):
        raise InvalidValue(
            "The scan shows no tissue that could be compared.", f"'{image.title}'", "Choose another series."
        )
    return low, high


def _is_in_hu(values: FloatArray) -> bool:
    """Whether tissue of a CT has the numbers tissue has in HU; that of a cone-beam CT need not."""
    body = values[values > max(AIR_HU, float(values.min()))]
    low, high = SOFT_TISSUE_HU
    return not body.size or float(np.mean((body >= low) & (body <= high))) >= LEAST_SOFT_SHARE


def binned(values: npt.NDArray[Any], grid: Grid, step_mm: float) -> tuple[npt.NDArray[np.float32], Grid]:
    """Means of blocks of voxels no larger than a step, and their lattice."""
    counts = [
        max(1, min(n, int(step_mm / s + 1e-6)))
        for n, s in zip(grid.shape, grid.spacing_mm[::-1], strict=True)
    ]
    shape = [n // c for n, c in zip(grid.shape, counts, strict=True)]
    found = values[: shape[0] * counts[0], : shape[1] * counts[1], : shape[2] * counts[2]]
    for axis in (2, 1, 0):  # one axis at a time: rows lie together in memory
        if counts[axis] > 1:
            split = [*found.shape[:axis], shape[axis], counts[axis], *found.shape[axis + 1 :]]
            found = found.reshape(split).mean(axis=axis + 1, dtype=np.float32)
    x, y, z = (float(v) for v in grid.to_lps([(c - 1) / 2 for c in counts[::-1]]))
    a, b, c = (s * n for s, n in zip(grid.spacing_mm, counts[::-1], strict=True))
    lattice = Grid((shape[0], shape[1], shape[2]), (a, b, c), (x, y, z), grid.direction)
    return np.ascontiguousarray(found, dtype=np.float32), lattice


def _on_cubes(
    values: npt.NDArray[np.float32], grid: Grid, step_mm: float
) -> tuple[npt.NDArray[np.float32], Grid]:
    """Values on a lattice of cubic cells with the same first voxel, linear in between."""
    for axis in range(3):
        spacing = grid.spacing_mm[2 - axis]
        count = int((values.shape[axis] - 1) * spacing / step_mm + 1e-6) + 1
        place = np.arange(count) * step_mm / spacing
        low = np.minimum(place.astype(int), max(0, values.shape[axis] - 2))
        share = (place - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
        upper = np.minimum(low + 1, values.shape[axis] - 1)
        values = np.take(values, low, axis=axis) * (1 - share) + np.take(values, upper, axis=axis) * share
    k, j, i = values.shape
    return values, Grid((k, j, i), (step_mm,) * 3, grid.origin_lps_mm, grid.direction)


@kernel
def _sample(
    values: npt.NDArray[np.float32],
    ijk: FloatArray,
    value: FloatArray,
    slope: FloatArray,
    inside: npt.NDArray[np.bool_],
) -> None:
    """Linear values with slopes per voxel along i, j, k."""
    slices, rows, columns = values.shape
    for n in range(ijk.shape[0]):
        i, j, k = floor(ijk[n, 0]), floor(ijk[n, 1]), floor(ijk[n, 2])
        if i < 0 or j < 0 or k < 0 or i >= columns - 1 or j >= rows - 1 or k >= slices - 1:
            continue
        x, y, z = ijk[n, 0] - i, ijk[n, 1] - j, ijk[n, 2] - k
        a00, a10 = values[k, j, i], values[k, j + 1, i]
        a01, a11 = values[k + 1, j, i], values[k + 1, j + 1, i]
        b00, b10 = values[k, j, i + 1] - a00, values[k, j + 1, i + 1] - a10
        b01, b11 = values[k + 1, j, i + 1] - a01, values[k + 1, j + 1, i + 1] - a11
        c00, c10, c01, c11 = a00 + x * b00, a10 + x * b10, a01 + x * b01, a11 + x * b11
        value[n] = (1 - z) * ((1 - y) * c00 + y * c10) + z * ((1 - y) * c01 + y * c11)
        slope[n, 0] = (1 - z) * ((1 - y) * b00 + y * b10) + z * ((1 - y) * b01 + y * b11)
        slope[n, 1] = (1 - z) * (c10 - c00) + z * (c11 - c01)
        slope[n, 2] = (1 - y) * (c01 - c00) + y * (c11 - c10)
        inside[n] = True
