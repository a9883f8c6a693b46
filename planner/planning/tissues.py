"""What heats, cools and conducts in and around a liver: constants of tissues, each with its source."""

from __future__ import annotations

from dataclasses import dataclass

from planner.model.assessment import Confidence
from planner.planning.constants import Constant

_K, _U, _D, _C = Confidence.ESTABLISHED, Confidence.UNVERIFIED, Confidence.OUR_RULE, Confidence.COMPUTED

_ITIS = "IT'IS tissue database (Hasgall et al.)"
_RF = "used in models of hepatic radiofrequency ablation (Haemmerich, Berjano, Trujillo)"


def _w(value: float, source: str, confidence: Confidence = _K) -> Constant:
    return Constant(value, "W/m/K", source, confidence)


@dataclass(frozen=True)
class WarmTissue:
    """Properties of a tissue above freezing.

    Parameters
    ----------
    title
        For people.
    density, heat_capacity, conductivity
        In kg/m³, J/kg/K and W/m/K, at 37 °C.
    perfusion
        Volume of blood through a volume of tissue, 1/s.
    electric
        Conductivity at 460-500 kHz and 37 °C, S/m.
    """

    title: str
    density: Constant
    heat_capacity: Constant
    conductivity: Constant
    perfusion: Constant
    electric: Constant

    @property
    def heat_capacity_j_per_m3_k(self) -> float:
        """Heat capacity of a volume."""
        return self.density.value * self.heat_capacity.value


LIVER = WarmTissue(
    "liver",
    Constant(1060.0, "kg/m³", f"{_ITIS}: 1079; models use 1050-1080", _K, 1050.0, 1080.0),
    Constant(3600.0, "J/kg/K", f"{_ITIS}: 3540; 3600 common", _K, 3500.0, 3700.0),
    Constant(0.52, "W/m/K", _ITIS, _K, 0.50, 0.57),
    Constant(0.0064, "1/s", f"{_RF}; {_ITIS} has 0.0155", _K, 0.0064, 0.018),
    Constant(0.2, "S/m", f"{_RF}; Gabriel 1996 has 0.14 at 500 kHz", _K, 0.14, 0.20),
)
TUMOUR = WarmTissue(
    "tumour",
    Constant(1060.0, "kg/m³", "1045-1080", _K, 1045.0, 1080.0),
    Constant(3600.0, "J/kg/K", "3600-3760", _K, 3600.0, 3760.0),
    Constant(0.52, "W/m/K", "0.52-0.57", _K, 0.52, 0.57),
    Constant(0.005, "1/s", "colorectal metastases about 0.002-0.008; HCC as liver or more", _K, 0.002, 0.018),
    Constant(0.4, "S/m", "0.25-0.5, about twice that of liver", _K, 0.25, 0.5),
)
#: Muscle, fat and other organs together: coarse, since only what lies beyond the liver is made of it.
ELSEWHERE = WarmTissue(
    "tissue outside the liver",
    Constant(1060.0, "kg/m³", "taken as liver", _D),
    Constant(3600.0, "J/kg/K", "taken as liver", _D),
    Constant(0.45, "W/m/K", "between fat and muscle", _D),
    Constant(0.001, "1/s", "resting muscle and fat, coarse", _D),
    Constant(0.2, "S/m", "taken as liver", _D),
)

BLOOD_DENSITY = Constant(1060.0, "kg/m³", "1000-1060 used in models", _K, 1000.0, 1060.0)
BLOOD_HEAT_CAPACITY = Constant(3617.0, "J/kg/K", _ITIS, _K, 3617.0, 4180.0)
BLOOD_CONDUCTIVITY = Constant(0.52, "W/m/K", _ITIS, _K)
BLOOD_VISCOSITY = Constant(3.5e-3, "Pa s", "large vessels", _K)
BLOOD_ELECTRIC = Constant(0.667, "S/m", _RF, _K)
#: Blood speeds by vessel diameter in mm, from which a film coefficient follows.
BLOOD_SPEEDS = (
    (3.0, Constant(0.10, "m/s", "hepatic and portal veins, typical", _D)),
    (5.0, Constant(0.15, "m/s", "hepatic and portal veins, typical", _D)),
    (10.0, Constant(0.20, "m/s", "hepatic and portal veins, typical", _D)),
)
VESSEL_LENGTH = Constant(50.0, "mm", "length over which the flow in a vessel develops", _D)

LATENT_HEAT = Constant(2.26e6, "J/kg", "water", _K)
WATER_CONTENT = Constant(0.7, "1", "Abraham and Sparrow, Int J Heat Mass Transf 2007;50:2537", _U, 0.68, 0.7)
HOTTEST = Constant(105.0, "degC", "no tissue gets hotter (100-105 degC)", _D, 100.0, 105.0)

ELECTRIC_RISE = Constant(0.015, "1/K", "1-2 % per degree up to 100 degC", _K, 0.01, 0.02)
DRYING_FROM = Constant(100.0, "degC", "conductivity falls by 2-4 decades from 100 to 105 degC", _K)
DRYING_TO = Constant(105.0, "degC", "conductivity falls by 2-4 decades from 100 to 105 degC", _K)
DRY_DECADES = Constant(3.0, "1", "conductivity falls by 2-4 decades from 100 to 105 degC", _K, 2.0, 4.0)

#: Attenuation of the electric field in liver; power falls with twice of it.
MICROWAVE_ATTENUATION = {
    915.0: Constant(23.35, "1/m", "from 46.8 and 0.86 S/m (Gabriel 1996, Phys Med Biol 41:2271)", _C),
    2450.0: Constant(47.93, "1/m", "from 43.0 and 1.69 S/m (Gabriel 1996, Phys Med Biol 41:2271)", _C),
}

LASER_ABSORPTION = Constant(40.0, "1/m", "liver at 1064 nm: 0.2-0.7 /cm, wide spread", _U, 20.0, 70.0)
LASER_SCATTERING = Constant(1000.0, "1/m", "reduced, liver at 1064 nm: 5-15 /cm", _U, 500.0, 1500.0)
LASER_SCATTERING_COAGULATED = Constant(
    3000.0,
    "1/m",
    "reduced, coagulated liver at 1064 nm: taken as three times that of native; that light reaches less far there:"
    " Germer 1998, Lasers Surg Med 23:194; no value read",
    _U,
    1500.0,
    4500.0,
)

SOUND_ATTENUATION = Constant(6.0, "Np/m/MHz", "liver 5-9 Np/m/MHz (0.45-0.8 dB/cm/MHz)", _K, 5.0, 9.0)
SOUND_SPEED = Constant(1580.0, "m/s", "liver 1570-1590 m/s", _K, 1570.0, 1590.0)

_ICE = "Choi and Bischof, Cryobiology 2010;60:52"
UNFROZEN_CONDUCTIVITY = _w(0.5, _ICE)
FROZEN_CONDUCTIVITY = Constant(2.0, "W/m/K", _ICE, _K, 1.8, 2.2)
UNFROZEN_HEAT_CAPACITY = Constant(3.7e6, "J/m³/K", _ICE, _K, 3.6e6, 3.8e6)
FROZEN_HEAT_CAPACITY = Constant(1.9e6, "J/m³/K", _ICE, _K, 1.8e6, 2.0e6)
FREEZING_HEAT = Constant(2.5e8, "J/m³", f"333 kJ/kg of about 0.72 water; {_ICE}", _K)
FREEZING_FROM = Constant(-0.5, "degC", "Rabin and Shitzer", _U, -1.0, -0.5)
FREEZING_TO = Constant(-8.0, "degC", "Rabin and Shitzer", _U, -22.0, -8.0)


def blood_heat_w_per_m3_k(perfusion_per_s: float) -> float:
    """W = omega rho_b c_b of Pennes' equation, for a perfusion in 1/s."""
    return perfusion_per_s * BLOOD_DENSITY.value * BLOOD_HEAT_CAPACITY.value
