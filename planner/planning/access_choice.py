"""Choosing from an access map: entries that differ and are each the best of their kind."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.model.geometry import FloatArray
from planner.model.plan import Applicator, Point
from planner.planning.access import AccessMap
from planner.planning.access_ground import AccessGround
from planner.planning.access_rules import HAZARD_REFUSALS, HAZARD_ROLES, AccessRules, Hazard, Refusal
from planner.planning.anatomy import THICK_VESSEL_MM, Anatomy
from planner.planning.devices import Device
from planner.planning.emitters import shafts_of
from planner.planning.needle_path import NeedlePath, judge_path

#: Two entries differ if their needles do by this angle, or they lie so far apart on the skin.
DIFFERENT_DEG = 15.0
DIFFERENT_MM = 20.0

IndexArray = npt.NDArray[np.intp]


@dataclass(frozen=True)
class AccessEntry:
    """One entry of a map with its figures; None stands for what cannot be told.

    Parameters
    ----------
    index
        Of the skin's point in the map.
    entry_lps_mm, tip_lps_mm
        The needle's ends.
    length_mm, capsule_angle_deg, in_plane_deg, craniocaudal_deg, parenchyma_mm, cost
        As in `AccessMap`.
    clearance_mm
        By `Hazard`; None where nothing of it is segmented.
    broken
        The rules it breaks.
    """

    index: int
    entry_lps_mm: Point
    tip_lps_mm: Point
    length_mm: float
    clearance_mm: tuple[float | None, float | None, float | None, float | None]
    capsule_angle_deg: float | None
    in_plane_deg: float
    craniocaudal_deg: float
    parenchyma_mm: float | None
    cost: float
    broken: tuple[Refusal, ...]

    @property
    def least_clearance_mm(self) -> float | None:
        """Least of the clearances that are known."""
        return min((c for c in self.clearance_mm if c is not None), default=None)

    @property
    def crosses_lung(self) -> bool:
        """Whether it goes through lung or pleura, which some profiles allow."""
        return self.clearance_mm[Hazard.LUNG] == 0


@dataclass(frozen=True)
class Blocked:
    """What one rule does to the skin: share it refuses first, and share that breaks it at all."""

    rule: Refusal
    first_percent: float
    any_percent: float


@dataclass(frozen=True)
class LeastBad:
    """What blocks the skin, the most first, and the entries that break fewest rules and least."""

    blocked: tuple[Blocked, ...]
    entries: tuple[AccessEntry, ...]
    unchecked: tuple[str, ...]


def entry_of(access: AccessMap, index: int) -> AccessEntry:
    """An entry of a map with its figures."""
    needle = access.needle(index)
    bone, vessel, organ, lung = (_known(v) for v in access.clearance_mm[index])
    return AccessEntry(
        index=int(index),
        entry_lps_mm=needle.entry_lps_mm,
        tip_lps_mm=needle.tip_lps_mm,
        length_mm=float(access.length_mm[index]),
        clearance_mm=(bone, vessel, organ, lung),
        capsule_angle_deg=_known(access.capsule_angle_deg[index]),
        in_plane_deg=float(access.in_plane_deg[index]),
        craniocaudal_deg=float(access.craniocaudal_deg[index]),
        parenchyma_mm=_known(access.parenchyma_mm[index]),
        cost=float(access.cost[index]),
        broken=access.broken_rules(index),
    )


def alternatives(access: AccessMap, count: int = 6) -> tuple[AccessEntry, ...]:
    """Allowed entries that differ, the cheapest first; none where none is allowed.

    None of them is beaten by another entry in least clearance (up to what is ample), length and
    capsule angle at once, and any two differ by `DIFFERENT_DEG` or `DIFFERENT_MM`.
    """
    best = _unbeaten(access, np.flatnonzero(access.is_allowed))
    order = best[np.lexsort((best, access.cost[best]))]
    return tuple(entry_of(access, n) for n in _different(access, order, count))


def crosses_exactly(
    anatomy: Anatomy, needle: Applicator, rules: AccessRules, device: Device | None = None
) -> bool:
    """Whether a needle, or any of a device that is a set, crosses by the exact structures what the rules refuse.

    A map is marched in steps: a path that its points just miss may cut the edge of a structure.
    """
    shafts = (needle,) if device is None else shafts_of(needle, device)
    return any(_crosses(judge_path(anatomy, shaft), rules) for shaft in shafts)


def _crosses(path: NeedlePath, rules: AccessRules) -> bool:
    if rules.refuses(Hazard.VESSEL) and any(v.diameter_mm >= THICK_VESSEL_MM for v in path.vessel_crossings):
        return True
    refused = {
        role
        for hazard, roles in HAZARD_ROLES.items()
        if hazard is not Hazard.VESSEL and rules.refuses(hazard)
        for role in roles
    }
    return any(crossing.role in refused for crossing in path.crossings)


def sound_alternatives(
    ground: AccessGround, access: AccessMap, count: int = 6, device: Device | None = None
) -> tuple[AccessEntry, ...]:
    """As `alternatives`, without those that cross something refused by the exact structures."""
    found: list[AccessEntry] = []
    for entry in alternatives(access, 2 * count):
        if len(found) < count and not crosses_exactly(
            ground.anatomy, access.needle(entry.index), access.rules, device
        ):
            found.append(entry)
    return tuple(found)


def least_bad(access: AccessMap, count: int = 6) -> LeastBad:
    """What to say where nothing is allowed: which rules block, and what comes nearest to allowed.

    Entries without a straight line through the scanned body are named only where all are such.
    """
    first = access.refusal
    blocked = [
        Blocked(
            rule,
            access.share_percent(first == rule),
            access.share_percent((access.broken & rule.bit) != 0),
        )
        for rule in Refusal
        if rule is not Refusal.NONE
    ]
    blocked = [b for b in blocked if b.any_percent > 0]
    blocked.sort(key=lambda b: (-b.any_percent, b.rule))
    hopeless = (access.broken & (Refusal.NOT_STRAIGHT.bit | Refusal.UNSCANNED.bit)) != 0
    usable = np.flatnonzero(~hopeless) if not hopeless.all() else np.arange(len(access))
    rules = np.array([int(b).bit_count() for b in access.broken[usable]])
    order = usable[np.lexsort((usable, access.cost[usable], _shortfall(access)[usable], rules))]
    entries = tuple(entry_of(access, n) for n in _different(access, order, count))
    return LeastBad(tuple(blocked), entries, access.unchecked)


def _known(value: np.float32) -> float | None:
    return None if np.isnan(value) else float(value)


def _unbeaten(access: AccessMap, chosen: IndexArray) -> IndexArray:
    """Pareto-optimal entries among some: longer clearance, shorter, steeper onto the capsule."""
    ample = access.rules.ample_clearance_mm
    clearance = np.minimum(np.nan_to_num(access.least_clearance_mm[chosen], nan=ample), ample)
    angle = np.nan_to_num(access.capsule_angle_deg[chosen])
    length = access.length_mm[chosen]
    levels, level = np.unique(clearance, return_inverse=True)
    # By rising length; `steepest` holds the best angle so far among entries of a level or above.
    steepest = np.full(len(levels), -1.0)
    kept = []
    for n in np.lexsort((chosen, -angle, -clearance, length)):
        if angle[n] > steepest[level[n]]:
            kept.append(int(chosen[n]))
            upto = steepest[: level[n] + 1]
            np.maximum(upto, angle[n], out=upto)
    return np.array(kept, dtype=np.intp)


def _different(access: AccessMap, order: Sequence[int] | IndexArray, count: int) -> list[int]:
    """The first entries of an order of which any two differ."""
    target = np.array(access.target_lps_mm)
    cosine = math.cos(math.radians(DIFFERENT_DEG))
    chosen: list[int] = []
    places: list[FloatArray] = []
    ways: list[FloatArray] = []
    for n in order:
        if len(chosen) >= count:
            break
        place = access.points_lps_mm[n].astype(float)
        way = (place - target) / max(float(np.linalg.norm(place - target)), 1e-6)
        if all(
            float(way @ w) <= cosine or float(np.linalg.norm(place - p)) >= DIFFERENT_MM
            for p, w in zip(places, ways, strict=True)
        ):
            chosen.append(int(n))
            places.append(place)
            ways.append(way)
    return chosen


def _shortfall(access: AccessMap) -> FloatArray:
    """How badly each entry breaks its rules: 0 to 1 for each of them, summed."""
    rules = access.rules
    short: dict[Refusal, npt.NDArray[np.floating]] = {
        rule: np.ones(len(access)) for rule in Refusal if rule is not Refusal.NONE
    }
    for hazard, rule in HAZARD_REFUSALS.items():
        limit = rules.clearance_mm(hazard)
        if limit > 0:
            short[rule] = 1.0 - access.clearance_mm[:, hazard] / limit
    short[Refusal.TOO_LONG] = access.length_mm / access.device_length_mm - 1.0
    short[Refusal.TOO_STEEP] = (np.abs(access.craniocaudal_deg) - rules.steepest_tilt_deg) / 45.0
    if rules.parenchyma_mm > 0:
        short[Refusal.PARENCHYMA] = 1.0 - access.parenchyma_mm / rules.parenchyma_mm
    total = np.zeros(len(access))
    for rule, amount in short.items():
        is_broken = (access.broken & rule.bit) != 0
        total += np.where(is_broken, np.clip(np.nan_to_num(amount), 0.0, 1.0), 0.0)
    return total
