"""The chance of a margin against the samples of the whole assessment."""

from __future__ import annotations

import numpy as np
import pytest

from planner.base.errors import Cancelled, InvalidValue
from planner.base.task import Task
from planner.compute.liver_region import LiverRegion
from planner.compute.margin import PreparedMargin, prepare_margin
from planner.model.assessment import Confidence
from planner.model.geometry import Grid
from planner.model.plan import Applicator
from planner.planning.constants import Constant
from planner.planning.devices import DeviceZone
from planner.planning.margin_chance import chance_of_margin_percent, varied_zones
from planner.planning.placements import PLACEMENTS
from planner.planning.robustness import PlannedZone, Uncertainties, sample_robustness

GRID = Grid((44, 40, 40), (0.9, 0.9, 1.1), (-17.5, -17.7, -23.3))


@pytest.fixture(scope="module")
def lesion() -> PreparedMargin:
    """A lesion that touches the liver's surface, so that a part of it is capsule."""
    k, j, i = np.indices(GRID.shape)
    points = GRID.to_lps(np.stack([i, j, k], axis=-1))
    mask = np.linalg.norm(points / [1.0, 1.0, 1.3], axis=-1) <= 9.0
    return prepare_margin(GRID, mask, LiverRegion.from_mask(GRID, points[..., 0] < 10.0))


def needle(
    tip: tuple[float, float, float], axes: tuple[float, float], sd: float | None = None
) -> PlannedZone:
    offset = Constant(6.0, "mm", "test", Confidence.ESTABLISHED)
    zone = DeviceZone(*axes, offset, "test", "test", Confidence.ESTABLISHED, sd, sd)
    return PlannedZone(Applicator("p1", "any", (tip[0] - 50.0, tip[1] - 80.0, tip[2] + 10.0), tip), zone)


PLANS = {
    "one": [needle((3.0, 5.0, 0.0), (44.0, 36.0))],
    "two that overlap": [needle((3.0, 5.0, -8.0), (40.0, 30.0), 2.0), needle((3.0, 5.0, 7.0), (38.0, 32.0))],
    "three, one flat": [
        needle((3.0, 5.0, -9.0), (30.0, 34.0)),
        needle((2.0, 6.0, 8.0), (38.0, 30.0), 0.0),
        needle((7.0, 4.0, 0.0), (36.0, 28.0), 3.0),
    ],
}


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("placement", ["exact", "navigated"])
@pytest.mark.parametrize("without_capsule", [True, False])
def test_the_chance_is_that_of_the_assessment(
    lesion: PreparedMargin, plan: str, placement: str, without_capsule: bool
) -> None:
    uncertain = Uncertainties(placement, 0.1, 300, 5)
    whole = sample_robustness(lesion, PLANS[plan], uncertain, without_capsule=without_capsule)
    found = chance_of_margin_percent(lesion, PLANS[plan], uncertain, without_capsule=without_capsule)
    assert found == pytest.approx(whole.at_least_5mm_percent, abs=1e-9)
    for margin_mm in (0.0, float(np.median(whole.minimal_mm))):
        share = 100.0 * float(np.mean(whole.minimal_mm >= margin_mm))
        told = chance_of_margin_percent(
            lesion, PLANS[plan], uncertain, margin_mm, without_capsule=without_capsule
        )
        # The median itself may fall on either side by rounding: one sample of 300.
        assert told == pytest.approx(share, abs=100.0 / 300 + 1e-9)


def test_a_zone_that_does_not_vary_stays() -> None:
    planned = needle((3.0, 5.0, 0.0), (44.0, 36.0), 0.0)
    found = varied_zones(planned, PLACEMENTS["exact"], 0.1, np.random.default_rng(1).standard_normal((7, 4)))
    center = planned.needle.point_behind_tip(6.0)
    assert np.allclose(found, [*center, *planned.needle.direction, 18.0, 22.0])


def test_no_needle_is_refused_and_cancel_stops(lesion: PreparedMargin) -> None:
    with pytest.raises(InvalidValue, match="at least one"):
        chance_of_margin_percent(lesion, [], Uncertainties())
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        chance_of_margin_percent(lesion, PLANS["one"], Uncertainties(), task=task)
