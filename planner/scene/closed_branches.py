"""What embolizations close, over the views: plugs, the tree beyond them in a colour of its own, and the liver it fed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.model.assessment import Surface
from planner.model.geometry import FloatArray
from planner.model.points import Point, as_point
from planner.model.vessel_tree import Branch, VesselTree
from planner.scene.drawn_trees import APART_MM, NEAR_MM, ShownTrees, TreeLayer, short_name
from planner.scene.label_overlay import LabelLook, LabelOverlay
from planner.scene.layers import Dot, Lines, Mesh, SliceMarks, SpacePart
from planner.scene.planes import PlaneStack
from planner.scene.tube_mesh import tube_mesh
from planner.session.closed_territories import ClosedLiver, ClosedTree

#: What is closed: no anatomy's hue and no judgement's. And the plug.
CLOSED, PLUG = "#a487e6", "#ffffff"
#: How strongly the closed liver is tinted on slices, and how solid it is in 3D.
TINT, SOLID = 0.24, 0.28
#: A plug lies so far beyond the fork, in radii of the vessel, but in the branch's first half.
BEYOND_RADII = 1.5
#: Arms of a plug's cross on slices: a share of the radius, and at least this.
ARM_RADII, ARM_MM = 1.25, 3.0
#: In 3D a cross too, seen from the front: arms reach so far beyond the vessel's wall, and are so thick.
REACH_MM, ARM_RADIUS_MM = 6.0, 1.5
#: The arms, LPS: two seen as a cross from the front, and one to the front, so that it is one from all sides.
ARMS_LPS = np.array([[1.0, 0.0, 1.0], [1.0, 0.0, -1.0], [0.0, np.sqrt(2.0), 0.0]]) / np.sqrt(2.0)


@dataclass(frozen=True, eq=False)
class Plug:
    """Where a branch is closed.

    Parameters
    ----------
    lps_mm, radius_mm
        Its middle, and the vessel's radius there.
    title
        The branch's, as it stands on a slice.
    """

    lps_mm: Point
    radius_mm: float
    title: str

    @classmethod
    def of(cls, branch: Branch) -> Plug:
        """In a branch, a little beyond the fork it leaves."""
        along = np.concatenate([[0.0], np.cumsum(branch.steps_mm)])
        at = min(BEYOND_RADII * float(branch.radii_mm[0]), 0.5 * float(along[-1]))
        middle = as_point(np.array([np.interp(at, along, axis) for axis in branch.points_lps_mm.T]))
        return cls(middle, float(np.interp(at, along, branch.radii_mm)), short_name(branch.title))


class ClosedLayer:
    """Draws the portal trees with what is closed; keeps what stays the same."""

    def __init__(self) -> None:
        self._trees = TreeLayer()
        self._parted: dict[ClosedTree, tuple[VesselTree | None, VesselTree | None]] = {}
        self._plugs: tuple[Plug, ...] = ()
        self._crosses: Mesh | None = None
        self._tint: LabelOverlay | None = None
        self._tint_of: ClosedLiver | None = None
        self._solid: Mesh | None = None
        self._marks: dict[PlaneStack, tuple[int, SliceMarks]] = {}
        self.is_in_space = True

    @property
    def plugs(self) -> tuple[Plug, ...]:
        """Where branches are closed."""
        return self._plugs

    def show(
        self,
        trees: Sequence[tuple[ClosedTree, str]],
        liver: ClosedLiver | None = None,
        surface: Surface | None = None,
    ) -> None:
        """Draw other trees, or the liver that is closed.

        Parameters
        ----------
        trees
            Each with the colour of its open branches.
        liver, surface
            What of the liver is closed, and the surface of that; None until they are known.
        """
        self._marks = {}
        before = self._parted
        self._parted = {t: before.get(t) or parted(t) for t, _ in trees}
        if set(before) != set(self._parted):
            self._plugs = tuple(Plug.of(t.tree.branch(n)) for t, _ in trees for n in t.plugs)
            arms = [arm for plug in self._plugs for arm in arms_of(plug)]
            self._crosses = Mesh(tube_mesh(arms, "plugs"), PLUG) if arms else None
        # What is closed last, over the open tree it hangs on.
        drawn = [(self._parted[t][0], color) for t, color in trees]
        drawn += [(self._parted[t][1], CLOSED) for t, _ in trees]
        self._trees.show(ShownTrees(tuple((t, color) for t, color in drawn if t is not None)))
        if liver is not self._tint_of:
            self._tint, self._tint_of = None if liver is None else _tint(liver), liver
        if surface is None:
            self._solid = None
        elif self._solid is None or self._solid.surface is not surface:
            self._solid = Mesh(surface, CLOSED, SOLID)

    def on_slice(self, stack: PlaneStack, index: int) -> SliceMarks:
        """The closed liver tinted, centrelines, and a cross at each plug the slice passes; kept while a cut is dragged."""
        kept = self._marks.get(stack)
        if kept is None or kept[0] != index:
            kept = self._marks[stack] = (index, self._made(stack, index))
        return kept[1]

    def _made(self, stack: PlaneStack, index: int) -> SliceMarks:
        trees = self._trees.on_slice(stack, index)
        tint = SliceMarks() if self._tint is None else self._tint.on_slice(stack, index)
        near = [p for p in self._plugs if _is_near(p, stack, index)]
        lines = [
            Lines(_cross(_flat(p, stack), max(ARM_MM, ARM_RADII * p.radius_mm)), PLUG, 2.6) for p in near
        ]
        words = _words(near, stack)
        named = (d for d in trees.dots if all(_apart_mm(d, w, stack) >= APART_MM for w in words))
        return SliceMarks(tint.patches, (*tint.lines, *trees.lines, *lines), (*named, *words))

    def in_space(self) -> tuple[SpacePart, ...]:
        """The trees, a cross at each plug, and the liver that is; nothing while parts stand aside."""
        if not self.is_in_space:
            return ()
        more = (part for part in (self._crosses, self._solid) if part is not None)
        return (*self._trees.in_space(), *more)


def parted(closed: ClosedTree) -> tuple[VesselTree | None, VesselTree | None]:
    """The open and the closed part of a tree, each None where it has no branch."""
    tree, shut = closed.tree, closed.closed
    if not shut:
        return tree, None
    is_open = [b for b in tree.branches if b.number not in shut]
    beyond = [
        replace(b, parent=None) if b.number in closed.plugs else b for b in tree.branches if b.number in shut
    ]
    one, other = (tree.with_branches(part) if part else None for part in (is_open, beyond))
    return one, other


def arms_of(plug: Plug) -> list[tuple[FloatArray, FloatArray]]:
    """The arms of a plug's cross in 3D, each as points (2, 3) and radii (2,)."""
    reach = plug.radius_mm + REACH_MM
    ends = np.array([-reach, reach])[:, None]
    return [(np.array(plug.lps_mm) + ends * arm, np.full(2, ARM_RADIUS_MM)) for arm in ARMS_LPS]


def _tint(liver: ClosedLiver) -> LabelOverlay:
    overlay = LabelOverlay(liver.mask.view(np.uint8), liver.grid, LabelLook.of(2, {1: CLOSED}, tint=TINT))
    overlay.outlined = (1, CLOSED)
    return overlay


def _is_near(plug: Plug, stack: PlaneStack, index: int) -> bool:
    """Whether a slice cuts the vessel where it is closed, or passes near by."""
    height = float(stack.to_plane(np.array(plug.lps_mm))[2])
    return abs(height - stack.position_mm(index)) <= max(plug.radius_mm, NEAR_MM) + 0.5 * stack.step_mm[2]


def _words(plugs: Sequence[Plug], stack: PlaneStack) -> list[Dot]:
    """What is closed, beside the crosses; one word for those that stand close together."""
    found: list[tuple[Plug, list[str]]] = []
    for plug in plugs:
        at = _flat(plug, stack)
        beside = next((t for p, t in found if np.linalg.norm(at - _flat(p, stack)) < APART_MM), None)
        if beside is None:
            found.append((plug, [plug.title]))
        else:
            beside.append(plug.title)
    return [Dot(p.lps_mm, PLUG, 1.5, label=f"  closed: {', '.join(titles)}") for p, titles in found]


def _apart_mm(one: Dot, other: Dot, stack: PlaneStack) -> float:
    ends = (stack.to_plane(np.array(dot.lps_mm))[:2] for dot in (one, other))
    return float(np.linalg.norm(np.subtract(*ends)))


def _flat(plug: Plug, stack: PlaneStack) -> FloatArray:
    """Right and down mm of a plug."""
    return np.asarray(stack.to_plane(np.array(plug.lps_mm))[:2])


def _cross(at_mm: FloatArray, arm_mm: float) -> FloatArray:
    """Two crossing lines, (2, 2, 2)."""
    side = arm_mm / np.sqrt(2.0)
    slanted = np.array([[[-side, -side], [side, side]], [[-side, side], [side, -side]]])
    return slanted + at_mm
