"""A structure of another scan of the case brought to the planning scan, once a person looked at how they fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from psygnal import Signal

from planner.base.errors import InvalidValue, PlannerError
from planner.base.task import Task
from planner.model.case import Case
from planner.model.registration import Registration
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.session.following_up import FollowingUp
from planner.session.scan_pairs import ScanPair

if TYPE_CHECKING:
    from planner.planning.carried_structure import CarriedStructure


@dataclass(frozen=True)
class Offered:
    """A structure drawn on the other scan: the set it stands in, and its name."""

    set_id: str
    name: str


@dataclass(frozen=True, eq=False)
class Asked:
    """What is to be brought over, as what, and by which registration."""

    pair: ScanPair
    registration: Registration
    offered: Offered
    role: Role


@dataclass(frozen=True, eq=False)
class Brought:
    """The case with a structure brought over, and what is told of it."""

    asked: Asked
    case: Case
    carried: CarriedStructure


class Bringing:
    """Brings structures of the other scan over.

    Parameters
    ----------
    following
        The two scans.
    """

    changed = Signal()

    def __init__(self, following: FollowingUp) -> None:
        self._following = following
        self.role = Role.PERFUSED_VOLUME
        self.words = ""
        self._chosen = Offered("", "")
        self._accepted: tuple[str, str, str] | None = None

    def clear(self) -> None:
        """Forget all, as when another case is opened."""
        self._chosen, self._accepted, self.words = Offered("", ""), None, ""
        self.role = Role.PERFUSED_VOLUME
        self.changed.emit()

    # what there is -------------------------------------------------------------------------

    @property
    def offered(self) -> tuple[Offered, ...]:
        """The structures that were drawn on the other scan."""
        pair = self._following.pair
        if pair is None:
            return ()
        sets = [s for s in pair.case.structure_sets[1:] if _is_of(s, pair)]
        return tuple(Offered(s.id, n.name) for s in sets for n in s.structures if not s.box(n.name).is_empty)

    @property
    def chosen(self) -> Offered | None:
        """What is to be brought over: the first one where none was chosen."""
        offered = self.offered
        return self._chosen if self._chosen in offered else next(iter(offered), None)

    def choose(self, offered: Offered) -> None:
        """Choose another structure of the other scan."""
        self._chosen = offered
        self.changed.emit()

    def choose_role(self, role: Role) -> None:
        """Choose what it is to be there."""
        self.role = role
        self.changed.emit()

    # how the scans fit ---------------------------------------------------------------------

    @property
    def is_accepted(self) -> bool:
        """Whether a person looked at the two scans as they lie over each other now, and found that they fit."""
        return self._accepted is not None and self._accepted == self._fit

    def accept(self, is_accepted: bool) -> None:
        """Say that the two scans were looked at and fit, or take that back; another registration asks anew."""
        self._accepted = self._fit if is_accepted else None
        self.changed.emit()

    def why_not_accept(self) -> str:
        """Why nobody can say that the scans fit, or empty."""
        pair = self._following.pair
        if pair is None:
            return "Add another scan of this patient first."
        one, two = (i.identity.frame_of_reference_uid for i in (pair.planning, pair.other))
        if self._following.registration is None and not (one and one == two):
            return "Register the two scans first: nothing says how they lie to each other."
        return ""

    @property
    def _fit(self) -> tuple[str, str, str] | None:
        pair, lying = self._following.pair, self._following.lying
        if pair is None or lying is None:
            return None
        return pair.planning.id, pair.other.id, lying.fingerprint

    # bringing ------------------------------------------------------------------------------

    def why_not(self) -> str:
        """Why nothing can be brought over, or empty."""
        if why := self.why_not_accept():
            return why
        if self.chosen is None:
            return "Nothing is drawn on the other scan yet: add its structures."
        if not self.is_accepted:
            return "Look at the overlay first, and say that the scans fit: a structure brought over has their error."
        return ""

    def asked(self) -> Asked:
        """What would be brought over now; raises `InvalidValue` where something is missing."""
        why, pair, lying, chosen = self.why_not(), self._following.pair, self._following.lying, self.chosen
        if why or pair is None or lying is None or chosen is None:
            raise InvalidValue("The structure cannot be brought over yet.", "", why)
        return Asked(pair, lying, chosen, self.role)

    def make(self, asked: Asked, task: Task) -> Brought:
        """The case with the structure brought over, written already; any thread may ask.

        One of the same name that was brought over from the same scan before is replaced.

        Raises
        ------
        InvalidValue
            If no voxel of it comes to lie in the planning scan.
        """
        from planner.planning.carried_structure import BROUGHT, carried_structure

        case, offered, image = asked.pair.case, asked.offered, asked.pair.other
        drawn = next(s for s in case.structure_sets if s.id == offered.set_id)
        own = case.structures
        carried = carried_structure(
            drawn, offered.name, image, asked.registration, own.grid, asked.role, task.part(0.0, 0.6)
        )
        before = own[offered.name].origin if offered.name in own else ""
        if before and f"{BROUGHT}{image.title}, " not in before:
            carried = replace(carried, structure=replace(carried.structure, name=_free(own, offered.name)))
        found = own.with_mask(carried.structure, carried.mask)
        found.box(carried.structure.name)  # found here, not on the session's thread
        written = self._following.session.written(case.with_structures(found), task.part(0.6, 1.0))
        return Brought(asked, written, carried)

    def take(self, brought: Brought) -> str:
        """Record it as one step to undo; gives the structure's name.

        Raises
        ------
        PlannerError
            If the case was changed while it was made.
        """
        session, structure = self._following.session, brought.carried.structure
        if not session.is_open or session.case is not brought.asked.pair.case:
            raise PlannerError(
                "The case was changed while a structure was brought over; it is not taken over.",
                structure.name,
                "Bring it over again.",
            )
        session.change_case(f"Bring over {structure.name}", brought.case)
        self.words = brought.carried.words
        self.changed.emit()
        return structure.name

    def with_drawn(self, case: Case, pair: ScanPair, found: StructureSet) -> Case:
        """A case with structures that were drawn on the other scan, beside those that are there already.

        Raises
        ------
        InvalidValue
            If the planning scan has none: plans would be judged on these.
        """
        if not case.structure_sets:
            raise InvalidValue(
                "The planning scan has no structures yet.",
                pair.planning.title,
                "Outline or import its liver first.",
            )
        held = next(
            (s for s in case.structure_sets[1:] if s.grid.same_as(found.grid) and _is_of(s, pair)), None
        )
        if held is None:
            used = {s.id for s in case.structure_sets}
            wanted = f"{pair.other.id}-structures"
            id = next(n for n in (wanted, *(f"{wanted}-{k}" for k in range(2, 1000))) if n not in used)
            return case.with_structures(replace(found, id=id))
        for structure in found.structures:
            held = held.with_mask(structure, found.mask(structure.name))
        return case.with_structures(held)


def _is_of(structures: StructureSet, pair: ScanPair) -> bool:
    """Whether a set was drawn on the other scan: by its lattice, or by the frame of reference it names."""
    uid, own = structures.frame_of_reference_uid, pair.planning.identity.frame_of_reference_uid
    if uid and uid == pair.other.identity.frame_of_reference_uid and uid != own:
        return True
    return structures.grid.same_as(pair.other.grid)


def _free(structures: StructureSet, name: str) -> str:
    return next(n for k in range(2, 1000) if (n := f"{name} ({k})") not in structures)
