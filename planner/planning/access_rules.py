"""The rules by which a point of the skin is allowed as a needle's entry, each with its source."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from enum import IntEnum
from typing import Any

from planner.base.errors import InvalidValue
from planner.model.assessment import Confidence, Source
from planner.model.roles import VESSEL_ROLES, Role
from planner.planning.anatomy import GROUPS


class Hazard(IntEnum):
    """The four kinds of structures whose clearance is known along every path."""

    BONE = 0
    VESSEL = 1
    ORGAN = 2
    LUNG = 3


_ORGANS = (
    {role for group in GROUPS for role in group.roles}
    - VESSEL_ROLES
    - {
        Role.BONE,
        Role.LUNG,
        Role.PLEURA,
    }
)

#: Vessels count where they are wide.
HAZARD_ROLES: dict[Hazard, frozenset[Role]] = {
    Hazard.BONE: frozenset({Role.BONE}),
    Hazard.VESSEL: VESSEL_ROLES,
    Hazard.ORGAN: frozenset(_ORGANS),
    Hazard.LUNG: frozenset({Role.LUNG, Role.PLEURA}),
}


class Refusal(IntEnum):
    """Why an entry is refused, in the order the rules are asked; the numbers stay."""

    NONE = 0
    NOT_STRAIGHT = 1
    UNSCANNED = 2
    TABLE = 3
    GANTRY = 4
    TOO_LONG = 5
    TOO_STEEP = 6
    BONE = 7
    ORGAN = 8
    LUNG = 9
    VESSEL = 10
    OTHER_LESION = 11
    PARENCHYMA = 12

    @property
    def bit(self) -> int:
        """Its bit among the rules an entry breaks."""
        return 0 if self is Refusal.NONE else 1 << (self - 1)

    @property
    def words(self) -> str:
        """What a person reads."""
        return _WORDS[self]


_WORDS = {
    Refusal.NONE: "allowed",
    Refusal.NOT_STRAIGHT: "not in a straight line through the body",
    Refusal.UNSCANNED: "tip outside the scan",
    Refusal.TABLE: "on the side the patient lies on",
    Refusal.GANTRY: "out of the gantry's reach",
    Refusal.TOO_LONG: "longer than the device",
    Refusal.TOO_STEEP: "tilted too steeply out of the axial plane",
    Refusal.BONE: "bone in the way",
    Refusal.ORGAN: "an organ in the way",
    Refusal.LUNG: "lung or pleura in the way",
    Refusal.VESSEL: "a wide vessel in the way",
    Refusal.OTHER_LESION: "crosses another lesion",
    Refusal.PARENCHYMA: "too little liver before the lesion",
}

#: The rule that speaks of a hazard.
HAZARD_REFUSALS = {
    Hazard.BONE: Refusal.BONE,
    Hazard.VESSEL: Refusal.VESSEL,
    Hazard.ORGAN: Refusal.ORGAN,
    Hazard.LUNG: Refusal.LUNG,
}

_SHEET = "reference sheet G2"


def _rule(default: Any, text: str) -> Any:
    return field(default=default, metadata={"source": Source(f"{text}; {_SHEET}", Confidence.OUR_RULE)})


@dataclass(frozen=True)
class AccessRules:
    """Hard limits, and weights of what is only better or worse; `source` tells where each is from.

    Parameters
    ----------
    bone_clearance_mm, organ_clearance_mm, vessel_clearance_mm, lung_clearance_mm
        A path that comes nearer is refused; one that crosses is always refused.
    is_lung_refused
        Whether lung and pleura refuse at all; where not, they only cost.
    are_other_lesions_refused
        Whether a path through another lesion is refused.
    parenchyma_mm
        Liver to pass before the lesion is reached; asks something of subcapsular lesions only, as a
        deeper one has more around it.
    steepest_tilt_deg
        Largest tilt out of the axial plane.
    table_lps
        Unit vector from the patient to the table, or None; patients lie on their back by default.
    table_half_angle_deg
        Skin that faces the table within this angle cannot be reached.
    gantry_sector_deg
        In-plane angles the needle may have, from and to, as in `NeedlePath.in_plane_deg`; None: all.
    bone_weight, vessel_weight, organ_weight, lung_weight, length_weight, capsule_weight, tilt_weight
        Of the terms of the cost; not all zero.
    ample_clearance_mm
        More clearance than this is no better.
    ample_tilt_deg
        From this tilt on the tilt's term is 1.

    Raises
    ------
    InvalidValue
        If a number is not finite or negative, or all weights are zero.
    """

    bone_clearance_mm: float = _rule(2.0, "entry not through bone, 2 mm around it")
    organ_clearance_mm: float = _rule(2.0, "hollow and solid organs not crossed, 2 mm around them")
    vessel_clearance_mm: float = _rule(0.0, "no vessel of 3 mm or more crossed")
    lung_clearance_mm: float = _rule(0.0, "no lung and pleura crossed")
    is_lung_refused: bool = _rule(True, "no lung below the pleural recess, or flagged")
    are_other_lesions_refused: bool = _rule(True, "no other tumour crossed: seeding")
    parenchyma_mm: float = _rule(10.0, "10-20 mm of liver before a subcapsular tumour: seeding, bleeding")
    steepest_tilt_deg: float = _rule(45.0, "steeper needles are hard to guide in a gantry")
    table_lps: tuple[float, float, float] | None = _rule((0.0, 1.0, 0.0), "patient on the back")
    table_half_angle_deg: float = _rule(60.0, "skin that lies on the table")
    gantry_sector_deg: tuple[float, float] | None = _rule(None, "reach beside the gantry, none by default")
    bone_weight: float = _rule(1.0, "soft score: clearance")
    vessel_weight: float = _rule(2.0, "soft score: clearance")
    organ_weight: float = _rule(2.0, "soft score: clearance")
    lung_weight: float = _rule(1.0, "soft score: lung in inspiration")
    length_weight: float = _rule(2.0, "soft score: length")
    capsule_weight: float = _rule(1.0, "soft score: 90 degrees to the capsule is best")
    tilt_weight: float = _rule(1.0, "soft score: in the axial plane")
    ample_clearance_mm: float = _rule(10.0, "soft score: clearance clipped at 5-10 mm")
    ample_tilt_deg: float = _rule(30.0, "soft score: 20-30 degrees craniocaudal")

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, float | int) and not (math.isfinite(value) and value >= 0):
                raise InvalidValue(
                    "A limit or weight is a finite number, not negative.", f"{item.name} {value}"
                )
        if not any(self.weights):
            raise InvalidValue("One weight at least must be above zero.", "weights of the access rules")
        if self.ample_clearance_mm == 0 or self.ample_tilt_deg == 0:
            raise InvalidValue("What is ample must be above zero.", "ample clearance and tilt")
        if self.table_lps is not None:
            length = math.hypot(*self.table_lps)
            if not (math.isfinite(length) and length > 0):
                raise InvalidValue("The way to the table needs a length.", f"{self.table_lps}")
            x, y, z = (v / length for v in self.table_lps)
            object.__setattr__(self, "table_lps", (x, y, z))
        if self.gantry_sector_deg is not None and not all(map(math.isfinite, self.gantry_sector_deg)):
            raise InvalidValue("The gantry's sector has two finite angles.", f"{self.gantry_sector_deg}")

    def clearance_mm(self, hazard: Hazard) -> float:
        """How near a path may come to a kind of structures."""
        return (
            self.bone_clearance_mm,
            self.vessel_clearance_mm,
            self.organ_clearance_mm,
            self.lung_clearance_mm,
        )[hazard]

    @property
    def weights(self) -> tuple[float, ...]:
        """Of the four clearances in the order of `Hazard`, then length, capsule angle and tilt."""
        return (
            self.bone_weight,
            self.vessel_weight,
            self.organ_weight,
            self.lung_weight,
            self.length_weight,
            self.capsule_weight,
            self.tilt_weight,
        )

    def refuses(self, hazard: Hazard) -> bool:
        """Whether a kind of structures can refuse an entry."""
        return hazard is not Hazard.LUNG or self.is_lung_refused

    @classmethod
    def source(cls, name: str) -> Source:
        """Where a limit or weight comes from; raises `InvalidValue` for an unknown name."""
        for item in fields(cls):
            if item.name == name:
                source = item.metadata["source"]
                assert isinstance(source, Source)
                return source
        raise InvalidValue("The access rules have no such limit or weight.", name)
