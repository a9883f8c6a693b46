"""Activity and dose of a plan's tips: what is prescribed, what is given, and why where it cannot be told."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from planner_plugins.radioembolization import findings as say
from planner_plugins.radioembolization.settings import BY_AIM, BY_OWN_AIM, Settings

from planner.base.errors import InvalidValue
from planner.model.assessment import Finding
from planner.model.case import Case, Patient
from planner.planning.catheter_facts import PLAN, why_locked
from planner.planning.liver_classes import LESION
from planner.planning.patient_facts import known_number
from planner.planning.perfusion import Fed, Perfusion
from planner.planning.y90 import Convention, Intent, Product, product_of
from planner.planning.y90_activity import BodySurfaceActivity, Delivery, body_surface_activity
from planner.planning.y90_limits import (
    Disease,
    DoseAim,
    Dosed,
    DoseLimit,
    aims_for,
    limits_for,
    own_aim,
    own_limit,
)
from planner.planning.y90_prescription import Prescription, prescribe_by_conventions
from planner.planning.y90_territories import FedTumor, Territory, TreatmentDose, WholeLiver
from planner.planning.y90_treatment import EarlierDose, Treatment

#: Parts smaller than this are slivers of outlines and get no dose of their own.
LEAST_PART_ML = 0.05


@dataclass(frozen=True, eq=False)
class Dosing:
    """Of a plan's Y-90 tips."""

    case: Case
    perfusion: Perfusion
    settings: Settings

    @cached_property
    def numbers(self) -> dict[str, float | None]:
        """Measured facts of the patient; those that were refused are unknown."""
        found: dict[str, float | None] = {}
        for id in _FACTS:
            try:
                found[id] = known_number(dict(self.case.patient.facts), id)
            except InvalidValue:
                found[id] = None
        return found

    @property
    def refused(self) -> list[Finding]:
        """Facts that were entered and cannot be."""
        found = []
        for id in _FACTS:
            try:
                known_number(dict(self.case.patient.facts), id)
            except InvalidValue as error:
                found.append(say.REFUSED.finding(f"{error.thing}: {error.what} {error.todo}", PLAN))
        return found

    @cached_property
    def locked(self) -> list[str]:
        """Why no dose can be made of some tips."""
        reasons = [why_locked(t, self.case.vessel_trees) for t in self.perfusion.targets]
        return list(dict.fromkeys(r for r in reasons if r))

    @cached_property
    def product(self) -> Product | None:
        """The microspheres; None where the plan has two kinds."""
        kinds = {t.agent.type for t in self.perfusion.targets}
        return product_of(next(iter(kinds)).value) if len(kinds) == 1 else None

    @cached_property
    def why_not(self) -> str:
        """Why there is neither activity nor dose; empty where there are."""
        if self.locked:
            return "locked: " + "; ".join(self.locked)
        if self.product is None:
            return "the plan has tips of both products: make a plan for each"
        if self.perfusion.overlaps_ml:
            return "tips overlap: move one, or leave it out"
        if self.numbers["lung_shunt_percent"] is None:
            return "unknown: enter the lung shunt"
        empty = [t.title for t in self.perfusion.targets if not self._fed(t.id).volume_ml > 0]
        return f"nothing is perfused from {', '.join(empty)}" if empty else ""

    def _fed(self, id: str) -> Fed:
        return self.perfusion.by_tip[id]

    @cached_property
    def delivery(self) -> Delivery:
        """What becomes of the activity; only where the lung shunt is known."""
        shunt = self.numbers["lung_shunt_percent"]
        assert shunt is not None
        return Delivery(shunt / 100.0, self.settings.residual_percent / 100.0, self.settings.lung_mass_kg)

    @cached_property
    def treatment(self) -> Treatment | None:
        """What the tips feed, with how it is delivered; None where `why_not` says so."""
        if self.why_not:
            return None
        ground = self.perfusion.ground
        tumor = float(ground.volumes_ml[ground.tumor].sum())
        normal = float(ground.volumes_ml.sum()) - tumor
        whole = WholeLiver(normal, tumor) if normal > 0 else None
        earlier = EarlierDose(
            *(
                self.numbers[f"earlier_{word}_gy"] or 0.0
                for word in ("lung", "whole_normal", "perfused_normal")
            )
        )
        territories = tuple(self._territory(t.id, t.title) for t in self.perfusion.targets)
        return Treatment(territories, self.delivery, whole, earlier, self._shares())

    def _shares(self) -> tuple[float, ...]:
        """As the activities that are given; by perfused volume where one is not entered."""
        given = [t.agent.activity_gbq for t in self.perfusion.targets]
        known = [g for g in given if g is not None]
        return tuple(g / sum(known) for g in known) if len(known) == len(given) else ()

    def _territory(self, id: str, title: str) -> Territory:
        ground, fed = self.perfusion.ground, self.perfusion.by_tip[id]
        ratio, numbers = self.numbers["tumor_to_normal_ratio"], ground.liver.columns[LESION]
        tumors, slivers = [], 0.0
        for n, name in enumerate(ground.lesions):
            ml = float(ground.volumes_ml[fed.classes & (numbers == n)].sum())
            if ml >= LEAST_PART_ML:
                tumors.append(FedTumor(name, ml, ratio))
            else:
                slivers += ml
        return Territory(title if title == id else f"{id} {title}", fed.normal_ml + slivers, tuple(tumors))

    # prescription --------------------------------------------------------------------------

    @cached_property
    def limits(self) -> tuple[DoseLimit, ...]:
        """Published ones, those of one's own in their stead."""
        product = self.product
        if product is None:
            return ()
        facts = dict(self.case.patient.facts)
        impaired = {"yes": True, "no": False}.get(facts.get("liver_impaired", ""))
        found = limits_for(
            product, Intent(self.settings.intent), self.numbers["bilirubin_mg_per_dl"], impaired
        )
        own = {
            Dosed.PERFUSED_NORMAL: self.settings.perfused_normal_limit_gy,
            Dosed.WHOLE_NORMAL: self.settings.whole_normal_limit_gy,
            Dosed.LUNG: self.settings.lung_limit_gy,
        }
        return tuple(own_limit(x.of, own[x.of]) if own.get(x.of, 0.0) > 0 else x for x in found)

    @cached_property
    def aim(self) -> DoseAim | None:
        """What is to be reached; None where the limits alone tell how much."""
        if self.product is None:
            return None
        if self.settings.prescribe_by == BY_OWN_AIM:
            return own_aim(Dosed(self.settings.aim_of), self.settings.aim_gy)
        if self.settings.prescribe_by == BY_AIM:
            return aims_for(self.product, Intent(self.settings.intent), Disease(self.settings.disease))[0]
        return None

    @cached_property
    def prescriptions(self) -> tuple[Prescription, ...]:
        """By each convention of the product, the one it is prescribed by first; none where `why_not` says so."""
        if self.treatment is None or self.product is None:
            return ()
        return prescribe_by_conventions(self.treatment, self.product, self.limits, self.aim)

    @property
    def given_gbq(self) -> float | None:
        """What the tips are given together; None where one of them is not entered."""
        given = [t.agent.activity_gbq for t in self.perfusion.targets]
        known = [g for g in given if g is not None]
        return sum(known) if known and len(known) == len(given) else None

    @cached_property
    def activity_gbq(self) -> tuple[float, str] | None:
        """The activity doses are told of, and whether it is given or prescribed; None where neither is known."""
        if self.treatment is None:
            return None
        if self.given_gbq is not None:
            return self.given_gbq, "given"
        asked = self.prescriptions[0].activity_gbq if self.prescriptions else None
        return None if asked is None else (asked, "prescribed")

    def dose(self, convention: Convention) -> TreatmentDose | None:
        """What that activity leaves, by a convention."""
        if self.treatment is None or self.activity_gbq is None:
            return None
        return self.treatment.dose(self.activity_gbq[0], convention)

    @cached_property
    def by_body_surface(self) -> BodySurfaceActivity | None:
        """Activity of resin by body surface; None for glass, or where the lung shunt is not known."""
        shunt = self.numbers["lung_shunt_percent"]
        if self.product is None or self.product.agent != "y90_resin" or shunt is None or self.locked:
            return None
        ground, fed = self.perfusion.ground, self.perfusion.all
        tumor = float(ground.volumes_ml[ground.tumor].sum())
        return body_surface_activity(
            self.case.patient,
            float(ground.volumes_ml.sum()),
            tumor,
            shunt / 100.0,
            fed.volume_ml if fed.share_percent < 99.5 and fed.volume_ml > 0 else None,
            surface=self.settings.body_surface,
        )

    @property
    def patient(self) -> Patient:
        """Of the case."""
        return self.case.patient


#: Measured facts a dose needs.
_FACTS = (
    "lung_shunt_percent",
    "tumor_to_normal_ratio",
    "bilirubin_mg_per_dl",
    "earlier_lung_gy",
    "earlier_whole_normal_gy",
    "earlier_perfused_normal_gy",
)
