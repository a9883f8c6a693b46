"""A lesion's surface unrolled flat: what is painted on it, as a map with equal areas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.model.assessment import Surface
from planner.model.geometry import FloatArray
from planner.model.plan import Point

#: Of the surface's points in a direction, the lowest of so many nearest ones is shown.
NEAREST = 3


@dataclass(frozen=True, eq=False)
class UnrolledMap:
    """A surface seen from its middle, in Mollweide's equal-area projection (Snyder 1987, USGS PP 1395, 249).

    The front of the patient is in the middle, the left to the right, the back at both ends, the
    head on top, as who walks around the lesion sees it.

    Parameters
    ----------
    values
        ``[row, column]``, NaN beside the map; rows go from head to feet, columns are twice as many.
    points_lps_mm
        The place of each pixel, shape (rows, columns, 3).
    lowest
        Row and column fractions (0..1 from the upper left) of the lowest value.
    """

    values: npt.NDArray[np.float32]
    points_lps_mm: npt.NDArray[np.float32]
    lowest: tuple[float, float]

    def place_at(self, row: float, column: float) -> Point | None:
        """The place under fractions of height and width, or None beside the map."""
        rows, columns = self.values.shape
        r, c = int(row * rows), int(column * columns)
        if not (0 <= r < rows and 0 <= c < columns) or np.isnan(self.values[r, c]):
            return None
        x, y, z = (float(v) for v in self.points_lps_mm[r, c])
        return x, y, z


class Unroller:
    """Unrolls surfaces of one shape about its middle, whatever is painted on them.

    Parameters
    ----------
    surface
        Its points and triangles count.
    rows
        Height of the maps in pixels; they are twice as wide.
    """

    def __init__(self, surface: Surface, rows: int = 100) -> None:
        from scipy.spatial import cKDTree

        self._points = surface.points_lps_mm
        away = self._points.astype(float) - _middle(surface)
        self._away = away / np.maximum(np.linalg.norm(away, axis=1), 1e-9)[:, None]
        columns = 2 * rows
        x = (np.arange(columns) + 0.5) / columns * 2 - 1
        y = 1 - (np.arange(rows) + 0.5) / rows * 2
        across, up = np.meshgrid(x, y)
        self._is_on = across**2 + up**2 < 1
        theta = np.arcsin(up[self._is_on])
        latitude = np.arcsin(np.clip((2 * theta + np.sin(2 * theta)) / np.pi, -1, 1))
        longitude = np.pi * across[self._is_on] / np.cos(theta)
        wanted = [np.sin(longitude) * np.cos(latitude), -np.cos(longitude) * np.cos(latitude)]
        directions = np.stack([*wanted, np.sin(latitude)], axis=-1)
        _, nearest = cKDTree(self._away).query(directions, k=min(NEAREST, len(self._points)))
        self._nearest = nearest.reshape(len(directions), -1)

    def suits(self, surface: Surface) -> bool:
        """Whether a surface has this shape."""
        return np.array_equal(surface.points_lps_mm, self._points)

    def unrolled(self, surface: Surface) -> UnrolledMap:
        """The map of a surface with values."""
        assert surface.values is not None
        lowest = np.argmin(surface.values[self._nearest], axis=1)
        chosen = self._nearest[np.arange(len(lowest)), lowest]
        values = np.full(self._is_on.shape, np.nan, dtype=np.float32)
        values[self._is_on] = surface.values[chosen]
        places = np.zeros((*self._is_on.shape, 3), dtype=np.float32)
        places[self._is_on] = surface.points_lps_mm[chosen]
        return UnrolledMap(values, places, map_fractions(self._away[int(np.argmin(surface.values))]))


def map_fractions(direction: FloatArray) -> tuple[float, float]:
    """Row and column fractions (0..1 from the upper left) where a unit direction (3,) lies on the map."""
    latitude = float(np.arcsin(np.clip(direction[2], -1, 1)))
    longitude = float(np.arctan2(direction[0], -direction[1]))
    theta = latitude
    for _ in range(60):  # Newton; slow at the poles, where the step is held
        slope = 2 + 2 * np.cos(2 * theta)
        if slope < 1e-9:
            break
        theta -= float((2 * theta + np.sin(2 * theta) - np.pi * np.sin(latitude)) / slope)
        theta = float(np.clip(theta, -np.pi / 2, np.pi / 2))
    across = longitude / np.pi * np.cos(theta)
    return float(0.5 - 0.5 * np.sin(theta)), float(0.5 + 0.5 * across)


def _middle(surface: Surface) -> FloatArray:
    """The middle of the surface's area, so that crowded points count no more than others."""
    corners = surface.points_lps_mm[surface.triangles].astype(float)
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    return np.asarray((corners.mean(axis=1) * areas[:, None]).sum(axis=0) / areas.sum())
