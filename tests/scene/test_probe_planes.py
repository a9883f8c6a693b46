"""Planes of a needle: orthonormal, unmirrored, and through the shaft."""

from __future__ import annotations

import numpy as np
import pytest

from planner.model.geometry import Grid
from planner.model.plan import Applicator, Point
from planner.scene.planes import ObliquePlane, letters_of
from planner.scene.probe_planes import STEP_MM, ProbeCut, offset_words, probe_plane, probe_stack
from planner.scene.slice_pixels import slice_pixels

NEEDLES = [(-100, 0, 0), (0, -100, 0), (-80, -60, 10), (0, 0, -100), (-70, 55, 40), (100, 3, -60), (5, 2, 90)]


def needle(entry: Point) -> Applicator:
    return Applicator("p1", "any", entry, (4.0, -7.0, 11.0))


@pytest.mark.parametrize("entry", NEEDLES)
@pytest.mark.parametrize("cut", list(ProbeCut))
def test_axes_are_orthonormal_and_nothing_is_mirrored(entry: Point, cut: ProbeCut) -> None:
    probe = needle(entry)
    plane = probe_plane(probe, cut)
    right, down, normal = (np.array(v) for v in (plane.right, plane.down, plane.normal))
    frame = np.stack([right, down, normal])
    assert np.allclose(frame @ frame.T, np.eye(3), atol=1e-12)
    # Whoever looks along the normal with `down` below has `right` at his right hand.
    assert np.allclose(np.cross(down, normal), right)
    along = abs(float(normal @ probe.direction))
    assert along == pytest.approx(1.0 if cut == ProbeCut.EYE else 0.0, abs=1e-12)


def test_letters_of_usual_needles() -> None:
    lateral, front = needle((-96.0, -7.0, 11.0)), needle((4.0, -107.0, 11.0))
    assert letters_of(probe_plane(lateral, ProbeCut.EYE)) == ("P", "A", "S", "I")
    assert letters_of(probe_plane(lateral, ProbeCut.ALONG)) == ("R", "L", "A", "P")
    assert letters_of(probe_plane(front, ProbeCut.EYE)) == ("R", "L", "S", "I")
    assert letters_of(probe_plane(front, ProbeCut.ACROSS)) == ("A", "P", "S", "I")
    oblique = ObliquePlane("x", (0.8, 0.6, 0.0), (0.0, 0.0, -1.0), (0.6, -0.8, 0.0))
    assert letters_of(oblique)[:2] == ("RA", "LP")


@pytest.mark.parametrize("cut", list(ProbeCut))
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.6, 0.6, 3.0)])
def test_a_bright_shaft_is_seen_where_the_plane_says(
    cut: ProbeCut, spacing: tuple[float, float, float]
) -> None:
    probe = needle((-40.0, -38.0, 25.0))
    grid = Grid(tuple(int(110 / s) for s in spacing[::-1]), spacing, (-55.0, -55.0, -45.0))  # type: ignore[arg-type]
    k, j, i = np.indices(grid.shape)
    points = grid.to_lps(np.stack([i, j, k], axis=-1))
    tip = np.array(probe.tip_lps_mm)
    beside = points - tip
    along = beside @ probe.direction
    off = np.linalg.norm(beside - along[..., None] * probe.direction, axis=-1)
    values = np.where((off < 2.5) & (along < 0), 1000, 0).astype(np.int16)
    stack = probe_stack(probe, cut)
    middle = tip - 20.0 * probe.direction
    index = stack.index_of((float(middle[0]), float(middle[1]), float(middle[2])))
    pixels = slice_pixels(values, grid, stack, index)
    rows, columns = np.nonzero(pixels > 500)
    right = stack.low_mm[0] + columns * stack.step_mm[0]
    down = stack.low_mm[1] + rows * stack.step_mm[1]
    seen = np.array([stack.to_lps(r, d, stack.position_mm(index)) for r, d in zip(right, down, strict=True)])
    beside = seen - tip
    gaps = np.linalg.norm(beside - (beside @ probe.direction)[:, None] * probe.direction, axis=1)
    assert gaps.max() < 2.5 + max(spacing)
    length = np.ptp(beside @ probe.direction)
    if cut == ProbeCut.EYE:
        assert length < 2 * STEP_MM
        assert len(rows) * STEP_MM**2 == pytest.approx(np.pi * 2.5**2, rel=0.35)
    else:
        assert length == pytest.approx(min(probe.length_mm, 60.0), abs=22.0)
        assert length > 35.0


def test_words_say_how_far_a_slice_is() -> None:
    probe = needle((-96.0, -7.0, 11.0))
    eye = probe_stack(probe, ProbeCut.EYE)
    assert offset_words(probe, ProbeCut.EYE, eye, eye.index_of(probe.tip_lps_mm)) == "at the tip"
    assert offset_words(probe, ProbeCut.EYE, eye, eye.index_of((-16.0, -7.0, 11.0))) == "20 mm before the tip"
    assert offset_words(probe, ProbeCut.EYE, eye, eye.index_of((14.0, -7.0, 11.0))) == "10 mm beyond the tip"
    along = probe_stack(probe, ProbeCut.ALONG)
    middle = along.index_of(probe.entry_lps_mm)
    assert offset_words(probe, ProbeCut.ALONG, along, middle) == "through the shaft"
    assert offset_words(probe, ProbeCut.ALONG, along, middle + 10) == "8 mm beside the shaft"
