"""Why an entry of an access map is refused, in the words of a person, from the exact structures."""

from __future__ import annotations

from planner.model.plan import Applicator
from planner.model.roles import Role
from planner.planning.access import AccessMap
from planner.planning.access_ground import AccessGround
from planner.planning.access_rules import HAZARD_REFUSALS, HAZARD_ROLES, Hazard, Refusal
from planner.planning.anatomy import GROUPS, THICK_VESSEL_MM
from planner.planning.needle_path import NearestStructure, NeedlePath, judge_path

#: A vessel that a path passes nearer than this, or crosses, is named, refused or not.
NAMED_VESSEL_MM = 5.0

_PLURAL = frozenset({"bones", "lungs", "hepatic veins", "bile ducts", "kidneys"})


def why_refused(ground: AccessGround, access: AccessMap, index: int) -> str:
    """Why an entry is refused, such as ``crosses Colon; 3.1 mm from Portal vein``.

    The one path is judged by the exact structures, so they are named; where the map refused it by
    a hair that the exact judgement does not see, that is said.  Then comes what is not segmented.
    """
    needle = access.needle(index)
    path = judge_path(ground.anatomy, needle)
    broken = access.broken_rules(index)
    parts = [] if broken else ["allowed"]
    parts += _geometry(access, path, broken)
    for hazard in Hazard:
        parts += _hazard(access, path, hazard, HAZARD_REFUSALS[hazard] in broken)
    parts += _lesions(ground, access, needle, path, broken)
    return "; ".join([*parts, *unchecked_words(access.unchecked)])


def unchecked_words(unchecked: tuple[str, ...]) -> tuple[str, ...]:
    """What is not segmented, such as ``no bowel segmented: bowel is not checked``."""
    return tuple(
        f"no {name} segmented: {name} {'are' if name in _PLURAL else 'is'} not checked" for name in unchecked
    )


def _geometry(access: AccessMap, path: NeedlePath, broken: tuple[Refusal, ...]) -> list[str]:
    towards = "head" if path.craniocaudal_deg > 0 else "feet"
    words = {
        Refusal.NOT_STRAIGHT: "not in a straight line: the needle would leave the body on its way",
        Refusal.UNSCANNED: "the tip would lie outside the scan",
        Refusal.TABLE: "on the side the patient lies on",
        Refusal.GANTRY: f"out of the gantry's reach at {path.in_plane_deg:.0f}°",
        Refusal.TOO_LONG: f"needs {path.length_mm:.0f} mm of a device of {access.device_length_mm:.0f} mm",
        Refusal.TOO_STEEP: (
            f"tilted {abs(path.craniocaudal_deg):.0f}° towards the {towards}, "
            f"at most {access.rules.steepest_tilt_deg:.0f}°"
        ),
    }
    return [text for rule, text in words.items() if rule in broken]


def _hazard(access: AccessMap, path: NeedlePath, hazard: Hazard, is_refused: bool) -> list[str]:
    roles, limit = HAZARD_ROLES[hazard], access.rules.clearance_mm(hazard)
    if hazard is Hazard.VESSEL:
        crossed = _vessels(path)
    else:
        crossed = {s.structure: s.structure for s in path.crossings if s.role in roles}
    parts = [f"crosses {_listed(tuple(crossed.values()))}"] if crossed else []
    near = [path.nearest[g.id] for g in GROUPS if g.roles & roles and g.id in path.nearest]
    told = max(limit, NAMED_VESSEL_MM if hazard is Hazard.VESSEL else 0.0)
    for one in near:
        distance = one.nearest.distance_mm
        if distance < told and one.structure not in crossed:
            asked = f", {limit:g} mm are asked" if distance < limit else ""
            parts.append(f"{distance:.1f} mm from {one.structure}{asked}")
    if is_refused and near and not _explains(path, hazard, crossed, near, limit):
        one = min(near, key=lambda n: n.nearest.distance_mm)
        words = f"{one.nearest.distance_mm:.1f} mm from {one.structure}"
        parts = [p for p in parts if not p.startswith(words)]
        parts.append(f"{words}, too near for the map to tell")
    return parts


def _vessels(path: NeedlePath) -> dict[str, str]:
    """The vessels a path goes through, each with its width where that is largest."""
    widest: dict[str, float] = {}
    for crossing in path.vessel_crossings:
        name = crossing.stretch.structure
        widest[name] = max(widest.get(name, 0.0), crossing.diameter_mm)
    return {name: f"{name} ({width:.0f} mm wide)" for name, width in widest.items()}


def _explains(
    path: NeedlePath, hazard: Hazard, crossed: dict[str, str], near: list[NearestStructure], limit_mm: float
) -> bool:
    """Whether the exact judgement, too, sees a reason to refuse."""
    if hazard is Hazard.VESSEL:
        is_crossed = any(v.diameter_mm >= THICK_VESSEL_MM for v in path.vessel_crossings)
    else:
        is_crossed = bool(crossed)
    return is_crossed or any(n.nearest.distance_mm < limit_mm for n in near)


def _lesions(
    ground: AccessGround, access: AccessMap, needle: Applicator, path: NeedlePath, broken: tuple[Refusal, ...]
) -> list[str]:
    parts = []
    if Refusal.OTHER_LESION in broken:
        line = ground.anatomy.samples(needle.entry_lps_mm, needle.tip_lps_mm)
        found = dict.fromkeys(s.structure for s in line.stretches([Role.LESION]))
        others = tuple(name for name in found if name != access.lesion)
        parts.append(f"crosses {_listed(others)}" if others else "touches another lesion")
    if Refusal.PARENCHYMA in broken:
        before = path.parenchyma_before_lesion_mm
        if before is None:
            before = path.liver_traversed_mm
        parts.append(
            f"{before:.1f} mm of liver before {access.lesion}, {access.rules.parenchyma_mm:g} mm are asked"
        )
    return parts


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
