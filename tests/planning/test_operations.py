"""Named resections: which segments each takes, and what is said where segments are missing."""

from __future__ import annotations

import numpy as np
import pytest

from planner.base.errors import InvalidValue
from planner.model.geometry import Grid
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet
from planner.planning.operations import (
    OPERATIONS,
    operation,
    segment_structures,
    structures_of,
    title_of,
)


def structures(*numbers: int, empty: tuple[int, ...] = ()) -> StructureSet:
    masks = []
    for n in numbers:
        mask = np.zeros((4, 4, 4), dtype=bool)
        if n not in empty:
            mask[n % 4, n // 4] = True
        masks.append((Structure(f"Segment {n}", Role(f"couinaud_{n}"), color=(200, 200, 20 * n)), mask))
    return StructureSet.from_masks("s", Grid((4, 4, 4), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)), masks)


def test_hemilivers_share_the_liver_and_leave_the_caudate() -> None:
    right, left = operation("right_hemihepatectomy"), operation("left_hemihepatectomy")
    assert sorted((*right.segments, *left.segments)) == [2, 3, 4, 5, 6, 7, 8]


def test_sections_share_their_hemilivers() -> None:
    parts = [operation(f"right_{p}").segments for p in ("anterior", "posterior")]
    assert sorted(sum(parts, ())) == list(operation("right_hemihepatectomy").segments)
    parts = [operation(f"left_{p}").segments for p in ("medial", "lateral")]
    assert sorted(sum(parts, ())) == list(operation("left_hemihepatectomy").segments)


def test_ids_and_sets_of_segments_are_told_once() -> None:
    assert len({o.id for o in OPERATIONS}) == len(OPERATIONS)
    assert len({o.segments for o in OPERATIONS}) == len(OPERATIONS)


@pytest.mark.parametrize("each", OPERATIONS, ids=lambda o: o.id)
def test_each_set_has_its_name(each: object) -> None:
    assert title_of(reversed(each.segments)) == each.title  # type: ignore[attr-defined]


def test_other_sets_are_told_by_their_numbers() -> None:
    assert title_of([1, 5, 6, 7, 8]) == "Right hemihepatectomy with caudate"
    assert title_of([6, 2]) == "Segments 2, 6"
    assert title_of([4]) == "Left medial sectionectomy"


def test_an_unknown_operation_is_refused() -> None:
    with pytest.raises(InvalidValue, match="not known"):
        operation("everything")


def test_segments_are_found_by_their_role() -> None:
    known = structures(5, 6, 7, 8)
    assert segment_structures(known)[6] == ("Segment 6",)
    assert structures_of(known, (8, 5)) == ("Segment 5", "Segment 8")


def test_segments_that_are_missing_or_empty_are_named() -> None:
    with pytest.raises(InvalidValue) as refused:
        structures_of(structures(5, 6, 8, empty=(8,)), (5, 6, 7, 8))
    assert "segments 7, 8" in refused.value.thing
