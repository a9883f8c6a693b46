"""Cuts laid flat: a plane keeps every length, a bent sheet nearly, and what cannot be flat says by how much it is not."""

from __future__ import annotations

import numpy as np
import pytest

from planner.base.errors import InvalidValue
from planner.model.assessment import Surface
from planner.model.geometry import unit_vector
from planner.model.roles import Role
from planner.model.vessel_tree import Branch, VesselTree
from planner.planning.cut_map import cut_map


def net(rows: int, columns: int) -> np.ndarray:
    at = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = at[:-1, :-1].ravel(), at[1:, :-1].ravel(), at[1:, 1:].ravel(), at[:-1, 1:].ravel()
    return np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)]).astype(np.int32)


def surface(points: np.ndarray, triangles: np.ndarray) -> Surface:
    values = np.linalg.norm(points, axis=1).astype(np.float32)
    return Surface("cut_margin", points.astype(np.float32), triangles, values, "mm", "r1")


def sheet(normal, half: float = 40.0, step: float = 4.0) -> tuple[np.ndarray, np.ndarray, Surface]:
    n = unit_vector(normal)
    one = unit_vector(np.cross(n, np.eye(3)[int(np.argmin(np.abs(n)))]))
    side = np.arange(-half, half + 0.5 * step, step)
    u, v = np.meshgrid(side, side, indexing="ij")
    points = 10.0 * n + u.reshape(-1, 1) * one + v.reshape(-1, 1) * np.cross(n, one)
    return one, n, surface(points, net(len(side), len(side)))


def lengths(points: np.ndarray) -> np.ndarray:
    few = points[:: max(1, len(points) // 60)]
    return np.linalg.norm(few[:, None] - few[None], axis=2)


def vessel(start, stop, radius: float, name: str = "", number: int = 0) -> VesselTree:
    branch = Branch(number, None, np.linspace(start, stop, 9), np.full(9, radius), name)
    return VesselTree("portal", Role.PORTAL_VEIN, (branch,))


@pytest.mark.parametrize("normal", [(1, 0, 0), (0, -1, 0), (0, 0, 1), (0.6, 0.64, -0.48)])
def test_a_plane_keeps_every_length(normal) -> None:
    _, n, given = sheet(normal)
    found = cut_map(given, [])
    assert lengths(found.points_mm) == pytest.approx(lengths(given.points_lps_mm), abs=1e-4)
    assert found.largest_percent < 1e-3
    assert "exactly" in found.method
    assert found.lesion_mm == pytest.approx(given.values)
    assert np.isinf(found.vessel_mm).all()
    z, x = given.points_lps_mm[:, 2], given.points_lps_mm[:, 0]
    if abs(n[2]) < 0.9:
        assert found.up == "cranial"
        assert np.corrcoef(z, found.points_mm[:, 1])[0, 1] > 0.99
    else:
        assert found.up == "anterior"
        assert np.corrcoef(given.points_lps_mm[:, 1], found.points_mm[:, 1])[0, 1] < -0.99
    if abs(n[0]) < 0.7:
        assert found.right == "left", "the patient's right lies to the left"
        assert np.corrcoef(x, found.points_mm[:, 0])[0, 1] > 0.9
    elif abs(n[0]) > 0.9:
        assert found.right == "posterior"


@pytest.mark.parametrize("degrees", [60.0, 140.0, 250.0])
def test_a_bent_sheet_unrolls(degrees: float) -> None:
    """A part of a cylinder of 40 mm radius, 80 mm high: lengths within 1 %, or 2 where it overhangs."""
    turn = np.radians(np.linspace(-0.5 * degrees, 0.5 * degrees, 40))
    high = np.linspace(-40.0, 40.0, 30)
    a, z = (v.ravel() for v in np.meshgrid(turn, high, indexing="ij"))
    points = np.column_stack([40.0 * np.sin(a), -40.0 * np.cos(a), z])
    found = cut_map(surface(points, net(40, 30)), [])
    assert found.largest_percent < (1.0 if degrees < 180.0 else 2.0)
    assert found.mean_percent < 0.5
    unrolled = np.column_stack([40.0 * a, z])
    assert lengths(found.points_mm) == pytest.approx(
        lengths(unrolled), abs=0.015 * 40.0 * np.radians(degrees)
    )
    assert np.corrcoef(z, found.points_mm[:, 1])[0, 1] > 0.999
    assert (found.right, found.up) == ("left", "cranial")


def test_a_half_ball_says_by_how_much_it_is_bent() -> None:
    """No map of a half ball keeps lengths: the arc over it is pi/2 of its width."""
    turn, tilt = np.linspace(0.0, 2.0 * np.pi, 49), np.linspace(0.02, 0.5 * np.pi, 16)
    t, a = (v.ravel() for v in np.meshgrid(tilt, turn[:-1], indexing="ij"))
    points = 20.0 * np.column_stack([np.sin(t) * np.cos(a), -np.cos(t), np.sin(t) * np.sin(a)])
    at = np.arange(16 * 48).reshape(16, 48)
    ring = np.concatenate([at, at[:, :1]], axis=1)
    a, b, c, d = (v.ravel() for v in (ring[:-1, :-1], ring[1:, :-1], ring[1:, 1:], ring[:-1, 1:]))
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)
    found = cut_map(surface(points, triangles), [])
    assert 10.0 < found.largest_percent < 60.0
    assert 3.0 < found.mean_percent < 20.0
    one, two, three = (found.points_mm[found.triangles[:, n]] for n in range(3))
    turned = (two - one)[:, 0] * (three - one)[:, 1] - (two - one)[:, 1] * (three - one)[:, 0]
    assert abs(np.sign(turned).sum()) == len(turned), "no triangle is turned over"


def test_a_shell_is_opened_behind() -> None:
    from skimage.measure import marching_cubes

    k, j, i = np.indices((33, 33, 33))
    level = 14.0 - np.sqrt((k - 16.1) ** 2 + (j - 16.2) ** 2 + (i - 16.3) ** 2)
    kji, triangles, _, _ = marching_cubes(level.astype(np.float32), 0.0)
    found = cut_map(surface(kji[:, ::-1].astype(float), triangles.astype(np.int32)), [])
    assert "opened behind" in found.method
    assert 0 < len(triangles) - len(found.triangles) < 0.05 * len(triangles)
    assert np.isfinite(found.points_mm).all()
    width, height = np.ptp(found.points_mm, axis=0)
    assert 0.6 * np.pi * 14.0 < height < 1.6 * np.pi * 14.0
    assert width > 1.2 * np.pi * 14.0
    assert found.mean_percent < 35.0


def test_vessels_on_the_map() -> None:
    one, n, given = sheet((0.6, 0.64, -0.48))
    middle = 10.0 * n + 12.0 * one
    through = vessel(middle - 20.0 * n + 3 * one, middle + 20.0 * n - 3 * one, 3.0, "right portal vein")
    thin = vessel(-20.0 * n, 30.0 * n, 0.5)
    aside = vessel(middle + 5.0 * n, middle + 30.0 * n, 2.0, "aside")
    found = cut_map(given, [through, thin, aside])
    (crossing,) = found.crossings
    assert (crossing.title, crossing.diameter_mm) == ("right portal vein", pytest.approx(6.0))
    nearest = np.argmin(np.linalg.norm(given.points_lps_mm - middle, axis=1))
    assert np.linalg.norm(found.points_mm[nearest] - crossing.where_mm) < 3.0
    off = given.points_lps_mm - middle
    exact = np.minimum(
        np.linalg.norm(np.cross(off, unit_vector(20.0 * n - 3 * one)), axis=1) - 3.0,
        np.linalg.norm(np.cross(given.points_lps_mm.astype(float), n), axis=1) - 0.5,
    )
    exact = np.minimum(exact, np.linalg.norm(given.points_lps_mm - (middle + 5.0 * n), axis=1) - 2.0)
    near = (exact > -1.0) & (exact < 8.0)  # on an axis the points along it are half a millimetre away
    assert near.sum() > 20
    assert found.vessel_mm[near] == pytest.approx(exact[near], abs=0.15)


def test_pieces_lie_side_by_side_and_nothing_is_refused() -> None:
    _, _, one = sheet((0, 1, 0), half=20.0)
    two = one.points_lps_mm + np.float32([100.0, 30.0, 0.0])
    triangles = np.concatenate([one.triangles, one.triangles[:20] + len(two)]).astype(np.int32)
    found = cut_map(surface(np.concatenate([one.points_lps_mm, two]), triangles), [])
    assert "side by side" in found.method
    first, second = (np.unique(t) for t in (one.triangles, one.triangles[:20] + len(two)))
    assert found.points_mm[second, 0].min() - found.points_mm[first, 0].max() == pytest.approx(10.0, abs=1e-6)
    with pytest.raises(InvalidValue, match="laid flat"):
        cut_map(Surface("cut_margin", one.points_lps_mm, one.triangles[:0], one.values, "mm", "r1"), [])
