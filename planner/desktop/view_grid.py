"""The four views, any of which can be shown alone."""

from __future__ import annotations

from PySide6.QtWidgets import QGridLayout, QWidget

from planner.desktop.slice_view import SliceView, Tool
from planner.desktop.space_view import SpaceView
from planner.model.assessment import Surface
from planner.scene.planes import Orientation
from planner.session.actions import Workbench


class ViewGrid(QWidget):
    """Axial, 3D, coronal and sagittal in two rows.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("viewGrid")
        self.axial = SliceView(bench, Orientation.AXIAL)
        self.coronal = SliceView(bench, Orientation.CORONAL)
        self.sagittal = SliceView(bench, Orientation.SAGITTAL)
        self.space = SpaceView(bench)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        for widget, row, column in (
            (self.axial, 0, 0),
            (self.space, 0, 1),
            (self.coronal, 1, 0),
            (self.sagittal, 1, 1),
        ):
            layout.addWidget(widget, row, column)
        for n in (0, 1):
            layout.setRowStretch(n, 1)
            layout.setColumnStretch(n, 1)
        self._alone: QWidget | None = None
        for view in (*self.slices, self.space):
            view.maximize_asked.connect(lambda v=view: self.toggle_alone(v))

    @property
    def slices(self) -> tuple[SliceView, SliceView, SliceView]:
        """The three slice views."""
        return self.axial, self.coronal, self.sagittal

    @property
    def alone(self) -> QWidget | None:
        """The view shown alone, or None."""
        return self._alone

    def toggle_alone(self, view: QWidget) -> None:
        """Show a view alone, or all again."""
        self._alone = None if self._alone is view else view
        for each in (*self.slices, self.space):
            each.setVisible(self._alone in (None, each))

    def set_tool(self, tool: Tool) -> None:
        """What the left button does in the slices."""
        for view in self.slices:
            view.tool = tool

    def show_skin(self, surface: Surface | None) -> None:
        """Paint the skin by the values of a surface, in all views; None paints it no more."""
        for view in self.slices:
            view.show_skin(surface)
        self.space.show_skin(surface)

    def refresh_slices(self) -> None:
        """Paint the slices anew."""
        for view in self.slices:
            view.update()
