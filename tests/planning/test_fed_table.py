"""The table of what each tip feeds: its cells add up, and what is nothing is said as nothing."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from arterial_case import GRID, artery, structures

from planner.model.catheter import Agent, AgentType, CatheterTarget
from planner.planning.catheter_facts import lesion_metrics, plan_metrics, tip_metrics
from planner.planning.fed_table import FedRow, cell_text, fed_rows
from planner.planning.perfusion import Perfusion, PerfusionGround

LIVER_ML = float(np.prod(GRID.shape)) * GRID.voxel_volume_ml


@pytest.fixture(scope="module")
def ground() -> PerfusionGround:
    return PerfusionGround.of(structures(), [artery()])


def rows(ground: PerfusionGround, *places: float) -> dict[str, FedRow]:
    agent = Agent(AgentType.TACE)
    tips = tuple(CatheterTarget(f"c{n}", "artery", (x, 0.0, 0.0), agent) for n, x in enumerate(places))
    found = Perfusion(ground, tips)
    trees = (replace(artery(), is_confirmed=True),)
    metrics = [*lesion_metrics(found), *plan_metrics(found), *tip_metrics(found, trees)]
    return {r.title: r for r in fed_rows(metrics, [t.id for t in tips])}


def test_cells_of_tips_that_share_nothing_add_up_to_all(ground: PerfusionGround) -> None:
    for row in rows(ground, 1.0, -10.0).values():
        *each, whole = (c or 0.0 for c in row.cells)
        assert sum(each) == pytest.approx(whole, rel=1e-9), row.title


def test_lesions_and_segments_by_tip(ground: PerfusionGround) -> None:
    found = rows(ground, 1.0, -30.0)
    assert found["left lesion"].cells == pytest.approx((100.0, 0.0, 100.0))
    # Beyond x = -30 lies a quarter of the block, all of it segment 5, within 2 mm of the vessel and a voxel.
    assert found["Segment 5"].cells[0] is None
    assert found["Segment 5"].cells[1] == pytest.approx(0.25 * LIVER_ML, abs=1.5 * 2.0 * 3.6)
    assert found["Segment 2"].cells[1] is None
    assert [r.group for r in found.values()] == sorted(
        (r.group for r in found.values()), key=["", "lesion", "segment"].index
    )


def test_where_tips_overlap_all_is_less_than_their_sum(ground: PerfusionGround) -> None:
    row = rows(ground, 1.0, 30.0)["Perfused"]
    assert row.cells[2] == pytest.approx(row.cells[0])
    assert row.cells[1] > 0


def test_what_is_nothing_is_a_dash_and_nearly_all_is_not_all() -> None:
    share, volume = FedRow("x", "%", ()), FedRow("x", "ml", ())
    assert [cell_text(share, v) for v in (None, 0.0, 0.04, 0.06, 99.7, 100.0)] == [
        "–", "–", "–", "0.1", "99", "100",
    ]  # fmt: skip
    assert [cell_text(volume, v) for v in (9.94, 9.95, 99.7)] == ["9.9", "10", "100"]


def test_an_answer_without_tips_has_no_table() -> None:
    assert fed_rows((), ("c1",)) == ()
