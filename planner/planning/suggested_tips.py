"""Tips a plan could have, as suggestions with what speaks for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.model.catheter import Agent, AgentType, CatheterTarget
from planner.model.plan import Plan
from planner.model.suggestion import Suggestion
from planner.planning.catheter_way import CatheterWay
from planner.planning.gastroduodenal import junctions
from planner.planning.perfusion import Fed, PerfusionGround
from planner.planning.tip_suggesting import TipChoice, TipGoal, suggest_tips

#: A pump's tip lies so far in the gastroduodenal artery: at its junction, and in no other branch of it.
IN_JUNCTION_MM = 1.0
#: What a goal may say.
GOAL_WORDS = ("lesion", "rim", "most_tips", "least_diameter_mm", "least_percent")
_NO = (False, 0, "no", "false", "0")


def tip_choices(
    ground: PerfusionGround,
    agent: AgentType,
    lesions: Sequence[str],
    goal: TipGoal | None = None,
    task: Task | None = None,
) -> tuple[TipChoice, ...]:
    """Tips that feed some lesions, the fewest first; a pump's lies at a gastroduodenal artery, where one is named.

    Raises
    ------
    InvalidValue
        If there is no vessel a tip could lie in, or no choice feeds the lesions.
    """
    goal = goal or TipGoal()
    if not ground.vessels:
        raise InvalidValue(
            "No artery of the liver is known.", "", "Find or draw the arteries in the mode Vessels."
        )
    if agent is AgentType.INFUSION:
        at_junctions = _at_junctions(ground, lesions, goal)
        if at_junctions:
            return at_junctions
    arteries = [v for v in ground.vessels if v.tree is ground.arteries]
    return suggest_tips(ground, (arteries or list(ground.vessels))[0], lesions, goal, task)


def _at_junctions(ground: PerfusionGround, lesions: Sequence[str], goal: TipGoal) -> tuple[TipChoice, ...]:
    """A tip at each gastroduodenal artery that perfuses some of the lesions, the most of them first."""
    tree, found = ground.arteries, []
    if tree is None:
        return ()
    vessels = next(v for v in ground.vessels if v.tree is tree)
    none = np.zeros(ground.liver.classes, dtype=bool)
    target = np.logical_or.reduce([none, *(ground.of_lesion(n, goal.with_rim) for n in lesions)])
    for junction in junctions(tree):
        onward = [ground.fed_beyond(CatheterWay(tree, n, 0.0)) for n in junction.onward]
        classes = np.logical_or.reduce([none, *onward])
        wanted = float(ground.volumes_ml[target].sum())
        share = 100.0 * float(ground.volumes_ml[classes & target].sum()) / max(wanted, 1e-9)
        length = junction.first.length_mm
        way = CatheterWay(tree, junction.number, min(IN_JUNCTION_MM, 0.5 * length))
        if share > 0:
            found.append(TipChoice((vessels.apart(way),), Fed(ground, classes), share))
    return tuple(sorted(found, key=lambda c: -c.target_percent))


def plan_with_tips(plan: Plan, ways: Sequence[CatheterWay], agent: AgentType) -> Plan:
    """The plan with tips in the place of those that are there; nothing is given yet."""
    for target in plan.catheter_targets:
        plan = plan.without_instrument(target.id)
    for way in ways:
        target = CatheterTarget(plan.free_id("c"), way.tree.id, way.tip_lps_mm, Agent(agent), "", way.title)
        plan = plan.with_instrument(target)
    return plan


def tip_suggestions(
    plan: Plan, ground: PerfusionGround, agent: AgentType, goal: Mapping[str, Any], task: Task
) -> list[Suggestion]:
    """Plans with suggested tips, the fewest first; each further one spares more liver.

    Parameters
    ----------
    goal
        ``lesion`` (one, several parted by commas, or all where it is left out), ``rim`` (yes: it is to be fed
        too), ``most_tips`` (6), ``least_diameter_mm`` (1.0), ``least_percent`` (98).

    Raises
    ------
    InvalidValue
        If the goal says what it cannot, or cannot be reached.
    """
    unknown = sorted(set(goal) - set(GOAL_WORDS))
    if unknown:
        raise InvalidValue(
            "A goal does not know this word.", ", ".join(unknown), f"It takes {', '.join(GOAL_WORDS)}."
        )
    lesions = _lesions(ground, goal.get("lesion") or "")
    wanted = TipGoal(
        with_rim=goal.get("rim", True) not in _NO,
        least_percent=_number(goal, "least_percent", 98.0),
        least_diameter_mm=_number(goal, "least_diameter_mm", 1.0),
        most=int(_number(goal, "most_tips", 6)),
    )
    choices = tip_choices(ground, agent, lesions, wanted, task)
    return [
        Suggestion(
            choice.title,
            choice.why(choices[0] if n else None),
            plan_with_tips(plan, choice.ways, agent),
            {
                "tips_count": float(len(choice.ways)),
                "target_fed_percent": choice.target_percent,
                "perfused_normal_volume_ml": choice.fed.normal_ml,
                "perfused_volume_ml": choice.fed.volume_ml,
            },
        )
        for n, choice in enumerate(choices)
    ]


def _lesions(ground: PerfusionGround, told: object) -> tuple[str, ...]:
    if isinstance(told, str):
        if told in ground.lesions:  # a name may hold a comma
            return (told,)
        told = [word.strip() for word in told.split(",") if word.strip()]
    names = tuple(str(name) for name in told) if isinstance(told, Sequence) else ()
    return names or ground.lesions


def _number(goal: Mapping[str, Any], word: str, default: float) -> float:
    told = goal.get(word, default)
    try:
        return float(told)
    except (TypeError, ValueError) as error:
        raise InvalidValue("A goal's word takes a number.", f"{word}: '{told}'", "Correct it.") from error
