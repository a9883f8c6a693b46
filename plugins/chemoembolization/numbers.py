"""The numbers of a chemoembolization beside what tips feed: scores, burden, order, what is spared and left."""

from __future__ import annotations

from collections.abc import Mapping

from planner_plugins.chemoembolization.settings import TUMOR_SHARE, Settings
from planner_plugins.chemoembolization.sheet import TargetingSheet

from planner.model.assessment import Metric, Target
from planner.planning.catheter_facts import PLAN
from planner.planning.eligibility import limit_of
from planner.planning.liver_scores import (
    NO_LESION,
    UP_TO_SEVEN,
    Score,
    TumorBurden,
    hap_score,
    six_and_twelve,
    up_to_seven,
)
from planner.planning.y90_limits import Disease

OF_HCC = "of hepatocellular carcinoma alone"
NO_LIVER = "no liver is outlined"


def burden_metrics(burden: TumorBurden, facts: Mapping[str, str], settings: Settings) -> list[Metric]:
    """How much tumour there is, and the scores it goes into."""
    most = limit_of(TUMOR_SHARE, settings.tumor_share_limit_percent)
    largest = burden.largest_mm
    return [
        *score_metrics(burden, facts, settings),
        Metric("lesions_count", float(burden.count), "", PLAN, "outlines of lesions that lie in the liver"),
        Metric(
            "largest_lesion_mm", largest, "mm", PLAN, "largest distance of two points of its outline, in space",
            note="" if largest is not None else NO_LESION,
        ),
        Metric(
            "tumor_share_percent", burden.share_percent, "%", PLAN, "volume of all lesions over that of the liver",
            Target(high=most.value, source=most.cited), note="" if burden.share_percent is not None else NO_LIVER,
        ),
    ]  # fmt: skip


def score_metrics(burden: TumorBurden, facts: Mapping[str, str], settings: Settings) -> list[Metric]:
    """Each score with what patients it puts this one among."""
    rows = (
        ("up_to_seven_score", up_to_seven(burden), Target(high=UP_TO_SEVEN.value, source=UP_TO_SEVEN.cited)),
        ("six_and_twelve_score", six_and_twelve(burden), None),
        ("hap_points_count", hap_score(burden, facts), None),
    )
    is_hcc = settings.disease == Disease.HCC.value
    return [
        Metric(name, score.value, "", PLAN, _cited(score), target, note=score.note)
        if is_hcc
        else Metric(name, None, "", PLAN, _cited(score), note=OF_HCC)
        for name, score, target in rows
    ]


def _cited(score: Score) -> str:
    return score.source.text


def sheet_metrics(sheet: TargetingSheet) -> list[Metric]:
    """Turn and tumour of each tip, what is left of each lesion, and the liver that is spared."""
    total, why = sheet.tumor_ml, "; ".join(sheet.locked)
    found = [
        Metric("vessels_count", float(len(sheet.vessels)), "", PLAN, "tips to be reached, one vessel each"),
        Metric("tumor_fed_volume_ml", sheet.perfusion.all.tumor_ml, "ml", PLAN, "of all lesions, by all tips together"),
        Metric("spared_normal_volume_ml", sheet.spared_normal_ml, "ml", PLAN, "liver without tumour that no tip feeds"),
        Metric(
            "spared_normal_percent", 100.0 * sheet.spared_normal_ml / sheet.normal_ml if sheet.normal_ml > 0 else None,
            "%", PLAN, "of the liver without tumour", note="" if sheet.normal_ml > 0 else "all of the liver is tumour",
        ),
    ]  # fmt: skip
    for row in sheet.vessels:
        id, tumor = row.target.id, row.fed.tumor_ml
        found += [
            Metric(
                "tips_before_count", None if why else float(row.number - 1), "", id,
                f"turn on the sheet: {sheet.order_words}", note=f"locked: {why}" if why else "",
            ),
            Metric("tumor_fed_volume_ml", tumor, "ml", id, row.basis),
            Metric(
                "tumor_fed_percent", 100.0 * tumor / total if total > 0 else None, "%", id,
                f"of all tumour in the liver; {row.basis}", note="" if total > 0 else NO_LESION,
            ),
            Metric("lesions_fed_count", float(len(row.lesions)), "", id, row.basis),
        ]  # fmt: skip
    found += [
        Metric(
            "lesion_uncovered_volume_ml", lesion.uncovered_ml, "ml", lesion.name,
            "of its volume, fed by no tip", note=feeders_words(lesion.feeders),
        )
        for lesion in sheet.lesions
    ]  # fmt: skip
    return found


def feeders_words(feeders: tuple[tuple[str, float], ...]) -> str:
    """Tips with what of a lesion each feeds, in a line."""
    return ", ".join(f"{id} {share:.0f} %" for id, share in feeders) or "fed by no tip"
