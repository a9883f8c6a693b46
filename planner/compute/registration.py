"""What a registration is used for: one scan or mask shown on another's lattice, and pairs of landmarks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.compute.rigid_registration import sitk_volume
from planner.model.displacement import DisplacementField
from planner.model.geometry import FloatArray, Grid
from planner.model.image import Image
from planner.model.registration import Registration

if TYPE_CHECKING:
    import SimpleITK as sitk

#: What stands where the other scan has nothing: air in CT, else 0.
OUTSIDE_HU = -1000.0
#: Landmarks on one line leave a turn about it open: the second largest extent must reach this.
LEAST_EXTENT_MM = 5.0


def resampled(
    image: Image, registration: Registration, onto_grid: Grid, outside: float | None = None
) -> Image:
    """One of the two registered scans on a lattice in the other's space, for overlays.

    Values are linear in between and of the scan's own type.

    Parameters
    ----------
    image
        The registration's second scan, or its first.
    onto_grid
        A lattice in the space of the other scan.
    outside
        Value where the scan has nothing; air for CT and 0 for others where not given.

    Raises
    ------
    InvalidValue
        If the image is neither of the two scans.
    """
    forward = _is_second(registration, image.id)
    if outside is None:
        outside = OUTSIDE_HU if image.modality == "CT" else 0.0
    values = _on_grid(image.values, image.grid, registration, onto_grid, forward, outside)
    other = registration.from_image if forward else registration.to_image
    uid = registration.from_frame_uid if forward else registration.to_frame_uid
    return Image(
        f"{image.id}-on-{other}",
        f"{image.title} on {other}",
        onto_grid,
        values,
        image.modality,
        image.unit,
        replace(image.identity, frame_of_reference_uid=uid, instance_uids=(), source_sha256=""),
        image.acquired,
    )


def resampled_mask(
    mask: npt.NDArray[np.bool_], grid: Grid, of_image: str, registration: Registration, onto_grid: Grid
) -> npt.NDArray[np.bool_]:
    """A mask [k, j, i] drawn on one of the two scans, on a lattice in the other's space.

    Raises
    ------
    InvalidValue
        If `of_image` is neither of the two scans, or the mask does not have its grid's shape.
    """
    if mask.shape != grid.shape:
        raise InvalidValue("A mask needs the shape of its grid.", f"mask {mask.shape}, grid {grid.shape}")
    forward = _is_second(registration, of_image)
    share = _on_grid(mask.astype(np.float32), grid, registration, onto_grid, forward, 0.0)
    return np.asarray(share >= 0.5, dtype=bool)


def rigid_of_landmarks(from_lps_mm: npt.ArrayLike, to_lps_mm: npt.ArrayLike) -> FloatArray:
    """The turn and shift (4 x 4) that brings landmarks (n, 3) nearest to their partners.

    Least squares by singular values (Arun, Huang and Blostein, IEEE Trans Pattern Anal 1987;9:698).

    Raises
    ------
    InvalidValue
        If there are fewer than three pairs, or they lie on one line.
    """
    start, stop = (np.asarray(p, dtype=float).reshape(-1, 3) for p in (from_lps_mm, to_lps_mm))
    if len(start) != len(stop) or len(start) < 3:
        raise InvalidValue(
            "A turn and a shift need three or more pairs of landmarks.",
            f"{len(start)} and {len(stop)}",
            "Mark the same places in both scans.",
        )
    one, two = start - start.mean(axis=0), stop - stop.mean(axis=0)
    for points in (one, two):
        extents = np.linalg.svd(points, compute_uv=False) / np.sqrt(len(points))
        if extents[1] < LEAST_EXTENT_MM:
            raise InvalidValue(
                "The landmarks lie nearly on one line.", f"{len(start)} pairs", "Mark one beside it."
            )
    left, _, right = np.linalg.svd(two.T @ one)
    mirror = np.diag([1.0, 1.0, float(np.sign(np.linalg.det(left @ right)))])
    matrix = np.eye(4)
    matrix[:3, :3] = left @ mirror @ right
    matrix[:3, 3] = stop.mean(axis=0) - matrix[:3, :3] @ start.mean(axis=0)
    return matrix


def _is_second(registration: Registration, image: str) -> bool:
    if image not in (registration.from_image, registration.to_image):
        raise InvalidValue(
            "The registration is of other scans.", f"{registration.words}; asked for '{image}'"
        )
    return image == registration.to_image


def _on_grid(
    values: npt.NDArray[Any],
    grid: Grid,
    registration: Registration,
    onto_grid: Grid,
    forward: bool,
    outside: float,
) -> npt.NDArray[Any]:
    import SimpleITK as sitk

    frame = sitk.Image(1, 1, 1, sitk.sitkUInt8)
    frame.SetSpacing(onto_grid.spacing_mm)
    frame.SetOrigin(onto_grid.origin_lps_mm)
    frame.SetDirection(onto_grid.direction)
    resample = sitk.ResampleImageFilter()
    resample.SetReferenceImage(frame)
    resample.SetSize(onto_grid.shape[::-1])
    resample.SetInterpolator(sitk.sitkLinear)
    resample.SetDefaultPixelValue(outside)
    resample.SetTransform(_transform(registration, forward))
    return np.asarray(sitk.GetArrayFromImage(resample.Execute(sitk_volume(values, grid))))


def _transform(registration: Registration, forward: bool) -> sitk.Transform:
    """From the wanted lattice's space to the scan's; SimpleITK applies the last of a list first."""
    import SimpleITK as sitk

    matrix = registration.rigid if forward else np.linalg.inv(registration.rigid)
    rigid = sitk.AffineTransform(3)
    rigid.SetMatrix([float(x) for x in matrix[:3, :3].ravel()])
    rigid.SetTranslation([float(x) for x in matrix[:3, 3]])
    if registration.field is None:
        return rigid
    if forward:
        return sitk.CompositeTransform([rigid, _field_transform(registration.field)])
    return sitk.CompositeTransform([_field_transform(registration.field.inverse), rigid])


def _field_transform(field: DisplacementField) -> sitk.Transform:
    import SimpleITK as sitk

    volume = sitk.GetImageFromArray(field.vectors_mm.astype(np.float64), isVector=True)
    volume.SetSpacing(field.grid.spacing_mm)
    volume.SetOrigin(field.grid.origin_lps_mm)
    volume.SetDirection(field.grid.direction)
    return sitk.DisplacementFieldTransform(volume)
