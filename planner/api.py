"""The public names of ``import planner``: what the window can do, ten lines of Python can do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from planner.io.plan_file import read_plan
from planner.library.case_folder import open_case_folder
from planner.model.assessment import Assessment
from planner.model.case import Case
from planner.model.plan import Plan
from planner.plugin.judging import judge
from planner.plugin.registry import find_modules
from planner.session.session import new_plan

__all__ = ["assess", "new_plan", "open_case", "open_plan"]


def open_case(path: str | Path) -> Case:
    """The case of a case folder, its volumes mapped read-only; raises `InputRefused`."""
    return open_case_folder(Path(path))


def open_plan(path: str | Path) -> Plan:
    """The plan of a plan file; raises `InputRefused` naming the field that is wrong."""
    return read_plan(Path(path))


def assess(case: Case, plan: Plan, module: str, **settings: Any) -> Assessment:
    """A treatment module's whole answer to a plan, computed in this process.

    Parameters
    ----------
    case, plan
        What is judged.
    module
        Name of an installed module, such as ``thermal_ablation``.
    settings
        Values that differ from the module's defaults.

    Raises
    ------
    PlannerError
        In three parts, if the plan cannot be judged.
    """
    return judge(find_modules().module(module), case, plan, settings)
