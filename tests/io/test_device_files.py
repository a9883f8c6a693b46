"""Files of own devices: there and back, and tables that are refused by line and column."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from planner.base.errors import InputRefused, PlannerError
from planner.io.device_files import (
    COLUMNS,
    device_document,
    device_text,
    name_from_title,
    read_zone_csv,
    write_device,
)
from planner.model.assessment import Confidence
from planner.planning.device_library import built_in_library
from planner.planning.devices import Medium, read_device

HEAD = ",".join(COLUMNS)
LINE = "80,300,44.8,31.2,15,in vivo,IFU table 3,source read"


def table(tmp_path: Path, *lines: str, head: str = HEAD) -> Path:
    path = tmp_path / "zones.csv"
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("name", list(built_in_library().devices))
def test_a_device_comes_back_from_its_file(tmp_path: Path, name: str) -> None:
    device = replace(built_in_library().device(name), name="ours", note='Quoted "so"\nand ünicode \\ there')
    path = write_device(device, tmp_path / "new folder")
    assert path.name == "ours.toml"
    assert read_device(path, is_own=True) == device
    assert not list(path.parent.glob(".writing*"))


def test_the_file_says_its_schema_and_version() -> None:
    text = device_text(built_in_library().device("generic-mwa-2450"))
    assert text.startswith('schema = "liver-planner/device"\nversion = 1\n')


@pytest.mark.parametrize("name", ["", "a", "../evil", "Ours", "a b", "x" * 80, ".ours"])
def test_a_name_that_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    device = replace(built_in_library().device("generic-mwa-2450"), title="x")
    object.__setattr__(device, "name", name)
    with pytest.raises(PlannerError, match="small letters"):
        write_device(device, tmp_path)
    assert not list(tmp_path.rglob("*.toml"))


def test_titles_become_names() -> None:
    assert name_from_title("Our antenna, 15 G (new)") == "our-antenna-15-g-new"
    assert name_from_title("  ") == ""


def test_a_table_becomes_rows(tmp_path: Path) -> None:
    more = HEAD + ",long_sd_mm,short_sd_mm,count,note"
    path = table(
        tmp_path, f"{LINE},2.8,2.4,6,wet", '100,600,50,40,,clinical,"Smith, 2020",computed,,,,', head=more
    )
    first, second = read_zone_csv(path)
    assert first.settings == {"power_w": 80.0, "time_s": 300.0}
    assert (first.long_axis_mm, first.short_axis_mm, first.center_offset_mm) == (44.8, 31.2, 15.0)
    assert (first.long_sd_mm, first.short_sd_mm, first.count, first.note) == (2.8, 2.4, 6, "wet")
    assert (second.medium, second.source) == (Medium.CLINICAL, "Smith, 2020")
    assert (second.confidence, second.center_offset_mm) == (Confidence.COMPUTED, None)


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_and_a_byte_order_mark_are_taken(tmp_path: Path, separator: str) -> None:
    path = table(tmp_path, LINE.replace(",", separator), "", head="\ufeff" + HEAD.replace(",", separator))
    (row,) = read_zone_csv(path)
    assert row.axes_mm == (44.8, 31.2)


def test_a_table_without_power_is_taken(tmp_path: Path) -> None:
    (row,) = read_zone_csv(table(tmp_path, ",600,48,38,,phantom,IFU,source read"))
    assert row.settings == {"time_s": 600.0}


@pytest.mark.parametrize(
    ("line", "thing"),
    [
        (LINE.replace("44.8", "44,8"), "line 3"),
        (LINE.replace("44.8", "4.4 cm"), "line 3, column long_axis_mm: '4.4 cm'"),
        (LINE.replace("44.8", "inf"), "line 3, column long_axis_mm"),
        (LINE.replace("44.8", ""), "line 3, column long_axis_mm"),
        (LINE.replace("44.8", "-44.8"), "line 3, column long_axis_mm"),
        (LINE.replace("44.8", "4480"), "line 3, column long_axis_mm"),
        (LINE.replace("80,300", "0,300"), "line 3, column power_w"),
        (LINE.replace("in vivo", "in pig"), "line 3, column medium: 'in pig'"),
        (LINE.replace("source read", "sure"), "line 3, column confidence: 'sure'"),
        (LINE.replace("IFU table 3", " "), "line 3, column source"),
        ("80,300", "line 3"),
        (LINE.replace("80,300", ",300"), "zones.csv"),
    ],
)
def test_one_wrong_row_refuses_the_file(tmp_path: Path, line: str, thing: str) -> None:
    path = table(tmp_path, LINE, line)
    with pytest.raises(InputRefused) as caught:
        read_zone_csv(path)
    assert thing in caught.value.thing
    assert caught.value.todo


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (HEAD.replace("time_s,", ""), "time_s"),
        (HEAD + ",colour", "colour"),
        (HEAD + ",source", "source"),
        ("", "power_w"),
    ],
)
def test_wrong_columns_are_named(tmp_path: Path, head: str, words: str) -> None:
    with pytest.raises(InputRefused) as caught:
        read_zone_csv(table(tmp_path, LINE, head=head))
    assert "line 1" in caught.value.thing
    assert words in caught.value.thing


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="no rows"):
        read_zone_csv(table(tmp_path))
    with pytest.raises(InputRefused, match="cannot be read"):
        read_zone_csv(tmp_path / "none.csv")
    (tmp_path / "picture.csv").write_bytes(b"\xff\xd8\xff\xe0" * 9)
    with pytest.raises(InputRefused, match="cannot be read"):
        read_zone_csv(tmp_path / "picture.csv")
    (tmp_path / "large.csv").write_bytes(b"x" * 1_000_001)
    with pytest.raises(InputRefused, match="too large"):
        read_zone_csv(tmp_path / "large.csv")
    (tmp_path / "zero.csv").write_text(f"{HEAD}\n\0{LINE}\n")
    with pytest.raises(InputRefused):
        read_zone_csv(tmp_path / "zero.csv")


def test_a_document_holds_rows_and_marks() -> None:
    document = device_document(built_in_library().device("generic-mwa-2450"))
    assert document["is_placeholder"] is True
    assert {"power_w": 80.0, "time_s": 300.0} in document["hull"]
    assert {r["confidence"] for r in document["rows"]} == {"source read", "unverified"}
