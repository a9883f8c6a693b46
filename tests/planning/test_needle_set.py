"""Devices that are several needles at once: where each runs, and what each crosses."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import phantom

from planner.model.plan import Applicator
from planner.model.roles import Role
from planner.planning.access_choice import crosses_exactly
from planner.planning.access_rules import AccessRules
from planner.planning.case_ground import anatomy_of
from planner.planning.device_library import device_library
from planner.planning.emitters import shafts_of
from planner.planning.needle_path import judge_path
from planner.planning.needle_set import judge_set

NEEDLE = Applicator("p1", "generic-rf-switching-3", (0.0, -99.0, 0.0), (0.0, 10.0, 0.0), {}, "lesion")
SET = device_library().device("generic-rf-switching-3")


@pytest.mark.parametrize(
    ("name", "count", "spacing_mm"),
    [("generic-rf-switching-3", 3, 20.0), ("generic-rf-cluster", 3, None), ("generic-laser-2", 2, 20.0)],
)
def test_needles_of_a_set_stand_evenly_around_its_middle(
    name: str, count: int, spacing_mm: float | None
) -> None:
    device = device_library().device(name)
    tilted = replace(NEEDLE, device=name, entry_lps_mm=(40.0, -80.0, 33.0))
    shafts = shafts_of(tilted, device)
    assert len({s.id for s in shafts}) == count
    tips = np.array([s.tip_lps_mm for s in shafts])
    assert tips.mean(axis=0) == pytest.approx(tilted.tip_lps_mm)
    gaps = [float(np.linalg.norm(tips[a] - tips[b])) for a, b in combinations(range(count), 2)]
    assert np.ptp(gaps) < 1e-9
    if spacing_mm is not None:
        assert gaps[0] == pytest.approx(spacing_mm)
    for shaft in shafts:
        assert shaft.direction == pytest.approx(tilted.direction)
        assert shaft.length_mm == pytest.approx(tilted.length_mm)


@pytest.mark.parametrize(
    "name", ["generic-mwa-2450", "generic-rf-multitined", "custom-ellipsoid", "generic-hifu"]
)
def test_one_needle_is_its_own_path(name: str) -> None:
    assert shafts_of(NEEDLE, device_library().device(name)) == (NEEDLE,)


def test_a_rib_beside_the_middle_is_crossed_by_a_needle_of_the_set() -> None:
    """The middle line passes the rib by 6 mm; the needle 11.5 mm beside it goes through."""
    outer = max(shafts_of(NEEDLE, SET), key=lambda s: s.entry_lps_mm[0] ** 2)
    place = (outer.entry_lps_mm[0], -80.0, outer.entry_lps_mm[2])
    apart = float(np.hypot(place[0], place[2]))
    assert apart == pytest.approx(20.0 / np.sqrt(3.0))
    case = phantom((2.0, 2.0, 2.0), rib=(Role.BONE, place, 5.0))
    anatomy = anatomy_of(case.structures)
    middle = judge_path(anatomy, NEEDLE)
    assert middle.crossings == ()
    assert middle.nearest["bone"].nearest.distance_mm == pytest.approx(apart - 5.0, abs=1.8)
    whole = judge_set(anatomy, shafts_of(NEEDLE, SET), middle)
    assert [c.role for c in whole.crossings] == [Role.BONE]
    assert whole.nearest["bone"].nearest.distance_mm <= 0.0
    assert whole.length_mm == middle.length_mm
    assert not crosses_exactly(anatomy, NEEDLE, AccessRules())
    assert crosses_exactly(anatomy, NEEDLE, AccessRules(), SET)
