"""Cases that go to a worker, and settings that stay for the next case."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from planner.model.case import Case
from planner.model.displacement import DisplacementField
from planner.model.geometry import Grid
from planner.model.image import Image
from planner.model.registration import Registration
from planner.plugin.message import ArrayFiles, case_message, case_of_message
from planner.plugin.settings import kept_values, option


def test_what_speaks_of_one_patient_is_not_kept_for_the_next() -> None:
    @dataclass(frozen=True)
    class Asked:
        size_mm: float = option(5.0, "How large.", "mm", 0.0, 10.0)
        image: str = option("", "Which scan.", is_of_case=True)

    assert kept_values(Asked, {"size_mm": 3.0, "image": "spect"}) == {"size_mm": 3.0}


def test_a_case_goes_to_a_worker_with_its_registrations_and_places(tmp_path: Path) -> None:
    grid = Grid((9, 10, 11), (1.0, 1.0, 2.0), (0.0, 0.0, 0.0))
    images = tuple(Image(id, id, grid, np.zeros(grid.shape, np.int16), "CT", "HU") for id in ("a", "b"))
    vectors = np.random.default_rng(2).normal(size=(*grid.shape, 3)).astype(np.float32) * 0.05
    for axis in range(3):
        edges = np.moveaxis(vectors, axis, 0)
        edges[:3] = edges[-3:] = 0.0
    turned = np.eye(4)
    turned[:3, 3] = (1.0, 2.0, 3.0)
    local = Registration("a", "b", turned, DisplacementField(grid, vectors), "1.2", "1.3", "by hand")
    case = Case("c", "c", images, registrations=(local,), liver_places={"portal_fork": (1.0, 2.0, 3.0)})
    message = json.loads(json.dumps(case_message(case, ArrayFiles(tmp_path))))
    (found,) = case_of_message(message).registrations
    assert found.field is not None
    assert (found.field.vectors_mm == vectors).all()
    assert found.document() == local.document()
    assert dict(case_of_message(message).liver_places) == {"portal_fork": (1.0, 2.0, 3.0)}
