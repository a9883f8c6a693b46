"""What a user has set: kept in a versioned file, never a reason not to start."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import custom_probe, phantom, plan_of

from planner.base.errors import InvalidValue, PlannerError
from planner.library.index import LibraryIndex
from planner.session.session import Session
from planner.session.user_settings import SettingsFile, UserSettings


def session_with(folder: Path) -> Session:
    return Session(index=LibraryIndex(folder / "library"), settings_file=SettingsFile(folder))


def test_settings_are_kept_between_sessions(tmp_path: Path) -> None:
    first = session_with(tmp_path)
    first.judgements.set_settings("thermal_ablation", {"planned_rule": "aim", "organ_distance_mm": 7.5})
    first.change_settings(UserSettings("light", first.settings.modules))
    second = session_with(tmp_path)
    assert second.settings.theme == "light"
    assert dict(second.judgements.settings("thermal_ablation")) == {
        "planned_rule": "aim",
        "organ_distance_mm": 7.5,
    }
    document = json.loads((tmp_path / "settings.json").read_text())
    assert (document["schema"], document["version"]) == ("liver-planner/settings", 1)


def test_a_wrong_setting_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    session = session_with(tmp_path)
    with pytest.raises(InvalidValue):
        session.judgements.set_settings("thermal_ablation", {"organ_distance_mm": 99.0})
    assert session.judgements.settings("thermal_ablation") == {}
    assert not (tmp_path / "settings.json").exists()


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"schema": "other", "version": 1}',
        '{"schema": "liver-planner/settings", "version": 99}',
        "\x00\x01",
    ],
)
def test_a_damaged_file_is_said_and_kept_aside(tmp_path: Path, text: str) -> None:
    (tmp_path / "settings.json").write_text(text)
    session = session_with(tmp_path)
    said: list[PlannerError] = []
    session.trouble.connect(said.append)
    assert session.settings == UserSettings()
    assert len(said) == 1
    assert "defaults" in said[0].what
    session.change_settings(UserSettings("light"))
    assert (tmp_path / "settings.unreadable.json").read_text() == text
    assert session_with(tmp_path).settings.theme == "light"


def test_settings_of_an_earlier_version_do_not_stop_the_judgement(tmp_path: Path) -> None:
    kept = {"planned_rule": "aim", "gone_since": True, "organ_distance_mm": 900.0}
    SettingsFile(tmp_path).write(UserSettings(modules={"thermal_ablation": kept}))
    session = session_with(tmp_path)
    said: list[PlannerError] = []
    session.trouble.connect(said.append)
    case = phantom((5.0, 5.0, 5.0))
    session.open_case(case, plan_of(custom_probe()))
    session.judgements.follow(case, session.plan)
    end = time.monotonic() + 120
    while not session.judgements.is_ready("thermal_ablation") and time.monotonic() < end:
        time.sleep(0.05)
    assert session.judgements.is_ready("thermal_ablation")
    assert session.judgements.settings("thermal_ablation") == {"planned_rule": "aim"}
    assert [e.what for e in said] == ["Kept settings no longer fit and were left out."]
    session.close()


def test_a_full_or_closed_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    session = Session(index=LibraryIndex(tmp_path / "l"), settings_file=SettingsFile(tmp_path / "file" / "x"))
    said: list[PlannerError] = []
    session.trouble.connect(said.append)
    session.change_settings(UserSettings("light"))
    assert len(said) == 1
    assert session.settings.theme == "light"


def test_the_profile_chosen_last_is_kept_and_old_files_read_without_it(tmp_path: Path) -> None:
    old = {"schema": "liver-planner/settings", "version": 1, "theme": "light", "modules": {}}
    (tmp_path / "settings.json").write_text(json.dumps(old))
    assert SettingsFile(tmp_path).read() == UserSettings("light")
    SettingsFile(tmp_path).write(UserSettings("light", practice_profile="Çelik B."))
    assert SettingsFile(tmp_path).read().practice_profile == "Çelik B."
    kept = SettingsFile(tmp_path).read().with_module("thermal_ablation", {"planned_rule": "aim"})
    assert kept.practice_profile == "Çelik B."
