"""Names of main branches, proposed from how the tree forks and where its parts lie.

They are proposals: vessels vary, so each is shown as one until a person confirms it, and a name a person
confirmed is never changed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from planner.base.errors import InvalidValue
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.model.vessel_tree import VesselTree
from planner.planning.arterial_naming import arterial_names
from planner.planning.branch_extent import BranchExtents
from planner.planning.hepatic_names import hepatic_names
from planner.planning.leaving_branches import leaving_branches
from planner.planning.liver_ground import LiverGround
from planner.planning.portal_names import portal_names

_SEGMENT = re.compile(r"segment ([1-8])\b", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class ProposedNames:
    """A tree with proposed names, and where these are unsure, in words."""

    tree: VesselTree
    notes: tuple[str, ...]


def with_proposed_names(tree: VesselTree, structures: StructureSet) -> ProposedNames:
    """The tree with names of its main branches; names a person confirmed stay.

    Parameters
    ----------
    tree
        Portal vein, hepatic veins or arteries, in a liver that lies in the scan as patients do (LPS).
    structures
        With the liver.

    Raises
    ------
    InvalidValue
        If there is no liver, no branch in it, or nobody named the branches of such vessels.
    """
    namers = {Role.PORTAL_VEIN: portal_names, Role.HEPATIC_VEIN: hepatic_names}
    if tree.role not in (*namers, Role.HEPATIC_ARTERY):
        raise InvalidValue(
            "Names are known of branches of the portal vein, the hepatic veins and the arteries.",
            f"'{tree.id}', {tree.role.value.replace('_', ' ')}",
            "Name these branches by hand.",
        )
    ground = LiverGround.of(structures)
    extents = BranchExtents(tree, ground)
    if tree.role is Role.HEPATIC_ARTERY:
        names, notes = arterial_names(extents, leaving_branches(tree, structures, ground), structures)
    else:
        names, notes = namers[tree.role](extents)
    kept, more = _beside_confirmed(tree, names)
    named = [
        b if b.is_name_confirmed else replace(b, name=kept.get(b.number, ""), is_name_confirmed=False)
        for b in tree.branches
    ]
    return ProposedNames(tree.with_branches(named), (*notes, *more))


def segment_number(name: str) -> int | None:
    """The segment a branch's name says, such as 8 of ``segment 8``; None where it says none."""
    found = _SEGMENT.match(name.strip())
    return int(found.group(1)) if found else None


def segment_of_branch(tree: VesselTree, number: int) -> int | None:
    """The segment a branch feeds: by its own name, or that of the nearest named one it hangs on."""
    for branch in reversed(tree.way_to(number)):
        if branch.name:
            return segment_number(branch.name)
    return None


def _beside_confirmed(tree: VesselTree, names: Mapping[int, str]) -> tuple[dict[int, str], list[str]]:
    """Proposals without those a confirmed name stands against: of one vessel, given elsewhere."""
    kept, notes = dict(names), []
    for branch in tree.branches:
        if not branch.is_name_confirmed or segment_number(branch.name) is not None:
            continue
        line = {b.number for b in (*tree.way_to(branch.number), *tree.subtree(branch.number))}
        against = [n for n, name in names.items() if name == branch.name and n not in line]
        for number in against:
            kept.pop(number, None)
        if against:
            notes.append(
                f"'{branch.name}' was confirmed elsewhere than proposed: look at the names around it."
            )
    return kept, notes
