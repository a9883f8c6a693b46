"""What treatments of lesions stand on and no instrument changes: outlines, liver, and what may be hurt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.lesion_surface import nearest_points
from planner.compute.liver_region import LiverRegion
from planner.compute.margin import CAPSULE_DISTANCE_MM, PreparedMargin, prepare_margin
from planner.compute.outline_mesh import outline_mesh
from planner.model.geometry import FloatArray
from planner.model.points import Point, as_point
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.planning.anatomy import Anatomy
from planner.planning.case_ground import anatomy_of

#: A lesion with no voxel so near to the liver lies outside it (a mask carved out of the liver touches it).
TOUCHING_MM = 3.0
#: Wide vessels are looked for so far around a lesion; the largest distance a setting allows.
SINK_REACH_MM = 20.0
#: So many cases, and lesions, are kept in memory.
KEPT_CASES, KEPT_LESIONS = 2, 12


@dataclass(frozen=True, eq=False)
class LesionPoints:
    """Points that fill a lesion and what lies around it within the liver.

    Parameters
    ----------
    points_lps_mm
        Shape (n, 3).
    lesion, grown_5mm
        Share of each point's cell that belongs to the lesion, and to the lesion grown by 5 mm within
        the liver; (n,), 0..1.
    """

    points_lps_mm: FloatArray
    lesion: FloatArray
    grown_5mm: FloatArray

    def few(self, most: int) -> LesionPoints:
        """So many of them at most, spread evenly, each standing for more."""
        if len(self.lesion) <= most:
            return self
        chosen = self._order[:most]
        return LesionPoints(self.points_lps_mm[chosen], self.lesion[chosen], self.grown_5mm[chosen])

    @cached_property
    def _order(self) -> npt.NDArray[np.int64]:
        """A fixed order without the lattice's rows: every beginning of it is spread over the whole."""
        return np.random.default_rng(0).permutation(len(self.lesion))


@dataclass(frozen=True)
class Sink:
    """A vessel of 3 mm or more near a lesion, whose blood cools heat: how far from its surface, and where."""

    vessel: str
    distance_mm: float
    place_lps_mm: Point


@dataclass(frozen=True, eq=False)
class LesionGround:
    """A lesion, ready for its margin, with a mesh to paint on.

    Parameters
    ----------
    margin
        Prepared surface and volumes.
    points_lps_mm, triangles
        Mesh of the outline, shapes (n, 3) and (m, 3).
    inside_liver_percent
        Share of the lesion's voxels within the liver's own mask; None without a liver.
    sinks
        Wide vessels within `SINK_REACH_MM` of its surface.
    """

    margin: PreparedMargin
    points_lps_mm: npt.NDArray[np.float64]
    triangles: npt.NDArray[np.int32]
    inside_liver_percent: float | None
    sinks: tuple[Sink, ...] = ()

    @cached_property
    def nearest_sample(self) -> npt.NDArray[np.intp]:
        """Which sample of the outline lies nearest to each point of the mesh, (n,)."""
        from scipy.spatial import cKDTree

        _, found = cKDTree(self.margin.outline.samples.points_lps_mm).query(self.points_lps_mm)
        return np.asarray(found, dtype=np.intp)

    @cached_property
    def filling(self) -> LesionPoints:
        """Points that stand for the lesion's volume and that of the lesion grown by 5 mm."""
        volumes = self.margin.volumes
        sums = volumes.sums.astype(np.float64)
        shares: FloatArray = (sums[:, :, 1:] - sums[:, :, :-1]) * volumes.unit
        lesion, grown = shares[..., 0], shares[..., 1]
        k, j, i = np.nonzero(grown > 0)
        points = volumes.grid.to_lps(np.stack([i, j, k], axis=1).astype(float))
        return LesionPoints(points, lesion[k, j, i], grown[k, j, i])


@dataclass(frozen=True, eq=False)
class LesionGrounds:
    """All that depends on the case alone."""

    anatomy: Anatomy
    lesions: Mapping[str, LesionGround]
    liver_volume_ml: float | None
    is_liver_cut: bool

    def nearest_lesion(self, point_lps_mm: npt.ArrayLike) -> str:
        """The lesion whose outline comes nearest to a point."""
        point = np.asarray(point_lps_mm, dtype=float)
        gaps = {
            name: float(np.linalg.norm(g.margin.outline.samples.points_lps_mm - point, axis=1).min())
            for name, g in self.lesions.items()
        }
        return min(gaps, key=lambda n: gaps[n])


def lesion_grounds(
    structures: StructureSet,
    key: str,
    task: Task,
    wanted: tuple[str, ...] | None = None,
    capsule_distance_mm: float = CAPSULE_DISTANCE_MM,
) -> LesionGrounds:
    """Prepare the lesions (all, or the wanted ones) and the anatomy of a case.

    Parameters
    ----------
    structures
        Of the case.
    key
        Stands for them, such as their hash: what was prepared under it is used again.
    task
        Progress and cancel.
    wanted
        Names of lesions; all when left out.
    capsule_distance_mm
        Lesion surface nearer to the liver's surface than this is the capsule part.

    Raises
    ------
    InvalidValue
        If there is no lesion, a wanted one is no lesion, or one lies outside the liver.
    """
    lesions = [s.name for s in structures.with_role(Role.LESION) if not structures.box(s.name).is_empty]
    if not lesions:
        raise InvalidValue(
            "The case has no lesion.", structures.id, "Import a lesion mask, or mark one with two clicks."
        )
    for name in wanted or ():
        if name not in lesions:
            raise InvalidValue(
                "An instrument names a lesion that is not there.",
                name,
                f"Choose one of: {', '.join(lesions)}.",
            )
    shared = _kept(_shared, key, partial(_prepare_shared, structures, lesions, task.part(0.0, 0.5)))
    chosen = [n for n in lesions if wanted is None or n in wanted]
    found = {}
    for index, name in enumerate(chosen):
        task.report(0.5 + 0.5 * index / len(chosen), f"Surface of {name}")
        make = partial(_lesion_ground, structures, name, shared, capsule_distance_mm)
        found[name] = _kept(_lesions, f"{key} {name} {capsule_distance_mm}", make, KEPT_LESIONS)
    region = shared.region
    cut = region is not None and any(any(sides) for sides in region.open_sides)
    return LesionGrounds(shared.anatomy, found, shared.liver_volume_ml, cut)


@dataclass(frozen=True, eq=False)
class _Shared:
    """What all lesions of a case share."""

    anatomy: Anatomy
    region: LiverRegion | None
    liver_volume_ml: float | None


_shared: dict[str, _Shared] = {}
_lesions: dict[str, LesionGround] = {}
_T = TypeVar("_T")


def _kept(store: dict[str, _T], key: str, make: Callable[[], _T], most: int = KEPT_CASES) -> _T:
    """A value made once; the oldest gives way."""
    if key not in store:
        value = make()
        while len(store) >= most:
            del store[next(iter(store))]
        store[key] = value
    return store[key]


def _prepare_shared(structures: StructureSet, lesions: list[str], task: Task) -> _Shared:
    anatomy = anatomy_of(structures, task.part(0.0, 0.8))
    task.report(0.8, "Surface of the liver")
    livers = _livers(structures)
    if not livers:
        return _Shared(anatomy, None, None)
    own = structures.union_mask(livers)
    volume = float(np.count_nonzero(own)) * structures.grid.voxel_volume_ml
    for name in lesions:
        box = structures.box(name)
        own[box.slices] |= structures.mask(name, box)
    return _Shared(anatomy, LiverRegion.from_mask(structures.grid, own), volume)


def _livers(structures: StructureSet) -> list[str]:
    return [s.name for s in structures.with_role(Role.LIVER) if not structures.box(s.name).is_empty]


def _lesion_ground(
    structures: StructureSet, name: str, shared: _Shared, capsule_distance_mm: float
) -> LesionGround:
    share = share_in_liver_percent(structures, name)
    mask, grid = structures.cropped(name, max(structures.grid.spacing_mm))
    prepared = prepare_margin(grid, mask, shared.region, capsule_limit_mm=capsule_distance_mm)
    points, triangles = outline_mesh(prepared.outline)
    return LesionGround(prepared, points, triangles, share, _sinks(shared.anatomy, prepared))


def _sinks(anatomy: Anatomy, prepared: PreparedMargin) -> tuple[Sink, ...]:
    surface = prepared.outline.samples.points_lps_mm
    low, high = surface.min(axis=0) - SINK_REACH_MM, surface.max(axis=0) + SINK_REACH_MM
    found = []
    for vessel, boundary in anatomy.thick_vessels.items():
        points = boundary.points_lps_mm.astype(float)
        near = points[np.all((points > low) & (points < high), axis=1)]
        if not len(near):
            continue
        gaps, _ = nearest_points(near, surface, SINK_REACH_MM)
        if np.isfinite(gaps.min()):
            found.append(Sink(vessel, float(gaps.min()), as_point(near[int(np.argmin(gaps))])))
    return tuple(found)


def share_in_liver_percent(structures: StructureSet, name: str) -> float | None:
    """Share of a lesion's voxels within the liver's own mask; None without a liver.

    Raises
    ------
    InvalidValue
        If the lesion lies outside the liver altogether.
    """
    livers = _livers(structures)
    if not livers:
        return None
    box = structures.box(name)
    near = box.grown(structures.voxels_for(TOUCHING_MM), structures.grid.shape)
    if not structures.union_mask(livers, near).any():
        raise InvalidValue(
            "The lesion lies outside the liver.",
            name,
            "Check the role of this structure, or outline the liver again.",
        )
    lesion = structures.mask(name, box)
    return 100.0 * float(
        np.count_nonzero(lesion & structures.union_mask(livers, box)) / np.count_nonzero(lesion)
    )
