"""Pictures of a plan for a report: three slices through each lesion, face maps of arrays, and 3D."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtGui import QFont, QImage, QPainter

from planner.model.assessment import Assessment, ScalarField, Surface
from planner.model.case import Case
from planner.model.plan import Plan, Point
from planner.model.roles import Role
from planner.report.catheter_pictures import catheter_layers, fed_lesions
from planner.report.cut_pictures import (
    cut_layer,
    cut_map_picture,
    cut_map_words,
    cut_maps,
    resected_lesions,
)
from planner.report.face_map_picture import face_map_picture, face_map_words
from planner.scene.contours import SliceOutlines
from planner.scene.drawn_electrodes import drawn_arrays
from planner.scene.field_overlay import ELECTRIC_UNIT, field_cut
from planner.scene.instruments import drawn_foci, drawn_probes
from planner.scene.layers import Layer
from planner.scene.planes import Orientation, PlaneStack
from planner.scene.slice_frame import SliceFrame
from planner.scene.slice_painter import OutlineStyle, SliceContent, paint_slice
from planner.scene.slice_pixels import slice_pixels, windowed
from planner.scene.space import SpaceScene
from planner.scene.space_looks import SurfaceStyle
from planner.scene.surface_cuts import SurfaceCut
from planner.scene.surfaces import structure_surface
from planner.session.appearance import Appearance

SLICE_PX = (760, 620)
SPACE_PX = (980, 700)
#: Width of what a slice picture shows around the zone.
SHOWN_MM = 260.0


@dataclass(frozen=True, eq=False)
class SolvedField:
    """An electric field that was solved, and the zone that goes with it."""

    field: ScalarField
    zone: Surface | None


@dataclass(frozen=True)
class Picture:
    """A picture that was written.

    Parameters
    ----------
    name, caption
        Of the file, and below it.
    of
        The lesion or array it shows; empty for all.
    has_field
        Whether an electric field is laid over it.
    """

    name: str
    caption: str
    of: str = ""
    has_field: bool = False


@dataclass(frozen=True)
class Pictures:
    """All pictures of a report: of each lesion, of each array, of each cut, and in 3D."""

    slices: tuple[Picture, ...]
    face_maps: tuple[Picture, ...]
    cut_maps: tuple[Picture, ...]
    space: Picture

    @property
    def names(self) -> tuple[str, ...]:
        """Their files, in the order shown."""
        return tuple(p.name for p in (*self.slices, *self.face_maps, *self.cut_maps, self.space))


def solved_field(assessments: tuple[Assessment, ...]) -> SolvedField | None:
    """The electric field an answer carries; None where none does."""
    for assessment in assessments:
        for field in assessment.fields:
            if field.unit == ELECTRIC_UNIT:
                zone = next((s for s in assessment.surfaces if s.values is None), None)
                return SolvedField(field, zone)
    return None


def slice_content(
    case: Case,
    plan: Plan,
    orientation: Orientation,
    through_lps_mm: Point,
    lesion: str,
    solved: SolvedField | None = None,
    layers: Sequence[Layer] = (),
) -> SliceContent:
    """What is on a slice through a point: outlines, instruments with zones, a solved field, and what else is laid over."""
    image = case.image()
    stack = PlaneStack.of(image.grid, orientation)
    index = stack.index_of(through_lps_mm)
    look = Appearance()
    look.suit(image)
    gray = windowed(
        slice_pixels(image.values, image.grid, stack, index, -1024), look.window.width, look.window.level
    )
    styles, outlines = {}, {}
    if case.structure_sets:
        shown = [s for s in case.structures.structures if look.look(s).is_visible]
        styles = {s.name: OutlineStyle(s.color, 0.9, 2.6 if s.name == lesion else 1.4) for s in shown}
        outlines = SliceOutlines(case.structures, stack).of(index, tuple(styles))
    title = f"{orientation.capitalize()} · {index + 1} / {stack.count}"
    contrast = f"W {look.window.width:.0f}  L {look.window.level:.0f}"
    zone = solved.zone if solved is not None else None
    return SliceContent(
        stack,
        index,
        gray,
        outlines,
        styles,
        drawn_probes(plan),
        corner_texts=(title, contrast, lesion),
        overlay=field_cut(solved.field, stack, index) if solved is not None else None,
        simulated=SurfaceCut(zone, stack).of(index)[0] if zone is not None else None,
        foci=drawn_foci(plan),
        arrays=drawn_arrays(plan),
        marks=tuple(layer.on_slice(stack, index) for layer in layers),
    )


def slice_picture(content: SliceContent, middle_lps_mm: Point) -> QImage:
    """A slice painted about a point; a probe's whole path is in view."""
    right, down, _ = content.stack.to_plane(np.array(middle_lps_mm))
    width, height = SLICE_PX
    frame = SliceFrame(width, height, (float(right), float(down)), SHOWN_MM / width)
    picture = QImage(width, height, QImage.Format.Format_RGB32)
    painter = QPainter(picture)
    font = QFont()
    font.setPixelSize(15)
    paint_slice(painter, frame, content, font)
    painter.end()
    return picture


def plan_layers(case: Case, plan: Plan, assessments: tuple[Assessment, ...]) -> tuple[Layer, ...]:
    """Resections and catheters of a plan, as they lie over slices and in 3D."""
    cuts = cut_layer(plan, assessments)
    return (*(() if cuts is None else (cuts,)), *catheter_layers(case, plan, assessments))


def space_picture(
    case: Case, plan: Plan, assessments: tuple[Assessment, ...], layers: Sequence[Layer] = ()
) -> QImage:
    """The case in 3D with instruments, zones, lesions painted by their margin, and what else is laid over."""
    scene = SpaceScene()
    try:
        look = Appearance()
        for structure in case.structures.structures if case.structure_sets else ():
            shown = look.look(structure)
            if shown.is_visible_3d and shown.opacity > 0:
                surface = structure_surface(case.structures, structure.name)
                scene.set_surface(structure.name, surface, SurfaceStyle(structure.color, shown.opacity))
        scene.set_probes(drawn_probes(plan), "", drawn_foci(plan), drawn_arrays(plan))
        margins = {s.subject: s for a in assessments for s in a.surfaces if s.name == "lesion_margin"}
        scene.set_margins(tuple(margins.values()))
        solved = solved_field(assessments)
        if solved is not None:
            scene.set_simulated(solved.zone)
        for n, layer in enumerate(layers):
            scene.set_layer(f"plan {n}", layer.in_space())
        scene.look_from("anterior")
        return scene.image(*SPACE_PX)
    finally:
        scene.close()


def pictured_lesions(case: Case, plan: Plan, assessments: tuple[Assessment, ...]) -> tuple[str, ...]:
    """The lesions instruments of any kind treat or take, in the plan's order; the case's first where there is none."""
    treated = [i.lesion for i in plan.instruments if i.lesion]
    named = tuple(dict.fromkeys([*treated, *resected_lesions(assessments), *fed_lesions(assessments)]))
    if named or not case.structure_sets:
        return named
    return tuple(s.name for s in case.structures.with_role(Role.LESION))[:1]


def lesion_center(case: Case, lesion: str) -> Point:
    """Centre of a lesion's voxels, or of the image where there is none."""
    if case.structure_sets and lesion in case.structures:
        structures = case.structures
        box = structures.box(lesion)
        if not box.is_empty:
            kji = np.argwhere(structures.mask(lesion, box)).mean(axis=0) + np.array(box.start)
            x, y, z = (float(v) for v in structures.grid.to_lps(kji[::-1]))
            return x, y, z
    x, y, z = (float(v) for v in case.image().grid.center_lps_mm)
    return x, y, z


def save_pictures(case: Case, plan: Plan, assessments: tuple[Assessment, ...], folder: Path) -> Pictures:
    """Write all pictures of a report as PNG into a folder."""
    solved, layers = solved_field(assessments), plan_layers(case, plan, assessments)
    slices = []
    for n, lesion in enumerate(pictured_lesions(case, plan, assessments), start=1):
        center = lesion_center(case, lesion)
        for orientation in Orientation:
            name = f"lesion{n}-{orientation.value}.png"
            content = slice_content(case, plan, orientation, center, lesion, solved, layers)
            slice_picture(content, center).save(str(folder / name))
            caption = f"{lesion}, {orientation.value}"
            slices.append(Picture(name, caption, lesion, content.overlay is not None))
    structures = case.structures if case.structure_sets else None
    maps = []
    for n, array in enumerate(plan.electrode_arrays, start=1):
        name = f"array{n}-face-map.png"
        face_map_picture(array, structures, assessments).save(str(folder / name))
        maps.append(Picture(name, face_map_words(array, structures), array.id))
    flat = []
    for id, found in cut_maps(case, plan, assessments).items():
        cut_map_picture(found).save(str(folder / f"cut-{id}-map.png"))
        flat.append(Picture(f"cut-{id}-map.png", cut_map_words(id, found), id))
    space_picture(case, plan, assessments, layers).save(str(folder / "space.png"))
    words = "3D from the front; lesions coloured by margin"
    if plan.resections:
        words = "3D from the front; cuts coloured by how near lesions lie"
    elif plan.catheter_targets:
        words = "3D from the front; what each tip feeds in its colour"
    if solved is not None and solved.zone is not None:
        words += ", the zone of the electric field sand-coloured"
    return Pictures(tuple(slices), tuple(maps), tuple(flat), Picture("space.png", words))
