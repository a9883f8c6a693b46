"""Shapes known exactly, and their voxels on lattices of any kind: truth for the margin's tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import sph_harm_y

from planner.compute.spheroid import Spheroid
from planner.model.geometry import Grid

Array = npt.NDArray[np.float64]


class Shape(Protocol):
    """What a test knows of a shape."""

    def contains(self, points: Array) -> npt.NDArray[np.bool_]: ...

    def surface(self, count: int) -> Array: ...


def sphere_directions(count: int) -> Array:
    """Directions spread evenly over the sphere (Fibonacci lattice), shape (count, 3)."""
    n = np.arange(count) + 0.5
    polar, turn = np.arccos(1 - 2 * n / count), np.pi * (1 + 5**0.5) * n
    return np.stack([np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn), np.cos(polar)], axis=1)


def rotation(rng: np.random.Generator) -> Array:
    """A random rotation or mirrored rotation."""
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    return q * np.sign(np.diag(r))


@dataclass
class Ellipsoid:
    center: Array
    radii: Array
    axes: Array

    def contains(self, points: Array) -> npt.NDArray[np.bool_]:
        return np.asarray((((points - self.center) @ self.axes / self.radii) ** 2).sum(axis=1) <= 1.0)

    def surface(self, count: int) -> Array:
        return self.center + (sphere_directions(count) * self.radii) @ self.axes.T


class Blob:
    """A ball whose radius varies by spherical harmonics, flattened along one axis."""

    def __init__(
        self, center: Array, radius: float, rng: np.random.Generator, roughness: float, flat: float
    ) -> None:
        self.center, self.scale, self.axes = center, radius * np.array([1, 1, flat]), rotation(rng)
        self.terms = [
            (degree, order, rng.normal(size=2) * roughness / (degree - 0.5) * 1.4)
            for degree in range(2, int(rng.integers(3, 6)) + 1)
            for order in range(degree + 1)
        ]

    def _radius(self, directions: Array) -> Array:
        polar = np.arccos(np.clip(directions[:, 2], -1, 1))
        turn = np.arctan2(directions[:, 1], directions[:, 0])
        radius = np.ones(len(directions))
        for degree, order, (cosine, sine) in self.terms:
            wave = sph_harm_y(degree, order, polar, turn)
            radius += cosine * wave.real + sine * wave.imag
        return np.maximum(radius, 0.3)

    def contains(self, points: Array) -> npt.NDArray[np.bool_]:
        away = (points - self.center) @ self.axes / self.scale
        length = np.maximum(np.linalg.norm(away, axis=1), 1e-9)
        inside = length <= 0.3
        unsure = ~inside & (length < 2.5)
        inside[unsure] = length[unsure] <= self._radius(away[unsure] / length[unsure, None])
        return inside

    def surface(self, count: int) -> Array:
        directions = sphere_directions(count)
        return self.center + (directions * self._radius(directions)[:, None] * self.scale) @ self.axes.T


@dataclass
class BentRod:
    """A round rod along an arc, with round ends."""

    center: Array
    arc_radius: float
    angle: float
    radius: float
    axes: Array

    def contains(self, points: Array) -> npt.NDArray[np.bool_]:
        local = (points - self.center) @ self.axes
        turn = np.clip(np.arctan2(local[:, 1], local[:, 0]), -self.angle / 2, self.angle / 2)
        line = self.arc_radius * np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=1)
        return np.asarray(np.linalg.norm(local - line, axis=1) <= self.radius)

    def surface(self, count: int) -> Array:
        turn, around = np.meshgrid(
            np.linspace(-self.angle / 2, self.angle / 2, count // 80), np.arange(80) * (2 * np.pi / 80)
        )
        turn, around = turn.ravel(), around.ravel()
        out = self.arc_radius + self.radius * np.cos(around)
        parts = [np.stack([out * np.cos(turn), out * np.sin(turn), self.radius * np.sin(around)], axis=1)]
        for sign in (-1, 1):
            end = sign * self.angle / 2
            cap = sphere_directions(count // 4)
            cap = cap[cap @ (sign * np.array([-np.sin(end), np.cos(end), 0])) >= 0]
            parts.append(self.arc_radius * np.array([np.cos(end), np.sin(end), 0]) + self.radius * cap)
        return self.center + np.concatenate(parts) @ self.axes.T


@dataclass
class Cluster:
    """Several shapes grown together, with creases."""

    parts: list[Ellipsoid]

    def contains(self, points: Array) -> npt.NDArray[np.bool_]:
        return np.asarray(np.any([part.contains(points) for part in self.parts], axis=0))

    def surface(self, count: int) -> Array:
        kept = []
        for part in self.parts:
            points = part.surface(count)
            others = [other for other in self.parts if other is not part]
            covered = np.any([other.contains(points) for other in others], axis=0)
            kept.append(points[~covered])
        return np.concatenate(kept)


def irregular_shape(rng: np.random.Generator) -> Shape:
    """A shape a lesion may have, thin ones included."""
    center = rng.uniform(-3, 3, 3)
    kind = int(rng.integers(5))
    if kind == 0:
        return Blob(center, rng.uniform(5, 12), rng, rng.uniform(0.1, 0.3), 1.0)
    if kind == 1:
        return Blob(center, rng.uniform(7, 13), rng, rng.uniform(0.05, 0.2), rng.uniform(0.3, 0.6))
    if kind == 2:
        return BentRod(center, rng.uniform(8, 18), rng.uniform(0.6, 2.0), rng.uniform(2.5, 5), rotation(rng))
    if kind == 3:
        size = rng.uniform(4, 8)
        return Cluster(
            [
                Ellipsoid(
                    center + rng.normal(size=3) * 0.55 * size,
                    np.full(3, size * rng.uniform(0.6, 1)),
                    np.eye(3),
                )
                for _ in range(int(rng.integers(2, 5)))
            ]
        )
    radii = np.array([rng.uniform(2.5, 4.5), rng.uniform(7, 12), rng.uniform(8, 15)])
    return Ellipsoid(center, radii, rotation(rng))


def lattice_around(points: Array, spacing: Array, axes: Array, rng: np.random.Generator) -> Grid:
    """A lattice with given axes around points, shifted at random by parts of a voxel."""
    local = points @ axes
    low, high = local.min(axis=0), local.max(axis=0)
    count = np.ceil((high - low) / spacing + 4).astype(int)
    middle = (low + high) / 2 + spacing * rng.uniform(-0.5, 0.5, 3)
    x, y, z = axes @ (middle - spacing * (count - 1) / 2)
    columns, rows, slices = (int(n) for n in count)
    return Grid((slices, rows, columns), tuple(spacing), (x, y, z), tuple(axes.ravel()))


def voxels(shape: Shape, grid: Grid) -> npt.NDArray[np.bool_]:
    """The mask of a shape: a voxel is set where its centre is inside."""
    k, j, i = np.indices(grid.shape)
    points = grid.to_lps(np.stack([i, j, k], axis=-1).reshape(-1, 3))
    return shape.contains(points).reshape(grid.shape)


def zones_around(points: Array, rng: np.random.Generator) -> list[Spheroid]:
    """One or two random zones that about cover a shape."""
    middle = points.mean(axis=0)
    reach = float(np.quantile(np.linalg.norm(points - middle, axis=1), 0.9))
    zones = []
    for _ in range(int(rng.integers(1, 3))):
        x, y, z = middle + rng.normal(size=3) * (0.2 * reach + 1)
        a, b, c = rng.normal(size=3)
        long = 2 * (reach * rng.uniform(0.9, 1.5) + rng.uniform(0, 8))
        short = 2 * (reach * rng.uniform(0.8, 1.3) + rng.uniform(0, 6))
        zones.append(Spheroid((x, y, z), (a, b, c), long, short))
    return zones
