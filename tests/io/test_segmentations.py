"""Segmentations become structures placed by geometry, or are refused with the reason."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, RLELossless, generate_uid

from planner.base.errors import InputRefused
from planner.io.nrrd import write_label_nrrd
from planner.io.offers import Findings
from planner.io.segmentations import StructureChoices, read_structure_set
from planner.model.codes import Code
from planner.model.geometry import Grid
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet

from .conftest import ReadCase
from .dicom_files import COLUMNS, ROWS, write_series

SHAPE = (5, ROWS, COLUMNS)
GRID = Grid(SHAPE, (0.7, 0.8, 2.0), (-10, -20, 30))
VIOLET = highdicom.color.CIELabColor(50, 20, -30)


def ball(center: tuple[int, int, int], radius: float) -> np.ndarray:
    k, j, i = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    return (k - center[0]) ** 2 + (j - center[1]) ** 2 + (i - center[2]) ** 2 <= radius**2


LIVER, LESION, VEIN = ball((2, 6, 5), 4), ball((1, 5, 4), 1.5), ball((3, 8, 6), 1.5)


def read_set(
    *paths: Path, grid: Grid = GRID, frame: str = "", **choices: Any
) -> tuple[StructureSet, Findings]:
    findings = Findings()
    return read_structure_set("s", paths, grid, frame, StructureChoices(**choices), findings), findings


def write_map(path: Path, values: np.ndarray, grid: Grid = GRID) -> Path:
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(grid.spacing_mm)
    image.SetOrigin(grid.origin_lps_mm)
    image.SetDirection(grid.direction)
    sitk.WriteImage(image, str(path), True)
    return path


def label_map() -> np.ndarray:
    values = np.where(LIVER, 5, 0).astype(np.uint8)
    values[LESION] = 9
    return values


def test_a_plain_label_map_keeps_its_numbers_as_names(tmp_path: Path) -> None:
    found, _ = read_set(write_map(tmp_path / "seg.nii.gz", label_map()))
    assert {s.name: found.voxel_count(s.name) for s in found.structures} == {
        "label 5": int((LIVER & ~LESION).sum()),
        "label 9": int(LESION.sum()),
    }
    assert all(s.role is Role.OTHER for s in found.structures)


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ("5=liver,9=my tumour", {"liver": Role.LIVER, "my tumour": Role.LESION}),
        ("totalsegmentator_v1", {"liver": Role.LIVER, "portal_vein_and_splenic_vein": Role.PORTAL_VEIN}),
        ("totalsegmentator_v2", {"liver": Role.LIVER, "adrenal_gland_left": Role.ADRENAL}),
    ],
)
def test_label_numbers_are_named_by_the_table_a_person_chooses(
    tmp_path: Path, labels: str, names: dict[str, Role]
) -> None:
    found, _ = read_set(write_map(tmp_path / "seg.nii.gz", label_map()), labels=labels)
    assert {s.name: s.role for s in found.structures} == names


def test_an_unknown_label_table_is_refused_with_the_choices(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="totalsegmentator_v1"):
        read_set(write_map(tmp_path / "seg.nii.gz", label_map()), labels="totalsegmentator")


def test_one_file_a_structure_is_named_after_its_file(tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    for name, mask in (("liver", LIVER), ("livertumor01", LESION), ("portalvein", VEIN)):
        write_map(folder / f"{name}.nii.gz", mask.astype(np.float64))
    found, _ = read_set(folder)
    assert {s.name: s.role.value for s in found.structures} == {
        "liver": "liver", "livertumor01": "lesion", "portalvein": "portal_vein"
    }  # fmt: skip
    assert np.array_equal(found.mask("liver"), LIVER)
    assert np.array_equal(found.mask("livertumor01"), LESION)
    assert len(found.layers) == 2


def test_roles_chosen_by_a_person_stand_above_the_vocabulary(tmp_path: Path) -> None:
    path = write_map(tmp_path / "mass.nrrd", LIVER.astype(np.uint8))
    assert read_set(path)[0]["mass"].role is Role.LESION
    assert read_set(path, roles={"mass": "Gallbladder"})[0]["mass"].role is Role.GALLBLADDER
    with pytest.raises(InputRefused, match="no such role"):
        read_set(path, roles={"mass": "leber"})
    with pytest.raises(InputRefused, match="not there"):
        read_set(path, roles={"mas": "liver"})


def flipped() -> tuple[np.ndarray, Grid]:
    """The label map with y and the slices stored backwards."""
    affine = GRID.affine @ np.diag([1, -1, -1, 1.0])
    affine[:3, 3] = GRID.to_lps([0, ROWS - 1, SHAPE[0] - 1])
    return label_map()[::-1, ::-1], Grid.from_affine(affine, SHAPE)


def permuted() -> tuple[np.ndarray, Grid]:
    """The label map stored as [j, i, k]."""
    affine = GRID.affine[:, [2, 0, 1, 3]]
    return label_map().transpose(1, 2, 0), Grid.from_affine(affine, (ROWS, COLUMNS, SHAPE[0]))


def cropped() -> tuple[np.ndarray, Grid]:
    """The label map cut to its voxels."""
    affine = np.array(GRID.affine)
    affine[:3, 3] = GRID.to_lps([1, 2, 0])
    return label_map()[:, 2:11, 1:10], Grid.from_affine(affine, (5, 9, 9))


def padded() -> tuple[np.ndarray, Grid]:
    """The label map on a larger lattice, empty outside."""
    affine = np.array(GRID.affine)
    affine[:3, 3] = GRID.to_lps([-3, -3, -3])
    return np.pad(label_map(), 3), Grid.from_affine(affine, (11, ROWS + 6, COLUMNS + 6))


@pytest.mark.parametrize("stored", [flipped, permuted, cropped, padded])
@pytest.mark.parametrize("suffix", ["nii.gz", "nrrd", "mha"])
def test_label_maps_are_placed_by_geometry_to_the_voxel(tmp_path: Path, stored: Any, suffix: str) -> None:
    values, grid = stored()
    found, findings = read_set(write_map(tmp_path / f"seg.{suffix}", np.ascontiguousarray(values), grid))
    assert np.array_equal(found.layers[0], label_map())
    assert not any("resampled" in note for note in findings.corrected)


def test_another_lattice_is_resampled_with_a_note(tmp_path: Path) -> None:
    fine = Grid((20, 4 * ROWS, 4 * COLUMNS), (0.175, 0.2, 0.5), (-10 - 0.2625, -20 - 0.3, 30 - 0.75))
    values = label_map().repeat(4, 0).repeat(4, 1).repeat(4, 2)
    found, findings = read_set(write_map(tmp_path / "seg.nii.gz", values, fine))
    assert np.array_equal(found.layers[0], label_map())
    assert "nearest neighbour" in findings.corrected[0]


def test_half_a_voxel_off_is_resampled_not_shifted_silently(tmp_path: Path) -> None:
    affine = np.array(GRID.affine)
    affine[:3, 3] = GRID.to_lps([0.3, 0, 0])
    found, findings = read_set(
        write_map(tmp_path / "seg.nii.gz", label_map(), Grid.from_affine(affine, SHAPE))
    )
    assert np.array_equal(found.layers[0], label_map())
    assert "nearest neighbour" in findings.corrected[0]


@pytest.mark.parametrize(
    ("shift", "reason"),
    [((200, 0, 0), "outside the image"), ((0, 5, 0), "reaches beyond"), ((0, 0, -3), "beyond")],
)
def test_a_segmentation_beyond_the_image_is_refused(tmp_path: Path, shift: tuple, reason: str) -> None:
    affine = np.array(GRID.affine)
    affine[:3, 3] = GRID.to_lps(shift)
    path = write_map(tmp_path / "seg.nii.gz", label_map(), Grid.from_affine(affine, SHAPE))
    with pytest.raises(InputRefused, match=reason) as caught:
        read_set(path)
    assert "seg.nii.gz" in caught.value.thing


def test_a_scan_given_as_a_segmentation_is_refused(tmp_path: Path) -> None:
    scan = label_map().astype(np.float32) - 1000.5
    with pytest.raises(InputRefused, match="no label map"):
        read_set(write_map(tmp_path / "ct.nii.gz", scan))


def slicer_set() -> StructureSet:
    masks = [
        (Structure("liver", Role.LIVER, color=(10, 20, 30), code=Code("10200004", "SCT", "Liver")), LIVER),
        (Structure("odd \\ name\nof a lesion", Role.LESION, origin="ellipsoid by two diameters"), LESION),
        (Structure("vein", Role.HEPATIC_VEIN, color=(1, 2, 3)), VEIN & ~LESION),
    ]
    return StructureSet.from_masks("s", GRID, masks)


def test_our_seg_nrrd_comes_back_with_names_colours_codes_roles_and_origin(tmp_path: Path) -> None:
    written = slicer_set()
    for index in range(len(written.layers)):
        write_label_nrrd(tmp_path / f"layer{index}.seg.nrrd", written, index)
    found, _ = read_set(tmp_path)
    assert {s.name for s in found.structures} == {s.name for s in written.structures}
    for old in written.structures:
        new = found[old.name]
        assert (new.role, new.color, new.origin) == (old.role, old.color, old.origin)
        assert np.array_equal(found.mask(old.name), written.mask(old.name))
    assert found["liver"].code == Code("10200004", "SCT", "Liver")


def test_a_layered_slicer_segmentation_with_overlaps_is_read(tmp_path: Path) -> None:
    layers = np.stack(
        [np.where(LIVER, 1, 0), np.where(LESION, 1, 0) + np.where(VEIN & ~LESION, 2, 0)], axis=-1
    )
    vectors = " ".join("(" + ",".join(str(v) for v in column) + ")" for column in GRID.affine[:3, :3].T)
    segments = [("Liver", 0, 1, "0.5 0.25 0"), ("Segment_2", 1, 1, "1 0 0"), ("IVC", 1, 2, "0 0 1")]
    keys = "".join(
        f"Segment{n}_ID:=S{n}\nSegment{n}_Name:={name}\nSegment{n}_Layer:={layer}\nSegment{n}_LabelValue:={value}\n"
        f"Segment{n}_Color:={color}\n"
        "Segment%d_Tags:=TerminologyEntry:Segmentation category and type - 3D Slicer General Anatomy list"
        "~SCT^49755003^Morphologically Altered Structure~SCT^52988006^Lesion~^^~Anatomic codes~^^~^^|\n" % n
        for n, (name, layer, value, color) in enumerate(segments)
    )
    header = (
        f"NRRD0004\ntype: uchar\ndimension: 4\nspace: left-posterior-superior\nsizes: 2 {COLUMNS} {ROWS} 5\n"
        f"space directions: none {vectors}\nkinds: list domain domain domain\nencoding: raw\n"
        f"space origin: (-10,-20,30)\n{keys}\n"
    )
    path = tmp_path / "Segmentation.seg.nrrd"
    path.write_bytes(header.encode() + layers.astype(np.uint8).tobytes())
    found, _ = read_set(path)
    assert {s.name: s.role for s in found.structures} == {
        "Liver": Role.LIVER, "Segment_2": Role.LESION, "IVC": Role.VENA_CAVA
    }  # fmt: skip
    assert found["Liver"].color == (128, 64, 0)
    for name, mask in (("Liver", LIVER), ("Segment_2", LESION), ("IVC", VEIN & ~LESION)):
        assert np.array_equal(found.mask(name), mask)


@pytest.fixture
def scan(tmp_path: Path) -> tuple[Path, list[pydicom.Dataset], str]:
    folder = tmp_path / "scan"
    frame = generate_uid()
    paths = write_series(folder, frame_uid=frame)
    datasets = [pydicom.dcmread(p) for p in paths]
    for d in datasets:
        d.StudyID, d.StudyTime, d.AccessionNumber, d.ReferringPhysicianName = "1", "101010", "", ""
        d.SeriesNumber, d.LossyImageCompression = 1, "00"
    return folder, datasets, frame


def write_dicom_seg(
    path: Path, datasets: list[pydicom.Dataset], kind: str, syntax: str = ExplicitVRLittleEndian
) -> Path:
    """A DICOM SEG by highdicom: overlapping segments, empty frames left out, slices backwards."""
    parts = [("liver", codes.SCT.Liver), ("thing", codes.SCT.Lesion), ("IVC", codes.SCT.InferiorVenaCava)]
    descriptions = [
        highdicom.seg.SegmentDescription(
            n,
            label,
            codes.SCT.AnatomicalStructure if hasattr(codes.SCT, "AnatomicalStructure") else codes.SCT.Organ,
            code,
            algorithm_type="MANUAL",
            display_color=VIOLET if label == "thing" else None,
        )
        for n, (label, code) in enumerate(parts, start=1)
    ]
    masks = [LIVER, LESION, VEIN]
    if kind == "LABELMAP":
        pixels = np.zeros(SHAPE, np.uint8)
        for n, mask in enumerate(masks, start=1):
            pixels[mask] = n
    else:
        pixels = np.stack(masks, axis=-1).astype(np.float32 if kind == "FRACTIONAL" else np.uint8)
        if kind == "FRACTIONAL":
            pixels[..., 0] = np.where(LIVER, 0.7, 0.3)
    seg = highdicom.seg.Segmentation(
        source_images=datasets[::-1],
        pixel_array=pixels[::-1],
        segmentation_type=kind,
        segment_descriptions=descriptions,
        series_instance_uid=generate_uid(),
        series_number=2,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="test",
        manufacturer_model_name="test",
        software_versions="1",
        device_serial_number="1",
        transfer_syntax_uid=syntax,
    )
    seg.save_as(path)
    return path


@pytest.mark.parametrize(
    ("kind", "syntax"),
    [
        ("BINARY", ExplicitVRLittleEndian),
        ("FRACTIONAL", ExplicitVRLittleEndian),
        ("FRACTIONAL", RLELossless),
        ("LABELMAP", ExplicitVRLittleEndian),
        ("LABELMAP", RLELossless),
    ],
)
def test_dicom_seg_is_placed_by_position(scan: Any, tmp_path: Path, kind: str, syntax: str) -> None:
    _, datasets, frame = scan
    found, findings = read_set(write_dicom_seg(tmp_path / "seg.dcm", datasets, kind, syntax), frame=frame)
    masks = {"liver": LIVER, "thing": LESION, "IVC": VEIN}
    if kind == "LABELMAP":
        masks = {"liver": LIVER & ~LESION & ~VEIN, "thing": LESION & ~VEIN, "IVC": VEIN}
    assert {s.name: s.role for s in found.structures} == {
        "liver": Role.LIVER, "thing": Role.LESION, "IVC": Role.VENA_CAVA
    }  # fmt: skip
    for name, mask in masks.items():
        assert np.array_equal(found.mask(name), mask), name
    assert found["thing"].code == Code("52988006", "SCT", "Lesion")
    assert found["thing"].color == VIOLET.to_rgb()
    assert any("fractions" in note for note in findings.corrected) == (kind == "FRACTIONAL")


def test_dicom_seg_of_another_frame_of_reference_is_refused(scan: Any, tmp_path: Path) -> None:
    _, datasets, _ = scan
    path = write_dicom_seg(tmp_path / "seg.dcm", datasets, "BINARY")
    with pytest.raises(InputRefused, match="different frames of reference") as caught:
        read_set(path, frame=generate_uid())
    assert "seg.dcm" in caught.value.thing


def test_dicom_seg_of_another_place_is_refused(scan: Any, tmp_path: Path) -> None:
    _, datasets, frame = scan
    path = write_dicom_seg(tmp_path / "seg.dcm", datasets, "BINARY")
    with pytest.raises(InputRefused, match="outside the image"):
        read_set(path, grid=Grid(SHAPE, GRID.spacing_mm, (300, 0, 0)), frame=frame)


def test_dicom_seg_cut_short_is_refused(scan: Any, tmp_path: Path) -> None:
    _, datasets, frame = scan
    path = write_dicom_seg(tmp_path / "seg.dcm", datasets, "BINARY")
    d = pydicom.dcmread(path)
    d.PixelData = d.PixelData[:40]
    d.save_as(path)
    with pytest.raises(InputRefused, match="cut short"):
        read_set(path, frame=frame)


def test_dicom_seg_beside_its_scan_is_taken(scan: Any, read: ReadCase) -> None:
    folder, datasets, _ = scan
    write_dicom_seg(folder / "seg.dcm", datasets, "BINARY")
    _, _, result = read(folder)
    assert [s["name"] for s in result["structures"]["structures"]] == ["liver", "thing", "IVC"]


def write_masks(folder: Path) -> Path:
    for name, mask in (("liver", LIVER), ("livertumor01", LESION), ("livertumor02", VEIN)):
        write_series(
            folder / name,
            values=(mask * 255).astype(np.uint8),
            intercept=0,
            name="image_{}",
            change=lambda d, n: delattr(d, "FrameOfReferenceUID"),
        )
    return folder


@pytest.mark.parametrize("as_zip", [False, True])
def test_mask_series_are_matched_by_position_and_it_says_so(tmp_path: Path, as_zip: bool) -> None:
    path = write_masks(tmp_path / "MASKS")
    if as_zip:
        path = Path(shutil.make_archive(str(tmp_path / "MASKS"), "zip", tmp_path, "MASKS"))
    found, findings = read_set(path, frame=generate_uid())
    assert {s.name: s.role.value for s in found.structures} == {
        "liver": "liver", "livertumor01": "lesion", "livertumor02": "lesion"
    }  # fmt: skip
    assert np.array_equal(found.mask("liver"), LIVER)
    assert any("matched by position only" in note for note in findings.corrected)


def test_mask_series_in_the_folder_of_their_scan_are_taken_as_structures(
    tmp_path: Path, read: ReadCase
) -> None:
    write_series(tmp_path / "PATIENT")
    write_masks(tmp_path / "MASKS")
    values, _, result = read(tmp_path)
    assert values.min() == -1000
    assert [s["name"] for s in result["structures"]["structures"]] == [
        "liver",
        "livertumor01",
        "livertumor02",
    ]


def test_one_mask_folder_is_named_after_itself(tmp_path: Path) -> None:
    write_masks(tmp_path / "MASKS")
    found, _ = read_set(tmp_path / "MASKS" / "livertumor01")
    assert [s.name for s in found.structures] == ["livertumor01"]


def test_a_scan_given_as_a_mask_series_is_refused(tmp_path: Path) -> None:
    write_series(tmp_path / "scan")
    with pytest.raises(InputRefused, match="more than two values"):
        read_set(tmp_path / "scan")


def test_structures_that_cannot_be_taken_are_listed_and_the_others_are(tmp_path: Path) -> None:
    write_map(tmp_path / "liver.nii.gz", LIVER.astype(np.uint8))
    (tmp_path / "notes.txt").write_text("hello")
    found, findings = read_set(tmp_path)
    assert [s.name for s in found.structures] == ["liver"]
    assert "notes.txt" in findings.refused[0]


def test_names_stay_unique(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write_map(tmp_path / folder / "liver.nii.gz", LIVER.astype(np.uint8))
    found, _ = read_set(tmp_path)
    assert [s.name for s in found.structures] == ["liver", "liver (2)"]
