"""A follow-up of a real liver, made from its own scan: moved, bent, noisy, with a dark zone in it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from planner.compute.local_deformation import register_local
from planner.compute.margin import prepare_margin
from planner.compute.registration import resampled
from planner.compute.rigid_registration import register_rigid
from planner.compute.zone_growing import ball_box, grow_zone
from planner.io.importing import read_case
from planner.model.displacement import DisplacementField
from planner.model.geometry import Grid
from planner.model.plan import Applicator, Plan
from planner.model.registration import Registration
from planner.planning.achieved_margin import achieved_margin
from planner.planning.carried_plan import carried_plan

pytestmark = pytest.mark.realdata
ZONE_MM, OFF_MM = 18.0, 3.0


def moved_and_bent(center: np.ndarray, about: np.ndarray) -> Registration:
    """Turned by 8 degrees about the liver, shifted by 12 mm, and bent by a smooth bump of 6 mm."""
    matrix = np.eye(4)
    axis = np.array([0.2, -0.3, 0.93])
    matrix[:3, :3] = Rotation.from_rotvec(np.radians(8.0) * axis / np.linalg.norm(axis)).as_matrix()
    matrix[:3, 3] = about - matrix[:3, :3] @ about + np.array([7.2, -5.8, 7.7])
    x, y, z = center - 100.0
    grid = Grid((51, 51, 51), (4.0, 4.0, 4.0), (float(x), float(y), float(z)))
    k, j, i = np.indices(grid.shape)
    far = np.linalg.norm(grid.to_lps(np.stack([i, j, k], axis=-1)) - center, axis=-1)
    bump = 6.0 * np.cos(np.pi * np.minimum(far, 80.0) / 160.0) ** 2
    field = DisplacementField(grid, bump[..., None] * np.array([0.5, -0.5, 0.7071]))
    return Registration("post", "pre", matrix, field)  # backwards, so that the follow-up is one resampling


def test_a_follow_up_is_registered_its_zone_grown_and_its_margin_known(
    shared_data: Callable[[str], Path],
) -> None:
    case = read_case([shared_data("ircadb01_p01")]).case
    pre = replace(case.images[0], id="pre")
    structures = case.structures
    names = [s.name for s in structures.structures if s.name == "liver" or s.name.startswith("livertumor")]
    liver = structures.union_mask(names)
    lesion = "livertumor05"
    mask, near = structures.cropped(lesion, 5.0)
    k, j, i = np.nonzero(mask)
    middle = near.to_lps(np.stack([i, j, k], axis=-1).astype(float)).mean(axis=0)
    kji = np.argwhere(liver)[::2001]
    targets = pre.grid.to_lps(kji[:, ::-1].astype(float))
    back = moved_and_bent(middle + np.array([25.0, 0.0, 0.0]), targets.mean(axis=0))
    there = back.inverse_points(targets)
    post = resampled(pre, back, pre.grid)
    values = np.array(post.values, dtype=np.float32)
    values += np.random.default_rng(0).normal(0, 10, values.shape).astype(np.float32)
    zone_center = back.inverse_points(middle[None])[0] + np.array([0.0, OFF_MM, 0.0])
    box = ball_box(pre.grid, zone_center, ZONE_MM)
    k, j, i = np.indices(box.shape)
    cells = pre.grid.cropped(box).to_lps(np.stack([i, j, k], axis=-1))
    ball = np.linalg.norm(cells - zone_center, axis=-1) <= ZONE_MM
    region = values[box.slices]
    region[ball] = 0.15 * region[ball] - 20.0
    post = replace(post, id="post", values=np.rint(values).astype(np.int16))
    # What was treated is left out: the lesion and 20 mm around its middle.
    ignored = np.zeros(pre.grid.shape, dtype=bool)
    around = ball_box(pre.grid, middle, ZONE_MM + 6.0)
    k, j, i = np.indices(around.shape)
    cells = pre.grid.cropped(around).to_lps(np.stack([i, j, k], axis=-1))
    ignored[around.slices] = np.linalg.norm(cells - middle, axis=-1) <= ZONE_MM + 6.0

    start = time.perf_counter()
    rigid = register_rigid(pre, post, within=liver)
    found = register_local(pre, post, rigid, liver, ignored=ignored)
    needle = Applicator("p1", "custom-ellipsoid", tuple(middle + [-60.0, -60.0, 0.0]), tuple(middle))
    carried = carried_plan(Plan("A", "case", (needle,)), found, "B")
    taken = time.perf_counter() - start
    for word, each in (("rigid", rigid), ("local", found)):
        off = np.linalg.norm(each.map_points(targets) - there, axis=1)
        print(f"{word}: mean {off.mean():.2f}, 95 % {np.percentile(off, 95):.2f}, most {off.max():.2f} mm; "
              f"said {each.error_mm} mm, {each.error_basis}")  # fmt: skip
    print(f"a plan carried over in {taken:.0f} s")
    assert off.mean() < 0.7
    assert np.percentile(off, 95) < 1.5
    tip = carried.plan.applicators[0].tip_lps_mm
    assert np.linalg.norm(np.array(tip) - back.inverse_points(middle[None])[0]) < 1.5

    zone = grow_zone(post, zone_center, range_values=(-60.0, 40.0))
    true = 4 / 3 * np.pi * ZONE_MM**3 / 1000
    assert zone.volume_ml == pytest.approx(true, rel=0.1)
    reached = achieved_margin(prepare_margin(near, mask), found, zone.mask, post.grid)
    surface = back.inverse_points(prepare_margin(near, mask).outline.samples.points_lps_mm)
    margin = ZONE_MM - float(np.linalg.norm(surface - zone_center, axis=1).max())
    print(
        f"margin {reached.words}, true {margin:.1f} mm; weakest {reached.weakest_words}; {dict(reached.parts_mm)}"
    )
    assert reached.minimal.value_mm == pytest.approx(margin, abs=1.5)
    assert reached.minimal.low_mm <= margin <= reached.minimal.high_mm
