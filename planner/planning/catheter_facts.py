"""What is said of catheter targets whatever is given there: the way, what is fed, what else, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence

from planner.base.errors import InvalidValue
from planner.model.assessment import Confidence, Finding, Metric, Severity, Source, Target
from planner.model.case import Case
from planner.model.catheter import AgentType, CatheterTarget
from planner.model.plan import Plan
from planner.model.points import as_point
from planner.model.roles import Role
from planner.model.vessel_tree import VesselTree
from planner.planning.arterial_names import extrahepatic_beyond, organ_of
from planner.planning.carried_structure import carried_findings
from planner.planning.catheter_way import CatheterWay
from planner.planning.fed_table import shares_by_tip
from planner.planning.perfusion import Perfusion
from planner.planning.rules import Rule

PLAN = "plan"
BY_TREE = "nearest branch of the arteries; what hangs on them beyond the tip"
BY_PORTAL = "nearest portal branch, standing in for the artery beside it: an assumption"
BY_SEEN = "volume that was seen to be perfused"
#: A lesion is fed by several tips where each feeds so much of it, and left uncovered below the second; our rule.
WATERSHED_PERCENT, COVERED_PERCENT = 5.0, 99.0
#: Reflux over less than this reaches the branch before; our rule.
SHORT_REFLUX_MM = 10.0


def _rule(id: str, severity: Severity, text: str, confidence: Confidence = Confidence.OUR_RULE) -> Rule:
    return Rule(id, severity, Source(text, confidence))


NON_TARGET = _rule(
    "feeds_other_organ",
    Severity.STOP,
    "uncorrectable extrahepatic flow is a contraindication",
    Confidence.ESTABLISHED,
)
MAY_LEAVE = _rule(
    "branch_leaves_liver", Severity.WARNING, "a branch that ends outside the liver feeds something else"
)
STANDS_IN = _rule(
    "portal_branch_stands_in",
    Severity.WARNING,
    "arteries run with portal branches; variants and tumour feeders do not",
)
UNCONFIRMED = _rule(
    "artery_not_confirmed", Severity.WARNING, "vessels found in an outline, corrected by nobody"
)
UNCOVERED = _rule("lesion_not_covered", Severity.WARNING, "all of a lesion is to be fed")
WATERSHED = _rule(
    "lesion_fed_by_several", Severity.INFO, "a lesion between territories needs all of its feeders"
)
OVERLAP = _rule("tips_overlap", Severity.WARNING, "what two tips feed is treated twice")
REFLUX = _rule("reflux_distance_short", Severity.WARNING, "reflux reaches the branch before the tip")
OUTSIDE = _rule(
    "perfused_outside_liver", Severity.WARNING, "a perfused volume that leaves the liver feeds something else"
)
OFF_VESSEL = _rule("tip_off_vessel", Severity.INFO, "the tip is taken to the nearest place of the tree")


def targets_of(plan: Plan, treatment: str, *agents: AgentType) -> tuple[CatheterTarget, ...]:
    """The targets of a plan that are given one of some agents.

    Raises
    ------
    InvalidValue
        If there is none.
    """
    targets = tuple(t for t in plan.catheter_targets if t.agent.type in agents)
    if not targets:
        raise InvalidValue(
            f"The plan has no tip for {treatment}.",
            f"plan '{plan.name}'",
            "Click a branch of an artery first.",
        )
    return targets


def why_locked(target: CatheterTarget, trees: Sequence[VesselTree]) -> str:
    """Why no dose and no treatment sheet can be made of a target; empty where they can.

    They need a volume that was seen to be perfused, or arteries that a person confirmed: all of them, since what
    a tip feeds ends where another artery begins.  A territory from portal branches never yields an activity.
    """
    if target.perfused_structure:
        return ""
    tree = next((t for t in trees if t.id == target.tree), None)
    if tree is None:
        return f"{target.title}: its vessels are not there"
    if tree.role is not Role.HEPATIC_ARTERY:
        return f"{target.title}: portal branches stand in for arteries; give the volume seen perfused in a cone-beam CT"
    if not tree.is_confirmed:
        return f"{target.title}: nobody confirmed the tree '{tree.id}'; look at it and confirm it, or give a perfused volume"
    doubted = [t.id for t in trees if t.role is Role.HEPATIC_ARTERY and t.branches and not t.is_confirmed]
    if doubted:
        beside = f"nobody confirmed '{doubted[0]}', which shares the liver with '{tree.id}'"
        return f"{target.title}: {beside}; confirm it or delete it, or give a perfused volume"
    return ""


def basis_of(target: CatheterTarget, trees: Sequence[VesselTree]) -> str:
    """How the volume of a target was found, in words."""
    if target.perfused_structure:
        return BY_SEEN
    tree = next((t for t in trees if t.id == target.tree), None)
    return BY_PORTAL if tree is not None and tree.role is Role.PORTAL_VEIN else BY_TREE


def tip_metrics(perfusion: Perfusion, trees: Sequence[VesselTree]) -> list[Metric]:
    """Of each tip: its vessel, the way, and what it feeds."""
    found = []
    for target in perfusion.targets:
        way, fed, basis = perfusion.ground.way(target), perfusion.by_tip[target.id], basis_of(target, trees)
        found += [
            Metric("perfused_volume_ml", fed.volume_ml, "ml", target.id, basis),
            Metric("perfused_share_percent", fed.share_percent, "%", target.id, f"of the liver; {basis}"),
            Metric("perfused_normal_volume_ml", fed.normal_ml, "ml", target.id, f"without tumour; {basis}"),
        ]
        found += [] if way is None else _way_metrics(way, target.id)
    return found


def _way_metrics(way: CatheterWay, id: str) -> list[Metric]:
    tortuosity, reflux = way.tortuosity, way.reflux_mm
    why = "" if reflux is not None else "no branch leaves before it"
    along = "along the middle line from where the tree begins"
    return [
        Metric("vessel_diameter_mm", way.diameter_mm, "mm", id, "of the tree at the tip", where_lps_mm=way.tip_lps_mm),
        Metric("from_ostium_mm", way.from_ostium_mm, "mm", id, along),
        Metric(
            "tortuosity", tortuosity, "1", id, "way over straight distance (Hart 1999)",
            note="" if tortuosity is not None else "the tip lies where the tree begins",
        ),
        Metric("branch_points_count", float(way.forks), "", id, f"forks {along}"),
        Metric("reflux_distance_mm", reflux, "mm", id, "back along the vessel to the branch before", note=why),
    ]  # fmt: skip


def lesion_metrics(perfusion: Perfusion) -> list[Metric]:
    """Of each lesion of the liver: how much of it the tips together feed, without and with its rim."""
    ground, fed, found = perfusion.ground, perfusion.all, []
    for name in ground.lesions:
        own = fed.lesion_percent(name)
        feeders = perfusion.feeding(name, WATERSHED_PERCENT)
        found += [
            Metric(
                "lesion_perfused_percent", own, "%", name, "of its volume, by all tips together",
                Target(low=COVERED_PERCENT, source=UNCOVERED.source),
            ),
            Metric(
                "lesion_with_rim_perfused_percent", fed.lesion_percent(name, True), "%", name,
                f"of the lesion grown by {ground.rim_mm:g} mm within the liver",
            ),
            Metric(
                "lesion_feeders_count", float(len(feeders)), "", name,
                f"tips that feed {WATERSHED_PERCENT:g} % of it or more each",
            ),
        ]  # fmt: skip
    return found


def plan_metrics(perfusion: Perfusion) -> list[Metric]:
    """Of all tips together."""
    fed = perfusion.all
    found = [
        Metric("perfused_volume_ml", fed.volume_ml, "ml", PLAN, "of all tips, nothing counted twice"),
        Metric("perfused_share_percent", fed.share_percent, "%", PLAN, "of the liver"),
        Metric("perfused_normal_volume_ml", fed.normal_ml, "ml", PLAN, "without tumour"),
    ]
    found += [
        Metric(f"perfused_segment_{n}_volume_ml", ml, "ml", PLAN, "of all tips")
        for n, ml in fed.segments_ml.items()
    ]
    return found + shares_by_tip(perfusion)


def target_findings(perfusion: Perfusion, case: Case) -> list[Finding]:
    """What a person must know of the targets, in sentences."""
    found = list(carried_findings(case.structures, perfusion.targets))
    for target in perfusion.targets:
        found += _of_target(target, perfusion, case.vessel_trees)
    for (one, other), ml in perfusion.overlaps_ml.items():
        found.append(OVERLAP.finding(f"{one} and {other} both feed {ml:.1f} ml.", one))
    for name in perfusion.ground.lesions:
        share = perfusion.all.lesion_percent(name)
        if share < COVERED_PERCENT:
            words = f"{name} is not fed." if share < 0.5 else f"{100 - share:.0f} % of {name} is not fed."
            found.append(UNCOVERED.finding(words, name))
        feeders = perfusion.feeding(name, WATERSHED_PERCENT)
        if len(feeders) > 1:
            words = ", ".join(f"{id} {part:.0f} %" for id, part in feeders)
            found.append(WATERSHED.finding(f"{name} is fed by {len(feeders)} tips: {words}.", name))
    return found


def _of_target(target: CatheterTarget, perfusion: Perfusion, trees: Sequence[VesselTree]) -> list[Finding]:
    found = []
    tree = next((t for t in trees if t.id == target.tree), None)
    way = perfusion.ground.way(target)
    if target.perfused_structure:
        missed = perfusion.ground.outside_ml.get(target.perfused_structure, 0.0)
        if missed >= 0.5:
            text = (
                f"{missed:.1f} ml of '{target.perfused_structure}' lie outside the liver: what do they feed?"
            )
            found.append(OUTSIDE.finding(text, target.id))
    elif tree is not None and tree.role is Role.PORTAL_VEIN:
        text = (
            f"{target.title}: what a portal branch feeds stands in for its artery. This is an assumption, and "
            "yields no activity."
        )
        found.append(STANDS_IN.finding(text, target.id))
    elif tree is not None and not tree.is_confirmed:
        found.append(UNCONFIRMED.finding(f"Nobody confirmed the tree '{tree.id}'.", target.id))
    if way is None or tree is None:
        return found
    if way.off_mm > way.diameter_mm:
        text = f"The tip of {target.id} lay {way.off_mm:.1f} mm beside its vessel; it is taken to its middle."
        found.append(OFF_VESSEL.finding(text, target.id, way.tip_lps_mm))
    if tree.role is Role.HEPATIC_ARTERY:
        found += _non_target(target, way, perfusion)
        if way.reflux_mm is not None and way.reflux_mm < SHORT_REFLUX_MM:
            text = f"{target.title}: {way.reflux_mm:.0f} mm back the branch before leaves; reflux reaches it."
            found.append(REFLUX.finding(text, target.id, way.tip_lps_mm))
    return found


def _non_target(target: CatheterTarget, way: CatheterWay, perfusion: Perfusion) -> list[Finding]:
    found = []
    way = perfusion.ground.together(way)
    named = extrahepatic_beyond(way.tree, way.beyond)
    for branch in named:
        text = f"Beyond the tip of {target.title} the {branch.name} leaves: it feeds {organ_of(branch.name)}."
        found.append(NON_TARGET.finding(text, target.id, as_point(branch.points_lps_mm[0])))
    told = {b.number for each in named for b in way.tree.subtree(each.number)}
    for number in way.beyond:
        branch = way.tree.branch(number)
        if number in told or way.tree.children(number) or branch.name:
            continue
        end = branch.points_lps_mm[-1]
        leaves = perfusion.ground.leaving.get(number)
        if leaves is not None:
            away, organ = leaves
            near = f", at {organ}" if organ else ""
            text = f"Beyond the tip of {target.title} a branch ends {away:.0f} mm outside the liver{near}: what does it feed?"
            found.append(MAY_LEAVE.finding(text, target.id, as_point(end)))
    return found
