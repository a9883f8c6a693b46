"""Where the pulses heat tissue, and the bile ducts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from planner_plugins.electroporation.pulsed_field import PulsedField
from planner_plugins.electroporation.settings import Settings

from planner.compute.heat_lattice import BODY_C, Mask
from planner.model.plan import Point
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.planning.structure_lookup import StructureLookup


@dataclass(frozen=True)
class HeatReport:
    """Temperatures after all pulses, if no heat leaves.

    Parameters
    ----------
    hottest_degc, hottest_lps_mm
        Of tissue, and where.
    hot_ml, hot_by_one_ml
        Volume of tissue above the setting's temperature: by all pairs, and by one pair alone.
    duct, duct_degc, duct_lps_mm
        The bile duct that gets hottest; None where none is segmented near.
    """

    hottest_degc: float
    hottest_lps_mm: Point
    hot_ml: float
    hot_by_one_ml: float
    duct: str = ""
    duct_degc: float | None = None
    duct_lps_mm: Point | None = None


def heat_report(found: PulsedField, structures: StructureSet, settings: Settings) -> HeatReport:
    """What the pulses heat; blood, which flows, does not count as tissue."""
    temperature = found.temperature_degc
    tissue = ~found.lattice.is_vessel & ~found.lattice.is_outside
    hottest, place = _hottest(found, temperature, tissue)
    voxel_ml = found.grid.voxel_volume_ml
    hot_ml = float(np.count_nonzero((temperature > settings.hot_degc) & tissue)) * voxel_ml
    by_one = (found.most_rise_k > settings.hot_degc - BODY_C) & tissue
    one_ml = float(np.count_nonzero(by_one)) * voxel_ml
    ducts = [s.name for s in structures.with_role(Role.BILE_DUCT) if not structures.box(s.name).is_empty]
    warmest: tuple[str, float, Point] | None = None
    if ducts:
        lookup = StructureLookup(structures, found.grid)
        for name in ducts:
            mask = lookup.any_of([name])
            if not mask.any():
                continue
            # The wall is what suffers: the tissue beside the duct counts too.
            value, where = _hottest(found, temperature, _with_wall(mask))
            if warmest is None or value > warmest[1]:
                warmest = (name, value, where)
    if warmest is None:
        return HeatReport(hottest, place, hot_ml, one_ml)
    return HeatReport(hottest, place, hot_ml, one_ml, *warmest)


def _with_wall(mask: Mask) -> Mask:
    from scipy.ndimage import binary_dilation

    return np.asarray(binary_dilation(mask))


def _hottest(found: PulsedField, temperature: np.ndarray, where: Mask) -> tuple[float, Point]:
    masked = np.where(where, temperature, -np.inf)
    k, j, i = np.unravel_index(int(np.argmax(masked)), masked.shape)
    x, y, z = (float(v) for v in found.grid.to_lps((float(i), float(j), float(k))))
    return float(masked[k, j, i]), (x, y, z)
