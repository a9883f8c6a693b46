"""Two scans of one patient, made once; and a session with both open."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from two_scan_session import Scans, bench_of, two_scans

from planner.session.actions import Workbench


@pytest.fixture(scope="session")
def scans() -> Scans:
    return two_scans()


@pytest.fixture
def bench(scans: Scans) -> Workbench:
    return bench_of(scans)
