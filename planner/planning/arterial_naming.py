"""Names of the hepatic arteries' main branches from how they fork, where their parts lie, and which organs others end at.

Patient coordinates: +x is the patient's left, +y posterior, +z superior.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.model.vessel_tree import Branch
from planner.planning.arterial_names import (
    CELIAC,
    COMMON,
    GASTRODUODENAL,
    LEFT,
    LEFT_GASTRIC,
    MIDDLE,
    PROPER,
    RIGHT,
    RIGHT_ANTERIOR,
    RIGHT_POSTERIOR,
)
from planner.planning.branch_extent import BranchExtents

#: Share of the vessel in the liver that makes a branch one of the fork's, and one of the right artery's; our rule.
FORK_SHARE, SECTOR_SHARE = 0.12, 0.20
#: Two parts nearer to each other than this along the axis that tells them apart are told so unsurely; our rule.
UNSURE_MM = 10.0
#: A branch outside the liver that ends so much below where it leaves runs down to the duodenum; our rule.
DOWN_MM = 20.0
#: What is wider than this is the aorta, and no artery of the liver leaves as a branch of an organ beside it; our rule.
AORTA_MM = 12.0
#: Beside the liver's middle: an artery all of whose parts lie farther right, or farther left, feeds that side alone; our rule.
RIGHT_ALONE_MM, LEFT_ALONE_MM = -20.0, -10.0

NO_FORK = "The artery does not fork within the liver: no branch is named but the main one."
NO_JUNCTION = (
    "No gastroduodenal artery is seen: what leads to the fork is taken for the proper hepatic artery."
)
THREE = "The hepatic artery divides into three: the one in the middle is taken for the middle hepatic artery."
LEAVES = (
    "A branch that ends outside the liver is taken for the {name}: look at it, what it feeds is not treated."
)
AORTA = "What is wider than 12 mm is taken for the aorta."
ASIDE = "This artery reaches one side of the liver alone: name it replaced or accessory, if it is."

_X, _Y, _Z = 0, 1, 2


def arterial_names(
    extents: BranchExtents, leaving: Mapping[int, tuple[float, str]], structures: StructureSet
) -> tuple[dict[int, str], list[str]]:
    """Names by number of branch, and where they are unsure.

    Parameters
    ----------
    leaving
        Branches that end outside the liver: how far, mm, and the organ there, as `leaving_branches` finds them.
    """
    naming = _ArterialNaming(extents, leaving, structures)
    naming.name_all()
    return naming.names, naming.notes


class _ArterialNaming:
    def __init__(
        self,
        extents: BranchExtents,
        leaving: Mapping[int, tuple[float, str]],
        structures: StructureSet,
    ) -> None:
        self.extents, self.leaving, self.structures = extents, leaving, structures
        self.names: dict[int, str] = {}
        self.notes: list[str] = []

    def name_all(self) -> None:
        whole, heads = self.extents.trunk(self.extents.heaviest_root(), FORK_SHARE)
        path = [b for b in whole if 2.0 * float(b.radii_mm.mean()) <= AORTA_MM]
        if len(path) < len(whole):
            self.notes.append(AORTA)
        self._name_outside(path, heads)
        side = self._side(heads) if heads else ""
        self._name_trunk(path, side or PROPER if heads else COMMON)
        if side:
            self.notes.append(ASIDE)
            return
        if not heads:
            self.notes.append(NO_FORK)
            return
        heads.sort(key=lambda b: float(self.extents.middle(b)[_X]))
        places = [float(self.extents.middle(b)[_X]) for b in heads]
        if places[-1] - places[0] < UNSURE_MM:
            self.notes.append(
                "Right and left hepatic artery lie equally far to the side: look at their names."
            )
        self._right(heads[0])
        self._call(self.extents.trunk(heads[-1], SECTOR_SHARE)[0], LEFT)
        if len(heads) > 2:
            self.notes.append(THREE)
            for head in heads[1:-1]:
                self._call([head], MIDDLE)

    def _side(self, heads: list[Branch]) -> str:
        """The artery of a side, where all of a fork's parts lie on that side; empty elsewhere."""
        beside = [float(self.extents.middle(b)[_X]) - self._middle_x for b in heads]
        if max(beside) < RIGHT_ALONE_MM:
            return RIGHT
        return LEFT if min(beside) > LEFT_ALONE_MM else ""

    # the way to the liver --------------------------------------------------------------------

    def _name_trunk(self, path: list[Branch], last: str) -> None:
        """Celiac trunk, common hepatic artery and the last part, by what leaves between them."""
        tree = self.extents.tree

        def leaves_after(name: tuple[str, ...]) -> int:
            """Place in the path after which a vessel of these names leaves; -1 where none does."""
            return max(
                (
                    n
                    for n, b in enumerate(path)
                    for c in tree.children(b.number)
                    if self.names.get(c.number) in name
                ),
                default=-1,
            )

        celiac = leaves_after(("splenic artery", LEFT_GASTRIC))
        junction = leaves_after((GASTRODUODENAL,))
        self._call(path[: celiac + 1], CELIAC)
        if junction > celiac:
            self._call(path[celiac + 1 : junction + 1], COMMON)
            self._call(path[junction + 1 :], last)
        else:
            if last == PROPER:
                self.notes.append(NO_JUNCTION)
            self._call(path[-1:], last)

    # within the liver ------------------------------------------------------------------------

    def _right(self, start: Branch) -> None:
        path, heads = self.extents.trunk(start, SECTOR_SHARE)
        self._call(path, RIGHT)
        if len(heads) != 2:
            return
        front, back = sorted(heads, key=lambda b: float(self.extents.middle(b)[_Y]))
        if self.extents.middle(back)[_Y] - self.extents.middle(front)[_Y] < UNSURE_MM:
            self.notes.append("The right artery's branches lie equally far back: look at their names.")
        self._call([front], RIGHT_ANTERIOR)
        self._call([back], RIGHT_POSTERIOR)

    # outside it ------------------------------------------------------------------------------

    def _name_outside(self, path: list[Branch], heads: list[Branch]) -> None:
        """Branches that end at other organs; of several that run down the one nearest to the liver."""
        places = {b.number: n for n, b in enumerate(path)}
        found = {n: name for n in self.leaving if (name := self._other_organ(n, path, heads))}
        down = [n for n, name in found.items() if name == GASTRODUODENAL]
        leaves = {n: places[self._first_outside(n).parent or 0] for n in down}
        latest = max(leaves.values(), default=-1)
        firsts = {n: self._first_outside(n).number for n in down}
        chosen = min((f for n, f in firsts.items() if leaves[n] == latest), default=None)
        for number, name in found.items():
            if name != GASTRODUODENAL or firsts[number] == chosen:
                self._call_outside(number, name, path)

    def _other_organ(self, number: int, path: list[Branch], heads: list[Branch]) -> str:
        """Which artery of another organ a branch that ends outside is, by where it ends; empty where that is not clear."""
        tree = self.extents.tree
        branch, organ = tree.branch(number), self.leaving[number][1]
        role = self.structures[organ].role if organ else None
        first = self._first_outside(number)
        before = next((n for n, b in enumerate(path) if b.number == first.parent), None)
        way = branch.points_lps_mm[-1] - first.points_lps_mm[0]
        if role is Role.SPLEEN:
            return "splenic artery"
        if role is Role.GALLBLADDER:
            return "cystic artery"
        if role is Role.DIAPHRAGM:
            side = "left" if branch.points_lps_mm[-1][_X] > self._middle_x else "right"
            return f"{side} inferior phrenic artery"
        if role is Role.SKIN:
            within = {b.number for head in heads for b in tree.subtree(head.number)}
            return "falciform artery" if first.parent in within and way[_Y] < 0 else ""
        if role is Role.STOMACH and before is not None:
            return LEFT_GASTRIC if before == 0 and way[_Z] > 0 else "right gastric artery"
        is_down = way[_Z] < -DOWN_MM and abs(way[_Z]) > 0.5 * float(np.linalg.norm(way))
        if before is not None and heads and (role is Role.DUODENUM or is_down):
            return GASTRODUODENAL
        return ""

    @cached_property
    def _middle_x(self) -> float:
        """Of the liver, between its ends."""
        liver = self.structures.with_role(Role.LIVER)[0]
        mask, grid = self.structures.cropped(liver.name, 0.0)
        places = grid.to_lps(np.argwhere(mask)[:, ::-1].astype(float))[:, _X]
        return 0.5 * float(places.min() + places.max())

    def _first_outside(self, number: int) -> Branch:
        """The branch on the way to another from which on nothing feeds the liver."""
        way = self.extents.tree.way_to(number)
        return next((b for b in way if self.extents.length_mm(b) <= 0.0), way[-1])

    def _call_outside(self, number: int, name: str, path: list[Branch]) -> None:
        first = self._first_outside(number)
        own = [b for b in self.extents.tree.way_to(number) if b not in path]
        run = own[[b.number for b in own].index(first.number) :] if first in own else [own[-1]]
        if not any(b.number in self.names for b in run):
            self.notes.append(LEAVES.format(name=name))
        self._call(run, name)

    def _call(self, branches: list[Branch], name: str) -> None:
        self.names.update({b.number: name for b in branches if b.number not in self.names})
