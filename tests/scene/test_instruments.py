"""Every zone is drawn as a band: with its published spread, else with an assumed one that says so."""

from __future__ import annotations

import pytest

from planner.model.plan import Applicator, Plan
from planner.scene.instruments import drawn_path, drawn_probes


def probe(device: str, **settings: float) -> Plan:
    return Plan("A", "c", (Applicator("p1", device, (0.0, -90.0, 20.0), (0.0, 5.0, 0.0), settings),))


@pytest.mark.parametrize(
    ("plan", "halves", "is_published", "is_placeholder"),
    [
        (probe("generic-rf-single", time_s=720), ((22.0, 14.1), (23.0, 15.1), (24.0, 16.1)), True, False),
        (
            probe("generic-laser-4", power_w=28, time_s=257),
            ((22.5, 22.5), (25.0, 25.0), (27.5, 27.5)),
            False,
            False,
        ),
        (
            probe("generic-mwa-2450", power_w=80, time_s=300),
            ((21.0, 14.4), (22.4, 15.6), (23.8, 16.8)),
            True,
            True,
        ),
        (
            probe("custom-ellipsoid", long_axis_mm=40, short_axis_mm=30, center_offset_mm=12),
            ((18.0, 13.5), (20.0, 15.0), (22.0, 16.5)),
            False,
            False,
        ),
    ],
)
def test_a_zone_has_an_inner_and_an_outer(
    plan: Plan, halves: tuple[tuple[float, float], ...], is_published: bool, is_placeholder: bool
) -> None:
    (drawn,) = drawn_probes(plan)
    for zone, (along, across) in zip((drawn.inner, drawn.zone, drawn.outer), halves, strict=True):
        assert zone is not None
        assert (zone.along_mm, zone.across_mm) == pytest.approx((along, across))
    assert (drawn.is_spread_published, drawn.is_placeholder) == (is_published, is_placeholder)


def test_the_assumed_spread_can_be_set_and_leaves_something_inside() -> None:
    plan = probe("custom-ellipsoid", long_axis_mm=40, short_axis_mm=30, center_offset_mm=12)
    (drawn,) = drawn_probes(plan, assumed_spread=0.5)
    assert drawn.inner is not None
    assert drawn.inner.along_mm == pytest.approx(10.0)
    (wide,) = drawn_probes(plan, assumed_spread=2.0)
    assert wide.inner is not None
    assert 0 < wide.inner.along_mm < 2.0


def test_a_setting_outside_the_table_draws_no_zone_and_no_band() -> None:
    (drawn,) = drawn_probes(probe("generic-mwa-2450", power_w=500, time_s=300))
    assert (drawn.zone, drawn.inner, drawn.outer) == (None, None, None)
    (unknown,) = drawn_probes(probe("nobody-has-it", time_s=300))
    assert unknown.zone is None
    assert drawn_path(unknown.needle).zone is None
