"""The dose that was delivered, as a SPECT or PET shows it, beside what was predicted."""

from __future__ import annotations

from collections.abc import Iterator

from planner_plugins.radioembolization.dosing import Dosing
from planner_plugins.radioembolization.effective import NORMAL_LIVER, TUMOR, Tissue
from planner_plugins.radioembolization.measured import Measured, expected_in_liver_gbq
from planner_plugins.radioembolization.numbers import at_least, at_most
from planner_plugins.radioembolization.voxels import (
    PERFUSED_NORMAL,
    WHOLE_NORMAL,
    LiverDose,
    histogram_metrics,
)

from planner.compute.dose_volume import DoseVolume
from planner.model.assessment import Metric, Target
from planner.planning.catheter_facts import PLAN
from planner.planning.y90 import PHYSICS
from planner.planning.y90_limits import Dosed

NO_SHUNT = "unknown: enter the lung shunt"
_NORMAL = (
    ("perfused_normal_liver", PERFUSED_NORMAL, Dosed.PERFUSED_NORMAL),
    ("whole_normal_liver", WHOLE_NORMAL, Dosed.WHOLE_NORMAL),
)
#: Effective doses are told of what they are predicted of.
_EFFECTIVE = {"lesion": TUMOR, "whole_normal_liver": NORMAL_LIVER}


def delivered_metrics(dosing: Dosing, measured: Measured, predicted: LiverDose | None) -> list[Metric]:
    """What was delivered, what was predicted of the same voxels, and delivered less predicted."""
    found = list(_activities(dosing, measured))
    why_predicted = dosing.why_not or "unknown: what was predicted needs the ratio of tumour to normal liver"
    for name in dosing.perfusion.ground.lesions:
        found += _structure(
            "lesion", name, name, _aim(dosing), measured, predicted, measured.why_not, why_predicted
        )
    for word, name, dosed in _NORMAL:
        # What tips feed where nobody confirmed it is nothing to take a mean over.
        why = "; ".join(dosing.locked) if dosed == Dosed.PERFUSED_NORMAL else ""
        found += _structure(
            word, name, PLAN, at_most(dosing, dosed), measured, predicted, measured.why_not or why, why_predicted
        )  # fmt: skip
    return [*found, *_lungs(dosing, measured)]


def _aim(dosing: Dosing) -> Target | None:
    """Only where it was published for doses by physics, as these are."""
    product = dosing.product
    return at_least(dosing) if product is not None and product.prescribed_by is PHYSICS else None


def _activities(dosing: Dosing, measured: Measured) -> Iterator[Metric]:
    expected = expected_in_liver_gbq(dosing)
    yield Metric(
        "measured_activity_in_liver_gbq", measured.in_liver_gbq, "GBq", PLAN, measured.method,
        note=measured.why_not,
    )  # fmt: skip
    yield Metric(
        "expected_activity_in_liver_gbq", expected, "GBq", PLAN, "given, less residual and lung shunt",
        note="" if expected is not None else "unknown: enter the lung shunt and what is given at every tip",
    )  # fmt: skip


def _structure(
    word: str,
    name: str,
    subject: str,
    target: Target | None,
    measured: Measured,
    predicted: LiverDose | None,
    why: str,
    why_predicted: str,
) -> Iterator[Metric]:
    """Mean, D95, D70, V100 and effective dose of a lesion or of normal liver, and how mean and D95 differ."""
    dose = None if why else measured.dose
    delivered = None if dose is None else dose.worth(name)
    before = None if predicted is None else predicted.worth(name)
    why = why if delivered is None else ""
    mean = None if delivered is None else delivered.mean_gy
    yield Metric(
        f"delivered_{word}_dose_gy", mean, "Gy", subject, f"mean of all voxels; {measured.method}", target,
        note=why,
    )  # fmt: skip
    yield from histogram_metrics(f"delivered_{word}", delivered, subject, measured.method, why)
    if word in _EFFECTIVE:
        yield _effective(_EFFECTIVE[word], f"delivered_{word}_bed_gy", name, subject, mean, measured, why)
    method = "" if predicted is None else f"mean of all voxels; predicted; {predicted.dose.method}"
    yield Metric(
        f"predicted_{word}_dose_gy", None if before is None else before.mean_gy, "Gy", subject, method,
        note=why_predicted if before is None else "",
    )  # fmt: skip
    for of in ("dose", "d95"):
        yield Metric(
            f"{word}_{of}_difference_gy", _apart(of, delivered, before), "Gy", subject,
            "delivered less predicted, of the same voxels", note=why or (why_predicted if before is None else ""),
        )  # fmt: skip


def _effective(
    tissue: Tissue, metric: str, name: str, subject: str, mean_gy: float | None, measured: Measured, why: str
) -> Metric:
    """Of the mean dose as the predicted one is, so that the two compare; the mean over voxels is said beside it."""
    words = tissue.words
    if measured.dose is not None and mean_gy is not None:
        voxels = tissue.mean_of_voxels_gy(measured.dose, name)
        words += f" as the predicted one; the mean over voxels is {voxels:.0f} Gy"
    return Metric(
        metric, tissue.of_mean_gy(mean_gy), "Gy", subject, f"{words}; {measured.method}",
        note="" if mean_gy is not None else why,
    )  # fmt: skip


def _apart(of: str, delivered: DoseVolume | None, before: DoseVolume | None) -> float | None:
    if delivered is None or before is None:
        return None
    if of == "dose":
        return delivered.mean_gy - before.mean_gy
    return delivered.dose_to_gy(95.0) - before.dose_to_gy(95.0)


def _lungs(dosing: Dosing, measured: Measured) -> Iterator[Metric]:
    """By the lung shunt and what the liver holds: the lungs of an image of the liver are not whole."""
    value, why = None, measured.why_not
    if measured.in_liver_gbq is not None:
        if dosing.numbers["lung_shunt_percent"] is None:
            why = NO_SHUNT
        else:
            delivery = dosing.delivery
            value = delivery.lung_dose_gy(measured.in_liver_gbq / delivery.to_liver)
    yield Metric(
        "delivered_lung_dose_gy", value, "Gy", PLAN,
        f"lung shunt, of what the liver holds; {measured.method}", at_most(dosing, Dosed.LUNG), note=why,
    )  # fmt: skip
