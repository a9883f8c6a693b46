"""Own devices: kept, changed, removed and taken back; a worker process sees them too."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from planner.base.errors import InputRefused, InvalidValue, PlannerError
from planner.model.assessment import Confidence
from planner.model.plan import Applicator, Plan
from planner.planning.device_library import device_library
from planner.planning.devices import Medium, ZoneRow
from planner.scene.instruments import drawn_probes
from planner.session.own_devices import OwnDevices, new_device, with_rows

ROWS = tuple(
    ZoneRow({"power_w": p, "time_s": t}, long, short, Medium.IN_VIVO, "IFU", Confidence.SOURCE_READ)
    for p, t, long, short in ((60.0, 300.0, 34.0, 24.0), (100.0, 600.0, 49.0, 37.5))
)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OwnDevices:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return OwnDevices()


def test_a_kept_device_is_in_the_library_at_once(own: OwnDevices) -> None:
    said: list[int] = []
    own.changed.connect(lambda: said.append(1))
    device = new_device("Our antenna", "microwave", ROWS, center_offset_mm=14.0)
    own.keep(device)
    assert own.devices == (device,)
    assert device_library().device("our-antenna").zone(ROWS[1].settings).short_axis_mm == 37.5
    assert said == [1]


def test_a_changed_device_may_change_its_name_and_no_other_is_overwritten(own: OwnDevices) -> None:
    device = new_device("Our antenna", "microwave", ROWS)
    own.keep(device)
    own.keep(replace(device, diameter_mm=2.2), instead_of="our-antenna")
    assert own.devices[0].diameter_mm == 2.2
    own.keep(replace(device, name="renamed"), instead_of="our-antenna")
    assert [d.name for d in own.devices] == ["renamed"]
    for name in ("renamed", "generic-mwa-2450"):
        with pytest.raises(InvalidValue, match="of this name"):
            own.keep(replace(device, name=name))
    assert [d.name for d in own.devices] == ["renamed"]


def test_a_removed_device_can_be_taken_back(own: OwnDevices) -> None:
    device = new_device("Our antenna", "microwave", ROWS)
    own.keep(device)
    own.remove("our-antenna")
    assert own.devices == ()
    plan = Plan("A", "c", (Applicator("p1", "our-antenna", (0, -80, 0), (0, 0, 0), ROWS[0].settings),))
    assert drawn_probes(plan)[0].zone is None
    with pytest.raises(InvalidValue, match="not in the library"):
        device_library().device("our-antenna")
    own.take_back("our-antenna")
    assert own.devices == (device,)
    with pytest.raises(InvalidValue, match="of this name"):
        own.take_back("our-antenna")
    with pytest.raises(PlannerError, match="cannot be renamed"):
        own.remove("nothing")


def test_a_table_makes_a_device_or_changes_nothing(own: OwnDevices, tmp_path: Path) -> None:
    head = "power_w,time_s,long_axis_mm,short_axis_mm,center_offset_mm,medium,source,confidence\n"
    path = tmp_path / "zones.csv"
    path.write_text(head + "80,300,44,31,14,in vivo,IFU,source read\n")
    start = new_device("Our antenna", "microwave", ROWS)
    made = own.import_csv(path, start)
    assert own.devices == (made,)
    assert dict(made.defaults) == {"power_w": 80.0, "time_s": 300.0}
    path.write_text(
        head + "80,300,44,31,14,in vivo,IFU,source read\n80,300,44,31,14,in vitro,IFU,source read\n"
    )
    with pytest.raises(InputRefused, match="word is not known"):
        own.import_csv(path, replace(start, name="other"))
    assert own.devices == (made,)


def test_the_centre_is_the_rows_where_none_is_given() -> None:
    rows = [replace(r, center_offset_mm=c) for r, c in zip(ROWS, (10.0, 14.0), strict=True)]
    assert new_device("x2", "microwave", rows).center_offset.value == 12.0
    assert new_device("x2", "microwave", rows, center_offset_mm=3.0).center_offset.value == 3.0


def test_a_probe_starts_with_the_row_that_is_drawn() -> None:
    ex_vivo = replace(ROWS[0], medium=Medium.EX_VIVO)
    device = with_rows(new_device("x2", "microwave", ROWS), [ex_vivo, ROWS[1]])
    assert dict(device.defaults) == dict(ROWS[1].settings)


@pytest.mark.parametrize(
    ("title", "modality", "rows", "words"),
    [
        ("", "microwave", ROWS, "needs a title"),
        ("!!!", "microwave", ROWS, "needs a title"),
        ("x2", "magic", ROWS, "kind of energy"),
        ("x2", "custom", ROWS, "kind of energy"),
        ("x2", "cryo", (), "needs a row"),
        ("x2", "cryo", (ROWS[0], replace(ROWS[1], settings={"time_s": 9.0})), "same settings"),
    ],
)
def test_what_is_no_device_is_refused(
    title: str, modality: str, rows: tuple[ZoneRow, ...], words: str
) -> None:
    with pytest.raises(InvalidValue, match=words):
        new_device(title, modality, rows)


def test_a_folder_that_cannot_be_written_is_said(own: OwnDevices) -> None:
    own.folder.parent.mkdir(parents=True)
    own.folder.write_text("a file in the way")
    with pytest.raises(PlannerError, match="cannot be made"):
        own.keep(new_device("Our antenna", "microwave", ROWS))


def test_another_process_sees_a_device_added_after_it_started(own: OwnDevices) -> None:
    code = (
        "from planner.planning.device_library import device_library as library\n"
        "print(len(library().own), flush=True); input()\n"
        "print(*library().own, flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline().strip() == "0"
        own.keep(new_device("Our antenna", "microwave", ROWS))
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline().strip() == "our-antenna"
