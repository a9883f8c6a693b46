"""Activity of an image of nuclear medicine on another lattice: laid there by a registration, none lost or made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.voxel_blocks import VoxelBlocks
from planner.model.case import Case
from planner.model.geometry import Box, FloatArray, Grid
from planner.model.image import Image
from planner.model.registration import Registration

#: Samples stand nearer than this share of the image's voxels, between which values are straight, and than
#: a quarter of the voxels of a SPECT.
SAMPLE_SHARE, SAMPLE_MM = 0.5, 1.1
#: Samples taken at a time.
SLAB = 8_000_000


@dataclass(frozen=True, eq=False)
class Lying:
    """Where an image lies to the structures plans are made on.

    Parameters
    ----------
    registration
        Of the structures' scan and the image, in either direction.
    words
        How that is known.
    is_assumed
        Whether nothing but the numbers in the files says so.
    """

    registration: Registration
    words: str
    is_assumed: bool = False

    @classmethod
    def of(cls, case: Case, image: Image) -> Lying:
        """By its registration with a scan of the structures, by that of a scan of its own frame, or by its frame.

        A SPECT or PET is registered by the CT of the same device, whose frame of reference it shares.

        Raises
        ------
        InvalidValue
            If nobody knows where it lies.
        """
        here = [i for i in case.images if i.id != image.id and case.is_in_frame(i)]
        here.sort(key=lambda i: not _is_on_structures(case, i))
        for other in here:
            found = case.registration(other.id, image.id)
            if found is not None:
                return cls(found, _registered(found))
        uid = image.identity.frame_of_reference_uid
        if uid and uid == case.frame_of_reference_uid:
            return cls(Registration.identity(image), "same frame of reference")
        for scan in case.images if uid else ():
            if scan.id == image.id or scan.identity.frame_of_reference_uid != uid:
                continue
            for other in here:
                found = case.registration(other.id, scan.id)
                if found is not None:
                    words = f"{_registered(found)}, with '{scan.id}' of its frame of reference"
                    return cls(_with_image(found, scan.id, image.id), words)
        if not case.is_in_frame(image):
            raise InvalidValue(
                "The image and the structures have different frames of reference.",
                f"image '{image.id}'",
                "Register it, or the CT made with it, to the planning scan first.",
            )
        return cls(Registration.identity(image), "as it lies: a frame of reference is not named", True)


def amounts_on(image: Image, registration: Registration, onto: Grid, task: Task | None = None) -> FloatArray:
    """What an image of concentrations holds in each voxel of a lattice: its value times ml, [k, j, i].

    Between the image's voxels values are linear.  They are sampled so closely that the sum over a lattice
    which holds all of it is the image's own sum, to a thousandth for what a scanner can resolve; an image
    finer than the lattice is summed over blocks first.  Where a local registration squeezes tissue,
    its activity goes with it.

    Parameters
    ----------
    image
        Of values per ml.
    registration
        Of it and a scan in the lattice's space; of it alone where it lies in that space.

    Raises
    ------
    InvalidValue
        If a value is negative or not finite, or the registration is of other images.
    Cancelled
        If the task is stopped.
    """
    from planner.compute.registration import resampled  # loads the registration's libraries

    task = task or Task()
    source = _no_finer(image, min(onto.spacing_mm))
    least = min(SAMPLE_SHARE * min(source.grid.spacing_mm), SAMPLE_MM)
    parts = [max(1, int(np.ceil(s / least))) for s in onto.spacing_mm[::-1]]
    found = np.empty(onto.shape)
    for slab in _slabs(onto, int(np.prod(parts))):
        task.report(slab.start[0] / onto.shape[0], "Laying the activity over the liver")
        blocks = VoxelBlocks(_parted(onto.cropped(slab), parts), (parts[0], parts[1], parts[2]))
        found[slab.slices] = blocks.means(resampled(source, registration, blocks.fine, 0.0).values)
        if registration.field is not None:
            found[slab.slices] *= _volume_change(image, registration, onto.cropped(slab))
    return found * onto.voxel_volume_ml


def seen_share(
    image: Image, registration: Registration, grid: Grid, inside: FloatArray, least: float = 0.5
) -> float:
    """Which share of a region, given as part of each voxel [k, j, i], lies within an image."""
    k, j, i = np.nonzero(inside >= least)
    if not len(k):
        return 1.0
    points = grid.to_lps(np.stack([i, j, k], axis=1).astype(float))
    return float(image.grid.contains(_in_image(image, registration, points)).mean())


def _is_on_structures(case: Case, image: Image) -> bool:
    return bool(case.structure_sets) and image.grid.same_as(case.structures.grid)


def _registered(registration: Registration) -> str:
    words = f"registered ({registration.method})" if registration.method else "registered"
    if registration.error_mm is None:
        return f"{words}, error unknown"
    return f"{words}, error {registration.error_mm:.1f} mm by {registration.error_basis}"


def _with_image(registration: Registration, old: str, new: str) -> Registration:
    """The same map, for another image of the same frame."""
    if registration.to_image == old:
        return replace(registration, to_image=new)
    return replace(registration, from_image=new)


def _no_finer(image: Image, spacing_mm: float) -> Image:
    """The image as single precision numbers, in blocks where its voxels are less than half as wide."""
    low, total = float(image.values.min()), float(image.values.sum(dtype=float))
    if not (np.isfinite(total) and low >= 0):
        raise InvalidValue(
            "An image of activity holds finite numbers, none below zero.",
            f"image '{image.id}': lowest {low:g}, sum {total:g}",
            "Choose the SPECT or PET, or reconstruct it with values of zero or more.",
        )
    k, j, i = (max(1, int(spacing_mm / s)) for s in image.grid.spacing_mm[::-1])
    if (k, j, i) == (1, 1, 1):
        return replace(image, values=image.values.astype(np.float32))
    # A block of nothing around it: the last blocks are not all within the image.
    blocks = VoxelBlocks(image.grid, (k, j, i), (1, 1, 1))
    return replace(image, grid=blocks.grid, values=blocks.means(image.values).astype(np.float32))


def _parted(grid: Grid, parts: list[int]) -> Grid:
    """The lattice with each voxel parted into equal ones, so many along k, j, i."""
    corner = [0.5 / n - 0.5 for n in parts[::-1]]
    x, y, z = grid.to_lps(np.array(corner))
    i, j, k = (s / n for s, n in zip(grid.spacing_mm, parts[::-1], strict=True))
    shape = tuple(size * n for size, n in zip(grid.shape, parts, strict=True))
    return Grid(shape, (i, j, k), (float(x), float(y), float(z)), grid.direction)  # type: ignore[arg-type]


def _slabs(grid: Grid, parts: int) -> Iterator[Box]:
    depth, rows, columns = grid.shape
    step = max(1, SLAB // (rows * columns * parts))
    for k in range(0, depth, step):
        yield Box((k, 0, 0), (min(k + step, depth), rows, columns))


def _in_image(image: Image, registration: Registration, points_lps_mm: FloatArray) -> FloatArray:
    """Points of the lattice's space in the image's, by the same numbers as `resampled`."""
    if registration.to_image == image.id:
        return registration.map_points(points_lps_mm)
    back = np.linalg.inv(registration.rigid)
    points = np.asarray(points_lps_mm @ back[:3, :3].T + back[:3, 3])
    return points if registration.field is None else points + registration.field.inverse.at(points)


def _volume_change(image: Image, registration: Registration, grid: Grid) -> FloatArray:
    """Volume in the image over volume here of each voxel, by where its corners lie; [k, j, i]."""
    k, j, i = np.indices([n + 1 for n in grid.shape]).reshape(3, -1)
    points = grid.to_lps(np.stack([i, j, k], axis=1) - 0.5)
    corners = _in_image(image, registration, points).reshape(*(n + 1 for n in grid.shape), 3)
    edges = []
    for axis in range(3):
        found = np.diff(corners, axis=axis)
        for across in {0, 1, 2} - {axis}:
            first, last = (np.take(found, np.arange(s, found.shape[across] - 1 + s), across) for s in (0, 1))
            found = 0.5 * (first + last)
        edges.append(found)
    volumes = np.abs((edges[0] * np.cross(edges[1], edges[2])).sum(axis=-1))
    return np.asarray(volumes / np.prod(grid.spacing_mm))
