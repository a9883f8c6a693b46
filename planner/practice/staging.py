"""How a case is shown in practice: without what the exercise hides, and as the control scan has it on the table."""

from __future__ import annotations

from dataclasses import dataclass, replace

from planner.base.errors import InvalidValue
from planner.model.case import Case
from planner.model.plan import Plan
from planner.practice.control_scan import control_scan, moved_to_the_feet
from planner.practice.exercise import Exercise
from planner.practice.landing import Landing


@dataclass(frozen=True, eq=False)
class Lying:
    """Needles that were put in: how they lie, the case as the control scan has it, the plan they were put in by, and the step."""

    landing: Landing
    case: Case
    plan: Plan
    label: str = ""


def blind_case(case: Case, exercise: Exercise) -> Case:
    """The case without the structures an exercise hides; itself where it hides none.

    What is not in the case cannot be seen in a view, a list or a status line. A structure that is not there
    any more is no matter.
    """
    structures = case.structures
    for name in exercise.hidden:
        if name in structures:
            structures = structures.without(name)
    return case if structures is case.structures else case.with_structures(structures)


def table_case(case: Case, landing: Landing) -> Case:
    """A case with the control scan first, and its structures as low as the liver is in it.

    Where the liver moved, no other scan is in it: outlines would lie beside what they are of.

    Parameters
    ----------
    case
        As it is shown in the exercise.
    landing
        The needles as they lie.

    Raises
    ------
    InvalidValue
        If the case has no scan to plan on, or a device is not in the library.
    """
    image = case.planning_image
    if image is None:
        raise InvalidValue("The case has no scan to show needles in.", case.title, "Import a scan first.")
    scan = control_scan(image, landing)
    structures, scans = case.structures, (scan, *case.images)
    if landing.conditions.breath_mm:
        low = moved_to_the_feet(image, landing.conditions.breath_mm)
        down = low.grid.origin_lps_mm[2] - image.grid.origin_lps_mm[2]
        x, y, z = structures.grid.origin_lps_mm
        grid = replace(structures.grid, origin_lps_mm=(x, y, z + down))
        structures, scans = replace(structures, grid=grid), (scan,)
    # Trees of vessels and places that were clicked lie where they lay: nothing of them is shown there.
    return replace(
        case,
        images=scans,
        structure_sets=(structures, *case.structure_sets[1:]),
        registrations=(),
        landmarks=(),
        vessel_trees=(),
        liver_places={},
    )
