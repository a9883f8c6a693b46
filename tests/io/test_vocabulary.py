"""Names become roles by the vocabulary the planner ships."""

import pytest
from pydicom.sr._concepts_dict import concepts

from planner.base.errors import InvalidValue
from planner.model.roles import Role
from planner.model.vocabulary import vocabulary

#: The dictionary behind ``pydicom.sr.codedict.codes``, by value.
KNOWN_CODES = {value for concept in concepts["SCT"].values() for value in concept}
#: SNOMED CT's "Intestinal structure": the dictionary holds its parts only.
KNOWN_CODES.add("113276009")

NAMES = {
    "livertumor01": Role.LESION,
    "liverkyst": Role.OTHER,
    "portalvein": Role.PORTAL_VEIN,
    "venoussystem": Role.HEPATIC_VEIN,
    "venacava": Role.VENA_CAVA,
    "artery": Role.HEPATIC_ARTERY,
    "biliarysystem": Role.BILE_DUCT,
    "leftlung": Role.LUNG,
    "rightkidney": Role.KIDNEY,
    "leftsurrenalgland": Role.ADRENAL,
    "leftsurretumor": Role.OTHER,
    "smallintestin": Role.BOWEL,
    "metastasectomie": Role.OTHER,
    "bone": Role.BONE,
    "skin": Role.SKIN,
    "liver": Role.LIVER,
    "Liver 1": Role.LIVER,
    "mask_liver": Role.LIVER,
    "Liver segmentation": Role.LIVER,
    "liver_segment_4": Role.COUINAUD_4,
    "couinaud 4a": Role.COUINAUD_4,
    "Couinaud VIII": Role.COUINAUD_8,
    "segment VI": Role.COUINAUD_6,
    "Segment 4a": Role.COUINAUD_4,
    "segment 4": Role.COUINAUD_4,
    "seg. 5": Role.COUINAUD_5,
    "Couinaud IVb": Role.COUINAUD_4,
    "Couinaud hepatic segment VI": Role.COUINAUD_6,
    "liver_segment_7": Role.COUINAUD_7,
    "segment 12": Role.OTHER,
    "Segment_1": Role.OTHER,  # 3D Slicer's name for anything new
    "S4": Role.OTHER,
    "vertebrae_S1": Role.BONE,
    "costal_cartilages": Role.BONE,
    "rib_left_4": Role.BONE,
    "small_bowel": Role.BOWEL,
    "heart_ventricle_left": Role.HEART,
    "lung_upper_lobe_left": Role.LUNG,
    "portal_vein_and_splenic_vein": Role.PORTAL_VEIN,
    "superior_vena_cava": Role.OTHER,
    "kidney_cyst_left": Role.OTHER,
    "liver_vessels": Role.OTHER,
    "Left hepatic vein": Role.HEPATIC_VEIN,
    "common hepatic artery": Role.HEPATIC_ARTERY,
    "IVC": Role.VENA_CAVA,
    "gall bladder": Role.GALLBLADDER,
    "lesion 2": Role.LESION,
    "HCC seg 4": Role.LESION,
    "Métastase 2": Role.LESION,
    "renal tumour": Role.OTHER,
    "body": Role.SKIN,
    "hip_implant": Role.METAL,
    "ablation_zone": Role.ABLATION_ZONE,
    "thing": Role.OTHER,
    "": Role.OTHER,
}


@pytest.mark.parametrize(("name", "role"), NAMES.items(), ids=NAMES)
def test_name_becomes_role(name: str, role: Role) -> None:
    assert vocabulary().role_of(name) is role


@pytest.mark.parametrize("role", Role)
def test_every_role_has_title_colour_and_a_code_of_the_dicom_dictionary(role: Role) -> None:
    entry = vocabulary().entry(role)
    assert entry.code.value in KNOWN_CODES
    assert entry.code.scheme == "SCT"
    assert vocabulary().role_of(role.value) is role
    assert vocabulary().role_from_text(entry.title) is role


def test_colours_tell_the_liver_and_what_lies_in_it_apart() -> None:
    inside = [r for r in Role if r.value in "liver lesion portal_vein hepatic_vein hepatic_artery bile_duct"]
    colours = {vocabulary().entry(role).color for role in inside}
    assert len(colours) == len(inside)


def test_label_tables_differ_between_versions() -> None:
    first, second = (vocabulary().labels(f"totalsegmentator_v{n}").names for n in (1, 2))
    assert (len(first), len(second)) == (104, 117)
    assert (first[8], second[8]) == ("inferior_vena_cava", "adrenal_gland_right")
    assert (first[104], second[104]) == ("urinary_bladder", "rib_right_1")
    assert set(vocabulary().labels("totalsegmentator_mr").names) == set(range(1, 51))


def test_unknown_table_and_role_are_refused_with_the_choices() -> None:
    with pytest.raises(InvalidValue, match="totalsegmentator_v1"):
        vocabulary().labels("totalsegmentator")
    with pytest.raises(InvalidValue, match="portal_vein"):
        vocabulary().role_from_text("portalader")
