"""Plans the module proposes for a lesion: the fewest probes with allowed paths, and other trades."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from planner_plugins.thermal_ablation.focus_suggestions import suggested_foci
from planner_plugins.thermal_ablation.grounds import prepare_grounds
from planner_plugins.thermal_ablation.settings import Settings

from planner.base.errors import InvalidValue, PlannerError
from planner.base.task import Task
from planner.compute.in_threads import in_threads
from planner.compute.margin import PreparedMargin
from planner.model.case import Case
from planner.model.plan import Plan
from planner.model.roles import Role
from planner.model.suggestion import Suggestion
from planner.planning.access_ground import AccessGround
from planner.planning.access_rules import AccessRules
from planner.planning.case_ground import access_ground_of
from planner.planning.device_library import device_library
from planner.planning.devices import ELECTROPORATION, Device
from planner.planning.lesion_grounds import LesionGrounds
from planner.planning.margin_chance import chance_of_margin_percent
from planner.planning.robustness import PlannedZone, Uncertainties
from planner.planning.suggesting import Goal, NoPath, SuggestedNeedles, judged_margin_mm, suggest_needles

#: Taken where neither the goal nor the plan names a device.
DEVICE = "generic-mwa-2450"
#: So many plans are shown at most, and looked for at least.
SHOWN, FEWEST = 5, 3
#: Where there are fewer, margins at these shares of the way to the wider one are tried too.
BETWEEN = (0.5, 0.2)
#: Beside the margin that is asked for, plans for this one are shown: 10 mm is ideal (reference sheet A9).
WIDER_MM = 10.0
#: Settings and a margin to search with, and what it is called.
_Way = tuple[str, Mapping[str, float], float]
#: What a goal may say.
GOAL_WORDS = ("lesion", "device", "margin_mm", "most_needles")


def suggest(
    case: Case, plan: Plan, settings: Settings, goal: Mapping[str, Any], task: Task
) -> list[Suggestion]:
    """Candidate plans for one lesion, best first; probes of other lesions stay as they are.

    Parameters
    ----------
    case, plan, settings
        As in `assess`.
    goal
        ``lesion`` (the plan's first, or the case's only one), ``device`` (the plan's, else a
        microwave antenna), ``margin_mm`` (5), ``most_needles`` (6).

    Raises
    ------
    InvalidValue
        If the goal names what is not there, or cannot be reached.
    PlannerError
        If no path is allowed, with what blocks.
    """
    unknown = sorted(set(goal) - set(GOAL_WORDS))
    if unknown:
        raise InvalidValue(
            "A goal does not know this word.", ", ".join(unknown), f"It takes {', '.join(GOAL_WORDS)}."
        )
    lesion = _lesion(case, plan, str(goal.get("lesion", "")))
    device, device_settings = _device(plan, lesion, str(goal.get("device", "")))
    wanted = Goal(lesion, _number(goal, "margin_mm", 5.0), int(_number(goal, "most_needles", 6)))
    grounds, ground = _grounds(case, settings, lesion, task.part(0.0, 0.4))
    rules = access_rules(settings)
    if device.modality == ELECTROPORATION:
        raise InvalidValue(
            "An electrode for electroporation heats nothing.",
            device.title,
            "Choose another device, or ask for electrodes.",
        )
    if not device.is_needle:
        wider = (wanted.margin_mm, WIDER_MM) if wanted.margin_mm < WIDER_MM else (wanted.margin_mm,)
        return suggested_foci(
            plan, lesion, ground, grounds.lesions[lesion].margin, device, device_settings, wider,
            settings, rules, task.part(0.4, 1.0),
        )[:SHOWN]  # fmt: skip
    ways = _ways(device, device_settings, settings.allow_ex_vivo, wanted.margin_mm)
    found: list[tuple[str, SuggestedNeedles]] = []
    refusal: PlannerError | None = None

    def search(way: _Way, part: Task) -> None:
        nonlocal refusal
        title, values, margin_mm = way
        try:
            plans = suggest_needles(
                ground,
                grounds.lesions[lesion].margin,
                device,
                values,
                replace(wanted, margin_mm=margin_mm),
                rules=rules,
                allow_ex_vivo=settings.allow_ex_vivo,
                task=part,
            )
        except NoPath:
            raise  # it is of the skin, and so of every way
        except PlannerError as error:
            refusal = refusal or error
        else:
            found.extend((title, p) for p in plans)

    for n, way in enumerate(ways):
        search(way, task.part(0.4 + 0.4 * n / len(ways), 0.4 + 0.4 * (n + 1) / len(ways)))
    if not found:
        assert refusal is not None
        raise refusal
    # A large lesion leaves few ways; margins between give a choice.
    between = [w for w in _between(ways, wanted.margin_mm) if w[0].split(",")[0] in {t for t, _ in found}]
    for n, way in enumerate(between):
        if len(_most_different(found)) >= FEWEST:
            break
        search(way, task.part(0.8 + 0.1 * n / len(between), 0.8 + 0.1 * (n + 1) / len(between)))
    chosen = _most_different(found)
    margin = grounds.lesions[lesion].margin
    quiet = _quiet(task)
    chances = in_threads(lambda item: _chance_percent(margin, device, item[1], settings, quiet), chosen, task)
    made = []
    for n, ((title, each), chance) in enumerate(zip(chosen, chances, strict=True)):
        task.report(0.9 + 0.1 * n / len(chosen), "Chances of the plans")
        made.append(_suggestion(plan, lesion, device, title, each, ground.unchecked, chance))
    return made


def _grounds(case: Case, settings: Settings, lesion: str, task: Task) -> tuple[LesionGrounds, AccessGround]:
    """The lesion's ground and that of access maps, made at the same time."""
    quiet = _quiet(task)
    with ThreadPoolExecutor(1) as pool:
        access = pool.submit(access_ground_of, case.structures, quiet)
        try:
            grounds = prepare_grounds(case, settings, task, (lesion,))
        except BaseException:
            quiet.cancel()
            raise
        return grounds, access.result()


def _quiet(task: Task) -> Task:
    """A task that only asks another whether to go on: two that report would make its bar go back and forth."""
    return Task(lambda _fraction, _words: task.check())


def _placed(found: SuggestedNeedles) -> tuple[object, ...]:
    """What is placed, apart from the needles' ids."""
    return tuple((n.entry_lps_mm, n.tip_lps_mm, tuple(n.settings.items())) for n in found.needles)


def _chance_percent(
    margin: PreparedMargin, device: Device, found: SuggestedNeedles, settings: Settings, task: Task
) -> float | None:
    """Chance of 5 mm as the assessment samples it; None where sampling is switched off."""
    if settings.robustness_samples == 0:
        return None
    spread = settings.zone_spread_percent / 100.0
    uncertain = Uncertainties(settings.placement, spread, settings.robustness_samples, settings.seed)
    zones = [PlannedZone(n, device.zone(n.settings, settings.allow_ex_vivo)) for n in found.needles]
    return chance_of_margin_percent(
        margin, zones, uncertain, without_capsule=settings.exclude_capsule, task=task
    )


def _most_different(found: list[tuple[str, SuggestedNeedles]]) -> list[tuple[str, SuggestedNeedles]]:
    """At most five, the fewest needles and the least liver first; every way is there before its second plan."""

    def order(item: tuple[str, SuggestedNeedles]) -> tuple[int, float]:
        return len(item[1].needles), item[1].report.liver_outside_lesion_ml or 0.0

    once: dict[object, tuple[str, SuggestedNeedles]] = {}
    for item in found:  # two ways may lead to the same needles
        once.setdefault(_placed(item[1]), item)
    ranked = sorted(once.values(), key=order)
    firsts, seen = [], set()
    for item in ranked:
        if item[0] not in seen:
            seen.add(item[0])
            firsts.append(item)
    rest = [item for item in ranked if item not in firsts]
    return sorted((firsts + rest)[:SHOWN], key=order)


def access_rules(settings: Settings) -> AccessRules:
    """The rules by which an entry is allowed, as the settings have them."""
    sector = (settings.gantry_from_deg, settings.gantry_to_deg)
    return AccessRules(
        bone_clearance_mm=settings.bone_clearance_mm,
        organ_clearance_mm=settings.organ_clearance_mm,
        vessel_clearance_mm=settings.vessel_clearance_mm,
        is_lung_refused=settings.lung_crossing == "stop",
        parenchyma_mm=settings.parenchyma_mm,
        steepest_tilt_deg=settings.steepest_tilt_deg,
        table_lps=(0.0, 1.0, 0.0) if settings.is_patient_on_back else None,
        gantry_sector_deg=None if sector[1] - sector[0] >= 360.0 else sector,
    )


def _lesion(case: Case, plan: Plan, name: str) -> str:
    lesions = [s.name for s in case.structures.with_role(Role.LESION)]
    if name and name not in lesions:
        raise InvalidValue("There is no such lesion.", name, f"Choose one of: {', '.join(lesions)}.")
    planned = [i.lesion for i in plan.instruments if i.lesion in lesions]
    chosen = name or next(iter(planned), "") or (lesions[0] if len(lesions) == 1 else "")
    if not chosen:
        raise InvalidValue(
            "Which lesion?", case.title, f"Choose one of: {', '.join(lesions) or 'none there'}."
        )
    return chosen


def _device(plan: Plan, lesion: str, name: str) -> tuple[Device, Mapping[str, float]]:
    own = [a for a in plan.instruments if a.lesion == lesion and name in ("", a.device)]
    device = device_library().device(name or (own[0].device if own else DEVICE))
    return device, own[0].settings if own else device.defaults


def _number(goal: Mapping[str, Any], word: str, default: float) -> float:
    try:
        return float(goal.get(word, default))
    except (TypeError, ValueError):
        raise InvalidValue("This word of the goal is a number.", f"{word} = {goal[word]}") from None


def _ways(device: Device, values: Mapping[str, float], allow_ex_vivo: bool, margin_mm: float) -> list[_Way]:
    """Settings and margins to try: as asked, a wider margin, and the device's smallest and largest zone."""
    ways: dict[tuple[tuple[str, float], ...], str] = {tuple(sorted(values.items())): "as set"}
    rows = device.usable_rows(allow_ex_vivo)
    if rows:
        rows = tuple(sorted(rows, key=lambda r: (r.long_axis_mm or 0.0) * (r.short_axis_mm or 0.0) ** 2))
        for title, row in (("largest zone", rows[-1]), ("smallest zone", rows[0])):
            ways.setdefault(tuple(sorted(row.settings.items())), title)
    found: list[_Way] = []
    for key, title in ways.items():
        found.append((title, dict(key), margin_mm))
        if margin_mm < WIDER_MM and title != "smallest zone":
            found.append((f"{title}, for {WIDER_MM:g} mm", dict(key), WIDER_MM))
    return found


def _between(ways: Sequence[_Way], margin_mm: float) -> list[_Way]:
    """The ways as asked with margins between that one and the wider one."""
    asked = [(title, values) for title, values, margin in ways if margin == margin_mm]
    margins = [margin_mm + share * (WIDER_MM - margin_mm) for share in BETWEEN if margin_mm < WIDER_MM]
    return [(f"{title}, for {m:.3g} mm", values, m) for m in margins for title, values in asked]


def _suggestion(
    plan: Plan,
    lesion: str,
    device: Device,
    title: str,
    found: SuggestedNeedles,
    unchecked: tuple[str, ...],
    chance_percent: float | None,
) -> Suggestion:
    kept = replace(plan, instruments=tuple(i for i in plan.instruments if i.lesion != lesion))
    for needle in found.needles:
        kept = kept.with_instrument(replace(needle, id=kept.free_id()))
    count = len(found.needles)
    clearance = min(
        (e.least_clearance_mm for e in found.entries if e.least_clearance_mm is not None), default=None
    )
    margin = judged_margin_mm(found.report)
    aim = {"path": "safest paths", "liver": "least healthy liver", "short": "shortest paths"}[found.aim]
    why = (
        f"{count} position{'s' * (count > 1)} of {device.title} ({title}), {aim}: margin {margin:.1f} mm,"
        f" {found.report.liver_outside_lesion_ml or 0.0:.0f} ml of liver beside the lesion"
    )
    if chance_percent is not None:
        why += f", chance of 5 mm all round {chance_percent:.0f} %"
    if clearance is not None:
        why += f", paths {clearance:.0f} mm or more from what may be hurt"
    why += "; fewest possible among the positions tried" if found.cover.is_optimal else ""
    why += f"; not checked: {', '.join(unchecked)}" if unchecked else ""
    scores = {
        "probes_count": float(count),
        "minimal_margin_mm": margin,
        "lesion_coverage_percent": found.report.lesion_coverage_percent,
        "lesion_plus_5mm_coverage_percent": found.report.grown_coverage_percent[0],
        "liver_destroyed_ml": float(found.report.liver_outside_lesion_ml or 0.0),
        "longest_path_mm": max(e.length_mm for e in found.entries),
        "bound_gap_percent": found.cover.gap_percent,
    }
    if chance_percent is not None:
        scores["chance_of_5mm_margin_percent"] = chance_percent
    if clearance is not None:
        scores["least_path_clearance_mm"] = clearance
    return Suggestion(f"{count} × {title}, {aim}", why, kept, scores)
