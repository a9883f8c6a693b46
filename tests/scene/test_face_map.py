"""The face map: places in millimetres, the lesion's shadow, and which side is which."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QFont, QImage, QPainter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import LESION_MM, phantom

from planner.model.electrode_array import Electrode, ElectrodeArray
from planner.model.plan import Plan
from planner.scene.drawn_electrodes import drawn_arrays
from planner.scene.face_map import face_map, paint_face_map
from planner.scene.palette import DARK


def array_along(
    direction: tuple[float, float, float], *middles: tuple[float, float, float]
) -> ElectrodeArray:
    along = np.array(direction) / np.linalg.norm(direction)
    electrodes = []
    for middle in middles:
        tip, entry = np.array(middle) + 10.0 * along, np.array(middle) - 90.0 * along
        electrodes.append(Electrode(tuple(entry.tolist()), tuple(tip.tolist()), 20.0))
    return ElectrodeArray("e1", "generic-ire-19g", tuple(electrodes), lesion="lesion")


def test_electrodes_from_the_feet_are_seen_as_on_an_axial_slice() -> None:
    """Left of the patient is right in the map, posterior is down; the lesion's shadow is a circle."""
    array = array_along((0.0, 0.2, -1.0), (-12.0, 0.0, 0.0), (12.0, 3.0, 0.0))
    found = face_map(array, phantom((2.0, 2.0, 2.0)).structures)
    assert found.letters == ("R", "L", "A", "P")
    assert found.electrodes == pytest.approx(np.array([[-12.0, 0.0], [12.0, 3.0]]), abs=1e-6)
    shadow = np.concatenate(found.lesion)
    assert np.linalg.norm(shadow, axis=1) == pytest.approx(np.full(len(shadow), LESION_MM), abs=2.2)


def test_electrodes_in_the_axial_plane_are_seen_along_their_shafts() -> None:
    array = array_along((1.0, 0.4, 0.0), (0.0, -8.0, 6.0), (0.0, 8.0, -6.0))
    found = face_map(array, None)
    assert "along the needles" in found.words
    assert found.letters[2] == "S"
    assert found.electrodes[0, 1] < found.electrodes[1, 1], "the one nearer the head stands higher"
    assert found.lesion == ()
    assert np.ptp(found.shafts, axis=1).max() < 1e-6, "each shaft is a point"


@pytest.mark.usefixtures("qapp")
def test_the_map_is_painted_with_its_numbers_and_pairs() -> None:
    array = array_along((0.0, 0.0, -1.0), (-12.0, 0.0, 0.0), (12.0, 0.0, 0.0))
    found = face_map(array, phantom((2.0, 2.0, 2.0)).structures)
    image = QImage(300, 200, QImage.Format.Format_RGB32)
    image.fill(QColor("black"))
    painter = QPainter(image)
    color = QColor("#00ff00")
    paint_face_map(painter, QRectF(image.rect()), found, {(0, 1): ("9 A", "#ff0000")}, DARK, QFont(), color)
    painter.end()
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(200, 300, 4)[..., :3].astype(int)
    red = (pixels[..., 2] > 150) & (pixels[..., 1] < 90) & (pixels[..., 0] < 90)
    rows, _ = np.nonzero(red)
    assert len(rows) > 30
    assert np.ptp(rows) <= 4, "the pair is a level line"
    assert ((pixels[..., 1] > 150) & (pixels[..., 2] < 90)).sum() > 60, "the lesion's outline"


def test_places_after_a_pull_back_are_drawn_behind_the_first() -> None:
    array = replace(
        array_along((0.0, 0.0, -1.0), (-8.0, 0.0, 0.0), (8.0, 0.0, 0.0)), pull_backs=2, pull_back_mm=15.0
    )
    (drawn,) = drawn_arrays(Plan("A", "c", (array,)))
    assert [e.is_later for e in drawn.electrodes] == [False, False, True, True, True, True]
    for n, electrode in enumerate(drawn.electrodes):
        assert electrode.tip_lps_mm[2] == pytest.approx(-10.0 + 15.0 * (n // 2))
        assert np.subtract(electrode.bare_end_lps_mm, electrode.tip_lps_mm) == pytest.approx((0, 0, 20.0))
    assert drawn.pairs == ()
