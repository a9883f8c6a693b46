"""What a judgement stands on that no probe changes: lesions, liver, and what may be hurt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from planner_plugins.thermal_ablation.settings import Settings

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.lesion_surface import nearest_points
from planner.compute.liver_region import LiverRegion
from planner.compute.margin import PreparedMargin, prepare_margin
from planner.compute.outline_mesh import outline_mesh
from planner.model.case import Case
from planner.model.plan import Point
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.planning.anatomy import Anatomy
from planner.planning.case_ground import anatomy_of
from planner.plugin.hashing import structures_hash

#: A lesion with no voxel so near to the liver lies outside it (a mask carved out of the liver touches it).
TOUCHING_MM = 3.0
#: Wide vessels are looked for so far around a lesion; the largest distance a setting allows.
SINK_REACH_MM = 20.0
#: So many cases' anatomies are kept in memory: those of one process that answers about one case.
_KEPT = 2


@dataclass(frozen=True, eq=False)
class LesionGround:
    """A lesion, ready for its margin, with a mesh to paint the margin on.

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


@dataclass(frozen=True)
class Sink:
    """A vessel of 3 mm or more near a lesion: how far from the lesion's surface, and where."""

    vessel: str
    distance_mm: float
    place_lps_mm: Point


@dataclass(frozen=True, eq=False)
class Grounds:
    """All that depends on the case alone."""

    anatomy: Anatomy
    lesions: Mapping[str, LesionGround]
    liver_volume_ml: float | None
    is_liver_cut: bool


def prepare_grounds(
    case: Case, settings: Settings, task: Task, wanted: tuple[str, ...] | None = None
) -> Grounds:
    """Prepare the lesions (all, or the wanted ones) and the anatomy of a case.

    Raises
    ------
    InvalidValue
        If the case has no lesion, or a wanted one is no lesion.
    """
    structures = case.structures
    lesions = [s.name for s in structures.with_role(Role.LESION) if not structures.box(s.name).is_empty]
    if not lesions:
        raise InvalidValue(
            "The case has no lesion.", case.title, "Import a lesion mask, or mark one with two clicks."
        )
    for name in wanted or ():
        if name not in lesions:
            raise InvalidValue(
                "A probe names a lesion that is not there.", name, f"Choose one of: {', '.join(lesions)}."
            )
    common = _kept(
        _commons, structures_hash(case), lambda: _prepare_common(structures, lesions, task.part(0.0, 0.5))
    )
    chosen = [n for n in lesions if wanted is None or n in wanted]
    grounds = {}
    for index, name in enumerate(chosen):
        task.report(0.5 + 0.5 * index / len(chosen), f"Surface of {name}")
        key = f"{structures_hash(case)} {name} {settings.capsule_distance_mm}"
        make = partial(_lesion_ground, structures, name, common, settings)
        grounds[name] = _kept(_lesions, key, make, 12)
    region = common.region
    cut = region is not None and any(any(sides) for sides in region.open_sides)
    return Grounds(common.anatomy, grounds, common.liver_volume_ml, cut)


@dataclass(frozen=True, eq=False)
class _Common:
    """What all lesions of a case share."""

    anatomy: Anatomy
    region: LiverRegion | None
    liver_volume_ml: float | None


_commons: dict[str, _Common] = {}
_lesions: dict[str, LesionGround] = {}
_T = TypeVar("_T")


def _kept(store: dict[str, _T], key: str, make: Callable[[], _T], most: int = _KEPT) -> _T:
    """A value made once and kept by the hash of what it depends on; the oldest gives way."""
    if key not in store:
        value = make()
        while len(store) >= most:
            del store[next(iter(store))]
        store[key] = value
    return store[key]


def _prepare_common(structures: StructureSet, lesions: list[str], task: Task) -> _Common:
    anatomy = anatomy_of(structures, task.part(0.0, 0.8))
    task.report(0.8, "Surface of the liver")
    region, volume = _liver(structures, lesions)
    return _Common(anatomy, region, volume)


def _liver(structures: StructureSet, lesions: list[str]) -> tuple[LiverRegion | None, float | None]:
    livers = [s.name for s in structures.with_role(Role.LIVER) if not structures.box(s.name).is_empty]
    if not livers:
        return None, None
    own = structures.union_mask(livers)
    volume = float(np.count_nonzero(own)) * structures.grid.voxel_volume_ml
    for name in lesions:
        box = structures.box(name)
        own[box.slices] |= structures.mask(name, box)
    return LiverRegion.from_mask(structures.grid, own), volume


def _lesion_ground(structures: StructureSet, name: str, common: _Common, settings: Settings) -> LesionGround:
    share = _share_in_liver(structures, name)
    mask, grid = structures.cropped(name, max(structures.grid.spacing_mm))
    prepared = prepare_margin(grid, mask, common.region, capsule_limit_mm=settings.capsule_distance_mm)
    points, triangles = outline_mesh(prepared.outline)
    return LesionGround(prepared, points, triangles, share, _sinks(common.anatomy, prepared))


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
        x, y, z = (float(v) for v in near[int(np.argmin(gaps))])
        if np.isfinite(gaps.min()):
            found.append(Sink(vessel, float(gaps.min()), (x, y, z)))
    return tuple(found)


def _share_in_liver(structures: StructureSet, name: str) -> float | None:
    livers = [s.name for s in structures.with_role(Role.LIVER) if not structures.box(s.name).is_empty]
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
