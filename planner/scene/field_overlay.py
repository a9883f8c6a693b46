"""A field laid over slices: temperatures, dose, or the strength of an electric field with its thresholds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from planner.model.assessment import ScalarField
from planner.scene.dose_overlay import DOSE_UNIT, dose_cut
from planner.scene.heat_overlay import heat_cut
from planner.scene.palette import Color, rgb
from planner.scene.pixel_plane import Patch, pixel_plane
from planner.scene.planes import PlaneStack

ELECTRIC_UNIT = "V/cm"
#: V/cm with their colours; between them it is blended. Nothing is shown where cells do not even leak.
ELECTRIC: tuple[tuple[float, str], ...] = (
    (300.0, "#0b2a3c"),
    (500.0, "#1f6f8b"),
    (700.0, "#3cb7a3"),
    (1000.0, "#b7e075"),
    (1800.0, "#fdfbd0"),
)
#: Lines that are drawn: 500 and 600 dimmed, the thresholds of liver and tumour full.
ELECTRIC_LINES: tuple[tuple[float, str], ...] = (
    (500.0, "#2f7f92"),
    (600.0, "#4d9db0"),
    (700.0, "#ffffff"),
    (800.0, "#f3d9b1"),
)
OPACITY = 0.5
PIXEL_MM = 0.8


def field_cut(field: ScalarField, stack: PlaneStack, index: int) -> Patch | None:
    """Where a slice cuts a field of temperatures, V/cm or Gy; None where it does not, or nothing is to be shown."""
    if field.unit == ELECTRIC_UNIT:
        return electric_cut(field, stack, index)
    if field.unit == DOSE_UNIT:
        return dose_cut(field, stack, index)
    return heat_cut(field, stack, index)


def electric_cut(field: ScalarField, stack: PlaneStack, index: int) -> Patch | None:
    """The strength of an electric field on a slice, with the lines of the thresholds."""
    from skimage.measure import find_contours

    plane = pixel_plane(field.grid, stack, index, PIXEL_MM)
    if plane is None:
        return None
    strength = plane.sampled(field.values, field.grid, np.nan)
    pixels = _colored(strength)
    if not pixels[..., 3].any():
        return None
    filled = np.nan_to_num(strength, nan=0.0)
    lines: list[tuple[float, Color, npt.NDArray[np.float64]]] = []
    for level, color in ELECTRIC_LINES:
        lines += [(level, rgb(color), plane.along(line)) for line in find_contours(filled, level)]
    return Patch(pixels, plane.low_mm, plane.high_mm, tuple(lines))


def _colored(strength: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    stops = np.array([v for v, _ in ELECTRIC])
    colors = np.array([rgb(c) for _, c in ELECTRIC], dtype=float)
    known = np.nan_to_num(strength, nan=0.0)
    pixels = np.zeros((*strength.shape, 4), dtype=np.uint8)
    for channel in range(3):
        pixels[..., channel] = np.interp(known, stops, colors[:, channel])
    pixels[..., 3] = np.where(known >= stops[0], round(255 * OPACITY), 0)
    return pixels
