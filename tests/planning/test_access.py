"""Access maps of phantoms of balls and slabs: shadows on the skin, figures and words in closed form."""

from __future__ import annotations

import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import LIVER_MM, SKIN_MM, phantom

from planner.base.errors import Cancelled, InvalidValue
from planner.base.task import Task
from planner.compute.skin_mesh import MOST_POINTS
from planner.model.assessment import Confidence
from planner.model.geometry import Grid
from planner.model.plan import Applicator
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet
from planner.planning.access import AccessMap, access_map
from planner.planning.access_choice import (
    DIFFERENT_DEG,
    DIFFERENT_MM,
    alternatives,
    crosses_exactly,
    least_bad,
    sound_alternatives,
)
from planner.planning.access_ground import LATTICE_MM, STEP_MM, AccessGround
from planner.planning.access_rules import HAZARD_REFUSALS, AccessRules, Hazard, Refusal
from planner.planning.access_words import why_refused
from planner.planning.anatomy import Anatomy
from planner.planning.needle_path import judge_path

VOXEL_MM = 2.0
#: Every side open, so that only what is tested refuses.
OPEN = AccessRules(table_lps=None, steepest_tilt_deg=90.0)
ORIGIN = (0.0, 0.0, 0.0)
BALLS = {
    "vein": (Role.PORTAL_VEIN, (30.0, 0.0, 0.0), 6.0),
    "rib": (Role.BONE, (0.0, -80.0, 20.0), 8.0),
    "colon": (Role.BOWEL, (-20.0, 70.0, 10.0), 15.0),
    "lung": (Role.LUNG, (0.0, 0.0, 75.0), 14.0),
    "lesion 2": (Role.LESION, (0.0, -52.0, 0.0), 5.0),
}


def ground_of(structures: StructureSet) -> AccessGround:
    return AccessGround.of(Anatomy.of(structures))


@pytest.fixture(scope="module")
def ground() -> AccessGround:
    return ground_of(phantom(**BALLS).structures)


@pytest.fixture(scope="module")
def access(ground: AccessGround) -> AccessMap:
    return access_map(ground, ORIGIN, "lesion", 150.0, 10.0, OPEN)


def points_of(grid: Grid) -> np.ndarray:
    k, j, i = np.indices(grid.shape)
    return grid.to_lps(np.stack([i, j, k], axis=-1))


def breaking(access: AccessMap, rule: Refusal) -> float:
    return access.share_percent((access.broken & rule.bit) != 0)


def distance_to_needles(access: AccessMap, center: tuple[float, float, float]) -> np.ndarray:
    """From a point to each needle, entry to tip."""
    entries = access.points_lps_mm.astype(float)
    target = np.array(access.target_lps_mm)
    way = target - entries
    tips = target + access.beyond_mm * way / np.linalg.norm(way, axis=1)[:, None]
    way = tips - entries
    share = np.clip(((np.array(center) - entries) * way).sum(1) / (way**2).sum(1), 0, 1)
    return np.linalg.norm(entries + share[:, None] * way - np.array(center), axis=1)


def test_the_skin_is_the_ball(ground: AccessGround) -> None:
    radius = np.linalg.norm(ground.skin.points_lps_mm, axis=1)
    assert 20_000 <= len(ground.skin) <= MOST_POINTS
    assert np.abs(radius - SKIN_MM).max() < 0.5 * VOXEL_MM
    assert ground.skin.areas_mm2.sum() == pytest.approx(4 * np.pi * SKIN_MM**2, rel=0.01)
    outward = (ground.skin.normals_lps * ground.skin.points_lps_mm).sum(1) / radius
    # A ball of 2 mm voxels is flat within sqrt(2 R h) = 20 mm of its poles, 11 degrees of it.
    assert outward.min() > np.cos(np.arcsin(np.sqrt(2 * SKIN_MM * VOXEL_MM) / SKIN_MM) + np.radians(5))


def test_clearances_are_distance_less_radius(access: AccessMap) -> None:
    """Within the stated error and what the scan's 2 mm voxels leave open, half a diagonal."""
    scan = 0.5 * np.sqrt(3) * VOXEL_MM
    for hazard, name in zip(Hazard, ("rib", "vein", "colon", "lung"), strict=True):
        _, center, radius = BALLS[name]
        truth = distance_to_needles(access, center) - radius
        found = access.clearance_mm[:, hazard]
        apart = (found > 0) & (found < 63)
        assert np.abs(found - truth)[apart].max() <= access.error_mm + scan
        assert truth[found == 0].max() <= access.crossing_error_mm + scan
        assert np.all(found[truth < -scan - access.error_mm] == 0)


def test_figures_of_a_straight_way(access: AccessMap) -> None:
    assert np.allclose(access.length_mm, SKIN_MM + 10.0, atol=1.0)
    to_lesion = LIVER_MM - 10.0
    free = (access.broken & (Refusal.OTHER_LESION.bit)) == 0
    # Either end by half a diagonal of both lattices, and a step.
    assert np.abs(access.parenchyma_mm[free] - to_lesion).max() <= np.sqrt(3) * (VOXEL_MM + LATTICE_MM) + 0.75
    assert np.abs(access.parenchyma_mm[free] - to_lesion).mean() <= 1.0
    assert access.capsule_angle_deg[free].min() > 80.0
    assert access.capsule_angle_deg[free].mean() > 88.0
    entry = access.points_lps_mm.astype(float)
    sine = -entry[:, 2] / np.linalg.norm(entry, axis=1)
    assert np.allclose(access.craniocaudal_deg, np.degrees(np.arcsin(sine)), atol=1e-3)
    assert np.all((access.cost >= 0) & (access.cost <= 1))


def test_the_shadow_of_a_plate_is_its_solid_angle() -> None:
    """A square bone of 80 mm, 50 mm before the target, with 2 mm around it."""
    structures = phantom().structures
    points = points_of(structures.grid)
    x, y, z = (points[..., axis] for axis in range(3))
    plate = (np.abs(x) < 40) & (np.abs(z) < 40) & (y < -50) & (y > -56)
    structures = structures.with_mask(Structure("plate", Role.BONE), plate)
    access = access_map(ground_of(structures), ORIGIN, "lesion", 150.0, 0.0, OPEN)
    # The edges of the voxelised plate, and the plane that touches the 2 mm around each near edge.
    low, high = points[plate].min(0) - 1.0, points[plate].max(0) + 1.0
    near = -high[1]
    width = [
        near * np.tan(np.arctan(side / near) + np.arcsin(2.0 / np.hypot(side, near)))
        for side in (-low[0], high[0], -low[2], high[2])
    ]
    angle = sum(
        np.arctan(a * b / (near * np.sqrt(a * a + b * b + near * near))) for a in width[:2] for b in width[2:]
    )
    assert breaking(access, Refusal.BONE) == pytest.approx(100 * angle / (4 * np.pi), rel=0.04)


def test_the_shadow_of_another_lesion_is_a_cone(access: AccessMap) -> None:
    half = np.arcsin(5.0 / 52.0)
    percent = 50 * (1 - np.cos(half))
    wide = 50 * (1 - np.cos(np.arcsin((5.0 + LATTICE_MM) / 52.0)))
    narrow = 50 * (1 - np.cos(np.arcsin((5.0 - LATTICE_MM) / 52.0)))
    assert narrow < percent < wide
    assert narrow < breaking(access, Refusal.OTHER_LESION) < wide


@pytest.mark.parametrize("spacing", [(2.0, 2.0, 2.0), (1.0, 1.0, 3.0)])
def test_a_pleura_one_voxel_thin_is_seen(spacing: tuple[float, float, float]) -> None:
    """No crossing longer than a step is missed; what is left cuts a corner of a voxel."""
    structures = phantom(spacing).structures
    inner = np.linalg.norm(points_of(structures.grid), axis=-1) < 80
    shell = inner.copy()
    for axis in range(3):
        for step in (1, -1):
            shell &= np.roll(inner, step, axis)
    structures = structures.with_mask(Structure("Pleura", Role.PLEURA), inner & ~shell)
    ground = ground_of(structures)
    access = access_map(ground, ORIGIN, "lesion", 150.0, 0.0, OPEN)
    assert breaking(access, Refusal.LUNG) > 97.0
    missed = np.flatnonzero((access.broken & Refusal.LUNG.bit) == 0)
    for n in missed[:: max(1, len(missed) // 100)]:
        crossings = judge_path(ground.anatomy, access.needle(int(n))).crossings
        assert all(stretch.length_mm <= STEP_MM for stretch in crossings)


def test_agreement_with_the_exact_judgement(ground: AccessGround) -> None:
    """Figures within the error, and rules alike except within the error of their limits."""
    access = access_map(ground, (4.0, 3.0, -5.0), "lesion", 105.0, 8.0, OPEN)
    groups = ("bone", "vessel", "bowel", "lung")
    agreed, angles, liver = 0, [], []
    for n in np.random.default_rng(2).choice(len(access), 400, replace=False):
        path = judge_path(ground.anatomy, access.needle(int(n)))
        assert path.length_mm == pytest.approx(access.length_mm[n], abs=1e-3)
        assert path.craniocaudal_deg == pytest.approx(access.craniocaudal_deg[n], abs=1e-3)
        assert path.in_plane_deg == pytest.approx(access.in_plane_deg[n], abs=1e-2)
        angles.append((path.capsule_angle_deg or 0.0) - access.capsule_angle_deg[n])
        broken = access.broken_rules(int(n))
        assert (Refusal.TOO_LONG in broken) == (access.needle(int(n)).length_mm > 105.0)
        if Refusal.OTHER_LESION not in broken:
            liver.append((path.parenchyma_before_lesion_mm or 0.0) - access.parenchyma_mm[n])
        for hazard, group in zip(Hazard, groups, strict=True):
            exact, found = path.nearest[group].nearest.distance_mm, access.clearance_mm[n, hazard]
            if found > 0:
                assert abs(found - min(exact, 63.75)) <= access.error_mm
            else:
                assert exact <= access.crossing_error_mm
            limit = OPEN.clearance_mm(hazard)
            is_refused = exact < limit or exact == 0
            band = access.error_mm if limit > 0 else access.crossing_error_mm
            if abs(exact - limit) > band or exact == 0:
                assert (HAZARD_REFUSALS[hazard] in broken) == is_refused
                agreed += 1
    assert agreed > 1500
    # Both look at the slope of voxels of 2 mm, the one at a voxel's centre and the other between.
    assert np.abs(angles).max() < 12.0
    assert np.std(angles) < 2.0
    assert np.abs(liver).max() <= 2 * np.sqrt(3) * LATTICE_MM
    assert abs(np.mean(liver)) < 0.5


def test_skin_on_the_table_and_beside_the_gantry(ground: AccessGround) -> None:
    on_back = access_map(ground, ORIGIN, "lesion", 150.0, 0.0, replace(OPEN, table_lps=(0, 1, 0)))
    assert breaking(on_back, Refusal.TABLE) == pytest.approx(25.0, abs=1.0)
    assert np.all(on_back.points_lps_mm[(on_back.broken & Refusal.TABLE.bit) != 0][:, 1] > 0)
    half = access_map(ground, ORIGIN, "lesion", 150.0, 0.0, replace(OPEN, gantry_sector_deg=(-90, 90)))
    assert breaking(half, Refusal.GANTRY) == pytest.approx(50.0, abs=1.0)
    assert np.all(half.points_lps_mm[(half.broken & Refusal.GANTRY.bit) != 0][:, 1] > -0.1)


def test_steep_needles_are_refused(ground: AccessGround) -> None:
    access = access_map(ground, ORIGIN, "lesion", 150.0, 0.0, replace(OPEN, steepest_tilt_deg=30.0))
    assert breaking(access, Refusal.TOO_STEEP) == pytest.approx(50.0, abs=1.0)


def test_a_lesion_under_the_capsule_is_not_entered_from_nearby(ground: AccessGround) -> None:
    access = access_map(ground, (0.0, -52.0, 0.0), "lesion 2", 200.0, 0.0, OPEN)
    straight = int(np.argmin(np.linalg.norm(access.points_lps_mm - np.array([0, -100, 0]), axis=1)))
    assert access.parenchyma_mm[straight] == pytest.approx(3.0, abs=2.5)
    assert Refusal.PARENCHYMA in access.broken_rules(straight)
    behind = int(np.argmin(np.linalg.norm(access.points_lps_mm - np.array([90, 44, 0]), axis=1)))
    assert Refusal.PARENCHYMA not in access.broken_rules(behind)
    path = judge_path(ground.anatomy, access.needle(behind))
    assert access.parenchyma_mm[behind] == pytest.approx(path.parenchyma_before_lesion_mm, abs=2.0)
    assert "of liver before lesion 2, 10 mm are asked" in why_refused(ground, access, straight)


def test_a_profile_may_let_lung_pass(ground: AccessGround, access: AccessMap) -> None:
    lenient = access_map(ground, ORIGIN, "lesion", 150.0, 10.0, replace(OPEN, is_lung_refused=False))
    narrow, wide = (50 * (1 - np.cos(np.arcsin((14.0 + e) / 75.0))) for e in (-1, LATTICE_MM + 1))
    assert narrow < breaking(access, Refusal.LUNG) < wide
    assert breaking(lenient, Refusal.LUNG) == 0.0
    assert np.array_equal(lenient.clearance_mm, access.clearance_mm)


def test_behind_air_is_not_in_a_straight_line() -> None:
    structures = phantom().structures
    points = points_of(structures.grid)
    trunk = np.linalg.norm(points, axis=-1) < 70
    arm = np.linalg.norm(points - np.array([92.0, 0, 0]), axis=-1) < 14
    structures = structures.with_mask(Structure("skin", Role.SKIN), trunk | arm)
    access = access_map(ground_of(structures), ORIGIN, "lesion", 150.0, 0.0, OPEN)
    on_arm = access.points_lps_mm[:, 0] > 74
    assert on_arm.sum() > 100
    refused = (access.broken & Refusal.NOT_STRAIGHT.bit) != 0
    assert np.array_equal(refused, on_arm)


def test_gas_within_the_body_is_no_outside() -> None:
    """A skin made by a threshold leaves out the lung and an air bubble."""
    case = phantom(lung=BALLS["lung"])
    structures = case.structures
    points = points_of(structures.grid)
    hole = np.linalg.norm(points - np.array([0, 75, 0]), axis=-1) < 12
    solid = structures.mask("skin") & ~structures.mask("lung") & ~hole
    structures = structures.with_mask(Structure("skin", Role.SKIN), solid)
    access = access_map(ground_of(structures), ORIGIN, "lesion", 150.0, 0.0, OPEN)
    assert breaking(access, Refusal.NOT_STRAIGHT) == 0.0
    assert np.abs(np.linalg.norm(access.points_lps_mm, axis=1) - SKIN_MM).max() < 1.0


def test_a_target_at_the_scans_border() -> None:
    """The scan ends 5 mm above the target: no skin there, and no tip beyond it."""
    whole = phantom(**BALLS).structures
    top = int(np.floor(whole.grid.to_ijk((0, 0, 5.0))[2] + 0.5))
    grid = Grid((top, *whole.grid.shape[1:]), whole.grid.spacing_mm, whole.grid.origin_lps_mm)
    layers = tuple(np.ascontiguousarray(layer[:top]) for layer in whole.layers)
    ground = ground_of(StructureSet("cut", grid, layers, whole.structures))
    end = float(grid.to_lps((0, 0, top - 0.5))[2])
    assert ground.skin.points_lps_mm[:, 2].max() <= end
    assert np.abs(np.linalg.norm(ground.skin.points_lps_mm, axis=1) - SKIN_MM).max() < 1.5
    access = access_map(ground, ORIGIN, "lesion", 150.0, 15.0, OPEN)
    tips = -15.0 * access.points_lps_mm / np.linalg.norm(access.points_lps_mm, axis=1)[:, None]
    refused = (access.broken & Refusal.UNSCANNED.bit) != 0
    clear = np.abs(tips[:, 2] - end) > 1e-3
    assert np.array_equal(refused[clear], (tips[:, 2] > end)[clear])
    assert np.any(refused)
    index = int(np.flatnonzero(refused)[0])
    assert "the tip would lie outside the scan" in why_refused(ground, access, index)
    with pytest.raises(InvalidValue, match="outside the scan"):
        access_map(ground, (0.0, 0.0, end + 1.0), "lesion", 150.0)


def test_an_oblique_anisotropic_scan_gives_the_same_map(access: AccessMap) -> None:
    axes = tuple(Rotation.from_euler("zyx", (20, -10, 15), degrees=True).as_matrix().ravel())
    shape = (88, 176, 220)
    grid = Grid(shape, (1.1, 1.4, 2.8), (0, 0, 0), axes)
    x, y, z = -grid.center_lps_mm
    grid = Grid(shape, (1.1, 1.4, 2.8), (x, y, z), axes)
    points = points_of(grid)
    balls = {
        "lesion": (Role.LESION, ORIGIN, 10.0),
        "liver": (Role.LIVER, ORIGIN, LIVER_MM),
        "skin": (Role.SKIN, ORIGIN, SKIN_MM),
        **BALLS,
    }
    masks = [
        (Structure(name, role), ((points - np.array(center)) ** 2).sum(-1) <= radius**2)
        for name, (role, center, radius) in balls.items()
    ]
    oblique = access_map(
        ground_of(StructureSet.from_masks("oblique", grid, masks)), ORIGIN, "lesion", 150.0, 10.0, OPEN
    )
    assert np.abs(np.linalg.norm(oblique.points_lps_mm, axis=1) - SKIN_MM).max() < 1.5
    bound = oblique.error_mm + 0.5 * float(np.linalg.norm(grid.spacing_mm))
    for hazard, name in zip(Hazard, ("rib", "vein", "colon", "lung"), strict=True):
        _, center, radius = BALLS[name]
        found = oblique.clearance_mm[:, hazard]
        apart = (found > 0) & (found < 63)
        assert np.abs(found - distance_to_needles(oblique, center) + radius)[apart].max() <= bound
        around = np.linalg.norm(center)
        for one in (oblique, access):
            # The shadow's cone gives back the ball's radius with its limit.
            cosine = 1 - breaking(one, HAZARD_REFUSALS[hazard]) / 50
            seen = around * np.sqrt(1 - cosine**2) - radius - OPEN.clearance_mm(hazard)
            assert -0.5 * VOXEL_MM < seen < 0.5 * VOXEL_MM + 0.5 * np.sqrt(3) * LATTICE_MM


def test_what_is_missing_never_passes_silently() -> None:
    ground = ground_of(phantom(vein=BALLS["vein"]).structures)
    access = access_map(ground, ORIGIN, "lesion", 150.0, 0.0, OPEN)
    assert {"bones", "bowel", "lungs", "pleura"} <= set(access.unchecked)
    assert np.all(np.isnan(access.clearance_mm[:, Hazard.BONE]))
    assert np.all(np.isfinite(access.clearance_mm[:, Hazard.VESSEL]))
    words = why_refused(ground, access, 0)
    assert words.startswith("allowed; ")
    assert "no bowel segmented: bowel is not checked" in words
    assert "no bones segmented: bones are not checked" in words
    entry = alternatives(access)[0]
    assert entry.clearance_mm[Hazard.BONE] is None
    assert least_bad(access).unchecked == access.unchecked


def test_without_a_liver_there_is_no_capsule() -> None:
    ground = ground_of(phantom(**BALLS).structures.without("liver"))
    access = access_map(ground, ORIGIN, "lesion", 150.0, 0.0, OPEN)
    assert "liver" in access.unchecked
    assert np.all(np.isnan(access.parenchyma_mm))
    assert np.all(np.isnan(access.capsule_angle_deg))
    assert np.all(np.isfinite(access.cost))
    assert alternatives(access)[0].capsule_angle_deg is None


def test_without_a_skin_it_is_refused_in_three_parts() -> None:
    with pytest.raises(InvalidValue) as refused:
        ground_of(phantom().structures.without("skin"))
    assert refused.value.what
    assert refused.value.thing
    assert refused.value.todo


def test_a_skin_that_fills_the_scan_has_no_surface() -> None:
    structures = phantom().structures
    full = structures.with_mask(Structure("skin", Role.SKIN), np.ones(structures.grid.shape, dtype=bool))
    with pytest.raises(InvalidValue, match="no surface"):
        ground_of(full)


@pytest.mark.parametrize(
    ("target", "lesion", "length", "beyond"),
    [
        ((np.nan, 0.0, 0.0), "lesion", 150.0, 0.0),
        ((0.0, 0.0, 500.0), "lesion", 150.0, 0.0),
        ((0.0, -106.0, 0.0), "lesion", 150.0, 0.0),
        (ORIGIN, "liver", 150.0, 0.0),
        (ORIGIN, "nothing", 150.0, 0.0),
        (ORIGIN, "lesion", 0.0, 0.0),
        (ORIGIN, "lesion", 150.0, -1.0),
        (ORIGIN, "lesion", np.inf, 0.0),
    ],
)
def test_what_cannot_be_asked(
    ground: AccessGround, target: tuple[float, float, float], lesion: str, length: float, beyond: float
) -> None:
    with pytest.raises(InvalidValue):
        access_map(ground, target, lesion, length, beyond)


def test_words_name_the_structures(ground: AccessGround, access: AccessMap) -> None:
    def nearest(place: tuple[float, float, float]) -> int:
        return int(np.argmin(np.linalg.norm(access.points_lps_mm - np.array(place), axis=1)))

    assert "crosses colon" in why_refused(ground, access, nearest((-27.0, 94.0, 14.0)))
    assert "crosses vein (" in why_refused(ground, access, nearest((100.0, 0.0, 0.0)))
    assert "crosses lung" in why_refused(ground, access, nearest((0.0, 0.0, 100.0)))
    assert "crosses rib" in why_refused(ground, access, nearest((0.0, -97.0, 24.0)))
    assert "crosses lesion 2" in why_refused(ground, access, nearest((0.0, -100.0, 0.0)))
    near = why_refused(ground, access, nearest((100 * np.cos(0.3), 100 * np.sin(0.3), 0.0)))
    assert "mm from vein" in near
    assert "no pleura segmented: pleura is not checked" in near
    short = access_map(ground, ORIGIN, "lesion", 105.0, 10.0, OPEN)
    assert "needs 110 mm of a device of 105 mm" in why_refused(ground, short, 0)


def test_every_refused_entry_gets_a_reason(ground: AccessGround) -> None:
    access = access_map(ground, (12.0, 5.0, -8.0), "lesion", 120.0, 8.0)
    for n in np.random.default_rng(4).choice(np.flatnonzero(~access.is_allowed), 150, replace=False):
        reasons = [p for p in why_refused(ground, access, int(n)).split("; ") if "segmented" not in p]
        assert reasons
        assert "allowed" not in reasons


def test_refusals_follow_their_order(access: AccessMap) -> None:
    assert [r.value for r in Refusal] == list(range(13))
    for n in np.random.default_rng(5).choice(len(access), 200):
        broken = access.broken_rules(int(n))
        assert access.refusal[n] == (broken[0] if broken else Refusal.NONE)
    assert np.array_equal(access.is_allowed, access.refusal == Refusal.NONE)
    assert all(r.words for r in Refusal)


def test_alternatives_differ_and_are_unbeaten(ground: AccessGround) -> None:
    access = access_map(ground, (12.0, 5.0, -8.0), "lesion", 150.0, 8.0, OPEN)
    found = alternatives(access)
    assert 2 <= len(found) <= 6
    assert [e.cost for e in found] == sorted(e.cost for e in found)
    ample = OPEN.ample_clearance_mm
    clearance = np.minimum(access.least_clearance_mm, ample)
    for entry in found:
        assert entry.broken == ()
        least, angle = min(entry.least_clearance_mm or 0.0, ample), entry.capsule_angle_deg or 0.0
        as_good = (clearance >= least) & (access.length_mm <= np.float32(entry.length_mm))
        as_good &= access.capsule_angle_deg >= np.float32(angle)
        better = (clearance > least) | (access.length_mm < np.float32(entry.length_mm))
        better |= access.capsule_angle_deg > np.float32(angle)
        assert not np.any(as_good & better & access.is_allowed)
    ways = np.array([e.entry_lps_mm for e in found]) - np.array(access.target_lps_mm)
    for a in range(len(found)):
        for b in range(a):
            cosine = ways[a] @ ways[b] / np.linalg.norm(ways[a]) / np.linalg.norm(ways[b])
            apart = np.linalg.norm(ways[a] - ways[b])
            assert np.degrees(np.arccos(cosine)) >= DIFFERENT_DEG - 1e-6 or apart >= DIFFERENT_MM


def test_where_nothing_is_allowed_the_least_bad_is_told(ground: AccessGround) -> None:
    access = access_map(ground, (12.0, 5.0, -8.0), "lesion", 60.0, 8.0, OPEN)
    assert alternatives(access) == ()
    told = least_bad(access)
    assert told.blocked[0].rule is Refusal.TOO_LONG
    assert told.blocked[0].any_percent == pytest.approx(100.0)
    assert sum(b.first_percent for b in told.blocked) == pytest.approx(100.0)
    assert told.entries[0].broken == (Refusal.TOO_LONG,)
    fewest = min(int(b).bit_count() for b in access.broken)
    assert len(told.entries[0].broken) == fewest
    only_long = access.broken == Refusal.TOO_LONG.bit
    assert told.entries[0].length_mm == pytest.approx(access.length_mm[only_long].min())


def test_the_same_question_gets_the_same_bits(ground: AccessGround, access: AccessMap) -> None:
    again = access_map(ground_of(phantom(**BALLS).structures), ORIGIN, "lesion", 150.0, 10.0, OPEN)
    for name, values in vars(access).items():
        if isinstance(values, np.ndarray):
            assert values.tobytes() == getattr(again, name).tobytes(), name
            assert not values.flags.writeable
    assert alternatives(access) == alternatives(again)


def test_a_map_of_allowed_entries_is_the_allowed_part_of_the_whole(ground: AccessGround) -> None:
    for rules in (OPEN, AccessRules(), replace(AccessRules(), parenchyma_mm=25.0)):
        whole = access_map(ground, (12.0, 5.0, -8.0), "lesion", 150.0, 8.0, rules)
        part = access_map(ground, (12.0, 5.0, -8.0), "lesion", 150.0, 8.0, rules, only_allowed=True)
        kept = whole.is_allowed
        assert len(part) == np.count_nonzero(kept)
        assert part.triangles.shape == (0, 3)
        for name, values in vars(whole).items():
            if isinstance(values, np.ndarray) and name != "triangles":
                assert np.array_equal(getattr(part, name), values[kept], equal_nan=True), name


def test_a_map_of_allowed_entries_may_be_empty(ground: AccessGround) -> None:
    part = access_map(ground, ORIGIN, "lesion", 20.0, 8.0, OPEN, only_allowed=True)
    assert len(part) == 0
    assert alternatives(part) == ()


def test_it_stops_when_asked(ground: AccessGround) -> None:
    def stopping(after: float) -> Task:
        task = Task(lambda fraction, _: task.cancel() if fraction >= after else None)
        return task

    with pytest.raises(Cancelled):
        access_map(ground, ORIGIN, "lesion", 150.0, 0.0, OPEN, stopping(0.3))
    with pytest.raises(Cancelled):
        AccessGround.of(ground.anatomy, stopping(0.3))


def test_progress_rises_to_the_end(ground: AccessGround) -> None:
    told: list[float] = []
    access_map(ground, ORIGIN, "lesion", 150.0, 0.0, OPEN, Task(lambda fraction, _: told.append(fraction)))
    assert told == sorted(told)
    assert len(told) >= 4


def test_every_rule_has_its_source() -> None:
    for item in fields(AccessRules):
        assert AccessRules.source(item.name).confidence is Confidence.OUR_RULE
    with pytest.raises(InvalidValue):
        AccessRules.source("colour")


@pytest.mark.parametrize(
    "change",
    [
        {"bone_clearance_mm": -1.0},
        {"steepest_tilt_deg": float("nan")},
        {"ample_tilt_deg": 0.0},
        {"table_lps": (0.0, 0.0, 0.0)},
        {"gantry_sector_deg": (0.0, float("inf"))},
        {f"{w}_weight": 0.0 for w in ("bone", "vessel", "organ", "lung", "length", "capsule", "tilt")},
    ],
)
def test_impossible_rules(change: dict[str, object]) -> None:
    with pytest.raises(InvalidValue):
        AccessRules(**change)  # type: ignore[arg-type]


def test_a_thinned_ground_keeps_the_skin_and_its_answers(ground: AccessGround) -> None:
    thin = ground.thinned(12.0)
    assert len(thin.skin) < 0.5 * len(ground.skin)
    assert thin.skin.areas_mm2.sum() == pytest.approx(ground.skin.areas_mm2.sum(), rel=1e-5)
    known = {tuple(p) for p in ground.skin.points_lps_mm.tolist()}
    assert all(tuple(p) in known for p in thin.skin.points_lps_mm.tolist())
    with pytest.raises(ValueError, match="read-only"):
        thin.skin.areas_mm2[0] = 0.0


def test_what_is_listed_crosses_nothing_by_the_exact_structures_either() -> None:
    # Two small bones: some paths graze their edges between the steps of the map.
    case = phantom(
        (1.5, 1.5, 1.5), rib=(Role.BONE, (0.0, -80.0, 0.0), 4.0), other=(Role.BONE, (20.0, -78.0, 6.0), 3.0)
    )
    found = AccessGround.of(Anatomy.of(case.structures))
    rules = AccessRules(table_lps=None, steepest_tilt_deg=90.0, bone_clearance_mm=0.0)
    access = access_map(found, (0.0, 0.0, 0.0), "lesion", 150.0, 5.0, rules)
    for entry in sound_alternatives(found, access, 6):
        assert not crosses_exactly(found.anatomy, access.needle(entry.index), rules)
    # Straight through the middle of the bone it is found out, whatever the map says.
    straight = Applicator("p", "any", (0.0, -100.0, 0.0), (0.0, 5.0, 0.0), {}, "lesion")
    assert crosses_exactly(found.anatomy, straight, rules)
    assert not crosses_exactly(found.anatomy, replace(straight, entry_lps_mm=(-100.0, 0.0, 0.0)), rules)
