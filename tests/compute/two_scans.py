"""Two scans of one made-up abdomen, the second moved in a known way and sampled on a lattice of its own."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from planner.model.displacement import DisplacementField
from planner.model.geometry import Grid
from planner.model.image import DicomIdentity, Image
from planner.model.registration import Registration

Array = npt.NDArray[np.float64]

LIVER_CENTER, LIVER_RADII = np.array([-45.0, -10.0, 0.0]), np.array([80.0, 65.0, 70.0])


def abdomen(points: Array, *, as_mr: bool = False) -> Array:
    """Gray value at points (n, 3): body, textured liver with vessels, spine; the same everywhere it is asked."""
    rng = np.random.default_rng(4)
    texture = np.zeros(len(points))
    for _ in range(40):
        wave = rng.normal(size=3)
        wave *= 2 * np.pi / rng.uniform(18.0, 60.0) / np.linalg.norm(wave)
        texture += np.cos(points @ wave + rng.uniform(0, 2 * np.pi))
    texture *= 20.0 / np.sqrt(20.0)
    inside = (points[:, 0] / 140) ** 2 + (points[:, 1] / 105) ** 2 < 1
    liver = in_liver(points)
    spine = (points[:, 0] ** 2 + (points[:, 1] - 75) ** 2 < 18**2) & inside
    values = np.where(inside, 10.0 + 0.6 * texture, -1000.0)
    values[liver] = 100.0 + texture[liver]
    values[spine] = 500.0 + 4.0 * texture[spine]
    if as_mr:  # other contrast: bright and dark change places, bone is dark
        values = np.where(inside, 300.0 - values, 0.0)
        values[spine] = 30.0
    return values


def in_liver(points: Array) -> npt.NDArray[np.bool_]:
    return np.asarray((((points - LIVER_CENTER) / LIVER_RADII) ** 2).sum(axis=1) < 1)


def scan(
    id: str,
    grid: Grid,
    back: Registration | None = None,
    *,
    noise_hu: float = 8.0,
    as_mr: bool = False,
    uid: str = "",
) -> Image:
    """The abdomen on a lattice; `back` is the movement that brought it there."""
    values = np.empty(grid.shape)
    for k in range(grid.shape[0]):
        points = points_of(grid, k)
        values[k] = abdomen(points if back is None else back.inverse_points(points), as_mr=as_mr).reshape(
            grid.shape[1:]
        )
    values += np.random.default_rng(len(id)).normal(0, noise_hu, grid.shape)
    modality, unit = ("MR", "") if as_mr else ("CT", "HU")
    identity = DicomIdentity(frame_of_reference_uid=uid)
    return Image(id, id, grid, np.rint(values).astype(np.int16), modality, unit, identity)


def points_of(grid: Grid, k: int) -> Array:
    j, i = np.indices(grid.shape[1:])
    return grid.to_lps(np.stack([i, j, np.full_like(i, k)], axis=-1).reshape(-1, 3))


def lattice(
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float],
    turn_deg: tuple[float, float, float] = (0, 0, 0),
    middle: tuple[float, float, float] = (0, 0, 0),
) -> Grid:
    axes = Rotation.from_euler("xyz", turn_deg, degrees=True).as_matrix()
    x, y, z = np.array(middle) - axes @ (np.array(spacing) * (np.array(shape[::-1]) - 1) / 2)
    return Grid(shape, spacing, (x, y, z), tuple(axes.ravel()))


def movement(
    turn_deg: float = 8.0,
    shift_mm: float = 12.0,
    bump_mm: float = 0.0,
    away: tuple[float, float, float] = (0, 0, 0),
) -> Registration:
    """A turn about an oblique axis, a shift, and a smooth local bump in the liver."""
    matrix = np.eye(4)
    axis = np.array([0.4, -0.5, 0.768])
    matrix[:3, :3] = Rotation.from_rotvec(np.radians(turn_deg) * axis / np.linalg.norm(axis)).as_matrix()
    matrix[:3, 3] = shift_mm * np.array([0.6, -0.48, 0.64]) + np.array(away)
    field = None
    if bump_mm:
        grid = lattice((49, 49, 49), (4.0, 4.0, 4.0), middle=(-40.0, -10.0, 5.0))
        k, j, i = np.indices(grid.shape)
        far = np.linalg.norm(grid.to_lps(np.stack([i, j, k], axis=-1)) - grid.center_lps_mm, axis=-1)
        bump = np.cos(np.pi * np.minimum(far, 80.0) / 160.0) ** 2
        field = DisplacementField(grid, bump_mm * bump[..., None] * np.array([0.5, -0.5, 0.7071]))
    return Registration("pre", "post", matrix, field)


def liver_points(spacing: float = 20.0) -> Array:
    steps = np.arange(-80.0, 81.0, spacing)
    points = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3) + LIVER_CENTER
    return points[in_liver(points)]


def liver_mask(grid: Grid) -> npt.NDArray[np.bool_]:
    return np.stack([in_liver(points_of(grid, k)).reshape(grid.shape[1:]) for k in range(grid.shape[0])])


def target_errors_mm(found: Registration, true: Registration) -> Array:
    points = liver_points()
    return np.asarray(np.linalg.norm(found.map_points(points) - true.map_points(points), axis=1))
