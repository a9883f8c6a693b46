"""The access map of a target: every point of the skin tested as the entry of a straight needle."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.ray_march import Kind, RayMarch, march_rays
from planner.model.geometry import FloatArray
from planner.model.plan import Applicator, Point
from planner.planning.access_ground import (
    FIRST_LESION_CLASS,
    LATTICE_MM,
    LIVER_CLASS,
    OUTSIDE_CLASS,
    STEP_MM,
    AccessGround,
)
from planner.planning.access_rules import HAZARD_REFUSALS, AccessRules, Hazard, Refusal

#: A path may run so far outside the body: the skin is no sharper than this.
OUTSIDE_MM = 2.0
#: So many rays are followed between two looks at the task.
CHUNK = 8192

Float32Array = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]
BitArray = npt.NDArray[np.uint16]
IndexArray = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class AccessMap:
    """What is said of each of the n points of a skin mesh as an entry; arrays are read-only.

    Parameters
    ----------
    target_lps_mm, lesion, device_length_mm, beyond_mm, rules
        What was asked.
    points_lps_mm, triangles, areas_mm2
        The skin: shapes (n, 3), (m, 3), (n,).
    broken
        The rules each entry breaks, the sum of their `Refusal.bit`; shape (n,), uint16.
    clearance_mm
        Least clearance by `Hazard` from entry to tip, shape (n, 4): 0 where it crosses or may cross, as it
        shares a voxel of the lattice with the structure; 63.75 for that or more; NaN where nothing of
        the hazard is segmented.
    clearance_at_mm
        How far behind the tip that is; shape (n, 4).
    length_mm
        Entry to tip, shape (n,).
    parenchyma_mm
        Liver before the lesion is reached, shape (n,); NaN without a liver.
    capsule_angle_deg
        Between needle and liver capsule where it enters the liver, shape (n,); NaN without a liver.
    in_plane_deg, craniocaudal_deg
        As in `NeedlePath`, shape (n,).
    cost
        Weighted mean of the soft terms, 0 (best) to 1, shape (n,); for refused entries too.
    unchecked
        What is not segmented and therefore not checked, in words.
    error_mm
        The most by which a clearance above 0 is off; it is too small more often than too large.
    crossing_error_mm
        With a clearance of 0 the structure is no farther than this, a voxel's diagonal.  No crossing
        is missed that is longer than a step.  The exact judgement of a path is `judge_path`.
    """

    target_lps_mm: Point
    lesion: str
    device_length_mm: float
    beyond_mm: float
    rules: AccessRules
    points_lps_mm: Float32Array
    triangles: npt.NDArray[np.int32]
    areas_mm2: Float32Array
    broken: npt.NDArray[np.uint16]
    clearance_mm: Float32Array
    clearance_at_mm: Float32Array
    length_mm: Float32Array
    parenchyma_mm: Float32Array
    capsule_angle_deg: Float32Array
    in_plane_deg: Float32Array
    craniocaudal_deg: Float32Array
    cost: Float32Array
    unchecked: tuple[str, ...]
    error_mm: float
    crossing_error_mm: float

    def __post_init__(self) -> None:
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    def __len__(self) -> int:
        return len(self.points_lps_mm)

    @property
    def is_allowed(self) -> BoolArray:
        """Which entries break no rule, shape (n,)."""
        return np.asarray(self.broken == 0)

    @property
    def refusal(self) -> npt.NDArray[np.uint8]:
        """The first rule each entry breaks, a `Refusal`; shape (n,)."""
        first = np.zeros(len(self), dtype=np.uint8)
        for rule in reversed(Refusal):
            if rule is not Refusal.NONE:
                first[(self.broken & rule.bit) != 0] = rule
        first.setflags(write=False)
        return first

    @property
    def least_clearance_mm(self) -> Float32Array:
        """Least of the four clearances, shape (n,); NaN where nothing is segmented."""
        least = np.fmin.reduce(self.clearance_mm, axis=1)
        return np.asarray(least, dtype=np.float32)

    def broken_rules(self, index: int) -> tuple[Refusal, ...]:
        """Every rule an entry breaks."""
        return tuple(rule for rule in Refusal if int(self.broken[index]) & rule.bit)

    def share_percent(self, chosen: BoolArray) -> float:
        """Share of the skin's area that chosen points (n,) stand for."""
        total = float(self.areas_mm2.sum(dtype=np.float64))
        return 100.0 * float(self.areas_mm2[chosen].sum(dtype=np.float64)) / total

    def needle(self, index: int) -> Applicator:
        """The needle of an entry, from the skin to `beyond_mm` behind the target."""
        entry = self.points_lps_mm[index].astype(float)
        target = np.array(self.target_lps_mm)
        tip = target + self.beyond_mm * (target - entry) / np.linalg.norm(target - entry)
        return Applicator("entry", "any", _point(entry), _point(tip), {}, self.lesion)


def access_map(
    ground: AccessGround,
    target_lps_mm: Point,
    lesion: str,
    device_length_mm: float,
    beyond_mm: float = 0.0,
    rules: AccessRules | None = None,
    task: Task | None = None,
    *,
    only_allowed: bool = False,
) -> AccessMap:
    """Test every point of the skin as the entry of a needle to a target.

    Parameters
    ----------
    ground
        The case, made ready.
    target_lps_mm
        Where the zone's centre is to lie.
    lesion
        Name of the lesion it treats.
    device_length_mm
        Usable length of the shaft.
    beyond_mm
        How far the tip lies beyond the target (`placing.center_offset_mm`); that bit is tested too.
    rules
        Limits and weights; the defaults where none are given.
    task
        Told how far the work is.
    only_allowed
        Leave refused entries out of the map, which may then be empty: less than half the work, where
        many maps are made and nobody asks why an entry is refused.

    Raises
    ------
    InvalidValue
        If the target lies outside the scan or the body, there is no such lesion, or a length is not
        possible.
    """
    rules, task = rules or AccessRules(), task or Task()
    target = _checked_target(ground, target_lps_mm)
    if lesion not in ground.lesions:
        known = ", ".join(ground.lesions) or "none"
        raise InvalidValue("There is no such lesion.", f"'{lesion}'", f"Lesions with voxels: {known}.")
    for word, value, least in (("device length", device_length_mm, 1e-9), ("way beyond", beyond_mm, 0.0)):
        if not (math.isfinite(value) and value >= least):
            raise InvalidValue("A needle's lengths are finite and not negative.", f"{word} {value} mm")
    tried = _Tried.of(ground, target, beyond_mm)
    broken = _broken_by_direction(ground, tried, device_length_mm, rules)
    kept = np.flatnonzero(broken == 0) if only_allowed else np.arange(len(broken))
    tried, broken = tried.chosen(kept), broken[kept]
    march = _followed(ground, tried, lesion, task)
    task.report(0.9, "Judging entries")
    broken |= _broken_on_the_way(ground, march, rules)
    if only_allowed:
        kept = np.flatnonzero(broken == 0)
        tried, broken, march = tried.chosen(kept), broken[kept], _chosen(march, kept)
    has_liver = ground.liver is not None
    clearance = _clearance(ground, march)
    parenchyma = march.medium_past_goal_mm if has_liver else np.full(len(broken), np.nan)
    capsule = _capsule_angle(ground, tried, march)
    tilt = tried.tilt_deg
    cost = _cost(rules, clearance, march.length_mm / device_length_mm, capsule, tilt, has_liver)
    skin = ground.skin
    is_whole = len(broken) == len(skin)
    return AccessMap(
        target_lps_mm=_point(target),
        lesion=lesion,
        device_length_mm=float(device_length_mm),
        beyond_mm=float(beyond_mm),
        rules=rules,
        points_lps_mm=skin.points_lps_mm if is_whole else skin.points_lps_mm[tried.numbers],
        triangles=skin.triangles if is_whole else np.zeros((0, 3), dtype=np.int32),
        areas_mm2=skin.areas_mm2 if is_whole else skin.areas_mm2[tried.numbers],
        broken=broken,
        clearance_mm=clearance.astype(np.float32),
        clearance_at_mm=march.least_at_mm,
        length_mm=march.length_mm,
        parenchyma_mm=parenchyma.astype(np.float32),
        capsule_angle_deg=capsule.astype(np.float32),
        in_plane_deg=tried.in_plane_deg.astype(np.float32),
        craniocaudal_deg=tilt.astype(np.float32),
        cost=cost.astype(np.float32),
        unchecked=ground.unchecked,
        error_mm=ground.error_mm,
        crossing_error_mm=math.sqrt(3.0) * LATTICE_MM,
    )


@dataclass(frozen=True, eq=False)
class _Tried:
    """Needles from points of the skin, by the points' numbers, to one target; arrays of shape (n, 3) and (n,)."""

    numbers: IndexArray
    entries_lps_mm: FloatArray
    tips_lps_mm: FloatArray
    direction_lps: FloatArray
    length_mm: FloatArray

    @classmethod
    def of(cls, ground: AccessGround, target: FloatArray, beyond_mm: float) -> _Tried:
        entries = ground.skin.points_lps_mm.astype(float)
        away = entries - target
        distance = np.linalg.norm(away, axis=1)
        direction = -away / np.maximum(distance, 1e-6)[:, None]
        tips = target + beyond_mm * direction
        return cls(np.arange(len(entries)), entries, tips, direction, distance + beyond_mm)

    def chosen(self, kept: IndexArray) -> _Tried:
        """Some of them."""
        return self if len(kept) == len(self.numbers) else _Tried(*(v[kept] for v in vars(self).values()))

    @property
    def in_plane_deg(self) -> FloatArray:
        return np.asarray(np.degrees(np.arctan2(self.direction_lps[:, 0], self.direction_lps[:, 1])))

    @property
    def tilt_deg(self) -> FloatArray:
        return np.asarray(np.degrees(np.arcsin(np.clip(self.direction_lps[:, 2], -1.0, 1.0))))


def _broken_by_direction(
    ground: AccessGround, tried: _Tried, device_length_mm: float, rules: AccessRules
) -> BitArray:
    """The rules of `AccessMap.broken` that a needle's ends alone break."""
    return _bits(
        {
            Refusal.UNSCANNED: ~ground.anatomy.structures.grid.contains(tried.tips_lps_mm),
            Refusal.TABLE: _faces_table(ground, rules),
            Refusal.GANTRY: ~_in_sector(tried.in_plane_deg, rules),
            Refusal.TOO_LONG: tried.length_mm > device_length_mm,
            Refusal.TOO_STEEP: np.abs(tried.tilt_deg) > rules.steepest_tilt_deg,
        }
    )


def _broken_on_the_way(ground: AccessGround, march: RayMarch, rules: AccessRules) -> BitArray:
    """The rules of `AccessMap.broken` that what lies on the way breaks."""
    clearance = _clearance(ground, march)
    found = {Refusal.NOT_STRAIGHT: march.within_mm[:, Kind.VOID] + march.off_mm > OUTSIDE_MM}
    for hazard, rule in HAZARD_REFUSALS.items():
        if rules.refuses(hazard):
            near = clearance[:, hazard]
            found[rule] = (near < rules.clearance_mm(hazard)) | (near == 0)
    if rules.are_other_lesions_refused:
        found[Refusal.OTHER_LESION] = march.within_mm[:, Kind.OTHER] > 0
    if ground.liver is not None:
        found[Refusal.PARENCHYMA] = march.medium_past_goal_mm < rules.parenchyma_mm
    return _bits(found)


def _bits(broken: Mapping[Refusal, BoolArray]) -> BitArray:
    found = np.zeros(len(next(iter(broken.values()))), dtype=np.uint16)
    for rule, chosen in broken.items():
        found[chosen] |= np.uint16(rule.bit)
    return found


def _clearance(ground: AccessGround, march: RayMarch) -> Float32Array:
    """Least clearance by hazard, NaN where nothing of it is segmented; shape (n, 4)."""
    segmented = np.array([hazard in ground.segmented for hazard in Hazard])
    return np.where(segmented, march.least_mm, np.float32(np.nan))


def _chosen(march: RayMarch, kept: IndexArray) -> RayMarch:
    return RayMarch(*(array[kept] for array in vars(march).values()))


def _checked_target(ground: AccessGround, target_lps_mm: Point) -> FloatArray:
    target = np.asarray(target_lps_mm, dtype=float)
    place = f"target {np.round(target, 1).tolist()} mm"
    if target.shape != (3,) or not np.all(np.isfinite(target)):
        raise InvalidValue("A target has three finite numbers.", place)
    if not ground.anatomy.structures.grid.contains(target):
        raise InvalidValue("The target lies outside the scan.", place, "Place it within a lesion.")
    grid = ground.lattice.grid
    i, j, k = np.rint(grid.to_ijk(target)).astype(int)
    if not grid.contains(target) or ground.lattice.classes[k, j, i] == OUTSIDE_CLASS:
        raise InvalidValue("The target lies outside the body.", place, "Place it within a lesion.")
    return target


def _followed(ground: AccessGround, tried: _Tried, lesion: str, task: Task) -> RayMarch:
    """Every ray from tip to entry, a chunk at a time."""
    tips, entries = tried.tips_lps_mm, tried.entries_lps_mm
    kinds = np.full(256, Kind.NOTHING, dtype=np.uint8)
    kinds[LIVER_CLASS], kinds[OUTSIDE_CLASS] = Kind.MEDIUM, Kind.VOID
    kinds[FIRST_LESION_CLASS:] = Kind.OTHER
    kinds[FIRST_LESION_CLASS + ground.lesions.index(lesion)] = Kind.GOAL
    parts = []
    for start in range(0, max(1, len(entries)), CHUNK):
        task.report(0.9 * start / max(1, len(entries)), f"Ways to {lesion}")
        chunk = slice(start, start + CHUNK)
        parts.append(march_rays(ground.lattice, tips[chunk], entries[chunk], kinds, STEP_MM))
    return RayMarch(*(np.concatenate([getattr(p, name) for p in parts]) for name in vars(parts[0])))


def _capsule_angle(ground: AccessGround, tried: _Tried, march: RayMarch) -> FloatArray:
    """Between each needle and the capsule where it enters the liver; NaN where it does not."""
    tips, direction = tried.tips_lps_mm, tried.direction_lps
    angle = np.full(len(tips), np.nan)
    if ground.liver is None:
        return angle
    meets = np.flatnonzero(np.isfinite(march.entered_mm))
    places = tips[meets] - march.entered_mm[meets, None] * direction[meets]
    normals = ground.liver.outward_normals(places)
    sine = np.abs(np.einsum("nd,nd->n", normals, direction[meets]))
    angle[meets] = np.degrees(np.arcsin(np.clip(sine, 0.0, 1.0)))
    return angle


def _faces_table(ground: AccessGround, rules: AccessRules) -> BoolArray:
    if rules.table_lps is None:
        return np.zeros(len(ground.skin), dtype=bool)
    towards = ground.skin.normals_lps @ np.array(rules.table_lps)
    return np.asarray(towards > math.cos(math.radians(rules.table_half_angle_deg)))


def _in_sector(in_plane_deg: FloatArray, rules: AccessRules) -> BoolArray:
    if rules.gantry_sector_deg is None:
        return np.ones(len(in_plane_deg), dtype=bool)
    start, stop = rules.gantry_sector_deg
    return np.asarray((in_plane_deg - start) % 360.0 <= (stop - start) % 360.0)


def _cost(
    rules: AccessRules,
    clearance: Float32Array,
    length_share: npt.ArrayLike,
    capsule_deg: FloatArray,
    tilt_deg: FloatArray,
    has_liver: bool,
) -> FloatArray:
    """Weighted mean of the terms, each 0 to 1; what is not segmented has no term."""
    terms = [1.0 - np.minimum(c, rules.ample_clearance_mm) / rules.ample_clearance_mm for c in clearance.T]
    terms.append(np.minimum(length_share, 1.0))
    terms.append(1.0 - np.nan_to_num(capsule_deg) / 90.0 if has_liver else capsule_deg)
    terms.append(np.minimum(np.abs(tilt_deg) / rules.ample_tilt_deg, 1.0))
    stacked = np.stack(terms, axis=1).astype(float)
    weights = np.where(np.isfinite(stacked), np.array(rules.weights), 0.0)
    total = weights.sum(axis=1)
    summed = (np.nan_to_num(stacked) * weights).sum(axis=1)
    return np.asarray(np.divide(summed, total, out=np.ones_like(total), where=total > 0))


def _point(values: FloatArray) -> Point:
    return float(values[0]), float(values[1]), float(values[2])
