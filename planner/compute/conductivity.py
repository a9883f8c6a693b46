"""The conductivity of tissue, voxel by voxel: given, or rising with the electric field.

Where it rises with the field the two are found in turns; how far to step, the law's steepness says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.compute.heat_lattice import FloatArray, Single, lattice_values, readonly
from planner.compute.threads import kernel
from planner.model.geometry import Grid

Classes = npt.NDArray[np.uint8]

#: Largest share of the difference by which a Picard step changes the conductivity.
DAMPING = 0.5


@dataclass(frozen=True, eq=False)
class FieldRamp:
    """Conductivity that rises linearly with the field between two values, level outside.

    Each parameter is one number, or one for each class of tissue.

    Raises
    ------
    InvalidValue
        If a number is not finite, a conductivity is not positive, or the field does not rise.
    """

    sigma0_s_per_m: npt.ArrayLike
    sigma1_s_per_m: npt.ArrayLike
    e0_v_per_cm: npt.ArrayLike
    e1_v_per_cm: npt.ArrayLike

    def __post_init__(self) -> None:
        _protect(self)
        table = _class_table(self)
        if not np.all((table[:, 2] >= 0) & (table[:, 3] > table[:, 2])):
            raise InvalidValue(
                "The conductivity must rise over a range of the field.",
                f"{table[:, 2:].tolist()} V/cm",
                "Give e0 below e1.",
            )


@dataclass(frozen=True, eq=False)
class FieldSigmoid:
    """Conductivity s0 + (s1 - s0) / (1 + exp(-(E - e_mid) / width)).

    Each parameter is one number, or one for each class of tissue.

    Raises
    ------
    InvalidValue
        If a number is not finite, or a conductivity or the width is not positive.
    """

    sigma0_s_per_m: npt.ArrayLike
    sigma1_s_per_m: npt.ArrayLike
    e_mid_v_per_cm: npt.ArrayLike
    width_v_per_cm: npt.ArrayLike

    def __post_init__(self) -> None:
        _protect(self)
        if not np.all(_class_table(self)[:, 3] > 0):
            raise InvalidValue("A sigmoid needs a positive width.", str(self), "Give it in V/cm.")


FieldLaw = FieldRamp | FieldSigmoid


@dataclass(frozen=True, eq=False)
class Conductor:
    """The conductivity of each voxel.

    Parameters
    ----------
    grid
        The lattice.
    conductivity
        In S/m, one number or ``[k, j, i]``; or how it depends on the field.
    tissue_class
        Which row of the law's parameters counts in a voxel, ``[k, j, i]``; 0 when left out.
    factor
        Multiplies it, one number or ``[k, j, i]``: what temperature does to it.

    Raises
    ------
    InvalidValue
        If a shape differs from the grid's, or a number is not finite or not positive.
    """

    grid: Grid
    conductivity: npt.ArrayLike | FieldLaw
    tissue_class: npt.ArrayLike | None = None
    factor: npt.ArrayLike = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "factor", _positive(self.factor, self.grid, "conductivity factor"))
        classes = np.zeros(1) if self.tissue_class is None else np.asarray(self.tissue_class)
        count = 1
        if isinstance(self.conductivity, FieldRamp | FieldSigmoid):
            count = len(_class_table(self.conductivity))
        else:
            values = _positive(self.conductivity, self.grid, "conductivity")
            object.__setattr__(self, "conductivity", values)
        known = classes.size > 0 and np.all((classes >= 0) & (classes < count) & (classes < 256))
        if classes.shape not in ((1,), self.grid.shape) or not known:
            raise InvalidValue(
                "Each voxel needs a class of tissue that the conductivity law knows.",
                f"classes of shape {classes.shape}, lattice {self.grid.shape}, {count} known",
                "Give an array [k, j, i] of numbers from 0.",
            )
        object.__setattr__(
            self, "tissue_class", readonly(np.broadcast_to(classes, self.grid.shape).astype(np.uint8))
        )

    @property
    def depends_on_field(self) -> bool:
        """Whether the conductivity must be found together with the field."""
        return isinstance(self.conductivity, FieldRamp | FieldSigmoid)

    def conductivity_s_per_m(self, e_v_per_cm: Single | float) -> Single:
        """Conductivity of each voxel at a field."""
        factor = cast(Single, self.factor)
        law = self.conductivity
        if not isinstance(law, FieldRamp | FieldSigmoid):
            return cast(Single, law) * factor
        field = np.ascontiguousarray(np.broadcast_to(np.float32(e_v_per_cm), self.grid.shape))
        out = np.empty(self.grid.shape, dtype=np.float32)
        _evaluate(
            field.reshape(-1), cast(Classes, self.tissue_class).reshape(-1), _class_table(law),
            isinstance(law, FieldRamp), factor.reshape(-1), out.reshape(-1),
        )  # fmt: skip
        return out


def picard_damping(law: FieldLaw) -> float:
    """The share of a Picard step: half, or less for a law so steep that half would not settle.

    Where current must pass, a step of share w multiplies an error by 1 - w (1 + s), with s the
    relative slope d(ln sigma) / d(ln E); where the field is given, by 1 - w.  2 / (2 + s) makes
    both equal in size.
    """
    steepest = 0.0
    for low, high, first, second in _class_table(law):
        field = np.linspace(0, 2 * (first + 5 * second), 4001)
        if isinstance(law, FieldRamp):
            sigma = low + (high - low) * np.clip((field - first) / (second - first), 0, 1)
        else:
            sigma = low + (high - low) / (1 + np.exp(-(field - first) / second))
        steepest = max(steepest, float((np.gradient(sigma, field) * field / sigma).max()))
    return min(DAMPING, 2 / (2 + steepest))


def _protect(law: FieldLaw) -> None:
    """Turn the parameters of a law into arrays of its own that nobody can write to."""
    for name, value in vars(law).items():
        object.__setattr__(law, name, readonly(np.array(value, dtype=np.float64)))


def _class_table(law: FieldLaw) -> FloatArray:
    """The four parameters of each class, shape (classes, 4)."""
    try:
        table = np.stack(np.broadcast_arrays(*map(np.atleast_1d, vars(law).values())), axis=-1)
    except ValueError:
        table = np.zeros((0, 0, 0))
    if table.ndim != 2 or not np.all(np.isfinite(table)) or not np.all(table[:, :2] > 0):
        raise InvalidValue(
            "A conductivity law needs finite numbers and positive conductivities, as many for each.",
            str(law),
            "Give one number, or one for each class of tissue.",
        )
    return cast(FloatArray, table)


def _positive(values: npt.ArrayLike, grid: Grid, name: str) -> Single:
    array = lattice_values(values, grid, name)
    if not array.min() > 0:
        raise InvalidValue(
            "A conductivity must be positive.", f"{name} as low as {array.min():g}", "Give gas 1e-4 S/m."
        )
    return array


@kernel
def _evaluate(
    field: Single, tissue_class: Classes, table: FloatArray, is_ramp: bool, factor: Single, out: Single
) -> None:
    """Conductivity at a field, by class."""
    for x in range(field.size):
        row = tissue_class[x]
        s0, s1, e0, e1 = table[row, 0], table[row, 1], table[row, 2], table[row, 3]
        if is_ramp:
            share = min(max((field[x] - e0) / (e1 - e0), 0.0), 1.0)
        else:
            share = 1.0 / (1.0 + np.exp(-(field[x] - e0) / e1))
        out[x] = factor[x] * (s0 + (s1 - s0) * share)
