"""Starting the window."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication

from planner.base.log import start_log
from planner.desktop.theme import apply_theme
from planner.desktop.window import MainWindow


def make_application(arguments: Sequence[str] = ()) -> QApplication:
    """The Qt application with its look; an existing one is used."""
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        QApplication.setHighDpiScaleFactorRoundingPolicy(Qt.HighDpiScaleFactorRoundingPolicy.PassThrough)
        app = QApplication(["liver-planner", *arguments])
    app.setApplicationName("Liver Planner")
    app.setDesktopFileName("liver-planner")
    apply_theme(app)
    return app


def run(paths: Sequence[Path] = ()) -> int:
    """Show the window, open what was named, and stay until it is closed."""
    app = make_application()
    start_log()
    window = MainWindow()
    window.show()
    QTimer.singleShot(0, window, warm_up)
    if paths:
        QTimer.singleShot(0, window, lambda: window.work.open_paths(list(paths)))
    return app.exec()


def warm_up() -> None:
    """Load what the first case needs while the user looks around."""

    def load() -> None:
        import planner.scene.space
        from planner.compute.loading import load_numerics
        from planner.session import tools

        assert planner.scene.space
        assert tools
        load_numerics()

    threading.Thread(target=load, name="warm-up", daemon=True).start()


if __name__ == "__main__":
    sys.exit(run([Path(a) for a in sys.argv[1:]]))
