"""Electrodes thinner than a voxel, such as needles, at any angle to the lattice.

A thin electrode is a row of charges on its axis.  Each is spread over a ball a few voxels wide,
outside which its potential is that of a point (Newton's theorem); what the spreading takes from
the potential on the electrode's surface is known in closed form and given back, which fixes the
charges.  Within the ball the field is put right by the closed form too.  The idea is that of well
models in reservoirs (Peaceman, SPE J 1978;18:183) and of splitting off singular line sources
(Gjerde, Kumar and Nordbotten, Comput Geosci 2020;24:1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from typing import cast

import numpy as np
import numpy.typing as npt
from scipy.integrate import cumulative_trapezoid
from scipy.linalg import block_diag

from planner.base.errors import InvalidValue, PlannerError
from planner.compute.heat_lattice import FloatArray, Mask, Single
from planner.compute.threads import kernel
from planner.model.geometry import Grid

#: Radius of a spread charge, in voxels and in radii of the electrode: the larger counts.
SPREAD_VOXELS, SPREAD_RADII = 2.5, 3.0
#: Distance from a thin electrode, in voxels, up to which differences of potentials are put right.
REACH_VOXELS = 10.0
#: A ball's charge density is this times (1 - r²)², r over its radius.
BALL = 105 / (32 * np.pi)
#: Integral of the square of a spread line's charge density, over that of its radius squared.
DIPOLE = 49 / (24 * np.pi)
#: Points a voxel edge at which the heat near a thin electrode is sampled.
SUBPOINTS = 4


@dataclass(frozen=True)
class ThinElectrode:
    """A straight round electrode, such as a needle, at any angle to the lattice.

    Its insulated part is taken to be tissue.  Blind to what lies within the spread of its charges:
    keep other electrodes and grounded sides two voxels away.

    Parameters
    ----------
    name
        What the current is listed under.
    start_lps_mm, end_lps_mm
        Two points on its axis.
    radius_mm
        Radius of the metal.
    potential_v
        Potential of the metal.
    exposed_mm
        Where the exposed part begins and ends, from the start; the whole when left out.

    Raises
    ------
    InvalidValue
        If a number is not finite, the radius is not positive, or no part is exposed.
    """

    name: str
    start_lps_mm: tuple[float, float, float]
    end_lps_mm: tuple[float, float, float]
    radius_mm: float
    potential_v: float
    exposed_mm: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        points = [np.asarray(point, dtype=float) for point in (self.start_lps_mm, self.end_lps_mm)]
        are_points = all(point.shape == (3,) for point in points)
        ends = np.stack(points) if are_points else np.zeros((2, 3))
        length = float(np.linalg.norm(ends[1] - ends[0]))
        exposed = (0.0, length) if self.exposed_mm is None else self.exposed_mm
        numbers = (length, self.radius_mm, self.potential_v, *exposed)
        if not all(isfinite(n) for n in numbers) or not (length > 0 and self.radius_mm > 0):
            raise InvalidValue(
                "A thin electrode needs two different points, a positive radius and finite numbers.",
                str(self),
                "Check its points in LPS mm.",
            )
        if not -1e-6 <= exposed[0] < exposed[1] <= length + 1e-6:
            raise InvalidValue(
                "The exposed part must lie between the two ends of an electrode.",
                f"{self.name}: {exposed} of {length:g} mm",
                "Give distances from the start.",
            )
        for name, point in zip(("start_lps_mm", "end_lps_mm"), ends.tolist(), strict=True):
            object.__setattr__(self, name, tuple(point))
        object.__setattr__(self, "exposed_mm", (float(exposed[0]), float(exposed[1])))

    @property
    def exposed_ends_lps_mm(self) -> FloatArray:
        """The ends of the exposed part, shape (2, 3)."""
        start, end = np.array(self.start_lps_mm), np.array(self.end_lps_mm)
        along = (end - start) / np.linalg.norm(end - start)
        low, high = cast(tuple[float, float], self.exposed_mm)
        return np.stack([start + low * along, start + high * along])


class _Coupling:
    """Thin electrodes as conductances between the voxels their charges are spread over."""

    def __init__(self, index: npt.NDArray[np.int64], weight: FloatArray, matrix: FloatArray) -> None:
        self._index, self._weight, self._matrix = index, weight, matrix

    def add(self, potential: Single | FloatArray, current: Single | FloatArray) -> None:
        """Add the currents that leave flat voxels at a flat potential."""
        _spread(
            self._index, self._weight, _gathered(self._index, self._weight, potential, self._matrix), current
        )

    def spread(self, charges: FloatArray, current: FloatArray) -> None:
        """Add currents of the pieces to the voxels they are spread over."""
        _spread(self._index, self._weight, charges, current)


class ThinElectrodes:
    """Thin electrodes cut into pieces: where they lie and how they act on the lattice.

    Positions are in mm along i, j, k from voxel 0.
    """

    def __init__(self, grid: Grid, electrodes: Sequence[ThinElectrode], hold: Single) -> None:
        self.grid, self.electrodes = grid, tuple(electrodes)
        self.spacing = np.array(grid.spacing_mm)
        coarsest = float(self.spacing.max())
        radii = [e.radius_mm for e in electrodes]
        self.spread_mm = max(SPREAD_VOXELS * coarsest, SPREAD_RADII * max(radii, default=0.0))
        pieces = [self._cut(n, e) for n, e in enumerate(electrodes)]
        rows = np.concatenate(pieces) if pieces else np.zeros((0, 10))
        self.count = len(rows)
        self.at_mm, self.along = np.ascontiguousarray(rows[:, :3]), np.ascontiguousarray(rows[:, 3:6])
        self.half_mm, self.radius_mm, self.volts = (np.ascontiguousarray(rows[:, c]) for c in (6, 7, 8))
        self.owner = rows[:, 9].astype(int)
        if self.count:
            self.across = _across(self.along)
            self.index, self.weight = self._ball_weights(np.array(hold.shape))
            self.free_weight = self.weight * (hold.reshape(-1)[self.index] == 0)
            self.conductance = self._conductance()
            self.heat_index, self.heat_share = self._heat_shares(np.array(hold.shape))

    def _cut(self, number: int, electrode: ThinElectrode) -> FloatArray:
        """Even pieces, about as long as the radius: middle, direction, half length, radius, volts."""
        ends = self.grid.to_ijk(electrode.exposed_ends_lps_mm) * self.spacing
        length = float(np.linalg.norm(ends[1] - ends[0]))
        count = max(1, round(length / max(electrode.radius_mm, 0.5 * float(self.spacing.min()))))
        shares = (np.arange(count) + 0.5) / count
        rows = np.empty((count, 10))
        rows[:, :3] = ends[0] + shares[:, None] * (ends[1] - ends[0])
        rows[:, 3:6] = (ends[1] - ends[0]) / length
        rows[:, 6:] = 0.5 * length / count, electrode.radius_mm, electrode.potential_v, number
        return rows

    def _ball_weights(self, shape: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], FloatArray]:
        """Flat voxels of a rimmed shape that the ball of each piece reaches, and their weights.

        The first third of the rows are shares of a charge, which sum to 1; the others, in 1/mm,
        differences of potential along two directions across.
        """
        most = int(np.prod(2 * np.floor(self.spread_mm / self.spacing).astype(int) + 2))
        # Where a ball reaches fewer voxels the first one stands in, without a share.
        index = np.full((self.count, most), (shape[1] + 1) * shape[2] + 1, dtype=np.int64)
        shares, places = np.zeros((self.count, most)), np.zeros((self.count, most, 3))
        _fill_ball(shape, self.spacing, self.at_mm, self.spread_mm, index, shares, places)
        rows = [shares / shares.sum(axis=1, keepdims=True)]
        slopes = np.sqrt(shares)
        slopes /= slopes.sum(axis=1, keepdims=True)
        for across in self.across:
            along = (places * across[:, None]).sum(axis=-1)
            along -= (slopes * along).sum(axis=1, keepdims=True)
            rows.append(slopes * along / (slopes * along**2).sum(axis=1, keepdims=True))
        return np.concatenate([index] * 3), np.concatenate(rows)

    def _heat_shares(self, shape: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], FloatArray]:
        """Flat voxels in which a piece dissipates more than the lattice's field does, and their shares.

        By the difference of the squared fields of a line and of a spread line, at points in the
        voxels.  The mean resistivity there is what its charge feels.
        """
        reach = self.spread_mm + float(self.half_mm.max(initial=0.0))
        most = int(np.prod(2 * np.ceil(reach / self.spacing + 0.5).astype(int) + 1))
        index = np.full((self.count, most), (shape[1] + 1) * shape[2] + 1, dtype=np.int64)
        shares = np.zeros((self.count, most))
        _fill_heat(
            shape, self.spacing, self.at_mm, self.along, self.half_mm, self.radius_mm, self.spread_mm,
            reach, index, shares,
        )  # fmt: skip
        return index, shares / shares.sum(axis=1, keepdims=True)

    def _conductance(self) -> FloatArray:
        """Charges and dipoles for what the lattice lacks, for 1 S/m."""
        # A cylinder across a field, less what its spread dipole takes from the lattice's field.
        area = np.pi * self.radius_mm**2
        dipole = 4e-3 * area * self.half_mm / (1 - area * DIPOLE / self.spread_mm**2)
        return block_diag(self._charge_conductance(), np.diag(dipole), np.diag(dipole))

    def _charge_conductance(self) -> FloatArray:
        """Charges in A for the potentials the lattice lacks on the surfaces, for 1 S/m."""
        apart = self.at_mm[:, None] - self.at_mm[None]
        distance = np.linalg.norm(apart, axis=-1)
        same = self.owner[:, None] == self.owner[None]
        radius = np.sqrt(np.outer(self.radius_mm, self.radius_mm))
        half = self.half_mm[None]
        on_surface = np.arcsinh((distance + half) / radius) - np.arcsinh((distance - half) / radius)
        true = np.where(same, on_surface / (2 * half), 1 / np.hypot(distance, radius)) / (4 * np.pi)
        # What differences instead of derivatives change, to the first order, for a line.
        lines = (self.spacing**2 * (1 - self.along**2) ** 2).sum(axis=1)[:, None] / 32
        roughness = np.where(same, lines, (self.spacing**2).mean() / 20)
        reach, potential, overlap = _ball_pair()
        tau = distance / self.spread_mm
        lattice = np.interp(tau, reach, potential) / self.spread_mm
        lattice += roughness * np.interp(tau, reach, overlap) / self.spread_mm**3
        lack = np.where(tau < 2, (true - lattice) * 1e3, 0.0)
        try:
            np.linalg.cholesky(lack)
        except np.linalg.LinAlgError as error:
            raise PlannerError(
                "The charges of thin electrodes cannot be told apart.",
                ", ".join(e.name for e in self.electrodes),
                "Move them apart, or take a finer lattice.",
            ) from error
        inverse = np.linalg.inv(lack)
        return 0.5 * (inverse + inverse.T)

    def coupling(self, sigma: Single) -> _Coupling:
        """How they act in tissue of a conductivity, in a flat or rimmed array."""
        self.sigma = 1 / (self.heat_share / sigma.reshape(-1)[self.heat_index]).sum(axis=1)
        root = np.tile(np.sqrt(self.sigma), 3)
        self.matrix = np.ascontiguousarray(self.conductance * root[:, None] * root[None])
        return _Coupling(self.index, self.free_weight, self.matrix)

    def deficit(self, potential: FloatArray, middle: float) -> FloatArray:
        """By how much the lattice's potential, shifted by ``middle``, falls short of the metal's.

        In V at each piece, then in V/mm across it: the metal has no field.
        """
        metal = np.concatenate([self.volts - middle, np.zeros(2 * self.count)])
        lattice: FloatArray = (self.weight * potential.reshape(-1)[self.index]).sum(axis=1)
        return metal - lattice

    def charges(self, potential: FloatArray, middle: float) -> FloatArray:
        """Current of each piece in A, then its dipole moments in A mm."""
        if not self.count:
            return np.zeros(0)
        charges: FloatArray = (self.matrix * self.deficit(potential, middle)).sum(axis=1)
        return charges

    def spread_on_held(self, charges: FloatArray, current: FloatArray) -> None:
        """Add the currents of pieces to the held voxels they are spread over."""
        _spread(self.index, self.weight - self.free_weight, charges, current)

    def put_right(self, charges: FloatArray, taken: Mask, density: Single, near_v: Single) -> None:
        """Replace the field of spread charges by that of the electrode."""
        reach = max(REACH_VOXELS * float(self.spacing.max()), self.spread_mm)
        current, *dipoles = charges.reshape(3, self.count)
        # A charge and a dipole are a charge beside the axis.
        offset = sum(d[:, None] * a for d, a in zip(dipoles, self.across, strict=True))
        size = np.linalg.norm(offset, axis=1)
        most = 0.5 * self.radius_mm / np.maximum(size, 1e-30)
        offset *= np.clip(1 / np.where(current == 0, np.inf, current), -most, most)[:, None]
        for own, straight in self._each():
            _put_right(
                self.spacing, self.at_mm[own], self.at_mm[own] + offset[own], *straight, current[own],
                current[own] / self.sigma[own], self.spread_mm, reach, taken, density, near_v,
            )  # fmt: skip

    def place_heat(self, heat_w: FloatArray, joule: FloatArray) -> None:
        """Add what charges and dipoles dissipate beyond the lattice's field, to rimmed flat voxels in W."""
        _spread(self.heat_index, self.heat_share, heat_w.reshape(3, self.count).sum(axis=0), joule)

    def _each(self) -> Iterator[tuple[Mask, tuple[FloatArray, FloatArray, float, float]]]:
        """The pieces of each electrode, with directions along and across, half length and radius."""
        for n in range(len(self.electrodes)):
            own = self.owner == n
            first = int(own.argmax())
            directions = self.along[first], self.across[0, first]
            yield own, (*directions, float(self.half_mm[first]), float(self.radius_mm[first]))


def _across(along: FloatArray) -> FloatArray:
    """Two directions at right angles to each of some directions, shape (2, m, 3)."""
    start = np.eye(3)[np.abs(along).argmin(axis=1)]
    first = np.cross(along, start)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return np.stack([first, np.cross(along, first)])


@lru_cache(maxsize=1)
def _ball_pair() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Potential between two spread charges of radius 1, and the integral of their product, by distance.

    The mean of a function of the radius over a sphere is an integral over the radius alone.
    """
    nodes, weights = np.polynomial.legendre.leggauss(400)
    s = 0.5 * (nodes + 1)
    shells = 4 * np.pi * s**2 * BALL * (1 - s**2) ** 2 * 0.5 * weights
    v = np.linspace(0, 3, 6001)
    potential_moment = cumulative_trapezoid(v * _ball(v), v, initial=0)
    charge_moment = BALL * (1 - (1 - np.minimum(v, 1) ** 2) ** 3) / 6
    apart = np.linspace(0, 2, 401)
    potential, overlap = np.empty_like(apart), np.empty_like(apart)
    potential[0] = (shells * _ball(s)).sum()
    overlap[0] = (shells * BALL * (1 - s**2) ** 2).sum()
    for n, t in enumerate(apart[1:], start=1):
        for moment, out in ((potential_moment, potential), (charge_moment, overlap)):
            rise = np.interp(t + s, v, moment) - np.interp(np.abs(t - s), v, moment)
            out[n] = (shells * rise / (2 * t * s)).sum()
    return apart, potential, overlap


def _ball(r: FloatArray) -> FloatArray:
    """Potential of a unit charge spread over a ball of radius 1, for 1 S/m."""
    u = np.minimum(r, 1.0)
    inner = BALL * (u**2 / 3 - 2 * u**4 / 5 + u**6 / 7 + (1 - u**2) ** 3 / 6)
    return np.where(r < 1, inner, 1 / (4 * np.pi * np.maximum(r, 1.0)))


@kernel
def _fill_ball(
    shape: npt.NDArray[np.int64], h: FloatArray, at_mm: FloatArray, radius: float,
    index: npt.NDArray[np.int64], shares: FloatArray, places: FloatArray,
) -> None:  # fmt: skip
    """Voxels of a ball about each point, shares (1 - r²/R²)², and where they lie from the point.

    What would lie beyond a side is mirrored in it.
    """
    low, high = np.zeros(3, dtype=np.int64), np.zeros(3, dtype=np.int64)
    for m in range(at_mm.shape[0]):
        n = 0
        for axis in range(3):
            low[axis] = np.int64(np.ceil((at_mm[m, axis] - radius) / h[axis]))
            high[axis] = np.int64(np.floor((at_mm[m, axis] + radius) / h[axis]))
        for k in range(low[2], high[2] + 1):
            for j in range(low[1], high[1] + 1):
                for i in range(low[0], high[0] + 1):
                    x, y, z = i * h[0] - at_mm[m, 0], j * h[1] - at_mm[m, 1], k * h[2] - at_mm[m, 2]
                    s = (x * x + y * y + z * z) / radius**2
                    if s < 1:
                        index[m, n] = _flat_voxel(shape, k, j, i)
                        shares[m, n] = (1 - s) ** 2
                        places[m, n, 0], places[m, n, 1], places[m, n, 2] = x, y, z
                        n += 1


@kernel
def _fill_heat(
    shape: npt.NDArray[np.int64], h: FloatArray, at_mm: FloatArray, along: FloatArray, half_mm: FloatArray,
    radius_mm: FloatArray, spread: float, reach: float, index: npt.NDArray[np.int64], shares: FloatArray,
) -> None:  # fmt: skip
    """Voxels about each piece and how much of its heat falls there; mirrored in the sides."""
    low, high = np.zeros(3, dtype=np.int64), np.zeros(3, dtype=np.int64)
    for m in range(at_mm.shape[0]):
        n = 0
        for axis in range(3):
            low[axis] = np.int64(np.ceil((at_mm[m, axis] - reach) / h[axis] - 0.5))
            high[axis] = np.int64(np.floor((at_mm[m, axis] + reach) / h[axis] + 0.5))
        for k in range(low[2], high[2] + 1):
            for j in range(low[1], high[1] + 1):
                for i in range(low[0], high[0] + 1):
                    total = 0.0
                    for part in range(SUBPOINTS**3):
                        a, b, c = part % SUBPOINTS, part // SUBPOINTS % SUBPOINTS, part // SUBPOINTS**2
                        x = (i + (a + 0.5) / SUBPOINTS - 0.5) * h[0] - at_mm[m, 0]
                        y = (j + (b + 0.5) / SUBPOINTS - 0.5) * h[1] - at_mm[m, 1]
                        z = (k + (c + 0.5) / SUBPOINTS - 0.5) * h[2] - at_mm[m, 2]
                        t = x * along[m, 0] + y * along[m, 1] + z * along[m, 2]
                        s = x * x + y * y + z * z - t * t
                        if abs(t) <= half_mm[m] and radius_mm[m] ** 2 <= s < spread**2:
                            free = (1 - s / spread**2) ** 3.5
                            total += free * (2 - free) / s
                    if total > 0:
                        index[m, n] = _flat_voxel(shape, k, j, i)
                        shares[m, n] = total
                        n += 1


@kernel
def _flat_voxel(shape: npt.NDArray[np.int64], k: int, j: int, i: int) -> int:
    """The flat voxel, in a rimmed shape, of a place mirrored in the sides."""
    a, b, c = _mirrored(k, shape[0] - 2), _mirrored(j, shape[1] - 2), _mirrored(i, shape[2] - 2)
    return int(((a + 1) * shape[1] + b + 1) * shape[2] + c + 1)


@kernel
def _mirrored(n: int, count: int) -> int:
    """A place mirrored into 0..count-1 in the outer faces."""
    place = n % (2 * count)
    return place if place < count else 2 * count - 1 - place


@kernel
def _gathered(
    index: npt.NDArray[np.int64], weight: FloatArray, potential: Single | FloatArray, matrix: FloatArray
) -> FloatArray:
    """A matrix times the mean potentials of balls."""
    count = index.shape[0]
    means = np.zeros(count)
    out = np.zeros(count)
    for m in range(count):
        for n in range(index.shape[1]):
            means[m] += weight[m, n] * potential[index[m, n]]
    for m in range(count):
        for n in range(count):
            out[m] += matrix[m, n] * means[n]
    return out


@kernel
def _spread(
    index: npt.NDArray[np.int64], weight: FloatArray, charges: FloatArray, current: Single | FloatArray
) -> None:
    """Add charges to the voxels of their balls."""
    for m in range(index.shape[0]):
        for n in range(index.shape[1]):
            current[index[m, n]] += weight[m, n] * charges[m]


@kernel
def _put_right(
    h: FloatArray, axis_mm: FloatArray, at_mm: FloatArray, along: FloatArray, across: FloatArray, half: float,
    radius: float, charges: FloatArray, volts_mm: FloatArray, spread: float, reach: float, taken: Mask,
    density: Single, near_v: Single,
) -> None:  # fmt: skip
    """Add, for one electrode, the field of its pieces less the lattice's of spread charges.

    The charges lie at ``at_mm``, beside the axis.  Densities in A/m²; ``volts_mm`` are the charges
    over the conductivity.
    """
    count = at_mm.shape[0]
    middle, total = np.zeros(3), np.zeros(3)
    low, high = np.zeros(3, dtype=np.int64), np.zeros(3, dtype=np.int64)
    for axis in range(3):
        first, last = axis_mm[0, axis], axis_mm[count - 1, axis]
        middle[axis] = 0.5 * (first + last)
        low[axis] = int(max(0.0, np.ceil((min(first, last) - reach) / h[axis])))
        high[axis] = int(min(taken.shape[2 - axis] - 1.0, np.floor((max(first, last) + reach) / h[axis])))
    far = (spread + max(h[0], h[1], h[2])) ** 2
    for k in range(low[2], high[2] + 1):
        for j in range(low[1], high[1] + 1):
            for i in range(low[0], high[0] + 1):
                distance, px, py, pz = _outside(
                    i * h[0] - middle[0], j * h[1] - middle[1], k * h[2] - middle[2], along, across,
                    half * count, radius,
                )  # fmt: skip
                if distance > reach or taken[k, j, i]:
                    continue
                px, py, pz = px + middle[0], py + middle[1], pz + middle[2]
                total[0] = total[1] = total[2] = 0.0
                volts = 0.0
                for m in range(count):
                    x, y, z = i * h[0] - at_mm[m, 0], j * h[1] - at_mm[m, 1], k * h[2] - at_mm[m, 2]
                    if x * x + y * y + z * z > far:
                        _add_far(x, y, z, h, charges[m], total)
                        continue
                    line = _add_line(
                        px - at_mm[m, 0], py - at_mm[m, 1], pz - at_mm[m, 2], along, half, 1e-6 * radius,
                        charges[m], total,
                    )  # fmt: skip
                    volts += volts_mm[m] * (line - _take_ball(x, y, z, h, spread, charges[m], total))
                for axis in range(3):
                    density[axis, k, j, i] += np.float32(1e6 * total[axis])
                near_v[k, j, i] += np.float32(1e3 * volts)


@kernel
def _outside(
    x: float, y: float, z: float, along: FloatArray, across: FloatArray, half: float, radius: float
) -> tuple[float, float, float, float]:
    """Distance of a point to a segment, and the point, moved out where it is nearer than the radius.

    From the middle of the segment.  On the axis ``across`` says which way out.
    """
    t = min(max(x * along[0] + y * along[1] + z * along[2], -half), half)
    a, b, c = x - t * along[0], y - t * along[1], z - t * along[2]
    distance = np.sqrt(a * a + b * b + c * c)
    if distance >= radius:
        return distance, x, y, z
    if distance < 1e-6 * radius:
        a, b, c = across[0], across[1], across[2]
    else:
        a, b, c = a / distance, b / distance, c / distance
    return (
        distance, t * along[0] + radius * a, t * along[1] + radius * b, t * along[2] + radius * c
    )  # fmt: skip


@kernel
def _add_line(
    x: float,
    y: float,
    z: float,
    along: FloatArray,
    half: float,
    least: float,
    charge: float,
    total: FloatArray,
) -> float:
    """Add the field of a charge spread evenly over a segment, at a point from its middle.

    Returns the potential of a unit charge, for 1 S/m.
    """
    t = x * along[0] + y * along[1] + z * along[2]
    a, b, c = x - t * along[0], y - t * along[1], z - t * along[2]
    rho = max(np.sqrt(a * a + b * b + c * c), least)
    near, far = np.sqrt((t - half) ** 2 + rho * rho), np.sqrt((t + half) ** 2 + rho * rho)
    share = 1 / (8 * np.pi * half)
    outward = charge * share * ((t + half) / far - (t - half) / near) / (rho * rho)
    axial = charge * share * (1 / near - 1 / far)
    total[0] += outward * a + axial * along[0]
    total[1] += outward * b + axial * along[1]
    total[2] += outward * c + axial * along[2]
    return float(share * (np.arcsinh((t + half) / rho) - np.arcsinh((t - half) / rho)))


@kernel
def _take_ball(
    x: float, y: float, z: float, h: FloatArray, radius: float, charge: float, total: FloatArray
) -> float:
    """Take off the lattice's field of a spread charge; returns the potential of a unit charge."""
    total[0] += (charge / (2 * h[0])) * (
        _ball_potential(x + h[0], y, z, h, radius) - _ball_potential(x - h[0], y, z, h, radius)
    )
    total[1] += (charge / (2 * h[1])) * (
        _ball_potential(x, y + h[1], z, h, radius) - _ball_potential(x, y - h[1], z, h, radius)
    )
    total[2] += (charge / (2 * h[2])) * (
        _ball_potential(x, y, z + h[2], h, radius) - _ball_potential(x, y, z - h[2], h, radius)
    )
    return _ball_potential(x, y, z, h, radius)


@kernel
def _ball_potential(x: float, y: float, z: float, spacing: FloatArray, radius: float) -> float:
    """The lattice's potential of a unit charge spread over a ball, for 1 S/m.

    That of the ball and, to the first order, what differences instead of derivatives change: the
    sum of h_i²/12 times the fourth derivatives of the function whose Laplacian is minus it.
    """
    x, y, z = x / radius, y / radius, z / radius
    a, b, c = (spacing[0] / radius) ** 2, (spacing[1] / radius) ** 2, (spacing[2] / radius) ** 2
    s = x * x + y * y + z * z
    if s < 1:
        exact = BALL * (1 / 6 - s / 6 + s * s / 10 - s * s * s / 42)
        second = BALL * (1 / 15 - 2 * s / 35 + s * s / 63)
        third = BALL * (4 * s / 63 - 4 / 35)
        fourth = BALL * 8 / 63
    else:
        r = np.sqrt(s)
        exact = 1 / (4 * np.pi * r)
        second = (1 - 1 / (3 * s)) / (8 * np.pi * s * r)
        third = (5 / (3 * s) - 3) / (8 * np.pi * s * s * r)
        fourth = (15 - 35 / (3 * s)) / (8 * np.pi * s * s * s * r)
    squares = a * x * x + b * y * y + c * z * z
    fourths = a * x * x * x * x + b * y * y * y * y + c * z * z * z * z
    rough = (fourth * fourths + 6 * third * squares + 3 * second * (a + b + c)) / 12
    return float((exact + rough) / radius)


@kernel
def _add_far(x: float, y: float, z: float, h: FloatArray, charge: float, total: FloatArray) -> None:
    """Add the field of a far charge less the lattice's, to the first order in h².

    What differences change in the potential and in its slope leaves a field along the radius.
    """
    s = x * x + y * y + z * z
    a, b, c = h[0] ** 2 / s, h[1] ** 2 / s, h[2] ** 2 / s
    u, v, w = x * x / s, y * y / s, z * z / s
    share = 90 * (a * u + b * v + c * w) - 105 * (a * u * u + b * v * v + c * w * w) - 9 * (a + b + c)
    share *= charge / (96 * np.pi * s * np.sqrt(s))
    total[0] += share * x
    total[1] += share * y
    total[2] += share * z
