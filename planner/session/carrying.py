"""A plan and its structures carried over to another scan of the same patient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.model.case import Case
from planner.model.plan import Plan
from planner.model.registration import Registration
from planner.model.structures import Structure, StructureSet
from planner.session.scan_pairs import ScanPair, is_forward, reached_box
from planner.session.session import Session

if TYPE_CHECKING:
    from planner.planning.carried_plan import CarriedPlan

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class CarriedOver:
    """Structures and plan in the other scan's space.

    Parameters
    ----------
    pair
        From the planning scan to the other.
    structures
        On the other scan's lattice, with its frame of reference.
    carried
        The plan, and how far each instrument moved; None where the plan had none.
    """

    pair: ScanPair
    structures: StructureSet
    carried: CarriedPlan | None

    @property
    def words(self) -> str:
        """How far needles and foci moved."""
        if self.carried is None:
            return "The structures are carried over; the plan has no probe, electrodes or foci."
        lines = []
        for needle in self.carried.needles:
            line = (
                f"{needle.title}: entry moved {needle.entry_moved_mm:.0f} mm,"
                f" tip {needle.tip_moved_mm:.0f} mm{_by_deformation(needle.tip_deformed_mm)}"
            )
            if needle.is_stretched:
                line += f"; tissue on the way changed by {needle.stretched_mm:+.0f} mm: check the entry"
            lines.append(line)
        for foci in self.carried.foci:
            line = f"{foci.id}: middle of the foci moved {foci.middle_moved_mm:.0f} mm"
            line += _by_deformation(foci.middle_deformed_mm)
            lines.append(line + ("; check the window on the skin" if foci.has_window else ""))
        return "\n".join(lines)


def make_carried_over(pair: ScanPair, registration: Registration, plan: Plan, task: Task) -> CarriedOver:
    """Carry structures and plan to the other scan; any thread may ask.

    Raises
    ------
    InvalidValue
        If the registration is a deformation from the other scan to this one, or nothing reaches it.
    """
    from planner.planning.carried_plan import carried_plan

    forward = _forward(pair, registration)
    case, other = pair.case, pair.other
    used = {s.id for s in case.structure_sets} | {i.id for i in case.images}
    id = next(
        n
        for n in (f"{other.id}-structures", *(f"{other.id}-structures-{k}" for k in range(2, 999)))
        if n not in used
    )
    uid = other.identity.frame_of_reference_uid
    structures = StructureSet.from_masks(id, other.grid, _moved(pair, forward, task), uid)
    if not structures.structures:
        raise InvalidValue(
            "No structure comes to lie within the other scan.",
            f"'{other.title}'",
            "Check the registration, or choose a scan that shows the liver.",
        )
    name = f"{plan.name} carried over"
    carried = carried_plan(plan, forward, name) if plan.instruments else None
    return CarriedOver(pair, structures, carried)


def take_carried_over(session: Session, done: CarriedOver) -> None:
    """Go on planning on the other scan: one change that can be undone."""
    case = session.case.with_structures(done.structures).judged_on(done.structures.id)
    if done.carried is None:
        session.change_case(f"Carry structures to {done.pair.other.title}", case)
    else:
        # Together: no module is to judge old needles in the new scan on the way.
        session.change_both("Carry plan over", case, done.carried.plan)
    session.selection.choose(image=done.pair.other.id)


def written_over(session: Session, done: CarriedOver, task: Task) -> CarriedOver:
    """The same with its structures written into the case's folder already; any thread may ask."""
    alone = Case(session.case.id, done.structures.id, structure_sets=(done.structures,))
    return replace(done, structures=session.written(alone, task).structures)


def _by_deformation(deformed_mm: float) -> str:
    return f" ({deformed_mm:.1f} mm of it by deformation)" if deformed_mm >= 0.5 else ""


def _forward(pair: ScanPair, registration: Registration) -> Registration:
    """The registration from the planning scan to the other."""
    if is_forward(registration, pair):
        return registration
    if registration.field is not None:
        raise InvalidValue(
            "This deformation was found from the other scan to this one.",
            registration.words,
            "Register the two scans again, from this one.",
        )
    return replace(
        registration,
        from_image=registration.to_image,
        to_image=registration.from_image,
        from_frame_uid=registration.to_frame_uid,
        to_frame_uid=registration.from_frame_uid,
        rigid=np.asarray(np.linalg.inv(registration.rigid), dtype=float),
    )


def _moved(pair: ScanPair, registration: Registration, task: Task) -> Iterator[tuple[Structure, BoolArray]]:
    """Each structure with its mask on the other scan's lattice, one after the other."""
    from planner.compute.registration import resampled_mask

    structures, onto = pair.case.structures, pair.other.grid
    for n, structure in enumerate(structures.structures):
        task.report(n / len(structures.structures), f"Carrying over {structure.name}")
        if structures.box(structure.name).is_empty:
            continue
        mask, grid = structures.cropped(structure.name, max(structures.grid.spacing_mm))
        box = reached_box(grid, pair, registration)
        if box.is_empty:
            continue
        near = resampled_mask(mask, grid, pair.planning.id, registration, onto.cropped(box))
        if not near.any():
            continue
        whole = np.zeros(onto.shape, dtype=bool)
        whole[box.slices] = near
        yield replace(structure, origin=f"{structure.origin}, carried over from {pair.planning.title}"), whole
