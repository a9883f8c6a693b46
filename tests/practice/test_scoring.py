"""The score: a pure function of what was measured; stops cap it, and a wider margin never costs points."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planner.base.errors import InvalidValue
from planner.practice.scoring import BELOW_PASSING, Measured, is_hazard, score, weights

PERFECT = Measured(100.0, 5.0, 5.0, (), (), 80.0, 20.0, 1, 80.0, 20.0, 1)


def part(measured: Measured, id: str) -> float:
    return next(p.points for p in score(measured).parts if p.id == id)


def test_the_parts_of_the_file_are_a_hundred_points() -> None:
    found = score(PERFECT)
    assert sum(p.most for p in found.parts) == pytest.approx(100.0)
    assert found.points == pytest.approx(100.0)
    assert found.is_passed
    assert found.version == weights()["version"]
    assert all(p.rule for p in found.parts)
    with pytest.raises(InvalidValue, match="not of this version"):
        weights(found.version + 1)


@pytest.mark.parametrize(
    ("change", "id", "points"),
    [
        ({"coverage_percent": 90.0}, "coverage", 12.5),
        ({"coverage_percent": 79.0}, "coverage", 0.0),
        ({"margin_mm": 0.0}, "margin", 12.5),
        ({"margin_mm": -6.0}, "margin", 0.0),
        ({"margin_mm": None}, "margin", 0.0),
        ({"margin_mm": 9.0}, "margin", 25.0),
        ({"warnings": ("a", "b")}, "hazards", 12.0),
        ({"warnings": ("a",) * 9}, "hazards", 0.0),
        ({"stops": ("x",)}, "hazards", 0.0),
        ({"path_mm": 96.0}, "path", 5.0),
        ({"path_mm": 128.0}, "path", 2.5),
        ({"path_mm": 170.0}, "path", 0.0),
        ({"liver_ml": 42.0}, "liver", 5.0),
        ({"reference_liver_ml": 0.0}, "liver", 10.0),
        ({"punctures": 2}, "punctures", 5.0),
        ({"punctures": 2, "repositionings": 1}, "punctures", 2.0),
        ({"punctures": 4}, "punctures", 0.0),
        ({"punctures": 1, "fewest_punctures": 2}, "punctures", 10.0),
        ({"seconds": 90.0, "limit_s": 60.0}, "time", 2.5),
        ({"seconds": 50.0, "limit_s": 60.0}, "time", 5.0),
        ({"seconds": 500.0}, "time", 5.0),
    ],
)
def test_each_part_by_hand(change: dict[str, object], id: str, points: float) -> None:
    assert part(replace(PERFECT, **change), id) == pytest.approx(points)


def random_measured(rng: np.random.Generator) -> Measured:
    return Measured(
        float(rng.uniform(0, 100)),
        float(rng.uniform(-20, 20)),
        float(rng.uniform(0, 20)),
        ("x",) * int(rng.integers(0, 2)),
        ("y",) * int(rng.integers(0, 7)),
        float(rng.uniform(1, 300)),
        float(rng.uniform(0, 300)),
        int(rng.integers(0, 7)),
        float(rng.uniform(0, 200)),
        float(rng.uniform(0, 100)),
        int(rng.integers(0, 4)),
        int(rng.integers(0, 5)),
        float(rng.uniform(0, 900)),
        float(rng.uniform(1, 600)),
    )


def test_a_wider_margin_never_costs_points_and_a_stop_never_passes() -> None:
    rng = np.random.default_rng(4)
    for _ in range(2000):
        measured = random_measured(rng)
        found = score(measured)
        assert 0.0 <= found.points <= 100.0
        wider = replace(measured, margin_mm=(measured.margin_mm or 0.0) + float(rng.uniform(0, 10)))
        assert score(wider).points >= found.points
        more = replace(measured, coverage_percent=min(100.0, measured.coverage_percent + 5.0))
        assert score(more).points >= found.points
        stopped = score(replace(measured, stops=("path_crosses_bone",)))
        assert not stopped.is_passed
        assert stopped.points <= stopped.pass_points - BELOW_PASSING
        assert stopped.capped_by == ("path_crosses_bone",)


def test_warnings_of_the_case_are_no_hazards_of_the_attempt() -> None:
    assert not is_hazard("not_checked")
    assert not is_hazard("margin_short"), "the margin counts it"
    assert is_hazard("path_crosses_lung")
    assert is_hazard("zone_near_bile_duct")


@pytest.mark.parametrize(
    "wrong", [{"coverage_percent": float("nan")}, {"path_mm": -1.0}, {"margin_mm": float("inf")}]
)
def test_what_cannot_be_measured_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidValue):
        replace(PERFECT, **wrong)
