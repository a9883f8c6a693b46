"""The real cases: beside the repository, or where LIVER_PLANNER_DATA says."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Path of a real case by its folder's name; skips the test where it is absent."""
    root = os.environ.get("LIVER_PLANNER_DATA", "")
    folder = Path(root) if root else Path(__file__).resolve().parents[3] / "shared" / "data"

    def find(name: str) -> Path:
        path = folder / name
        if not path.exists():
            pytest.skip(f"the real case {name} is not here (LIVER_PLANNER_DATA names its folder)")
        return path

    return find
