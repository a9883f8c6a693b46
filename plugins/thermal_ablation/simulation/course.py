"""What heat and cold do over time, whichever solver found it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.compute.bioheat import HeatResult
from planner.compute.cell_death import CEM43, Arrhenius, DeathModel, Isotherm, ThreeState
from planner.compute.heat_lattice import Single, readonly
from planner.model.assessment import ScalarField
from planner.model.geometry import Grid

#: Pictures kept of a simulation, evenly over its time.
SNAPSHOTS = 24
#: Beyond these a level says no more than dead, or alive.
MOST_LEVEL = 2.0
#: Degrees that count as one level of an isotherm.
LEVEL_K = 5.0

#: Called with the time in s and the temperature in °C ``[k, j, i]``, for a live picture.
SnapshotListener = Callable[[float, Single], None]

DEATH_MODELS: dict[str, DeathModel] = {
    "arrhenius": Arrhenius(),
    "cem43": CEM43(),
    "three_state": ThreeState(),
    "isotherm": Isotherm(60.0),
}


@dataclass(frozen=True, eq=False)
class Course:
    """Temperatures over time and who died when; arrays ``[k, j, i]``, read-only.

    Parameters
    ----------
    grid
        The lattice.
    times_s, temperatures_c
        Of the snapshots; float16, shape (n, nk, nj, ni).
    level
        Above zero where tissue died, continuous: its zero surface is the zone's boundary.
    dead_at_s
        When; infinite where alive.
    hottest_c, coldest_c
        Over all voxels and times.
    notes
        What the run has to say: controls, power, pauses.
    """

    grid: Grid
    times_s: tuple[float, ...]
    temperatures_c: npt.NDArray[np.float16]
    level: Single
    dead_at_s: Single
    hottest_c: float
    coldest_c: float
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for array in (self.temperatures_c, self.level, self.dead_at_s):
            array.setflags(write=False)


class Snapshots:
    """Temperatures kept while a solver runs, and shown to whoever listens."""

    def __init__(self, duration_s: float, listener: SnapshotListener | None) -> None:
        self.times_s = tuple(float(t) for t in np.linspace(0.0, duration_s, SNAPSHOTS + 1)[1:])
        self._listener = listener
        self._kept: list[npt.NDArray[np.float16]] = []

    def take(self, time_s: float, celsius: Single) -> None:
        """Keep one."""
        self._kept.append(celsius.astype(np.float16))
        if self._listener is not None:
            self._listener(time_s, celsius)

    def stacked(self) -> npt.NDArray[np.float16]:
        """All of them, shape (n, nk, nj, ni)."""
        return np.stack(self._kept)


def snapshot_field(time_s: float, grid: Grid, celsius: npt.NDArray[np.floating]) -> ScalarField:
    """A snapshot as a field named after its time, such as ``temperature_0060s``."""
    return ScalarField(f"temperature_{time_s:04.0f}s", grid, celsius, "°C")


def heat_level(result: HeatResult, model: DeathModel) -> Single:
    """How far each voxel is beyond death, zero at death, in the model's own measure, -2 to 2.

    The logarithm of damage that grows exponentially with temperature, which is nearly straight
    across a zone's edge; the share of dead cells; or kelvins beyond an isotherm.
    """
    if isinstance(model, Isotherm) and model.hold_s == 0:
        level = (result.hottest_c - np.float32(model.lethal_c)) / np.float32(LEVEL_K)
    elif isinstance(model, ThreeState | Isotherm):
        dead_at = model.packed[3]
        level = (result.damage - dead_at) / (0.25 * dead_at)
    else:
        level = np.log(np.maximum(result.damage / model.packed[3], np.exp(-MOST_LEVEL)))
    return readonly(np.clip(level, -MOST_LEVEL, MOST_LEVEL).astype(np.float32))


def model_words(model: DeathModel) -> str:
    """A death model in words, with its source."""
    if isinstance(model, Arrhenius):
        words = "Arrhenius damage of 1 (63 % dead)"
    elif isinstance(model, CEM43):
        words = f"{model.dead_at_min:g} equivalent minutes at 43 °C (CEM43)"
    elif isinstance(model, ThreeState):
        words = f"three-state cell death, {100 * model.dead_at:g} % dead"
    else:
        words = f"{model.lethal_c:g} °C reached"
    return f"{words}; {model.source}"


def kept_notes(*groups: Sequence[str]) -> tuple[str, ...]:
    """Notes of several sources, each once."""
    return tuple(dict.fromkeys(n for group in groups for n in group))
