"""Checks of an installation: each solver against its closed form, codecs, rendering, disk."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from planner.base.task import Task


@dataclass(frozen=True)
class Check:
    """What one check found."""

    name: str
    is_ok: bool
    figure: str


def verify(task: Task | None = None) -> tuple[Check, ...]:
    """Run all checks; one that fails in any way does not keep the others from running."""
    task = task or Task()
    found = []
    for n, (name, check) in enumerate(_CHECKS):
        task.report(n / len(_CHECKS), name)
        try:
            is_ok, figure = check()
        except Exception as error:  # a broken installation may fail in any way, and that is the answer
            is_ok, figure = False, f"{type(error).__name__}: {error}"
        found.append(Check(name, is_ok, figure))
    return tuple(found)


def compile_kernels() -> None:
    """Compile what the first plan needs, into the user's cache: a sample judged once, kept nowhere."""
    from planner.plugin.judging import judge, propose
    from planner.plugin.registry import find_modules
    from planner.sample.case import make_sample_case
    from planner.sample.plan import sample_plan

    case = make_sample_case(Task())
    module, plan = find_modules().module("thermal_ablation"), sample_plan(case)
    judge(module, case, plan)
    propose(module, case, plan, goal={"lesion": "Lesion 1"})


def _margin() -> tuple[bool, str]:
    """Minimal margin of a ball in a ball: R_a - R_t - offset (H14)."""
    from planner.compute.margin import evaluate_margin, prepare_margin
    from planner.compute.spheroid import Spheroid
    from planner.model.geometry import Grid

    grid = Grid((40, 40, 40), (1.0, 1.0, 1.0), (-19.3, -19.6, -19.1))
    k, j, i = np.indices(grid.shape)
    points = grid.to_lps(np.stack([i, j, k], axis=-1))
    mask = np.linalg.norm(points, axis=-1) <= 10.0
    report = evaluate_margin(prepare_margin(grid, mask), [Spheroid.sphere((0.0, 0.0, 4.0), 16.0)])
    off = abs(report.minimal.value_mm - 2.0)
    return off <= 0.4, f"{report.minimal.value_mm:.2f} mm, true 2.00 mm, limit 0.40 mm off"


def _zone_volume() -> tuple[bool, str]:
    """Union of two balls of 15 mm, 20 mm apart: 26179.94 mm3 (H15)."""
    from planner.compute.spheroid import Spheroid
    from planner.compute.zone_union import union_volume_ml

    balls = [Spheroid.sphere((0.0, 0.0, z), 15.0) for z in (-10.0, 10.0)]
    volume = union_volume_ml(balls) * 1000.0
    return abs(volume / 26179.94 - 1) < 0.01, f"{volume:.1f} mm3, true 26179.9 mm3, limit 1 %"


def _geometry() -> tuple[bool, str]:
    """An oblique, mirrored grid there and back."""
    from planner.model.geometry import Grid

    turn, _ = np.linalg.qr(np.array([[1.0, 0.2, -0.3], [0.1, 1.0, 0.4], [0.3, -0.2, 1.0]]))
    grid = Grid((20, 30, 40), (0.7, 0.8, 2.5), (-120.0, 35.0, 900.0), tuple((turn * [1, 1, -1]).ravel()))
    ijk = np.array([[0.0, 0.0, 0.0], [39.0, 29.0, 19.0], [12.5, 3.25, 7.75]])
    off = float(np.abs(grid.to_ijk(grid.to_lps(ijk)) - ijk).max())
    return off < 1e-6, f"{off:.1e} voxels off"


def _codecs() -> tuple[bool, str]:
    """Decoders of compressed DICOM pixels."""
    from pydicom.pixels import get_decoder
    from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

    names = {
        "JPEG": JPEGBaseline8Bit,
        "JPEG-LS": JPEGLSLossless,
        "JPEG 2000": JPEG2000Lossless,
        "RLE": RLELossless,
    }
    missing = [name for name, syntax in names.items() if not get_decoder(syntax).is_available]
    return not missing, "all there" if not missing else f"missing: {', '.join(missing)}"


def _rendering() -> tuple[bool, str]:
    """A picture off screen that is not empty."""
    from planner.model.plan import Applicator
    from planner.scene.instruments import DrawnProbe, DrawnZone
    from planner.scene.space import SpaceScene

    scene = SpaceScene()
    try:
        zone = DrawnZone((0.0, 0.0, 0.0), (0.0, 0.0, 1.0), 20.0, 15.0)
        scene.set_probes((DrawnProbe(Applicator("p1", "any", (0, -60, 0), (0, 5, 0)), zone),), "p1")
        scene.look_from("anterior")
        spread = int(np.ptp(scene.pixels(120, 90)))
    finally:
        scene.close()
    return spread > 60, f"gray values spread over {spread}"


def _modules() -> tuple[bool, str]:
    """All installed modules load."""
    from planner.plugin.registry import find_modules

    registry = find_modules()
    for module in registry.modules.values():
        _ = module.logic
    failed = ", ".join(registry.failures)
    return not failed and bool(registry.modules), failed or ", ".join(registry.modules)


def _disk() -> tuple[bool, str]:
    """A plan kept in a store and read back."""
    from planner.library.store import Store
    from planner.model.plan import Applicator, Plan

    with tempfile.TemporaryDirectory(prefix="liver-planner-") as folder:
        store = Store(Path(folder))
        plan = Plan("A", "case", (Applicator("p1", "any", (0, -60, 0), (0, 5, 0)),))
        version = store.save_plan(plan)
        is_same = store.plan("A", version) == plan
        store.close()
    return is_same, "a plan was kept and read back"


def _threads() -> tuple[bool, str]:
    """The reference count of None does not fall while Qt works (a fault of some PySide6 releases)."""
    import sys

    from PySide6.QtCore import QCoreApplication

    before = sys.getrefcount(None)
    for _ in range(1000):
        QCoreApplication.processEvents()
    lost = before - sys.getrefcount(None)
    return lost < 500, f"{max(lost, 0)} references lost in 1000 calls"


_CHECKS: tuple[tuple[str, Callable[[], tuple[bool, str]]], ...] = (
    ("Geometry of oblique grids", _geometry),
    ("Minimal ablation margin", _margin),
    ("Volume of overlapping zones", _zone_volume),
    ("Decoders of compressed DICOM", _codecs),
    ("3D rendering", _rendering),
    ("Treatment modules", _modules),
    ("Keeping plans on disk", _disk),
    ("Qt", _threads),
)
