"""Scans whose numbers are no HU, as those of a cone-beam CT: they are fitted by their own grays."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from two_scans import lattice, scan

from planner.compute.rigid_registration import register_rigid
from planner.compute.tissue_texture import SOFT_TISSUE_HU, gray_window
from planner.model.image import Image
from planner.model.registration import Registration

GRID = lattice((60, 100, 130), (2.5, 2.5, 3.0))


def cone_beam(image: Image) -> Image:
    """Gray values of another scale and offset, nothing outside a cylinder."""
    _, rows, columns = image.grid.shape
    j, i = np.ogrid[:rows, :columns]
    away = np.hypot((j - rows / 2) / (rows / 2), (i - columns / 2) / (columns / 2))
    values = 700.0 + 0.6 * image.values.astype(float)
    values[:, away > 1.0] = 0.0
    return replace(image, values=np.rint(values).astype(np.int16))


def test_a_ct_is_seen_through_its_window_and_what_is_no_hu_through_its_own_grays() -> None:
    ct = scan("ct", GRID)
    assert gray_window(ct) == SOFT_TISSUE_HU
    low, high = gray_window(cone_beam(ct))
    assert low < 700.0 + 0.6 * 50.0 < high
    assert (low, high) != SOFT_TISSUE_HU


def test_it_is_registered_and_its_error_is_not_told_too_small() -> None:
    """Turned by 5 degrees, shifted by 12 mm: within 2 mm in the liver, and within twice what is told of it."""
    turn = np.radians(5.0)
    matrix = np.eye(4)
    matrix[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    matrix[:3, 3] = (9.0, -6.0, 5.0)
    there = lattice((64, 110, 140), (2.3, 2.3, 2.8), middle=(9.0, -6.0, 5.0))
    other = cone_beam(scan("cone", there, Registration("ct", "cone", matrix), uid="1.2.9"))
    found = register_rigid(scan("ct", GRID, uid="1.2.1"), other)
    points = np.array([[x, y, z] for x in (-90.0, -50.0) for y in (-30.0, 20.0) for z in (-30.0, 30.0)])
    true = points @ matrix[:3, :3].T + matrix[:3, 3]
    errors = np.linalg.norm(found.map_points(points) - true, axis=1)
    assert errors.max() < 2.0
    assert found.error_mm is None or errors.mean() < 2.0 * max(found.error_mm, 0.5)


def test_a_scan_of_one_value_keeps_its_refusal() -> None:
    from planner.base.errors import InvalidValue

    ct = scan("ct", GRID)
    with pytest.raises(InvalidValue, match="no tissue"):
        gray_window(replace(ct, values=np.full(GRID.shape, -1000, np.int16)))
