"""Pictures of a plan for a report: three slices through each lesion, and 3D."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtGui import QFont, QImage, QPainter

from planner.model.assessment import Assessment
from planner.model.case import Case
from planner.model.plan import Plan, Point
from planner.model.roles import Role
from planner.scene.contours import SliceOutlines
from planner.scene.instruments import drawn_probes
from planner.scene.planes import Orientation, PlaneStack
from planner.scene.slice_frame import SliceFrame
from planner.scene.slice_painter import OutlineStyle, SliceContent, paint_slice
from planner.scene.slice_pixels import slice_pixels, windowed
from planner.scene.space import SpaceScene
from planner.scene.space_looks import SurfaceStyle
from planner.scene.surfaces import structure_surface
from planner.session.appearance import Appearance

SLICE_PX = (760, 620)
SPACE_PX = (980, 700)
#: Width of what a slice picture shows around the zone.
SHOWN_MM = 260.0


def slice_picture(
    case: Case, plan: Plan, orientation: Orientation, through_lps_mm: Point, lesion: str
) -> QImage:
    """A slice through a point with outlines, probes and zones; the probe's whole path is in view."""
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
    right, down, _ = stack.to_plane(np.array(through_lps_mm))
    width, height = SLICE_PX
    frame = SliceFrame(width, height, (float(right), float(down)), SHOWN_MM / width)
    title = f"{orientation.capitalize()} · {index + 1} / {stack.count}"
    contrast = f"W {look.window.width:.0f}  L {look.window.level:.0f}"
    content = SliceContent(
        stack, index, gray, outlines, styles, drawn_probes(plan), corner_texts=(title, contrast, lesion)
    )
    picture = QImage(width, height, QImage.Format.Format_RGB32)
    painter = QPainter(picture)
    font = QFont()
    font.setPixelSize(15)
    paint_slice(painter, frame, content, font)
    painter.end()
    return picture


def space_picture(case: Case, plan: Plan, assessments: tuple[Assessment, ...]) -> QImage:
    """The case in 3D with probes, zones and lesions painted by their margin."""
    scene = SpaceScene()
    try:
        look = Appearance()
        for structure in case.structures.structures if case.structure_sets else ():
            shown = look.look(structure)
            if shown.is_visible_3d and shown.opacity > 0:
                surface = structure_surface(case.structures, structure.name)
                scene.set_surface(structure.name, surface, SurfaceStyle(structure.color, shown.opacity))
        scene.set_probes(drawn_probes(plan), "")
        for assessment in assessments:
            scene.set_margins(tuple(s for s in assessment.surfaces if s.name == "lesion_margin"))
        scene.look_from("anterior")
        return scene.image(*SPACE_PX)
    finally:
        scene.close()


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


def save_pictures(
    case: Case, plan: Plan, assessments: tuple[Assessment, ...], folder: Path
) -> dict[str, str]:
    """Write all pictures of a report as PNG; returns title by file name, in the order shown."""
    lesions = list(dict.fromkeys(a.lesion for a in plan.applicators if a.lesion))
    if not lesions and case.structure_sets:
        lesions = [s.name for s in case.structures.with_role(Role.LESION)][:1]
    titles: dict[str, str] = {}
    for n, lesion in enumerate(lesions, start=1):
        center = lesion_center(case, lesion)
        for orientation in Orientation:
            name = f"lesion{n}-{orientation.value}.png"
            slice_picture(case, plan, orientation, center, lesion).save(str(folder / name))
            titles[name] = f"{lesion}, {orientation.value}"
    space_picture(case, plan, assessments).save(str(folder / "space.png"))
    titles["space.png"] = "3D from the front; lesions coloured by margin"
    return titles
