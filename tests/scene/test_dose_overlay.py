"""Dose laid over the views: lines and surfaces of a ball where they must lie, and none where no dose is known."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
from PySide6.QtGui import QFont, QImage, QPainter

from planner.model.assessment import Confidence, ScalarField
from planner.model.geometry import Grid
from planner.scene.dose_overlay import (
    DOSE_COLORS,
    DOSE_LEVELS,
    LEAST_LINE_MM,
    PIXEL_MM,
    IsodoseLayer,
    dose_at,
    dose_cut,
    dose_line_color,
    isodose_mesh,
    isodose_surface,
)
from planner.scene.field_overlay import field_cut
from planner.scene.layers import SliceMarks
from planner.scene.palette import MARGIN_CLASSES, OK, STOP, WARNING, rgb
from planner.scene.pixel_plane import Patch, Word
from planner.scene.planes import Orientation, PlaneStack
from planner.scene.slice_frame import SliceFrame
from planner.scene.slice_painter import SliceContent, paint_backdrop

CENTER = np.array([12.0, -7.0, 30.0])
MIDDLE = (12.0, -7.0, 30.0)
UPRIGHT = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
#: A lattice turned by 30 degrees about two axes.
_C, _S = np.cos(np.pi / 6), np.sin(np.pi / 6)
TURNED = (_C, _S, 0.0, -_S * _C, _C * _C, _S, _S * _S, -_C * _S, _C)
#: Dose at the centre, and what it falls by each millimetre.
MOST_GY, FALL_GY_PER_MM = 450.0, 10.0
LEVELS = [level.value for level in DOSE_LEVELS]


def ball_field(
    direction: tuple[float, ...] = UPRIGHT,
    spacing: tuple[float, float, float] = (2.1, 1.4, 3.1),
    half_mm: float = 50.0,
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> ScalarField:
    """Dose that falls by a straight line with the distance from CENTER, on a lattice around it (or beside it)."""
    shape = tuple(round(2 * half_mm / s) for s in reversed(spacing))
    turn = tuple(float(v) for v in np.array(direction))
    loose = Grid(shape, spacing, (0.0, 0.0, 0.0), turn)  # type: ignore[arg-type]
    middle = loose.to_lps((np.array(shape[::-1]) - 1.0) / 2)
    origin = tuple(float(v) for v in CENTER + np.array(shift) - middle)
    grid = Grid(shape, spacing, origin, turn)  # type: ignore[arg-type]
    k, j, i = np.indices(grid.shape)
    away = np.linalg.norm(grid.to_lps(np.stack([i, j, k], axis=-1).astype(float)) - CENTER, axis=-1)
    dose = np.maximum(MOST_GY - FALL_GY_PER_MM * away, 0.0).astype(np.float32)
    return ScalarField("dose", grid, dose, "Gy")


def known_box(field: ScalarField) -> tuple[np.ndarray, np.ndarray]:
    """First and last voxel of an upright lattice: beyond them no dose is known."""
    return field.grid.to_lps(np.zeros(3)), field.grid.to_lps(np.array(field.grid.shape[::-1]) - 1.0)


def radius_mm(dose_gy: float) -> float:
    return (MOST_GY - dose_gy) / FALL_GY_PER_MM


def stack_of(orientation: Orientation) -> PlaneStack:
    return PlaneStack.of(Grid((90, 180, 180), (1.0, 1.0, 2.0), (-80.0, -95.0, -55.0)), orientation)


@pytest.mark.parametrize("orientation", list(Orientation))
@pytest.mark.parametrize("direction", [UPRIGHT, TURNED])
@pytest.mark.parametrize("off_mm", [0.0, 17.0])
def test_lines_of_a_ball_are_circles(
    orientation: Orientation, direction: tuple[float, ...], off_mm: float
) -> None:
    stack = stack_of(orientation)
    middle = stack.to_lps(*stack.to_plane(CENTER)[:2], stack.to_plane(CENTER)[2] + off_mm)
    index = stack.index_of(tuple(float(v) for v in middle))  # type: ignore[arg-type]
    off = stack.position_mm(index) - stack.to_plane(CENTER)[2]
    found = field_cut(ball_field(direction), stack, index)
    assert found is not None
    # A line whose ball hardly reaches the slice is too small to be told from the lattice.
    sure = {level for level in LEVELS if radius_mm(level) > abs(off) + 3.0}
    assert sure <= {level for level, _, _ in found.lines} <= {v for v in LEVELS if radius_mm(v) > abs(off)}
    for level, _, line in found.lines:
        if level not in sure:
            continue
        gaps = np.linalg.norm(line - stack.to_plane(CENTER)[:2], axis=1)
        # The trilinear dose of voxels of up to 3 mm lies below a cone's, most at its tip.
        assert np.allclose(gaps, np.sqrt(radius_mm(level) ** 2 - off**2), atol=0.5), level
    area = np.count_nonzero(found.pixels[..., 3]) * PIXEL_MM**2
    assert area == pytest.approx(np.pi * (radius_mm(LEVELS[0]) ** 2 - off**2), rel=0.02)


@pytest.mark.parametrize("direction", [UPRIGHT, TURNED])
def test_numbers_stand_on_their_lines_and_apart(direction: tuple[float, ...]) -> None:
    stack = stack_of(Orientation.AXIAL)
    found = dose_cut(ball_field(direction), stack, stack.index_of(MIDDLE))
    assert found is not None
    long = [level for level in LEVELS if 2 * np.pi * radius_mm(level) > LEAST_LINE_MM + 3.0]
    assert [word.text for word in found.words] == [f"{level:g}" for level in long]
    places = np.array([(word.right_mm, word.down_mm) for word in found.words])
    for word, place in zip(found.words, places, strict=True):
        own = np.concatenate([line for level, _, line in found.lines if f"{level:g}" == word.text])
        assert np.linalg.norm(own - place, axis=1).min() == 0.0
    apart = np.linalg.norm(places[1:] - places[:-1], axis=1)
    assert apart.min() > 15.0


def test_nothing_is_drawn_beyond_the_field() -> None:
    """The lattice ends within the ball: colours and lines end there, and no line runs along its edge."""
    field = ball_field(half_mm=30.0, shift=(24.0, 0.0, 0.0))
    stack = stack_of(Orientation.AXIAL)
    found = dose_cut(field, stack, stack.index_of(MIDDLE))
    assert found is not None
    low, high = (stack.to_plane(end)[:2] for end in known_box(field))
    for level, _, line in found.lines:
        assert (line >= low - PIXEL_MM).all()
        assert (line <= high + PIXEL_MM).all()
        assert np.allclose(np.linalg.norm(line - CENTER[:2], axis=1), radius_mm(level), atol=0.6), level
    columns = np.nonzero(found.pixels[..., 3].any(axis=0))[0]
    left = found.low_mm[0] + (columns.min() + 0.5) * PIXEL_MM
    assert low[0] <= left <= low[0] + 2 * PIXEL_MM, "coloured as far as dose is known"


def test_where_no_dose_is_known_nothing_is_drawn() -> None:
    field = ball_field()
    holed = field.values.copy()
    points = field.grid.to_lps(
        np.stack(np.indices(field.grid.shape)[::-1], axis=-1).astype(float)
    )  # (k, j, i, 3)
    unknown = points[..., 0] > CENTER[0] + 8.0
    holed[unknown] = np.nan
    lacking = ScalarField("dose", field.grid, holed, "Gy")
    stack = stack_of(Orientation.AXIAL)
    found = dose_cut(lacking, stack, stack.index_of(MIDDLE))
    assert found is not None
    columns = np.nonzero(found.pixels[..., 3].any(axis=0))[0]
    assert found.low_mm[0] + (columns.max() + 0.5) * PIXEL_MM <= CENTER[0] + 8.0
    for level, _, line in found.lines:
        assert (line[:, 0] <= CENTER[0] + 8.0).all()
        assert np.allclose(np.linalg.norm(line - CENTER[:2], axis=1), radius_mm(level), atol=0.6), level
    surface = isodose_surface(lacking, 100.0)
    assert surface is not None
    assert surface.points_lps_mm[:, 0].max() <= CENTER[0] + 8.0 + 1e-3
    assert dose_at(lacking, CENTER + (20.0, 0.0, 0.0)) is None
    nothing = ScalarField("dose", field.grid, np.full(field.grid.shape, np.nan, np.float32), "Gy")
    assert dose_cut(nothing, stack, stack.index_of(MIDDLE)) is None
    assert isodose_surface(nothing, 20.0) is None


def test_little_dose_and_slices_beside_the_field_show_nothing() -> None:
    field = ball_field()
    stack = stack_of(Orientation.AXIAL)
    assert dose_cut(field, stack, 0) is None
    little = ScalarField("dose", field.grid, np.full(field.grid.shape, 19.9, np.float32), "Gy")
    assert dose_cut(little, stack, stack.index_of(MIDDLE)) is None


@pytest.mark.parametrize("direction", [UPRIGHT, TURNED])
def test_the_dose_at_a_point_is_that_of_the_lines(direction: tuple[float, ...]) -> None:
    field = ball_field(direction)
    for away in ((20.0, 0.0, 0.0), (0.0, -13.0, 21.0), (-9.0, 9.0, 9.0)):
        expected = MOST_GY - FALL_GY_PER_MM * float(np.linalg.norm(away))
        assert dose_at(field, CENTER + away) == pytest.approx(expected, abs=5.0)
    assert dose_at(field, CENTER + (200.0, 0.0, 0.0)) is None


@pytest.mark.parametrize("direction", [UPRIGHT, TURNED])
@pytest.mark.parametrize("level", [50.0, 150.0, 205.0])
def test_a_surface_holds_the_volume_of_its_ball(direction: tuple[float, ...], level: float) -> None:
    from planner.compute.outline_mesh import signed_volume

    surface = isodose_surface(ball_field(direction), level)
    assert surface is not None
    points = surface.points_lps_mm.astype(float)
    gaps = np.linalg.norm(points - CENTER, axis=1)
    assert np.allclose(gaps, radius_mm(level), atol=0.5)
    volume = signed_volume(points - points.mean(axis=0), surface.triangles)
    assert volume == pytest.approx(4.0 / 3.0 * np.pi * radius_mm(level) ** 3, rel=0.02)


def test_a_surface_closes_where_the_field_ends() -> None:
    field = ball_field(half_mm=30.0, shift=(24.0, 0.0, 0.0))
    surface = isodose_surface(field, 50.0)
    assert surface is not None
    low, high = known_box(field)
    assert (surface.points_lps_mm >= low - 1e-3).all()
    assert (surface.points_lps_mm <= high + 1e-3).all()
    ends = np.sort(surface.triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    _, counts = np.unique(ends, axis=0, return_counts=True)
    assert (counts == 2).all(), "each edge belongs to two triangles"


def test_a_dose_nothing_reaches_has_no_surface() -> None:
    assert isodose_surface(ball_field(), 451.0) is None
    assert isodose_mesh(ball_field(), 451.0) is None


def test_the_same_field_gives_the_same_bits() -> None:
    stack = stack_of(Orientation.CORONAL)
    cuts = [dose_cut(ball_field(TURNED), stack, stack.index_of(MIDDLE)) for _ in range(2)]
    assert cuts[0] is not None
    assert cuts[1] is not None
    assert np.array_equal(cuts[0].pixels, cuts[1].pixels)
    for one, other in zip(cuts[0].lines, cuts[1].lines, strict=True):
        assert np.array_equal(one[2], other[2])
    surfaces = [isodose_surface(ball_field(TURNED), 100.0) for _ in range(2)]
    assert surfaces[0] is not None
    assert surfaces[1] is not None
    assert np.array_equal(surfaces[0].points_lps_mm, surfaces[1].points_lps_mm)


def _hue_deg(color: str) -> float:
    return 360.0 * colorsys.rgb_to_hsv(*(v / 255 for v in rgb(color)))[0]


def _lightness(color: tuple[int, int, int]) -> float:
    """CIE L* of an sRGB colour, 0 to 100."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in color)]
    y = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 116 * y ** (1 / 3) - 16 if y > 0.008856 else 903.3 * y


def test_colours_are_ordered_by_lightness_and_are_no_judgement() -> None:
    steps = np.diff([_lightness(rgb(color)) for color in DOSE_COLORS])
    assert (steps > 7.0).all()
    lines = [_lightness(dose_line_color(n)) for n in range(len(DOSE_LEVELS))]
    assert (np.diff(lines) > 2.0).all()
    judged = [_hue_deg(color) for color in (*(c for _, c, _ in MARGIN_CLASSES), OK, WARNING, STOP)]
    for color in DOSE_COLORS:
        assert min(abs((_hue_deg(color) - other + 180) % 360 - 180) for other in judged) > 45.0


def test_levels_rise_and_say_that_they_are_ours() -> None:
    assert (np.diff(LEVELS) > 0).all()
    assert all(level.unit == "Gy" and level.confidence == Confidence.OUR_RULE for level in DOSE_LEVELS)
    assert len(DOSE_COLORS) == len(DOSE_LEVELS)


def test_surfaces_stand_in_space_alone() -> None:
    mesh = isodose_mesh(ball_field(), 100.0)
    assert mesh is not None
    assert 0 < mesh.opacity < 1
    layer = IsodoseLayer((mesh,))
    assert layer.in_space() == (mesh,)
    stack = stack_of(Orientation.AXIAL)
    marks = layer.on_slice(stack, stack.index_of(MIDDLE))
    assert isinstance(marks, SliceMarks)
    assert (marks.patches, marks.lines, marks.dots) == ((), (), ())


def _white(words: tuple[Word, ...]) -> np.ndarray:
    """Whether each pixel of a slice with nothing but words is white."""
    stack = stack_of(Orientation.AXIAL)
    patch = Patch(np.zeros((2, 2, 4), dtype=np.uint8), (0.0, 0.0), (2.0, 2.0), (), words)
    content = SliceContent(stack, 0, np.zeros((2, 2), dtype=np.uint8), overlay=patch)
    picture = QImage(200, 120, QImage.Format.Format_RGB32)
    painter = QPainter(picture)
    font = QFont()
    font.setPixelSize(11)
    painter.setFont(font)
    paint_backdrop(painter, SliceFrame(200, 120, (0.0, 0.0), 1.0), content)
    painter.end()
    pixels = np.frombuffer(picture.constBits(), np.uint8).reshape(120, 200, 4)
    return np.asarray((pixels[..., :3] > 128).all(axis=-1))


@pytest.mark.usefixtures("qapp")
def test_numbers_do_not_lie_over_each_other() -> None:
    """A slice of 1 mm a pixel about (0, 0): words 3 mm apart would be one, words 40 mm apart are two."""
    low, high, far = (
        Word(text, x, 0.0, (255, 255, 255)) for text, x in (("20", 0.0), ("50", 3.0), ("70", 40.0))
    )
    assert np.array_equal(_white((low, high)), _white((high,))), "the higher one is shown"
    assert np.array_equal(_white((low, far)), _white((low,)) | _white((far,)))
    columns = np.nonzero(_white((far,)).any(axis=0))[0]
    assert abs(columns.mean() - (100.0 + 40.0)) < 3.0, "about its place"
