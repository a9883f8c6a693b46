"""The four views, any of which can be shown alone; slices of the patient or of the selected probe."""

from __future__ import annotations

from PySide6.QtWidgets import QGridLayout, QWidget

from planner.desktop.probe_view import ProbeView
from planner.desktop.slice_mouse import Tool
from planner.desktop.slice_view import SliceView
from planner.desktop.space_view import SpaceView
from planner.model.assessment import ScalarField, Surface
from planner.scene.layers import Layer
from planner.scene.planes import Orientation
from planner.scene.probe_planes import ProbeCut
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
        self._probe_views = (
            ProbeView(bench, ProbeCut.ALONG),
            ProbeView(bench, ProbeCut.EYE),
            ProbeView(bench, ProbeCut.ACROSS),
        )
        self._upright = (self.axial, self.coronal, self.sagittal)
        self.follows_probe = False
        layout = self._grid = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        for widget, row, column in (
            (self.axial, 0, 0),
            (self.space, 0, 1),
            (self.coronal, 1, 0),
            (self.sagittal, 1, 1),
        ):
            layout.addWidget(widget, row, column)
        for probe_view, (row, column) in zip(self._probe_views, ((0, 0), (1, 0), (1, 1)), strict=True):
            layout.addWidget(probe_view, row, column)
            probe_view.hide()
        self._alone: QWidget | None = None
        self._is_without_space = self._is_axial_only = False
        self._share_room()
        for view in (*self._upright, *self._probe_views, self.space):
            view.maximize_asked.connect(lambda v=view: self.toggle_alone(v))

    @property
    def every_slice(self) -> tuple[SliceView, ...]:
        """All slice views, shown now or not."""
        return (*self._upright, *self._probe_views)

    @property
    def slices(self) -> tuple[SliceView, ...]:
        """The three slice views that are shown now."""
        return self._probe_views if self.follows_probe else self._upright

    def follow_probe(self, is_on: bool) -> None:
        """Show planes of the selected probe instead of the patient's, or those again."""
        self.follows_probe = is_on
        self._alone = None
        self._show_allowed()
        for view in self.slices:
            view.show_case()

    @property
    def alone(self) -> QWidget | None:
        """The view shown alone, or None."""
        return self._alone

    def toggle_alone(self, view: QWidget) -> None:
        """Show a view alone, or all again."""
        self._alone = None if self._alone is view else view
        self._show_allowed()

    def limit(self, is_without_space: bool, is_axial_only: bool) -> None:
        """Show slices without 3D, or axial slices alone, until it is called again."""
        if (is_without_space, is_axial_only) == (self._is_without_space, self._is_axial_only):
            return
        self._is_without_space, self._is_axial_only, self._alone = is_without_space, is_axial_only, None
        if is_axial_only and self.follows_probe:
            self.follow_probe(False)
        wide = 2 if is_without_space or is_axial_only else 1
        self._grid.addWidget(self.axial, 0, 0, 1, wide)
        self._grid.addWidget(self._probe_views[0], 0, 0, 1, wide)
        self._show_allowed()

    def _is_allowed(self, view: QWidget) -> bool:
        if self._is_axial_only:
            return view is self.axial
        return not (view is self.space and self._is_without_space)

    def _show_allowed(self) -> None:
        shown = (*self.slices, self.space)
        for each in (*self.every_slice, self.space):
            is_there = each in shown and self._is_allowed(each)
            each.setVisible(is_there and self._alone in (None, each))
        self._share_room()

    def _share_room(self) -> None:
        """Give all the room to the view that is shown alone: an empty row or column that stretches keeps its own."""
        row, column = -1, -1
        alone = self.axial if self._is_axial_only else self._alone
        if alone is not None:
            place: tuple[int, int, int, int] = self._grid.getItemPosition(self._grid.indexOf(alone))  # type: ignore[assignment]
            row, column = place[0], -1 if place[3] > 1 else place[1]
        for n in (0, 1):
            self._grid.setRowStretch(n, int(row in (-1, n)))
            self._grid.setColumnStretch(n, int(column in (-1, n)))

    def follow_plan(self) -> None:
        """The plan or the selected probe changed: planes of a probe go with it."""
        if self.follows_probe:
            for view in self._probe_views:
                view.show_case()

    def set_tool(self, tool: Tool) -> None:
        """What the left button does in the slices."""
        for view in self.every_slice:
            view.tool = tool

    def show_skin(self, surface: Surface | None) -> None:
        """Paint the skin by the values of a surface, in all views; None paints it no more."""
        for view in self.every_slice:
            view.show_skin(surface)
        self.space.show_skin(surface)

    def show_field(self, field: ScalarField | None, zone: Surface | None) -> None:
        """Lay temperatures or an electric field over the slices, and show the zone it makes, in all views."""
        for view in self.every_slice:
            view.show_field(field, zone)
        self.space.show_simulated(zone)

    def show_layer(self, name: str, layer: Layer | None) -> None:
        """Lay what a mode draws over all views, in place of an earlier one of the name; None takes it away."""
        for view in self.every_slice:
            view.layers.layers.pop(name, None)
            if layer is not None:
                view.layers.layers[name] = layer
            view.update()
        self.space.show_layer(name, layer)

    def refresh_layers(self) -> None:
        """Draw what modes lay over the views anew."""
        self.space.refresh_layers()
        self.refresh_slices()

    def refresh_slices(self) -> None:
        """Paint the slices anew."""
        for view in self.slices:
            view.update()
