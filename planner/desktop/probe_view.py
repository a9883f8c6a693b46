"""A slice view that follows the selected probe: across its shaft, or along it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from planner.desktop.slice_view import SliceView
from planner.model.image import Image
from planner.model.plan import Applicator
from planner.scene.planes import PlaneStack
from planner.scene.probe_planes import ProbeCut, offset_words, probe_stack
from planner.session.actions import Workbench
from planner.session.placing import zone_center_of


class ProbeView(SliceView):
    """One cut of the selected probe; it stands still while the probe is dragged.

    Parameters
    ----------
    bench
        The session with its tools.
    cut
        Across the shaft, or along it.
    """

    def __init__(self, bench: Workbench, cut: ProbeCut, parent: QWidget | None = None) -> None:
        super().__init__(bench, cut, parent)
        self._cut = cut
        self._probe: Applicator | None = None

    def show_case(self) -> None:
        """Show the selected image in the plane of the selected probe as it is in the recorded plan."""
        probe = self._chosen()
        if probe != self._probe:
            self._probe = probe
            self._image = self._backdrop = self.stack = None
            self.layers.forget_planes()
        super().show_case()

    def stack_of(self, image: Image) -> PlaneStack | None:
        """The planes of the probe, in which any image can be shown."""
        return probe_stack(self._probe, self._cut) if self._probe is not None else None

    def follow_cursor(self) -> None:
        """Go to the crosshair's depth; a probe that was just selected shows its zone's middle."""
        if self.stack is None or self._probe is None:
            return
        at = self.bench.session.selection.cursor_lps_mm
        if self._image is None or not self._is_near(at):
            at = zone_center_of(self._probe)
        self.index = self.stack.index_of(at)
        self.update()

    def title(self) -> str:
        """The cut and the probe."""
        assert self._probe is not None
        return f"{self._cut.capitalize()} · {self._probe.id}"

    def note(self) -> str:
        """How far the slice is from the tip or the shaft."""
        assert self.stack is not None
        assert self._probe is not None
        return offset_words(self._probe, self._cut, self.stack, self.index)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The slice, or why there is none."""
        if self.stack is not None:
            super().paintEvent(event)
            return
        painter = QPainter(self)
        painter.fillRect(self.rect(), Qt.GlobalColor.black)
        painter.setPen(self.palette().placeholderText().color())
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "Select a probe to look along it.")

    def _chosen(self) -> Applicator | None:
        session = self.bench.session
        if not session.is_open:
            return None
        probes = session.recorded_plan.applicators
        return next((p for p in probes if p.id == session.selection.instrument), None)

    def _is_near(self, at: tuple[float, float, float]) -> bool:
        assert self._probe is not None
        return bool(np.linalg.norm(np.array(at) - np.array(zone_center_of(self._probe))) < 60.0)
