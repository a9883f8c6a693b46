"""Files built to harm their reader are refused in words, soon, and within bounds."""

from __future__ import annotations

import contextlib
import os
import resource
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest

from planner.base.errors import Cancelled, InputRefused
from planner.base.task import Task
from planner.io.dicom.elements import read_elements
from planner.io.importing import read_case, read_volume_offers
from planner.io.reader_process import Limits, child_command, run_in_child
from planner.io.sources import Entry

from .conftest import ReadCase
from .dicom_files import image_dataset, ramp, set_pixels, write_series

HEAD = b"\0" * 128 + b"DICM"


def meta(syntax: str) -> bytes:
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    body = struct.pack("<HH2sH", 2, 0x10, b"UI", len(uid)) + uid
    return HEAD + struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(body)) + body


def nested(depth: int, explicit: bool = True, defined: bool = False) -> bytes:
    """Sequences within sequences."""
    content = b""
    if defined:
        for _ in range(depth):
            item = struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content
            content = struct.pack("<HHI", 0x40, 0x275, len(item)) + item
        return content
    kind = struct.pack("<HH2sHI", 0x40, 0x275, b"SQ", 0, 0xFFFFFFFF) if explicit else b""
    kind = kind or struct.pack("<HHI", 0x40, 0x275, 0xFFFFFFFF)
    return (kind + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)) * depth


def entry(path: Path) -> Entry:
    return Entry(path.name, path, path.stat().st_size)


@pytest.mark.parametrize("explicit", [True, False])
def test_200_000_nested_sequences_are_refused_by_name(tmp_path: Path, explicit: bool) -> None:
    path = tmp_path / "nested.dcm"
    path.write_bytes(meta("1.2.840.10008.1.2" + (".1" if explicit else "")) + nested(200_000, explicit))
    with pytest.raises(InputRefused, match="nests sequences") as caught:
        read_volume_offers([path])
    assert caught.value.thing == "nested.dcm"


def test_nested_sequences_of_defined_length_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "nested.dcm"
    path.write_bytes(meta("1.2.840.10008.1.2") + nested(400, explicit=False, defined=True))
    with pytest.raises(InputRefused, match="nests sequences"):
        read_elements(entry(path))


def test_nesting_as_deep_as_real_files_is_read(tmp_path: Path) -> None:
    inner = pydicom.Dataset()
    for _ in range(12):
        outer = pydicom.Dataset()
        outer.RequestAttributesSequence = [inner, pydicom.Dataset()]
        inner = outer

    def deep(d, n):  # type: ignore[no-untyped-def]
        d.RequestAttributesSequence = inner.RequestAttributesSequence

    path = write_series(tmp_path, 1, change=deep)[0]
    assert read_elements(entry(path)).pixel_offset > 0


def test_a_deflate_bomb_is_refused_without_being_inflated(tmp_path: Path) -> None:
    """200 KB that inflate to 200 MB, before any pixel data."""
    machine = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = struct.pack("<HH2sHI", 0x0008, 0x1111, b"OB", 0, 0x7FFFFFF0)
    packed = machine.compress(block) + b"".join(machine.compress(bytes(1 << 20)) for _ in range(200))
    path = tmp_path / "bomb.dcm"
    path.write_bytes(meta("1.2.840.10008.1.2.1.99") + packed + machine.flush())
    with pytest.raises(InputRefused, match=r"larger than any image|Reading was stopped") as caught:
        run_in_child({"do": "offers", "paths": [str(path)]}, Task(), Limits(memory_bytes=2 << 30))
    assert "bomb.dcm" in caught.value.thing


def test_a_deflated_slice_is_inflated_no_further_than_its_pixels(tmp_path: Path, read: ReadCase) -> None:
    dataset = pydicom.dcmread(write_series(tmp_path / "raw", 1)[0])
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    (tmp_path / "deflated").mkdir()
    dataset.save_as(tmp_path / "deflated" / "a.dcm", enforce_file_format=True)
    values, _, _ = read(tmp_path / "deflated")
    assert np.array_equal(values, ramp(1) - 1000)


def test_an_element_longer_than_the_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "long.dcm"
    path.write_bytes(
        meta("1.2.840.10008.1.2.1") + struct.pack("<HH2sHI", 8, 5, b"UT", 0, 1 << 31) + b"x" * 100
    )
    with pytest.raises(InputRefused, match="cut short"):
        read_elements(entry(path))


def test_every_prefix_of_a_slice_is_refused_or_read_but_never_crashes(tmp_path: Path) -> None:
    whole = write_series(tmp_path, 1)[0].read_bytes()
    path = tmp_path / "part.dcm"
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        try:
            elements = read_elements(entry(path))
        except InputRefused:
            continue
        assert elements.pixel_offset < len(whole)


def test_random_damage_is_refused_or_read_but_never_crashes(tmp_path: Path, read: ReadCase) -> None:
    paths = write_series(tmp_path / "scan", 3)
    whole = paths[1].read_bytes()
    random = np.random.default_rng(5)
    for _ in range(150):
        damaged = np.frombuffer(whole, np.uint8).copy()
        places = random.integers(132, len(whole) - 240, 6)
        damaged[places] = random.integers(0, 256, 6)
        paths[1].write_bytes(damaged.tobytes())
        with contextlib.suppress(InputRefused):
            read(tmp_path / "scan")


def test_a_zip_that_claims_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: ReadCase
) -> None:
    monkeypatch.setattr("planner.io.sources.ZIP_LIMIT_BYTES", 1 << 20)
    with zipfile.ZipFile(tmp_path / "big.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(2 << 20))
    with pytest.raises(InputRefused, match="too much"):
        read(tmp_path / "big.zip")


def test_a_damaged_zip_is_refused(tmp_path: Path, read: ReadCase) -> None:
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04" + bytes(200))
    with pytest.raises(InputRefused, match="zip is damaged"):
        read(tmp_path / "bad.zip")


def test_special_files_of_a_folder_are_not_opened(tmp_path: Path, read: ReadCase) -> None:
    write_series(tmp_path)
    os.mkfifo(tmp_path / "pipe.dcm")
    values, _, _ = read(tmp_path)
    assert len(values) == 5


def test_nothing_in_an_opened_folder_can_be_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_series(tmp_path)
    for name in ("numpy", "pydicom", "SimpleITK", "json", "gdcm", "planner", "msgspec"):
        (tmp_path / f"{name}.py").write_text("import os; os._exit(77)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert read_case([tmp_path]).case.images[0].grid.shape[0] == 5


def test_the_child_is_isolated() -> None:
    command = child_command()
    assert command[1] == "-I"
    code = f"{command[3]}" if command[2] != "-c" else "import sys; print(sys.path[0], sys.flags.safe_path)"
    out = subprocess.run([*command[:2], "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.split()[-1] == "True"
    assert os.getcwd() not in out


def huge_slice(folder: Path, compressed: bool, size: int = 60000) -> Path:
    """A slice of as many pixels as its header claims."""
    dataset = image_dataset()
    set_pixels(dataset, np.zeros((4, 4), np.int16))
    if compressed:
        dataset.compress(pydicom.uid.RLELossless)
    dataset.Rows = dataset.Columns = size
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing, dataset.SliceThickness = [1, 1], 1
    dataset.save_as(folder / "huge.dcm", enforce_file_format=True)
    return folder / "huge.dcm"


def test_a_slice_that_claims_more_pixels_than_it_holds_is_refused_before_allocating(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="cut short") as caught:
        read_case([huge_slice(tmp_path, compressed=False)])
    assert "huge.dcm" in caught.value.thing


def test_memory_asked_beyond_the_limit_is_told_and_the_planner_goes_on(tmp_path: Path) -> None:
    path = huge_slice(tmp_path, compressed=True, size=20000)
    with pytest.raises(InputRefused, match="more than 700 MB of memory"):
        read_case([path], limits=Limits(memory_bytes=700 << 20))


def test_a_volume_too_large_for_any_scan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="too large"):
        read_case([huge_slice(tmp_path, compressed=True)])


def test_a_child_that_takes_too_long_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_series(tmp_path, 1)[0]
    monkeypatch.setattr(
        "planner.io.reader_process.child_command",
        lambda: [sys.executable, "-c", "import time; time.sleep(60)"],
    )
    began = time.monotonic()
    with pytest.raises(InputRefused, match="did not end within 1 s"):
        read_volume_offers([path], limits=Limits(seconds=1))
    assert time.monotonic() - began < 10


def test_a_child_that_crashes_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_series(tmp_path, 1)[0]
    monkeypatch.setattr(
        "planner.io.reader_process.child_command",
        lambda: [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"],
    )
    with pytest.raises(InputRefused, match="ended without an answer"):
        read_volume_offers([path])


def test_cancelling_stops_the_child_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_series(tmp_path / "scan", 40)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    task = Task(lambda fraction, text: task.cancel())
    with pytest.raises(Cancelled):
        read_case([tmp_path / "scan"], task=task)
    assert not list(scratch.iterdir())


def test_the_childs_limits_are_not_the_planners() -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    with pytest.raises(InputRefused):
        read_volume_offers(["/nonexistent"])
    assert resource.getrlimit(resource.RLIMIT_AS) == before
