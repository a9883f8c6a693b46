"""What of a device gives off energy: places along the shaft, defaults, and refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planner.base.errors import InvalidValue
from planner.model.plan import Applicator
from planner.planning.constants import Constant
from planner.planning.device_library import device_library
from planner.planning.devices import CUSTOM
from planner.planning.emitters import DEFAULTS, Emitter, emitter_of
from planner.planning.tissues import LIVER, blood_heat_w_per_m3_k

LIBRARY = device_library()


def needle(device: str) -> Applicator:
    return Applicator("p1", device, (60.0, -80.0, 40.0), (1.0, 2.0, 3.0))


@pytest.mark.parametrize("name", [n for n in LIBRARY.devices if n != CUSTOM])
def test_every_device_says_what_it_gives_off(name: str) -> None:
    device = LIBRARY.device(name)
    emitter = emitter_of(device)
    assert emitter.radius_mm == pytest.approx(0.5 * device.diameter_mm)
    assert all(c.source for c in emitter.values.values())
    assert set(DEFAULTS[device.modality]) <= set(emitter.values)
    assert emitter.unverified, "some values have no publication, and say so"


def test_the_active_part_lies_behind_the_tip() -> None:
    """The trocar's part begins at the gap and is as long as the device says."""
    own = needle("generic-mwa-2450")
    emitter = emitter_of(LIBRARY.device(own.device))
    (part,) = emitter.active_segments(own)
    assert part[0] == pytest.approx(own.point_behind_tip(emitter.number("tip_gap")))
    assert np.linalg.norm(part[1] - part[0]) == pytest.approx(emitter.number("active_length"))


@pytest.mark.parametrize(
    ("name", "count", "spacing"), [("generic-rf-cluster", 3, 5.0), ("generic-laser-4", 4, 20.0)]
)
def test_neighbours_of_a_ring_lie_a_spacing_apart(name: str, count: int, spacing: float) -> None:
    own = needle(name)
    parts = emitter_of(LIBRARY.device(name)).active_segments(own)
    assert parts.shape == (count, 2, 3)
    middles = parts.mean(axis=1)
    gaps = np.linalg.norm(middles - np.roll(middles, 1, axis=0), axis=1)
    assert gaps == pytest.approx(np.full(count, spacing))
    assert (middles - middles.mean(axis=0)) @ own.direction == pytest.approx(np.zeros(count), abs=1e-9)


def test_tines_end_on_a_circle_of_the_arrays_width() -> None:
    own = needle("generic-rf-multitined")
    emitter = emitter_of(LIBRARY.device(own.device))
    tines = emitter.active_segments(own)[1:]
    assert len(tines) == emitter.number("tines")
    away = tines[:, 0] - np.array(own.tip_lps_mm)
    forward = away @ own.direction
    assert np.linalg.norm(away, axis=1) == pytest.approx(np.full(len(tines), emitter.number("tine_length")))
    across = np.linalg.norm(away - forward[:, None] * own.direction, axis=1)
    assert 2 * across == pytest.approx(np.full(len(tines), emitter.number("array_diameter")))
    assert forward.min() > 0


def test_a_zone_known_by_size_alone_gives_off_nothing_known() -> None:
    with pytest.raises(InvalidValue, match="not known"):
        emitter_of(LIBRARY.device(CUSTOM))


def test_a_device_without_an_emitter_table_takes_the_defaults_and_says_so() -> None:
    device = replace(LIBRARY.device("generic-mwa-2450"), emitter={})
    emitter = emitter_of(device)
    assert emitter.values == DEFAULTS["microwave"]
    assert set(emitter.unverified) == set(emitter.values)


@pytest.mark.parametrize(
    ("name", "value"), [("active_length", 0.0), ("efficiency", 0.0), ("electrodes", 1.5)]
)
def test_impossible_emitters_are_refused(name: str, value: float) -> None:
    good = dict(DEFAULTS["radiofrequency"])
    good[name] = Constant(value, "", "test", "our rule")  # type: ignore[arg-type]
    with pytest.raises(InvalidValue):
        Emitter("radiofrequency", 0.75, good)


def test_perfusion_becomes_heat() -> None:
    """Reference sheet A2: 0.0064 1/s is 24.3 kW/m³/K with blood of 1050 kg/m³, 24.5 with 1060."""
    assert blood_heat_w_per_m3_k(LIVER.perfusion.value) == pytest.approx(24.3e3, rel=0.015)
