"""Another plan over the views: its word stands beside what is looked at, never over it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import custom_probe, phantom, plan_of

from planner.model.plan import Point
from planner.scene.instruments import drawn_probes
from planner.scene.layers import Dot, Mesh, Tube
from planner.scene.plan_layer import BARE_MM, CLEAR_MM, PlanLayer
from planner.scene.planes import Orientation, PlaneStack

COLOR = "#cc79a7"


def marks(layer: PlanLayer, orientation: Orientation = Orientation.AXIAL) -> tuple[Dot, ...]:
    stack = PlaneStack.of(phantom((1.1, 0.9, 2.5)).structures.grid, orientation)
    return layer.on_slice(stack, stack.index_of((0.0, 0.0, 0.0))).dots


def is_within(zone: object, lps_mm: Point) -> bool:
    """Whether a point lies in an ellipsoid of revolution."""
    away = np.array(lps_mm) - np.array(zone.center_lps_mm)
    along = float(away @ np.array(zone.axis_lps))
    across = float(np.linalg.norm(away - along * np.array(zone.axis_lps)))
    return (along / zone.along_mm) ** 2 + (across / zone.across_mm) ** 2 <= 1.0


@pytest.mark.parametrize("orientation", list(Orientation))
def test_the_word_stands_on_the_shaft_clear_of_all_zones(orientation: Orientation) -> None:
    first = custom_probe()
    second = replace(first.moved((0.0, 0.0, 12.0)), id="p2")
    plan = plan_of(first, second)
    dots = marks(PlanLayer(plan, COLOR, "reference"), orientation)
    (word,) = [d for d in dots if d.label]
    assert word.label == "reference"
    zones = [p.zone for p in drawn_probes(plan)]
    assert len(zones) == 2
    assert not any(is_within(zone, word.lps_mm) for zone in zones)
    entry, tip = np.array(first.entry_lps_mm), np.array(first.tip_lps_mm)
    back = (entry - tip) / np.linalg.norm(entry - tip)
    along = float((np.array(word.lps_mm) - tip) @ back)
    assert np.allclose(word.lps_mm, tip + along * back, atol=1e-6), "on the shaft"
    ends = [float((np.array(z.center_lps_mm) - tip) @ back) + max(z.along_mm, z.across_mm) for z in zones]
    assert along == pytest.approx(min(max(ends) + CLEAR_MM, float(np.linalg.norm(entry - tip))))


def test_without_zones_the_word_stands_well_off_the_tip() -> None:
    probe = custom_probe()
    (word,) = [d for d in marks(PlanLayer(plan_of(probe), COLOR, "plan", shows_zones=False)) if d.label]
    away = float(np.linalg.norm(np.array(word.lps_mm) - np.array(probe.tip_lps_mm)))
    length = float(np.linalg.norm(np.array(probe.entry_lps_mm) - np.array(probe.tip_lps_mm)))
    assert away == pytest.approx(min(BARE_MM, length))


def test_without_a_word_there_are_tips_alone_and_space_has_all_of_it() -> None:
    probe = custom_probe()
    layer = PlanLayer(plan_of(probe), COLOR)
    dots = marks(layer)
    assert [d.lps_mm for d in dots] == [pytest.approx(probe.tip_lps_mm)]
    assert not dots[0].label
    parts = layer.in_space()
    assert sum(isinstance(p, Tube) for p in parts) == 1
    assert sum(isinstance(p, Mesh) for p in parts) == 1
    assert layer.in_space() is parts, "the same objects, so that nothing is drawn anew"
    assert marks(PlanLayer(plan_of(), COLOR, "reference")) == ()
