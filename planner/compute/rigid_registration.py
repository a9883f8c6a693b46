"""Rigid registration of two scans of one patient: how one must be turned and shifted to fit the other.

First by mutual information (Mattes et al., IEEE Trans Med Imaging 2003;22:120; SimpleITK), which
also fits CT to MR; then, for two scans of one kind, by least squares of their texture, to a small part
of a voxel.  One thread and a fixed pattern of samples: the same scans give the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from planner.base.errors import Cancelled, InvalidValue
from planner.base.task import Task
from planner.compute.block_matching import estimated_error
from planner.compute.tissue_texture import TissueTexture, binned, gray_window
from planner.model.geometry import Box, FloatArray, Grid
from planner.model.image import Image
from planner.model.registration import Registration

if TYPE_CHECKING:
    import SimpleITK as sitk

BoolArray = npt.NDArray[np.bool_]

#: Voxels for the mutual information: coarse and fine.
COARSE_MM, FINE_MM = 6.0, 3.0
#: Share of these voxels that are sampled: about 2 % of a CT's own.
SAMPLED = (0.30, 0.10)
BINS, SEED = 32, 20
#: A turn by one radian moves tissue by about this.
LEVER_MM = 80.0
#: A region is looked at with so much around it, and its partner with so much more.
AROUND_MM, SEARCHED_MM = 15.0, 40.0
#: Where scanners' coordinates say nothing, scans are laid body on body, shifted along the patient by these.
START_SHIFTS_MM = (-90.0, -60.0, -30.0, 0.0, 30.0, 60.0, 90.0)
#: At least this share of the region must lie within the other scan.
LEAST_OVERLAP = 0.25
#: The texture is compared first smoothed by these.
SMOOTHED_MM = (4.0, 0.0)
TEXTURE_STEP_MM, MOST_POINTS, TEXTURE_STEPS = 2.0, 60_000, 15
#: Beyond so many robust standard deviations a difference counts less (Huber's weights).
HUBER = 1.345


def register_rigid(
    fixed: Image,
    moving: Image,
    region_lps_mm: npt.ArrayLike | None = None,
    *,
    within: BoolArray | None = None,
    task: Task | None = None,
) -> Registration:
    """Where the points of one scan lie in another, by turning and shifting alone.

    Parameters
    ----------
    fixed, moving
        The registration maps points of the first to the second.  Each on its own grid, oblique or
        not.  CT and MR may be mixed; such a registration has no estimated error.
    region_lps_mm
        Points (n, 3) of the first scan, such as a box's corners, around what must fit; all by default.
    within
        Mask [k, j, i] on the first scan's grid, such as the liver: it and 15 mm around it must fit.

    Raises
    ------
    InvalidValue
        If a scan is too thin or empty, the region lies outside, or the scans do not overlap.
    """
    task = task or Task()
    task.report(0.0, "Preparing the scans")
    for image in (fixed, moving):
        _check_size(image)
    region = _region(fixed, region_lps_mm, within)
    wide = region.grown(_voxels(fixed.grid, AROUND_MM), fixed.grid.shape)
    notes: list[str] = []
    pair = _Pair.of(fixed, moving, wide)
    task.report(0.15, "Laying the scans over each other")
    start = _start(fixed, moving, pair, notes)
    rigid = _by_mutual_information(pair, start, task.part(0.2, 0.65))
    _check_overlap(fixed.grid.cropped(region), moving, rigid)
    if fixed.modality != moving.modality:
        notes.append(f"{fixed.modality} and {moving.modality}: fitted by mutual information alone")
        return _registration(fixed, moving, rigid, "rigid, mutual information", None, notes)
    task.report(0.65, "Comparing the tissue")
    texture = TissueTexture.of(fixed, wide, TEXTURE_STEP_MM)
    other = TissueTexture.of(moving, _partner(moving, fixed.grid.cropped(wide), rigid), TEXTURE_STEP_MM)
    points = region_points(texture.grid, fixed.grid, region, within, MOST_POINTS)
    for n, sigma_mm in enumerate(SMOOTHED_MM):
        task.report(0.75 + 0.1 * n, "Fitting tissue to tissue")
        one, two = (t.smoothed(sigma_mm) if sigma_mm else t for t in (texture, other))
        rigid = _by_texture(one, two, points, rigid)
    task.report(0.95, "How well the scans fit")
    found = _registration(fixed, moving, rigid, "rigid, mutual information and texture", None, notes)
    return estimated_error(found, texture, other, points)


def region_points(lattice: Grid, grid: Grid, region: Box, within: BoolArray | None, most: int) -> FloatArray:
    """At most about `most` points (n, 3) of a lattice, evenly spread, in a region or near a mask of a grid."""
    import scipy.ndimage as ndi

    k, j, i = np.indices(lattice.shape)
    points = lattice.to_lps(np.stack([i, j, k], axis=-1).reshape(-1, 3))
    ijk = np.rint(grid.to_ijk(points)).astype(np.int64)
    low, high = np.array(region.start[::-1]), np.array(region.stop[::-1])
    kept = np.all((ijk >= low) & (ijk < high), axis=1)
    if within is not None:
        inside = np.zeros(len(points), dtype=bool)
        at = np.clip(ijk, 0, np.array(grid.shape[::-1]) - 1)
        inside = within[at[:, 2], at[:, 1], at[:, 0]].reshape(lattice.shape)
        steps = max(1, round(AROUND_MM / 2 / lattice.spacing_mm[0]))
        near = ndi.binary_dilation(inside, ndi.generate_binary_structure(3, 1), iterations=steps)
        kept = near.ravel()
    chosen = np.flatnonzero(kept)
    # A stride that shares no factor with a row's length would be a lattice again; a fixed shuffle is none.
    if len(chosen) > most:
        chosen = np.sort(np.random.default_rng(SEED).permutation(chosen)[:most])
    return np.ascontiguousarray(points[chosen])


@dataclass(frozen=True)
class _Pair:
    """Both scans, cut to tissue and coarse, as SimpleITK takes them; the fixed one within the region."""

    fixed: sitk.Image
    moving: sitk.Image
    center_lps_mm: FloatArray

    @classmethod
    def of(cls, fixed: Image, moving: Image, region: Box) -> _Pair:
        return cls(
            _coarse(fixed, region), _coarse(moving, moving.grid.box), fixed.grid.cropped(region).center_lps_mm
        )


def _coarse(image: Image, box: Box) -> sitk.Image:
    low, high = gray_window(image)
    values = np.clip(image.values[box.slices], low, high).astype(np.float32)
    values, grid = binned(values, image.grid.cropped(box), FINE_MM)
    return sitk_volume(values, grid)


def sitk_volume(values: npt.NDArray[Any], grid: Grid) -> sitk.Image:
    """An array [k, j, i] on its grid as SimpleITK takes it."""
    import SimpleITK as sitk

    volume = sitk.GetImageFromArray(np.ascontiguousarray(values))
    volume.SetSpacing(grid.spacing_mm)
    volume.SetOrigin(grid.origin_lps_mm)
    volume.SetDirection(grid.direction)
    return volume


def _check_size(image: Image) -> None:
    if min(image.grid.shape) < 4:
        raise InvalidValue(
            "The scan is too thin to be fitted to another.",
            f"'{image.title}': {image.grid.shape[0]} slices",
            "Choose a series with more slices.",
        )


def _region(fixed: Image, region_lps_mm: npt.ArrayLike | None, within: BoolArray | None) -> Box:
    from planner.model.structures import bounding_box

    if within is not None:
        if within.shape != fixed.grid.shape:
            raise InvalidValue(
                "A mask needs the shape of its scan.", f"mask {within.shape}, scan {fixed.grid.shape}"
            )
        region = bounding_box(within)
    elif region_lps_mm is not None:
        region = box_of_points(fixed.grid, region_lps_mm, 0.0)
    else:
        region = fixed.grid.box
    if min(region.shape) < 2:
        raise InvalidValue(
            "There is nothing to fit in this region.", f"'{fixed.title}'", "Choose a region within the scan."
        )
    return region


def box_of_points(grid: Grid, points_lps_mm: npt.ArrayLike, around_mm: float) -> Box:
    """The voxels around points (n, 3), in the grid's own axes; empty where they lie outside."""
    ijk = grid.to_ijk(np.asarray(points_lps_mm, dtype=float).reshape(-1, 3))
    around = around_mm / np.array(grid.spacing_mm)
    low = np.floor(ijk.min(axis=0) - around).astype(int)[::-1]
    high = np.ceil(ijk.max(axis=0) + around).astype(int)[::-1] + 1
    k0, j0, i0 = (int(n) for n in np.clip(low, 0, grid.shape))
    k1, j1, i1 = (int(n) for n in np.clip(high, 0, grid.shape))
    return Box((k0, j0, i0), (k1, j1, i1))


def _voxels(grid: Grid, distance_mm: float) -> tuple[int, int, int]:
    i, j, k = (int(np.ceil(distance_mm / s)) for s in grid.spacing_mm)
    return k, j, i


def _partner(moving: Image, near: Grid, rigid: FloatArray) -> Box:
    """The voxels of the second scan where a region of the first comes to lie, with some around it."""
    corners = near.to_lps(near.corners_ijk) @ rigid[:3, :3].T + rigid[:3, 3]
    return box_of_points(moving.grid, corners, AROUND_MM)


def _start(fixed: Image, moving: Image, pair: _Pair, notes: list[str]) -> FloatArray:
    """The first guess: as the scanner has them, or body on body where its coordinates say nothing."""
    one, two = (i.identity.frame_of_reference_uid for i in (fixed, moving))
    starts = [np.eye(4)]
    if not one or one != two:
        middle = _body_middle(pair.moving) - _body_middle(pair.fixed)
        for along in START_SHIFTS_MM:
            shifted = np.eye(4)
            shifted[:3, 3] = middle + np.array([0.0, 0.0, along])
            starts.append(shifted)
    grid = fixed.grid
    good = [s for s in starts if _overlap(grid, moving, s) >= 0.5 * LEAST_OVERLAP]
    if not good:
        raise InvalidValue(
            "The scans do not overlap.",
            f"'{fixed.title}' and '{moving.title}'",
            "Check that both show the same part of the same patient.",
        )
    values = [_information(pair, start) for start in good]
    best = int(np.argmin(values))
    if np.abs(good[best] - np.eye(4)).max() > 0:
        shift = float(np.linalg.norm(good[best][:3, 3]))
        notes.append(f"The scanners' coordinates do not agree; started body on body, {shift:.0f} mm away")
    return good[best]


def _body_middle(volume: sitk.Image) -> FloatArray:
    """Middle of what is not dark."""
    import SimpleITK as sitk

    values = sitk.GetArrayFromImage(volume)
    weight = values - values.min()
    total = float(weight.sum())
    middle = [
        float((weight.sum(axis=tuple(a for a in range(3) if a != axis)) * np.arange(n)).sum()) / total
        for axis, n in enumerate(values.shape)
    ]
    return np.array(volume.TransformContinuousIndexToPhysicalPoint(middle[::-1]))


def _overlap(near: Grid, moving: Image, rigid: FloatArray) -> float:
    """Share of a region that lies within the other scan."""
    steps = [np.linspace(0, n - 1, 12) for n in near.shape[::-1]]
    ijk = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3)
    points = near.to_lps(ijk) @ rigid[:3, :3].T + rigid[:3, 3]
    return float(np.mean(moving.grid.contains(points)))


def _check_overlap(region: Grid, moving: Image, rigid: FloatArray) -> None:
    share = _overlap(region, moving, rigid)
    if share < LEAST_OVERLAP:
        raise InvalidValue(
            "Too little of the region lies within the other scan.",
            f"'{moving.title}': {100 * share:.0f} %",
            "Choose a scan that shows the whole liver.",
        )


def _method(pair: _Pair, start: FloatArray) -> tuple[sitk.ImageRegistrationMethod, sitk.Euler3DTransform]:
    import SimpleITK as sitk

    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(BINS)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentagePerLevel(list(SAMPLED), SEED)
    # Slopes of the sampled voxels alone: filtering whole volumes costs most of the time.
    method.SetMetricUseFixedImageGradientFilter(False)
    method.SetMetricUseMovingImageGradientFilter(False)
    method.SetInterpolator(sitk.sitkLinear)
    # Sums over threads differ with their number and timing; of this method alone, not of the process.
    method.SetNumberOfThreads(1)
    method.SetNumberOfWorkUnits(1)
    method.SetShrinkFactorsPerLevel([round(COARSE_MM / FINE_MM), 1])
    method.SetSmoothingSigmasPerLevel([COARSE_MM / 2, 0.0])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    turn = sitk.Euler3DTransform()
    turn.SetCenter([float(x) for x in pair.center_lps_mm])
    shift = start[:3, :3] @ pair.center_lps_mm + start[:3, 3] - pair.center_lps_mm
    turn.SetMatrix([float(x) for x in start[:3, :3].ravel()])
    turn.SetTranslation([float(x) for x in shift])
    method.SetInitialTransform(turn, inPlace=True)
    return method, turn


def _information(pair: _Pair, start: FloatArray) -> float:
    """The (negative) mutual information of a start; the less the better."""
    method, _ = _method(pair, start)
    method.SetMetricSamplingPercentage(SAMPLED[1], SEED)
    try:
        return float(method.MetricEvaluate(pair.fixed, pair.moving))
    except RuntimeError:  # ITK's word for samples that all miss the other scan
        return float("inf")


def _by_mutual_information(pair: _Pair, start: FloatArray, task: Task) -> FloatArray:
    import SimpleITK as sitk

    method, turn = _method(pair, start)
    method.SetOptimizerAsRegularStepGradientDescent(4.0, 0.005, 120, 0.6, 1e-8)
    method.SetOptimizerScales([LEVER_MM**2] * 3 + [1.0] * 3)
    count = 0

    def on_step() -> None:
        nonlocal count
        count += 1
        try:
            task.report(count / (count + 20.0), "Turning and shifting the scan")
        except Cancelled:  # an exception must not pass through ITK; it is raised again below
            method.StopRegistration()

    method.AddCommand(sitk.sitkIterationEvent, on_step)
    try:
        method.Execute(pair.fixed, pair.moving)
    except RuntimeError as error:
        task.check()
        raise InvalidValue(
            "The scans could not be laid over each other.",
            _last_words(error),
            "Check that both show the same part of the same patient, or mark landmarks.",
        ) from None
    task.check()
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(turn.GetMatrix()).reshape(3, 3)
    matrix[:3, 3] = np.array(turn.TransformPoint((0.0, 0.0, 0.0)))
    return matrix


def _last_words(error: RuntimeError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"


def _by_texture(
    fixed: TissueTexture, moving: TissueTexture, points: FloatArray, rigid: FloatArray
) -> FloatArray:
    """Gauss-Newton steps on the weighted squares of the textures' difference."""
    wanted, _, known = fixed.sampled(points)
    points, wanted = points[known], wanted[known]
    if len(points) < 200:
        return rigid
    for _ in range(TEXTURE_STEPS):
        placed = points @ rigid[:3, :3].T + rigid[:3, 3]
        value, slope, inside = moving.sampled(placed)
        if np.count_nonzero(inside) < 200:
            return rigid
        placed, slope = placed[inside], slope[inside]
        miss = value[inside] - wanted[inside]
        center = placed.mean(axis=0)
        along = np.hstack([np.cross(placed - center, slope) / LEVER_MM, slope])
        weight = huber_weights(miss)
        matrix = (along * weight[:, None]).T @ along
        step = -np.linalg.solve(matrix + 1e-9 * np.trace(matrix) * np.eye(6), along.T @ (weight * miss))
        rigid = _turned(rigid, step[:3] / LEVER_MM, step[3:], center)
        if np.linalg.norm(step) < 1e-4:
            break
    return rigid


def huber_weights(miss: FloatArray) -> FloatArray:
    """Weights that let no difference count more than its robust spread allows, shape of `miss`."""
    spread = 1.4826 * float(np.median(np.abs(miss - np.median(miss)))) + 1e-12
    return np.asarray(np.minimum(1.0, HUBER * spread / np.maximum(np.abs(miss), 1e-12)))


def _turned(rigid: FloatArray, turn: FloatArray, shift: FloatArray, center: FloatArray) -> FloatArray:
    """A movement followed by a small turn about a point and a shift."""
    from scipy.spatial.transform import Rotation

    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(turn).as_matrix()
    matrix[:3, 3] = center + shift - matrix[:3, :3] @ center
    return np.asarray(matrix @ rigid)


def _registration(
    fixed: Image, moving: Image, rigid: FloatArray, method: str, error_mm: float | None, notes: list[str]
) -> Registration:
    turn, _, back = np.linalg.svd(rigid[:3, :3])  # rounding of many small turns
    exact = rigid.copy()
    exact[:3, :3] = turn @ back
    return Registration(
        fixed.id,
        moving.id,
        exact,
        None,
        fixed.identity.frame_of_reference_uid,
        moving.identity.frame_of_reference_uid,
        method,
        error_mm,
        "",
        tuple(notes),
    )
