"""Further scans of the sample case, made by a known movement: after treatment, and with needles in place."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from planner.compute.registration import resampled
from planner.model.case import Case
from planner.model.geometry import FloatArray, Grid
from planner.model.image import DicomIdentity, Image
from planner.model.registration import Registration

#: The patient lies turned by 6 degrees and shifted by 10 mm.
TURN_DEG = 6.0
SHIFT_MM = np.array([6.0, -4.8, 6.4])
#: Metal is brighter than the scanner counts.
ZONE_HU, METAL_HU, BRIGHTEST_HU, NOISE_HU = 15.0, 6000.0, 3071.0, 6.0
OTHER_FRAME = "2.25.9991"


def true_movement(case: Case) -> FloatArray:
    """The 4 x 4 matrix from the planning scan to the further one."""
    structures = case.structures
    middle = structures.grid.cropped(structures.box("Liver")).center_lps_mm
    matrix = np.eye(4)
    axis = np.array([0.3, -0.5, 0.81]) / np.linalg.norm([0.3, -0.5, 0.81])
    matrix[:3, :3] = Rotation.from_rotvec(np.radians(TURN_DEG) * axis).as_matrix()
    matrix[:3, 3] = middle + SHIFT_MM - matrix[:3, :3] @ middle
    return matrix


def further_scan(
    case: Case,
    ball: tuple[FloatArray, float] | None = None,
    needle: tuple[FloatArray, FloatArray] | None = None,
    id: str = "after",
) -> Image:
    """The sample's scan moved onto a grid of another spacing, noisier, with what was done painted in.

    Parameters
    ----------
    ball
        Centre in the planning scan's space and radius in mm of an ablation zone.
    needle
        Entry and tip in the planning scan's space.
    """
    image = case.image()
    matrix = true_movement(case)
    grid = _grid(image.grid, matrix)
    values = resampled(image, Registration(image.id, id, matrix), grid).values.astype(np.float32)
    k, j, i = np.indices(grid.shape, dtype=np.float32)
    back = np.linalg.inv(matrix)

    def here(points: FloatArray) -> FloatArray:
        return np.asarray(points @ back[:3, :3].T + back[:3, 3])

    if ball is not None:
        center = matrix[:3, :3] @ ball[0] + matrix[:3, 3]
        near = _box(grid, center, ball[1] + 2.0)
        points = here(grid.to_lps(np.stack([i[near], j[near], k[near]], axis=-1)))
        gap = np.linalg.norm(points - ball[0], axis=-1) - ball[1]
        share = np.clip(0.5 - gap / 1.5, 0.0, 1.0)
        values[near] = values[near] * (1 - share) + ZONE_HU * share
    values += np.random.default_rng(5).normal(0.0, NOISE_HU, grid.shape).astype(np.float32)
    if needle is not None:
        entry, tip = needle
        along = (tip - entry) / np.linalg.norm(tip - entry)
        ends = np.array([entry - 30.0 * along, tip]) @ matrix[:3, :3].T + matrix[:3, 3]
        reach = float(np.linalg.norm(ends[1] - ends[0])) / 2 + 4.0
        near = _box(grid, ends.mean(axis=0), reach)
        points = here(grid.to_lps(np.stack([i[near], j[near], k[near]], axis=-1)))
        depth = (points - tip) @ along
        aside = np.linalg.norm(points - tip - depth[..., None] * along, axis=-1)
        length = float(np.linalg.norm(tip - entry)) + 30.0
        metal = np.exp(-0.5 * (aside / 1.3) ** 2) * np.clip(0.5 - depth / 1.0, 0, 1) * (depth > -length)
        values[near] = np.minimum(values[near] + METAL_HU * metal, BRIGHTEST_HU)
    identity = DicomIdentity(frame_of_reference_uid=OTHER_FRAME)
    title = "Control, needle in place" if needle is not None else "After ablation"
    return Image(id, title, grid, np.rint(values).astype(np.int16), "CT", "HU", identity, "2026-11-10")


def _grid(grid: Grid, matrix: FloatArray) -> Grid:
    """A straight lattice of another spacing over where the scan comes to lie."""
    spacing = np.array([0.85, 0.85, 2.0])
    corners = grid.to_lps(grid.corners_ijk) @ matrix[:3, :3].T + matrix[:3, 3]
    low, high = corners.min(axis=0) + 12.0, corners.max(axis=0) - 12.0
    columns, rows, slices = (int(n) for n in np.floor((high - low) / spacing))
    x, y, z = (float(v) for v in low + 0.37)
    return Grid((slices, rows, columns), (0.85, 0.85, 2.0), (x, y, z))


def _box(grid: Grid, center: FloatArray, reach_mm: float) -> tuple[slice, slice, slice]:
    at, step = grid.to_ijk(center), np.array(grid.spacing_mm)
    low = np.clip(np.floor(at - reach_mm / step), 0, grid.shape[::-1]).astype(int)[::-1]
    high = np.clip(np.ceil(at + reach_mm / step) + 1, 0, grid.shape[::-1]).astype(int)[::-1]
    k, j, i = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return k, j, i
