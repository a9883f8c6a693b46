"""The fewest, most selective tips that feed lesions while they spare liver and feed no other organ.

Tips are branches none of which lies beyond another.  From the twigs to the root each branch keeps the ways to
choose tips within it that nothing else beats in number, tumour missed and liver fed; the best of the whole tree
are among them, so the answer is exact and the same each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.planning.arterial_names import extrahepatic_beyond
from planner.planning.catheter_way import CatheterWay
from planner.planning.perfusion import Fed, PerfusionGround
from planner.planning.shared_vessels import SharedVessels

BoolArray = npt.NDArray[np.bool_]

#: A suggested tip lies so far beyond the fork its branch leaves at, or at this share of a short one; our rule.
BEYOND_FORK_MM, BEYOND_FORK_SHARE = 5.0, 0.3
#: Ways kept for each branch; more never came up on real trees.
MOST_WAYS = 4000
#: A choice of more tips must spare so much more liver to be worth telling; our rule.
WORTH_ML = 5.0


@dataclass(frozen=True)
class TipGoal:
    """What suggested tips are to reach.

    Parameters
    ----------
    with_rim
        Whether the rims of the lesions are to be fed too.
    least_percent
        Share of them that must be fed; where no choice comes so far, the one that feeds most is given alone.
    least_diameter_mm
        Thinner vessels cannot be reached.
    most
        Tips allowed.

    Raises
    ------
    InvalidValue
        If a share is no percentage, a diameter is negative, or no tip is allowed.
    """

    with_rim: bool = True
    least_percent: float = 98.0
    least_diameter_mm: float = 1.0
    most: int = 6

    def __post_init__(self) -> None:
        if not 0.0 < self.least_percent <= 100.0:
            raise InvalidValue("A share lies above 0 and up to 100 %.", f"{self.least_percent:g} %")
        if not 0.0 <= self.least_diameter_mm <= 20.0:
            raise InvalidValue(
                "The thinnest vessel has a diameter of 0 to 20 mm.", f"{self.least_diameter_mm:g} mm"
            )
        if not 1 <= self.most <= 12:
            raise InvalidValue("A plan may have 1 to 12 tips.", f"{self.most}")


@dataclass(frozen=True, eq=False)
class TipChoice:
    """Some tips that together feed a target.

    Parameters
    ----------
    ways
        To each tip.
    fed
        What they feed together.
    target_percent
        Share of the lesions (and their rims) that is fed.
    """

    ways: tuple[CatheterWay, ...]
    fed: Fed
    target_percent: float

    @property
    def title(self) -> str:
        """How many tips, and where."""
        count = f"{len(self.ways)} tip{'s' if len(self.ways) > 1 else ''}"
        return f"{count}: {', '.join(w.title for w in self.ways)}"

    def why(self, fewest: TipChoice | None = None) -> str:
        """What speaks for it; beside the choice of fewest tips, where it is another one."""
        words = f"{self.target_percent:.0f} % fed, {self.fed.normal_ml:.0f} ml normal liver"
        if fewest is None:
            return words
        return f"{words}; spares {fewest.fed.normal_ml - self.fed.normal_ml:.0f} ml"


@dataclass(frozen=True)
class _Way:
    """A way to choose tips within a branch: how many, what of the target is missed, normal liver fed."""

    missed_ml: float
    normal_ml: float
    tips: tuple[int, ...]

    @property
    def order(self) -> tuple[int, float, float, tuple[int, ...]]:
        return len(self.tips), self.missed_ml, self.normal_ml, self.tips


def suggest_tips(
    ground: PerfusionGround,
    vessels: SharedVessels,
    lesions: Sequence[str],
    goal: TipGoal | None = None,
    task: Task | None = None,
) -> tuple[TipChoice, ...]:
    """Choices of tips, the fewest first; each further one spares more liver.

    Parameters
    ----------
    vessels
        Of the ground: tips lie in any tree of them.
    lesions
        Names of those that are to be fed.

    Raises
    ------
    InvalidValue
        If no lesion is named, one does not lie in the liver, or no branch that may be taken feeds any of them.
    """
    task, goal = task or Task(), goal or TipGoal()
    unknown = [name for name in lesions if name not in ground.lesions]
    if not lesions or unknown:
        raise InvalidValue(
            "Tips are suggested for lesions of the liver.",
            ", ".join(unknown) or "none is chosen",
            f"Choose of: {', '.join(ground.lesions) or 'none'}.",
        )
    tree = vessels.tree
    if tree.id not in ground.flows:
        raise InvalidValue("Territories of these vessels are not known.", f"'{tree.id}'", "Choose others.")
    target = np.logical_or.reduce([ground.of_lesion(name, goal.with_rim) for name in lesions])
    search = _Search(ground, vessels, target, goal.least_diameter_mm, goal.most)
    total = float(ground.volumes_ml[target].sum())
    found: list[_Way] = []
    for n, root in enumerate(tree.roots):
        task.report(n / len(tree.roots), "Tips that feed the lesions")
        found = _joined(found, search.ways_within(root.number, task), goal.most)
    found = [w for w in found if w.tips]
    # What hangs on other roots or no branch at all is missed by every way.
    best = min((w.missed_ml for w in found), default=total)
    if best >= total - 1e-6:
        raise InvalidValue(
            "No branch that may be taken feeds these lesions.",
            f"'{tree.id}': {', '.join(lesions)}",
            "Allow thinner vessels, name branches of other organs, or draw the branch that feeds them.",
        )
    limit = max((1.0 - goal.least_percent / 100.0) * total, 0.0)
    enough = [w for w in found if w.missed_ml <= limit + 1e-9]
    if not enough:
        enough = [
            min((w for w in found if w.missed_ml <= best + 1e-9), key=lambda w: (len(w.tips), w.normal_ml))
        ]
    task.report(1.0, "Tips that feed the lesions")
    return tuple(search.choice(w, total) for w in _worth_telling(enough))


@dataclass(frozen=True, eq=False)
class _Search:
    ground: PerfusionGround
    vessels: SharedVessels
    target: BoolArray
    least_diameter_mm: float
    most: int

    def tip(self, number: int) -> CatheterWay:
        """Where a tip in a branch would lie."""
        tree = self.vessels.tree
        return CatheterWay(
            tree, number, min(BEYOND_FORK_MM, BEYOND_FORK_SHARE * tree.branch(number).length_mm)
        )

    def ways_within(self, number: int, task: Task) -> list[_Way]:
        """Ways to choose tips of a branch and all beyond it, none beaten by another; none of them too."""
        task.check()
        tree = self.vessels.tree
        whole = self.ground.fed_beyond(CatheterWay(tree, number, 0.0))
        wanted = self._ml(whole & self.target)
        if wanted <= 0:
            return [_Way(0.0, 0.0, ())]
        kept = [_Way(0.0, 0.0, ())]
        beyond = np.zeros_like(whole)
        for child in tree.children(number):
            kept = _joined(kept, self.ways_within(child.number, task), self.most)
            beyond |= self.ground.fed_beyond(CatheterWay(tree, child.number, 0.0))
        own = self._ml(whole & ~beyond & self.target)
        found = [_Way(w.missed_ml + own, w.normal_ml, w.tips) for w in kept]
        tip = self.tip(number)
        if tip.diameter_mm >= self.least_diameter_mm and not extrahepatic_beyond(tree, tip.beyond):
            fed = self.ground.fed_beyond(tip)
            missed = wanted - self._ml(fed & self.target)
            found.append(_Way(missed, self._ml(fed & ~self.ground.tumor), (number,)))
        return _unbeaten(found)

    def choice(self, way: _Way, total_ml: float) -> TipChoice:
        """A way with its numbers."""
        tips = tuple(self.tip(number) for number in way.tips)
        classes = np.logical_or.reduce([self.ground.fed_beyond(t) for t in tips])
        share = 100.0 * self._ml(classes & self.target) / total_ml
        return TipChoice(tuple(self.vessels.apart(t) for t in tips), Fed(self.ground, classes), share)

    def _ml(self, classes: BoolArray) -> float:
        return float(self.ground.volumes_ml[classes].sum())


def _joined(some: Sequence[_Way], others: Sequence[_Way], most: int) -> list[_Way]:
    """Ways of two parts of a tree together."""
    if not some:
        return list(others)
    return _unbeaten(
        _Way(a.missed_ml + b.missed_ml, a.normal_ml + b.normal_ml, (*a.tips, *b.tips))
        for a in some
        for b in others
        if len(a.tips) + len(b.tips) <= most
    )


def _unbeaten(ways: Iterable[_Way]) -> list[_Way]:
    """Those that no other is as good as in number, tumour missed and liver fed."""
    kept: list[_Way] = []
    for way in sorted(ways, key=lambda w: w.order):
        if not any(k.missed_ml <= way.missed_ml and k.normal_ml <= way.normal_ml for k in kept):
            kept.append(way)
    if len(kept) > MOST_WAYS:
        raise InvalidValue(
            "There are too many ways to feed these lesions.",
            f"{len(kept)}",
            "Choose fewer lesions at a time.",
        )
    return kept


def _worth_telling(ways: Sequence[_Way]) -> list[_Way]:
    """Of each number of tips the one that feeds least normal liver, where that is worth a further tip."""
    told: list[_Way] = []
    for count in sorted({len(w.tips) for w in ways}):
        best = min(
            (w for w in ways if len(w.tips) == count), key=lambda w: (w.normal_ml, w.missed_ml, w.tips)
        )
        if not told or best.normal_ml <= told[-1].normal_ml - WORTH_ML:
            told.append(best)
    return told
