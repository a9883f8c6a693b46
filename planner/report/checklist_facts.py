"""A checklist as the report shows it: the statement first, then its lines."""

from __future__ import annotations

from typing import Any

from planner.model.assessment import Assessment, Check, CheckState
from planner.model.wording import unit_text, value_text
from planner.planning.rules import NOT_CHECKED
from planner.plugin.registry import Registry
from planner.report.report_words import finding_facts, point_words, source_words

SIGNS = {CheckState.FULFILLED: "✓", CheckState.NOT_FULFILLED: "✕", CheckState.UNKNOWN: "?"}


def checklist_facts(assessment: Assessment, registry: Registry) -> dict[str, Any]:
    """Statement, lines, what was measured, and what it rests on."""
    # What could not be checked stands behind what the checklist comes to.
    said = sorted(assessment.findings, key=lambda f: f.rule == NOT_CHECKED.id)
    manifest = registry.module(assessment.module).manifest
    subjects = [f.subject for f in said if f.subject] or [c.subject for c in assessment.checks if c.subject]
    return {
        "title": f"{manifest.title}: may it be done? {subjects[0] if subjects else ''}".rstrip(),
        "module": f"{manifest.title} {assessment.module_version}",
        "statements": finding_facts(said),
        "lines": [_line(c) for c in assessment.checks],
        "measured": "; ".join(
            f"{_words(m.name)} {value_text(m)} {unit_text(m)}{f' ({m.note})' if m.note else ''}"
            for m in assessment.metrics
        ),
        "inputs": dict(assessment.inputs),
    }


def _line(check: Check) -> dict[str, str]:
    return {
        "sign": SIGNS[check.state],
        "state": check.state.value,
        "kind": "stop" if check.is_absolute and check.state == CheckState.NOT_FULFILLED else "",
        "title": check.title,
        "text": check.text,
        "absolute": "absolute: not to be done where it does not hold" if check.is_absolute else "",
        "source": source_words(check.source),
        "where": point_words(check.where_lps_mm) if check.where_lps_mm is not None else "",
    }


def _words(name: str) -> str:
    """A metric's identifier as words, without its unit."""
    return name.rpartition("_")[0].replace("_", " ")
