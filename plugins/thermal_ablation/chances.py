"""The chance that a plan achieves its margin, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from planner_plugins.thermal_ablation.metrics import PlacedZone
from planner_plugins.thermal_ablation.settings import Settings

from planner.base.task import Task
from planner.compute.lesion_surface import nearest_points
from planner.model.assessment import Confidence, Finding, Metric, Severity, Source, Surface, Target
from planner.planning.lesion_grounds import LesionGround
from planner.planning.placements import PLACEMENTS
from planner.planning.robustness import (
    PlannedZone,
    Robustness,
    Uncertainties,
    sample_robustness,
)
from planner.planning.rules import Rule

CHANCE_RULE = Source(
    "planned margins are judged by the chance of 5 mm achieved (Laimer 2025, Eur Radiol 35:1046); 90 % is ours",
    Confidence.OUR_RULE,
)
CHANCE_LOW = Rule("chance_of_margin_low", Severity.WARNING, CHANCE_RULE)
SPREAD_ASSUMED = Rule(
    "zone_spread_assumed", Severity.INFO, Source("no published spread", Confidence.OUR_RULE)
)


def sampled_as(settings: Settings) -> Uncertainties:
    """What varies from sample to sample by the settings."""
    return Uncertainties(
        settings.placement, settings.zone_spread_percent / 100.0, settings.robustness_samples, settings.seed
    )


def sampling_words(uncertainties: Uncertainties) -> str:
    """How chances were sampled."""
    way = PLACEMENTS[uncertainties.placement]
    return (
        f"{uncertainties.samples} samples, seed {uncertainties.seed}; needles {way.title.lower()}"
        f" ({way.lateral.value:g} mm across, {way.depth.value:g} mm along), zones and outline varied"
    )


def lesion_chances(
    name: str, ground: LesionGround, placed: list[PlacedZone], settings: Settings, task: Task
) -> tuple[Robustness, list[Metric], list[Finding]]:
    """What one lesion's margin is worth under the plan's probes, in numbers and words."""
    uncertainties = sampled_as(settings)
    zones = [PlannedZone(p.needle, p.zone) for p in placed]
    found = sample_robustness(
        ground.margin, zones, uncertainties, without_capsule=settings.exclude_capsule, task=task
    )
    way, method = PLACEMENTS[settings.placement], sampling_words(uncertainties)
    note = f"{way.title.lower()} ({way.lateral.label or way.lateral.confidence.value})"
    target = None
    if settings.judged_as == "planned" and settings.planned_rule == "chance":
        target = Target(low=settings.chance_target_percent, source=CHANCE_RULE)
    metrics = [
        Metric(
            "chance_of_5mm_margin_percent", found.at_least_5mm_percent, "%", name, method, target, note=note
        ),
        Metric("chance_of_full_coverage_percent", found.full_coverage_percent, "%", name, method),
        Metric("minimal_margin_low_mm", found.low_mm, "mm", name, f"5th percentile of {method}"),
        Metric("minimal_margin_high_mm", found.high_mm, "mm", name, f"95th percentile of {method}"),
    ]
    findings = []
    if target is not None and not target.is_met(found.at_least_5mm_percent):
        weakest = int(np.argmin(found.chance_of_5mm_percent))
        x, y, z = (float(v) for v in ground.margin.outline.samples.points_lps_mm[weakest])
        text = (
            f"The chance of 5 mm all round {name} is {found.at_least_5mm_percent:.0f} %"
            f" ({way.title.lower()}); aim {settings.chance_target_percent:g} %."
        )
        findings.append(CHANCE_LOW.finding(text, name, (x, y, z)))
    return found, metrics, findings


def spread_findings(placed: list[PlacedZone], settings: Settings) -> list[Finding]:
    """Which zones' spread is assumed because none is published."""
    assumed = [p.needle.id for p in placed if p.zone.long_sd_mm is None or p.zone.short_sd_mm is None]
    if not assumed:
        return []
    text = (
        f"Zones of {', '.join(assumed)} are varied by {settings.zone_spread_percent:g} % of each axis:"
        " no spread is published (model assumption)."
    )
    return [SPREAD_ASSUMED.finding(text, ", ".join(assumed))]


def chance_surface(
    name: str, ground: LesionGround, found: Robustness, title: str = "lesion_chance_of_5mm"
) -> Surface:
    """The lesion with the chance of 5 mm at each corner of its mesh."""
    samples = ground.margin.outline.samples.points_lps_mm
    reach = float(np.ptp(samples, axis=0).max())
    _, nearest = nearest_points(ground.points_lps_mm, samples, reach)
    values = found.chance_of_5mm_percent[nearest].astype(np.float32)
    points = ground.points_lps_mm.astype(np.float32)
    return Surface(title, points, ground.triangles, values, "%", name)


def chances(
    grounds: Mapping[str, LesionGround],
    lesions: list[str],
    placed: list[PlacedZone],
    settings: Settings,
    task: Task,
) -> tuple[list[Metric], list[Finding], list[Surface]]:
    """The chances of all lesions of a plan; nothing where sampling is switched off."""
    metrics: list[Metric] = []
    findings: list[Finding] = []
    surfaces: list[Surface] = []
    if settings.robustness_samples == 0:
        return metrics, findings, surfaces
    for n, name in enumerate(lesions):
        part = task.part(n / len(lesions), (n + 1) / len(lesions))
        found, numbers, said = lesion_chances(name, grounds[name], placed, settings, part)
        metrics += numbers
        findings += said
        surfaces.append(chance_surface(name, grounds[name], found))
    return metrics, findings + spread_findings(placed, settings), surfaces
