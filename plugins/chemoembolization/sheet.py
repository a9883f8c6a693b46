"""The sheet a treatment is done by: vessels in their order, what each feeds, and what feeds each lesion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from planner_plugins.chemoembolization.settings import MOST_TUMOR

from planner.base.errors import InvalidValue
from planner.model.catheter import CatheterTarget
from planner.model.geometry import FloatArray
from planner.model.vessel_tree import VesselTree
from planner.planning.catheter_facts import WATERSHED_PERCENT, basis_of, why_locked
from planner.planning.catheter_way import CatheterWay
from planner.planning.liver_classes import LESION
from planner.planning.perfusion import Fed, Perfusion

#: Lesions of which a tip feeds less are not named beside it.
NAMED_PERCENT = 1.0
ORDER_WORDS = {True: "most tumour first", False: "farthest from the ostium first"}


@dataclass(frozen=True, eq=False)
class VesselRow:
    """A vessel of the sheet.

    Parameters
    ----------
    number
        Its turn, from 1.
    target
        The tip, with the user's notes on what is given.
    way
        To it; None where only what was seen perfused is known.
    fed
        What it feeds.
    lesions
        Lesions it feeds, with the share of each, most first.
    basis
        How that was found.
    """

    number: int
    target: CatheterTarget
    way: CatheterWay | None
    fed: Fed
    lesions: tuple[tuple[str, float], ...]
    basis: str


@dataclass(frozen=True)
class LesionRow:
    """A lesion of the sheet.

    Parameters
    ----------
    name
        Which.
    feeders
        Tips that feed it, with the share of it each feeds, most first.
    covered_percent, with_rim_percent
        What all tips together feed of it, without and with its rim.
    uncovered_ml
        What is left.
    """

    name: str
    feeders: tuple[tuple[str, float], ...]
    covered_percent: float
    with_rim_percent: float
    uncovered_ml: float


@dataclass(frozen=True, eq=False)
class TargetingSheet:
    """Vessels in the order they are treated, lesions with their feeders, and the liver that is spared.

    Parameters
    ----------
    perfusion
        What the tips feed.
    trees
        Of the case.
    order
        A word of the settings.

    Raises
    ------
    InvalidValue
        If a tip feeds nothing, lies on no branch, or names what is not there.
    """

    perfusion: Perfusion
    trees: tuple[VesselTree, ...]
    order: str = MOST_TUMOR

    def __post_init__(self) -> None:
        for target in self.perfusion.targets:
            if not self.perfusion.by_tip[target.id].volume_ml > 0:
                raise InvalidValue(
                    "Nothing of the liver is perfused from a tip.",
                    f"'{target.title}'",
                    "Move it into a vessel that feeds liver, or leave it out.",
                )

    @property
    def locked(self) -> tuple[str, ...]:
        """Why the sheet must not be used; empty where it may."""
        return tuple(dict.fromkeys(w for t in self.perfusion.targets if (w := why_locked(t, self.trees))))

    @property
    def order_words(self) -> str:
        """By what the vessels are ordered."""
        return f"{ORDER_WORDS[self.order == MOST_TUMOR]}; a vessel beyond another before it"

    @cached_property
    def ways(self) -> Mapping[str, CatheterWay | None]:
        """By tip the way to it."""
        return {t.id: self.perfusion.ground.way(t) for t in self.perfusion.targets}

    @cached_property
    def vessels(self) -> tuple[VesselRow, ...]:
        """In the order they are treated."""
        rows = []
        for number, target in enumerate(_in_order(self.perfusion, self.ways, self.order), start=1):
            shares = self._shares[target.id]
            lesions = tuple(sorted((s for s in shares if s[1] >= NAMED_PERCENT), key=lambda s: -s[1]))
            fed, basis = self.perfusion.by_tip[target.id], basis_of(target, self.trees)
            rows.append(VesselRow(number, target, self.ways[target.id], fed, lesions, basis))
        return tuple(rows)

    @cached_property
    def lesions(self) -> tuple[LesionRow, ...]:
        """In the case's order."""
        fed, whole = self._lesion_ml(self.perfusion.all.classes), self._whole_ml
        found = []
        for n, name in enumerate(self.perfusion.ground.lesions):
            shares = [(id, dict(rows)[name]) for id, rows in self._shares.items()]
            feeders = sorted((s for s in shares if s[1] >= WATERSHED_PERCENT), key=lambda s: -s[1])
            covered, rim = 100.0 * fed[n] / whole[n], self.perfusion.all.lesion_percent(name, True)
            found.append(LesionRow(name, tuple(feeders), float(covered), rim, float(whole[n] - fed[n])))
        return tuple(found)

    @cached_property
    def _shares(self) -> Mapping[str, tuple[tuple[str, float], ...]]:
        """By tip what it feeds of each lesion, %."""
        names, whole = self.perfusion.ground.lesions, self._whole_ml
        return {
            id: tuple(zip(names, (100.0 * self._lesion_ml(classes) / whole).tolist(), strict=True))
            for id, classes in self.perfusion.classes.items()
        }

    @cached_property
    def _whole_ml(self) -> FloatArray:
        return self._lesion_ml(np.ones(self.perfusion.ground.liver.classes, dtype=bool))

    def _lesion_ml(self, among: npt.NDArray[np.bool_]) -> FloatArray:
        """Of each lesion, what lies among some classes, (lesions,)."""
        ground = self.perfusion.ground
        numbers = ground.liver.columns[LESION][among] + 1
        found = np.bincount(numbers, ground.volumes_ml[among], len(ground.lesions) + 1)[1:]
        return np.asarray(found, dtype=float)

    @property
    def normal_ml(self) -> float:
        """Liver without tumour."""
        ground = self.perfusion.ground
        return float(ground.volumes_ml[~ground.tumor].sum())

    @property
    def spared_normal_ml(self) -> float:
        """Of it, what no tip feeds."""
        return self.normal_ml - self.perfusion.all.normal_ml

    @property
    def tumor_ml(self) -> float:
        """Of all lesions of the liver."""
        ground = self.perfusion.ground
        return float(ground.volumes_ml[ground.tumor].sum())


def _in_order(
    perfusion: Perfusion, ways: Mapping[str, CatheterWay | None], order: str
) -> Sequence[CatheterTarget]:
    """By tumour fed, or by the way; whatever lies beyond another tip before that, for it closes the way there."""

    def key(target: CatheterTarget) -> tuple[float, float]:
        way = ways[target.id]
        far = -1.0 if way is None else way.from_ostium_mm
        tumor = perfusion.by_tip[target.id].tumor_ml
        return (-tumor, -far) if order == MOST_TUMOR else (-far, -tumor)

    waiting, found = sorted(perfusion.targets, key=key), []
    while waiting:
        free = (t for t in waiting if not any(_is_beyond(ways[o.id], ways[t.id]) for o in waiting))
        found.append(next(free))
        waiting.remove(found[-1])
    return found


def _is_beyond(way: CatheterWay | None, other: CatheterWay | None) -> bool:
    """Whether a tip lies farther out in the very vessel another one closes."""
    if way is None or other is None or way.tree.id != other.tree.id:
        return False
    if way.branch == other.branch:
        return way.along_mm > other.along_mm
    return way.branch in other.beyond
