"""Trees of one kind of vessels as one: the liver is shared out among all of them, whatever trunk they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from planner.model.roles import Role
from planner.model.vessel_tree import VesselTree
from planner.planning.catheter_way import CatheterWay
from planner.planning.flow_numbers import joined_tree, number_steps


@dataclass(frozen=True, eq=False)
class SharedVessels:
    """Arteries, or portal veins, of a case.

    Parameters
    ----------
    parts
        Trees of one role, one at least.
    """

    parts: tuple[VesselTree, ...]

    @classmethod
    def by_role(cls, trees: Sequence[VesselTree]) -> tuple[SharedVessels, ...]:
        """Trees by what they are, in the order their roles come first."""
        roles = dict.fromkeys(t.role for t in trees)
        return tuple(cls(tuple(t for t in trees if t.role is role)) for role in roles)

    @property
    def role(self) -> Role:
        """Of all of them."""
        return self.parts[0].role

    @cached_property
    def tree(self) -> VesselTree:
        """All as one; a tree that stands alone stays as it is."""
        if len(self.parts) == 1:
            return self.parts[0]
        return replace(joined_tree(self.parts), id=" + ".join(t.id for t in self.parts))

    @cached_property
    def _steps(self) -> dict[str, int]:
        return number_steps(self.parts)

    def together(self, way: CatheterWay) -> CatheterWay:
        """A way in one of the trees as one in all of them."""
        if len(self.parts) == 1:
            return way
        return CatheterWay(self.tree, way.branch + self._steps[way.tree.id], way.along_mm, way.off_mm)

    def apart(self, way: CatheterWay) -> CatheterWay:
        """A way in all of them as one in the tree it lies in."""
        if len(self.parts) == 1:
            return way
        own = max((t for t in self.parts if self._steps[t.id] <= way.branch), key=lambda t: self._steps[t.id])
        return CatheterWay(own, way.branch - self._steps[own.id], way.along_mm, way.off_mm)
