"""Ellipsoids with their exact distances to points, tubes and one another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import minimize_scalar

from planner.sample.field import Points


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid in body coordinates.

    Parameters
    ----------
    center_mm
        x, y, z.
    half_axes_mm
        Half-lengths along its own axes.
    turn_deg
        Its first axis is turned about z by the first angle, then about its own second axis by the second.
    """

    center_mm: tuple[float, float, float]
    half_axes_mm: tuple[float, float, float]
    turn_deg: tuple[float, float] = (0.0, 0.0)

    @cached_property
    def axes(self) -> Points:
        """Its own axes as rows, (3, 3)."""
        a, b = np.radians(self.turn_deg)
        about_z = np.array([[np.cos(a), np.sin(a), 0], [-np.sin(a), np.cos(a), 0], [0, 0, 1]])
        about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
        return np.asarray((about_y[:, :, None] * about_z[None]).sum(axis=1), dtype=float)

    @property
    def volume_ml(self) -> float:
        """Its volume."""
        return 4 / 3 * math.pi * math.prod(self.half_axes_mm) / 1000

    @property
    def half_extent_mm(self) -> Points:
        """Half of its extent along x, y, z."""
        return np.asarray(np.sqrt(((self.axes * np.array(self.half_axes_mm)[:, None]) ** 2).sum(axis=0)))

    def local(self, points: Points) -> Points:
        """Points (..., 3) in its own axes."""
        away = points - np.array(self.center_mm)
        # Written out: a matrix product's last bits depend on the processor.
        return np.stack(
            [away[..., 0] * u + away[..., 1] * v + away[..., 2] * w for u, v, w in self.axes], axis=-1
        )

    def implicit(self, points: Points) -> Points:
        """Negative inside, zero on the surface, about mm near it; points (..., 3)."""
        half = np.array(self.half_axes_mm)
        local = self.local(points)
        near = np.linalg.norm(local / half, axis=-1)
        slope = np.linalg.norm(local / half**2, axis=-1)
        return np.asarray(
            np.where(near < 0.3, -half.min() * (1 - near), near * (near - 1) / np.maximum(slope, 1e-9))
        )

    def distance_mm(self, point: Points) -> float:
        """Exact distance of a point outside to the surface (zero inside)."""
        return float(np.linalg.norm(point - self.foot(point)))

    def distance_to_cones_mm(self, cones: Points) -> float:
        """Exact distance to the nearest of round cones (n, 8): unions of spheres along segments."""
        a, b = cones[:, :3], cones[:, 4:7]
        reach = np.linalg.norm(b - a, axis=1)
        rough = np.linalg.norm((a + b) / 2 - np.array(self.center_mm), axis=1) - reach / 2
        rough -= np.maximum(cones[:, 3], cones[:, 7])
        best = math.inf
        for n in np.argsort(rough):
            if rough[n] - max(self.half_axes_mm) > best:
                break
            start, stop, r0, r1 = a[n], b[n], cones[n, 3], cones[n, 7]

            def gap(
                t: float, start: Points = start, stop: Points = stop, r0: float = r0, r1: float = r1
            ) -> float:
                return self.distance_mm(start + t * (stop - start)) - (r0 + t * (r1 - r0))

            found = minimize_scalar(gap, bounds=(0.0, 1.0), method="bounded", options={"xatol": 1e-7})
            best = min(best, float(found.fun), gap(0.0), gap(1.0))
        return best

    def distance_to_mm(self, other: Ellipsoid) -> float:
        """Exact distance to another ellipsoid, by alternating projection (both are convex)."""
        at = np.array(other.center_mm)
        for _ in range(400):
            here = self.foot(at)
            there = other.foot(here)
            if np.linalg.norm(there - at) < 1e-9:
                break
            at = there
        return float(np.linalg.norm(self.foot(at) - at))

    def foot(self, point: Points) -> Points:
        """The nearest point of the surface to a point outside; a point inside itself.

        It is half² p / (half² + t) for the root t of a decreasing function (Eberly 2013, "Distance
        from a point to an ellipsoid").
        """
        half2 = [a * a for a in self.half_axes_mm]
        p = [float(x) for x in self.local(point)]
        t = 0.0
        # The function is convex and falls, so Newton's steps from the left never pass the root.
        for _ in range(100):
            parts = [h * x * x / (h + t) ** 2 for h, x in zip(half2, p, strict=True)]
            excess = sum(parts) - 1
            if excess <= 1e-13:
                break
            t += excess / sum(2 * part / (h + t) for part, h in zip(parts, half2, strict=True))
        if t == 0:
            return point
        nearest = np.array([h * x / (h + t) for h, x in zip(half2, p, strict=True)])
        return np.asarray(nearest @ self.axes + np.array(self.center_mm))
