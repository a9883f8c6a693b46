"""First painted window against a process that only imports the widgets and VTK submodules used.

python tests/benchmarks/bench_start.py        prints a table; the bound is 1.7
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

BARE = """
from PySide6 import QtWidgets
import vtkmodules.vtkRenderingOpenGL2, vtkmodules.vtkRenderingCore, vtkmodules.vtkFiltersCore
import vtkmodules.vtkFiltersSources, vtkmodules.vtkCommonTransforms, vtkmodules.util.numpy_support
app = QtWidgets.QApplication([])
"""
WINDOW = """
from planner.desktop.application import make_application
from planner.desktop.window import MainWindow
app = make_application()
window = MainWindow()
window.show()
app.processEvents()
window.grab()
"""
ROUNDS = 7


def seconds(code: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    for code in (BARE, WINDOW):
        seconds(code)
    rows = [(seconds(BARE), seconds(WINDOW)) for _ in range(ROUNDS)]
    bare, window = (statistics.median(column) for column in zip(*rows, strict=True))
    print(
        f"imports alone {bare:.2f} s, first painted window {window:.2f} s, ratio {window / bare:.2f} (bound 1.7)"
    )


if __name__ == "__main__":
    main()
