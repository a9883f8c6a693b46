"""What a structure is to the plan."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """Role of a structure; rules speak of roles, never of names."""

    LIVER = "liver"
    LESION = "lesion"
    PORTAL_VEIN = "portal_vein"
    HEPATIC_VEIN = "hepatic_vein"
    HEPATIC_ARTERY = "hepatic_artery"
    VENA_CAVA = "vena_cava"
    BILE_DUCT = "bile_duct"
    GALLBLADDER = "gallbladder"
    BONE = "bone"
    LUNG = "lung"
    PLEURA = "pleura"
    DIAPHRAGM = "diaphragm"
    BOWEL = "bowel"
    DUODENUM = "duodenum"
    STOMACH = "stomach"
    SPLEEN = "spleen"
    KIDNEY = "kidney"
    ADRENAL = "adrenal"
    AORTA = "aorta"
    HEART = "heart"
    METAL = "metal"
    SKIN = "skin"
    ABLATION_ZONE = "ablation_zone"
    PERFUSED_VOLUME = "perfused_volume"
    COUINAUD_1 = "couinaud_1"
    COUINAUD_2 = "couinaud_2"
    COUINAUD_3 = "couinaud_3"
    COUINAUD_4 = "couinaud_4"
    COUINAUD_5 = "couinaud_5"
    COUINAUD_6 = "couinaud_6"
    COUINAUD_7 = "couinaud_7"
    COUINAUD_8 = "couinaud_8"
    OTHER = "other"


#: Vessels whose wall a needle may injure and whose flow may cool a zone.
VESSEL_ROLES = frozenset(
    {Role.PORTAL_VEIN, Role.HEPATIC_VEIN, Role.HEPATIC_ARTERY, Role.VENA_CAVA, Role.AORTA}
)
