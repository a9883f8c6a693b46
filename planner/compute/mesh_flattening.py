"""A surface of triangles laid flat with little distortion of lengths.

A plane keeps its lengths exactly.  Other surfaces are laid out as rigidly as possible: Liu, Zhang, Xu, Gotsman and
Gortler 2008, A local/global approach to mesh parameterization, Comput Graph Forum 27:1495, from a projection
along the mean normal or, where that folds, from Tutte's embedding (Tutte 1963, Proc Lond Math Soc 13:743).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from planner.compute.clipped_mesh import TriangleArray
from planner.model.geometry import FloatArray, unit_vector

IntArray = npt.NDArray[np.int64]

#: A surface that leaves its plane by less than this is one.
FLAT_MM = 1e-4
#: Rounds of laying out; most of the change is in the first.
ROUNDS = 16
#: Weights of edges lie within these, so that slivers at a clipped border neither pull nor tear.
LEAST_WEIGHT, MOST_WEIGHT = 0.05, 10.0
#: A projection folds nowhere where no triangle is steeper than this cosine.
STEEPEST = 0.1


@dataclass(frozen=True, eq=False)
class FlatMesh:
    """Where the corners of a mesh lie in the plane.

    Parameters
    ----------
    points_mm
        (n, 2).
    largest_percent, mean_percent
        By how much edges are longer or shorter than on the surface: the worst 1 in 1000, and the mean by length.
    is_exact
        Whether it was a plane.
    """

    points_mm: FloatArray
    largest_percent: float
    mean_percent: float
    is_exact: bool


def flattened(points_mm: FloatArray, triangles: TriangleArray) -> FlatMesh:
    """A mesh in one piece with a border, laid flat; corners no triangle uses come to lie at the middle."""
    used = np.unique(triangles)
    middle = points_mm[used].mean(axis=0)
    _, sizes, axes = np.linalg.svd(points_mm[used] - middle, full_matrices=False)
    flat = (points_mm - middle) @ axes[:2].T
    if sizes[2] <= FLAT_MM * np.sqrt(len(used)):
        found, is_exact = flat, True
    else:
        found, is_exact = _laid_out(points_mm - middle, triangles), False
    outside = np.ones(len(points_mm), dtype=bool)
    outside[used] = False
    found[outside] = found[used].mean(axis=0)
    return FlatMesh(found, *_distortion(points_mm, found, triangles), is_exact)


def edges_of(triangles: TriangleArray) -> tuple[IntArray, IntArray]:
    """Edges (e, 2), lower corner first, and how many triangles each has."""
    every = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]).astype(
        np.int64
    )
    every.sort(axis=1)
    size = int(every.max()) + 1
    keys, counts = np.unique(every[:, 0] * size + every[:, 1], return_counts=True)
    return np.stack(np.divmod(keys, size), axis=1), counts


def _laid_out(points: FloatArray, triangles: TriangleArray) -> FloatArray:
    a, b, c = (points[triangles[:, n]] for n in range(3))
    normals = np.cross(b - a, c - a)
    mean = normals.sum(axis=0)
    size = np.maximum(np.linalg.norm(normals, axis=1), 1e-12)
    steepness = normals @ mean / (size * max(float(np.linalg.norm(mean)), 1e-12))
    if steepness.min() > STEEPEST:
        up = unit_vector(mean)
        one = unit_vector(np.cross(up, np.eye(3)[int(np.argmin(np.abs(up)))]))
        start = np.column_stack([points @ one, points @ np.cross(up, one)])
    else:
        start = _embedded(points, triangles)
    return _as_rigid_as_possible(points, triangles, start)


def _as_rigid_as_possible(points: FloatArray, triangles: TriangleArray, start: FloatArray) -> FloatArray:
    own = _own_frames(points, triangles)
    weights = _weights(own)
    count = len(points)
    rows, columns, values = [], [], []
    for n in range(3):
        i, j, w = triangles[:, (n + 1) % 3], triangles[:, (n + 2) % 3], weights[:, n]
        rows += [i, j, i, j]
        columns += [i, j, j, i]
        values += [w, w, -w, -w]
    places = (np.concatenate(rows), np.concatenate(columns))
    laplacian = sp.csc_matrix((np.concatenate(values), places), shape=(count, count))
    factor = splu((laplacian + 1e-9 * sp.eye(count)).tocsc(), permc_spec="MMD_AT_PLUS_A")
    flat = start
    for _ in range(ROUNDS):
        turns = _turns(flat, triangles, own, weights)
        target = np.zeros((count, 2))
        for n in range(3):
            i, j = triangles[:, (n + 1) % 3], triangles[:, (n + 2) % 3]
            edge = own[:, (n + 1) % 3] - own[:, (n + 2) % 3]
            pull = weights[:, n, None] * np.einsum("tij,tj->ti", turns, edge)
            for axis in range(2):
                target[:, axis] += np.bincount(i, pull[:, axis], count) - np.bincount(j, pull[:, axis], count)
        flat = factor.solve(target)
    return np.asarray(flat - flat.mean(axis=0))


def _own_frames(points: FloatArray, triangles: TriangleArray) -> FloatArray:
    """Corners of each triangle in its own plane, (m, 3, 2)."""
    a, b, c = (points[triangles[:, n]] for n in range(3))
    along = b - a
    length = np.maximum(np.linalg.norm(along, axis=1), 1e-9)
    x = np.einsum("ij,ij->i", c - a, along) / length
    y = np.linalg.norm(np.cross(along, c - a), axis=1) / length
    zero = np.zeros_like(x)
    return np.stack([np.stack([zero, zero], 1), np.stack([length, zero], 1), np.stack([x, y], 1)], axis=1)


def _weights(own: FloatArray) -> FloatArray:
    """Half the cotangent of the angle at each corner, for the edge across it, (m, 3)."""
    found = np.empty(own.shape[:2])
    for n in range(3):
        one, two = own[:, (n + 1) % 3] - own[:, n], own[:, (n + 2) % 3] - own[:, n]
        area = np.abs(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0])
        found[:, n] = 0.5 * (one * two).sum(axis=1) / np.maximum(area, 1e-9)
    return np.clip(found, LEAST_WEIGHT, MOST_WEIGHT)


def _turns(flat: FloatArray, triangles: TriangleArray, own: FloatArray, weights: FloatArray) -> FloatArray:
    """The rotation that best takes each triangle to where it lies, (m, 2, 2)."""
    cosine, sine = np.zeros(len(triangles)), np.zeros(len(triangles))
    for n in range(3):
        p, q = (n + 1) % 3, (n + 2) % 3
        there = flat[triangles[:, p]] - flat[triangles[:, q]]
        here = own[:, p] - own[:, q]
        cosine += weights[:, n] * (there * here).sum(axis=1)
        sine += weights[:, n] * (there[:, 1] * here[:, 0] - there[:, 0] * here[:, 1])
    size = np.maximum(np.hypot(cosine, sine), 1e-12)
    cosine, sine = cosine / size, sine / size
    return np.stack([np.stack([cosine, -sine], 1), np.stack([sine, cosine], 1)], axis=1)


def _embedded(points: FloatArray, triangles: TriangleArray) -> FloatArray:
    """The longest border on a circle, and each other corner at the mean of its neighbours."""
    edges, counts = edges_of(triangles)
    loop = _longest_loop(points, edges[counts == 1])
    steps = np.linalg.norm(points[np.roll(loop, -1)] - points[loop], axis=1)
    angle = 2.0 * np.pi * np.concatenate([[0.0], np.cumsum(steps)[:-1]]) / steps.sum()
    radius = np.sqrt(_area(points, triangles) / np.pi)
    found = np.zeros((len(points), 2))
    found[loop] = radius * np.column_stack([np.cos(angle), np.sin(angle)])
    inner = np.setdiff1d(np.unique(triangles), loop)
    if not len(inner):
        return found
    both = np.concatenate([edges, edges[:, ::-1]])
    graph = sp.csr_matrix((np.ones(len(both)), (both[:, 0], both[:, 1])), shape=(len(points),) * 2)
    degree = np.asarray(graph.sum(axis=1)).ravel()
    matrix = (sp.diags(degree[inner]) - graph[inner][:, inner]).tocsc()
    pull = np.asarray(graph[inner][:, loop] @ found[loop], dtype=float)
    found[inner] = splu(matrix, permc_spec="MMD_AT_PLUS_A").solve(pull)
    # Turned like the triangles: as seen from where they run round to the left.
    a, b, c = (found[triangles[:, n]] for n in range(3))
    turn = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    return found if turn.sum() > 0 else found * np.array([1.0, -1.0])


def _longest_loop(points: FloatArray, border: IntArray) -> IntArray:
    beside: dict[int, list[int]] = {}
    for one, two in border.tolist():
        beside.setdefault(one, []).append(two)
        beside.setdefault(two, []).append(one)
    best, length = np.zeros(0, dtype=np.int64), -1.0
    waiting = set(beside)
    for start in sorted(beside):
        if start not in waiting:
            continue
        loop = [start]
        waiting.discard(start)
        while True:
            onward = [n for n in beside[loop[-1]] if n in waiting]
            if not onward:
                break
            loop.append(onward[0])
            waiting.discard(onward[0])
        own = points[loop]
        size = float(np.linalg.norm(np.roll(own, -1, axis=0) - own, axis=1).sum())
        if size > length:
            best, length = np.array(loop), size
    return best


def _area(points: FloatArray, triangles: TriangleArray) -> float:
    a, b, c = (points[triangles[:, n]] for n in range(3))
    return 0.5 * float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum())


def _distortion(points: FloatArray, flat: FloatArray, triangles: TriangleArray) -> tuple[float, float]:
    edges, _ = edges_of(triangles)
    true = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
    laid = np.linalg.norm(flat[edges[:, 0]] - flat[edges[:, 1]], axis=1)
    kept = true > 0.1
    if not kept.any():
        return 0.0, 0.0
    apart = 100.0 * np.abs(laid[kept] / true[kept] - 1.0)
    return float(np.quantile(apart, 0.999)), float(np.average(apart, weights=true[kept]))
