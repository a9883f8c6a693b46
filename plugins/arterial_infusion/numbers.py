"""The numbers of an infusion: the gastroduodenal artery, what is perfused, what is left out, what is tied."""

from __future__ import annotations

from dataclasses import replace

from planner_plugins.arterial_infusion.infusion import Infusion
from planner_plugins.arterial_infusion.ligation import BEYOND
from planner_plugins.arterial_infusion.settings import CALIBRE_MM, TUMOR_SHARE, Settings

from planner.model.assessment import Metric, Target
from planner.planning.arterial_names import GASTRODUODENAL
from planner.planning.catheter_facts import PLAN, tip_metrics
from planner.planning.eligibility import limit_of
from planner.planning.liver_scores import TumorBurden

BY_JUNCTION = (
    f"nearest artery; what hangs beyond the junction of the {GASTRODUODENAL}, whose blood carries on what is given "
    "there; not what lies beyond the tip"
)
UNNAMED = f"unknown: no branch is named {GASTRODUODENAL}"
NO_ARTERY = "unknown: no tree of arteries reaches the liver"


def tip_metrics_of(infusion: Infusion) -> list[Metric]:
    """Of each tip: its vessel, its place at the junction, and what it perfuses."""
    found = []
    for metric in tip_metrics(infusion.perfusion, infusion.case.vessel_trees):
        if infusion.junctions[metric.subject] is None:
            found.append(metric)
        elif metric.name != "reflux_distance_mm":  # back at the junction is where it is to flow
            by = f"of the liver; {BY_JUNCTION}" if metric.unit == "%" else BY_JUNCTION
            found.append(replace(metric, method=by) if metric.name.startswith("perfused_") else metric)
    for target in infusion.targets:
        junction, way = infusion.junctions[target.id], infusion.ways[target.id]
        away = None if junction is None or way is None else junction.tip_mm(way)
        found.append(
            Metric(
                "tip_from_junction_mm", away, "mm", target.id, "along the vessels",
                Target(high=infusion.settings.at_junction_mm), note="" if away is not None else _why_no_junction(infusion),
            )
        )  # fmt: skip
    return found


def _why_no_junction(infusion: Infusion) -> str:
    return UNNAMED if infusion.junction is None else f"the tip does not lie at the {GASTRODUODENAL}"


def artery_metrics(infusion: Infusion) -> list[Metric]:
    """Length and diameter of the gastroduodenal artery."""
    junction = infusion.junction
    note = "" if junction is not None else NO_ARTERY if infusion.ground.arteries is None else UNNAMED
    where = None if junction is None else junction.place_lps_mm
    free = None if junction is None else junction.to_first_branch_mm
    rows = (
        ("gastroduodenal_length_mm", None if junction is None else junction.length_mm, "from its junction, as far as it is named", note),
        (
            "gastroduodenal_diameter_mm", None if junction is None else junction.mean_diameter_mm(CALIBRE_MM),
            f"mean over its first {CALIBRE_MM:g} mm", note,
        ),
        (
            "gastroduodenal_to_first_branch_mm", free, "from its junction to the first branch it gives",
            note or ("" if free is not None else "no branch leaves it"),
        ),
    )  # fmt: skip
    return [Metric(n, value, "mm", PLAN, how, note=why, where_lps_mm=where) for n, value, how, why in rows]


def perfusion_metrics(infusion: Infusion) -> list[Metric]:
    """What stays unperfused, by artery, and what is tied for it not to flow elsewhere."""
    reaches = infusion.ground.arteries is not None
    missed, liver = infusion.unperfused_ml, infusion.liver_ml
    beyond = [x for x in infusion.ligations if x.where == BEYOND]
    found = [
        Metric("unperfused_volume_ml", missed, "ml", PLAN, "of the liver, by no tip"),
        Metric("unperfused_share_percent", 100.0 * missed / liver, "%", PLAN, "of the liver"),
        Metric(
            "branches_to_ligate_count", float(len(infusion.ligations)) if reaches else None, "", PLAN,
            "arteries of other organs beyond the junction, by name, and all branches between it and the tip",
            note="" if reaches else NO_ARTERY,
        ),
        Metric(
            "extrahepatic_branches_count", float(len(beyond)) if reaches else None, "", PLAN,
            "arteries of other organs that would be perfused, by name", note="" if reaches else NO_ARTERY,
        ),
        Metric(
            "ends_outside_count", float(len(infusion.ends_outside)) if reaches else None, "", PLAN,
            "unnamed branches beyond the junction that end outside the liver", note="" if reaches else NO_ARTERY,
        ),
    ]  # fmt: skip
    found += [
        Metric(
            "unperfused_volume_ml", part.volume_ml, "ml", part.title,
            "liver nearest to this artery, which is not perfused", where_lps_mm=part.place_lps_mm,
        )
        for part in infusion.left_out
    ]  # fmt: skip
    return found


def burden_metrics(burden: TumorBurden, settings: Settings) -> list[Metric]:
    """How much of the liver is tumour."""
    most = limit_of(TUMOR_SHARE, settings.tumor_share_limit_percent)
    share = burden.share_percent
    return [
        Metric(
            "tumor_share_percent", share, "%", PLAN, "volume of all lesions over that of the liver",
            Target(high=most.value, source=most.cited), note="" if share is not None else "no liver is outlined",
        ),
        Metric("lesions_count", float(burden.count), "", PLAN, "outlines of lesions that lie in the liver"),
    ]  # fmt: skip
