"""Arrays the module proposes for a lesion: free paths, coverage of lesion and margin, least current."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from planner_plugins.electroporation.coverage import interpolated
from planner_plugins.electroporation.pulsed_field import pulsed_pairs, solve_pairs
from planner_plugins.electroporation.settings import Settings
from planner_plugins.electroporation.tissue_lattice import conductivity_law, tissue_lattice

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.conductivity import FieldLaw, FieldRamp, FieldSigmoid
from planner.model.case import Case
from planner.model.electrode_array import ElectrodeArray
from planner.model.geometry import FloatArray
from planner.model.plan import Plan
from planner.model.roles import Role
from planner.model.suggestion import Suggestion
from planner.planning.access_rules import AccessRules
from planner.planning.case_ground import access_ground_of
from planner.planning.device_library import device_library
from planner.planning.devices import ELECTROPORATION, Device
from planner.planning.electrode_arrays import spacings_mm
from planner.planning.electrode_goal import ElectrodeGoal
from planner.planning.electrode_robustness import CoveragePoints
from planner.planning.electrode_suggesting import SolvedField, suggest_arrays
from planner.planning.goal_points import goal_points
from planner.planning.lesion_grounds import LesionGround, lesion_grounds
from planner.planning.pulsed_tissues import PulsedClass
from planner.planning.suggested_arrays import SuggestedArray
from planner.plugin.hashing import structures_hash

#: Taken where neither the goal nor the plan names a device.
DEVICE = "generic-ire-19g"
#: What a goal may say.
GOAL_WORDS = ("lesion", "device", "margin_mm", "most_electrodes", "verify")
#: Voxels on which suggested arrays are checked: every array is solved up to three times.
CHECK_VOXEL_MM = 2.0
#: Answers to ``verify``.
_NO = (False, 0, "no", "false", "0")


def suggest(
    case: Case, plan: Plan, settings: Settings, goal: Mapping[str, Any], task: Task
) -> list[Suggestion]:
    """Candidate arrays for one lesion, best first; instruments of other lesions stay as they are.

    Parameters
    ----------
    case, plan, settings
        As in `assess`.
    goal
        ``lesion`` (the plan's first, or the case's only one), ``device`` (the plan's, else an
        electrode of 19 G), ``margin_mm`` (the setting's), ``most_electrodes`` (6), ``verify``
        (yes: the field is solved, and arrays that fall short are put right).

    Raises
    ------
    InvalidValue
        If the goal names what is not there, or cannot be reached.
    NoPath
        If no nearly parallel paths are allowed, with what blocks.
    """
    unknown = sorted(set(goal) - set(GOAL_WORDS))
    if unknown:
        raise InvalidValue(
            "A goal does not know this word.", ", ".join(unknown), f"It takes {', '.join(GOAL_WORDS)}."
        )
    lesion = _lesion(case, plan, str(goal.get("lesion") or ""))
    device = _device(plan, lesion, str(goal.get("device") or ""))
    margin_mm = _number(goal, "margin_mm", settings.margin_mm)
    if not 0.0 <= margin_mm <= 15.0:
        raise InvalidValue("The margin of a goal lies between 0 and 15 mm.", f"{margin_mm} mm")
    grounds = lesion_grounds(case.structures, structures_hash(case), task.part(0.0, 0.15), (lesion,))
    access = access_ground_of(case.structures, task.part(0.15, 0.3))
    ground = grounds.lesions[lesion]
    wanted = ElectrodeGoal(
        lesion,
        int(_number(goal, "most_electrodes", 6)),
        settings.least_spacing_mm,
        settings.most_spacing_mm,
        settings.parallel_tolerance_deg,
        most_current_a=_most_current_a(device),
    )

    def solved(array: ElectrodeArray, points_lps_mm: FloatArray, part: Task) -> SolvedField:
        return solved_field(case, ground, device, array, points_lps_mm, settings, part)

    found = suggest_arrays(
        access,
        coverage_points(ground, margin_mm, settings),
        device,
        wanted,
        liver_law(settings),
        rules=access_rules(settings),
        verify=None if goal.get("verify", True) in _NO else solved,
        task=task.part(0.3, 1.0),
    )
    return [_suggestion(plan, lesion, device, margin_mm, each, access.unchecked, settings) for each in found]


def access_rules(settings: Settings) -> AccessRules:
    """The rules by which a needle's entry is allowed, as the settings have them."""
    return AccessRules(is_lung_refused=settings.lung_crossing == "stop", parenchyma_mm=settings.parenchyma_mm)


def liver_law(settings: Settings) -> float | FieldLaw:
    """How the liver conducts: one number in S/m, or how it rises with the field."""
    law = conductivity_law(settings, PulsedClass.LIVER)
    return law if isinstance(law, FieldRamp | FieldSigmoid) else float(law[0])


def coverage_points(ground: LesionGround, margin_mm: float, settings: Settings) -> CoveragePoints:
    """Points that stand for a lesion and its margin within the liver, with their thresholds.

    With 5 mm they are those an assessment counts.
    """
    thresholds = settings.tumor_threshold_v_per_cm, settings.liver_threshold_v_per_cm
    if abs(margin_mm - 5.0) < 1e-9:
        filling = ground.filling
        return CoveragePoints.of(filling.points_lps_mm, filling.lesion, filling.grown_5mm, *thresholds)
    from scipy.spatial import cKDTree

    samples = ground.margin.outline.samples
    points, _ = goal_points(ground.margin, margin_mm)
    foot = cKDTree(samples.points_lps_mm).query(points)[1]
    outward = np.einsum("ij,ij->i", points - samples.points_lps_mm[foot], samples.normals_lps[foot])
    return CoveragePoints.of(points, (outward <= 1e-6).astype(float), np.ones(len(points)), *thresholds)


def solved_field(
    case: Case,
    ground: LesionGround,
    device: Device,
    array: ElectrodeArray,
    points_lps_mm: FloatArray,
    settings: Settings,
    task: Task,
) -> SolvedField:
    """The field of an array with all tissues, solved on voxels of `CHECK_VOXEL_MM` or the setting's."""
    coarse = replace(settings, field_voxel_mm=max(settings.field_voxel_mm, CHECK_VOXEL_MM))
    radius = 0.5 * device.diameter_mm
    bare = np.concatenate([e.exposed_ends_lps_mm for p in array.positions() for e in p.electrodes])
    outline = ground.margin.outline.samples.points_lps_mm
    lattice = tissue_lattice(case.structures, bare, array.direction, [outline], coarse)
    found = solve_pairs(lattice, pulsed_pairs([(array, radius)]), coarse, task)
    field_at = interpolated(found.grid, found.tissue_field_v_per_cm)
    most = max(c.current_a for c in found.currents)
    return SolvedField(field_at(points_lps_mm), most, f"field solved on {coarse.field_voxel_mm:g} mm voxels")


def _suggestion(
    plan: Plan,
    lesion: str,
    device: Device,
    margin_mm: float,
    found: SuggestedArray,
    unchecked: tuple[str, ...],
    settings: Settings,
) -> Suggestion:
    kept = replace(
        plan,
        instruments=tuple(i for i in plan.instruments if i.lesion != lesion or i.kind != "electrode_array"),
    )
    array = replace(found.array, id=kept.free_id("e"))
    count = len(array.electrodes)
    near, far = spacings_mm(array.electrodes)
    volts = [p.voltage_v for p in array.pairs]
    least, most = min(volts), max(volts)
    apart = f"{near:.0f}" if round(near) == round(far) else f"{near:.0f} to {far:.0f}"
    given = f"{least:.0f} V" if least == most else f"{least:.0f} to {most:.0f} V"
    how = found.solved or "estimated by the closed form in liver alone, not solved"
    percent, grown = _percent(found.covered.lesion), _percent(found.covered.grown)
    words = [
        f"{count} electrodes {apart} mm apart, {array.electrodes[0].exposure_mm:g} mm bare",
        f"{_times(array)}{len(array.pairs)} pairs of {given} ({found.nominal_v_per_cm:g} V/cm nominal V/d)",
        f"{found.largest_current_a:.0f} A at most",
        (
            f"lesion {percent} %, with {margin_mm:g} mm {grown} % at {settings.tumor_threshold_v_per_cm:g} and"
            f" {settings.liver_threshold_v_per_cm:g} V/cm ({how})"
        ),
    ]
    if not found.covered.is_full:
        low = f"{_percent(found.covered.lesion_500)} and {_percent(found.covered.grown_500)} %"
        words.append(f"falls short of full coverage (at 500 V/cm {low})")
    limit = device.emitter.get("max_current")
    if limit is not None and found.largest_current_a > limit.value:
        words.append(f"more current than the generator gives ({limit.value:g} A)")
    clearance = found.least_clearance_mm
    if clearance is not None:
        words.append(f"paths {clearance:.1f} mm or more from bone, wide vessels and organs")
    if found.through_lung:
        words.append(f"{found.through_lung} through lung or pleura")
    why = f"{found.aim[:1].upper()}{found.aim[1:]}: {', '.join(words)}"
    why += f"; not checked: {', '.join(unchecked)}" if unchecked else ""
    scores = {
        "electrodes_count": float(count),
        "lesion_coverage_percent": found.covered.lesion,
        f"lesion_plus_{margin_mm:g}mm_coverage_percent".replace(".", "_"): found.covered.grown,
        "largest_current_a": found.largest_current_a,
        "pair_voltage_most_v": most,
        "longest_path_mm": max(e.length_mm for e in array.electrodes),
        "is_field_solved": float(bool(found.solved)),
    }
    if clearance is not None:
        scores["least_path_clearance_mm"] = clearance
    return Suggestion(f"{count} electrodes, {found.aim}", why, kept.with_instrument(array), scores)


def _times(array: ElectrodeArray) -> str:
    if not array.pull_backs:
        return ""
    word = "once" if array.pull_backs == 1 else f"{array.pull_backs} times"
    return f"pulled back {word} by {array.pull_back_mm:.0f} mm, "


def _percent(value: float) -> str:
    """Never rounded up to all."""
    return "100" if value >= 99.95 else f"{min(value, 99.9):.1f}"


def _lesion(case: Case, plan: Plan, name: str) -> str:
    lesions = [s.name for s in case.structures.with_role(Role.LESION)]
    if name and name not in lesions:
        raise InvalidValue(
            "There is no such lesion.", name, f"Choose one of: {', '.join(lesions) or 'none there'}."
        )
    planned = [i.lesion for i in plan.instruments if i.lesion in lesions]
    chosen = name or next(iter(planned), "") or (lesions[0] if len(lesions) == 1 else "")
    if not chosen:
        raise InvalidValue(
            "Which lesion?", case.title, f"Choose one of: {', '.join(lesions) or 'none there'}."
        )
    return chosen


def _device(plan: Plan, lesion: str, name: str) -> Device:
    own = [a.device for a in plan.electrode_arrays if a.lesion == lesion]
    device = device_library().device(name or (own[0] if own else DEVICE))
    if device.modality != ELECTROPORATION:
        raise InvalidValue(
            "This device is no electrode for electroporation.",
            device.title,
            "Choose an electrode of the library.",
        )
    return device


def _most_current_a(device: Device) -> float:
    limit = device.emitter.get("max_current")
    return limit.value if limit is not None else 50.0


def _number(goal: Mapping[str, Any], word: str, default: float) -> float:
    try:
        return float(goal.get(word, default))
    except (TypeError, ValueError):
        raise InvalidValue("This word of the goal is a number.", f"{word} = {goal[word]}") from None
