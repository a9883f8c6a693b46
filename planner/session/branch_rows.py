"""The branches of a tree as a list shows them: one row for each named vessel, or for each branch."""

from __future__ import annotations

from dataclasses import dataclass

from planner.model.vessel_tree import Branch, VesselTree


@dataclass(frozen=True)
class BranchRow:
    """A named vessel from where its name begins, or a branch.

    Parameters
    ----------
    number
        The branch a click chooses: the first one.
    is_confirmed
        Whether a person chose the name.
    is_loose
        Whether it is the root of a part that hangs on nothing, beside the largest.
    length_mm, diameter_mm
        Along the name; the mean over that length.
    """

    number: int
    title: str
    is_confirmed: bool
    is_loose: bool
    generation: int
    length_mm: float
    diameter_mm: float


def branch_rows(tree: VesselTree, is_all: bool = False) -> tuple[BranchRow, ...]:
    """Rows of a tree, from the root outwards; roots of loose parts are listed whatever they are called.

    Parameters
    ----------
    is_all
        List each branch, also those without a name.
    """
    loose = {b.number for b in loose_roots(tree)}
    if is_all:
        rows = [_row(tree, [b], b.number in loose) for b in tree.branches]
    else:
        heads = [b for b in tree.branches if (b.name and not _goes_on(tree, b)) or b.number in loose]
        rows = [_row(tree, _run(tree, b), b.number in loose) for b in heads]
    return tuple(sorted(rows, key=lambda r: (r.is_loose, r.generation, r.number)))


def loose_roots(tree: VesselTree) -> tuple[Branch, ...]:
    """Roots beside that of the longest part: fragments, and what was cut off."""
    if len(tree.roots) < 2:
        return ()
    main = max(tree.roots, key=lambda b: (sum(x.length_mm for x in tree.subtree(b.number)), -b.number))
    return tuple(b for b in tree.roots if b is not main)


def _goes_on(tree: VesselTree, branch: Branch) -> bool:
    return branch.parent is not None and tree.branch(branch.parent).name == branch.name


def _run(tree: VesselTree, start: Branch) -> list[Branch]:
    """The branches that carry on a name from where it begins."""
    found, waiting = [], [start]
    while waiting:
        branch = waiting.pop(0)
        found.append(branch)
        if start.name:
            waiting += [b for b in tree.children(branch.number) if b.name == start.name]
    return found


def _row(tree: VesselTree, run: list[Branch], is_loose: bool) -> BranchRow:
    first = run[0]
    length = sum(b.length_mm for b in run)
    return BranchRow(
        first.number,
        first.title,
        all(b.is_name_confirmed for b in run) and bool(first.name),
        is_loose,
        tree.generation(first.number),
        length,
        sum(b.mean_diameter_mm * b.length_mm for b in run) / length,
    )
