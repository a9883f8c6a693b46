"""Plans of electrodes and foci carried over to another scan, by movements that are known."""

from __future__ import annotations

import itertools
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from phantom import custom_probe
from rectangle_array import array, grid

from planner.model.displacement import DisplacementField
from planner.model.electrode_array import Electrode, ElectrodeArray, PulsePair
from planner.model.geometry import Grid
from planner.model.plan import Plan
from planner.model.registration import Registration
from planner.planning.carried_plan import carried_plan
from planner.planning.electrode_arrays import pair_geometry
from planner.planning.pulse_voltages import nominal_v_per_cm


def rigid() -> Registration:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", (13.0, -26.0, 38.0), degrees=True).as_matrix()
    matrix[:3, 3] = (12.0, -40.0, 33.0)
    return Registration("pre", "post", matrix, error_mm=1.2)


def test_a_rigid_movement_carries_an_array_as_it_is() -> None:
    before = array(pull_backs=1, pull_back_mm=12.0)
    carried = carried_plan(Plan("A", "c", (before,)), rigid(), "B")
    (after,) = carried.plan.electrode_arrays
    for a, b in itertools.combinations(range(4), 2):
        old, new = pair_geometry(before, a, b), pair_geometry(after, a, b)
        assert new.distance_mm == pytest.approx(old.distance_mm, abs=1e-9)
        assert new.depth_gap_mm == pytest.approx(old.depth_gap_mm, abs=1e-9)
        assert math.radians(new.angle_deg) == pytest.approx(math.radians(old.angle_deg), abs=5e-8)
        ways = [x.electrodes[a].direction @ x.electrodes[b].direction for x in (before, after)]
        assert ways[0] == pytest.approx(ways[1], abs=1e-12)
    for old_pair, new_pair in zip(before.pairs, after.pairs, strict=True):
        assert new_pair == old_pair, "voltages were in the generator's steps, and stay"
        assert nominal_v_per_cm(after, new_pair) == pytest.approx(
            nominal_v_per_cm(before, old_pair), rel=1e-9
        )
    for told, old_one, new_one in zip(carried.needles, before.electrodes, after.electrodes, strict=True):
        assert (new_one.exposure_mm, new_one.length_mm) == pytest.approx((20.0, old_one.length_mm), abs=1e-9)
        assert told.tip_moved_mm == pytest.approx(math.dist(old_one.tip_lps_mm, new_one.tip_lps_mm))
        assert told.tip_deformed_mm == pytest.approx(0.0, abs=1e-9)
        assert not told.is_stretched
    assert [n.title for n in carried.needles] == [f"e1 electrode {n}" for n in (1, 2, 3, 4)]
    assert (after.pull_backs, after.pull_back_mm, after.lesion) == (1, 12.0, "lesion")


def test_a_stretch_moves_electrodes_apart_and_voltages_follow() -> None:
    """The tissue is stretched by a tenth along x: parallel electrodes along z end a tenth farther apart."""
    lattice = Grid((21, 21, 21), (10.0, 10.0, 10.0), (-100.0, -100.0, -100.0))
    k, j, i = np.indices(lattice.shape)
    vectors = np.zeros((*lattice.shape, 3))
    inner = (slice(1, -1),) * 3  # it has ended at the border
    vectors[*inner, 0] = 0.1 * lattice.to_lps(np.stack([i, j, k], axis=-1))[*inner, 0]
    registration = Registration("pre", "post", np.eye(4), DisplacementField(lattice, vectors))
    two = tuple(Electrode((x, 0.0, -80.0), (x, 0.0, 5.0), 20.0) for x in (-7.0, 8.0))
    before = ElectrodeArray("e1", "generic-ire-19g", two, (PulsePair(0, 1, 2250.0),))
    carried = carried_plan(Plan("A", "c", (before,)), registration, "B")
    (after,) = carried.plan.electrode_arrays
    assert pair_geometry(after, 0, 1).distance_mm == pytest.approx(16.5, abs=1e-6)
    assert after.pairs[0].voltage_v in (2470.0, 2480.0)  # 2475 V in steps of 10 V
    assert [n.tip_deformed_mm for n in carried.needles] == pytest.approx([0.7, 0.8], abs=1e-6)


def test_foci_and_window_are_mapped_point_by_point() -> None:
    foci, registration = grid(), rigid()
    carried = carried_plan(Plan("A", "c", (foci,)), registration, "B")
    (after,) = carried.plan.focus_grids
    assert np.allclose(after.foci_lps_mm, registration.map_points(foci.foci_lps_mm), atol=1e-9)
    assert np.allclose(after.window_lps_mm, registration.map_points(foci.window_lps_mm), atol=1e-9)
    assert (after.device, after.settings, after.lesion) == (foci.device, foci.settings, foci.lesion)
    (told,) = carried.foci
    assert carried.needles == ()
    assert told.middle_moved_mm == pytest.approx(math.dist(foci.middle_lps_mm, after.middle_lps_mm))
    assert told.middle_deformed_mm == pytest.approx(0.0, abs=1e-9)
    assert told.has_window
    bare = replace(foci, window_lps_mm=())
    bare_after = carried_plan(Plan("A", "c", (bare,)), registration, "B")
    assert bare_after.plan.focus_grids[0].window_lps_mm == ()
    assert not bare_after.foci[0].has_window


def test_a_plan_of_all_kinds_keeps_all_in_their_order() -> None:
    plan = Plan("A", "c", (grid(), array(), custom_probe(), array(id="e2")), "someone", "2024-01-01", "hm")
    carried = carried_plan(plan, rigid(), "B", case_id="d")
    assert [i.id for i in carried.plan.instruments] == ["h1", "e1", "p1", "e2"]
    assert [n.id for n in carried.needles][3:6] == ["e1:3", "p1", "e2:0"]
    assert (carried.plan.name, carried.plan.case_id, carried.plan.author) == ("B", "d", "someone")
    assert carried.plan.created == ""
    assert carried.plan.notes.startswith("hm\nCarried over from 'A'")
