"""Rules that several needle treatments share, each with its source."""

from __future__ import annotations

from dataclasses import dataclass

from planner.model.assessment import Confidence, Finding, Severity, Source
from planner.model.plan import Point

_RULE = Confidence.OUR_RULE
_KNOWN = Confidence.ESTABLISHED
_READ = Confidence.SOURCE_READ


@dataclass(frozen=True)
class Rule:
    """A rule findings refer to."""

    id: str
    severity: Severity
    source: Source

    def finding(
        self,
        text: str,
        subject: str = "",
        where_lps_mm: Point | None = None,
        severity: Severity | None = None,
    ) -> Finding:
        """A finding by this rule, with its severity unless another is given."""
        return Finding(self.id, severity or self.severity, text, subject, where_lps_mm, self.source)


def _rule(id: str, severity: Severity, text: str, confidence: Confidence) -> Rule:
    return Rule(id, severity, Source(text, confidence))


_TRAJECTORY = "trajectory rules: Seitel 2011 Med Phys; Schumann 2010; our distances"

NOT_CHECKED = _rule("not_checked", Severity.WARNING, "what is not segmented cannot be checked", _RULE)
LIVER_CUT = _rule("liver_cut_by_scan", Severity.WARNING, "the scan does not hold the whole liver", _RULE)
LESION_PARTLY_OUTSIDE = _rule("lesion_partly_outside_liver", Severity.WARNING, "segmentation check", _RULE)
CROSSES_BONE = _rule("path_crosses_bone", Severity.STOP, _TRAJECTORY, _KNOWN)
CROSSES_ORGAN = _rule("path_crosses_organ", Severity.STOP, _TRAJECTORY, _KNOWN)
CROSSES_LUNG = _rule("path_crosses_lung", Severity.WARNING, _TRAJECTORY, _RULE)
CROSSES_VESSEL = _rule(
    "path_crosses_vessel", Severity.WARNING, "no vessel of 3 mm or more on the path; " + _TRAJECTORY, _RULE
)
CROSSES_LESION = _rule("path_crosses_other_lesion", Severity.WARNING, "seeding; " + _TRAJECTORY, _RULE)
NO_PARENCHYMA = _rule(
    "no_parenchyma_before_lesion", Severity.WARNING, "10-20 mm of liver before a subcapsular lesion", _RULE
)
PATH_TOO_LONG = _rule("path_longer_than_device", Severity.STOP, "the device's shaft length", _KNOWN)
PATH_UNSCANNED = _rule("path_outside_scan", Severity.WARNING, "only what was scanned can be checked", _RULE)
ENTRY_UNDER_SKIN = _rule(
    "entry_under_skin", Severity.WARNING, "the entry is where the shaft passes the skin", _RULE
)
TIP_OUTSIDE_BODY = _rule("tip_outside_body", Severity.STOP, "a needle that treats nothing", _RULE)
CAPSULE_ANGLE = _rule("capsule_angle_flat", Severity.WARNING, "20-30 degrees or more from the tangent", _RULE)
BREATH_HOLD = _rule("this_breath_hold", Severity.INFO, "organs move with breath and position", _RULE)
