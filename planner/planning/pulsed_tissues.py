"""How tissues conduct under pulses of hundreds of volts a centimetre, and which field kills them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from planner.model.assessment import Confidence
from planner.planning.constants import Constant

_READ, _K, _U, _D = (
    Confidence.SOURCE_READ,
    Confidence.ESTABLISHED,
    Confidence.UNVERIFIED,
    Confidence.OUR_RULE,
)
_GO_SMART = (
    "public Go-Smart FEniCS example for irreversible electroporation (after Kos 2015, Radiol Oncol 49:234)"
)
_BILE = "bile about 1.4 S/m; no cell membranes that a field would open, so the same at any field"
_AIR = "air outside the body, as little as the solver takes well"


class PulsedClass(IntEnum):
    """What a voxel is to a pulse; the later wins where structures overlap.

    A lesion is taken out of the liver.  What flows or stands in vessels, ducts and gallbladder wins
    over the lesion: it carries the current past the tissue, and leaving it out would promise more.
    """

    BACKGROUND = 0
    LIVER = 1
    TUMOUR = 2
    GALLBLADDER = 3
    BILE_DUCT = 4
    VESSEL = 5
    OUTSIDE = 6


@dataclass(frozen=True)
class PulsedTissue:
    """How a tissue conducts under a pulse.

    Parameters
    ----------
    title
        For people.
    low, high
        Conductivity without a field and in a strong one, S/m.
    from_field, to_field
        Between these it rises, V/cm.
    """

    title: str
    low: Constant
    high: Constant
    from_field: Constant
    to_field: Constant

    @property
    def rise(self) -> float:
        """The high conductivity over the low one."""
        return self.high.value / self.low.value


def _tissue(
    title: str, low: float, high: float, fields: tuple[float, float], source: str, confidence: Confidence
) -> PulsedTissue:
    sigma = (Constant(v, "S/m", source, confidence) for v in (low, high))
    field = (Constant(v, "V/cm", source, confidence) for v in fields)
    return PulsedTissue(title, *sigma, *field)


#: Reference sheet B1.
PULSED: Mapping[PulsedClass, PulsedTissue] = {
    PulsedClass.BACKGROUND: _tissue("tissue outside the liver", 0.02, 0.08, (100.0, 400.0), _GO_SMART, _READ),
    PulsedClass.LIVER: _tissue("liver", 0.08, 0.32, (350.0, 700.0), _GO_SMART, _READ),
    PulsedClass.TUMOUR: _tissue("tumour", 0.20, 0.70, (400.0, 800.0), _GO_SMART, _READ),
    PulsedClass.GALLBLADDER: _tissue("gallbladder", 1.4, 1.4, (100.0, 450.0), _BILE, _D),
    PulsedClass.BILE_DUCT: _tissue("bile ducts", 1.4, 1.4, (100.0, 450.0), _BILE, _D),
    PulsedClass.VESSEL: _tissue("vessels", 0.70, 1.50, (100.0, 450.0), _GO_SMART, _READ),
    PulsedClass.OUTSIDE: _tissue("outside the body", 1e-4, 1e-4, (100.0, 450.0), _AIR, _D),
}

#: Fields from which tissue dies under some ninety pulses of 70-100 us.
LIVER_THRESHOLD = Constant(
    700.0, "V/cm", f"{_GO_SMART}; working values 500-700, 637 in rabbits (Miklavcic 2000, BBA 1523:73)", _READ
)
TUMOUR_THRESHOLD = Constant(800.0, "V/cm", _GO_SMART, _READ)
#: From here cells open and close again (Miklavcic 2000 has 362).
REVERSIBLE_THRESHOLD = Constant(
    350.0,
    "V/cm",
    f"conductivity of liver rises from here; {_GO_SMART}; 362 in rabbits (Miklavcic 2000)",
    _READ,
)
#: Contours shown beside the threshold.
CONTOURS_V_PER_CM = (500, 600, 700, 800)

#: Measured on porcine liver.
PULSED_RISE = Constant(
    0.012, "1/K", "Beitel-White 2021, IEEE TBME 68:771 (10.1109/TBME.2020.3013572)", _READ, 0.01, 0.02
)

LEAST_SPACING = Constant(10.0, "mm", "Delphi for liver 10-20 mm: Ruarus 2020, J Vasc Interv Radiol", _READ)
MOST_SPACING = Constant(20.0, "mm", "Delphi for liver 10-20 mm: Ruarus 2020, J Vasc Interv Radiol", _READ)
PARALLELISM = Constant(10.0, "deg", "up to 10 degrees between needles; no publication read", _U)
SPACING_DEVIATION = Constant(5.0, "mm", "2-5 mm along the exposure; no publication read", _U, 2.0, 5.0)
NOMINAL_AIM = Constant(1500.0, "V/cm", "Delphi for liver: Ruarus 2020, J Vasc Interv Radiol", _READ)
NOMINAL_LEAST = Constant(
    1000.0, "V/cm", "leaves about 600 V/cm midway between needles 15 mm apart", Confidence.COMPUTED
)
CURRENT_ADVICE = Constant(48.0, "A", "generators stop at 50 A; retry from 48-50 A, no publication read", _U)
PULSES = Constant(90.0, "1", "10 test and 90 treatment pulses of 70-90 us", _READ, 70.0, 100.0)
DUCT_CLEARANCE = Constant(5.0, "mm", "thermal rims of 2-5 mm around electrodes", _D)
DUCT_HEAT = Constant(45.0, "degC", "central ducts are kept below 45-50 degC", _D, 45.0, 50.0)
HOT = Constant(50.0, "degC", "tissue coagulates within minutes", _D)
