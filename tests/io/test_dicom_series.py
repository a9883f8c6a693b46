"""DICOM series: what is read, what is corrected and shown, what is refused and why."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import generate_uid

from planner.base.errors import InputRefused
from planner.base.task import Task
from planner.io.reading import run_offers
from planner.model.geometry import Grid

from .conftest import ReadCase
from .dicom_files import COLUMNS, ROWS, at, image_dataset, ramp, set_pixels, without, write_series


def corrected(result: dict) -> str:
    return " | ".join(result["report"]["corrected"])


def test_a_sound_series_is_read_in_hu_at_its_place(tmp_path: Path, read: ReadCase) -> None:
    write_series(tmp_path)
    values, grid, result = read(tmp_path)
    assert grid.same_as(Grid((5, ROWS, COLUMNS), (0.7, 0.8, 2.0), (-10, -20, 30)), 1e-9)
    assert values.dtype == np.int16
    assert np.array_equal(values, ramp(5) - 1000)
    assert result["report"]["corrected"] == []
    assert result["image"]["unit"] == "HU"
    assert result["image"]["id"] == "portal-venous"
    assert result["image"]["acquired"] == "2024-03-05"
    assert len(result["image"]["identity"]["instance_uids"]) == 5
    assert result["patient"] == {
        "name": "Test, Case", "id": "T1", "birth_date": "1960-01-02", "sex": "F", "age_y": 64.0,
        "height_cm": 168.0, "weight_kg": 70.0, "child_pugh": "", "facts": (),
    }  # fmt: skip


def test_mr_keeps_its_values_and_has_no_unit(tmp_path: Path, read: ReadCase) -> None:
    write_series(tmp_path, modality="MR", intercept=0)
    values, _, result = read(tmp_path)
    assert np.array_equal(values, ramp(5))
    assert (result["image"]["modality"], result["image"]["unit"]) == ("MR", "")


@pytest.mark.parametrize(("slope", "intercept", "dtype"), [(2, -1024, np.int16), (0.5, 3.25, np.float32)])
def test_rescale_is_applied_exactly(
    tmp_path: Path, read: ReadCase, slope: float, intercept: float, dtype: type
) -> None:
    write_series(tmp_path, slope=slope, intercept=intercept)
    values, _, _ = read(tmp_path)
    assert values.dtype == dtype
    assert np.array_equal(values, ramp(5) * slope + intercept)


def test_values_beyond_int16_become_float32(tmp_path: Path, read: ReadCase) -> None:
    stored = np.full((5, ROWS, COLUMNS), 60000, np.uint16)
    write_series(tmp_path, values=stored, modality="MR", intercept=0)
    values, _, _ = read(tmp_path)
    assert values.dtype == np.float32
    assert np.all(values == 60000)


def test_unsigned_values_with_offset_fit_int16(tmp_path: Path, read: ReadCase) -> None:
    stored = (ramp(5).astype(np.int32) + 33000).astype(np.uint16)
    write_series(tmp_path, values=stored, intercept=-33500)
    values, _, _ = read(tmp_path)
    assert values.dtype == np.int16
    assert np.array_equal(values, ramp(5) - 500)


def test_bits_above_those_stored_are_dropped(tmp_path: Path, read: ReadCase) -> None:
    def overlay(d, n):  # type: ignore[no-untyped-def]
        set_pixels(d, ramp(5)[n].astype(np.uint16) | 0x4000)
        d.BitsStored, d.HighBit = 12, 11

    write_series(tmp_path, change=overlay)
    values, _, _ = read(tmp_path)
    assert np.array_equal(values, ramp(5) - 1000)


def test_padding_becomes_air_and_is_shown(tmp_path: Path, read: ReadCase) -> None:
    stored = ramp(5)
    stored[:, 0] = -2000

    def padding(d, n):  # type: ignore[no-untyped-def]
        d.add_new(0x00280120, "SS", -2000)

    write_series(tmp_path, values=stored, intercept=0, change=padding)
    values, _, result = read(tmp_path)
    assert np.all(values[:, 0] == -1024)
    assert np.array_equal(values[:, 1:], stored[:, 1:])
    assert "not measured" in corrected(result)


def test_reversed_files_are_sorted_by_position_and_shown(tmp_path: Path, read: ReadCase) -> None:
    write_series(tmp_path, step=(0, 0, -2.0))
    values, grid, result = read(tmp_path)
    assert np.array_equal(values, ramp(5)[::-1] - 1000)
    assert grid.origin_lps_mm[2] == pytest.approx(22)
    assert "reverse order" in corrected(result)


def test_shuffled_files_without_suffix_are_sorted_and_shown(tmp_path: Path, read: ReadCase) -> None:
    for path, place in zip(write_series(tmp_path), (3, 0, 4, 1, 2), strict=True):
        path.rename(tmp_path / f"IM{place}")
    values, _, result = read(tmp_path)
    assert np.array_equal(values, ramp(5) - 1000)
    assert "no order by name" in corrected(result)
    assert "no suffix" in corrected(result)


def test_numbers_in_names_count_as_numbers(tmp_path: Path, read: ReadCase) -> None:
    write_series(tmp_path, count=12, name="image_{}.dcm")
    _, _, result = read(tmp_path)
    assert result["report"]["corrected"] == []


@pytest.mark.parametrize("tilt_deg", [15.0, -8.0])
def test_gantry_tilt_is_resampled_exactly(tmp_path: Path, read: ReadCase, tilt_deg: float) -> None:
    """A field linear in space, sampled on tilted slices, is the same field after resampling."""
    angle = np.radians(tilt_deg)
    column = np.array([0, np.cos(angle), np.sin(angle)])
    count = 8
    k, j, i = np.mgrid[:count, :ROWS, :COLUMNS]
    origin, step = np.array([-10.0, -20, 30]), np.array([0, 0, 4.0])
    points = origin + i[..., None] * [0.7, 0, 0] + 0.8 * j[..., None] * column + k[..., None] * step
    field = points @ [30.0, 50.0, 20.0] + 2000
    write_series(
        tmp_path, count, orientation=[1, 0, 0, *column], step=step, values=np.rint(field).astype(np.int16)
    )
    values, grid, result = read(tmp_path)
    assert f"Gantry tilt of {abs(tilt_deg):.1f} degrees" in corrected(result)
    assert values.shape[1] > ROWS
    kk, jj, ii = np.nonzero(values > -1000 + field.min() - 1)
    expected = grid.to_lps(np.column_stack([ii, jj, kk])) @ [30.0, 50.0, 20.0] + 1000
    error = np.abs(values[kk, jj, ii] - expected)
    inside = error < 3
    assert inside.sum() >= count * (ROWS - 1) * COLUMNS  # all but the edges, which have one neighbour
    assert np.median(error[inside]) < 1
    assert grid.spacing_mm[2] == pytest.approx(4 * np.cos(angle), abs=1e-6)


def test_oblique_slices_without_tilt_are_left_alone(tmp_path: Path, read: ReadCase) -> None:
    angle = np.radians(15)
    write_series(tmp_path, orientation=[1, 0, 0, 0, np.cos(angle), np.sin(angle)])
    values, _, result = read(tmp_path)
    assert result["report"]["corrected"] == []
    assert np.array_equal(values, ramp(5) - 1000)


def test_coronal_slices_are_turned_so_that_k_runs_to_the_head(tmp_path: Path, read: ReadCase) -> None:
    write_series(tmp_path, orientation=[1, 0, 0, 0, 0, -1], gap=3.0)
    values, grid, _ = read(tmp_path)
    assert values.shape == (ROWS, 5, COLUMNS)
    assert grid.spacing_mm == pytest.approx((0.7, 3.0, 0.8))
    # The first file's first pixel.
    i, j, k = np.rint(grid.to_ijk([-10, -20, 30])).astype(int)
    assert values[k, j, i] == -1000


def test_a_zip_is_read_like_its_folder(tmp_path: Path, read: ReadCase) -> None:
    write_series(tmp_path / "scan")
    archive = Path(shutil.make_archive(str(tmp_path / "scan"), "zip", tmp_path / "scan"))
    values, _, _ = read(archive)
    assert np.array_equal(values, ramp(5) - 1000)


def test_a_zip_member_that_points_outside_writes_nothing(tmp_path: Path, read: ReadCase) -> None:
    paths = write_series(tmp_path / "scan")
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        for n, path in enumerate(paths):
            archive.write(path, f"../../escaped_{n}.dcm")
    values, _, _ = read(tmp_path / "evil.zip")
    assert np.array_equal(values, ramp(5) - 1000)
    assert not list(tmp_path.parent.rglob("escaped_*"))


def test_a_single_slice_takes_its_thickness(tmp_path: Path, read: ReadCase) -> None:
    path = write_series(tmp_path)[2]
    values, grid, result = read(path)
    assert values.shape == (1, ROWS, COLUMNS)
    assert grid.spacing_mm[2] == 2.0
    assert "One slice only" in corrected(result)


REFUSED = {
    "different patients": (
        lambda d, n: setattr(d, "PatientID", "T2" if n > 2 else "T1"),
        "different patients",
    ),
    "different studies": (at(1, StudyInstanceUID=generate_uid()), "different studies"),
    "other frame of reference": (at(1, FrameOfReferenceUID=generate_uid()), "different frames of reference"),
    "duplicate position": (at(3, ImagePositionPatient=[-10, -20, 34]), "same position"),
    "no position": (without("ImagePositionPatient", only=1), "no position"),
    "no position at all": (without("ImagePositionPatient"), "no position"),
    "no orientation": (without("ImageOrientationPatient", only=1), "no orientation"),
    "no spacing": (without("PixelSpacing", only=1), "no pixel spacing"),
    "zero spacing": (at(1, PixelSpacing=[0, 0.7]), "no pixel spacing"),
    "other orientation": (
        at(1, ImageOrientationPatient=[1, 0, 0, 0, 0.995, 0.0998749]),
        "different orientations",
    ),
    "flipped slice": (at(1, ImageOrientationPatient=[-1, 0, 0, 0, 1, 0]), "different orientations"),
    "skewed orientation": (
        lambda d, n: setattr(d, "ImageOrientationPatient", [1, 0, 0, 0.2, 0.9798, 0]),
        "not a right angle",
    ),
    "other spacing": (at(1, PixelSpacing=[0.8, 0.71]), "different pixel spacings"),
    "other rescale": (at(1, RescaleIntercept=-1024), "rescale"),
    "other size": (lambda d, n: set_pixels(d, ramp(5)[n][:-1]) if n == 1 else None, "number of pixels"),
    "uneven spacing": (at(3, ImagePositionPatient=[-10, -20, 36.7]), "uneven spacing"),
    "sideways slice": (at(3, ImagePositionPatient=[-10, -17, 36]), "sideways"),
    "colour": (at(1, PhotometricInterpretation="RGB"), "no grey image"),
    "inverted grey": (lambda d, n: setattr(d, "PhotometricInterpretation", "MONOCHROME1"), "no grey image"),
    "other bits": (lambda d, n: set_pixels(d, ramp(5)[n].astype(np.int32)) if n == 1 else None, "stored"),
    "no rescale slope": (lambda d, n: setattr(d, "RescaleSlope", 0), "slope is 0"),
    "truncated slice": (
        lambda d, n: setattr(d, "PixelData", d.PixelData[:100]) if n == 1 else None,
        "cut short",
    ),
}


@pytest.mark.parametrize(("change", "reason"), REFUSED.values(), ids=REFUSED)
def test_refused(tmp_path: Path, read: ReadCase, change, reason: str) -> None:  # type: ignore[no-untyped-def]
    write_series(tmp_path, change=change)
    with pytest.raises(InputRefused, match=reason) as caught:
        read(tmp_path)
    assert "slice_00" in caught.value.thing
    assert caught.value.todo


def test_the_odd_slice_is_named_and_not_the_others(tmp_path: Path, read: ReadCase) -> None:
    write_series(tmp_path, change=at(3, PixelSpacing=[0.8, 0.71]))
    with pytest.raises(InputRefused) as caught:
        read(tmp_path)
    assert caught.value.thing == "slice_003.dcm"


def test_missing_slices_are_refused_and_their_place_is_named(tmp_path: Path, read: ReadCase) -> None:
    paths = write_series(tmp_path, count=9)
    paths[4].unlink()
    paths[5].unlink()
    with pytest.raises(InputRefused, match="2 slices are missing") as caught:
        read(tmp_path)
    assert "slice_003.dcm and slice_006.dcm" in caught.value.thing


def test_spacing_that_varies_along_the_series_is_refused(tmp_path: Path, read: ReadCase) -> None:
    def stretch(d, n):  # type: ignore[no-untyped-def]
        d.ImagePositionPatient = [-10, -20, 30 + 2 * n + 0.06 * n * n]

    write_series(tmp_path, count=12, change=stretch)
    with pytest.raises(InputRefused, match="uneven spacing"):
        read(tmp_path)


def test_positions_rounded_by_the_scanner_are_taken(tmp_path: Path, read: ReadCase) -> None:
    def rounded(d, n):  # type: ignore[no-untyped-def]
        d.ImagePositionPatient = [-10, -20, round(30 + 1.25 * n, 1)]

    write_series(tmp_path, count=20, change=rounded, gap=1.25)
    _, grid, result = read(tmp_path)
    assert grid.spacing_mm[2] == pytest.approx(1.25, abs=0.005)
    assert "rounded" in corrected(result)


def test_a_slice_cut_off_in_its_header_is_told(tmp_path: Path, read: ReadCase) -> None:
    paths = write_series(tmp_path)
    paths[2].write_bytes(paths[2].read_bytes()[:600])
    with pytest.raises(InputRefused, match="missing"):
        read(tmp_path)
    last = paths[4].read_bytes()
    paths[2].write_bytes(b"")
    paths[4].write_bytes(last[:600])
    with pytest.raises(InputRefused):
        read(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path, read: ReadCase) -> None:
    with pytest.raises(InputRefused, match="no file"):
        read(tmp_path)


def test_a_path_that_is_not_there_is_refused(tmp_path: Path, read: ReadCase) -> None:
    with pytest.raises(InputRefused, match="no such file"):
        read(tmp_path / "gone")


def test_a_text_file_renamed_dcm_is_refused_alone_and_left_out_of_a_series(
    tmp_path: Path, read: ReadCase
) -> None:
    text = tmp_path / "notes.dcm"
    text.write_text("This is a letter, not a slice.\n" * 20)
    with pytest.raises(InputRefused, match="nothing here that can be read") as caught:
        read(text)
    assert "notes.dcm" in caught.value.thing
    write_series(tmp_path)
    values, _, result = read(tmp_path)
    assert len(values) == 5
    assert "notes.dcm" in result["report"]["refused"][0]


def test_instances_without_an_image_are_left_out_with_a_note(tmp_path: Path, read: ReadCase) -> None:
    write_series(tmp_path)
    report = image_dataset()
    report.Modality = "SR"
    report.save_as(tmp_path / "report.dcm", enforce_file_format=True)
    _, _, result = read(tmp_path)
    assert "1 file without an image left out (SR)" in corrected(result)


def test_several_series_are_listed_and_one_is_chosen(tmp_path: Path, read: ReadCase) -> None:
    first, second = generate_uid(), generate_uid()
    write_series(tmp_path / "a", series_uid=first)
    write_series(tmp_path / "b", series_uid=second, gap=1.0, intercept=0)
    with pytest.raises(InputRefused, match="2 series") as caught:
        read(tmp_path)
    assert first in caught.value.thing
    assert second in caught.value.thing
    values, grid, _ = read(tmp_path, series_uid=second)
    assert grid.spacing_mm[2] == 1.0
    assert values.min() == 0
    with pytest.raises(InputRefused, match="no series of this UID"):
        read(tmp_path, series_uid="1.2.3")


def test_offers_tell_size_spacing_and_verdict(tmp_path: Path) -> None:
    write_series(tmp_path / "good")
    write_series(tmp_path / "bad", change=at(1, PixelSpacing=[0.8, 0.71]))
    write_series(tmp_path / "late", modality="MR", step=(0, 0, -2))
    offers = run_offers([str(tmp_path)], Task())["offers"]
    by_verdict = {o["verdict"]: o for o in offers}
    assert set(by_verdict) == {"ok", "refused", "corrected"}
    assert by_verdict["ok"]["shape"] == (5, ROWS, COLUMNS)
    assert by_verdict["ok"]["spacing_mm"] == pytest.approx((0.7, 0.8, 2.0))
    assert by_verdict["ok"]["file_count"] == 5
    assert "slice_001" in by_verdict["refused"]["reason"][1]
    assert by_verdict["corrected"]["modality"] == "MR"


def test_a_localizer_in_the_series_is_told_apart(tmp_path: Path, read: ReadCase) -> None:
    uid = generate_uid()
    write_series(tmp_path / "a", series_uid=uid)
    scout = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}
    write_series(tmp_path / "b", 1, series_uid=uid, orientation=[1, 0, 0, 0, 0, -1], change=at(0, **scout))
    offers = run_offers([str(tmp_path)], Task())["offers"]
    assert {o["key"]: o["verdict"] for o in offers} == {uid: "ok", f"{uid}/localizer": "refused"}
    values, _, _ = read(tmp_path)
    assert np.array_equal(values, ramp(5) - 1000)


def test_two_echoes_of_one_series_are_told_apart_by_their_mark(tmp_path: Path, read: ReadCase) -> None:
    uid, study, frame = generate_uid(), generate_uid(), generate_uid()
    for echo in (1, 2):
        write_series(
            tmp_path / str(echo),
            modality="MR",
            series_uid=uid,
            study_uid=study,
            frame_uid=frame,
            intercept=100 * echo,
            change=lambda d, n, echo=echo: setattr(d, "EchoNumbers", echo),
        )
    values, _, _ = read(tmp_path, series_uid=f"{uid}/echo 2")
    assert values.min() == 200


def test_two_volumes_that_no_mark_tells_apart_are_refused(tmp_path: Path, read: ReadCase) -> None:
    uid, study, frame = generate_uid(), generate_uid(), generate_uid()
    for n in (1, 2):
        write_series(tmp_path / str(n), series_uid=uid, study_uid=study, frame_uid=frame)
    with pytest.raises(InputRefused, match="cannot be told apart"):
        read(tmp_path)
