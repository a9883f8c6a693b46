"""What a module is told of one patient: kept with the case, undone with it, never taken to another one."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "planning"))
from arterial_case import artery, structures

from planner.base.errors import InvalidValue
from planner.cli import main
from planner.io.plan_file import write_plan
from planner.library.case_folder import create_case_folder, open_case_folder
from planner.library.index import LibraryIndex
from planner.model.case import Case, Patient
from planner.model.catheter import Agent, AgentType, CatheterTarget
from planner.model.image import Image
from planner.model.plan import Plan
from planner.session.session import Session
from planner.session.user_settings import SettingsFile

MODULE = "radioembolization"
VIAL = {
    "vial_activity_gbq": 3.0,
    "vial_calibrated_at": "2026-12-01 12:00",
    "treated_at": "2026-12-02 12:00",
}


def folder_of(tmp_path: Path, id: str) -> Path:
    block = structures()
    image = Image("ct", "CT", block.grid, np.zeros(block.grid.shape, np.int16), "CT", "HU")
    tree = replace(artery(), is_confirmed=True)
    told = Patient().with_facts({"lung_shunt_percent": "5", "tumor_to_normal_ratio": "3"})
    create_case_folder(Case(id, id, (image,), (block,), told, vessel_trees=(tree,)), tmp_path / id)
    return tmp_path / id


def session_of(tmp_path: Path) -> Session:
    return Session(index=LibraryIndex(tmp_path / "library"), settings_file=SettingsFile(tmp_path / "own"))


def test_they_are_the_cases_and_can_be_undone(tmp_path: Path) -> None:
    first, other = folder_of(tmp_path, "a"), folder_of(tmp_path, "b")
    session = session_of(tmp_path)
    session.open_folder(first)
    session.judgements.set_settings(MODULE, {**VIAL, "rim_mm": 7.0})
    assert dict(session.case.settings_of(MODULE)) == VIAL
    assert session.judgements.settings(MODULE) == {**VIAL, "rim_mm": 7.0}
    assert session.judgements.own_settings(MODULE) == {"rim_mm": 7.0}
    session.judgements.set_settings(MODULE, {**VIAL, "treated_at": "2026-12-03 12:00"})
    session.undo()
    assert session.judgements.settings(MODULE) == VIAL, "the user's own ones are no change of the case"

    session.open_folder(other)
    assert session.judgements.settings(MODULE) == {}, "another patient has another vial"
    session.open_folder(first)
    assert session.judgements.settings(MODULE) == VIAL
    session.judgements.set_settings(MODULE, {})
    assert not open_case_folder_settings(first)
    session.undo()
    assert dict(open_case_folder_settings(first)) == VIAL
    session.close()


DISEASE = "colorectal metastases"

#: What is told of one patient, by module: none of it may be taken to the next.
OF_ONE_PATIENT = {
    "radioembolization": {
        "intent": "segmentectomy", "disease": DISEASE, "prescribe_by": "own aim", "aim_of": "perfused volume",
        "aim_gy": 400.0, "lung_mass_kg": 0.8,
    },
    "chemoembolization": {"disease": DISEASE},
    "resection": {"liver_state": "healthy"},
    "thermal_ablation": {"judged_as": "achieved", "is_patient_on_back": False, "vessel_flow": False},
}  # fmt: skip


@pytest.mark.parametrize("module", OF_ONE_PATIENT)
def test_nothing_told_of_one_patient_holds_for_the_next(tmp_path: Path, module: str) -> None:
    """Neither in this session nor in the next, nor what an earlier version kept for every patient."""
    first, other = folder_of(tmp_path, "a"), folder_of(tmp_path, "b")
    told = OF_ONE_PATIENT[module]
    session = session_of(tmp_path)
    session.open_folder(first)
    session.judgements.set_settings(module, told)
    session.open_folder(other)
    assert session.judgements.settings(module) == {}
    session.close()
    kept = SettingsFile(tmp_path / "own")
    kept.write(kept.read().with_module(module, told))
    later = session_of(tmp_path)
    later.open_folder(other)
    assert later.judgements.settings(module) == {}
    later.open_folder(first)
    assert later.judgements.settings(module) == told
    later.close()


def open_case_folder_settings(folder: Path):  # type: ignore[no-untyped-def]
    return open_case_folder(folder).settings_of(MODULE)


def test_without_a_case_they_are_refused_and_a_wrong_one_changes_nothing(tmp_path: Path) -> None:
    session = session_of(tmp_path)
    with pytest.raises(InvalidValue, match="speak of a patient"):
        session.judgements.set_settings(MODULE, VIAL)
    session.open_folder(folder_of(tmp_path, "a"))
    with pytest.raises(InvalidValue):
        session.judgements.set_settings(MODULE, {**VIAL, "vial_activity_gbq": -1.0})
    assert not session.case.settings_of(MODULE)
    session.close()


def test_the_command_line_takes_them_unless_it_is_told_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """3 GBq are 3 exp(-ln 2 24 / 64.1) = 2.314 GBq a day later."""
    folder = folder_of(tmp_path, "a")
    session = session_of(tmp_path)
    session.open_folder(folder)
    session.judgements.set_settings(MODULE, VIAL)
    session.close()
    target = CatheterTarget("c1", "artery", (30.0, 0.0, 0.0), Agent(AgentType.Y90_GLASS))
    write_plan(Plan("A", "a", (target,)), tmp_path / "a.json")
    command = ["assess", str(folder), str(tmp_path / "a.json"), "--module", MODULE, "--json"]

    def vial(*more: str) -> float:
        assert main([*command, *more]) == 0
        answer = json.loads(capsys.readouterr().out)
        return next(m["value"] for m in answer["metrics"] if m["name"] == "vial_activity_at_treatment_gbq")

    assert vial() == pytest.approx(3.0 * 2.0 ** (-24.0 / 64.1), rel=1e-3)
    assert vial("--set", "treated_at=2026-12-01 12:00") == pytest.approx(3.0)


def test_a_case_that_tells_a_module_what_it_does_not_know_is_refused_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folder_of(tmp_path, "a")
    document = json.loads((folder / "case.json").read_text())
    document["module_settings"] = {MODULE: {"vial_colour": "red"}}
    (folder / "case.json").write_text(json.dumps(document))
    target = CatheterTarget("c1", "artery", (30.0, 0.0, 0.0), Agent(AgentType.Y90_GLASS))
    write_plan(Plan("A", "a", (target,)), tmp_path / "a.json")
    assert main(["assess", str(folder), str(tmp_path / "a.json"), "--module", MODULE]) == 1
    assert "vial_colour" in capsys.readouterr().err

    session, said = session_of(tmp_path), []
    session.trouble.connect(said.append)
    session.open_folder(folder)
    for _ in range(3):
        assert session.judgements.settings(MODULE) == {}, "the window goes on without it"
    assert ["vial_colour" in str(error) for error in said] == [True]
    session.close()
    document["module_settings"] = {MODULE: ["vial"]}
    (folder / "case.json").write_text(json.dumps(document))
    assert main(["assess", str(folder), str(tmp_path / "a.json"), "--module", MODULE]) == 1
    assert "module_settings" in capsys.readouterr().err
