"""What a judgement stands on that no probe changes, under the module's settings."""

from __future__ import annotations

from planner_plugins.thermal_ablation.settings import Settings

from planner.base.task import Task
from planner.model.case import Case
from planner.planning.lesion_grounds import LesionGrounds, lesion_grounds
from planner.plugin.hashing import structures_hash


def prepare_grounds(
    case: Case, settings: Settings, task: Task, wanted: tuple[str, ...] | None = None
) -> LesionGrounds:
    """Prepare the lesions (all, or the wanted ones) and the anatomy of a case.

    Raises
    ------
    InvalidValue
        If the case has no lesion, or a wanted one is no lesion.
    """
    return lesion_grounds(case.structures, structures_hash(case), task, wanted, settings.capsule_distance_mm)
