"""Where a point of one scan lies in another: a rigid movement, and a local deformation where one was found."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.model.displacement import DisplacementField
from planner.model.geometry import FloatArray, Grid
from planner.model.image import Image

#: How far the rotation of a rigid movement may be from orthonormal.
RIGID_TOLERANCE = 1e-6
#: An inverse is looked for until the way back misses by less than this.
INVERSE_TOLERANCE_MM = 0.001
INVERSE_STEPS = 100
#: Nine tenths of the lengths of a normal error along three axes lie below this many root mean squares:
#: the square root of a third of the 90 % quantile of chi-squared with three degrees of freedom, 6.2514.
RMS_OF_90 = float(np.sqrt(6.2514 / 3.0))


@dataclass(frozen=True)
class FitError:
    """How far places are mapped from where they belong.

    Parameters
    ----------
    rms_mm
        Root mean square distance, in three dimensions.
    within_90_mm
        Nine in ten places are mapped to within this.
    basis
        What it was measured with, such as ``6 landmarks``.

    Raises
    ------
    InvalidValue
        If a distance is negative or not finite, or nobody says what it was measured with.
    """

    rms_mm: float
    within_90_mm: float
    basis: str

    def __post_init__(self) -> None:
        for value in (self.rms_mm, self.within_90_mm):
            if not (np.isfinite(value) and value >= 0):
                raise InvalidValue("The error of a registration is not negative.", f"{value} mm")
        if not self.basis:
            raise InvalidValue("An error needs what it was measured with.", f"{self.rms_mm} mm")

    @classmethod
    def of_rms(cls, rms_mm: float, basis: str) -> FitError:
        """With the 90 % of an error that is normal along all three axes."""
        return cls(rms_mm, RMS_OF_90 * rms_mm, basis)

    @classmethod
    def of_90(cls, within_90_mm: float, basis: str) -> FitError:
        """With the root mean square of an error that is normal along all three axes."""
        return cls(within_90_mm / RMS_OF_90, within_90_mm, basis)


@dataclass(frozen=True, eq=False)
class Registration:
    """The map from one scan's points to another scan's: p -> R (p + u(p)).

    Parameters
    ----------
    from_image, to_image
        Ids of the two images; `map_points` goes from the first to the second.
    rigid
        R as a 4 x 4 matrix in LPS mm: a rotation and a shift, nothing else.
    field
        u, the local deformation in the first scan's space; None for a rigid registration.
    from_frame_uid, to_frame_uid
        DICOM frames of reference; empty where unknown.
    method
        How it was found, in words.
    error_mm
        Root mean square distance between where points are mapped and where they belong (three
        dimensions); None where unknown.
    error_basis
        What the error was measured with, such as ``6 landmarks``; empty where it is unknown.
    notes
        What a person should know of it, oldest first.
    estimate
        What the scans themselves say of the error; kept where landmarks judge it, None where they say
        nothing.

    Raises
    ------
    InvalidValue
        If the matrix is not rigid, an image has no id, or the error is negative.
    """

    from_image: str
    to_image: str
    rigid: FloatArray
    field: DisplacementField | None = None
    from_frame_uid: str = ""
    to_frame_uid: str = ""
    method: str = ""
    error_mm: float | None = None
    error_basis: str = ""
    notes: tuple[str, ...] = ()
    estimate: FitError | None = None

    def __post_init__(self) -> None:
        if not self.from_image or not self.to_image:
            raise InvalidValue("A registration needs the ids of two images.", self.method)
        object.__setattr__(self, "rigid", _rigid_matrix(self.rigid, self.words))
        if self.error_mm is not None and not (np.isfinite(self.error_mm) and self.error_mm >= 0):
            raise InvalidValue("The error of a registration is not negative.", f"{self.error_mm} mm")
        object.__setattr__(self, "notes", tuple(self.notes))

    @classmethod
    def identity(cls, image: Image, other: Image | None = None) -> Registration:
        """The same place in both: of a scan to itself (error 0), or of two scans taken as they lie."""
        other = other or image
        same = other.id == image.id
        return cls(
            image.id,
            other.id,
            np.eye(4),
            None,
            image.identity.frame_of_reference_uid,
            other.identity.frame_of_reference_uid,
            "the same scan" if same else "as the scanner placed them",
            0.0 if same else None,
            "the same scan" if same else "",
        )

    @property
    def words(self) -> str:
        """From which image to which."""
        return f"'{self.from_image}' to '{self.to_image}'"

    @cached_property
    def fingerprint(self) -> str:
        """Eight letters that are the same for two registrations that map every point alike."""
        digest = hashlib.sha256(f"{self.from_image} {self.to_image}".encode())
        digest.update(np.round(self.rigid, 6).tobytes())
        if self.field is not None:
            grid = self.field.grid
            digest.update(f"{grid.shape} {grid.spacing_mm} {grid.origin_lps_mm} {grid.direction}".encode())
            digest.update(np.ascontiguousarray(self.field.vectors_mm).data)
        return digest.hexdigest()[:8]

    @property
    def within_90_mm(self) -> float | None:
        """Nine in ten places are mapped to within this; None where the error is unknown."""
        if self.error_mm is None:
            return None
        found = self.estimate
        if found is not None and (found.rms_mm, found.basis) == (self.error_mm, self.error_basis):
            return found.within_90_mm
        return RMS_OF_90 * self.error_mm

    def map_points(self, points_lps_mm: npt.ArrayLike) -> FloatArray:
        """Points (n, 3) of the first scan in the second."""
        points = _points(points_lps_mm)
        if self.field is not None:
            points = points + self.field.at(points)
        return _moved(self.rigid, points)

    def inverse_points(self, points_lps_mm: npt.ArrayLike) -> FloatArray:
        """Points (n, 3) of the second scan in the first; the way there misses by under 0.001 mm.

        Raises
        ------
        InvalidValue
            If the deformation is too steep to be turned round.
        """
        target = _moved(np.asarray(np.linalg.inv(self.rigid), dtype=float), _points(points_lps_mm))
        if self.field is None:
            return target
        return target + self.field.inverse_at(target, INVERSE_TOLERANCE_MM, INVERSE_STEPS)

    def with_correction(self, rigid: npt.ArrayLike, note: str = "corrected by hand") -> Registration:
        """A copy moved further by a rigid 4 x 4 matrix in the second scan's space; its error is unknown."""
        matrix = _rigid_matrix(rigid, self.words)
        moved = np.asarray(matrix @ self.rigid)
        return replace(
            self, rigid=moved, error_mm=None, error_basis="", estimate=None, notes=(*self.notes, note)
        )

    def estimated(self, estimate: FitError | None) -> Registration:
        """A copy whose error is what the scans themselves say; unknown where they say nothing."""
        return replace(
            self,
            error_mm=None if estimate is None else estimate.rms_mm,
            error_basis="" if estimate is None else estimate.basis,
            estimate=estimate,
        )

    @property
    def unjudged(self) -> Registration:
        """As it was before landmarks judged it."""
        return self.estimated(self.estimate)

    def landmark_errors_mm(self, from_lps_mm: npt.ArrayLike, to_lps_mm: npt.ArrayLike) -> FloatArray:
        """How far each landmark of the first scan is mapped from its partner in the second, shape (n,).

        Raises
        ------
        InvalidValue
            If the two lists differ in length or are empty.
        """
        start, stop = _points(from_lps_mm), _points(to_lps_mm)
        if len(start) != len(stop) or len(start) == 0:
            raise InvalidValue(
                "Landmarks come in pairs.",
                f"{len(start)} in '{self.from_image}', {len(stop)} in '{self.to_image}'",
                "Mark the same places in both scans.",
            )
        return np.asarray(np.linalg.norm(self.map_points(start) - stop, axis=1))

    def judged_by(self, from_lps_mm: npt.ArrayLike, to_lps_mm: npt.ArrayLike) -> Registration:
        """A copy whose error is that of pairs of landmarks (which should not have made it)."""
        errors = self.landmark_errors_mm(from_lps_mm, to_lps_mm)
        rms = float(np.sqrt(np.mean(errors**2)))
        return replace(self, error_mm=rms, error_basis=f"{len(errors)} landmark{'s' * (len(errors) != 1)}")

    def document(self) -> dict[str, Any]:
        """All of it but the deformation's numbers, fit for JSON; these are in `components`."""
        grid = None
        if self.field is not None:
            lattice = self.field.grid
            grid = {
                "shape": list(lattice.shape),
                "spacing_mm": list(lattice.spacing_mm),
                "origin_lps_mm": list(lattice.origin_lps_mm),
                "direction": list(lattice.direction),
            }
        return {
            "from_image": self.from_image,
            "to_image": self.to_image,
            "from_frame_uid": self.from_frame_uid,
            "to_frame_uid": self.to_frame_uid,
            "rigid": [[float(x) for x in row] for row in self.rigid],
            "field_grid": grid,
            "method": self.method,
            "error_mm": self.error_mm,
            "error_basis": self.error_basis,
            "notes": list(self.notes),
            "estimate": None if self.estimate is None else asdict(self.estimate),
        }

    @property
    def components(self) -> tuple[npt.NDArray[np.float32], ...]:
        """The deformation along x, y and z, each a volume [k, j, i] on its grid; none where rigid."""
        if self.field is None:
            return ()
        return tuple(np.ascontiguousarray(self.field.vectors_mm[..., axis]) for axis in range(3))

    @classmethod
    def of_document(
        cls, document: Mapping[str, Any], components: Sequence[npt.NDArray[Any]] = ()
    ) -> Registration:
        """What `document` and `components` were made of.

        Raises
        ------
        InvalidValue
            If a field is missing or wrong, naming it.
        """
        try:
            known = dict(document)
            grid = known.pop("field_grid")
            known["rigid"] = np.array(known["rigid"], dtype=float)
            known["notes"] = tuple(known["notes"])
            known["estimate"] = _estimate_of(known)
            found = None
            if grid is not None:
                lattice = Grid(
                    tuple(grid["shape"]),
                    tuple(grid["spacing_mm"]),
                    tuple(grid["origin_lps_mm"]),
                    tuple(grid["direction"]),
                )
                found = DisplacementField(lattice, np.stack(list(components), axis=-1))
            return cls(field=found, **known)
        except (KeyError, TypeError) as error:
            raise InvalidValue("A field of the registration is missing or unknown.", str(error)) from None
        except InvalidValue:
            raise
        except ValueError as error:
            raise InvalidValue("A field of the registration is wrong.", str(error)) from None


def _estimate_of(document: Mapping[str, Any]) -> FitError | None:
    """A document's estimate; before there was one, an error that no landmark measured was its own."""
    if "estimate" in document:
        found = document["estimate"]
        return None if found is None else FitError(**found)
    error_mm, basis = document["error_mm"], document["error_basis"]
    return FitError.of_rms(error_mm, basis) if error_mm is not None and "landmark" not in basis else None


def _rigid_matrix(values: npt.ArrayLike, thing: str) -> FloatArray:
    matrix = np.array(values, dtype=float)
    if matrix.shape != (4, 4) or not np.all(np.isfinite(matrix)):
        raise InvalidValue("A rigid movement needs a finite 4 x 4 matrix.", thing)
    turn = matrix[:3, :3]
    is_turn = np.abs(turn.T @ turn - np.eye(3)).max() <= RIGID_TOLERANCE and np.linalg.det(turn) > 0
    if not is_turn or np.abs(matrix[3] - [0, 0, 0, 1]).max() > RIGID_TOLERANCE:
        raise InvalidValue(
            "A rigid movement neither stretches, shears nor mirrors.", thing, "Give a rotation and a shift."
        )
    matrix.setflags(write=False)
    return matrix


def _points(points_lps_mm: npt.ArrayLike) -> FloatArray:
    points = np.asarray(points_lps_mm, dtype=float)
    if points.ndim != 2 or points.shape[1] != 3 or not np.all(np.isfinite(points)):
        raise InvalidValue("Points need the shape (n, 3) and finite numbers.", f"shape {points.shape}")
    return points


def _moved(matrix: FloatArray, points: FloatArray) -> FloatArray:
    return np.asarray(points @ matrix[:3, :3].T + matrix[:3, 3])
