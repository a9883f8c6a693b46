"""Scores at their borders, by hand; what is not told leaves them unknown, and never low."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from liver_shapes import OBLIQUE, lattice, organ, places

from planner.base.errors import InvalidValue
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet
from planner.planning.liver_scores import (
    HAP_CLASSES,
    TumorBurden,
    hap_score,
    six_and_twelve,
    up_to_seven,
)

WELL = {"albumin_g_per_l": "40", "bilirubin_mg_per_dl": "0.8", "afp_ng_per_ml": "10"}
ILL = {"albumin_g_per_l": "30", "bilirubin_mg_per_dl": "2", "afp_ng_per_ml": "900"}


def burden(*sizes_mm: float) -> TumorBurden:
    return TumorBurden({f"lesion {n}": size for n, size in enumerate(sizes_mm)})


@pytest.mark.parametrize(
    ("sizes", "total", "seven", "twelve"),
    [
        ((30.0, 20.0, 10.0), 6.0, "within", "low"),
        ((30.1, 20.0, 10.0), 6.01, "within", "mid"),
        ((40.0, 20.0, 10.0), 7.0, "within", "mid"),
        ((40.1, 20.0, 10.0), 7.01, "beyond", "mid"),
        ((110.0,), 12.0, "beyond", "mid"),
        ((110.1,), 12.01, "beyond", "high"),
        ((20.0,), 3.0, "within", "low"),
    ],
)
def test_size_and_number(sizes: tuple[float, ...], total: float, seven: str, twelve: str) -> None:
    one, other = up_to_seven(burden(*sizes)), six_and_twelve(burden(*sizes))
    assert one.value == pytest.approx(total, abs=1e-12)
    assert other.value == one.value
    assert (one.group, other.group) == (seven, twelve)
    assert f"{max(sizes) / 10:.1f} cm + {len(sizes)}" in one.words


def test_without_lesions_nothing_is_known() -> None:
    for score in (up_to_seven(burden()), six_and_twelve(burden()), hap_score(burden(), WELL)):
        assert score.value is None
        assert "unknown" in score.note
    assert up_to_seven(burden()).group == ""


def test_hap_counts_each_of_four_points() -> None:
    """All sixteen patients: the points are the sum, the class is by points, more than two are D."""
    for low, high, afp, large in itertools.product((False, True), repeat=4):
        facts = {
            "albumin_g_per_l": "30" if low else "40",
            "bilirubin_mg_per_dl": "2" if high else "0.8",
            "afp_ng_per_ml": "900" if afp else "10",
        }
        score = hap_score(burden(80.0 if large else 30.0), facts)
        points = low + high + afp + large
        assert (score.value, score.group) == (points, HAP_CLASSES[min(points, 3)])


def test_hap_at_its_borders() -> None:
    """Below 36 g/l, above 17 µmol/l (0.994 mg/dl), above 400 ng/ml, above 7 cm: the border itself gives none."""
    at = {"albumin_g_per_l": "36", "bilirubin_mg_per_dl": "0.994", "afp_ng_per_ml": "400"}
    assert hap_score(burden(70.0), at).value == 0
    for id, value in (
        ("albumin_g_per_l", "35.9"),
        ("bilirubin_mg_per_dl", "0.995"),
        ("afp_ng_per_ml", "401"),
    ):
        assert hap_score(burden(70.0), {**at, id: value}).value == 1
    assert hap_score(burden(70.1), at).value == 1


def test_hap_is_unknown_where_a_fact_is_and_its_class_where_it_might_change() -> None:
    for id in WELL:
        facts = {k: v for k, v in WELL.items() if k != id}
        score = hap_score(burden(30.0), facts)
        assert (score.value, score.group) == (None, "")
        assert score.note.startswith("unknown")
    sure = hap_score(burden(80.0), {k: v for k, v in ILL.items() if k != "afp_ng_per_ml"})
    assert (sure.value, sure.group) == (None, "D"), "three points are D whatever the fourth is"
    assert "alpha-fetoprotein" in sure.note
    refused = hap_score(burden(30.0), {**WELL, "albumin_g_per_l": "4"})
    assert refused.value is None, "4 g/l is 4 g/dl, and no albumin anybody has"


@pytest.mark.parametrize("direction", [(1, 0, 0, 0, 1, 0, 0, 0, 1), OBLIQUE])
def test_sizes_and_share_are_measured(direction: tuple[float, ...]) -> None:
    """A ball of 12 mm radius, and a needle of 30 mm by 2 mm, in a ball of liver of 35 mm."""
    grid = lattice((1.5, 1.0, 2.0), (80.0, 80.0, 80.0), direction)
    points = places(grid)
    liver = np.linalg.norm(points, axis=-1) <= 35.0
    ball = np.linalg.norm(points - (10.0, 0.0, 0.0), axis=-1) <= 12.0
    away = np.abs(points - (-12.0, 0.0, 0.0))
    rod = (away[..., 2] <= 15.0) & (np.hypot(away[..., 0], away[..., 1]) <= 2.0)
    outside = np.linalg.norm(points - (0.0, 37.5, 37.5), axis=-1) <= 3.0
    found = TumorBurden.of(
        organ(grid, liver, ball=(Role.LESION, ball), rod=(Role.LESION, rod), elsewhere=(Role.LESION, outside))
    )
    assert set(found.sizes_mm) == {"ball", "rod"}, "what lies elsewhere in the body is not counted"
    diagonal = float(np.linalg.norm(grid.spacing_mm))
    assert found.sizes_mm["ball"] == pytest.approx(24.0, abs=diagonal)
    assert found.sizes_mm["rod"] == pytest.approx(np.hypot(30.0, 4.0), abs=diagonal)
    assert found.largest_mm == found.sizes_mm["rod"]
    exact = 4.0 / 3.0 * np.pi * 12.0**3 + np.pi * 2.0**2 * 30.0
    assert found.tumor_ml == pytest.approx(exact / 1000.0, rel=0.05)
    assert found.share_percent == pytest.approx(exact / (4.0 / 3.0 * np.pi * 35.0**3) * 100.0, rel=0.05)
    assert found.in_pieces == {}


def test_two_pieces_of_one_outline_are_said_and_no_liver_leaves_the_share_unknown() -> None:
    grid = lattice((2.0, 2.0, 2.0), (40.0, 40.0, 40.0))
    points = places(grid)
    two = np.minimum(*(np.linalg.norm(points - (x, 0.0, 0.0), axis=-1) for x in (-10.0, 10.0))) <= 4.0
    found = TumorBurden.of(organ(grid, np.ones(grid.shape, dtype=bool), two=(Role.LESION, two)))
    assert found.in_pieces == {"two": 2}
    assert found.count == 1
    alone = StructureSet("s", grid, (), ()).with_mask(Structure("two", Role.LESION), two)
    none = TumorBurden.of(alone)
    assert (none.count, none.share_percent, none.largest_mm) == (0, None, None)


def test_guards() -> None:
    with pytest.raises(InvalidValue, match="size above zero"):
        burden(0.0)
    with pytest.raises(InvalidValue, match="known together"):
        TumorBurden({}, 10.0, None)
    with pytest.raises(InvalidValue, match="take a part"):
        TumorBurden({}, 11.0, 10.0)
    with pytest.raises(InvalidValue, match="take a part"):
        TumorBurden({}, 0.0, 0.0)
