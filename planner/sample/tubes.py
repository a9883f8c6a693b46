"""Tubes: chains of round cones along curves; exact distances, closed-form shapes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from planner.compute.threads import kernel
from planner.sample.field import FAR_MM, Field, Float32, Lattice, Points

Knot = tuple[float, float, float, float]


def curve(knots: Sequence[Knot], step_mm: float = 3.0) -> Points:
    """Points x, y, z, radius (n, 4) along a smooth curve through knots (Catmull-Rom)."""
    given = np.array(knots, dtype=float)
    ends = np.vstack([2 * given[0] - given[1], given, 2 * given[-1] - given[-2]])
    ends[[0, -1], 3] = given[[0, -1], 3]
    pieces = []
    for a, b, c, d in zip(ends, ends[1:], ends[2:], ends[3:], strict=False):
        count = max(1, int(np.ceil(np.linalg.norm(c[:3] - b[:3]) / step_mm)))
        t = np.arange(count)[:, None] / count
        pieces.append(
            0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        )
    line = np.vstack([*pieces, given[-1:]])
    line[:, 3] = np.maximum(line[:, 3], 0.2)
    return line


def segments(line: Points) -> Points:
    """The round cones (n - 1, 8) of a curve's points (n, 4)."""
    return np.hstack([line[:-1], line[1:]])


def tube(*knots: Knot, step_mm: float = 3.0) -> Points:
    """The round cones (n, 8) along a smooth curve through knots x, y, z, radius."""
    return segments(curve(knots, step_mm))


def mirrored(cones: Points) -> Points:
    """Round cones on the other side of the midline."""
    other = cones.copy()
    other[:, [0, 4]] *= -1
    return other


def tube_field(cones: Points, step_mm: float, pad_mm: float = 3.0, lattice: Lattice | None = None) -> Field:
    """Distance to the union of round cones (n, 8), within ``pad_mm`` around them."""
    if lattice is None:
        low, high = cone_bounds(cones)
        lattice = Lattice.over(tuple(low - pad_mm), tuple(high + pad_mm), step_mm)
    values = np.full(lattice.shape, FAR_MM, dtype=np.float32)
    _spread(
        values, np.array(lattice.start_mm), np.array(lattice.step_mm), np.ascontiguousarray(cones), pad_mm
    )
    return Field(lattice, values)


def cone_bounds(cones: Points) -> tuple[Points, Points]:
    """Lowest and highest x, y, z of round cones."""
    r0, r1 = cones[:, 3:4], cones[:, 7:8]
    low = np.minimum(cones[:, :3] - r0, cones[:, 4:7] - r1).min(axis=0)
    high = np.maximum(cones[:, :3] + r0, cones[:, 4:7] + r1).max(axis=0)
    return low, high


def stacked(parts: Iterable[Points]) -> Points:
    """Several arrays of round cones as one."""
    return np.vstack(list(parts))


@kernel
def _spread(
    values: Float32,
    start: npt.NDArray[np.float64],
    step: npt.NDArray[np.float64],
    cones: npt.NDArray[np.float64],
    pad: float,
) -> None:
    """Lower ``values`` to the distance of each cone within its box grown by ``pad``."""
    nk, nj, ni = values.shape
    for n in range(cones.shape[0]):
        ax, ay, az, ar = cones[n, 0], cones[n, 1], cones[n, 2], cones[n, 3]
        bx, by, bz, br = cones[n, 4], cones[n, 5], cones[n, 6], cones[n, 7]
        dx, dy, dz = bx - ax, by - ay, bz - az
        length = np.sqrt(dx * dx + dy * dy + dz * dz)
        if length < 1e-9:
            length = 1e-9
        ux, uy, uz = dx / length, dy / length, dz / length
        lean = (br - ar) / length
        lean = min(max(lean, -0.95), 0.95)
        shift = lean / np.sqrt(1 - lean * lean)
        i0 = max(0, int(np.ceil((min(ax - ar, bx - br) - pad - start[0]) / step[0])))
        i1 = min(ni, int(np.floor((max(ax + ar, bx + br) + pad - start[0]) / step[0])) + 1)
        j0 = max(0, int(np.ceil((min(ay - ar, by - br) - pad - start[1]) / step[1])))
        j1 = min(nj, int(np.floor((max(ay + ar, by + br) + pad - start[1]) / step[1])) + 1)
        k0 = max(0, int(np.ceil((min(az - ar, bz - br) - pad - start[2]) / step[2])))
        k1 = min(nk, int(np.floor((max(az + ar, bz + br) + pad - start[2]) / step[2])) + 1)
        for k in range(k0, k1):
            pz = start[2] + k * step[2] - az
            for j in range(j0, j1):
                py = start[1] + j * step[1] - ay
                for i in range(i0, i1):
                    px = start[0] + i * step[0] - ax
                    along = px * ux + py * uy + pz * uz
                    across2 = px * px + py * py + pz * pz - along * along
                    across = np.sqrt(max(across2, 0.0))
                    t = min(max(along + across * shift, 0.0), length)
                    rest = along - t
                    d = np.sqrt(across * across + rest * rest) - (ar + lean * t)
                    if d < values[k, j, i]:
                        values[k, j, i] = d
