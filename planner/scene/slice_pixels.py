"""Pixels of a slice: gray values and labels of a plane through a volume."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from planner.model.geometry import Grid
from planner.scene.planes import ObliquePlane, PlaneStack, is_upright


def slice_pixels(
    values: npt.NDArray[Any],
    grid: Grid,
    stack: PlaneStack,
    index: int,
    fill: float = 0.0,
    smooth: bool = True,
) -> npt.NDArray[Any]:
    """Pixels ``[down, right]`` of one slice of a volume ``[k, j, i]``.

    Parameters
    ----------
    values, grid
        The volume.
    stack
        The stack of the grid the view is made for (another volume's grid may be shown in it).
    index
        Number of the slice.
    fill
        Value outside the volume.
    smooth
        Trilinear between voxels where axes do not agree; False takes the nearest (labels).
    """
    if is_upright(grid) and _same_lattice(grid, stack):
        return _upright(values, grid, stack, index)
    return _resliced(values, grid, stack, index, fill, smooth)


def _same_lattice(grid: Grid, stack: PlaneStack) -> bool:
    if isinstance(stack.orientation, ObliquePlane):
        return False
    own = PlaneStack.of(grid, stack.orientation)
    gap = np.abs(np.array(own.low_mm) - np.array(stack.low_mm)).max()
    return gap < 1e-3 and own.size == stack.size and own.count == stack.count


def _upright(values: npt.NDArray[Any], grid: Grid, stack: PlaneStack, index: int) -> npt.NDArray[Any]:
    frame = np.stack([stack.to_plane(axis) for axis in grid.axes.T], axis=1)  # plane axis x ijk
    ijk_of = np.argmax(np.abs(frame), axis=1)
    signs = np.sign(frame[np.arange(3), ijk_of])
    axis = 2 - int(ijk_of[2])
    at = index if signs[2] > 0 else values.shape[axis] - 1 - index
    plane = np.take(values, at, axis=axis)
    # The axes left over, in the array's order; bring them to [down, right].
    left = [a for a in range(3) if a != axis]
    down, right = 2 - int(ijk_of[1]), 2 - int(ijk_of[0])
    if left != [down, right]:
        plane = plane.T
    if signs[1] < 0:
        plane = plane[::-1]
    if signs[0] < 0:
        plane = plane[:, ::-1]
    return np.asarray(plane)


def _resliced(
    values: npt.NDArray[Any], grid: Grid, stack: PlaneStack, index: int, fill: float, smooth: bool
) -> npt.NDArray[Any]:
    from scipy.ndimage import map_coordinates

    across, down = stack.size
    rights = stack.low_mm[0] + np.arange(across) * stack.step_mm[0]
    downs = stack.low_mm[1] + np.arange(down) * stack.step_mm[1]
    start = stack.to_lps(0.0, 0.0, stack.position_mm(index))
    one_right = stack.to_lps(1.0, 0.0, 0.0)
    one_down = stack.to_lps(0.0, 1.0, 0.0)
    points = start + rights[None, :, None] * one_right + downs[:, None, None] * one_down
    ijk = grid.to_ijk(points)
    kji = np.moveaxis(ijk[..., ::-1], -1, 0)
    if smooth:
        pixels = map_coordinates(values, kji, output=np.float32, order=1, cval=fill, prefilter=False)
    else:
        pixels = map_coordinates(values, kji, order=0, cval=fill, prefilter=False)
    return np.asarray(pixels)


def windowed(pixels: npt.NDArray[Any], width: float, level: float) -> npt.NDArray[np.uint8]:
    """Gray 0..255 of values by window width and level (DICOM PS3.3 C.11.2.1.2, linear)."""
    width = max(width, 1.0)
    if pixels.dtype == np.int16:
        values = np.arange(-32768, 32768, dtype=np.float32)
        table = np.clip((values - level) / width + 0.5, 0.0, 1.0) * 255.0
        # A look-up by the raw bits: one gather instead of float arithmetic on every pixel.
        grays: npt.NDArray[np.uint8] = np.rint(table).astype(np.uint8)
        return np.asarray(grays[pixels.astype(np.int32) + 32768])
    gray = np.clip((pixels.astype(np.float32) - level) / width + 0.5, 0.0, 1.0) * 255.0
    return np.asarray(np.rint(gray).astype(np.uint8))
