"""Places, angles and findings in the words of a report."""

from __future__ import annotations

from collections.abc import Iterable

from planner.model.assessment import Finding, Source
from planner.model.plan import Applicator, Point
from planner.planning.needle_path import needle_angles_deg


def point_words(lps_mm: Point) -> str:
    """A place, to a tenth of a millimetre."""
    return "L {:.1f}  P {:.1f}  S {:.1f}".format(*lps_mm)


def angle_words(needle: Applicator) -> str:
    """How a needle lies to the axial plane."""
    in_plane, craniocaudal = needle_angles_deg(needle)
    return f"{in_plane:.0f}° in plane, {craniocaudal:.0f}° craniocaudal"


def source_words(source: Source) -> str:
    """Where a rule comes from, and how sure we are of it."""
    return f"{source.text} ({source.confidence.value})"


def finding_facts(findings: Iterable[Finding]) -> list[dict[str, str]]:
    """Findings as the page shows them."""
    return [
        {
            "severity": f.severity.value,
            "text": f.text,
            "source": source_words(f.source),
            "where": point_words(f.where_lps_mm) if f.where_lps_mm is not None else "",
        }
        for f in findings
    ]
