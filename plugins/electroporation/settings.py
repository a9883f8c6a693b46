"""What a user can set about the judgement of an irreversible electroporation."""

from __future__ import annotations

from dataclasses import dataclass

from planner.planning import pulsed_tissues as given
from planner.planning.placements import PLACEMENTS
from planner.planning.pulsed_tissues import PULSED, PulsedClass
from planner.plugin.settings import option

#: What only the field's computation asks for, and what only experts change of the rules.
FIELD = "Field (expert)"
TISSUE = "Conductivity (expert)"
RULES = "Rules (expert)"


def _low(tissue: PulsedClass) -> float:
    return PULSED[tissue].low.value


@dataclass(frozen=True)
class Settings:
    """Rules and limits; the defaults are the planner's."""

    liver_threshold_v_per_cm: float = option(
        given.LIVER_THRESHOLD.value, "Liver counts as treated from this field on.", "V/cm", 200.0, 2000.0
    )
    tumor_threshold_v_per_cm: float = option(
        given.TUMOUR_THRESHOLD.value, "Lesions count as treated from this field on.", "V/cm", 200.0, 2000.0
    )
    margin_mm: float = option(5.0, "Margin a plan aims at.", "mm", 0.0, 30.0)
    least_spacing_mm: float = option(
        given.LEAST_SPACING.value, "Pulsed electrodes lie at least so far apart.", "mm", 2.0, 50.0
    )
    most_spacing_mm: float = option(
        given.MOST_SPACING.value, "Pulsed electrodes lie at most so far apart.", "mm", 5.0, 60.0
    )
    parallel_tolerance_deg: float = option(
        given.PARALLELISM.value, "Pulsed electrodes are parallel within this angle.", "°", 0.0, 90.0
    )
    placement: str = option("navigated", "How electrodes are placed.", choices=tuple(PLACEMENTS))
    robustness_samples: int = option(500, "Samples for the chances; 0 leaves them out.", "", 0, 20000)
    voltages_remeasured: bool = option(
        True, "Chances: distances are measured once more after placement, and voltages follow them."
    )
    seed: int = option(1, "Seed of the samples: the same seed gives the same numbers.", "", 0, 1000000)
    vessel_crossing: str = option(
        "warning", "Crossing a vessel of 3 mm or more.", choices=("warning", "stop")
    )
    lung_crossing: str = option("warning", "Crossing lung or pleura.", choices=("warning", "stop"))
    parenchyma_mm: float = option(
        10.0, "Liver to pass before a lesion at the capsule is reached.", "mm", 0.0, 50.0
    )
    spacing_deviation_mm: float = option(
        given.SPACING_DEVIATION.value,
        "The distance of two electrodes changes by at most this along the exposure, and so do their depths.",
        "mm",
        0.0,
        30.0,
        drawer=RULES,
    )
    least_nominal_v_per_cm: float = option(
        given.NOMINAL_LEAST.value,
        "Pairs of a lower nominal voltage over distance are named.",
        "V/cm",
        0.0,
        3000.0,
        drawer=RULES,
    )
    current_advice_a: float = option(
        given.CURRENT_ADVICE.value,
        "From this current on a lower one is advised.",
        "A",
        1.0,
        200.0,
        drawer=RULES,
    )
    least_pulses: int = option(
        int(given.PULSES.low or 70), "Thresholds hold for so many pulses at least.", "", 1, 1000, drawer=RULES
    )
    duct_clearance_mm: float = option(
        given.DUCT_CLEARANCE.value, "Electrodes keep so far from bile ducts.", "mm", 0.0, 30.0, drawer=RULES
    )
    hot_degc: float = option(given.HOT.value, "Tissue is hot from here on.", "°C", 38.0, 100.0, drawer=RULES)
    duct_degc: float = option(
        given.DUCT_HEAT.value, "Bile ducts stay below this.", "°C", 38.0, 100.0, drawer=RULES
    )
    reversible_v_per_cm: float = option(
        given.REVERSIBLE_THRESHOLD.value,
        "Cells open for a while from this field on.",
        "V/cm",
        50.0,
        1000.0,
        drawer=RULES,
    )
    conductivity_model: str = option(
        "piecewise_linear",
        "How conductivity rises with the field.",
        choices=("constant", "piecewise_linear", "sigmoid"),
        drawer=TISSUE,
    )
    liver_conductivity_s_per_m: float = option(
        _low(PulsedClass.LIVER),
        "Of liver without a field; the high-field value goes in proportion.",
        "S/m",
        1e-3,
        10.0,
        drawer=TISSUE,
    )
    tumor_conductivity_s_per_m: float = option(
        _low(PulsedClass.TUMOUR), "Of lesions without a field.", "S/m", 1e-3, 10.0, drawer=TISSUE
    )
    vessel_conductivity_s_per_m: float = option(
        _low(PulsedClass.VESSEL), "Of vessels without a field.", "S/m", 1e-3, 10.0, drawer=TISSUE
    )
    background_conductivity_s_per_m: float = option(
        _low(PulsedClass.BACKGROUND),
        "Of tissue outside the liver, without a field.",
        "S/m",
        1e-3,
        10.0,
        drawer=TISSUE,
    )
    bile_duct_conductivity_s_per_m: float = option(
        _low(PulsedClass.BILE_DUCT),
        "Of bile ducts, at any field (model assumption).",
        "S/m",
        1e-3,
        10.0,
        drawer=TISSUE,
    )
    gallbladder_conductivity_s_per_m: float = option(
        _low(PulsedClass.GALLBLADDER),
        "Of the gallbladder, at any field (model assumption).",
        "S/m",
        1e-3,
        10.0,
        drawer=TISSUE,
    )
    temperature_dependence: bool = option(
        False, "Conductivity rises by 1.2 % a degree as the pulses heat (doubles the time).", drawer=TISSUE
    )
    field_voxel_mm: float = option(
        1.0, "Size of a voxel of the field's lattice.", "mm", 0.5, 2.0, drawer=FIELD
    )
