"""What a user can set about a treatment with Y-90 microspheres."""

from __future__ import annotations

from dataclasses import dataclass

from planner.planning.activity_unit import COUNTS, GBQ_PER_ML
from planner.planning.liver_volumes import BODY_SURFACES
from planner.planning.territories import WAYS
from planner.planning.y90 import LUNG_MASS, RESIDUAL, Intent
from planner.planning.y90_limits import Disease, Dosed
from planner.planning.y90_voxel_dose import Deposition
from planner.plugin.settings import option

VIAL = "Vial"
LIMITS, DOSES = "Limits of one's own (expert)", "Dose (expert)"
MEASURED = "Dose delivered, from a SPECT or PET"
#: Modalities that show activity.
NUCLEAR = ("NM", "PT")
#: Ways to say how much is given.
BY_AIM, BY_OWN_AIM, BY_LIMITS = "published aim", "own aim", "most the limits allow"
#: How an image of activity is made activity; and who says its unit and the time it is true of.
KNOWN_UNITS, GIVEN_ACTIVITY = "known units", "given activity"
BY_IMAGE, AT_TREATMENT, AT_SCAN = "as the image says", "the treatment", "the scan"


@dataclass(frozen=True)
class Settings:
    """Intent, aim and limits; the defaults are the published ones."""

    intent: str = option(
        Intent.LOBAR.value,
        "What the treatment is to reach.",
        choices=tuple(i.value for i in Intent),
        is_of_case=True,
    )
    disease: str = option(
        Disease.HCC.value,
        "Decides the published dose of the tumour.",
        choices=tuple(d.value for d in Disease),
        is_of_case=True,
    )
    prescribe_by: str = option(
        BY_AIM, "How the activity is found.", choices=(BY_AIM, BY_OWN_AIM, BY_LIMITS), is_of_case=True
    )
    aim_of: str = option(
        Dosed.TUMOR.value,
        "What an aim of one's own is the mean dose of.",
        choices=(Dosed.TUMOR.value, Dosed.PERFUSED.value),
        is_of_case=True,
    )
    aim_gy: float = option(205.0, "An aim of one's own.", "Gy", 1.0, 2000.0, is_of_case=True)
    residual_percent: float = option(
        100.0 * RESIDUAL.value, "Share that stays in vial and catheter.", "%", 0.0, 50.0
    )
    vial_activity_gbq: float = option(
        0.0, "On the vial's label, at its calibration; 0 for not known.", "GBq", 0.0, 100.0, drawer=VIAL,
        is_of_case=True,
    )  # fmt: skip
    vial_calibrated_at: str = option(
        "", "When the vial is calibrated, as 2026-12-01 12:00.", drawer=VIAL, is_of_case=True
    )
    treated_at: str = option("", "When it is given, as 2026-12-02 08:30.", drawer=VIAL, is_of_case=True)
    vial_is_precalibrated: bool = option(
        False, "The vial is known to come before its calibration.", drawer=VIAL, is_of_case=True
    )
    rim_mm: float = option(5.0, "Rim of a lesion that should be fed too.", "mm", 0.0, 20.0)
    perfused_normal_limit_gy: float = option(
        0.0, "Perfused normal liver at most; 0 for the published one.", "Gy", 0.0, 1000.0, drawer=LIMITS
    )
    whole_normal_limit_gy: float = option(
        0.0, "Whole normal liver at most; 0 for the published one.", "Gy", 0.0, 1000.0, drawer=LIMITS
    )
    lung_limit_gy: float = option(
        0.0, "Lungs at most, this treatment; 0 for the published one.", "Gy", 0.0, 200.0, drawer=LIMITS
    )
    activity_image: str = option(
        "",
        "SPECT or PET that shows the activity delivered.",
        drawer=MEASURED,
        is_of_case=True,
        modalities=NUCLEAR,
    )
    scale_to: str = option(
        KNOWN_UNITS,
        "Activity by the image's unit, or so that liver and lungs hold what was given.",
        choices=(KNOWN_UNITS, GIVEN_ACTIVITY),
        drawer=MEASURED,
        is_of_case=True,
    )
    activity_unit: str = option(
        BY_IMAGE,
        "Unit of the image's values.",
        choices=(BY_IMAGE, *GBQ_PER_ML, COUNTS),
        drawer=MEASURED,
        is_of_case=True,
    )
    activity_as_of: str = option(
        BY_IMAGE,
        "The time the image's values are decay-corrected to.",
        choices=(BY_IMAGE, AT_TREATMENT, AT_SCAN),
        drawer=MEASURED,
        is_of_case=True,
    )
    scan_after_h: float = option(
        0.0,
        "From treatment to scan, where values are of the scan's time.",
        "h",
        0.0,
        400.0,
        drawer=MEASURED,
        is_of_case=True,
    )
    lung_mass_kg: float = option(
        LUNG_MASS.value, "Of both lungs.", "kg", 0.2, 3.0, drawer=DOSES, is_of_case=True
    )
    deposition: str = option(
        Deposition.KERNEL.value,
        "Where energy stays: in its voxel, or around it.",
        choices=tuple(d.value for d in Deposition),
        drawer=DOSES,
    )
    body_surface: str = option(
        "dubois", "Formula of the body surface.", choices=tuple(BODY_SURFACES), drawer=DOSES
    )
    territories: str = option(
        "euclidean", "How the nearest branch is measured.", choices=tuple(WAYS), drawer=DOSES
    )
