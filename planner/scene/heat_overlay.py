"""Temperatures laid over a slice: colours by degree, and isotherms."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from planner.model.assessment import ScalarField
from planner.model.geometry import FloatArray
from planner.scene.palette import Color, rgb
from planner.scene.pixel_plane import Patch, pixel_plane
from planner.scene.planes import PlaneStack

#: Degrees with their colour; between them it is blended. Dark where little happens.
HEAT: tuple[tuple[float, str], ...] = (
    (42.0, "#3b0f70"),
    (50.0, "#8c2981"),
    (60.0, "#de4968"),
    (80.0, "#fe9f6d"),
    (100.0, "#fcfdbf"),
)
COLD: tuple[tuple[float, str], ...] = (
    (-80.0, "#f7fcfd"),
    (-40.0, "#9ecae1"),
    (-20.0, "#4292c6"),
    (0.0, "#08519c"),
    (15.0, "#1a2a44"),
)
#: Isotherms drawn as lines, by what is shown: 50 and 60 degrees coagulate, -40 and -20 kill, 0 is the ice's edge.
HOT_LINES, COLD_LINES = (50.0, 60.0, 100.0), (-40.0, -20.0, 0.0)
#: Body temperature; colder than this by 5 K is a freezing.
BODY_C = 37.0
OPACITY = 0.55
#: Pixels of the overlay.
PIXEL_MM = 0.8


def is_cold(field: ScalarField) -> bool:
    """Whether a field of temperatures is of a freezing."""
    coldest, hottest = float(np.nanmin(field.values)), float(np.nanmax(field.values))
    return coldest < BODY_C - 5.0 and BODY_C - coldest > hottest - BODY_C


def temperature_at(field: ScalarField, lps_mm: FloatArray) -> float | None:
    """Degrees at a point (3,), of the nearest voxel; None outside the field."""
    i, j, k = np.rint(field.grid.to_ijk(np.asarray(lps_mm))).astype(int)
    if not all(0 <= n < count for n, count in zip((k, j, i), field.values.shape, strict=True)):
        return None
    return float(field.values[k, j, i])


def heat_cut(field: ScalarField, stack: PlaneStack, index: int) -> Patch | None:
    """Where a slice cuts a field of temperatures; None where it does not, or nothing is warm or cold there."""
    from skimage.measure import find_contours

    plane = pixel_plane(field.grid, stack, index, PIXEL_MM)
    if plane is None:
        return None
    degrees = plane.sampled(field.values, field.grid, np.nan)
    cold = is_cold(field)
    pixels = _colored(degrees, COLD if cold else HEAT, cold)
    if not pixels[..., 3].any():
        return None
    lines = []
    filled = np.where(np.isnan(degrees), BODY_C, degrees)
    for level in COLD_LINES if cold else HOT_LINES:
        color = line_color(level)
        lines += [(level, color, plane.along(line)) for line in find_contours(filled, level)]
    return Patch(pixels, plane.low_mm, plane.high_mm, tuple(lines))


def _colored(
    degrees: npt.NDArray[np.float32], scale: tuple[tuple[float, str], ...], is_freezing: bool
) -> npt.NDArray[np.uint8]:
    stops = np.array([t for t, _ in scale])
    colors = np.array([rgb(c) for _, c in scale], dtype=float)
    known = np.nan_to_num(degrees, nan=BODY_C)
    pixels = np.zeros((*degrees.shape, 4), dtype=np.uint8)
    for channel in range(3):
        pixels[..., channel] = np.interp(known, stops, colors[:, channel])
    shown = known <= stops[-1] if is_freezing else known >= stops[0]
    pixels[..., 3] = np.where(shown & ~np.isnan(degrees), round(255 * OPACITY), 0)
    return pixels


def line_color(degrees: float) -> Color:
    """Colour of an isotherm: that of its degree, lightened so that it stands on the colours."""
    scale = COLD if degrees < BODY_C else HEAT
    stops = [t for t, _ in scale]
    base = [np.interp(degrees, stops, [rgb(c)[n] for _, c in scale]) for n in range(3)]
    r, g, b = (round(0.45 * float(v) + 0.55 * 255) for v in base)
    return r, g, b
