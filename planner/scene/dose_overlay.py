"""Dose laid over the views: colours with numbered isodose lines on slices, and isodose surfaces in space."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from planner.model.assessment import Confidence, ScalarField, Surface
from planner.model.geometry import FloatArray
from planner.planning.constants import Constant
from planner.scene.layers import Mesh, SliceMarks, SpacePart
from planner.scene.palette import Color, rgb
from planner.scene.pixel_plane import Patch, PixelPlane, Word, pixel_plane
from planner.scene.planes import PlaneStack

DOSE_UNIT = "Gy"
_RULE = Confidence.OUR_RULE


def _level(dose_gy: float, near: str) -> Constant:
    return Constant(dose_gy, DOSE_UNIT, f"a line for the eye; {near}", _RULE)


#: Doses lines are drawn at, the same for every plan so that pictures can be compared.  Published aims and
#: limits are means over a tumour or over normal liver: a line at their dose shows where, and judges nothing.
DOSE_LEVELS: tuple[Constant, ...] = (
    _level(20.0, "colours begin here"),
    _level(50.0, "least limit of whole normal liver with glass"),
    _level(70.0, "aim of perfused normal liver of a lobectomy with resin"),
    _level(100.0, "dose of V100; least aim of a tumour with resin"),
    _level(150.0, "aim of a segmentectomy with resin"),
    _level(205.0, "aim of a hepatocellular carcinoma with glass"),
    _level(400.0, "aim of a segmentectomy with glass"),
)
#: Colours at these doses, ever lighter; between them it is blended.  Violet is no hue of a judgement.
DOSE_COLORS = ("#35136b", "#4f2a97", "#6a44bd", "#8a66d8", "#ab8ee8", "#cbb6f5", "#ebdfff")
OPACITY = 0.5
PIXEL_MM = 1.0
#: Shorter lines have no number: they lie within others.
LEAST_LINE_MM = 45.0
#: Numbers of neighbouring lines stand this far apart around them; the first one below, where no tip comes in.
FIRST_DEG, APART_DEG = 100.0, 65.0
NUMBER_COLOR: Color = (255, 255, 255)
#: Of an isodose surface in space; the second one lies within the first.
SURFACE_OPACITY = 0.38
#: Below every dose: a surface closes where the field ends, and not beyond it.
_UNKNOWN_GY = -1e9


def dose_cut(field: ScalarField, stack: PlaneStack, index: int) -> Patch | None:
    """Where a slice cuts a field of dose; None where it does not, or all is below the first level.

    Where the dose is not known (NaN, or beyond the field) nothing is coloured, and lines end there.
    """
    from skimage.measure import find_contours

    plane = pixel_plane(field.grid, stack, index, PIXEL_MM)
    if plane is None:
        return None
    dose = plane.sampled(field.values, field.grid, np.nan)
    pixels = _colored(dose)
    if not pixels[..., 3].any():
        return None
    most = float(np.nanmax(dose))
    lines: list[tuple[float, Color, FloatArray]] = []
    words: list[Word] = []
    for number, level in enumerate(DOSE_LEVELS):
        if level.value > most:
            break
        found = [plane.along(line) for line in find_contours(dose, level.value)]
        color = dose_line_color(number)
        lines += [(level.value, color, line) for line in found]
        words += _number_of(found, number)
    return Patch(pixels, plane.low_mm, plane.high_mm, tuple(lines), tuple(words))


def dose_at(field: ScalarField, lps_mm: npt.ArrayLike) -> float | None:
    """Dose at a point (3,), between voxels as the lines are drawn; None where it is not known."""
    point = PixelPlane((0.0, 0.0), PIXEL_MM, np.asarray(lps_mm, dtype=float)[None, None])
    found = float(point.sampled(field.values, field.grid, np.nan)[0, 0])
    return None if np.isnan(found) else found


def isodose_surface(field: ScalarField, level_gy: float) -> Surface | None:
    """The surface around all that receives a dose; None where nothing does."""
    from planner.compute.level_boundary import LevelBoundary
    from planner.model.structures import bounding_box

    inside = np.nan_to_num(field.values, nan=_UNKNOWN_GY) > level_gy
    box = bounding_box(inside)
    if box.is_empty:
        return None
    box = box.grown((1, 1, 1), field.values.shape)
    dose = field.values[box.slices].astype(np.float64)
    level = np.where(np.isfinite(dose), dose - level_gy, _UNKNOWN_GY)
    found = LevelBoundary.of(field.grid.cropped(box), level, outside=_UNKNOWN_GY)
    return Surface(f"isodose_{level_gy:g}_gy", found.points_lps_mm.astype(np.float32), found.triangles)


def isodose_mesh(field: ScalarField, level_gy: float) -> Mesh | None:
    """An isodose surface as it stands in space."""
    surface = isodose_surface(field, level_gy)
    return None if surface is None else Mesh(surface, _lightened(dose_color(level_gy)), SURFACE_OPACITY)


def dose_color(dose_gy: float) -> str:
    """Colour of a dose."""
    red, green, blue = (round(float(c)) for c in _blended(np.array([dose_gy]))[0])
    return f"#{red:02x}{green:02x}{blue:02x}"


def dose_line_color(number: int) -> Color:
    """Colour of the line of a level: that of its dose, lightened so that it stands on the colours."""
    return rgb(_lightened(DOSE_COLORS[number]))


class IsodoseLayer:
    """Isodose surfaces in space; what lies on slices is the field itself.

    Parameters
    ----------
    parts
        The surfaces, the outermost last: what lies within is drawn first.
    """

    def __init__(self, parts: tuple[SpacePart, ...] = ()) -> None:
        self.parts = parts

    def on_slice(self, stack: PlaneStack, index: int) -> SliceMarks:
        """Nothing."""
        return SliceMarks()

    def in_space(self) -> tuple[SpacePart, ...]:
        """The surfaces."""
        return self.parts


def _number_of(lines: list[FloatArray], number: int) -> list[Word]:
    """The number of a level on its longest line, each level at another side of it."""
    lengths = [float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum()) for line in lines]
    if not lengths or max(lengths) < LEAST_LINE_MM:
        return []
    line = lines[int(np.argmax(lengths))]
    angle = np.radians(FIRST_DEG + APART_DEG * number)
    place = line[int(np.argmax(line @ np.array([np.cos(angle), np.sin(angle)])))]
    return [Word(f"{DOSE_LEVELS[number].value:g}", float(place[0]), float(place[1]), NUMBER_COLOR)]


def _lightened(color: str) -> str:
    red, green, blue = (round(0.45 * v + 0.55 * 255) for v in rgb(color))
    return f"#{red:02x}{green:02x}{blue:02x}"


def _blended(dose: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    stops = [level.value for level in DOSE_LEVELS]
    colors = np.array([rgb(c) for c in DOSE_COLORS], dtype=float)
    return np.stack([np.interp(dose, stops, colors[:, n]) for n in range(3)], axis=-1)


def _colored(dose: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    known = np.nan_to_num(dose.astype(np.float64), nan=0.0)
    pixels = np.zeros((*dose.shape, 4), dtype=np.uint8)
    shown = known >= DOSE_LEVELS[0].value
    pixels[shown, :3] = _blended(known[shown])
    pixels[shown, 3] = round(255 * OPACITY)
    return pixels
