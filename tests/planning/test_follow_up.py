"""Plans carried over, needles as placed, and second probes, on phantoms whose answers are known."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import custom_probe, phantom, plan_of

from planner.base.errors import InvalidValue
from planner.compute.liver_region import LiverRegion
from planner.compute.margin import prepare_margin
from planner.compute.needle_finding import FoundNeedle
from planner.model.displacement import DisplacementField
from planner.model.geometry import Grid
from planner.model.plan import Plan
from planner.model.registration import Registration
from planner.planning.access_ground import AccessGround
from planner.planning.access_rules import AccessRules
from planner.planning.anatomy import Anatomy
from planner.planning.carried_plan import carried_plan
from planner.planning.device_library import device_library
from planner.planning.devices import CUSTOM
from planner.planning.placed_plan import as_placed, deviation
from planner.planning.placing import zone_of
from planner.planning.second_probe import StillToTreat, second_probe, still_to_treat

OPEN = AccessRules(table_lps=None, steepest_tilt_deg=90.0)
DEVICE = device_library().device(CUSTOM)


def rigid(shift: tuple[float, ...], turn_deg: tuple[float, ...] = (0, 0, 0)) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", turn_deg, degrees=True).as_matrix()
    matrix[:3, 3] = shift
    return matrix


def test_a_rigid_registration_carries_needles_as_they_are() -> None:
    registration = Registration("pre", "post", rigid((12, -4, 30), (3, -6, 8)), error_mm=1.24)
    plan = plan_of(custom_probe(), custom_probe((60.0, -80.0, 20.0), id="p2"))
    carried = carried_plan(plan, registration, "A follow-up")
    assert carried.plan.name == "A follow-up"
    assert "error 1.2 mm" in carried.plan.notes
    for old, new, told in zip(plan.applicators, carried.plan.applicators, carried.needles, strict=True):
        entry, tip = registration.map_points([old.entry_lps_mm, old.tip_lps_mm])
        assert np.allclose([new.entry_lps_mm, new.tip_lps_mm], [entry, tip], atol=1e-9)
        assert (new.id, new.device, new.settings, new.lesion) == (
            old.id,
            old.device,
            old.settings,
            old.lesion,
        )
        assert told.tip_moved_mm == pytest.approx(math.dist(old.tip_lps_mm, new.tip_lps_mm))
        assert told.tip_deformed_mm == pytest.approx(0.0, abs=1e-9)
        assert not told.is_stretched


def test_a_deformation_moves_the_tip_and_the_needle_keeps_its_length() -> None:
    grid = Grid((41, 41, 41), (5.0, 5.0, 5.0), (-100.0, -100.0, -100.0))
    k, j, i = np.indices(grid.shape)
    away = np.linalg.norm(grid.to_lps(np.stack([i, j, k], axis=-1)), axis=-1)
    bump = np.zeros((*grid.shape, 3))
    bump[..., 1] = 8.0 * np.cos(np.pi * np.minimum(away, 80.0) / 160.0) ** 2  # along the needle, deeper
    registration = Registration("pre", "post", rigid((5, 0, 0)), DisplacementField(grid, bump))
    plan = plan_of(custom_probe())
    carried = carried_plan(plan, registration, "B")
    (new,), (told,) = carried.plan.applicators, carried.needles
    assert new.length_mm == pytest.approx(plan.applicators[0].length_mm)
    assert np.allclose(new.tip_lps_mm, registration.map_points([plan.applicators[0].tip_lps_mm])[0])
    assert 7.0 < told.tip_deformed_mm < 8.0
    assert told.is_stretched
    assert told.stretched_mm == pytest.approx(told.tip_deformed_mm, abs=0.2)


def test_found_needles_are_given_to_the_planned_ones_they_fit() -> None:
    one, two = custom_probe(), custom_probe((60.0, -80.0, 20.0), id="p2")

    def found_of(probe: object, shift: tuple[float, float, float]) -> FoundNeedle:
        entry = np.array(probe.entry_lps_mm) + shift  # type: ignore[attr-defined]
        tip = np.array(probe.tip_lps_mm) + shift  # type: ignore[attr-defined]
        return FoundNeedle(tuple(entry), tuple(tip))

    stray = FoundNeedle((0.0, 0.0, 100.0), (0.0, 0.0, 60.0))
    # The first needle runs along +y: 3 mm to the left, 4 mm towards the head, 5 mm too deep.
    placed = as_placed(
        plan_of(one, two), [stray, found_of(two, (0.0, 0.0, 1.0)), found_of(one, (3.0, 5.0, 4.0))]
    )
    first, second = placed.deviations
    assert (first.id, second.id) == ("p1", "p2")
    assert first.lateral_mm == pytest.approx(5.0)
    assert first.depth_mm == pytest.approx(5.0)
    assert first.angle_deg == pytest.approx(0.0, abs=1e-5)
    assert first.entry_mm == pytest.approx(5.0)
    assert first.tip_mm == pytest.approx(math.sqrt(50.0))
    assert second.tip_mm == pytest.approx(1.0)
    assert placed.unplanned == (stray,)
    assert placed.missing == ()
    assert placed.plan.name == "A as placed"
    assert placed.plan.instrument("p1").settings == one.settings
    assert np.allclose(placed.plan.instrument("p1").tip_lps_mm, np.array(one.tip_lps_mm) + (3, 5, 4))


def test_a_needle_that_was_not_found_is_named_and_left_out() -> None:
    one, two = custom_probe(), custom_probe((60.0, -80.0, 20.0), id="p2")
    placed = as_placed(plan_of(one, two), [FoundNeedle(one.entry_lps_mm, one.tip_lps_mm)])
    assert placed.missing == ("p2",)
    assert [n.id for n in placed.plan.applicators] == ["p1"]


def test_the_angle_is_that_between_the_needles() -> None:
    probe = custom_probe()
    turned = np.array([math.sin(math.radians(10)), math.cos(math.radians(10)), 0.0])
    tip = np.array(probe.tip_lps_mm)
    x, y, z = tip - 100 * turned
    found = FoundNeedle((x, y, z), probe.tip_lps_mm)
    assert deviation(probe, found).angle_deg == pytest.approx(10.0)
    assert deviation(probe, found).tip_mm == pytest.approx(0.0, abs=1e-9)


@pytest.fixture(scope="module")
def body() -> tuple[AccessGround, LiverRegion, object, Grid]:
    structures = phantom((2.5, 2.5, 2.5)).structures
    liver = LiverRegion.from_mask(structures.grid, structures.union_mask(["liver", "lesion"]))
    mask, grid = structures.cropped("lesion", 5.0)
    prepared = prepare_margin(grid, mask, liver)
    return AccessGround.of(Anatomy.of(structures)), liver, prepared, structures.grid


def ball(grid: Grid, center: tuple[float, ...], radius: float) -> np.ndarray:
    k, j, i = np.indices(grid.shape)
    away = grid.to_lps(np.stack([i, j, k], axis=-1)) - np.array(center)
    return np.asarray((away**2).sum(axis=-1) <= radius**2)


def test_what_is_left_to_treat_has_its_volume(body: tuple[AccessGround, LiverRegion, object, Grid]) -> None:
    _, liver, prepared, _ = body
    fine = Grid((80, 80, 80), (1.0, 1.0, 1.0), (-40.2, -39.7, -39.4))
    registration = Registration("pre", "post", np.eye(4), error_mm=0.0)
    center, radius = (8.0, 0.0, 0.0), 14.0
    left = still_to_treat(prepared, registration, ball(fine, center, radius), fine, 5.0, liver)  # type: ignore[arg-type]
    d, r, s = 8.0, 15.0, 14.0  # the lesion grown by 5 mm, the zone: the lens of two spheres
    lens = np.pi * (s + r - d) ** 2 * (d**2 + 2 * d * (r + s) - 3 * (r - s) ** 2) / (12 * d) / 1000
    assert left.volume_ml == pytest.approx(4 / 3 * np.pi * 15**3 / 1000 - lens, rel=0.06)
    k, j, i = np.nonzero(left.mask)
    assert left.grid.to_lps(np.stack([i, j, k], axis=-1).astype(float)).mean(axis=0)[0] < -4.0


def test_a_second_probe_holds_all_that_is_left(
    body: tuple[AccessGround, LiverRegion, object, Grid],
) -> None:
    ground, liver, prepared, _ = body
    fine = Grid((80, 80, 80), (1.0, 1.0, 1.0), (-40.2, -39.7, -39.4))
    registration = Registration("pre", "post", np.eye(4), error_mm=0.0)
    left = still_to_treat(prepared, registration, ball(fine, (8.0, 0.0, 0.0), 14.0), fine, 3.0, liver)  # type: ignore[arg-type]
    settings = {"long_axis_mm": 32.0, "short_axis_mm": 32.0, "center_offset_mm": 5.0}
    plans = second_probe(ground, left, DEVICE, settings, "lesion", liver=liver, rules=OPEN)
    best = plans[0]
    assert len(best.needles) == 1
    k, j, i = np.nonzero(left.mask)
    points = left.grid.to_lps(np.stack([i, j, k], axis=-1).astype(float))
    zones = [zone_of(n, DEVICE.zone(n.settings)) for n in best.needles]
    inside = np.max([z.signed_distance_mm(points) for z in zones], axis=0)
    assert inside.min() > -left.grid.spacing_mm[0]


def test_guards(body: tuple[AccessGround, LiverRegion, object, Grid]) -> None:
    ground, _, prepared, _ = body
    registration = Registration("pre", "post", np.eye(4))
    with pytest.raises(InvalidValue, match="no instrument to carry"):
        carried_plan(Plan("A", "c"), registration, "B")
    with pytest.raises(InvalidValue, match="no needle"):
        as_placed(Plan("A", "c"), [FoundNeedle((0, 0, 0), (0, 0, 50))])
    with pytest.raises(InvalidValue, match="No needle was found"):
        as_placed(plan_of(custom_probe()), [])
    with pytest.raises(InvalidValue, match="near a planned one"):
        as_placed(plan_of(custom_probe()), [FoundNeedle((500, 0, 0), (400, 0, 0))])
    grid = Grid((8, 8, 8), (1.0, 1.0, 1.0), (0, 0, 0))
    none = StillToTreat(np.zeros(grid.shape, bool), grid, 0.0, 5.0)
    with pytest.raises(InvalidValue, match="Nothing is left"):
        second_probe(ground, none, DEVICE, {}, "lesion")
    with pytest.raises(InvalidValue, match="between 0 and 15"):
        still_to_treat(prepared, registration, np.ones(grid.shape, bool), grid, -1.0)  # type: ignore[arg-type]
