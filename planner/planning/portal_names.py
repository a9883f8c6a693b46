"""Names of the portal vein's main branches from how it forks and where its parts lie.

Patient coordinates: +x is the patient's left, +y posterior, +z superior.
"""

from __future__ import annotations

import numpy as np

from planner.model.vessel_tree import Branch
from planner.planning.branch_extent import BranchExtents

MAIN, RIGHT, LEFT = "main portal vein", "right portal vein", "left portal vein"
ANTERIOR, POSTERIOR = "right anterior portal vein", "right posterior portal vein"

#: Share of the vessel in the liver that makes a branch one of the fork's; our rule.
FORK_SHARE, SECTOR_SHARE, LEFT_SHARE = 0.12, 0.20, 0.20
#: Two parts nearer to each other than this along the axis that tells them apart are told so unsurely; our rule.
UNSURE_MM = 10.0
#: A twig to the caudate lobe stays this near the fork of the main portal vein; our rule.
CAUDATE_MM = 35.0
CAUDATE_LEAST_MM = 8.0
#: Two forks nearer than this along the vein are one that divides into three; our rule.
THREE_WAY_MM = 8.0

THREE_WAY = "The portal vein divides into three: there is no right portal vein."
VARIANT = "The right posterior branch seems to leave the main portal vein by itself (a variant)."

_X, _Y, _Z = 0, 1, 2


def portal_names(extents: BranchExtents) -> tuple[dict[int, str], list[str]]:
    """Names by number of branch, and where they are unsure."""
    naming = _PortalNaming(extents)
    naming.name_all()
    return naming.names, naming.notes


class _PortalNaming:
    def __init__(self, extents: BranchExtents) -> None:
        self.extents = extents
        self.names: dict[int, str] = {}
        self.notes: list[str] = []

    def name_all(self) -> None:
        path, heads = self.extents.trunk(self.extents.heaviest_root(), FORK_SHARE)
        if not heads:
            self.notes.append(
                "The portal vein does not fork within the liver: no branch is named but the main one."
            )
            self._call(path[:1], MAIN)
            return
        self._call(path, MAIN)
        self._fork = path[-1].points_lps_mm[-1]
        heads.sort(key=lambda b: self.extents.middle(b)[_X])
        *right, left = heads
        inner, inner_heads = self.extents.trunk(left, SECTOR_SHARE)
        fork = inner[-1].points_lps_mm[-1]
        reach = [float(self.extents.middle(b)[_X] - self._fork[_X]) for b in inner_heads]
        if len(right) == 1 and inner_heads and min(reach) < -2 * UNSURE_MM and max(reach) > UNSURE_MM:
            # The right posterior branch leaves first; what goes on forks into right anterior and left.
            short = sum(b.length_mm for b in inner) < THREE_WAY_MM
            self.notes.append(THREE_WAY if short else VARIANT)
            self._call(inner, MAIN)
            self._sector(right[0], POSTERIOR, 7, 6)
            inner_heads.sort(key=lambda b: self.extents.middle(b)[_X])
            for head in inner_heads[:-1]:
                self._sector(head, ANTERIOR, 8, 5)
            self._fork, left = fork, inner_heads[-1]
        elif len(right) == 1:
            self._right(right[0])
        else:
            self.notes.append(THREE_WAY)
            self._sectors(right)
        self._caudate(path)
        self._left(left)

    def _call(self, branches: list[Branch], name: str) -> None:
        self.names.update({b.number: name for b in branches if b.number not in self.names})

    def _right(self, start: Branch) -> None:
        path, heads = self.extents.trunk(start, SECTOR_SHARE)
        self._call(path, RIGHT)
        if not heads:
            self.notes.append("The right portal vein does not fork: its sectors cannot be told apart.")
            return
        self._sectors(heads)

    def _sectors(self, heads: list[Branch]) -> None:
        """Anterior and posterior; of more than two the outermost, the others by which they are nearer to."""
        depth = {b.number: float(self.extents.middle(b)[_Y]) for b in heads}
        low, high = min(depth.values()), max(depth.values())
        if high - low < UNSURE_MM:
            self.notes.append(
                "The right anterior and posterior branches lie equally far back: look at their names."
            )
        if len(heads) > 2:
            self.notes.append("The right portal vein has more than two main branches: look at their names.")
        for head in heads:
            is_front = depth[head.number] < 0.5 * (low + high)
            if is_front or depth[head.number] == low:
                self._sector(head, ANTERIOR, 8, 5)
            else:
                self._sector(head, POSTERIOR, 7, 6)

    def _sector(self, start: Branch, name: str, upper: int, lower: int) -> None:
        path, heads = self.extents.trunk(start, SECTOR_SHARE)
        if not heads:
            if len(path) == 1:
                number = upper if self.extents.way(start)[_Z] >= 0 else lower
                self._call(path, f"segment {number}")
                self.notes.append(f"The {name} does not fork: it is taken for segment {number}.")
                return
            heads = [path.pop()]
        self._call(path, name)
        groups = [*heads, *self.extents.beside(path, heads)]
        heights = {b.number: float(self.extents.middle(b)[_Z]) for b in groups}
        known = [heights[b.number] for b in heads] if len(heads) > 1 else list(heights.values())
        middle = 0.5 * (min(known) + max(known))
        if max(known) - min(known) < UNSURE_MM:
            self.notes.append(
                f"Segments {upper} and {lower} lie equally high: look at the names of their branches."
            )
        for group in groups:
            self._call([group], f"segment {upper if heights[group.number] >= middle else lower}")

    def _caudate(self, path: list[Branch]) -> None:
        """Twigs that leave a trunk backwards and end near the main fork."""
        _, heads = self.extents.trunk(path[0], FORK_SHARE)
        for twig in self.extents.beside(path, heads):
            way = self.extents.way(twig)
            near = np.linalg.norm(self.extents.middle(twig) - self._fork) < CAUDATE_MM
            small = CAUDATE_LEAST_MM < self.extents.length_mm(twig) < 2 * CAUDATE_MM
            if (
                near
                and small
                and way[_Y] > 0.6 * float(np.linalg.norm(way))
                and twig.number not in self.names
            ):
                self._call([twig], "segment 1")
                self.notes.append(
                    "A twig that runs backwards from the hilum is taken for the caudate's (segment 1)."
                )

    def _left(self, start: Branch) -> None:
        lateral: list[Branch] = []
        waiting = [start]
        while waiting:
            branch = waiting.pop(0)
            path, heads = self.extents.trunk(branch, LEFT_SHARE)
            if heads and (branch is start or self._is_mixed(path[-1], heads)):
                self._call(path, LEFT)
                self._caudate(path)
                beside = [b for b in self.extents.beside(path, heads) if b.number not in self.names]
                waiting += heads
                for twig in beside:
                    self._medial_or(twig, lateral)
            elif branch is start:
                self._call(path, LEFT)
                self._terminal_left(path, lateral)
            else:
                self._medial_or(branch, lateral)
        self._lateral(lateral)
        named = {self.names.get(b.number) for b in self.extents.tree.subtree(start.number)}
        lacking = [s for s in (2, 3, 4) if f"segment {s}" not in named]
        if lacking:
            words = ", ".join(str(s) for s in lacking)
            self.notes.append(f"No branch of the left portal vein was found for segment {words}.")

    def _terminal_left(self, path: list[Branch], lateral: list[Branch]) -> None:
        """A left portal vein with twigs alone: each is judged by itself, and the path's end too."""
        if len(path) == 1:
            return
        self.names.pop(path[-1].number)
        for twig in (*self.extents.beside(path, []), path[-1]):
            if twig.number not in self.names:
                self._medial_or(twig, lateral)

    def _is_mixed(self, fork: Branch, heads: list[Branch]) -> bool:
        """Whether some of a fork's branches run to the right and some to the left."""
        sides = [
            self.extents.way(b)[_X] / max(float(np.linalg.norm(self.extents.way(b))), 1e-9) for b in heads
        ]
        return bool(min(sides) < -0.2 and max(sides) > 0.2)

    def _medial_or(self, branch: Branch, lateral: list[Branch]) -> None:
        """Segment 4 lies on the right of the left portal vein's umbilical part; the others on its left."""
        way = self.extents.way(branch)
        if way[_X] < 0:
            self._call([branch], "segment 4")
        else:
            lateral.append(branch)
        if abs(way[_X]) < 0.2 * float(np.linalg.norm(way)):
            self.notes.append("A left branch runs straight forward: segment 4 or 3; look at its name.")

    def _lateral(self, lateral: list[Branch]) -> None:
        """Segment 2 lies behind and above segment 3."""
        if len(lateral) == 1:
            path, heads = self.extents.trunk(lateral[0], LEFT_SHARE)
            if heads:
                self._call(path, LEFT)
                lateral = [*heads, *self.extents.beside(path, heads)]
        if not lateral:
            return
        keys = {b.number: float(self.extents.middle(b)[[_Y, _Z]].sum()) for b in lateral}
        large = 0.15 * sum(self.extents.length_mm(b) for b in lateral)
        known = [keys[b.number] for b in lateral if self.extents.length_mm(b) >= large]
        middle = 0.5 * (min(known) + max(known))
        if max(known) - min(known) < UNSURE_MM:
            self.notes.append(
                "Segments 2 and 3 cannot be told apart surely: look at the names of their branches."
            )
        for branch in lateral:
            self._call([branch], f"segment {2 if keys[branch.number] >= middle else 3}")
