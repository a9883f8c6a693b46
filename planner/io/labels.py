"""Labelled voxels read from a file, before they become structures of a case."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.model.codes import Code
from planner.model.structures import Color


@dataclass(frozen=True)
class Label:
    """What a file says of one of its labels; empty or None where it says nothing.

    Parameters
    ----------
    value
        Of the voxels that carry it.
    name, color, code, role, origin
        As in `Structure`; ``role`` as text.
    """

    value: int
    name: str
    color: Color | None = None
    code: Code | None = None
    role: str = ""
    origin: str = "imported"


@dataclass(frozen=True, eq=False)
class LabelLayer:
    """Labels ``[k, j, i]`` on the image's lattice, and what they mean.

    Parameters
    ----------
    source
        File it comes from, as shown.
    values
        Unsigned labels, or a mask.
    labels
        What the values mean; voxels of other values are ignored.
    notes
        What was done on the way, in words.
    """

    source: str
    values: npt.NDArray[Any]
    labels: tuple[Label, ...]
    notes: tuple[str, ...] = field(default=())

    def mask(self, label: Label) -> npt.NDArray[np.bool_]:
        """The voxels of one label."""
        return self.values if self.values.dtype == np.bool_ else np.asarray(self.values == label.value)
