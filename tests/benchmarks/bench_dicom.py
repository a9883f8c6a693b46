"""Loading 300 raw slices: our reader with its geometry check against SimpleITK's series reader.

Run as a script: ``python tests/benchmarks/bench_dicom.py``.  The two sides run interleaved in one
run; SimpleITK is given the names ready sorted and checks nothing.  The child process's start is
printed apart.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from planner.base.task import Task
from planner.io.reader_process import child_command, run_in_child
from planner.io.reading import CaseJob, run_case
from tests.io.dicom_files import write_series

SLICES = 300
LIMIT = 1.5
ROUNDS = 7


def main() -> int:
    """Print the table; 1 where the limit is not met."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        noise = np.random.default_rng(1).integers(-1000, 1500, (SLICES, 512, 512), dtype=np.int16)
        paths = write_series(folder / "scan", SLICES, values=noise, gap=1.0, intercept=-24)
        names = [str(p) for p in paths]
        (folder / "out").mkdir()
        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(_timed(lambda: _ours(folder)))
            theirs.append(_timed(lambda: _theirs(names)))
        start = _timed(lambda: run_in_child({"do": "offers", "paths": [names[0]]}, Task()))
        whole = _timed(
            lambda: run_in_child(
                {"do": "case", "job": {"paths": [name + "/scan"], "folder": name + "/out"}}, Task()
            )
        )
    mine, other = statistics.median(ours), statistics.median(theirs)
    print(f"{SLICES} raw slices of 512 x 512, medians of {ROUNDS}, wall clock")
    print(f"{'our reader, geometry checked':44s} {mine:8.3f} s")
    print(f"{'SimpleITK series reader, sorted names':44s} {other:8.3f} s")
    print(f"{'ratio (at most ' + str(LIMIT) + ')':44s} {mine / other:8.2f}")
    print(
        f"{'start of the child (one slice, all told)':44s} {start:8.3f} s   {Path(child_command()[0]).name}"
    )
    print(f"{'the same series through the child':44s} {whole:8.3f} s")
    return int(mine / other > LIMIT)


def _ours(folder: Path) -> None:
    run_case(CaseJob((str(folder / "scan"),), str(folder / "out")), Task())


def _theirs(names: list[str]) -> None:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(names)
    reader.Execute()


def _timed(work) -> float:  # type: ignore[no-untyped-def]
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    raise SystemExit(main())
