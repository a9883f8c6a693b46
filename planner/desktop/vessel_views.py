"""The layers of the mode Vessels over the views: made of what is known, changed as little as can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from planner.base.task import Task
from planner.desktop.place_part import SHORT
from planner.desktop.segment_part import segment_color
from planner.desktop.tree_part import tree_color
from planner.model.assessment import Surface
from planner.model.points import Point
from planner.model.roles import Role
from planner.planning.couinaud import NUMBERS, ROLES
from planner.planning.cut_effect import CutEffect, Loss
from planner.planning.territories import Territories
from planner.scene.drawn_trees import ShownTrees, TreeLayer
from planner.scene.label_overlay import LabelOverlay, part_surface
from planner.scene.layers import Mesh
from planner.scene.palette import Color
from planner.scene.vessel_layers import (
    LOSS_COLORS,
    BrushLayer,
    PlaceLayer,
    effect_overlay,
    segment_overlay,
    territory_overlay,
)
from planner.session.vessel_trees import TREE_ROLES

if TYPE_CHECKING:
    from planner.desktop.window import MainWindow

#: How solid lit parts of the liver are in 3D, and segments on their page.
LIT_OPACITY, SEGMENT_OPACITY = 0.42, 0.45


class VesselViews:
    """Shows trees, the lit territory or what a cut takes, segments and the brush.

    Parameters
    ----------
    window
        Whose views.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self.trees = TreeLayer()
        self.places = PlaceLayer()
        self.brush = BrushLayer()
        self.lit: LabelOverlay | None = None
        self.segments: LabelOverlay | None = None
        self._lit_of: object = None
        self._segments_of: object = None
        self._is_shown = False
        for view in window.views.every_slice:
            view.hovered.connect(self._hovered)

    def show(self, is_on: bool) -> None:
        """Lay the layers of the shown page over the views, or take all away."""
        self._is_shown = is_on
        views, is_segments = self._window.views, self._window.vessel_panel.is_on_segments
        self._stand_for_outlines(is_on, is_segments)
        for name in ("territory", "segments", "trees", "places", "brush"):
            views.show_layer(name, None)
        if not is_on:
            return
        if is_segments:
            views.show_layer("segments", self.segments)
        else:
            views.show_layer("territory", self.lit)
        views.show_layer("trees", self.trees)
        if is_segments:
            views.show_layer("places", self.places)
            views.show_layer("brush", self.brush)
            self.follow_places()
        self.follow_branches()
        self.follow_segments()

    def _stand_for_outlines(self, is_on: bool, is_segments: bool) -> None:
        """Trees stand for the outlines of vessels in 3D; segments are seen through, on their page alone."""
        session = self._window.session
        opacity: dict[str, float] = {}
        if is_on and session.is_open and session.case.structure_sets:
            structures = session.case.structures
            roles = {t.role for t in session.case.vessel_trees}
            opacity |= {s.name: 0.0 for s in structures.with_role(*(r for r in TREE_ROLES if r in roles))}
            part = SEGMENT_OPACITY if is_segments else 0.0
            opacity |= {s.name: part for s in structures.with_role(*ROLES.values())}
            if is_segments and any(structures.with_role(*ROLES.values())):
                opacity |= {s.name: 0.0 for s in structures.with_role(Role.LIVER)}
        self._window.views.space.override_opacity(opacity)

    # trees and territories -----------------------------------------------------------------

    def follow_branches(self) -> None:
        """Trees, choice, territories or a vessel that is drawn changed."""
        if not self._is_shown:
            return
        bench = self._window.bench
        branches, drawing = bench.vessels.branches, bench.vessels.drawing
        route, choice = drawing.route, branches.choice
        empty = np.zeros((0, 3))
        is_segments = self._window.vessel_panel.is_on_segments
        self.trees.show(
            ShownTrees(
                tuple((t, _hex(tree_color(bench, t))) for t in bench.vessels.trees.trees),
                choice.tree if choice is not None else "",
                choice.number if choice is not None else None,
                route.points_lps_mm if route is not None and drawing.is_on else empty,
                route.radii_mm if route is not None and drawing.is_on else np.zeros(0),
                np.array(drawing.clicks).reshape(-1, 3),
                not is_segments,
            )
        )
        self._stand_for_outlines(True, is_segments)
        self._light(is_segments)
        self._window.views.refresh_layers()

    def _light(self, is_segments: bool) -> None:
        """Light the territory of the chosen branch, or what the cuts take."""
        branches = self._window.bench.vessels.branches
        tree, choice = branches.tree, branches.choice
        territories = branches.territories(tree) if tree is not None else None
        effect = branches.effect
        is_effect = effect is not None and (choice is None or branches.is_cut)
        key: object = None
        if is_effect:
            key = effect
        elif territories is not None and choice is not None:
            key = (territories, choice.number)
        if key == self._lit_of and not (is_segments and self.lit is not None):
            return
        if is_segments:
            return
        self._lit_of = key
        self._window.jobs.cancel("lit")
        self.lit = None
        if is_effect:
            assert effect is not None
            self.lit = effect_overlay(effect)
            self._mesh_effect(effect, self.lit)
        elif territories is not None and choice is not None and tree is not None:
            color = _hex(tree_color(self._window.bench, tree))
            self.lit = territory_overlay(territories, choice.number, color)
            self._mesh_territory(territories, choice.number, color, self.lit)
        views = self._window.views
        views.show_layer("territory", self.lit)
        views.show_layer("trees", self.trees)  # over the tint

    def _mesh_territory(
        self, territories: Territories, number: int, color: str, overlay: LabelOverlay
    ) -> None:
        def work(task: Task) -> list[tuple[Surface | None, str]]:
            task.report(0.1, "Surface of the territory")
            return [(part_surface(territories.mask([number]), territories.grid), color)]

        self._start_mesh(work, overlay)

    def _mesh_effect(self, effect: CutEffect, overlay: LabelOverlay) -> None:
        def work(task: Task) -> list[tuple[Surface | None, str]]:
            found = []
            for n, (loss, (_, color)) in enumerate(LOSS_COLORS.items()):
                task.report(n / len(LOSS_COLORS), "Surface of what a cut takes")
                found.append((part_surface(effect.mask(Loss(loss)), effect.grid), color))
            return found

        self._start_mesh(work, overlay)

    def _start_mesh(self, work: object, overlay: LabelOverlay) -> None:
        def done(found: list[tuple[Surface | None, str]]) -> None:
            if overlay is self.lit:
                overlay.parts = tuple(Mesh(s, color, LIT_OPACITY) for s, color in found if s is not None)
                self._window.views.refresh_layers()

        window = self._window
        window.jobs.start("lit", "Surface of the territory", work, done, window.vessel_work.failed)  # type: ignore[arg-type]

    # segments ------------------------------------------------------------------------------

    def follow_segments(self) -> None:
        """Segments or the brush changed."""
        if not self._is_shown or not self._window.vessel_panel.is_on_segments:
            return
        bench = self._window.bench
        brushing = bench.vessels.brushing
        shown = brushing.shown if bench.vessels.segmenting.has_segments else None
        colors = {n: _hex(segment_color(bench, n)) for n in NUMBERS}
        if shown is None:
            if self.segments is not None:
                self.segments = self._segments_of = None
                self._window.views.show_layer("segments", None)
        elif self._segments_of != (id(shown[1]), tuple(colors.values())) or self.segments is None:
            self._segments_of = (id(shown[1]), tuple(colors.values()))
            self.segments = segment_overlay(*shown, colors)
            for name, layer in (("segments", self.segments), ("trees", self.trees), ("brush", self.brush)):
                self._window.views.show_layer(name, layer)
        if self.segments is not None:
            self.segments.revision = brushing.revision
            chosen = (brushing.segment, "#ffffff") if brushing.is_on else None
            self.segments.outlined = chosen
        self.brush.radius_mm = brushing.radius_mm if brushing.is_on else 0.0
        self._window.views.refresh_slices()

    def follow_places(self) -> None:
        """Places of the liver changed, or one is waited for."""
        if not self._is_shown or not self._window.vessel_panel.is_on_segments:
            return
        placing = self._window.bench.vessels.placing
        self.places.dots = tuple(
            (p.lps_mm, SHORT[p.word], p.is_clicked) for p in placing.places if p.lps_mm is not None
        )
        self._window.views.refresh_layers()

    def _hovered(self, lps_mm: Point) -> None:
        if self._is_shown and self.brush.radius_mm:
            self.brush.at_lps_mm = lps_mm
            self._window.views.refresh_slices()


def _hex(color: Color) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)
