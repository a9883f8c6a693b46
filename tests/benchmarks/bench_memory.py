"""Peak memory of a headless assessment, as PSS summed over the process tree.

python tests/benchmarks/bench_memory.py CASE PLAN      bound: 2.5 times the CT as int16, plus 600 MB
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from planner.library.case_folder import open_case_folder


def pss_mb(process: int) -> float:
    """PSS of a process and its children."""
    total = 0.0
    try:
        rows = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        total = sum(float(r.split()[1]) for r in rows if r.startswith("Pss:")) / 1024
        for task in Path(f"/proc/{process}/task").iterdir():
            total += sum(pss_mb(int(child)) for child in (task / "children").read_text().split())
    except (FileNotFoundError, ProcessLookupError):
        return total
    return total


def main() -> None:
    case = open_case_folder(Path(sys.argv[1]))
    scan = case.image().values.size * 2 / 1e6
    command = [
        sys.executable,
        "-m",
        "planner",
        "assess",
        *sys.argv[1:3],
        "--module",
        "thermal_ablation",
        "--json",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, pss_mb(process.pid))
        time.sleep(0.03)
    print(f"peak {peak:.0f} MB, scan {scan:.0f} MB, bound {2.5 * scan + 600:.0f} MB")


if __name__ == "__main__":
    main()
