"""Where a slice lies in its view: from millimetres to pixels and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtGui import QPolygonF

from planner.model.geometry import FloatArray
from planner.scene.planes import PlaneStack


@dataclass(frozen=True)
class SliceFrame:
    """Where the slice lies in the view.

    Parameters
    ----------
    width, height
        Of the view, in pixels.
    center_mm
        Right and down coordinates at the middle of the view.
    mm_per_px
        Zoom.
    """

    width: float
    height: float
    center_mm: tuple[float, float]
    mm_per_px: float

    def to_view(self, right_mm: float, down_mm: float) -> QPointF:
        """View point of plane coordinates."""
        x = (right_mm - self.center_mm[0]) / self.mm_per_px + self.width / 2
        return QPointF(x, (down_mm - self.center_mm[1]) / self.mm_per_px + self.height / 2)

    def to_plane(self, x: float, y: float) -> tuple[float, float]:
        """Plane coordinates of a view point."""
        right = (x - self.width / 2) * self.mm_per_px + self.center_mm[0]
        return right, (y - self.height / 2) * self.mm_per_px + self.center_mm[1]

    @classmethod
    def fitting(cls, stack: PlaneStack, width: float, height: float) -> SliceFrame:
        """The whole slice, centred."""
        size = np.array(stack.high_mm[:2]) - np.array(stack.low_mm[:2]) + np.array(stack.step_mm[:2])
        middle = (np.array(stack.high_mm[:2]) + np.array(stack.low_mm[:2])) / 2
        zoom = max(size[0] / max(width, 1.0), size[1] / max(height, 1.0))
        return cls(width, height, (float(middle[0]), float(middle[1])), float(zoom) * 1.02)

    def at(self, plane_point: FloatArray) -> QPointF:
        """View point of a point in plane coordinates; what it is off the plane does not count."""
        return self.to_view(float(plane_point[0]), float(plane_point[1]))

    def polygon(self, line: FloatArray) -> QPolygonF:
        """View points of a line (n, 2) in right and down mm."""
        x = (line[:, 0] - self.center_mm[0]) / self.mm_per_px + self.width / 2
        y = (line[:, 1] - self.center_mm[1]) / self.mm_per_px + self.height / 2
        return QPolygonF([QPointF(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)])
