"""What the tests of reading share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from planner.base.task import Task
from planner.io.nrrd import read_mapped
from planner.io.reading import IMAGE_FILE, CaseJob, run_case
from planner.io.segmentations import StructureChoices

ReadCase = Callable[..., tuple[Any, Any, dict[str, Any]]]


@pytest.fixture
def read(tmp_path_factory: pytest.TempPathFactory) -> ReadCase:
    """Reads a case in this process: its array ``[k, j, i]``, grid, and the whole answer."""

    def reader(
        *paths: Path,
        structures: Sequence[Path] = (),
        series_uid: str = "",
        modality: str = "",
        **choices: Any,
    ) -> tuple[Any, Any, dict[str, Any]]:
        folder = tmp_path_factory.mktemp("volumes")
        job = CaseJob(
            tuple(str(p) for p in paths),
            str(folder),
            series_uid,
            tuple(str(p) for p in structures),
            StructureChoices(**choices),
            modality,
        )
        result = run_case(job, Task())
        values, grid, _ = read_mapped(folder / IMAGE_FILE)
        return values, grid, result

    return reader
