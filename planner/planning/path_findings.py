"""What is wrong with a needle's path, in sentences; the same for every treatment with needles."""

from __future__ import annotations

from dataclasses import dataclass

from planner.compute.margin import PreparedMargin
from planner.model.assessment import Finding, Severity
from planner.model.plan import Applicator
from planner.model.roles import Role
from planner.planning import rules
from planner.planning.anatomy import THICK_VESSEL_MM
from planner.planning.devices import Device
from planner.planning.needle_path import NeedlePath

#: An entry deeper under the skin, and a longer stretch outside the scan, are said.
DEEP_ENTRY_MM, UNSCANNED_MM = 5.0, 1.0
#: A needle flatter to the capsule slips.
FLAT_DEG = 30.0
#: What was met by one sample of a line is said to be so long at least.
LEAST_CROSSING_MM = 0.3


@dataclass(frozen=True)
class PathJudgement:
    """How paths are judged.

    Parameters
    ----------
    lung_crossing, vessel_crossing
        How much a crossing of lung or pleura, and of a vessel of 3 mm or more, weighs.
    parenchyma_mm
        Liver to pass before a lesion at the capsule is reached.
    """

    lung_crossing: Severity = Severity.WARNING
    vessel_crossing: Severity = Severity.WARNING
    parenchyma_mm: float = 10.0


def path_findings(
    title: str, needle: Applicator, device: Device, path: NeedlePath, judgement: PathJudgement
) -> list[Finding]:
    """What a needle's path crosses, and where it is too long, flat, or outside body or scan.

    Parameters
    ----------
    title
        What people call the needle, within a sentence: ``probe p1``, ``electrode 2 of e1``.
    needle, device, path
        The needle, whose id is the findings' subject, and its path.
    judgement
        Limits and weights.
    """
    probe, begin = needle.id, title[:1].upper() + title[1:]
    found = []
    if path.length_mm > device.length.value:
        text = f"{begin} needs {path.length_mm:.0f} mm; {device.title} reaches {device.length.value:g} mm."
        found.append(rules.PATH_TOO_LONG.finding(text, probe, needle.entry_lps_mm))
    found += _crossings(begin, probe, path, judgement)
    if path.entry_depth_mm is not None and path.entry_depth_mm > DEEP_ENTRY_MM:
        text = (
            f"The entry of {title} lies {path.entry_depth_mm:.0f} mm under the skin:"
            " the path is judged from there on only."
        )
        found.append(rules.ENTRY_UNDER_SKIN.finding(text, probe, needle.entry_lps_mm))
    if path.is_tip_in_body is False:
        text = f"The tip of {title} lies outside the body."
        found.append(rules.TIP_OUTSIDE_BODY.finding(text, probe, needle.tip_lps_mm))
    if path.unscanned_mm > UNSCANNED_MM:
        text = f"{path.unscanned_mm:.0f} mm of the path of {title} lie outside the scan."
        found.append(rules.PATH_UNSCANNED.finding(text, probe, needle.entry_lps_mm))
    if path.capsule_angle_deg is not None and path.capsule_angle_deg < FLAT_DEG:
        text = f"{begin} meets the capsule at {path.capsule_angle_deg:.0f} degrees; a flat needle slips."
        found.append(rules.CAPSULE_ANGLE.finding(text, probe, path.capsule_place_lps_mm))
    return found


def _crossings(begin: str, probe: str, path: NeedlePath, judgement: PathJudgement) -> list[Finding]:
    """Organs, bones and vessels a needle goes through."""
    found = []
    for stretch in path.crossings:
        rule, severity = rules.CROSSES_ORGAN, None
        if stretch.role == Role.BONE:
            rule = rules.CROSSES_BONE
        elif stretch.role in (Role.LUNG, Role.PLEURA):
            rule, severity = rules.CROSSES_LUNG, judgement.lung_crossing
        length = max(stretch.length_mm, LEAST_CROSSING_MM)
        text = f"{begin} crosses {stretch.structure} over {length:.1f} mm."
        found.append(rule.finding(text, probe, stretch.middle_lps_mm, severity))
    for crossing in path.vessel_crossings:
        if crossing.diameter_mm >= THICK_VESSEL_MM:
            text = f"{begin} crosses {crossing.stretch.structure}, {crossing.diameter_mm:.1f} mm wide there."
            severity = judgement.vessel_crossing
            if crossing.stretch.role in (Role.AORTA, Role.VENA_CAVA):
                severity = Severity.STOP
            found.append(rules.CROSSES_VESSEL.finding(text, probe, crossing.stretch.middle_lps_mm, severity))
    return found


def approach_findings(
    title: str,
    needle: Applicator,
    path: NeedlePath,
    margin: PreparedMargin | None,
    judgement: PathJudgement,
) -> list[Finding]:
    """Whether a lesion at the capsule is reached through liver.

    Parameters
    ----------
    title, needle, path, judgement
        As in `path_findings`.
    margin
        The lesion the needle treats, or None.
    """
    before = path.parenchyma_before_lesion_mm
    at_capsule = margin is not None and bool(margin.is_capsule.any())
    if before is None or not at_capsule or before >= judgement.parenchyma_mm:
        return []
    text = (
        f"{title[:1].upper()}{title[1:]} passes {before:.1f} mm of liver before {needle.lesion},"
        f" which lies at the capsule; {judgement.parenchyma_mm:g} mm or more keep from bleeding and seeding."
    )
    return [rules.NO_PARENCHYMA.finding(text, needle.id, path.capsule_place_lps_mm)]
