"""The device library: inside the table, never beyond it, with its source."""

from __future__ import annotations

import itertools

import pytest

from planner.base.errors import InvalidValue
from planner.planning.devices import CUSTOM, OPT_IN_MEDIA, Device, device_library

DEVICES = list(device_library().devices.values())


@pytest.mark.parametrize("device", DEVICES, ids=lambda d: d.name)
def test_every_number_has_a_source_and_a_confidence(device: Device) -> None:
    for constant in (device.length, device.center_offset):
        assert constant.source
        assert constant.unit == "mm"
    for row in device.rows:
        assert row.source
        assert row.settings


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
    device = device_library().device("generic-rf-cluster")
    assert all(r.is_reference_only for r in device.rows)
    with pytest.raises(InvalidValue):
        device.zone(device.defaults, allow_ex_vivo=True)


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
