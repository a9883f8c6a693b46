"""Another scan seen in a slice: blended over it, or in the squares of a checkerboard."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from planner.model.image import Image
from planner.scene.planes import PlaneStack
from planner.scene.slice_pixels import slice_pixels, windowed

GrayArray = npt.NDArray[np.uint8]

#: Edge of a square of the checkerboard.
SQUARE_MM = 20.0
#: A CT has nothing where its values lie below this: no tissue and no air does.
NOTHING_BELOW_HU = -1500.0
#: A scan of another kind is shown from and to these percentiles of its own values.
PERCENTILES = (1.0, 99.0)


def laid_over(
    gray: GrayArray,
    other: Image,
    stack: PlaneStack,
    index: int,
    window: tuple[float, float],
    share: float,
    is_checkered: bool,
) -> GrayArray:
    """Gray pixels ``[down, right]`` of a slice with another scan laid over them.

    Parameters
    ----------
    gray
        The slice's own pixels.
    other
        The other scan, in the same space.
    stack, index
        Which slice.
    window
        Width and level for CT; a scan of another kind is shown by its own values.
    share
        How much of the other scan is seen, 0..1.
    is_checkered
        Show it whole in every second square of 20 mm instead, wherever the share is not 0 or 1.
    """
    if share <= 0.0:
        return gray
    is_ct = other.modality == "CT"
    fill = NOTHING_BELOW_HU - 1.0 if is_ct else 0.0
    pixels = slice_pixels(other.values, other.grid, stack, index, fill=fill)
    width, level = window if is_ct else own_window(other)
    seen = windowed(pixels, width, level)
    known = pixels >= NOTHING_BELOW_HU if is_ct else np.ones(pixels.shape, dtype=bool)
    if is_checkered and share < 1.0:
        return np.where(known & checkerboard(stack, SQUARE_MM), seen, gray)
    return np.where(known, blended(gray, seen, share), gray)


def blended(one: GrayArray, two: GrayArray, share: float) -> GrayArray:
    """Two pictures in one: so much of the second, the rest of the first."""
    weight = np.float32(min(max(share, 0.0), 1.0))
    mixed = one.astype(np.float32) * (1 - weight) + two.astype(np.float32) * weight
    return np.asarray(np.rint(mixed).astype(np.uint8))


def checkerboard(stack: PlaneStack, square_mm: float) -> npt.NDArray[np.bool_]:
    """Every second square of a slice's pixels ``[down, right]``; squares stand still while one scrolls."""
    across, down = stack.size
    rights = np.floor((stack.low_mm[0] + np.arange(across) * stack.step_mm[0]) / square_mm)
    downs = np.floor((stack.low_mm[1] + np.arange(down) * stack.step_mm[1]) / square_mm)
    return np.asarray((rights[None, :] + downs[:, None]) % 2 == 1)


def own_window(image: Image) -> tuple[float, float]:
    """Width and level that show the middle 98 % of an image's values."""
    some: npt.NDArray[Any] = np.asarray(image.values)[::4, ::4, ::4]
    low, high = np.percentile(some, PERCENTILES)
    return max(float(high - low), 1.0), float(high + low) / 2
