"""The numbers of a resection: volumes that add up, shares, margins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from planner_plugins.resection.flow import LostFlow
from planner_plugins.resection.ground import ResectionGround
from planner_plugins.resection.settings import Settings

from planner.model.assessment import Confidence, Metric, Source, Target
from planner.model.case import Patient
from planner.planning.cut_surface import CLASS_ENDS_MM, CutDistances, CutMargin, CutSurface
from planner.planning.kept_segments import LEAST_BORDER_MM2, MOST, KeptSegments
from planner.planning.liver_classes import LESION
from planner.planning.liver_volumes import (
    BODY_SURFACES,
    Denominator,
    LiverState,
    body_surface,
    missing_size,
    share_of_measured,
    share_of_weight,
    standard_volume,
    thresholds_for,
)
from planner.planning.resected_liver import ABLATED, ResectedLiver

PLAN = "plan"
BY_RUNS = "voxels of the liver's outline, cut at sub-voxel places; tumour lies within the liver"
#: R0 asks for so much liver around a colorectal metastasis.
R0 = Target(low=1.0, source=Source("R0: 1 mm or more (colorectal metastases)", Confidence.ESTABLISHED))
#: Metrics of the classes of `CLASS_ENDS_MM`.
CLASS_NAMES = (
    "cut_below_1_mm_percent",
    "cut_1_to_5_mm_percent",
    "cut_5_to_10_mm_percent",
    "cut_from_10_mm_percent",
)
TO_LOSS = "nearest branch of the veins; what hangs on a vessel beyond its first cut within the liver"


@dataclass(frozen=True)
class Shares:
    """Volumes in ml; resected, remnant and ablated sum to the liver.

    Parameters
    ----------
    liver, resected, ablated
        Whole; taken out; and ablated of what stays.
    tumor, tumor_left
        All tumour, and what of it neither is taken nor ablated.
    ablated_liver
        Ablated of what stays, without tumour.
    """

    liver: float
    resected: float
    ablated: float
    tumor: float
    tumor_left: float
    ablated_liver: float

    @classmethod
    def of(cls, resected: ResectedLiver) -> Shares:
        """Of a liver under its resections."""
        liver = resected.liver
        is_tumor = liver.chosen(LESION)
        is_ablated = liver.chosen(ABLATED) if ABLATED in liver.columns else is_tumor & False
        taken, left = resected.sum_ml()
        return cls(
            taken + left,
            taken,
            resected.sum_ml(is_ablated)[1],
            sum(resected.sum_ml(is_tumor)),
            resected.sum_ml(is_tumor & ~is_ablated)[1],
            resected.sum_ml(is_ablated & ~is_tumor)[1],
        )

    @property
    def remnant(self) -> float:
        """What stays and is not ablated, with tumour that is left."""
        return self.liver - self.resected - self.ablated

    @property
    def working_remnant(self) -> float:
        """The remnant without tumour that is left in it."""
        return self.remnant - self.tumor_left

    @property
    def working_liver(self) -> float:
        """The liver without tumour and ablated tissue."""
        return self.liver - self.tumor - self.ablated_liver


def volume_metrics(shares: Shares, patient: Patient, settings: Settings) -> list[Metric]:
    """Volumes and what share of the liver remains."""
    found = [
        Metric(name, value, "ml", PLAN, BY_RUNS)
        for name, value in (
            ("liver_volume_ml", shares.liver),
            ("resected_volume_ml", shares.resected),
            ("remnant_volume_ml", shares.remnant),
            ("ablated_volume_ml", shares.ablated),
            ("tumor_volume_ml", shares.tumor),
        )
    ]
    state = LiverState(settings.liver_state)
    measured = (
        share_of_measured(shares.working_remnant, shares.working_liver) if shares.working_liver > 0 else None
    )
    found.append(
        Metric(
            "remnant_of_measured_percent", measured, "%", PLAN,
            "remnant over the measured liver, tumour and ablated tissue taken out of both",
            _least(state, Denominator.MEASURED), note=_note(state, Denominator.MEASURED),
        )
    )  # fmt: skip
    standard = standard_volume(patient, settings.standard_formula, settings.body_surface)
    share = None if standard.volume_ml is None else 100.0 * shares.working_remnant / standard.volume_ml
    note = _note(state, Denominator.STANDARD)
    found.append(
        Metric(
            "remnant_of_standard_percent", share, "%", PLAN, f"remnant over {standard.method}",
            _least(state, Denominator.STANDARD), note=standard.why_not or note,
        )
    )  # fmt: skip
    found.append(
        Metric(
            "standard_liver_volume_ml", standard.volume_ml, "ml", PLAN, standard.method, note=standard.why_not
        )
    )
    why = missing_size(patient, needs_height=False)
    weight = None if why else share_of_weight(shares.working_remnant, patient.weight_kg or 1.0)
    found.append(
        Metric(
            "remnant_of_weight_percent", weight, "%", PLAN,
            "remnant over body weight, 1 g/ml; Truant 2007, J Am Coll Surg 204:22",
            _least(state, Denominator.WEIGHT), note=why or _note(state, Denominator.WEIGHT),
        )
    )  # fmt: skip
    surface, why = body_surface(patient, settings.body_surface)
    by_surface = None if surface is None else shares.working_remnant / surface
    note = why or _note(state, Denominator.SURFACE)
    found.append(
        Metric(
            "remnant_of_surface_ml_per_m2", by_surface, "ml/m²", PLAN,
            f"remnant over body surface by {BODY_SURFACES[settings.body_surface][0]}",
            _least(state, Denominator.SURFACE), note=note,
        )
    )  # fmt: skip
    return found


def loss_metrics(lost: LostFlow) -> list[Metric]:
    """What of the remnant loses inflow, outflow only, and what is left untroubled."""
    return [
        Metric("devascularized_volume_ml", lost.inflow_ml + lost.both_ml, "ml", PLAN, TO_LOSS),
        Metric(
            "congested_volume_ml",
            lost.outflow_ml,
            "ml",
            PLAN,
            f"{TO_LOSS}; with its inflow kept: at risk, not dead",
        ),
        Metric(
            "untroubled_remnant_volume_ml",
            lost.kept_ml,
            "ml",
            PLAN,
            "remnant minus what loses inflow or outflow",
        ),
    ]


def cut_metrics(
    cuts: Sequence[CutSurface], distances: Sequence[CutDistances], has_lesion: bool
) -> list[Metric]:
    """Area of the cuts, and what share of it lies how near to lesions that are taken."""
    sums = np.zeros(len(CLASS_ENDS_MM) + 1)
    for cut, own in zip(cuts, distances, strict=True):
        sums += cut.class_areas_cm2(own.values_mm)
    area = float(sums.sum())
    found = [Metric("cut_area_cm2", area, "cm²", PLAN, "triangles of the cut within the liver")]
    why = "" if has_lesion and area > 0 else "no lesion is taken" if area > 0 else "no cut in the liver"
    for name, part in zip(CLASS_NAMES, sums, strict=True):
        share = None if why else 100.0 * float(part) / area
        found.append(
            Metric(
                name,
                share,
                "%",
                PLAN,
                "of the cut's area, by distance to the nearest lesion that is taken",
                note=why,
            )
        )
    return found


def pieces_metric(pieces_ml: Sequence[float], settings: Settings) -> Metric:
    """How many pieces the remnant is in."""
    method = f"pieces of {settings.least_piece_ml:g} ml or more"
    return Metric("remnant_pieces_count", float(len(pieces_ml)), "", PLAN, method)


def segment_metrics(segments: KeptSegments) -> list[Metric]:
    """How many segments stay, and how many of them hang together."""
    kept = f"segments of which more than {100 * MOST:g} % stays"
    together = f"{kept} and that share {LEAST_BORDER_MM2 / 100:g} cm² of border or more"
    return [
        Metric("kept_segments_count", float(len(segments.kept)), "", PLAN, kept),
        Metric("contiguous_segments_count", float(len(segments.together)), "", PLAN, together),
    ]


def lesion_metrics(
    ground: ResectionGround, resected: ResectedLiver, margins: dict[str, CutMargin | None]
) -> list[Metric]:
    """How much of each lesion is taken, and how near the cut comes to those that are."""
    found = []
    for name in ground.liver.lesions:
        taken, left = resected.lesion_ml(name)
        share = 100.0 * taken / (taken + left)
        found.append(Metric("lesion_resected_percent", share, "%", name, BY_RUNS))
        margin = margins.get(name)
        why = "it stays in the liver" if resected.is_left(name) else "" if margin else "no cut in the liver"
        found.append(
            Metric(
                "resection_margin_mm",
                margin.margin_mm if margin else None,
                "mm",
                name,
                "least distance of the cut within the liver from the lesion's outline; negative: cut through",
                None if why else R0,
                note=why,
                where_lps_mm=margin.cut_lps_mm if margin else None,
            )
        )
    return found


def _least(state: LiverState, of: Denominator) -> Target | None:
    known = thresholds_for(state, of)
    if not known:
        return None
    highest = max(known, key=lambda t: t.least.value)
    return Target(low=highest.least.value, source=highest.least.cited)


def _note(state: LiverState, of: Denominator) -> str:
    if state == LiverState.UNKNOWN:
        return "no threshold: what the liver has been through is not told"
    known = thresholds_for(state, of)
    if not known:
        return f"no threshold of this denominator is published for a {state.value} liver"
    return "; ".join(
        f"{t.least.value:g} {t.least.unit} ({t.least.source}{', ' + t.least.label if t.least.label else ''})"
        for t in known
    )
