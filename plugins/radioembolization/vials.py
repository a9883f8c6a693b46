"""The vial of a treatment: what it holds when it is given, what is drawn for each tip, and what to order."""

from __future__ import annotations

from datetime import datetime

from planner_plugins.radioembolization import findings as say
from planner_plugins.radioembolization.dosing import Dosing

from planner.base.errors import InvalidValue
from planner.model.assessment import Finding, Metric
from planner.planning.catheter_facts import PLAN
from planner.planning.y90 import HALF_LIFE
from planner.planning.y90_vials import Vial, activity_to_order_gbq, hours_between, split_vial

DECAY = f"decay with a half-life of {HALF_LIFE.value:g} h"


def vial_answer(dosing: Dosing) -> tuple[list[Metric], list[Finding]]:
    """Numbers of the vial, and what is wrong with it; nothing where no time of a vial is entered."""
    settings = dosing.settings
    if not (settings.vial_calibrated_at or settings.vial_activity_gbq > 0):
        return [], []
    try:
        calibrated, treated = (
            _moment(settings.vial_calibrated_at, "calibration"),
            _moment(settings.treated_at, "treatment"),
        )
        hours = hours_between(calibrated, treated)
        metrics = [Metric("calibration_to_treatment_h", hours, "h", PLAN, "as entered")]
        needed = dosing.activity_gbq
        if needed is not None:
            order = activity_to_order_gbq(needed[0], calibrated, treated)
            metrics.append(
                Metric(
                    "activity_to_order_gbq",
                    order,
                    "GBq",
                    PLAN,
                    f"{needed[0]:.3g} GBq {needed[1]} at treatment; {DECAY}",
                )
            )
        if settings.vial_activity_gbq > 0:
            vial = Vial("vial", settings.vial_activity_gbq, calibrated, settings.vial_is_precalibrated)
            metrics += _held(dosing, vial, treated)
    except InvalidValue as error:
        text = " ".join(t for t in (error.what, error.thing, error.todo) if t)
        return [], [say.VIAL.finding(text, PLAN)]
    return metrics, []


def _held(dosing: Dosing, vial: Vial, treated: datetime) -> list[Metric]:
    """What the vial holds at treatment, and what is drawn of it for each tip."""
    held = vial.activity_at_gbq(treated)
    metrics = [Metric("vial_activity_at_treatment_gbq", held, "GBq", PLAN, DECAY)]
    if dosing.treatment is None or dosing.activity_gbq is None:
        return metrics
    targets, shares = dosing.perfusion.targets, dosing.treatment.shares
    split = split_vial(
        vial,
        treated,
        [(t.id, share) for t, share in zip(targets, shares, strict=True)],
        dosing.settings.residual_percent / 100.0,
        dosing.activity_gbq[0],
    )
    return metrics + [
        Metric(
            "drawn_activity_gbq", tip.drawn_gbq, "GBq", tip.tip,
            f"{100 * tip.share:.0f} % of {dosing.activity_gbq[0]:.3g} GBq {dosing.activity_gbq[1]}, at treatment",
        )
        for tip in split.tips
    ]  # fmt: skip


def _moment(text: str, word: str) -> datetime:
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidValue(
            f"The time of {word} cannot be read.", f"'{text}'", "Enter it as 2026-12-01 08:30."
        ) from None
