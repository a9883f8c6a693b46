"""What liver loses inflow, outflow or both when branches are cut."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.model.geometry import Grid
from planner.planning.liver_ground import LiverGround
from planner.planning.territories import Territories

BoolArray = npt.NDArray[np.bool_]


class Loss(IntEnum):
    """What a voxel of the liver lost; each voxel has one."""

    NEITHER = 1
    DEVASCULARISED = 2
    CONGESTED = 3
    BOTH = 4


@dataclass(frozen=True, eq=False)
class CutEffect:
    """The liver after a cut through branches.

    Parameters
    ----------
    ground
        The liver's voxels.
    losses
        A `Loss` of each voxel, uint8 ``[k, j, i]`` over the liver's box; 0 outside the liver.
    notes
        What is not known, in words.
    """

    ground: LiverGround
    losses: npt.NDArray[np.uint8] = field(repr=False)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.losses.setflags(write=False)

    @property
    def grid(self) -> Grid:
        """Lattice of the liver's box."""
        return self.ground.grid

    @cached_property
    def _counts(self) -> npt.NDArray[np.int64]:
        return np.bincount(self.losses.ravel(), minlength=max(Loss) + 1)

    def voxel_count(self, loss: Loss) -> int:
        """Voxels with a loss; over all four they sum to the liver's."""
        return int(self._counts[loss])

    def volume_ml(self, loss: Loss) -> float:
        """Volume with a loss."""
        return self.voxel_count(loss) * self.grid.voxel_volume_ml

    def mask(self, *losses: Loss) -> BoolArray:
        """Voxels ``[k, j, i]`` of the liver's box with any of these losses."""
        return np.isin(self.losses, [int(loss) for loss in losses])

    @property
    def without_inflow_ml(self) -> float:
        """Volume that lost inflow, whatever its outflow."""
        return self.volume_ml(Loss.DEVASCULARISED) + self.volume_ml(Loss.BOTH)

    @property
    def without_outflow_ml(self) -> float:
        """Volume that lost outflow, whatever its inflow."""
        return self.volume_ml(Loss.CONGESTED) + self.volume_ml(Loss.BOTH)


def cut_effect(
    inflow: Territories | None,
    outflow: Territories | None,
    cut_portal: Iterable[int] = (),
    cut_hepatic: Iterable[int] = (),
) -> CutEffect:
    """What is lost where branches are cut; a cut at a branch takes all beyond it.

    Parameters
    ----------
    inflow, outflow
        Territories in one liver; None where such vessels are not known.
    cut_portal, cut_hepatic
        Numbers of the branches cut, of the inflow's and the outflow's tree.

    Raises
    ------
    InvalidValue
        If both are missing, they are of two livers, or a branch is not there.
    """
    known = [t for t in (inflow, outflow) if t is not None]
    if not known:
        raise InvalidValue("A cut has no effect without vessels.", "no territories", "Find vessels first.")
    if len(known) == 2 and not known[0].ground.fits(known[1].ground):
        raise InvalidValue(
            "Inflow and outflow are of two different livers.",
            f"'{known[0].tree.id}' and '{known[1].tree.id}'",
            "Find both territories again in the present liver.",
        )
    ground = known[0].ground
    dead = _lost(inflow, cut_portal, "inflow", ground)
    full = _lost(outflow, cut_hepatic, "outflow", ground)
    losses = np.where(ground.mask, np.uint8(1) + dead + np.uint8(2) * full, 0).astype(np.uint8)
    words = (("inflow", inflow), ("outflow", outflow))
    notes = tuple(f"No vessels of {word} are known: what loses it is not." for word, t in words if t is None)
    return CutEffect(ground, losses, notes)


def _lost(
    territories: Territories | None, cut: Iterable[int], word: str, ground: LiverGround
) -> npt.NDArray[np.uint8]:
    branches = sorted(set(cut))
    if territories is not None:
        return territories.mask(branches).astype(np.uint8)
    if branches:
        raise InvalidValue(
            "A branch is cut of vessels that are not known.",
            f"{word}: branches {branches}",
            "Find these vessels first.",
        )
    return np.zeros(ground.grid.shape, dtype=np.uint8)
