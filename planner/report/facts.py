"""What a report says, in words and numbers for its page: patient, instruments, answers of modules."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import planner
from planner.model.assessment import Assessment
from planner.model.case import Case
from planner.model.plan import Applicator, FocusGrid, Plan
from planner.model.wording import interval_text, mark, scan_words, target_text, unit_text, value_text
from planner.planning.device_library import device_library
from planner.planning.fed_table import BY_TIP
from planner.planning.placing import center_offset_mm
from planner.plugin.hashing import plan_hash
from planner.plugin.registry import Registry
from planner.report.checklist_facts import checklist_facts
from planner.report.electrode_facts import array_facts, subject_words
from planner.report.pair_table import SHOWN
from planner.report.report_words import angle_words, finding_facts, point_words
from planner.report.resection_facts import resection_facts


def report_facts(
    case: Case, plan: Plan, assessments: tuple[Assessment, ...], registry: Registry
) -> dict[str, Any]:
    """All that stands on the page beside its pictures, by the names the template knows."""
    patient = case.patient
    image = case.images[0] if case.images else None
    known = (
        ("Name", patient.name),
        ("ID", patient.id),
        ("Born", patient.birth_date),
        ("Sex", patient.sex),
        ("Age", f"{patient.age_y:g} years" if patient.age_y is not None else ""),
        ("Height", f"{patient.height_cm:g} cm" if patient.height_cm is not None else ""),
        ("Weight", f"{patient.weight_kg:g} kg" if patient.weight_kg is not None else ""),
        ("Child-Pugh", patient.child_pugh),
    )
    return {
        "title": case.title,
        "patient": [(k, v or "unknown") for k, v in known],
        "scan": " ".join(scan_words(image)) if image else "no scan",
        "spacing": " × ".join(f"{s:.2f}" for s in image.grid.spacing_mm) + " mm" if image else "",
        "plan": plan,
        "probes": [*(_probe_row(a) for a in plan.applicators), *(_foci_row(g) for g in plan.focus_grids)],
        "arrays": array_facts(plan, assessments),
        "resections": resection_facts(plan),
        # A checklist rests on the case alone; what judged no plan has no numbers of it.
        "modules": [
            _module_facts(a, plan, registry) for a in assessments if not a.checks or "plan" in a.inputs
        ],
        "checklists": [checklist_facts(a, registry) for a in assessments if a.checks],
        "notes": case.notes,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": planner.__version__,
        "plan_hash": plan_hash(plan),
    }


def _probe_row(probe: Applicator) -> dict[str, str]:
    return {
        "id": probe.id,
        "device": device_library().title_of(probe.device),
        "settings": ", ".join(f"{k} {v:g}" for k, v in probe.settings.items()),
        "lesion": probe.lesion,
        "entry": point_words(probe.entry_lps_mm),
        "target": _target_words(probe),
        "tip": point_words(probe.tip_lps_mm),
        "depth": f"{probe.length_mm:.1f} mm",
        "angles": angle_words(probe),
    }


def _foci_row(grid: FocusGrid) -> dict[str, str]:
    return {
        "id": grid.id,
        "device": device_library().title_of(grid.device),
        "settings": ", ".join(f"{k} {v:g}" for k, v in grid.settings.items()),
        "lesion": grid.lesion,
        "entry": f"window of {len(grid.window_lps_mm)} points about {point_words(grid.window_middle_lps_mm)}"
        if grid.window_lps_mm
        else "no window",
        "target": f"{len(grid.foci_lps_mm)} foci about {point_words(grid.middle_lps_mm)}",
        "tip": "",
        "depth": f"{math.dist(grid.window_middle_lps_mm, grid.middle_lps_mm):.1f} mm",
        "angles": "",
    }


def _target_words(probe: Applicator) -> str:
    """Where the zone's centre lies, and how far behind the tip."""
    devices = device_library().devices
    if probe.device not in devices:
        return "unknown"
    offset = center_offset_mm(devices[probe.device], probe.settings)
    x, y, z = (float(v) for v in probe.point_behind_tip(offset))
    return f"{point_words((x, y, z))} ({offset:.1f} mm behind the tip)"


def _module_facts(assessment: Assessment, plan: Plan, registry: Registry) -> dict[str, Any]:
    manifest = registry.module(assessment.module).manifest
    titles = {m.name: m.title for s in manifest.sections for m in s.metrics}
    rows = [
        {
            "subject": subject_words(m.subject, plan),
            "title": titles.get(m.name) or _words(m.name),
            "name": m.name,
            "value": value_text(m),
            "unit": unit_text(m),
            "mark": mark(m),
            "target": target_text(m.target),
            "interval": interval_text(m),
            "method": m.method,
            "note": m.note,
        }
        for m in assessment.metrics
        if m.name not in (*SHOWN, BY_TIP)
    ]
    simulated = {m.name for s in manifest.sections_of("simulate") for m in s.metrics}
    is_simulation = bool(assessment.metrics) and assessment.metrics[0].name in simulated
    return {
        "title": f"{manifest.title}, simulated (model)" if is_simulation else manifest.title,
        "version": assessment.module_version,
        "rows": rows,
        "headlines": {m.name for s in manifest.sections for m in s.metrics if m.is_headline},
        "findings": finding_facts(assessment.findings),
        "settings": dict(assessment.settings),
        "inputs": dict(assessment.inputs),
    }


def _words(name: str) -> str:
    """A metric's identifier as words, without its unit."""
    return name.rpartition("_")[0].replace("_", " ").capitalize()
