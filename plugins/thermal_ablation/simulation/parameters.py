"""The constants a simulation stands on, by name, to be printed with its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from planner_plugins.thermal_ablation.settings import Settings
from planner_plugins.thermal_ablation.simulation.firing import Firing

from planner.model.assessment import Confidence
from planner.planning import tissues
from planner.planning.constants import Constant

_HEAT = {
    "liver conductivity": tissues.LIVER.conductivity,
    "liver density": tissues.LIVER.density,
    "liver heat capacity": tissues.LIVER.heat_capacity,
    "tumour perfusion": tissues.TUMOUR.perfusion,
    "hottest tissue": tissues.HOTTEST,
    "water content": tissues.WATER_CONTENT,
}
_OWN: Mapping[str, Mapping[str, Constant]] = {
    "microwave": {"microwave attenuation": tissues.MICROWAVE_ATTENUATION[2450.0]},
    "radiofrequency": {
        "liver electric conductivity": tissues.LIVER.electric,
        "tumour electric conductivity": tissues.TUMOUR.electric,
        "rise of electric conductivity": tissues.ELECTRIC_RISE,
        "decades lost by drying": tissues.DRY_DECADES,
    },
    "laser": {
        "light absorption": tissues.LASER_ABSORPTION,
        "light scattering (reduced)": tissues.LASER_SCATTERING,
        "light scattering (reduced) where coagulated": tissues.LASER_SCATTERING_COAGULATED,
    },
    "cryo": {
        "frozen conductivity": tissues.FROZEN_CONDUCTIVITY,
        "frozen heat capacity": tissues.FROZEN_HEAT_CAPACITY,
        "latent heat of freezing": tissues.FREEZING_HEAT,
        "freezing from": tissues.FREEZING_FROM,
        "freezing to": tissues.FREEZING_TO,
    },
}


#: What of an emitter decides; an antenna's length and efficiency are fitted instead.
_EMITTER: Mapping[str, tuple[str, ...]] = {
    "microwave": ("frequency",),
    "radiofrequency": ("active_length", "tip_gap", "electrodes", "max_power"),
    "laser": ("active_length", "tip_gap", "diffusers", "efficiency", "wavelength"),
    "cryo": ("active_length", "tip_gap", "probe_temperature"),
}
_CLUSTER, _TINED, _COOLED = (
    ("electrode_spacing",),
    ("tines", "tine_length", "tine_diameter", "array_diameter", "target_temperature"),
    ("coolant", "max_current"),
)


def _used(firing: Firing) -> tuple[str, ...]:
    """Names of an emitter's values that its simulation uses."""
    emitter = firing.emitter
    used = _EMITTER[emitter.modality]
    if emitter.modality == "laser" and emitter.number("diffusers") > 1:
        return (*used, "diffuser_spacing")
    if emitter.modality != "radiofrequency":
        return used
    for names, counts in (
        (_CLUSTER, emitter.number("electrodes") > 1),
        (_TINED, emitter.number("tines") > 0),
        (_COOLED, emitter.number("cooled") > 0),
    ):
        used += names if counts else ()
    return used


def parameters_of(
    modalities: set[str], firings: Sequence[Firing], settings: Settings
) -> Mapping[str, Constant]:
    """Constants of tissues and devices used for some kinds of energy."""
    liver = tissues.LIVER.perfusion
    set_by_user = settings.liver_perfusion_per_s != liver.value
    source, confidence = ("setting", Confidence.OUR_RULE) if set_by_user else (liver.source, liver.confidence)
    found = {"liver perfusion": Constant(settings.liver_perfusion_per_s, "1/s", source, confidence)}
    if modalities != {"cryo"}:
        found |= _HEAT
    for modality in sorted(modalities):
        found |= _OWN.get(modality, {})
    for firing in firings:
        for name in _used(firing):
            found[f"{firing.device.name} {name.replace('_', ' ')}"] = firing.emitter.values[name]
    return found
