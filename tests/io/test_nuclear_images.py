"""SPECT and PET in DICOM: where their slices lie, and what their values are, as far as the files say so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from planner.base.errors import InputRefused
from planner.base.task import Task
from planner.io.reading import run_offers
from planner.model.geometry import Grid
from planner.planning.activity_unit import ActivityUnit

from .conftest import ReadCase
from .dicom_files import COLUMNS, ROWS, image_dataset, ramp, set_pixels, write_series

Y90_S, ADMINISTERED = 64.1 * 3600, "20240304093000.000000"
TURNED = (0.8, 0.6, 0.0, -0.6, 0.8, 0.0)


def item(**values: Any) -> Dataset:
    found = Dataset()
    for name, value in values.items():
        setattr(found, name, value)
    return found


def given(half_life_s: float = Y90_S, meaning: str = "^90^Yttrium", **more: Any) -> Sequence:
    code = Sequence([item(CodeValue="C-B1203", CodeMeaning=meaning)])
    return Sequence([item(RadionuclideCodeSequence=code, RadionuclideHalfLife=half_life_s, **more)])


def pet(units: str = "BQML", correction: str = "START", slopes: tuple[float, ...] = (0.5,), **more: Any):  # type: ignore[no-untyped-def]
    """A change of each slice to that of a PET acquired on the 5th at 15:00, a minute later each slice."""

    def change(d: Any, n: int) -> None:
        d.Units, d.DecayCorrection = units, correction
        d.AcquisitionTime = f"15{n:02d}00"
        d.RescaleSlope, d.RescaleIntercept = slopes[n % len(slopes)], 0
        for name, value in more.items():
            setattr(d, name, value)

    return change


def spect(path: Path, count: int = 5, gap: float = 4.42, **more: Any) -> np.ndarray:
    """A reconstructed SPECT in one file, as cameras write it; the numbers of its voxels."""
    d = image_dataset("NM")
    d.ImageType = ["DERIVED", "PRIMARY", "RECON TOMO", "EMISSION"]
    d.NumberOfFrames, d.SliceVector = count, list(range(1, count + 1))
    d.PixelSpacing, d.SpacingBetweenSlices, d.SliceThickness = [4.0, 4.2], gap, abs(gap)
    d.SeriesInstanceUID, d.StudyInstanceUID, d.FrameOfReferenceUID = "2.25.1", "2.25.2", "2.25.3"
    d.DetectorInformationSequence = Sequence(
        [item(ImagePositionPatient=[-10, -20, 30], ImageOrientationPatient=list(TURNED))]
    )
    values = ramp(count).astype(np.uint16)
    set_pixels(d, values[0])
    d.PixelData = values.tobytes()
    for name, value in more.items():
        setattr(d, name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    d.save_as(path, enforce_file_format=True)
    return values


def unit_of(result: dict[str, Any]) -> ActivityUnit:
    return ActivityUnit.of_words(result["image"]["unit"])


def test_each_slice_of_a_pet_keeps_its_own_rescale(tmp_path: Path, read: ReadCase) -> None:
    slopes = (0.5, 1.0, 2.5, 3.0, 0.25)
    started = given(RadiopharmaceuticalStartDateTime=ADMINISTERED)
    change = pet(slopes=slopes, RadiopharmaceuticalInformationSequence=started)
    write_series(tmp_path, modality="PT", change=change)
    values, _, result = read(tmp_path)
    assert values == pytest.approx(ramp(5) * np.array(slopes)[:, None, None])
    assert (result["image"]["modality"], result["image"]["unit"]) == (
        "PT",
        "Bq/ml of Y-90, 29.5 h after administration",
    )
    assert "29.5 h after administration" in " ".join(result["report"]["corrected"])


def test_whole_slopes_that_differ_are_exact(tmp_path: Path, read: ReadCase) -> None:
    write_series(tmp_path, modality="PT", change=pet(slopes=(1.0, 2.5)))
    values, _, _ = read(tmp_path)
    assert values.dtype == np.float32
    assert np.array_equal(values[1], ramp(5)[1] * np.float32(2.5))


@pytest.mark.parametrize(
    ("changed", "unit"),
    [
        ({"correction": "ADMIN"}, ActivityUnit("Bq/ml", after_h=0.0)),
        ({"correction": "NONE"}, ActivityUnit("Bq/ml")),  # nobody says when it was given
        ({"units": "CNTS", "correction": "ADMIN"}, ActivityUnit("counts", after_h=0.0)),
        ({"units": "GML"}, ActivityUnit("gml")),
        ({"units": "", "correction": ""}, ActivityUnit("")),
        (
            {"correction": "", "DecayCorrectionDateTime": "20240304110000",
             "RadiopharmaceuticalInformationSequence": given(RadiopharmaceuticalStartDateTime=ADMINISTERED)},
            ActivityUnit("Bq/ml", "Y-90", 1.5),
        ),
        (
            {"RadiopharmaceuticalInformationSequence": given(RadiopharmaceuticalStartTime="093000")},
            ActivityUnit("Bq/ml", "Y-90"),  # a time without its day
        ),
        (
            {"RadiopharmaceuticalInformationSequence": given(RadiopharmaceuticalStartDateTime="20240306093000")},
            ActivityUnit("Bq/ml", "Y-90"),  # given after the scan: cannot be
        ),
        (
            {"RadiopharmaceuticalInformationSequence": given(6586.2, "^18^Fluorine")},
            ActivityUnit("Bq/ml", "18Fluorine (half-life 1.83 h)"),
        ),
        (
            {"RadiopharmaceuticalInformationSequence": given(6586.2)},
            ActivityUnit("Bq/ml", "90Yttrium (half-life 1.83 h)"),  # corrected as another nuclide
        ),
        (
            {"RadiopharmaceuticalInformationSequence": Sequence([item()])},
            ActivityUnit("Bq/ml"),
        ),
    ],
)  # fmt: skip
def test_what_a_pet_does_not_say_stays_unknown(
    tmp_path: Path, read: ReadCase, changed: dict[str, Any], unit: ActivityUnit
) -> None:
    write_series(tmp_path, modality="PT", change=pet(**changed))
    _, _, result = read(tmp_path)
    assert unit_of(result) == unit


@pytest.mark.parametrize("gap", [4.42, -4.42])
def test_the_slices_of_a_spect_are_stacked_from_its_detector(
    tmp_path: Path, read: ReadCase, gap: float
) -> None:
    values = spect(tmp_path / "spect.dcm", gap=gap)
    found, grid, result = read(tmp_path)
    direction = np.column_stack([TURNED[:3], TURNED[3:], [0, 0, 1]])
    first = 30 if gap > 0 else 30 + 4 * gap
    known = Grid((5, ROWS, COLUMNS), (4.2, 4.0, 4.42), (-10, -20, first), tuple(direction.ravel()))
    assert grid.same_as(known, 1e-6)
    assert np.array_equal(found, values if gap > 0 else values[::-1])
    assert (result["image"]["modality"], result["image"]["unit"]) == ("NM", "")
    assert "does not say the unit" in " ".join(result["report"]["corrected"])


def test_a_spect_in_becquerel_by_its_mapping(tmp_path: Path, read: ReadCase) -> None:
    unit = Sequence([item(CodeValue="Bq/mL", CodingSchemeDesignator="UCUM", CodeMeaning="Bq/ml")])
    mapping = item(
        RealWorldValueSlope=12.5, RealWorldValueIntercept=0.0, MeasurementUnitsCodeSequence=unit,
        RealWorldValueFirstValueMapped=0, RealWorldValueLastValueMapped=65535, LUTLabel="Bq",
    )  # fmt: skip
    values = spect(tmp_path / "spect.dcm", RealWorldValueMappingSequence=Sequence([mapping]))
    found, _, result = read(tmp_path)
    assert found == pytest.approx(values * 12.5)
    assert unit_of(result) == ActivityUnit("Bq/ml")
    assert "decay-corrected" in " ".join(result["report"]["corrected"])


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"ImageType": ["ORIGINAL", "PRIMARY", "TOMO", "EMISSION"]}, "no slices"),
        ({"SliceVector": [1, 2, 3]}, "does not say how its slices lie"),
        ({"DetectorInformationSequence": Sequence([item(ImagePositionPatient=[0, 0, 0])])}, "how its slices lie"),
        ({"SliceVector": [1, 1, 2, 3, 4]}, "same position"),
    ],
)  # fmt: skip
def test_a_spect_without_its_place_is_refused(
    tmp_path: Path, read: ReadCase, more: dict[str, Any], what: str
) -> None:
    spect(tmp_path / "spect.dcm", **more)
    with pytest.raises(InputRefused, match=what) as error:
        read(tmp_path)
    assert error.value.todo


def test_the_ct_is_taken_where_a_pet_lies_beside_it(tmp_path: Path, read: ReadCase) -> None:
    write_series(tmp_path / "ct")
    write_series(tmp_path / "pt", modality="PT", change=pet(), series_uid="2.25.77")
    _, _, result = read(tmp_path)
    assert result["image"]["modality"] == "CT"
    _, _, result = read(tmp_path, series_uid="2.25.77")
    assert result["image"]["modality"] == "PT"
    offers = run_offers([str(tmp_path)], Task())["offers"]
    assert {o["modality"]: o["verdict"] for o in offers} == {"CT": "ok", "PT": "ok"}
