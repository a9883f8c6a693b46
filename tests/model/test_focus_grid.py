"""Grids of foci are valid from birth."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest

from planner.base.errors import InvalidValue
from planner.model.plan import Applicator, FocusGrid, Plan

WINDOW = ((0.0, -80.0, 0.0), (12.0, -80.0, 0.0), (0.0, -80.0, 12.0))
GRID = FocusGrid("h1", "any", ((0.0, 0.0, 0.0), (0.0, 4.0, 0.0)), WINDOW, {"time_s": 20, "power_w": 8}, "l")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"foci_lps_mm": ()}, "at least one focus"),
        ({"foci_lps_mm": ((0.0, math.nan, 0.0),)}, "finite"),
        ({"foci_lps_mm": ((0.0, 1.0),)}, "three finite"),
        ({"window_lps_mm": WINDOW[:2]}, "three points"),
        ({"window_lps_mm": (*WINDOW, (0.0, math.inf, 0.0))}, "finite"),
        ({"window_lps_mm": ((0.0, 2.0, 0.0),) * 3}, "no direction"),
        ({"settings": {"power_w": math.nan}}, "finite"),
        ({"device": ""}, "id and a device"),
    ],
)
def test_impossible_grids_are_refused_in_words(fields: dict[str, Any], words: str) -> None:
    given = {"id": "h1", "device": "any", "foci_lps_mm": GRID.foci_lps_mm, "window_lps_mm": WINDOW, **fields}
    with pytest.raises(InvalidValue, match=words) as caught:
        FocusGrid(**given)
    assert "h1" in caught.value.thing


def test_the_beam_runs_from_the_windows_middle_to_that_of_the_foci() -> None:
    away = np.array([0.0, 2.0, 0.0]) - np.array([4.0, -80.0, 4.0])
    assert GRID.direction == pytest.approx(away / np.linalg.norm(away))
    bare = FocusGrid("h1", "any", GRID.foci_lps_mm)
    assert not bare.has_window
    assert bare.direction == pytest.approx((0.0, 1.0, 0.0)), "from the front where no window is chosen"


def test_grids_and_probes_stand_in_one_plan() -> None:
    probe = Applicator("p1", "any", (0, 0, 0), (0, 0, 9))
    plan = Plan("A", "c", (probe, GRID))
    assert (plan.applicators, plan.focus_grids) == ((probe,), (GRID,))
    assert plan.free_id("h") == "h2"
    assert plan.instrument("h1") is GRID
    with pytest.raises(InvalidValue, match="share an id"):
        Plan("A", "c", (probe, FocusGrid("p1", "any", GRID.foci_lps_mm)))


def test_a_grid_survives_pickling_and_moves_without_its_window() -> None:
    assert pickle.loads(pickle.dumps(GRID)) == GRID
    assert hash(pickle.loads(pickle.dumps(GRID))) == hash(GRID)
    moved = GRID.moved((1.0, 2.0, 3.0))
    assert moved.foci_lps_mm == ((1.0, 2.0, 3.0), (1.0, 6.0, 3.0))
    assert moved.window_lps_mm == GRID.window_lps_mm
