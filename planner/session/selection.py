"""What the user points at: lesion, instrument, cursor."""

from __future__ import annotations

from psygnal import Signal

from planner.model.plan import Point


class Selection:
    """The selected lesion, instrument and image, and the linked crosshair."""

    changed = Signal()
    cursor_moved = Signal()

    def __init__(self) -> None:
        self.lesion = ""
        self.instrument = ""
        self.image = ""
        self.cursor_lps_mm: Point = (0.0, 0.0, 0.0)

    def choose(
        self, lesion: str | None = None, instrument: str | None = None, image: str | None = None
    ) -> None:
        """Select by name; None leaves a selection as it is."""
        before = (self.lesion, self.instrument, self.image)
        self.lesion = self.lesion if lesion is None else lesion
        self.instrument = self.instrument if instrument is None else instrument
        self.image = self.image if image is None else image
        if before != (self.lesion, self.instrument, self.image):
            self.changed.emit()

    def move_cursor(self, lps_mm: Point) -> None:
        """Move the linked crosshair."""
        self.cursor_lps_mm = (float(lps_mm[0]), float(lps_mm[1]), float(lps_mm[2]))
        self.cursor_moved.emit()

    def clear(self) -> None:
        """Forget everything."""
        self.lesion = self.instrument = self.image = ""
