"""Own devices sized by treated zones: ellipsoids of known size, pooled over cases."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import custom_probe, phantom, plan_of

from planner.base.errors import InvalidValue
from planner.model.case import Case
from planner.model.plan import Applicator, Plan
from planner.model.roles import Role
from planner.model.structures import Structure
from planner.planning.device_library import device_library
from planner.session.measured_devices import keep_measured, measured_device, treated_zones
from planner.session.own_devices import OwnDevices


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("planner.planning.device_library.own_devices_folder", lambda: tmp_path / "devices")
    monkeypatch.setattr("planner.session.own_devices.own_devices_folder", lambda: tmp_path / "devices")


def treated(long_mm: float, short_mm: float) -> tuple[Case, Plan]:
    """A zone of these axes about a probe from the front, its centre 12 mm behind the tip."""
    case = phantom((2.0, 2.0, 2.0))
    grid = case.structures.grid
    k, j, i = np.indices(grid.shape)
    points = grid.to_lps(np.stack([i, j, k], axis=-1))
    inside = (points[..., 1] / (long_mm / 2)) ** 2 + (
        (points[..., 0] ** 2 + points[..., 2] ** 2) / (short_mm / 2) ** 2
    ) <= 1
    structures = case.structures.with_mask(Structure("Ablation zone", Role.ABLATION_ZONE), inside)
    settings = {"power_w": 100.0, "time_s": 600.0}
    probe = Applicator("p1", "generic-mwa-2450", (0.0, -100.0, 0.0), (0.0, 12.0, 0.0), settings, "lesion")
    return replace(case, structure_sets=(structures,)), plan_of(probe)


def test_a_zone_becomes_a_row_and_a_second_one_is_pooled() -> None:
    own = OwnDevices()
    first = measured_device("Our antenna", *treated(46.0, 36.0))
    keep_measured(own, first)
    kept = device_library().device("our-antenna")
    (row,) = kept.rows
    assert row.long_axis_mm == pytest.approx(46.0, abs=1.0)
    assert row.short_axis_mm == pytest.approx(36.0, abs=1.0)
    assert row.center_offset_mm == pytest.approx(12.0, abs=0.5)
    assert row.count == 1
    assert row.long_sd_mm is None
    keep_measured(own, measured_device("Our antenna", *treated(50.0, 40.0)))
    keep_measured(own, measured_device("Our antenna", *treated(54.0, 38.0)))
    (row,) = device_library().device("our-antenna").rows
    assert row.count == 3
    assert row.long_axis_mm == pytest.approx(50.0, abs=1.0)
    assert row.long_sd_mm == pytest.approx(4.0, abs=0.5), "the sample's standard deviation of 46, 50 and 54"
    assert row.short_axis_mm == pytest.approx(38.0, abs=1.0)
    assert row.short_sd_mm == pytest.approx(2.0, abs=0.4)


def test_other_settings_become_another_row() -> None:
    own = OwnDevices()
    keep_measured(own, measured_device("Our antenna", *treated(46.0, 36.0)))
    case, plan = treated(40.0, 30.0)
    weaker = replace(plan.applicators[0], settings={"power_w": 60.0, "time_s": 600.0})
    keep_measured(own, measured_device("Our antenna", case, plan.with_instrument(weaker)))
    assert len(device_library().device("our-antenna").rows) == 2


def test_what_cannot_be_measured_is_said() -> None:
    case, plan = treated(46.0, 36.0)
    with pytest.raises(InvalidValue, match="no segmented ablation zone"):
        treated_zones(phantom((4.0, 4.0, 4.0)), plan)
    far = custom_probe(entry=(60.0, -100.0, 0.0), center=(60.0, 0.0, 0.0))
    with pytest.raises(InvalidValue, match="No probe"):
        treated_zones(case, plan_of(far))
    with pytest.raises(InvalidValue, match="title"):
        measured_device("  ", case, plan)
