"""A cut laid flat: where its corners come to lie, how near lesions and vessels are, and where vessels cross it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from planner.base.errors import InvalidValue
from planner.compute.clipped_mesh import TriangleArray
from planner.compute.mesh_flattening import FlatMesh, edges_of, flattened
from planner.model.assessment import Surface
from planner.model.geometry import FloatArray
from planner.model.vessel_tree import Branch, VesselTree

IntArray = npt.NDArray[np.int64]

#: Pieces are laid side by side this far apart; those of fewer triangles are left out.
APART_MM, FEWEST_TRIANGLES = 10.0, 4
#: A vessel thinner than this and without a name is not marked where it crosses.
MARKED_MM = 2.0
#: Vessels are measured at points this far apart, and gathered by radius in steps of this.
VESSEL_STEP_MM, RADIUS_STEP_MM = 1.0, 0.5
#: A direction of the body is shown where the map climbs it by more than this share of the way.
CLIMBS = 0.3
PLANE_WORDS = "a plane, laid flat exactly"
RIGID_WORDS = "as rigid as possible: Liu 2008, Comput Graph Forum 27:1495"
SEAM_WORDS = "a closed shell is opened behind, along a seam one triangle wide"
PIECES_WORDS = "pieces that do not hang together lie side by side"


@dataclass(frozen=True)
class MapCrossing:
    """A vessel that goes through the cut: which, how wide, and where on the map."""

    tree: str
    branch: int
    title: str
    diameter_mm: float
    where_mm: tuple[float, float]


@dataclass(frozen=True, eq=False)
class CutMap:
    """A cut's surface in the plane.

    Parameters
    ----------
    points_mm
        Of the surface's corners, (n, 2): first to the right, second upwards.
    triangles
        Of the map, (m, 3); few less than the surface's where a shell is opened.
    lesion_mm, vessel_mm
        Distance of each corner from the nearest lesion, and from the wall of the nearest vessel, negative
        within it and infinite without any, (n,).
    crossings
        Vessels that go through, thickest first.
    largest_percent, mean_percent
        By how much lengths on the map differ from those on the surface: the worst 1 in 1000, and the mean.
    right, up
        What lies to the right and up, such as ``left`` and ``cranial``; empty where no direction of the body does.
    method
        How it was laid flat, in words.
    """

    points_mm: FloatArray
    triangles: TriangleArray
    lesion_mm: FloatArray
    vessel_mm: FloatArray
    crossings: tuple[MapCrossing, ...]
    largest_percent: float
    mean_percent: float
    right: str
    up: str
    method: str


def cut_map(surface: Surface, trees: Sequence[VesselTree]) -> CutMap:
    """The map of a cut's surface, a ``cut_margin``.

    Up is cranial where the cut climbs, else anterior; to the left lies the patient's right where the cut runs
    across the body, else anterior.

    Raises
    ------
    InvalidValue
        If the surface has no triangle, or no distances.
    """
    points, triangles = np.asarray(surface.points_lps_mm, dtype=float), surface.triangles
    if not len(triangles) or surface.values is None:
        raise InvalidValue(
            "Only a cut with a surface in the liver can be laid flat.",
            f"{surface.name} of '{surface.subject}'",
            "Move the cut into the liver.",
        )
    flat = np.zeros((len(points), 2))
    kept, found, words = [], [], []
    edge = 0.0
    frame = ("", "")
    for n, own in enumerate(_pieces(len(points), triangles)):
        opened = _opened(points, own)
        laid = flattened(*_compact(points, opened))
        corners = np.unique(opened)
        own_frame, placed = _turned(points[corners], laid.points_mm)
        frame = own_frame if n == 0 else frame
        placed += (edge - placed[:, 0].min(), -0.5 * (placed[:, 1].min() + placed[:, 1].max()))
        edge = float(placed[:, 0].max()) + APART_MM
        flat[corners] = placed
        kept.append(opened)
        found.append(laid)
        words += [PLANE_WORDS if laid.is_exact else RIGID_WORDS]
        words += [SEAM_WORDS] if len(opened) < len(own) else []
        words += [PIECES_WORDS] if n else []
    _place_unused(points, flat, np.unique(np.concatenate(kept)))
    shown = np.concatenate(kept)
    vessels = [_Line(tree.id, b, *_sampled(b)) for tree in trees for b in tree.branches]
    return CutMap(
        flat,
        shown,
        np.asarray(surface.values, dtype=float),
        _vessel_distances(points, vessels),
        _crossings(points, shown, flat, vessels),
        max(f.largest_percent for f in found),
        _mean(found, kept),
        *frame,
        "; ".join(dict.fromkeys(words)),
    )


# laying out --------------------------------------------------------------------------------


def _pieces(count: int, triangles: TriangleArray) -> list[TriangleArray]:
    """Triangles that hang together, largest piece first; crumbs are left out unless there is nothing else."""
    edges, _ = edges_of(triangles)
    graph = csr_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(count, count))
    _, labels = connected_components(graph, directed=False)
    own = labels[triangles[:, 0]]
    numbers, sizes = np.unique(own, return_counts=True)
    order = numbers[np.argsort(-sizes, kind="stable")]
    pieces = [triangles[own == n] for n in order]
    return [p for p in pieces if len(p) >= FEWEST_TRIANGLES] or pieces[:1]


def _opened(points: FloatArray, triangles: TriangleArray) -> TriangleArray:
    """A closed shell without the triangles along a line behind it, from its top down to its bottom."""
    _, counts = edges_of(triangles)
    if (counts == 1).any():
        return triangles
    away = points - points[np.unique(triangles)].mean(axis=0)
    right = away[triangles, 0] > 0
    behind = (away[triangles, 1] > 0).all(axis=1)
    seam = behind & right.any(axis=1) & ~right.all(axis=1)
    rest = triangles[~seam]
    return rest if len(rest) else triangles


def _compact(points: FloatArray, triangles: TriangleArray) -> tuple[FloatArray, TriangleArray]:
    corners, place = np.unique(triangles, return_inverse=True)
    return points[corners], place.reshape(triangles.shape).astype(np.int32)


def _place_unused(points: FloatArray, flat: FloatArray, used: IntArray) -> None:
    """Corners without a triangle on the map come to lie on the nearest one that has."""
    rest = np.setdiff1d(np.arange(len(points)), used)
    if len(rest):
        flat[rest] = flat[used[cKDTree(points[used]).query(points[rest])[1]]]


def _turned(points: FloatArray, flat: FloatArray) -> tuple[tuple[str, str], FloatArray]:
    """The map turned, or seen from behind, so that directions of the body lie as people expect."""
    middle = flat - flat.mean(axis=0)
    slopes, *_ = np.linalg.lstsq(middle, points - points.mean(axis=0), rcond=None)
    x, y, z = slopes.T  # how fast each coordinate grows along the two directions of the map
    up_words, up = ("cranial", z) if np.linalg.norm(z) > CLIMBS else ("anterior", -y)
    if np.linalg.norm(up) < 1e-9:
        return ("", ""), middle
    up = up / np.linalg.norm(up)
    across = np.array([up[1], -up[0]])
    right_words, right = ("left", x) if abs(float(x @ across)) > CLIMBS else ("posterior", y)
    if float(right @ across) < 0:
        across = -across
    if abs(float(right @ across)) < CLIMBS:
        right_words = ""
    return (right_words, up_words), np.column_stack([middle @ across, middle @ up])


def _mean(found: Sequence[FlatMesh], kept: Sequence[TriangleArray]) -> float:
    return float(np.average([f.mean_percent for f in found], weights=[len(t) for t in kept]))


# vessels -----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Line:
    """A branch of a tree as points close together, with their radii."""

    tree: str
    branch: Branch
    points_lps_mm: FloatArray
    radii_mm: FloatArray


def _sampled(branch: Branch) -> tuple[FloatArray, FloatArray]:
    """Points along a branch and their radii."""
    along = np.concatenate([[0.0], np.cumsum(branch.steps_mm)])
    at = np.linspace(0.0, along[-1], max(2, int(np.ceil(along[-1] / VESSEL_STEP_MM)) + 1))
    columns = [np.interp(at, along, c) for c in (*branch.points_lps_mm.T, branch.radii_mm)]
    return np.column_stack(columns[:3]), columns[3]


def _vessel_distances(points: FloatArray, vessels: Sequence[_Line]) -> FloatArray:
    """To the wall of the nearest vessel, radius by radius, (n,)."""
    found = np.full(len(points), np.inf)
    if not vessels:
        return found
    places = np.concatenate([v.points_lps_mm for v in vessels])
    radii = np.concatenate([v.radii_mm for v in vessels])
    low, high = points.min(axis=0), points.max(axis=0)
    beside = np.linalg.norm(np.maximum(np.maximum(low - places, places - high), 0.0), axis=1)
    bins = np.floor(radii / RADIUS_STEP_MM)
    for own in np.unique(bins)[::-1]:
        chosen = (bins == own) & (beside <= float(found.max()) + (own + 1.0) * RADIUS_STEP_MM)
        if chosen.any():
            away, nearest = cKDTree(places[chosen]).query(points)
            found = np.minimum(found, away - radii[chosen][nearest])
    return found


def _crossings(
    points: FloatArray, triangles: TriangleArray, flat: FloatArray, vessels: Sequence[_Line]
) -> tuple[MapCrossing, ...]:
    """Where centrelines go through triangles."""
    corners = points[triangles]
    middles = corners.mean(axis=1)
    reach = float(np.linalg.norm(corners - middles[:, None], axis=2).max())
    tree_of_middles = cKDTree(middles)
    found = []
    for vessel in vessels:
        branch, line, radii = vessel.branch, vessel.points_lps_mm, vessel.radii_mm
        if not branch.name and branch.mean_diameter_mm < MARKED_MM:
            continue
        starts, stops = line[:-1], line[1:]
        half = 0.5 * float(np.linalg.norm(stops - starts, axis=1).max())
        near = tree_of_middles.query_ball_point(0.5 * (starts + stops), reach + half)
        for n, some in enumerate(near):
            where = _through(corners[some], starts[n], stops[n]) if some else None
            if where is None:
                continue
            triangle, weights = where
            corner = triangles[np.asarray(some, dtype=np.int64)[triangle]]
            place = (weights[:, None] * flat[corner]).sum(axis=0)
            found.append(
                MapCrossing(
                    vessel.tree,
                    branch.number,
                    branch.title,
                    float(radii[n] + radii[n + 1]),
                    (float(place[0]), float(place[1])),
                )
            )
    return tuple(sorted(found, key=lambda c: (-c.diameter_mm, c.tree, c.branch)))


def _through(corners: FloatArray, start: FloatArray, stop: FloatArray) -> tuple[int, FloatArray] | None:
    """The triangle (m, 3, 3) a stretch goes through, and the weights of its corners there.

    Möller and Trumbore 1997, J Graph Tools 2:21.
    """
    way = stop - start
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    cross = np.cross(way, two)
    size = np.einsum("ij,ij->i", one, cross)
    size = np.where(np.abs(size) < 1e-12, np.inf, size)
    off = start - corners[:, 0]
    u = np.einsum("ij,ij->i", off, cross) / size
    turn = np.cross(off, one)
    v = turn @ way / size
    t = np.einsum("ij,ij->i", two, turn) / size
    hit = np.flatnonzero((u >= 0) & (v >= 0) & (u + v <= 1) & (t >= 0) & (t < 1) & np.isfinite(size))
    if not len(hit):
        return None
    n = int(hit[0])
    return n, np.array([1.0 - u[n] - v[n], u[n], v[n]])
