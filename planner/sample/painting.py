"""What is painted, in which order, and with which attenuation."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from planner.model.roles import Role
from planner.sample import chest, digestive, organs, skeleton
from planner.sample.canvas import Canvas, flat, profile
from planner.sample.field import Field, Lattice, Points, lattice_waves, smooth_max
from planner.sample.lesions import LESIONS
from planner.sample.liver import GALLBLADDER, VENA_CAVA, liver_field
from planner.sample.liver_vessels import LiverVessels, grown_vessels
from planner.sample.torso import Torso
from planner.sample.tubes import segments, stacked, tube_field

_BODY, _ORGANS, _INNER = 0, 1, 2
_NAMED: list[tuple[str, Role, int]] = [
    ("Liver", Role.LIVER, _ORGANS),
    *[(lesion.name, Role.LESION, _INNER) for lesion in LESIONS],
    ("Portal vein", Role.PORTAL_VEIN, _INNER),
    ("Hepatic veins", Role.HEPATIC_VEIN, _INNER),
    ("Hepatic artery", Role.HEPATIC_ARTERY, _INNER),
    ("Bile ducts", Role.BILE_DUCT, _INNER),
    ("Inferior vena cava", Role.VENA_CAVA, _ORGANS),
    ("Aorta", Role.AORTA, _ORGANS),
    ("Gallbladder", Role.GALLBLADDER, _ORGANS),
    ("Stomach", Role.STOMACH, _ORGANS),
    ("Duodenum", Role.DUODENUM, _ORGANS),
    ("Colon", Role.BOWEL, _ORGANS),
    ("Small bowel", Role.BOWEL, _ORGANS),
    ("Right kidney", Role.KIDNEY, _ORGANS),
    ("Left kidney", Role.KIDNEY, _ORGANS),
    ("Spleen", Role.SPLEEN, _ORGANS),
    ("Right lung", Role.LUNG, _ORGANS),
    ("Left lung", Role.LUNG, _ORGANS),
    ("Heart", Role.HEART, _ORGANS),
    ("Bones", Role.BONE, _ORGANS),
    ("Skin", Role.SKIN, _BODY),
]
#: Name, role, layer and label of every structure.
STRUCTURES = tuple((name, role, layer, number + 1) for number, (name, role, layer) in enumerate(_NAMED))
_PLACES = {name: (layer, label) for name, _, layer, label in STRUCTURES}

BLOOD_PORTAL, BLOOD_AORTA, BLOOD_CAVA = 172.0, 152.0, 140.0
FAT = profile((0, -96), (4, -103))


def place(name: str) -> dict[str, int]:
    """Layer and label of a structure, as `Canvas.paint` takes them."""
    layer, label = _PLACES[name]
    return {"layer": layer, "label": label}


@cache
def liver() -> Field:
    """The liver of the sample case."""
    return liver_field()


@cache
def vessels() -> LiverVessels:
    """The liver's vessels of the sample case."""
    return grown_vessels(liver())


def paint_torso(canvas: Canvas, torso: Torso) -> None:
    """Table, skin, fat, muscle wall, fat within."""
    lattice = Lattice((140, 56, 118), (3.0, 1.0, 3.0), (-176.0, 102.0, -9.0))
    sag = 117.5 - 9 * (lattice.x / 175) ** 2
    slab = np.broadcast_to(np.abs(lattice.y - sag) - 0.9, lattice.shape).astype(np.float32)
    canvas.paint(Field(lattice, slab), flat(120.0))
    canvas.paint(
        torso.skin, profile((0, 20), (1.4, 25), (2.4, -90), (4, -106)), texture_hu=5.0, **place("Skin")
    )
    muscle = profile((0, 48), (1.0, 57), (8, 61))
    canvas.paint(torso.wall, muscle, texture_hu=5.0)
    lattice = torso.wall.lattice
    canvas.paint(_fat_planes(torso), flat(-75.0), edge_mm=1.5)
    septa = smooth_max(torso.wall.values + 3.5, organs.back_fat_planes(lattice), 1.0)
    back = smooth_max(septa, (48 - lattice.y + 0 * septa).astype(np.float32), 1.0)
    canvas.paint(Field(lattice, back), flat(-55.0), edge_mm=3.0)
    canvas.paint(torso.cavity, profile((0, 20), (1.0, -60), (2.5, -102)), texture_hu=6.0)


def _fat_planes(torso: Torso) -> Field:
    """Fat between the flat muscles of the flanks, beside the straight muscle and in the midline."""
    lattice, depth = torso.wall.lattice, -torso.wall.values
    x, y, z = np.abs(lattice.x), lattice.y, lattice.z
    uneven = 0.45 * lattice_waves(lattice, 24.0, 12)
    layers = np.minimum(np.abs(depth - 4.4 - uneven), np.abs(depth - 8.6 + uneven)) - 0.6 - 0.5 * uneven
    flank = smooth_max(layers, np.maximum(np.maximum(58 - x, y - 42), (z - 150) * 0.3 + uneven * 8), 2.0)
    edges = np.minimum(np.abs(x - 62 - 0.06 * (z - 60)) - 1.0, x - 1.5)
    front = smooth_max(edges + 0 * depth, np.maximum(np.maximum(y + 40, z - 185), 1.5 - depth), 2.0)
    return Field(lattice, np.minimum(flank, front).astype(np.float32))


def paint_abdominal_fat(canvas: Canvas, torso: Torso) -> None:
    """Diaphragm, and fat under it."""
    lattice = torso.cavity.lattice
    under = smooth_max(torso.cavity.values, torso.below.values, 3.0)
    canvas.paint(Field(lattice, under), profile((0, 48), (2.4, 50), (3.4, -70), (5, -104)), texture_hu=6.0)


def paint_chest(canvas: Canvas, torso: Torso) -> None:
    """Lungs with vessels, heart, oesophagus."""
    for side, name, field in zip((-1.0, 1.0), ("Right lung", "Left lung"), chest.lungs(), strict=True):
        canvas.paint(field, profile((0, -800), (6, -845), (30, -872)), texture_hu=9.0, **place(name))
        inside = tube_field(chest.lung_vessels(field, side), 1.0, 2.0)
        canvas.paint(inside, flat(40.0), edge_mm=1.4)
    canvas.paint(
        chest.heart(),
        profile((0, 30), (1.0, 20), (1.6, -70), (2.6, -60), (3.6, 104), (6, 106)),
        texture_hu=4.0,
        **place("Heart"),
    )
    canvas.paint(chest.heart_chambers(), flat(156.0), texture_hu=5.0, edge_mm=3.0)
    canvas.paint(chest.oesophagus(), profile((0, 58), (3, 62), (5, 40)))


def paint_skeleton(canvas: Canvas, torso: Torso) -> None:
    """Spine, ribs, cartilages, sternum."""
    bodies, column = skeleton.vertebral_bodies()
    bones = place("Bones")
    canvas.paint(column, flat(88.0), texture_hu=4.0)
    canvas.paint(bodies, profile((0, 420), (0.9, 480), (1.8, 230), (4, 175)), texture_hu=26.0, **bones)
    canvas.paint(skeleton.spinal_canal(), profile((0, -40), (1.2, 10), (2, 28), (8, 40)))
    canvas.paint(
        skeleton.vertebral_arches(),
        profile((0, 480), (1.2, 620), (2.2, 330), (4, 240)),
        texture_hu=30.0,
        **bones,
    )
    canvas.paint(skeleton.cartilages(), profile((0, 150), (1.2, 125), (3, 96)), texture_hu=12.0, **bones)
    canvas.paint(
        skeleton.ribs(), profile((0, 560), (0.7, 640), (1.4, 240), (2.4, 150)), texture_hu=20.0, **bones
    )
    canvas.paint(
        skeleton.sternum(), profile((0, 380), (1.0, 440), (1.9, 200), (4, 130)), texture_hu=20.0, **bones
    )


def paint_retroperitoneum(canvas: Canvas, torso: Torso) -> None:
    """Psoas, crura, adrenals, kidneys, pancreas."""
    canvas.paint(organs.psoas(), flat(60.0), texture_hu=5.0)
    canvas.paint(tube_field(organs.crura(), 1.5), flat(58.0))
    canvas.paint(tube_field(organs.adrenals(), 1.0), flat(82.0))
    for side, name in enumerate(("Right kidney", "Left kidney")):
        body, sinus = organs.kidney(side)
        canvas.paint(body, profile((0, 178), (1.2, 196), (9, 190)), texture_hu=6.0, **place(name))
        canvas.paint(organs.medulla(body, sinus, 79 + side), flat(158.0), edge_mm=3.0, texture_hu=5.0)
        inner = Field(body.lattice, smooth_max(sinus.values, body.values - 0.5, 1.0))
        canvas.paint(inner, profile((0, -20), (2, -85)), edge_mm=1.6)
        canvas.paint(tube_field(organs.renal_pelvis(side), 1.0), flat(12.0))
    canvas.paint(digestive.pancreas(), flat(98.0), texture_hu=12.0)


def paint_bowel(canvas: Canvas, torso: Torso) -> None:
    """Stomach, duodenum, small bowel, colon, mesenteric vessels."""
    canvas.paint(tube_field(digestive.mesenteric_vessels(), 1.2), flat(138.0))
    loops = digestive.small_bowel_field()
    canvas.paint(
        loops, profile((0, 88), (2.2, 100), (3.2, 58), (6, 34)), texture_hu=20.0, **place("Small bowel")
    )
    canvas.paint(digestive.stool_gas(digestive.lumen(loops, 3, 1, 9, 80), 81, 1.7), flat(-300.0), edge_mm=2.0)
    colon = digestive.colon()
    canvas.paint(colon, profile((0, 70), (1.9, 84), (2.6, 30), (5, 26)), texture_hu=22.0, **place("Colon"))
    content = digestive.lumen(colon, 2.4, 0.8, 12.0, 82)
    canvas.paint(digestive.stool_gas(content, 83), flat(-760.0))
    canvas.paint(digestive.gas(content, -58.0, 5.0, 84), flat(-960.0))
    duodenum = digestive.duodenum()
    canvas.paint(
        duodenum, profile((0, 84), (2.4, 92), (3.0, 36), (6, 24)), texture_hu=14.0, **place("Duodenum")
    )
    stomach = digestive.stomach()
    canvas.paint(
        stomach,
        profile((0, 66), (2.6, 78), (3.4, 88), (4.2, 34), (8, 28)),
        texture_hu=6.0,
        **place("Stomach"),
    )
    content = digestive.lumen(stomach, 4.2, 1.4, 13.0, 85)
    canvas.paint(digestive.stool_gas(content, 86, 1.3), flat(-60.0), edge_mm=3.5)
    canvas.paint(digestive.gas(content, -37.0), flat(-970.0))


def paint_upper_organs(canvas: Canvas, torso: Torso) -> None:
    """Spleen, liver, gallbladder, great vessels, liver vessels and lesions."""
    tree = vessels()
    canvas.paint(organs.spleen(), profile((0, 112), (2, 118)), texture_hu=4.0, **place("Spleen"))
    canvas.paint(liver(), profile((0, 100), (3, 106)), texture_hu=4.0, **place("Liver"))
    canvas.paint(
        tube_field(stacked([VENA_CAVA, organs.renal_veins()]), 1.5),
        flat(BLOOD_CAVA),
        texture_hu=6.0,
        **place("Inferior vena cava"),
    )
    aorta = tube_field(stacked([segments(organs.AORTA), organs.aortic_branches()]), 1.2)
    canvas.paint(aorta, profile((0, 140), (1.5, BLOOD_AORTA)), texture_hu=3.0, **place("Aorta"))
    _paint_tree(canvas, tree.hepatic, BLOOD_PORTAL - 6, "Hepatic veins")
    canvas.paint(tube_field(tree.portal_roots, 1.2), flat(BLOOD_PORTAL), **place("Portal vein"))
    _paint_tree(canvas, tree.portal, BLOOD_PORTAL, "Portal vein")
    canvas.paint(tube_field(tree.bile, 0.8), flat(12.0), **place("Bile ducts"))
    _paint_tree(canvas, tree.artery, BLOOD_AORTA, "Hepatic artery")
    gallbladder = tube_field(segments(GALLBLADDER), 1.2)
    canvas.paint(
        gallbladder, profile((0, 60), (1.2, 55), (2.0, 9), (6, 8)), texture_hu=2.0, **place("Gallbladder")
    )
    paint_lesions(canvas)


def _paint_tree(canvas: Canvas, cones: Points, hu: float, name: str) -> None:
    canvas.paint(tube_field(cones, 0.9, 2.0), flat(hu), edge_mm=1.2)
    canvas.paint(tube_field(LiverVessels.outlined(cones), 0.9, 2.0), None, **place(name))


def paint_lesions(canvas: Canvas) -> None:
    """Lesions: HU with an uneven edge, voxels by the closed form."""
    for number, lesion in enumerate(LESIONS):
        center, extent = np.array(lesion.shape.center_mm), lesion.shape.half_extent_mm + 5
        lattice = Lattice.over(tuple(center - extent), tuple(center + extent), 1.25)
        points = np.stack(np.broadcast_arrays(lattice.x, lattice.y, lattice.z), axis=-1).astype(float)
        exact = lesion.shape.implicit(points).astype(np.float32)
        uneven = exact + 0.6 * lattice_waves(lattice, 9.0, 90 + number)
        size = min(lesion.shape.half_axes_mm)
        table = profile(
            (0, lesion.rim_hu),
            (1.8, lesion.rim_hu - 4),
            (0.35 * size, lesion.body_hu),
            (0.8 * size, lesion.core_hu),
        )
        canvas.paint(Field(lattice, uneven), table, texture_hu=6.0, edge_mm=2.2)
        _label_exactly(canvas, lesion.name, number)


def _label_exactly(canvas: Canvas, name: str, number: int) -> None:
    """The voxels whose centre lies in the closed form."""
    shape = LESIONS[number].shape
    origin, spacing = np.array(canvas.grid.origin_lps_mm), np.array(canvas.grid.spacing_mm)
    center, extent = np.array(shape.center_mm), shape.half_extent_mm
    low = np.floor((center - extent - origin) / spacing).astype(int)
    high = np.ceil((center + extent - origin) / spacing).astype(int) + 1
    i, j, k = (np.arange(a, b) for a, b in zip(low, high, strict=True))
    kk, jj, ii = np.meshgrid(k, j, i, indexing="ij")
    points = origin + np.stack([ii, jj, kk], axis=-1) * spacing
    inside = (shape.local(points) ** 2 / np.array(shape.half_axes_mm) ** 2).sum(axis=-1) <= 1
    layer, label = _PLACES[name]
    box = (slice(low[2], high[2]), slice(low[1], high[1]), slice(low[0], high[0]))
    canvas.layers[layer][box][inside] = label
    layer, label = _PLACES["Liver"]
    canvas.layers[layer][box][inside] = label


#: In order, with words for the progress bar.
PAINTERS: tuple[tuple[str, Callable[[Canvas, Torso], None]], ...] = (
    ("Skin, fat and muscles", paint_torso),
    ("Heart and lungs", paint_chest),
    ("Diaphragm", paint_abdominal_fat),
    ("Spine and ribs", paint_skeleton),
    ("Kidneys and pancreas", paint_retroperitoneum),
    ("Stomach and bowel", paint_bowel),
    ("Liver, vessels and lesions", paint_upper_organs),
)
