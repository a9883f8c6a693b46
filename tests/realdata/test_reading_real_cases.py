"""The real cases are read to the voxel."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from planner.base.errors import InputRefused
from planner.io.importing import read_case, read_structures, read_volume_offers
from planner.model.geometry import Grid
from planner.model.roles import Role

pytestmark = pytest.mark.realdata
Data = Callable[[str], Path]

IRCADB_VOXELS = {
    "liver": 2865131, "livertumor01": 162337, "livertumor02": 14464, "livertumor03": 7192, "livertumor04": 4859,
    "livertumor05": 19426, "livertumor06": 766, "livertumor07": 5224,
}  # fmt: skip
IRCADB_ML = {"portalvein": 53.8, "venoussystem": 74.4, "artery": 59.7, "spleen": 115.8, "liver": 1489.4}
IRCADB_MESH_ML = {
    "liver": 1477.2, "livertumor01": 82.61, "livertumor02": 7.15, "livertumor03": 3.54, "livertumor04": 2.38,
    "livertumor05": 9.76, "livertumor06": 0.35, "livertumor07": 2.58,
}  # fmt: skip


def test_the_folder_of_ircadb_gives_the_scan_and_all_masks_to_the_voxel(shared_data: Data) -> None:
    imported = read_case([shared_data("ircadb01_p01")])
    image, found = imported.case.images[0], imported.case.structures
    assert image.grid.same_as(Grid((129, 512, 512), (0.57, 0.57, 1.6), (0, 0, 0)))
    assert (int(image.values.min()), int(image.values.max())) == (-1024, 1023)
    assert len(found.structures) == 19
    assert {name: found.voxel_count(name) for name in IRCADB_VOXELS} == IRCADB_VOXELS
    for name, volume_ml in IRCADB_ML.items():
        assert found.volume_ml(name) == pytest.approx(volume_ml, abs=0.06)
    roles = {s.name: s.role for s in found.structures}
    assert sum(role is Role.LESION for role in roles.values()) == 7
    assert roles["liverkyst"] is Role.OTHER
    assert roles["venoussystem"] is Role.HEPATIC_VEIN
    assert any("matched by position only" in note for note in imported.case.notes)


def test_the_scan_of_ircadb_is_what_simpleitk_reads_from_sorted_names(shared_data: Data) -> None:
    folder = shared_data("ircadb01_p01") / "PATIENT_DICOM"
    ours = read_case([folder]).case.images[0]
    theirs = sitk.ReadImage([str(folder / f"image_{n}") for n in range(129)])
    assert np.array_equal(ours.values, sitk.GetArrayFromImage(theirs))
    assert np.allclose(
        ours.grid.to_lps([511, 511, 128]), theirs.TransformIndexToPhysicalPoint((511, 511, 128))
    )


def test_a_missing_slice_of_ircadb_is_named(shared_data: Data, tmp_path: Path) -> None:
    for n in (50, 51, 52, 54, 55):
        shutil.copy(shared_data("ircadb01_p01") / "PATIENT_DICOM" / f"image_{n}", tmp_path)
    with pytest.raises(InputRefused, match="1 slice is missing") as caught:
        read_case([tmp_path])
    assert "image_52 and image_54" in caught.value.thing


def test_the_meshes_of_ircadb_have_their_volumes_and_open_ones_are_refused(shared_data: Data) -> None:
    folder = shared_data("ircadb01_p01")
    image = read_case([folder / "PATIENT_DICOM"]).case.images[0]
    imported = read_structures([folder / "MESHES_VTK.zip"], image)
    found = imported.structures
    for name, volume_ml in IRCADB_MESH_ML.items():
        # Flat ends lie in slice planes: half a slice of a small lesion's end may count or not.
        assert found.volume_ml(name) == pytest.approx(volume_ml, rel=0.02 if volume_ml > 2 else 0.1)
    assert "skin" not in found
    assert any("skin.vtk" in line and "open" in line for line in imported.report.refused)


def test_totalsegmentator_labels_need_their_version(shared_data: Data) -> None:
    folder = shared_data("totalsegmentator_ct3mm")
    scan = folder / "example_ct.nii.gz"
    first = read_case(
        [scan], structure_paths=[folder / "example_seg_v1_multilabel.nii.gz"], labels="totalsegmentator_v1"
    ).case
    assert (first.images[0].modality, first.images[0].unit) == ("CT", "HU")
    volumes = {
        "liver": 1123.3,
        "inferior_vena_cava": 57.5,
        "aorta": 48.2,
        "gallbladder": 35.1,
        "spleen": 261.3,
    }
    for name, volume_ml in volumes.items():
        assert first.structures.volume_ml(name) == pytest.approx(volume_ml, abs=0.06)
    assert first.structures["portal_vein_and_splenic_vein"].role is Role.PORTAL_VEIN
    bare = read_case([scan], structure_paths=[folder / "example_seg_v1_multilabel.nii.gz"]).case
    assert "label 5" in bare.structures
    assert bare.structures["label 5"].role is Role.OTHER


def test_totalsegmentator_2_names_are_taken_from_the_file(shared_data: Data) -> None:
    folder = shared_data("totalsegmentator_ct3mm")
    case = read_case(
        [folder / "example_ct.nii.gz"], structure_paths=[folder / "example_seg_v2_multilabel.nii.gz"]
    ).case
    assert case.structures.voxel_count("liver") == 41692
    assert case.structures.voxel_count("colon") == 59968
    assert case.structures["costal_cartilages"].role is Role.BONE
    hu = np.median(case.images[0].values[case.structures.mask("liver")])
    assert 20 < hu < 150
    # The dome is cut off by the top slice.
    assert case.structures.mask("liver")[-1].any()


def test_a_mask_stored_upside_down_falls_onto_its_organs(shared_data: Data) -> None:
    folder = shared_data("totalsegmentator_dicom20")
    imported = read_case(
        [folder / "example_ct_dicom"],
        structure_paths=[folder / "example_seg_dicom.nii.gz"],
        labels="totalsegmentator_v2",
    )
    case = imported.case
    assert not any("resampled" in note for note in imported.report.corrected)
    assert case.structures.volume_ml("liver") == pytest.approx(699, abs=1)
    assert case.structures.volume_ml("spleen") == pytest.approx(249, abs=1)
    values = case.images[0].values
    assert 40 < np.median(values[case.structures.mask("liver")]) < 180
    assert np.median(values[case.structures.mask("rib_right_8")]) > 100


def test_jpeg_2000_slices_are_what_simpleitk_decodes(shared_data: Data) -> None:
    folder = shared_data("totalsegmentator_dicom20") / "example_ct_dicom"
    image = read_case([folder]).case.images[0]
    assert image.grid.shape == (20, 512, 512)
    assert image.grid.spacing_mm == pytest.approx((0.9765625, 0.9765625, 2.0))
    for path in sorted(folder.iterdir())[::7]:
        theirs = sitk.ReadImage(str(path))
        _, _, k = np.rint(image.grid.to_ijk(theirs.GetOrigin())).astype(int)
        assert np.array_equal(image.values[k], np.maximum(sitk.GetArrayFromImage(theirs)[0], -1024))


def test_mr_has_no_hu(shared_data: Data) -> None:
    folder = shared_data("totalsegmentator_mr3mm")
    case = read_case(
        [folder / "example_mr_sm.nii.gz"], structure_paths=[folder / "example_seg_mr.nii.gz"]
    ).case
    assert (case.images[0].modality, case.images[0].unit) == ("MR", "")
    assert case.images[0].values.min() == -47
    assert case.structures.volume_ml("liver") == pytest.approx(499, abs=1)
    assert case.structures["inferior_vena_cava"].role is Role.VENA_CAVA


def test_dicom_seg_of_dcmqi_covers_the_liver(shared_data: Data) -> None:
    folder = shared_data("dcmqi_ct3slice_seg")
    case = read_case([folder / "ct-3slice"], structure_paths=[folder / "liver.dcm"]).case
    (liver,) = case.structures.structures
    assert liver.role is Role.LIVER
    assert case.structures.volume_ml(liver.name) == pytest.approx(70.4, abs=0.05)
    truth = sitk.ReadImage(str(folder / "liver_seg.nrrd"))
    twin = read_structures([folder / "liver_seg.nrrd"], case.images[0]).structures
    assert np.array_equal(case.structures.mask(liver.name), twin.mask(twin.structures[0].name))
    assert case.structures.voxel_count(liver.name) == int((sitk.GetArrayFromImage(truth) > 0).sum())
    assert case.images[0].values.min() == -1024


def test_overlapping_segments_of_dcmqi_have_all_their_pixels(shared_data: Data) -> None:
    folder = shared_data("dcmqi_ct3slice_seg")
    image = read_case([folder / "ct-3slice"]).case.images[0]
    found = read_structures([folder / "partial_overlaps.dcm"], image).structures
    dataset = pydicom.dcmread(folder / "partial_overlaps.dcm")
    counts: Counter[str] = Counter()
    names = {item.SegmentNumber: item.SegmentLabel for item in dataset.SegmentSequence}
    for group, plane in zip(dataset.PerFrameFunctionalGroupsSequence, dataset.pixel_array, strict=True):
        counts[names[group.SegmentIdentificationSequence[0].ReferencedSegmentNumber]] += int(plane.sum())
    assert {s.name: found.voxel_count(s.name) for s in found.structures} == counts
    assert len(found.layers) > 1


def test_seg_of_another_scan_is_refused(shared_data: Data) -> None:
    folder = shared_data("dcmqi_ct3slice_seg")
    with pytest.raises(InputRefused, match="different frames of reference"):
        read_case([folder / "ct-3slice"], structure_paths=[folder / "sparse-labelmap-ppv5.dcm"])


def test_enhanced_multi_frame_ct_of_dcmqi(shared_data: Data) -> None:
    (path,) = (
        p for p in (shared_data("dcmqi_ct3slice_seg") / "multiframe_ct").iterdir() if p.name == "mf.dcm"
    )
    case = read_case([path.parent]).case
    assert case.images[0].grid.shape == (3, 38, 24)
    assert case.structures.voxel_count("Liver") == 315
    theirs = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    assert np.array_equal(np.sort(case.images[0].values, axis=0), np.sort(theirs, axis=0))


LOSSLESS = ["2.2", "2.1.99", "2.4.90", "2.4.80", "2.4.70", "2.4.57", "2.1", "2.5"]
LOSSY = ["2.4.91", "2.4.81", "2.4.51", "2.4.53", "2.4.55", "2.4.50"]


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_each_lossless_syntax_gives_the_pixels_of_its_uncompressed_twin(
    shared_data: Data, syntax: str
) -> None:
    folder = shared_data("dicom_transfer_syntaxes") / "wado"
    truth = read_case([folder / "CTImage.dcm"]).case.images[0]
    (path,) = folder.glob(f"CTImage.dcm_*_1.2.840.10008.1.{syntax}.dcm")
    imported = read_case([path])
    assert imported.case.images[0].grid.same_as(truth.grid)
    assert np.array_equal(imported.case.images[0].values, truth.values)
    assert not any("lose detail" in note for note in imported.report.corrected)


@pytest.mark.parametrize("syntax", LOSSY)
def test_each_lossy_syntax_gives_what_simpleitk_decodes_and_says_so(shared_data: Data, syntax: str) -> None:
    folder = shared_data("dicom_transfer_syntaxes") / "wado"
    (path,) = folder.glob(f"CTImage.dcm_*_1.2.840.10008.1.{syntax}.dcm")
    imported = read_case([path])
    theirs = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    measured = theirs > -1500
    assert np.abs(imported.case.images[0].values - theirs)[measured].max() < 0.01
    assert any("lose detail" in note for note in imported.report.corrected)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("CT0012.fragmented_no_bot_jpeg_baseline.51.dcm", "JPEG Extended"),
        ("no-pixel-data.dcm", "no image"),
        ("no-pixel-spacing.dcm", "modality US"),
        ("US-YBR_FULL_422-EVRLE.dcm", "modality US"),
    ],
)
def test_what_cannot_be_planned_on_is_refused_in_words(shared_data: Data, name: str, reason: str) -> None:
    with pytest.raises(InputRefused, match=reason) as caught:
        read_case([shared_data("dicom_transfer_syntaxes") / "wado" / name])
    assert name in str(caught.value)


def test_a_folder_of_many_series_is_listed(shared_data: Data) -> None:
    offers = read_volume_offers([shared_data("dicom_transfer_syntaxes")])
    assert {o.modality for o in offers} >= {"CT", "US"}
    with pytest.raises(InputRefused, match="series that could be meant"):
        read_case([shared_data("dicom_transfer_syntaxes")])
