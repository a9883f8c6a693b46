"""A block of liver whose arteries come from a common hepatic artery with a gastroduodenal one; what each feeds is exact.

The block reaches from x = -60 to 60 mm, y and z from -30 to 30 (`arterial_case`): 3.6 ml for each mm of x.  The right
artery runs along x from the middle; the left one from x = 12, so that they part the block at x = 6, between voxels.
"""

from __future__ import annotations

import itertools
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "planning"))
from arterial_case import line, places, structures

from planner.base.task import Task
from planner.model.assessment import Assessment
from planner.model.case import Case, Patient
from planner.model.catheter import Agent, AgentType, CatheterTarget
from planner.model.plan import Plan
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.model.vessel_tree import Branch, VesselTree
from planner.planning.arterial_names import (
    COMMON,
    GASTRODUODENAL,
    LEFT,
    LEFT_GASTRIC,
    PROPER,
    REPLACED_LEFT,
    RIGHT,
)
from planner.plugin.judging import judge
from planner.plugin.registry import find_modules

MODULE = find_modules().module("arterial_infusion")
ML_PER_MM, LIVER_ML = 3.6, 432.0
JUNCTION, BORDER_MM = (0.0, 0.0, -50.0), 6.0
RIGHT_ML = (60.0 + BORDER_MM) * ML_PER_MM
LEFT_ML = LIVER_ML - RIGHT_ML
SEEN = "perfused right"
AGENT = Agent(AgentType.INFUSION)


def branch(number: int, parent: int | None, name: str, *corners: tuple[float, ...], radius=2.0) -> Branch:
    points = [line(a, b) for a, b in itertools.pairwise(corners)]
    joined = np.concatenate([points[0], *(p[1:] for p in points[1:])])
    radii = radius if callable(radius) else (lambda along: np.full(len(along), radius))
    return Branch(number, parent, joined, radii(np.arange(len(joined), dtype=float)), name)


def taper(along_mm: np.ndarray) -> np.ndarray:
    """Radius of the gastroduodenal artery: 3 mm where it leaves, 1 mm after 20 mm."""
    return np.maximum(3.0 - 0.1 * along_mm, 1.0)


STEM = (
    branch(0, None, COMMON, (0.0, 0.0, -80.0), JUNCTION, radius=3.0),
    branch(1, 0, GASTRODUODENAL, JUNCTION, (0.0, -20.0, -50.0), radius=taper),
    branch(2, 1, GASTRODUODENAL, (0.0, -20.0, -50.0), (0.0, -60.0, -50.0), radius=1.0),
    branch(3, 1, "supraduodenal artery", (0.0, -20.0, -50.0), (20.0, -20.0, -50.0), radius=0.5),
)
PROPER_PARTS = (
    branch(4, 0, PROPER, JUNCTION, (0.0, 0.0, -40.0)),
    branch(5, 4, "right gastric artery", (0.0, 0.0, -40.0), (0.0, -30.0, -60.0), radius=0.75),
    branch(6, 4, PROPER, (0.0, 0.0, -40.0), (0.0, 0.0, 0.0)),
)
RIGHT_PART = branch(7, 6, RIGHT, (0.0, 0.0, 0.0), (-58.0, 0.0, 0.0))
#: The left artery beside the proper one, both from -35 mm on: from the proper one, or on its own from the left gastric.
OWN_LEFT = branch(8, 4, LEFT, (0.0, 0.0, -40.0), (12.0, 0.0, -40.0), (12.0, 0.0, 0.0), (58.0, 0.0, 0.0))
REPLACED = (
    branch(9, None, LEFT_GASTRIC, (12.0, 0.0, -80.0), (12.0, 0.0, -50.0)),
    branch(10, 9, REPLACED_LEFT, (12.0, 0.0, -50.0), (12.0, 0.0, 0.0), (58.0, 0.0, 0.0)),
)
NORMAL = (*STEM, *PROPER_PARTS, RIGHT_PART, OWN_LEFT)
VARIANT = (*STEM, *PROPER_PARTS, RIGHT_PART, *REPLACED)


def tree(*branches: Branch, id: str = "artery", is_confirmed: bool = True) -> VesselTree:
    return VesselTree(id, Role.HEPATIC_ARTERY, branches, is_confirmed=is_confirmed)


@cache
def block() -> StructureSet:
    return structures(**{SEEN: places()[..., 0] < -30.0})


def case(*trees: VesselTree, facts: dict[str, str] | None = None, **more: object) -> Case:
    patient = Patient(**more).with_facts(facts or {})  # type: ignore[arg-type]
    return Case("c", "c", (), (block(),), patient, vessel_trees=trees or (tree(*NORMAL),))


def tip(at=(0.0, -3.0, -50.0), of: str = "artery", id: str = "c1", **more: object) -> CatheterTarget:
    return CatheterTarget(id, of, at, AGENT, **more)  # type: ignore[arg-type]


def asked(a_case: Case, *tips: CatheterTarget, **settings: object) -> Assessment:
    return judge(MODULE, a_case, Plan("A", "c", tips or (tip(),)), settings, Task())


def value(answer: Assessment, name: str, subject: str = "plan") -> float:
    found = answer.metric(name, subject).value
    assert found is not None
    return found


def texts(answer: Assessment, rule: str) -> list[str]:
    return [f.text for f in answer.findings if f.rule == rule]


def renamed(branches: tuple[Branch, ...], old: str, new: str) -> tuple[Branch, ...]:
    return tuple(replace(b, name=new) if b.name == old else b for b in branches)
