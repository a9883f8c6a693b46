"""Potentials of a resistor network on a lattice: conjugate gradients, preconditioned by multigrid.

Each voxel is joined to its six neighbours by conductances, and may leak to something held at a
potential.  The preconditioner is one V-cycle with red-black Gauss-Seidel and linear interpolation
(Trottenberg, Oosterlee and Schuller, Multigrid, 2001; as a preconditioner: Tatebe, 1993).  Coarse
networks keep the leaks and put conductances in parallel and in series, down to a single voxel.

Arrays are those of the lattice with a rim of one voxel, ``[k, j, i]``.  Single precision, sums in
double precision and one order, so the same input gives the same bits.  The residual is
reckoned anew in double precision, so single precision sets no limit to the tolerance.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Protocol

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue, PlannerError
from planner.base.task import Task
from planner.compute.threads import kernel

FloatArray = npt.NDArray[np.float64]
Single = npt.NDArray[np.float32]

#: A lattice without its rim.
INNER = (slice(1, -1), slice(1, -1), slice(1, -1))
#: Axes whose spacing is up to this many times the finest are coarsened with it.
EVEN = 1.6
#: By how much single precision may lower a residual before it is reckoned anew.
ONE_LEG = 1e-4


class Coupling(Protocol):
    """Conductances beyond those of neighbours, symmetric and positive."""

    def add(self, potential: Single | FloatArray, current: Single | FloatArray) -> None:
        """Add the currents that leave flat voxels at a flat potential."""


@dataclass(frozen=True, eq=False)
class Network:
    """Conductances in S, with a rim.

    Parameters
    ----------
    gi, gj, gk
        Towards the next voxel along i, j, k; zero at the border and at voxels without an unknown.
    leak
        To what is held at a potential.
    coupling
        Conductances of another shape; its share is part of `preconditioned_leak` alone.
    preconditioned_leak
        The leak in the preconditioner.
    """

    gi: Single
    gj: Single
    gk: Single
    leak: Single
    coupling: Coupling | None = None
    preconditioned_leak: Single | None = None


@dataclass(frozen=True)
class Convergence:
    """How far a solution came: iterations, and the residual over that of no potential at all."""

    iterations: int
    residual: float


class _Level:
    """A network, its diagonal's inverse, and room for a potential and a current."""

    def __init__(self, gi: Single, gj: Single, gk: Single, leak: Single, factors: tuple[int, ...]) -> None:
        self.shape = gi.shape
        self.gi, self.gj, self.gk, self.leak = (g.reshape(-1) for g in (gi, gj, gk, leak))
        self.factors = factors
        self.inverse = np.zeros_like(self.gi)
        self.potential = np.zeros_like(self.gi)
        self.current = np.zeros_like(self.gi)
        _inverse_diagonal(self.shape, self.gi, self.gj, self.gk, self.leak, self.inverse)

    def coarser(self, factors: tuple[int, ...]) -> tuple[Single, Single, Single, Single]:
        """The network of the level below, in rimmed arrays."""
        shape = tuple((n - 2 + f - 1) // f + 2 for n, f in zip(self.shape, factors, strict=True))
        coarse = tuple(np.zeros(shape, dtype=np.float32) for _ in range(4))
        flat = (array.reshape(-1) for array in coarse)
        _coarsen(self.shape, shape, factors, self.gi, self.gj, self.gk, self.leak, *flat)
        return coarse[0], coarse[1], coarse[2], coarse[3]


class Multigrid:
    """A network and the coarser ones below it.

    Parameters
    ----------
    network
        The network to solve.
    spacing_mm
        Along i, j, k; axes much coarser than the others are coarsened later.
    """

    def __init__(self, network: Network, spacing_mm: tuple[float, float, float]) -> None:
        self.network = network
        leak = network.leak if network.preconditioned_leak is None else network.preconditioned_leak
        arrays = (network.gi, network.gj, network.gk, leak)
        spacing = np.array(spacing_mm[::-1])
        self._levels: list[_Level] = []
        while True:
            counts = np.array(arrays[0].shape) - 2
            factors = _factors(counts, spacing)
            self._levels.append(_Level(*arrays, factors=factors))
            if max(factors) == 1:
                break
            arrays = self._levels[-1].coarser(factors)
            spacing = spacing * factors

    def cycle(self, current: Single, potential: Single) -> None:
        """Write nearly the potential of a current, both flat, by one V-cycle."""
        top = self._levels[0]
        top.current, top.potential = current, potential
        for fine, coarse in zip(self._levels, self._levels[1:], strict=False):
            fine.potential[:] = 0
            _sweep(fine.shape, 0, fine.gi, fine.gj, fine.gk, fine.inverse, fine.current, fine.potential)
            coarse.current[:] = 0
            _restrict(
                fine.shape, coarse.shape, fine.factors, fine.gi, fine.gj, fine.gk, fine.leak,
                fine.current, fine.potential, coarse.current,
            )  # fmt: skip
        bottom = self._levels[-1]
        np.multiply(bottom.current, bottom.inverse, out=bottom.potential)
        for fine, coarse in zip(self._levels[-2::-1], self._levels[:0:-1], strict=True):
            _prolong(fine.shape, coarse.shape, fine.factors, coarse.potential, fine.potential)
            _sweep(fine.shape, 1, fine.gi, fine.gj, fine.gk, fine.inverse, fine.current, fine.potential)

    def solve(
        self,
        current: FloatArray,
        start: FloatArray,
        *,
        tolerance: float,
        limit: int,
        gain: float = 0.0,
        task: Task | None = None,
    ) -> tuple[FloatArray, Convergence]:
        """The potential at which a current leaves each voxel, both rimmed.

        Parameters
        ----------
        start
            A guess; nothing is changed where it is good enough.
        tolerance
            Residual (root of the sum of squares) over that of no potential.
        limit
            Most iterations.
        gain
            A residual of this times the guess's will do too.
        task
            Told about progress; stops the work when cancelled.

        Raises
        ------
        InvalidValue
            If the tolerance or the limit is not positive.
        PlannerError
            If the limit is reached before the tolerance.
        Cancelled
            When the task was cancelled.
        """
        if not 0 < tolerance < 1 or limit < 1:
            raise InvalidValue(
                "The tolerance must lie between 0 and 1, and an iteration be allowed.",
                f"tolerance {tolerance:g}, limit {limit}",
                "Take the defaults.",
            )
        run = _Descent(self, current, start, tolerance, gain, task or Task())
        while not run.done:
            if run.stuck or run.iterations >= limit:
                raise PlannerError(
                    "The electric field did not converge.",
                    f"residual {run.residual:.1e} after {run.iterations} iterations, asked {tolerance:.1e}",
                    "Look for extreme conductivities, or allow a larger tolerance or more iterations.",
                )
            run.leg(limit)
        return run.potential.reshape(current.shape), Convergence(run.iterations, run.residual)


class _Descent:
    """The changing state of one solution."""

    def __init__(
        self,
        grids: Multigrid,
        current: FloatArray,
        start: FloatArray,
        tolerance: float,
        gain: float,
        task: Task,
    ) -> None:
        self.grids, self.task, self.tolerance = grids, task, tolerance
        self.current = current.reshape(-1)
        self.potential = start.reshape(-1).copy()
        self.shape = current.shape
        net = grids.network
        self.arrays = (
            net.gi.reshape(-1), net.gj.reshape(-1), net.gk.reshape(-1), net.leak.reshape(-1)
        )  # fmt: skip
        self.norm = sqrt(_dot(self.current, self.current))
        self.iterations, self.stuck = 0, False
        self.r, self.z, self.p, self.q = (np.zeros(self.current.size, dtype=np.float32) for _ in range(4))
        self.room = np.zeros_like(self.current)
        self._true_residual()
        self.first = self.residual
        self.tolerance = max(tolerance, gain * self.first)

    def _true_residual(self) -> None:
        """Reckon the residual in double precision; keep it scaled to length one."""
        out = self.room
        gi, gj, gk, leak = self.arrays
        apply_network(self.shape, gi, gj, gk, leak, self.potential, out)
        if self.grids.network.coupling is not None:
            self.grids.network.coupling.add(self.potential, out)
        np.subtract(self.current, out, out=out)
        self.length = sqrt(_dot(out, out))
        if not isfinite(self.length):
            raise PlannerError(
                "The electric field left the range of numbers.",
                "potential",
                "Look for extreme conductivities or potentials.",
            )
        self.residual = self.length / self.norm if self.norm > 0 else 0.0
        self.done = self.residual <= self.tolerance
        np.multiply(out, 1 / (self.length or 1.0), out=self.r, casting="same_kind")

    def leg(self, limit: int) -> None:
        """Iterate until single precision has done its share, then reckon the residual anew."""
        aim = max(ONE_LEG, 0.9 * self.tolerance / self.residual)
        gained = np.zeros_like(self.p)
        before, length = 0.0, 1.0
        while length > aim and self.iterations < limit:
            self._report(length * self.residual)
            self.grids.cycle(self.r, self.z)
            now = _dot(self.r, self.z)
            _direct(np.float32(now / before if before else 0.0), self.z, self.p)
            before = now
            curvature = self._along()
            if not curvature > 0 or not now > 0:
                break
            length = sqrt(_descend(np.float32(now / curvature), self.p, self.q, gained, self.r))
            self.iterations += 1
        before_leg = self.residual
        self.potential += self.length * gained.astype(np.float64)
        self._true_residual()
        # Rounding has the last word: no use going on.
        self.stuck = self.residual > 0.5 * before_leg

    def _along(self) -> float:
        """Current of the search direction, and the power it dissipates."""
        gi, gj, gk, leak = self.arrays
        apply_network(self.shape, gi, gj, gk, leak, self.p, self.q)
        if self.grids.network.coupling is not None:
            self.grids.network.coupling.add(self.p, self.q)
        return _dot(self.p, self.q)

    def _report(self, residual: float) -> None:
        whole = np.log(self.tolerance / self.first)
        share = np.log(residual / self.first) / whole if whole < 0 else 0.0
        self.task.report(float(share), "Electric field")


def _factors(counts: npt.NDArray[np.int64], spacing: FloatArray) -> tuple[int, ...]:
    """By how much to coarsen along k, j, i."""
    if counts.max() == 1:
        return (1, 1, 1)
    finest = spacing[counts > 1].min()
    return tuple(2 if n > 1 and s <= EVEN * finest else 1 for n, s in zip(counts, spacing, strict=True))


@kernel
def _inverse_diagonal(
    shape: tuple[int, ...], gi: Single, gj: Single, gk: Single, leak: Single, inverse: Single
) -> None:
    """One over the sum of a voxel's conductances, zero where it has none."""
    row, sheet = shape[2], shape[1] * shape[2]
    for k in range(1, shape[0] - 1):
        for j in range(1, shape[1] - 1):
            start = k * sheet + j * row + 1
            for x in range(start, start + shape[2] - 2):
                total = gi[x] + gi[x - 1] + gj[x] + gj[x - row] + gk[x] + gk[x - sheet] + leak[x]
                inverse[x] = np.float32(1.0) / total if total > 0 else np.float32(0.0)


@kernel
def _coarsen(
    fine: tuple[int, ...], coarse: tuple[int, ...], factors: tuple[int, ...], gi: Single, gj: Single,
    gk: Single, leak: Single, ci: Single, cj: Single, ck: Single, coarse_leak: Single,
) -> None:  # fmt: skip
    """Add up leaks and the conductances across coarse faces, halved where the way is doubled."""
    fk, fj, fi = factors
    for k in range(1, fine[0] - 1):
        for j in range(1, fine[1] - 1):
            at = (k * fine[1] + j) * fine[2]
            to = (((k - 1) // fk + 1) * coarse[1] + (j - 1) // fj + 1) * coarse[2]
            for i in range(1, fine[2] - 1):
                x, y = at + i, to + (i - 1) // fi + 1
                coarse_leak[y] += leak[x]
                if i % fi == 0:
                    ci[y] += gi[x] / np.float32(fi)
                if j % fj == 0:
                    cj[y] += gj[x] / np.float32(fj)
                if k % fk == 0:
                    ck[y] += gk[x] / np.float32(fk)


@kernel
def _sweep(
    shape: tuple[int, ...], first: int, gi: Single, gj: Single, gk: Single, inverse: Single,
    current: Single, potential: Single,
) -> None:  # fmt: skip
    """Balance the voxels of one colour, then those of the other, which follows a sheet behind."""
    for k in range(1, shape[0]):
        if k < shape[0] - 1:
            _balance(shape, k, first, gi, gj, gk, inverse, current, potential)
        if k > 1:
            _balance(shape, k - 1, 1 - first, gi, gj, gk, inverse, current, potential)


@kernel
def _balance(
    shape: tuple[int, ...], k: int, colour: int, gi: Single, gj: Single, gk: Single, inverse: Single,
    current: Single, potential: Single,
) -> None:  # fmt: skip
    """Set the potential of a sheet's voxels of one colour so that their currents balance."""
    one, two = np.uint64(1), np.uint64(2)
    row, sheet = np.uint64(shape[2]), np.uint64(shape[1] * shape[2])
    for j in range(1, shape[1] - 1):
        line = np.uint64((k * shape[1] + j) * shape[2])
        x = line + one + np.uint64((k + j + colour) % 2)
        stop = line + row - one
        while x < stop:
            inflow = current[x] + gi[x] * potential[x + one] + gi[x - one] * potential[x - one]
            inflow += gj[x] * potential[x + row] + gj[x - row] * potential[x - row]
            inflow += gk[x] * potential[x + sheet] + gk[x - sheet] * potential[x - sheet]
            potential[x] = inflow * inverse[x]
            x += two


@kernel
def _restrict(
    fine: tuple[int, ...], coarse: tuple[int, ...], factors: tuple[int, ...], gi: Single, gj: Single,
    gk: Single, leak: Single, current: Single, potential: Single, coarse_current: Single,
) -> None:  # fmt: skip
    """Add the residual to the coarse current; the transpose of `_prolong`."""
    fk, fj, fi = factors
    ni, mi = fine[2], coarse[2]
    one, row, sheet = np.uint64(1), np.uint64(ni), np.uint64(fine[1] * ni)
    residual = np.zeros(ni, dtype=np.float32)
    short = np.zeros(mi, dtype=np.float32)
    near, far = np.float32(0.75), np.float32(0.25)
    for k in range(1, fine[0] - 1):
        for j in range(1, fine[1] - 1):
            at = np.uint64((k * fine[1] + j) * ni)
            for i in range(np.uint64(1), np.uint64(ni - 1)):
                x = at + i
                c = potential[x]
                out = gi[x] * (potential[x + one] - c) + gi[x - one] * (potential[x - one] - c)
                out += gj[x] * (potential[x + row] - c) + gj[x - row] * (potential[x - row] - c)
                out += gk[x] * (potential[x + sheet] - c) + gk[x - sheet] * (potential[x - sheet] - c)
                residual[i] = current[x] + out - leak[x] * c
            if fi == 1:
                for i in range(1, ni - 1):
                    short[i] = residual[i]
            else:
                _shorten(residual, short)
            _, k0, k1 = _partners(k, fk, coarse[0])
            _, j0, j1 = _partners(j, fj, coarse[1])
            wk1 = far if fk == 2 else np.float32(0.0)
            wj1 = far if fj == 2 else np.float32(0.0)
            wk0 = near if fk == 2 else np.float32(1.0)
            wj0 = near if fj == 2 else np.float32(1.0)
            for place, weight in (
                ((k0 * coarse[1] + j0) * mi, wk0 * wj0), ((k0 * coarse[1] + j1) * mi, wk0 * wj1),
                ((k1 * coarse[1] + j0) * mi, wk1 * wj0), ((k1 * coarse[1] + j1) * mi, wk1 * wj1),
            ):  # fmt: skip
                if weight > 0:
                    for i in range(1, mi - 1):
                        coarse_current[place + i] += weight * short[i]


@kernel
def _partners(n: int, factor: int, count: int) -> tuple[int, int, int]:
    """The coarse voxel a fine one lies in, twice, and the next nearest; all counted with the rim."""
    if factor == 1:
        return n, n, n
    own = (n - 1) // 2 + 1
    other = own - 1 if n % 2 == 1 else own + 1
    return own, own, min(max(other, 1), count - 2)


@kernel
def _shorten(residual: Single, short: Single) -> None:
    """A row summed onto half as many voxels; the transpose of `_lengthen`."""
    near, far = np.float32(0.75), np.float32(0.25)
    ni, mi = residual.size, short.size
    residual[ni - 1] = 0.0
    for y in range(1, mi - 1):
        x = 2 * y - 1
        short[y] = near * (residual[x] + residual[x + 1]) + far * residual[x - 1]
        if x + 2 < ni:
            short[y] += far * residual[x + 2]
    short[1] += far * residual[1]
    if ni % 2 == 0:
        short[mi - 2] += far * residual[ni - 2]


@kernel
def _lengthen(short: Single, long: Single) -> None:
    """A row interpolated onto twice as many voxels, level beyond its ends."""
    near, far = np.float32(0.75), np.float32(0.25)
    ni, mi = long.size, short.size
    short[0], short[mi - 1] = short[1], short[mi - 2]
    for y in range(1, mi - 1):
        long[2 * y - 1] = near * short[y] + far * short[y - 1]
        if 2 * y < ni - 1:
            long[2 * y] = near * short[y] + far * short[y + 1]


@kernel
def _prolong(
    fine: tuple[int, ...], coarse: tuple[int, ...], factors: tuple[int, ...], coarse_potential: Single,
    potential: Single,
) -> None:  # fmt: skip
    """Add the coarse potential, interpolated linearly between voxel centres."""
    fk, fj, fi = factors
    ni, mi = fine[2], coarse[2]
    long = np.zeros(ni, dtype=np.float32)
    short = np.zeros(mi, dtype=np.float32)
    near, far = np.float32(0.75), np.float32(0.25)
    for k in range(1, fine[0] - 1):
        for j in range(1, fine[1] - 1):
            _, k0, k1 = _partners(k, fk, coarse[0])
            _, j0, j1 = _partners(j, fj, coarse[1])
            a, b = (k0 * coarse[1] + j0) * mi, (k0 * coarse[1] + j1) * mi
            c, d = (k1 * coarse[1] + j0) * mi, (k1 * coarse[1] + j1) * mi
            for i in range(1, mi - 1):
                low = near * coarse_potential[a + i] + far * coarse_potential[b + i]
                high = near * coarse_potential[c + i] + far * coarse_potential[d + i]
                short[i] = near * low + far * high
            at = (k * fine[1] + j) * ni
            if fi == 1:
                for i in range(1, ni - 1):
                    potential[at + i] += short[i]
            else:
                _lengthen(short, long)
                for i in range(1, ni - 1):
                    potential[at + i] += long[i]


@kernel
def apply_network(
    shape: tuple[int, ...], gi: Single, gj: Single, gk: Single, leak: Single,
    potential: Single | FloatArray, out: Single | FloatArray,
) -> None:  # fmt: skip
    """Write the current that leaves each voxel of flat arrays; ``shape`` is theirs, with the rim."""
    one, row, sheet = np.uint64(1), np.uint64(shape[2]), np.uint64(shape[1] * shape[2])
    for k in range(1, shape[0] - 1):
        for j in range(1, shape[1] - 1):
            start = np.uint64((k * shape[1] + j) * shape[2] + 1)
            for x in range(start, start + np.uint64(shape[2] - 2)):
                c = potential[x]
                flow = gi[x] * (c - potential[x + one]) + gi[x - one] * (c - potential[x - one])
                flow += gj[x] * (c - potential[x + row]) + gj[x - row] * (c - potential[x - row])
                flow += gk[x] * (c - potential[x + sheet]) + gk[x - sheet] * (c - potential[x - sheet])
                out[x] = flow + leak[x] * c


@kernel
def _dot(a: Single | FloatArray, b: Single | FloatArray) -> float:
    """Sum of the products in double precision, in eight interleaved parts."""
    parts = np.zeros(8)
    whole = a.size // 8 * 8
    for x in range(0, whole, 8):
        for lane in range(8):
            parts[lane] += np.float64(a[x + lane]) * np.float64(b[x + lane])
    total = 0.0
    for x in range(whole, a.size):
        total += np.float64(a[x]) * np.float64(b[x])
    for lane in range(8):
        total += parts[lane]
    return total


@kernel
def _direct(share: np.float32, z: Single, p: Single) -> None:
    """The next search direction."""
    for x in range(p.size):
        p[x] = z[x] + share * p[x]


@kernel
def _descend(step: np.float32, p: Single, q: Single, potential: Single, r: Single) -> float:
    """Go a step; the residual's sum of squares."""
    for x in range(p.size):
        potential[x] += step * p[x]
        r[x] -= step * q[x]
    return _dot(r, r)
