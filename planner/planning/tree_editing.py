"""Correcting a tree of vessels by hand: naming, cutting, joining, deleting, another root.

Each gives a new tree; numbers of branches stay as far as they can, so that what names them still does.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planner.base.errors import InvalidValue
from planner.model.geometry import FloatArray
from planner.model.points import Point
from planner.model.vessel_tree import Branch, VesselTree

#: Parts of a centreline shorter than this are not cut off.
SHORTEST_MM = 0.5


def with_name(tree: VesselTree, number: int, name: str, is_confirmed: bool = True) -> VesselTree:
    """The tree with a branch called by a name; an empty one takes the name away."""
    branch = tree.branch(number)
    return tree.with_branch(replace(branch, name=name.strip(), is_name_confirmed=is_confirmed and bool(name)))


def without(tree: VesselTree, number: int) -> VesselTree:
    """The tree without a branch and all beyond it."""
    gone = {b.number for b in tree.subtree(number)}
    parent = tree.branch(number).parent
    left = tree.with_branches(b for b in tree.branches if b.number not in gone)
    return left if parent is None else _healed(left, parent)


def cut_at(tree: VesselTree, number: int, index: int) -> VesselTree:
    """The tree parted at a point of a branch: what lies beyond becomes a tree of its own.

    Parameters
    ----------
    index
        Of the point in the branch; 0 cuts the whole branch off its parent.

    Raises
    ------
    InvalidValue
        If there is no such branch or point, or a root is cut at its start.
    """
    branch = tree.branch(number)
    if not 0 <= index < len(branch.points_lps_mm) - 1:
        raise InvalidValue("A branch is cut between its ends.", f"{branch.title}, point {index}")
    if index == 0:
        if branch.parent is None:
            raise InvalidValue("This branch is a root already.", branch.title, "Cut it further out.")
        return _healed(tree.with_branch(replace(branch, parent=None)), branch.parent)
    near, far = _parted(branch, index, tree.free_number)
    moved = [replace(b, parent=far.number) if b.parent == number else b for b in tree.branches]
    kept = [near if b.number == number else b for b in moved]
    return tree.with_branches((*kept, replace(far, parent=None)))


def joined(tree: VesselTree, root: int, to: int, index: int) -> VesselTree:
    """The tree with a root, such as a fragment, joined to a point of another branch by a straight piece.

    Raises
    ------
    InvalidValue
        If it is no root, the point is not there, or it would be joined to what hangs on itself.
    """
    branch, trunk = tree.branch(root), tree.branch(to)
    if branch.parent is not None:
        raise InvalidValue("Only a root can be joined to another branch.", branch.title, "Cut it off first.")
    if to in {b.number for b in tree.subtree(root)}:
        raise InvalidValue(
            "A branch cannot be joined to what hangs on it.", f"{branch.title} to {trunk.title}"
        )
    if not 0 <= index < len(trunk.points_lps_mm):
        raise InvalidValue("There is no such point.", f"{trunk.title}, point {index}")
    split, parent = _forked(tree, to, index)
    end = split.branch(parent)
    points, radii = branch.points_lps_mm, branch.radii_mm
    if np.linalg.norm(points[0] - end.points_lps_mm[-1]) > 0:
        points = np.concatenate([end.points_lps_mm[-1:], points])
        radii = np.concatenate([[min(float(radii[0]), float(end.radii_mm[-1]))], radii])
    return split.with_branch(replace(branch, parent=parent, points_lps_mm=points, radii_mm=radii))


def rerooted(tree: VesselTree, number: int) -> VesselTree:
    """The tree with its root at the outer end of a branch: the way from the old root is run backwards.

    Raises
    ------
    InvalidValue
        If branches leave at that end, so that it is none.
    """
    if tree.children(number):
        raise InvalidValue(
            "Branches leave at this end: blood cannot enter there.",
            tree.branch(number).title,
            "Choose the end of a branch that goes no further.",
        )
    way = tree.way_to(number)
    turned = {b.number: b.turned for b in way}
    # Each branch on the way now leaves the one that followed it; the others left at its old end,
    # which is where the next one on the way begins, so they hang on that one's new end.
    placed: list[Branch] = []
    after = {b.number: (way[n + 1].number if n + 1 < len(way) else None) for n, b in enumerate(way)}
    for branch in tree.branches:
        if branch.number in turned:
            placed.append(replace(turned[branch.number], parent=after[branch.number]))
        elif branch.parent in turned and after[branch.parent] is not None:
            placed.append(replace(branch, parent=after[branch.parent]))
        else:
            placed.append(branch)
    return tree.with_branches(placed)


def with_drawn(
    tree: VesselTree, points_lps_mm: FloatArray, radii_mm: FloatArray, name: str = ""
) -> VesselTree:
    """The tree with a vessel drawn by hand, as a root of its own."""
    return tree.with_branch(Branch(tree.free_number, None, points_lps_mm, radii_mm, name, bool(name)))


def moved_into(tree: VesselTree, other: VesselTree, root: int | None = None) -> tuple[VesselTree, int]:
    """A tree with branches of another one beside its own, under free numbers, as further roots.

    Parameters
    ----------
    root
        A root of the other tree: it and all beyond it are taken over; all of the tree where not given.

    Returns
    -------
    The tree, and the number the root (or the first one) has now.

    Raises
    ------
    InvalidValue
        If the other tree holds other vessels, or the branch is no root of it.
    """
    if other.role is not tree.role:
        raise InvalidValue(
            "Branches of other vessels are not taken over.",
            f"'{other.id}' into '{tree.id}'",
            "Choose parts of the same vessels.",
        )
    roots = [b.number for b in other.roots]
    chosen = roots if root is None else [root]
    if not chosen or not set(chosen) <= set(roots):
        raise InvalidValue("Only a whole part is taken over, from its root.", f"'{other.id}', branch {root}")
    new: dict[int, int] = {}
    taken = [b for n in chosen for b in other.subtree(n)]
    for branch in taken:
        new[branch.number] = tree.free_number + len(new)
    placed = (
        replace(b, number=new[b.number], parent=None if b.parent is None else new[b.parent]) for b in taken
    )
    return tree.with_branches((*tree.branches, *placed)), new[chosen[0]]


def nearest_point(tree: VesselTree, lps_mm: Point) -> tuple[int, int, float]:
    """Number of the branch next to a place, which of its points, and how far that is in mm.

    Raises
    ------
    InvalidValue
        If the tree has no branch.
    """
    if not tree.branches:
        raise InvalidValue("The tree has no branch.", tree.id)
    found = []
    for branch in tree.branches:
        away = np.linalg.norm(branch.points_lps_mm - np.array(lps_mm), axis=1)
        at = int(away.argmin())
        found.append((float(away[at]), branch.number, at))
    away_mm, number, index = min(found)
    return number, index, away_mm


def _parted(branch: Branch, index: int, number: int) -> tuple[Branch, Branch]:
    """A branch up to a point and from there on; the first keeps the number."""
    points, radii = branch.points_lps_mm, branch.radii_mm
    near = replace(branch, points_lps_mm=points[: index + 1], radii_mm=radii[: index + 1])
    far = replace(
        branch, number=number, parent=branch.number, points_lps_mm=points[index:], radii_mm=radii[index:]
    )
    return near, far


def _forked(tree: VesselTree, number: int, index: int) -> tuple[VesselTree, int]:
    """The tree with a fork at a point of a branch, and the branch that now ends there."""
    branch = tree.branch(number)
    last = len(branch.points_lps_mm) - 1
    if index == last:
        return tree, number
    if index == 0 and branch.parent is not None:
        return tree, branch.parent
    near, far = _parted(branch, max(index, 1), tree.free_number)
    moved = [replace(b, parent=far.number) if b.parent == number else b for b in tree.branches]
    return tree.with_branches((*(near if b.number == number else b for b in moved), far)), number


def _healed(tree: VesselTree, number: int) -> VesselTree:
    """The tree with a branch and its only child made one, where just one is left and names agree."""
    children = tree.children(number)
    if len(children) != 1:
        return tree
    branch, child = tree.branch(number), children[0]
    if branch.name and child.name and branch.name != child.name:
        return tree
    whole = replace(
        branch,
        points_lps_mm=np.concatenate([branch.points_lps_mm, child.points_lps_mm[1:]]),
        radii_mm=np.concatenate([branch.radii_mm, child.radii_mm[1:]]),
        name=branch.name or child.name,
        is_name_confirmed=branch.is_name_confirmed or child.is_name_confirmed,
    )
    kept = [b for b in tree.branches if b.number not in (number, child.number)]
    moved = [replace(b, parent=number) if b.parent == child.number else b for b in kept]
    return tree.with_branches((*moved, whole))
