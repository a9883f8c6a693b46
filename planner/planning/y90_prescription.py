"""How much activity to give: what an aim asks for, what each limit allows, and which limit binds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from planner.model.assessment import Finding, Severity
from planner.planning.y90 import LARGEST_ACTIVITY, Convention, Product, checked_positive
from planner.planning.y90_activity import shunt_findings
from planner.planning.y90_limits import DoseAim, DoseLimit
from planner.planning.y90_territories import TreatmentDose
from planner.planning.y90_treatment import Treatment, gy_per_gbq


@dataclass(frozen=True)
class Cap:
    """The activity a limit allows; None with the reason where it allows any, or cannot be told.

    Parameters
    ----------
    limit
        Whose cap it is.
    activity_gbq
        At most so much in the vials.
    earlier_gy
        What earlier treatments took of the limit.
    why_not
        Why there is no cap.
    is_unknown
        Whether the cap is missing since something is not known.
    """

    limit: DoseLimit
    activity_gbq: float | None
    earlier_gy: float = 0.0
    why_not: str = ""
    is_unknown: bool = False


@dataclass(frozen=True)
class Prescription:
    """How much activity to give, by one convention.

    Parameters
    ----------
    convention
        By which activity became dose.
    activity_gbq
        In the vials at the time of treatment; None with the reason where it is unknown.
    asked_gbq
        What the aim asks for; None without an aim.
    caps
        What each limit allows, all of them.
    binding
        The cap that keeps the activity from being larger; None where the aim itself is given.
    dose
        What the activity leaves.
    why_not
        Why there is no activity.
    findings
        What somebody must know of it.
    """

    convention: Convention
    activity_gbq: float | None
    asked_gbq: float | None
    caps: tuple[Cap, ...]
    binding: Cap | None
    dose: TreatmentDose | None
    why_not: str = ""
    findings: tuple[Finding, ...] = ()

    @property
    def is_aim_met(self) -> bool | None:
        """Whether the aim's activity can be given; None without an aim."""
        return None if self.asked_gbq is None else self.binding is None


def cap_of(limit: DoseLimit, treatment: Treatment, convention: Convention) -> Cap:
    """The activity a limit allows, after what earlier treatments left."""
    earlier = treatment.earlier.of(limit.of)
    if limit.waived:
        return Cap(limit, None, earlier, f"does not apply: {limit.waived}")
    factor, why = gy_per_gbq(treatment, convention, limit.of)
    if factor is None:
        return Cap(limit, None, earlier, why, is_unknown=True)
    left = max(0.0, limit.most.value - earlier)
    if factor == 0.0:
        return Cap(limit, None, earlier, "no activity gets there")
    return Cap(limit, left / factor, earlier)


def prescribe(
    treatment: Treatment,
    product: Product,
    limits: Sequence[DoseLimit],
    aim: DoseAim | None = None,
    convention: Convention | None = None,
) -> Prescription:
    """The activity an aim asks for, at most what the limits allow; the largest they allow without an aim.

    Parameters
    ----------
    limits
        `limits_for` a product and intent, or one's own; several of one kind all hold.
    convention
        That of the product it is prescribed by where none is given.

    Raises
    ------
    InvalidValue
        If the aim names a lesion that is not fed.
    """
    convention = convention or product.prescribed_by
    caps = tuple(cap_of(limit, treatment, convention) for limit in limits)
    capped = [c for c in caps if c.activity_gbq is not None]
    least = min(capped, key=lambda c: c.activity_gbq or 0.0, default=None)
    asked, why = (None, "") if aim is None else _asked(aim, treatment, convention)
    findings = [*shunt_findings(product, treatment.delivery.lung_shunt), *_unknown_caps(caps)]
    if why or (aim is None and least is None):
        why = why or "no limit tells how much: set an aim"
        return Prescription(convention, None, None, caps, None, None, why, tuple(findings))
    allowed = least.activity_gbq if least is not None and least.activity_gbq is not None else math.inf
    is_bound = asked is None or allowed < asked * (1.0 - 1e-12)
    activity = allowed if asked is None or is_bound else asked
    binding = least if is_bound else None
    findings += _findings(activity, asked, binding)
    return Prescription(
        convention,
        activity,
        asked,
        caps,
        binding,
        treatment.dose(activity, convention),
        findings=tuple(findings),
    )


def prescribe_by_conventions(
    treatment: Treatment, product: Product, limits: Sequence[DoseLimit], aim: DoseAim | None = None
) -> tuple[Prescription, ...]:
    """The same by each convention of the product, the one it is prescribed by first: never one unnamed."""
    return tuple(prescribe(treatment, product, limits, aim, c) for c in product.conventions)


def _asked(aim: DoseAim, treatment: Treatment, convention: Convention) -> tuple[float | None, str]:
    factor, why = gy_per_gbq(treatment, convention, aim.of, aim.lesion)
    if factor is None or factor == 0.0:
        return None, f"{aim.of.value}: {why or 'no activity gets there'}"
    return checked_positive(aim.least.value, "dose", "Gy") / factor, ""


def _unknown_caps(caps: Sequence[Cap]) -> list[Finding]:
    return [
        Finding(
            "limit_not_checked",
            Severity.WARNING,
            f"The limit of {c.limit.most.value:g} Gy for {c.limit.of.value} could not be checked: {c.why_not}.",
            source=c.limit.most.cited,
        )
        for c in caps
        if c.is_unknown
    ]


def _findings(activity_gbq: float, asked_gbq: float | None, binding: Cap | None) -> list[Finding]:
    found = []
    if binding is not None:
        limit = binding.limit
        words = f"{limit.most.value:g} Gy for {limit.of.value}"
        if binding.earlier_gy > 0:
            words += f", {binding.earlier_gy:g} Gy of it used by earlier treatments,"
        if activity_gbq == 0.0:
            severity, text = (
                Severity.STOP,
                f"Nothing is left of the limit of {words}: no activity can be given.",
            )
        elif asked_gbq is None:
            severity, text = Severity.INFO, f"The limit of {words} allows {activity_gbq:.3g} GBq."
        else:
            severity = Severity.WARNING
            text = (
                f"The aim asks for {asked_gbq:.3g} GBq; the limit of {words} allows {activity_gbq:.3g} GBq."
            )
        found.append(Finding("limit_binds", severity, text, source=limit.most.cited))
    if activity_gbq > LARGEST_ACTIVITY.value:
        found.append(
            Finding(
                "activity_very_large",
                Severity.WARNING,
                f"{activity_gbq:.3g} GBq is more than {LARGEST_ACTIVITY.value:g} GBq in one administration:"
                " check volumes, doses and their units.",
                source=LARGEST_ACTIVITY.cited,
            )
        )
    return found
