"""The chance that electrodes which lie elsewhere than planned still cover the lesion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from planner_plugins.electroporation.coverage import FieldAt
from planner_plugins.electroporation.estimate import mixed_law, share_in_lesions
from planner_plugins.electroporation.placed import PlacedArray
from planner_plugins.electroporation.settings import Settings

from planner.base.task import Task
from planner.model.assessment import Confidence, Finding, Metric, Severity, Source, Target
from planner.planning.electrode_robustness import FULL_PERCENT, CoveragePoints, all_positions, sample_coverage
from planner.planning.lesion_grounds import LesionGround, LesionGrounds
from planner.planning.placements import PLACEMENTS
from planner.planning.rules import Rule

#: Fewer samples tell nothing.
LEAST_SAMPLES = 50
#: The solved field is at most so many times that of the closed form at a point, or as little.
MOST_RATIO = 2.5
#: A plan is worth a warning below this chance.
CHANCE_AIM = 90.0

CHANCE_RULE = Source("chance of full coverage to aim at", Confidence.OUR_RULE)
CHANCE_LOW = Rule("chance_of_coverage_low", Severity.WARNING, CHANCE_RULE)


def chances(
    name: str,
    placed: Sequence[PlacedArray],
    grounds: LesionGrounds,
    field_at: FieldAt,
    settings: Settings,
    task: Task,
) -> tuple[list[Metric], list[Finding]]:
    """The chances of one lesion under the arrays that treat it; nothing where sampling is off.

    Samples are taken of the closed form, the largest field over arrays.  At each point it is scaled to what the solved field is there
    for the plan, so that vessels and the lesion's conductivity keep their say.
    """
    own = [p for p in placed if p.array.lesion == name]
    usable = [(p, p.solvable(settings.field_voxel_mm)) for p in own]
    usable = [(p, array) for p, array in usable if array.pairs]
    if settings.robustness_samples == 0 or not usable:
        return [], []
    arrays, radii = [array for _, array in usable], [p.radius_mm for p, _ in usable]
    law = mixed_law(share_in_lesions(usable[0][0], grounds), settings)
    rising = None if isinstance(law, float) else law
    points = _points(grounds.lesions[name], settings)
    closed = np.max(
        [
            all_positions(array, radius).field_v_per_cm(points.points_lps_mm, rising)
            for array, radius in zip(arrays, radii, strict=True)
        ],
        axis=0,
    )
    ratio = np.maximum(field_at(points.points_lps_mm), 1.0) / np.maximum(closed, 1.0)
    scaled = points.threshold_v_per_cm / np.clip(ratio, 1.0 / MOST_RATIO, MOST_RATIO)
    found = sample_coverage(
        arrays,
        CoveragePoints(points.points_lps_mm, points.lesion, points.grown, scaled),
        radii,
        placement=settings.placement,
        samples=max(LEAST_SAMPLES, settings.robustness_samples),
        seed=settings.seed,
        is_remeasured=settings.voltages_remeasured,
        law=rising,
        task=task,
    )
    way = PLACEMENTS[settings.placement]
    volts = (
        "voltages set anew to the distances found" if settings.voltages_remeasured else "voltages as planned"
    )
    method = (
        f"{max(LEAST_SAMPLES, settings.robustness_samples)} samples, seed {settings.seed}; electrodes"
        f" {way.title.lower()} ({way.lateral.value:g} mm across, {way.depth.value:g} mm along), {volts};"
        f" closed form scaled to the solved field; full means {FULL_PERCENT.value:g} %"
    )
    note = f"{way.title.lower()} ({way.lateral.label or way.lateral.confidence.value})"
    aim = Target(low=CHANCE_AIM, source=CHANCE_RULE)
    metrics = [
        Metric("chance_of_full_coverage_percent", found.lesion_percent, "%", name, method, aim, note=note),
        Metric("chance_of_plus_5mm_coverage_percent", found.grown_percent, "%", name, method, note=note),
        Metric("lesion_coverage_low_percent", found.lesion_coverage.low, "%", name, f"5th percentile of {method}"),
        Metric("spacing_off_mm", found.spacing_off.high, "mm", " + ".join(a.id for a in arrays),
               f"95th percentile of the most a pair's distance is off; {method}"),
    ]  # fmt: skip
    findings = []
    if found.lesion_percent < CHANCE_AIM:
        text = (
            f"The chance that {name} is covered is {found.lesion_percent:.0f} % ({way.title.lower()});"
            f" aim {CHANCE_AIM:g} %. Check the places on a control CT before pulsing."
        )
        findings.append(CHANCE_LOW.finding(text, name))
    return metrics, findings


def _points(ground: LesionGround, settings: Settings) -> CoveragePoints:
    filling = ground.filling
    return CoveragePoints.of(
        filling.points_lps_mm,
        filling.lesion,
        filling.grown_5mm,
        settings.tumor_threshold_v_per_cm,
        settings.liver_threshold_v_per_cm,
    ).thinned()
