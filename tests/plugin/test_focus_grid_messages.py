"""Grids of foci in hashes and in messages to a worker."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from planner.model.plan import Applicator, FocusGrid, Plan
from planner.plugin.hashing import plan_hash
from planner.plugin.message import plan_message, plan_of_message

GRID = FocusGrid(
    "h1",
    "generic-hifu",
    ((0.0, 0.0, 0.0), (0.0, 4.0, 0.0)),
    ((0.0, -80.0, 0.0), (9.0, -80.0, 0.0), (0.0, -80.0, 9.0)),
    {"power_w": 8, "time_s": 20},
    "lesion",
)
PROBE = Applicator("p1", "generic-mwa-2450", (0, -80, 0), (0, 5, 0), {"power_w": 100.0}, "lesion")


@pytest.mark.parametrize(
    "change",
    [
        {"id": "h2"},
        {"device": "other"},
        {"foci_lps_mm": ((0.0, 0.0, 0.0), (0.0, 4.5, 0.0))},
        {"foci_lps_mm": ((0.0, 4.0, 0.0), (0.0, 0.0, 0.0))},
        {"window_lps_mm": ()},
        {"settings": {"power_w": 8, "time_s": 21}},
        {"lesion": ""},
    ],
)
def test_every_field_of_a_grid_changes_the_hash(change: dict[str, Any]) -> None:
    assert plan_hash(Plan("A", "c", (replace(GRID, **change),))) != plan_hash(Plan("A", "c", (GRID,)))


def test_the_hash_of_a_plan_of_probes_is_what_it_was() -> None:
    """Answers kept by older versions stay current."""
    assert plan_hash(Plan("A", "c", (PROBE,))) == (
        "9e167089e17bbfc9697727f6dfe86ef4178210c9365cdf4e71c05a592c32b80f"
    )


def test_a_worker_is_told_of_both_kinds_in_their_order() -> None:
    plan = Plan("A", "c", (GRID, PROBE), "me", "2026-11-21T10:00:00Z", "n")
    told = json.loads(json.dumps(plan_message(plan)))
    assert plan_of_message(told) == plan
