"""Dragging a probe in the 4-up window: numbers, and numbers with all four views.

python tests/benchmarks/bench_drag.py CASE LESION      bounds: 16 ms and 100 ms, software rendering
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 40


def main() -> None:
    from PySide6.QtWidgets import QApplication

    from planner.desktop.application import make_application
    from planner.desktop.window import MainWindow
    from planner.library.index import LibraryIndex
    from planner.session.placing import Grip, dragged

    app = make_application()
    window = MainWindow(LibraryIndex(Path(tempfile.mkdtemp())))
    window.resize(1440, 900)
    window.show()
    session = window.session
    session.open_folder(Path(sys.argv[1]), read_only=True)

    def wait(is_so: object) -> None:
        while not is_so():  # type: ignore[operator]
            QApplication.processEvents()
            time.sleep(0.002)

    wait(lambda: not window.jobs.is_running and session.judgements.is_ready("thermal_ablation"))
    placing = window.bench.placing
    placing.aim_at_center(sys.argv[2])
    assert placing.target_lps_mm is not None
    x, y, z = placing.target_lps_mm
    placing.click((x - 70.0, y - 60.0, z - 10.0))
    wait(lambda: session.judgements.of("thermal_ablation").state == "current")
    probe = session.plan.instrument(session.selection.instrument)
    module = session.judgements.registry.module("thermal_ablation")
    grounds = session.judgements._prepared["thermal_ablation"].value
    settings = module.settings()
    numbers, updates = [], []
    for n in range(ROUNDS):
        plan = session.plan.with_instrument(dragged(probe, Grip.TIP, (0.3 * n, 0.2 * n, 0.1 * n)))
        start = time.perf_counter()
        module.logic.preview(session.case, grounds, plan, settings, probe.id)
        numbers.append(1000 * (time.perf_counter() - start))
        start = time.perf_counter()
        session.drag_plan(plan)
        for view in (*window.views.slices, window.views.space):
            view.repaint()
        app.processEvents()
        updates.append(1000 * (time.perf_counter() - start))
    print(f"numbers      median {statistics.median(numbers):6.1f} ms (bound 16)")
    print(f"full update  median {statistics.median(updates):6.1f} ms (bound 100)")
    session.cancel_drag()
    session.close()
    window.close()


if __name__ == "__main__":
    main()
