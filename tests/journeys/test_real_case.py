"""The real case through the real window: from its DICOM folder to a judged, saved, reported probe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QDialog

from planner.session.placing import center_of

pytestmark = [pytest.mark.window, pytest.mark.realdata]

ROOT = os.environ.get("LIVER_PLANNER_DATA", "") or str(
    Path(__file__).resolve().parents[3] / "shared" / "data"
)
CASE = Path(ROOT) / "ircadb01_p01"


@pytest.mark.skipif(
    not CASE.exists(), reason="the real case ircadb01_p01 is not here (LIVER_PLANNER_DATA names its folder)"
)
def test_from_the_dicom_folder_to_a_judged_probe(
    hands: Callable[[int, int], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand = hands(1920, 1000)
    window, session = hand.window, hand.window.session
    monkeypatch.setattr("planner.desktop.case_work.ask", lambda *_: "Close")
    window.work.open_paths([CASE])
    hand.wait(lambda: session.is_open, "the import of the real case", 200)
    for dialog in window.findChildren(QDialog, "textDialog"):
        dialog.close()
    structures = session.case.structures
    assert structures.voxel_count("liver") == 2865131
    assert structures.volume_ml("livertumor05") == pytest.approx(10.10, abs=0.01)
    hand.wait(lambda: not window.jobs.is_running, "surfaces", 200)
    hand.wait(lambda: session.judgements.is_ready("thermal_ablation"), "the judgement to be prepared", 300)

    axial = window.views.axial
    center = center_of(structures, "livertumor03")
    session.selection.move_cursor(center)
    hand.settle()
    hand.click(axial, QPointF(axial.width() * 0.5, 14))
    session.selection.move_cursor(center)
    hand.key("p")
    hand.click(axial, axial.view_of(center))
    hand.click(axial, axial.view_of(tuple(np.array(center) + (-20.0, -60.0, 0.0))))
    judgements = session.judgements
    hand.settle(0.5)
    hand.wait(lambda: judgements.of("thermal_ablation").state == "current", "the whole assessment", 300)
    probe = session.plan.instrument("p1")
    assert probe.lesion == "livertumor03"
    found = judgements.of("thermal_ablation").assessment
    assert found.metric("lesion_volume_ml", "livertumor03").value == pytest.approx(3.74, abs=0.01)
    assert found.findings[0].rule == "not_checked"
    hand.key("ctrl+s")
    assert session.is_plan_saved
    folder = session.folder.path
    command = [
        sys.executable,
        "-m",
        "planner",
        "assess",
        str(folder),
        "A",
        "--module",
        "thermal_ablation",
        "--json",
    ]
    answer = json.loads(
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout
    )
    assert {(m["name"], m["subject"]): m["value"] for m in answer["metrics"]} == {
        (m.name, m.subject): m.value for m in found.metrics
    }
    window.work.write_report(tmp_path / "report")
    hand.wait((tmp_path / "report" / "report.pdf").exists, "the report", 200)
    hand.settle(0.5)
    hand.picture(tmp_path / "real.png")
