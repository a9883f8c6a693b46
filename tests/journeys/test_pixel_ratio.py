"""On screens of any density: a click hits the same millimetre, and pictures fill their views."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json, sys, tempfile, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from phantom import custom_probe, phantom, plan_of
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from planner.desktop.application import make_application
from planner.desktop.window import MainWindow
from planner.library.index import LibraryIndex

app = make_application()
window = MainWindow(LibraryIndex(Path(tempfile.mkdtemp())))
window.resize(1100, 700)
window.show()
window.session.open_case(phantom((3.0, 3.0, 3.0)), plan_of(custom_probe()))
end = time.monotonic() + 60
while (window.jobs.is_running or window.width() != 1100) and time.monotonic() < end:
    QApplication.processEvents(); time.sleep(0.01)
axial, space = window.views.axial, window.views.space
window.session.selection.move_cursor((0.0, 0.0, 0.0))
at = axial.view_of((20.0, 10.0, 0.0)).toPoint()
QTest.mouseClick(axial, Qt.MouseButton.LeftButton, pos=at)
cursor = window.session.selection.cursor_lps_mm
caught = axial.mouse.caught(axial.view_of(window.session.plan.applicators[0].tip_lps_mm))
space.look_from("anterior"); space.repaint()
picture = window.grab().toImage()
box = space._picture
# The middle of the 3D view shows the liver, its corner the ground.
point = space.scene.point_under(box.width() / 2, box.height() / 2)
print(json.dumps({
    "ratio": window.devicePixelRatioF(), "cursor": cursor, "mm_per_px": axial.frame.mm_per_px,
    "caught": caught.grip if caught else "", "backdrop": [axial._backdrop[1].width(), axial._backdrop[1].height()],
    "view": [axial.width(), axial.height()], "space": [box.width(), box.height()],
    "space_view": [space.width(), space.height()], "grab": [picture.width(), picture.height()],
    "point": point, "scale": space.scene.mm_per_px * window.devicePixelRatioF(),
}))
window.session.close(); window.close()
"""


@pytest.fixture(scope="module")
def at_one() -> dict:
    return looked(1.0)


def looked(ratio: float) -> dict:
    environment = {**os.environ, "QT_SCALE_FACTOR": str(ratio), "QT_QPA_PLATFORM": "offscreen"}
    environment.pop("DISPLAY", None)
    command = [sys.executable, "-c", SCRIPT, str(ratio), str(Path(__file__).resolve().parents[1])]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180)
    assert run.returncode == 0, run.stderr[-2000:]
    found: dict = json.loads(run.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("ratio", [1.25, 1.5, 2.0])
def test_a_click_hits_the_same_place_at_any_pixel_ratio(at_one: dict, ratio: float) -> None:
    found = looked(ratio)
    assert found["ratio"] == ratio
    for answer in (at_one, found):
        reach = answer["mm_per_px"]
        assert abs(answer["cursor"][0] - 20.0) <= reach
        assert abs(answer["cursor"][1] - 10.0) <= reach
        assert answer["caught"] == "tip"
    for picture, view in (("backdrop", "view"), ("space", "space_view")):
        assert found[picture] == [round(n * ratio) for n in found[view]], (
            "painted at the screen's own density"
        )
    assert found["point"] is not None
    assert abs(found["point"][0] - at_one["point"][0]) < 2.0
    assert found["scale"] == pytest.approx(at_one["scale"], rel=0.03), "one millimetre stays as large"
