"""Hashes of what an answer is true of."""

from __future__ import annotations

import hashlib
import weakref
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from planner.model.case import Case
from planner.model.catheter import CatheterTarget
from planner.model.electrode_array import ElectrodeArray
from planner.model.embolization import Embolization
from planner.model.geometry import Grid
from planner.model.plan import Applicator, Instrument, Plan
from planner.model.resection import Resection, cut_document

_known: dict[int, tuple[weakref.ref[Any], str]] = {}


def plan_hash(plan: Plan) -> str:
    """SHA-256 of what a plan places; its name, author, notes and days do not count."""
    rows = [
        [i.id, i.kind, i.device, *_placed(i), list(i.settings.items()), i.lesion] for i in plan.instruments
    ]
    return hashlib.sha256(msgspec.json.encode(rows)).hexdigest()


def structures_hash(case: Case) -> str:
    """SHA-256 of the structures a plan is judged on: grid, voxels, names and roles."""
    if not case.structure_sets:
        return hashlib.sha256(b"").hexdigest()
    structures = case.structures
    rows = [[s.name, s.role.value, s.layer, s.label] for s in structures.structures]
    layers = [array_hash(layer) for layer in structures.layers]
    return hashlib.sha256(msgspec.json.encode([_grid_row(structures.grid), rows, layers])).hexdigest()


def trees_hash(case: Case) -> str:
    """SHA-256 of the case's trees of vessels: places, radii, names and how branches hang together."""
    rows = [
        [t.id, t.role.value, [[b.number, b.parent, b.name, b.points_lps_mm.tolist(), b.radii_mm.tolist()]
                              for b in t.branches], *(["confirmed"] if t.is_confirmed else [])]
        for t in case.vessel_trees
    ]  # fmt: skip
    return hashlib.sha256(msgspec.json.encode(rows)).hexdigest()


def image_hash(case: Case, id: str = "") -> str:
    """SHA-256 of an image: grid and voxels."""
    image = case.image(id)
    return hashlib.sha256(msgspec.json.encode([_grid_row(image.grid), array_hash(image.values)])).hexdigest()


def array_hash(array: npt.NDArray[Any]) -> str:
    """SHA-256 of a read-only array, remembered as long as the array lives."""
    entry = _known.get(id(array))
    if entry is not None and entry[0]() is array:
        return entry[1]
    digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    for plane in array:
        digest.update(np.ascontiguousarray(plane).data)
    value = digest.hexdigest()
    if not array.flags.writeable:
        _known[id(array)] = (weakref.ref(array), value)
    return value


def _placed(instrument: Instrument) -> tuple[Any, Any]:
    """Where an instrument lies, and what of it has no name among its settings."""
    if isinstance(instrument, ElectrodeArray):
        steps = (instrument.pull_backs, instrument.pull_back_mm)
        return msgspec.to_builtins(instrument.electrodes), (msgspec.to_builtins(instrument.pairs), steps)
    if isinstance(instrument, Applicator):
        return instrument.entry_lps_mm, instrument.tip_lps_mm
    if isinstance(instrument, Resection):
        given = (instrument.caudate, instrument.middle_hepatic_vein)
        # A first stage hashes as plans without stages always did.
        return cut_document(instrument.surface), given if instrument.stage == 1 else (
            *given,
            instrument.stage,
        )
    if isinstance(instrument, CatheterTarget):
        agent = (instrument.agent.type.value, instrument.agent.activity_gbq)
        return (instrument.tree, instrument.position_lps_mm), (agent, instrument.perfused_structure)
    if isinstance(instrument, Embolization):
        return (instrument.tree, instrument.branches), instrument.stage
    return instrument.foci_lps_mm, instrument.window_lps_mm


def _grid_row(grid: Grid) -> list[Any]:
    return [grid.shape, grid.spacing_mm, grid.origin_lps_mm, grid.direction]
