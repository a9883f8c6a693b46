"""``liver-planner devices``: the library with its marks, and devices added from a table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from planner.cli import main

TABLE = (
    "power_w,time_s,long_axis_mm,short_axis_mm,center_offset_mm,medium,source,confidence\n"
    "80,300,44,31,14,in vivo,IFU,source read\n"
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path


def test_rows_and_marks_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices"]) == 0
    words = capsys.readouterr().out
    assert "generic-mwa-2450: Microwave 2.45 GHz (generic)\n  Placeholder: enter your device's" in words
    assert "80 W, 300 s: 44.8 ± 2.8 x 31.2 ± 2.4 mm, in vivo [S source read] PMC3438625" in words
    assert "K? unverified" in words
    assert "for reference only" in words
    assert main(["devices", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["left_out"] == []
    assert {d["name"] for d in document["devices"] if d["is_own"]} == set()


def test_a_table_becomes_a_device_and_goes_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "zones.csv"
    path.write_text(TABLE)
    words = [
        "devices",
        "--add",
        str(path),
        "--name",
        "ours",
        "--title",
        "Our antenna",
        "--modality",
        "microwave",
    ]
    assert main([*words, "--json"]) == 0
    (own,) = [d for d in json.loads(capsys.readouterr().out)["devices"] if d["is_own"]]
    assert (own["name"], own["title"], own["center_offset_mm"]) == ("ours", "Our antenna", 14.0)
    assert main(words) == 1, "a second one of this name is refused"
    assert "of this name" in capsys.readouterr().err
    assert main(["devices", "--remove", "ours"]) == 0
    assert "Our antenna" not in capsys.readouterr().out


def test_wrong_use_and_wrong_tables_are_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "zones.csv"
    path.write_text(TABLE.replace("31", "wide"))
    with pytest.raises(SystemExit) as left:
        main(["devices", "--add", str(path)])
    assert left.value.code == 2
    assert main(["devices", "--add", str(path), "--title", "Ours", "--modality", "microwave"]) == 1
    assert "zones.csv, line 2, column short_axis_mm: 'wide'" in capsys.readouterr().err
