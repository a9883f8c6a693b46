"""The sample case, made once for all its tests."""

from __future__ import annotations

import pytest

from planner.model.case import Case
from planner.sample.case import make_sample_case


@pytest.fixture(scope="session")
def sample() -> Case:
    return make_sample_case()
