"""The file of a vessel tree: centrelines with radii and names, as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from planner.base.errors import InputRefused, InvalidValue
from planner.model.roles import Role
from planner.model.vessel_tree import Branch, VesselTree

SCHEMA = "liver-planner/vessel-tree"
VERSION = 1


class _BranchRecord(msgspec.Struct, forbid_unknown_fields=True):
    number: int
    parent: int | None
    #: By point: LPS mm, then the radius in mm.
    points: list[tuple[float, float, float, float]]
    name: str = ""
    is_name_confirmed: bool = False


class _TreeRecord(msgspec.Struct, forbid_unknown_fields=True):
    schema: str
    version: int
    id: str
    role: str
    branches: list[_BranchRecord]
    structure: str = ""
    frame_of_reference_uid: str = ""
    notes: list[str] = []
    #: Written where it is so: versions that do not know it read all other trees.
    is_confirmed: bool = False


def tree_bytes(tree: VesselTree) -> bytes:
    """A tree as the text of its file; the same tree gives the same bytes, and they give the same numbers."""
    branches = [
        _BranchRecord(
            b.number,
            b.parent,
            [(x, y, z, r) for x, y, z, r in np.column_stack([b.points_lps_mm, b.radii_mm]).tolist()],
            b.name,
            b.is_name_confirmed,
        )
        for b in tree.branches
    ]
    record = _TreeRecord(
        SCHEMA,
        VERSION,
        tree.id,
        tree.role.value,
        branches,
        tree.structure,
        tree.frame_of_reference_uid,
        list(tree.notes),
        tree.is_confirmed,
    )
    document = msgspec.to_builtins(record)
    if not tree.is_confirmed:
        del document["is_confirmed"]
    return msgspec.json.encode(document)


def tree_of_bytes(data: bytes, where: str) -> VesselTree:
    """The tree of a file's text.

    Parameters
    ----------
    where
        The file, for errors.

    Raises
    ------
    InputRefused
        If it is no tree, a field is wrong, or a later version wrote it.
    """
    try:
        document: Any = msgspec.json.decode(data)
    except msgspec.MsgspecError as error:
        raise InputRefused(
            "The file of vessels is damaged.", f"{where}: {error}", "Restore it from a backup."
        ) from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise InputRefused("This file is no tree of vessels.", where, f'It says "schema": "{SCHEMA}".')
    version = document.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise InputRefused(
            "The vessels were written by a later version of Liver Planner.", where, "Update Liver Planner."
        )
    try:
        return _tree_of(msgspec.convert(document, _TreeRecord))
    except msgspec.ValidationError as error:
        raise InputRefused(
            "A field of the file of vessels is wrong.", f"{where}: {error}", "Correct it."
        ) from None
    except (InvalidValue, ValueError) as error:
        thing = f"{error.what} {error.thing}" if isinstance(error, InvalidValue) else str(error)
        raise InputRefused(
            "The vessels of a file are no tree.", f"{where}: {thing}", "Correct it, or find the vessels anew."
        ) from None


def read_tree(path: Path) -> VesselTree:
    """The tree of a file; raises `InputRefused` as `tree_of_bytes` does, or where it cannot be read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputRefused("The file of vessels cannot be read.", f"{path}: {error.strerror}", "") from None
    return tree_of_bytes(data, str(path))


def _tree_of(record: _TreeRecord) -> VesselTree:
    branches = []
    for b in record.branches:
        values = np.array(b.points, dtype=float).reshape(-1, 4)
        branches.append(Branch(b.number, b.parent, values[:, :3], values[:, 3], b.name, b.is_name_confirmed))
    return VesselTree(
        record.id,
        Role(record.role),
        tuple(branches),
        record.structure,
        record.frame_of_reference_uid,
        tuple(record.notes),
        record.is_confirmed,
    )
