"""Needle paths through balls: lengths, angles, crossings and clearances in closed form."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import custom_probe, phantom

from planner.model.plan import Applicator
from planner.model.roles import Role
from planner.planning.anatomy import Anatomy
from planner.planning.device_library import device_library
from planner.planning.needle_path import judge_path, needle_angles_deg
from planner.planning.placing import aimed_applicator, entry_on_skin, zone_center

VOXEL = 2.0


@pytest.fixture(scope="module")
def anatomy() -> Anatomy:
    case = phantom(
        vein=(Role.PORTAL_VEIN, (30.0, 0.0, 0.0), 6.0),
        rib=(Role.BONE, (0.0, -90.0, 20.0), 5.0),
        colon=(Role.BOWEL, (0.0, 80.0, 0.0), 12.0),
    )
    return Anatomy.of(case.structures)


def test_lengths_and_clearances_of_a_straight_path(anatomy: Anatomy) -> None:
    path = judge_path(anatomy, custom_probe())
    assert path.length_mm == pytest.approx(110.0)
    assert path.liver_traversed_mm == pytest.approx(50.0, abs=VOXEL)
    assert path.parenchyma_before_lesion_mm == pytest.approx(50.0, abs=VOXEL)
    assert path.capsule_angle_deg == pytest.approx(90.0, abs=4.0)
    assert path.nearest["vessel"].nearest.distance_mm == pytest.approx(30.0 - 6.0, abs=VOXEL)
    assert path.nearest["bone"].nearest.distance_mm == pytest.approx(20.0 - 5.0, abs=VOXEL)
    assert path.nearest["bowel"].nearest.distance_mm == pytest.approx(80.0 - 12.0 - 10.0, abs=VOXEL)
    assert path.crossings == ()
    assert path.entry_depth_mm == pytest.approx(0.0, abs=VOXEL)
    assert path.unscanned_mm == 0.0


@pytest.mark.parametrize("offset", [0.0, 20.0, 35.0, 50.0])
def test_the_capsule_angle_of_a_chord(anatomy: Anatomy, offset: float) -> None:
    """A line at a distance d from the centre of a ball of radius R meets it at acos(d / R) to the tangent."""
    path = judge_path(anatomy, Applicator("p1", "any", (0.0, -99.0, offset), (0.0, 30.0, offset)))
    assert path.capsule_angle_deg == pytest.approx(np.degrees(np.arccos(offset / 60.0)), abs=5.0)


def test_crossings_are_named_with_their_place(anatomy: Anatomy) -> None:
    path = judge_path(anatomy, Applicator("p1", "any", (0.0, -100.0, 20.0), (0.0, 0.0, 20.0)))
    (rib,) = path.crossings
    assert rib.structure == "rib"
    assert rib.length_mm == pytest.approx(10.0, abs=VOXEL)
    assert np.allclose(rib.middle_lps_mm, (0.0, -90.0, 20.0), atol=VOXEL)
    assert path.nearest["bone"].nearest.distance_mm == 0.0


def test_a_crossed_vessel_is_measured(anatomy: Anatomy) -> None:
    path = judge_path(anatomy, Applicator("p1", "any", (90.0, 0.0, 0.0), (0.0, 0.0, 0.0)))
    (vein,) = path.vessel_crossings
    assert vein.diameter_mm == pytest.approx(12.0, abs=VOXEL)


def test_what_is_missing_is_named(anatomy: Anatomy) -> None:
    missing = anatomy.missing()
    assert "pleura" in missing
    assert "bones" not in missing


@pytest.mark.parametrize(
    ("towards", "in_plane", "craniocaudal"),
    [((0, 1, 0), 0.0, 0.0), ((1, 1, 0), 45.0, 0.0), ((-1, 0, 0), -90.0, 0.0), ((0, 1, 1), 0.0, 45.0)],
)
def test_angles(towards: tuple[float, float, float], in_plane: float, craniocaudal: float) -> None:
    probe = Applicator("p1", "any", (0.0, 0.0, 0.0), tuple(50.0 * v for v in towards))  # type: ignore[arg-type]
    assert needle_angles_deg(probe) == pytest.approx((in_plane, craniocaudal))


def test_the_tip_goes_deeper_by_the_devices_offset() -> None:
    device = device_library().device("generic-mwa-2450")
    probe = aimed_applicator("p1", device, device.defaults, (5.0, 5.0, 5.0), (5.0, -80.0, 5.0))
    assert np.allclose(probe.tip_lps_mm, (5.0, 5.0 + device.center_offset.value, 5.0))
    assert np.allclose(zone_center(probe, device.center_offset.value), (5.0, 5.0, 5.0))


@pytest.mark.parametrize("click_mm", [90.0, 98.0, 107.0, 150.0])
def test_a_click_near_or_beyond_the_skin_is_put_onto_it(anatomy: Anatomy, click_mm: float) -> None:
    entry = entry_on_skin(anatomy.structures, (0.0, 0.0, 0.0), (0.0, -click_mm, 0.0))
    assert np.allclose(entry, (0.0, -100.0, 0.0), atol=VOXEL)


def test_a_click_deep_in_the_body_stays(anatomy: Anatomy) -> None:
    assert entry_on_skin(anatomy.structures, (0.0, 0.0, 0.0), (0.0, -40.0, 0.0)) == (0.0, -40.0, 0.0)


def test_a_tip_outside_the_body_is_told() -> None:
    anatomy = Anatomy.of(phantom((3.0, 3.0, 3.0)).structures)
    outside = Applicator("p", "any", (0.0, -105.0, 60.0), (0.0, -104.0, -20.0), {}, "lesion")
    assert judge_path(anatomy, outside).is_tip_in_body is False
    inside = Applicator("p", "any", (0.0, -105.0, 0.0), (0.0, 5.0, 0.0), {}, "lesion")
    assert judge_path(anatomy, inside).is_tip_in_body is True
    skinless = phantom((3.0, 3.0, 3.0)).structures.without("skin")
    assert judge_path(Anatomy.of(skinless), inside).is_tip_in_body is None
