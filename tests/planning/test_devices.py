"""The device library: inside the table, never beyond it, with its source."""

from __future__ import annotations

import itertools
import math
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from planner.base.errors import InvalidValue, PlannerError
from planner.model.assessment import Confidence
from planner.planning.arrays import SPACINGS
from planner.planning.constants import Constant
from planner.planning.device_library import (
    device_library,
    own_devices_folder,
    reset_device_library,
    set_device_library,
)
from planner.planning.devices import (
    ASSUMED_SPREAD,
    CUSTOM,
    MODALITIES,
    OPT_IN_MEDIA,
    Device,
    DeviceZone,
    Medium,
    ZoneRow,
    read_device,
)
from planner.planning.robustness import UNPUBLISHED_SPREAD

DEVICES = list(device_library().devices.values())


@pytest.mark.parametrize("device", DEVICES, ids=lambda d: d.name)
def test_every_number_has_a_source_and_a_confidence(device: Device) -> None:
    for constant in (device.length, device.center_offset):
        assert constant.source
        assert constant.unit == "mm"
    for row in device.rows:
        assert row.source
        assert row.settings or row.is_reference_only


@pytest.mark.parametrize("device", DEVICES, ids=lambda d: d.name)
def test_zones_grow_with_energy_and_end_at_the_rows(device: Device) -> None:
    rows = sorted(device.usable_rows(True), key=lambda r: list(r.settings.values()))
    for row in rows:
        if sum(r.settings == row.settings for r in rows) == 1 and not device.lethal_inset_mm:
            zone = device.zone(row.settings, allow_ex_vivo=True)
            assert zone.long_axis_mm == pytest.approx(row.long_axis_mm)
            assert zone.short_axis_mm == pytest.approx(row.short_axis_mm)


def test_between_rows_the_axes_lie_between_and_rise() -> None:
    device = device_library().device("generic-mwa-2450")
    zones = [device.zone({"power_w": 100, "time_s": t}) for t in (300, 400, 500, 600)]
    for one, two in itertools.pairwise(zones):
        assert one.short_axis_mm < two.short_axis_mm
    assert 31.2 < zones[0].short_axis_mm < 41.5


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"power_w": 200, "time_s": 600}, "never extrapolated"),
        ({"power_w": 100, "time_s": 30}, "never extrapolated"),
        ({"power_w": 100}, "missing: time_s"),
        ({"power_w": 100, "time_s": 600, "joules": 3}, "unknown: joules"),
    ],
)
def test_settings_outside_the_table_are_refused_in_words(settings: dict[str, float], words: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        device_library().device("generic-mwa-2450").zone(settings)
    assert words in str(caught.value)


def test_ex_vivo_rows_are_opt_in_and_labelled() -> None:
    for device in DEVICES:
        assert not any(r.medium in OPT_IN_MEDIA for r in device.usable_rows())
    device = device_library().device("generic-mwa-60w")
    with pytest.raises(InvalidValue, match="Only ex vivo"):
        device.zone(device.defaults)
    assert device.zone(device.defaults, allow_ex_vivo=True).medium == "ex vivo"


def test_rows_without_both_axes_are_reference_only() -> None:
    device = device_library().device("generic-laser-1")
    row = ZoneRow({"power_w": 7.0, "time_s": 257.0}, None, 20, Medium.EX_VIVO, "test", Confidence.SOURCE_READ)
    device = replace(device, rows=(row,))
    assert row.is_reference_only
    assert device.is_placeholder
    with pytest.raises(InvalidValue, match="No size of this device's zone is known") as caught:
        device.zone(device.defaults, allow_ex_vivo=True)
    assert "instructions for use" in caught.value.todo


@pytest.mark.parametrize("device", [d for d in DEVICES if d.table is not None], ids=lambda d: d.name)
def test_a_new_probe_starts_with_settings_that_have_a_zone(device: Device) -> None:
    zone = device.zone(device.defaults, allow_ex_vivo=True)
    assert zone.long_axis_mm > 0
    assert zone.method
    for name in device.defaults:
        low, high = device.setting_range(name, allow_ex_vivo=True) or (math.nan, math.nan)
        assert low <= device.defaults[name] <= high


def test_all_ways_of_a_needle_to_heat_or_freeze_are_there() -> None:
    names = {d.name for d in DEVICES}
    assert {d.modality for d in DEVICES} == set(MODALITIES)
    assert {f"generic-laser-{n}" for n in (1, 2, 4)} <= names
    assert {f"generic-cryo-argon-{n}" for n in (1, 2, 3, 4)} <= names
    assert {"generic-mwa-915", "generic-rf-switching-3", "generic-rf-bipolar-3"} <= names
    for device in DEVICES:
        if device.needles > 1:
            spacing = device.emitter[
                "electrode_spacing" if "laser" not in device.name else "diffuser_spacing"
            ]
            assert spacing.value >= SPACINGS[device.modality].low.value


@pytest.mark.parametrize(
    ("name", "settings", "long_mm", "short_mm"),
    [
        ("generic-rf-single", {"time_s": 720}, 46.0, 30.2),
        ("generic-mwa-2450", {"power_w": 80, "time_s": 300}, 44.8, 31.2),
        ("generic-mwa-2450", {"power_w": 150, "time_s": 720}, 65.0, 57.0),
        ("generic-cryo-ln2", {"time_s": 240}, 38.0, 17.0),
        ("generic-cryo-argon-3", {"time_s": 900}, 41.0, 41.0),
        ("generic-laser-4", {"power_w": 28, "time_s": 257}, 50.0, 50.0),
        ("generic-rf-switching-3", {"time_s": 720}, 44.0, 44.0),
        ("generic-rf-bipolar-3", {"time_s": 720}, 51.0, 51.0),
    ],
)
def test_rows_of_the_reference_sheet_come_out_again(
    name: str, settings: dict[str, float], long_mm: float, short_mm: float
) -> None:
    zone = device_library().device(name).zone(settings, allow_ex_vivo=True)
    assert (zone.long_axis_mm, zone.short_axis_mm) == pytest.approx((long_mm, short_mm))


@pytest.mark.parametrize(
    ("name", "volume_ml", "across_over_along"),
    [
        ("generic-rf-multitined", 42.0, 1.01),
        ("generic-rf-cluster", 29.0, 0.88),
        ("generic-rf-cluster-3", 116.0, 1.0),
    ],
)
def test_axes_computed_from_volumes_have_that_volume(
    name: str, volume_ml: float, across_over_along: float
) -> None:
    zone = device_library().device(name).zone({"time_s": 720}, allow_ex_vivo=True)
    assert math.pi / 6 * zone.long_axis_mm * zone.short_axis_mm**2 == pytest.approx(
        1000 * volume_ml, rel=0.01
    )
    assert zone.short_axis_mm / zone.long_axis_mm == pytest.approx(across_over_along, rel=0.005)
    assert zone.confidence == Confidence.COMPUTED


def test_placeholders_are_those_drawn_from_unverified_rows_or_none() -> None:
    found = {d.name for d in DEVICES if d.is_placeholder}
    assert found == {
        "generic-mwa-17g", "generic-mwa-2450", "generic-mwa-60w", "generic-mwa-915", "generic-cryo-argon-17g",
        "generic-laser-1", "generic-laser-2",
    }  # fmt: skip


def test_the_hull_widens_by_what_was_published_without_axes() -> None:
    """100 W for 5 min is in row 17 of the sheet; 150 W for 5 min in none."""
    device = device_library().device("generic-mwa-2450")
    assert device.zone({"power_w": 100, "time_s": 300}).confidence == Confidence.UNVERIFIED
    with pytest.raises(InvalidValue, match="Power or time outside the device's table") as caught:
        device.zone({"power_w": 150, "time_s": 300})
    assert "With 150 W choose 720 s" in caught.value.todo


def test_the_spread_is_published_or_assumed() -> None:
    offset = Constant(10.0, "mm", "test", Confidence.OUR_RULE)
    zone = DeviceZone(40, 30, offset, "in vivo", "test", Confidence.SOURCE_READ, 2.5, None)
    assert not zone.is_spread_published
    assert zone.spread_mm() == pytest.approx((2.5, 3.0))
    assert zone.spread_mm(0.2) == pytest.approx((2.5, 6.0))
    assert replace(zone, short_sd_mm=1.0).is_spread_published
    assert ASSUMED_SPREAD.value == UNPUBLISHED_SPREAD.value, "the band drawn is the one that is varied"


def test_the_centre_follows_the_rows_that_measured_it() -> None:
    rows = tuple(
        ZoneRow({"time_s": t}, size, size, Medium.IN_VIVO, "test", Confidence.SOURCE_READ, center_offset_mm=c)
        for t, size, c in ((100.0, 20, 10.0), (400.0, 30, 14.0))
    )
    device = replace(device_library().device("generic-rf-single"), rows=rows, defaults={"time_s": 100.0})
    assert device.zone({"time_s": 200.0}).center_offset.value == pytest.approx(12.0)  # half way in ln t
    assert device.center_offset_at({"time_s": 9.0}).value == 10.0
    assert device.center_offset_at({"time_s": 1e6}).value == 14.0
    assert device.center_offset_at({}) is device.center_offset


def test_the_ice_edge_is_not_the_lethal_zone() -> None:
    device = device_library().device("generic-cryo-argon-17g")
    zone = device.zone(device.defaults, allow_ex_vivo=True)
    assert zone.short_axis_mm == pytest.approx(40.5 - 20.0)


def test_a_custom_zone_is_what_was_entered() -> None:
    zone = (
        device_library().device(CUSTOM).zone({"long_axis_mm": 42, "short_axis_mm": 33, "center_offset_mm": 9})
    )
    assert (zone.long_axis_mm, zone.short_axis_mm, zone.center_offset.value) == (42, 33, 9)
    with pytest.raises(InvalidValue, match="outside its range"):
        device_library().device(CUSTOM).zone({"long_axis_mm": -1, "short_axis_mm": 33, "center_offset_mm": 9})


def test_a_device_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(InvalidValue) as caught:
        device_library().device("laser-sword")
    assert "laser-sword" in str(caught.value)
    assert CUSTOM in caught.value.todo


# own devices --------------------------------------------------------------------------------


OWN = """
schema = "liver-planner/device"
version = 1
name = "{name}"
title = "Our antenna"
modality = "microwave"
diameter_mm = 1.9
length = {{ value = 200, unit = "mm", source = "entered by the user", confidence = "established" }}
center_offset = {{ value = 13, unit = "mm", source = "entered by the user", confidence = "established" }}
defaults = {{ power_w = 80, time_s = 300 }}

[[row]]
settings = {{ power_w = 80, time_s = 300 }}
long_axis_mm = {long}
short_axis_mm = 28
center_offset_mm = 14.5
medium = "in vivo"
source = "instructions for use, table 2"
confidence = "source read"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    found = own_devices_folder()
    assert found.is_relative_to(tmp_path)
    found.mkdir(parents=True)
    return found


def test_a_device_file_of_version_1_is_read(folder: Path) -> None:
    (folder / "ours.toml").write_text(OWN.format(name="ours", long=40))
    library = device_library()
    zone = library.device("ours").zone({"power_w": 80, "time_s": 300})
    assert (zone.long_axis_mm, zone.short_axis_mm, zone.center_offset.value) == (40, 28, 14.5)
    assert library.own == {"ours"}
    assert list(library.devices)[-1] == "ours"


def test_the_library_follows_the_folder(folder: Path) -> None:
    assert device_library() is device_library(), "read once while nothing changes"
    (folder / "ours.toml").write_text(OWN.format(name="ours", long=40))
    assert device_library().device("ours").rows[0].long_axis_mm == 40
    (folder / "new").write_text(OWN.format(name="ours", long=44))
    (folder / "new").replace(folder / "ours.toml")
    assert device_library().device("ours").rows[0].long_axis_mm == 44
    (folder / "ours.toml").unlink()
    with pytest.raises(InvalidValue, match="not in the library"):
        device_library().device("ours")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "Invalid"),
        (OWN.format(name="ours", long=40).replace("liver-planner/device", "other"), "schema"),
        (OWN.format(name="ours", long=40).replace("version = 1", "version = 9"), "later"),
        (OWN.format(name="ours", long=40).replace('title = "Our antenna"', ""), "'title' is missing"),
        (OWN.format(name="ours", long=-4), "long_axis_mm = -4"),
        (OWN.format(name="ours", long="nan"), "long_axis_mm = nan"),
        (OWN.format(name="ours", long=40).replace("medium", "medum"), "medium"),
        (OWN.format(name="ours", long=40).replace('"microwave"', '"magic"'), "magic"),
        (OWN.format(name="ours", long=40).replace("diameter_mm = 1.9", "diameter_mm = 0"), "diameter_mm"),
        (
            OWN.format(name="ours", long=40).replace("defaults = { power_w = 80,", "defaults = {"),
            "ours: time_s",
        ),
        (OWN.format(name="generic-mwa-2450", long=40), "generic-mwa-2450"),
    ],
)
def test_a_wrong_file_is_left_out_and_said(folder: Path, text: str, words: str) -> None:
    (folder / "ours.toml").write_text(text)
    library = device_library()
    assert not library.own
    (trouble,) = library.troubles
    assert "ours.toml" in trouble.thing
    assert words in trouble.thing
    with pytest.raises(InvalidValue) as caught:
        library.device("ours")
    assert "ours.toml" in caught.value.thing, "a plan that names it hears why it is missing"


def test_a_missing_file_is_an_error_in_three_parts(tmp_path: Path) -> None:
    with pytest.raises(PlannerError, match="A device file is wrong"):
        read_device(tmp_path / "none.toml")


def test_no_own_device_stands_in_for_another(folder: Path) -> None:
    library = device_library()
    taken = replace(library.device("generic-mwa-2450"), title="Mine")
    with pytest.raises(InvalidValue, match="of this name"):
        library.with_devices([taken])
    ours = replace(taken, name="ours")
    assert library.with_devices([ours]).own == {"ours"}
    with pytest.raises(InvalidValue, match="of this name"):
        library.with_devices([ours, ours])
    assert "ours" not in device_library().devices


def test_a_library_that_is_set_holds_in_all_threads_until_it_is_reset(folder: Path) -> None:
    mine = device_library().with_devices([replace(device_library().device("generic-mwa-2450"), name="ours")])
    set_device_library(mine)
    try:
        seen: list[bool] = []
        threads = [threading.Thread(target=lambda: seen.append(device_library() is mine)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen == [True] * 4
    finally:
        reset_device_library()
    assert "ours" not in device_library().devices
