"""Trees of vessels in the views: tubes in space, centrelines and names where a slice passes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from planner.model.geometry import FloatArray
from planner.model.points import as_point
from planner.model.vessel_tree import Branch, VesselTree
from planner.scene.layers import Ball, Dot, Lines, Mesh, SliceMarks, SpacePart
from planner.scene.palette import rgb
from planner.scene.planes import PlaneStack
from planner.scene.tube_mesh import tube_mesh

IntArray = npt.NDArray[np.int64]

#: A centreline is drawn on slices no further from it than this, and half a slice.
NEAR_MM = 1.2
#: Names on a slice keep so far apart; of those nearer to each other the wider vessel's stays.
APART_MM = 14.0
#: Of a vessel that runs along a slice, to this, its middle has the name.
SAME_HEIGHT_MM = 0.5
#: The chosen branch, and what lies beyond it mixed with white by this share.
CHOSEN, BEYOND_SHARE = "#ffffff", 0.55
#: A vessel that is being drawn, and its clicks.
DRAWN = "#ffffff"
#: No vessel is drawn thinner.
THINNEST_MM = 0.5
#: What is chosen is drawn over its tree, wider by so much.
WIDER_MM = 0.15


@dataclass(frozen=True, eq=False)
class _Projected:
    """Pieces of a tree in a stack's coordinates: ends (n, 2, 3), and the branch each is of."""

    pieces_mm: FloatArray
    branch: IntArray


@dataclass(frozen=True, eq=False)
class ShownTrees:
    """What is to be drawn.

    Parameters
    ----------
    trees
        With the colour of each.
    chosen_tree, chosen
        The branch that is looked at.
    drawn_lps_mm, drawn_radii_mm, clicks_lps_mm
        A vessel that is being drawn.
    has_names
        Whether main branches are named on slices.
    """

    trees: tuple[tuple[VesselTree, str], ...] = ()
    chosen_tree: str = ""
    chosen: int | None = None
    drawn_lps_mm: FloatArray = field(default_factory=lambda: np.zeros((0, 3)))
    drawn_radii_mm: FloatArray = field(default_factory=lambda: np.zeros(0))
    clicks_lps_mm: FloatArray = field(default_factory=lambda: np.zeros((0, 3)))
    has_names: bool = True


class TreeLayer:
    """Draws trees; what stays the same is kept, so that choosing a branch is quick."""

    def __init__(self) -> None:
        self.shown = ShownTrees()
        self._projected: dict[PlaneStack, dict[VesselTree, _Projected]] = {}
        self._meshes: dict[tuple[VesselTree, str, int | None], Mesh] = {}
        self._preview: tuple[object, tuple[SpacePart, ...]] = (None, ())

    def show(self, shown: ShownTrees) -> None:
        """Draw other trees, or another choice."""
        self.shown = shown
        trees = {t for t, _ in shown.trees}
        for kept in self._projected.values():
            for gone in set(kept) - trees:
                del kept[gone]

    # slices --------------------------------------------------------------------------------

    def on_slice(self, stack: PlaneStack, index: int) -> SliceMarks:
        """Centrelines that pass the slice, and names of main branches."""
        at_mm = stack.position_mm(index)
        near_mm = NEAR_MM + 0.5 * stack.step_mm[2]
        lines: list[Lines] = []
        names: list[tuple[float, Dot]] = []
        for tree, color in self.shown.trees:
            projected = self._of(tree, stack)
            away = np.abs(projected.pieces_mm[:, :, 2] - at_mm).min(axis=1)
            crosses = (projected.pieces_mm[:, 0, 2] - at_mm) * (projected.pieces_mm[:, 1, 2] - at_mm) <= 0
            passing = np.flatnonzero(crosses | (away <= near_mm))
            if not len(passing):
                continue
            lines += self._lines(tree, color, projected, passing)
            if self.shown.has_names:
                names += _names(tree, color, projected, passing, away)
        preview = self._preview_lines(stack, at_mm, near_mm)
        dots = [*_apart(names, stack), *self._click_dots(stack, at_mm)]
        return SliceMarks(lines=(*lines, *preview), dots=tuple(dots))

    def _of(self, tree: VesselTree, stack: PlaneStack) -> _Projected:
        kept = self._projected.setdefault(stack, {})
        if tree not in kept:
            pieces, numbers = [], []
            for branch in tree.branches:
                points = stack.to_plane(branch.points_lps_mm)
                pieces.append(np.stack([points[:-1], points[1:]], axis=1))
                numbers.append(np.full(len(points) - 1, branch.number))
            kept[tree] = (
                _Projected(np.concatenate(pieces), np.concatenate(numbers))
                if pieces
                else _Projected(np.zeros((0, 2, 3)), np.zeros(0, dtype=np.int64))
            )
        return kept[tree]

    def _lines(self, tree: VesselTree, color: str, projected: _Projected, passing: IntArray) -> list[Lines]:
        colors = self._colors(tree, color)
        of = projected.branch[passing]
        found = []
        for shade in dict.fromkeys(colors.values()):
            numbers = [n for n, c in colors.items() if c == shade]
            chosen = passing[np.isin(of, numbers)]
            if len(chosen):
                width = 2.2 if shade == color else 3.4
                found.append(Lines(projected.pieces_mm[chosen][:, :, :2], shade, width))
        return found

    def _colors(self, tree: VesselTree, color: str) -> dict[int, str]:
        """Colour of each branch: the chosen one and what lies beyond it stand out."""
        colors = {b.number: color for b in tree.branches}
        chosen = self.shown.chosen
        if tree.id == self.shown.chosen_tree and chosen is not None and chosen in tree:
            light = lightened(color)
            colors |= {b.number: light for b in tree.subtree(chosen)}
            colors[chosen] = CHOSEN
        return colors

    def _preview_lines(self, stack: PlaneStack, at_mm: float, near_mm: float) -> list[Lines]:
        """The vessel that is being drawn: all of it, fainter where it is off the slice."""
        if len(self.shown.drawn_lps_mm) < 2:
            return []
        points = stack.to_plane(self.shown.drawn_lps_mm)
        pieces = np.stack([points[:-1], points[1:]], axis=1)
        is_near = np.abs(pieces[:, :, 2] - at_mm).min(axis=1) <= near_mm
        return [
            Lines(pieces[~is_near][:, :, :2], DRAWN, 1.2, is_dashed=True),
            Lines(pieces[is_near][:, :, :2], DRAWN, 2.6),
        ]

    def _click_dots(self, stack: PlaneStack, at_mm: float) -> list[Dot]:
        found = []
        for place in self.shown.clicks_lps_mm:
            off = abs(float(stack.to_plane(place)[2]) - at_mm)
            found.append(Dot(as_point(place), DRAWN, 4.0, opacity=1.0 if off <= stack.step_mm[2] else 0.5))
        return found

    # space ---------------------------------------------------------------------------------

    def in_space(self) -> tuple[SpacePart, ...]:
        """Tubes as thick as the vessels: whole trees, and over them the chosen branch and what lies beyond."""
        kept: dict[tuple[VesselTree, str, int | None], Mesh] = {}
        for tree, color in self.shown.trees:
            if tree.branches:
                self._keep(kept, (tree, color, None), tree.branches, 0.0)
            chosen = self.shown.chosen
            if tree.id == self.shown.chosen_tree and chosen is not None and chosen in tree:
                first, *beyond = tree.subtree(chosen)
                if beyond:
                    self._keep(kept, (tree, lightened(color), chosen), beyond, WIDER_MM)
                self._keep(kept, (tree, CHOSEN, chosen), [first], 2 * WIDER_MM)
        self._meshes = kept
        return (*kept.values(), *self._drawn_in_space())

    def _keep(
        self,
        kept: dict[tuple[VesselTree, str, int | None], Mesh],
        key: tuple[VesselTree, str, int | None],
        branches: Sequence[Branch],
        wider_mm: float,
    ) -> None:
        known = self._meshes.get(key)
        if known is None:
            lines = [(b.points_lps_mm, np.maximum(b.radii_mm, THINNEST_MM) + wider_mm) for b in branches]
            known = Mesh(tube_mesh(lines), key[1])
        kept[key] = known

    def _drawn_in_space(self) -> tuple[SpacePart, ...]:
        shown = self.shown
        key = (id(shown.drawn_lps_mm), len(shown.drawn_lps_mm), shown.clicks_lps_mm.tobytes())
        if self._preview[0] != key:
            parts: list[SpacePart] = [Ball(as_point(p), 2.0, DRAWN) for p in shown.clicks_lps_mm]
            if len(shown.drawn_lps_mm) > 1:
                radii = np.maximum(shown.drawn_radii_mm, THINNEST_MM)
                parts.append(Mesh(tube_mesh([(shown.drawn_lps_mm, radii)]), DRAWN))
            self._preview = (key, tuple(parts))
        return self._preview[1]


def lightened(color: str) -> str:
    """A colour mixed with white."""
    mixed = (round(c + BEYOND_SHARE * (255 - c)) for c in rgb(color))
    return "#{:02x}{:02x}{:02x}".format(*mixed)


def short_name(name: str) -> str:
    """A branch's name as it stands on a slice: ``right anterior`` of ``right anterior portal vein``."""
    words = name
    for kind in (" portal vein", " hepatic vein", " hepatic artery"):
        words = words.removesuffix(kind)
    return words.replace("segment ", "S")


def _names(
    tree: VesselTree,
    color: str,
    projected: _Projected,
    passing: IntArray,
    away: FloatArray,
) -> list[tuple[float, Dot]]:
    """A dot with the name of each named vessel that passes, where it is nearest to the slice, by width."""
    found: dict[str, list[int]] = {}
    for piece in passing:
        branch = tree.branch(int(projected.branch[piece]))
        if branch.name:
            found.setdefault(branch.name, []).append(int(piece))
    dots = []
    for name, pieces in found.items():
        least = away[pieces].min()
        level = [p for p in pieces if away[p] <= least + SAME_HEIGHT_MM]
        piece = level[len(level) // 2]
        branch = tree.branch(int(projected.branch[piece]))
        own = np.flatnonzero(projected.branch == branch.number)
        point = branch.points_lps_mm[int(piece - own[0])]
        dot = Dot(as_point(point), color, 3.4, not branch.is_name_confirmed, short_name(name))
        dots.append((branch.mean_diameter_mm, dot))
    return dots


def _apart(names: list[tuple[float, Dot]], stack: PlaneStack) -> list[Dot]:
    """Names that keep apart from each other, of the widest vessels first."""
    kept: list[Dot] = []
    for _, dot in sorted(names, key=lambda n: (-n[0], n[1].label)):
        at = stack.to_plane(np.array(dot.lps_mm))[:2]
        others = (stack.to_plane(np.array(k.lps_mm))[:2] for k in kept)
        if all(float(np.linalg.norm(at - o)) >= APART_MM for o in others):
            kept.append(dot)
    return kept
