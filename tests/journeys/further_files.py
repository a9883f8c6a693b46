"""Synthetic scans of the sample case as files a user gets: a SPECT, and a cone-beam CT with what was seen perfused.

Nobody was scanned.  Each lies moved in a known way, in a frame of reference of its own.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.ndimage as ndi
import SimpleITK as sitk
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from scipy.spatial.transform import Rotation

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from planner.compute.registration import resampled, resampled_mask
from planner.compute.rigid_registration import sitk_volume
from planner.model.case import Case
from planner.model.geometry import Box, FloatArray, Grid
from planner.model.image import Image
from planner.model.registration import Registration
from planner.model.roles import Role
from planner.model.structures import StructureSet
from tests.io.dicom_files import image_dataset, set_pixels, write_series

SPECT_MM, SPECT_SIGMA_MM = 4.4, 15.0 / 2.3548
CONE_MM = 1.5
#: A SPECT shows the liver and its surroundings; a cone-beam CT a cylinder of this width.
AROUND_MM, CONE_WIDTH_MM, CONE_HEIGHT_MM = 40.0, 240.0, 170.0
SPECT_UID, CONE_UID = "2.25.88110", "2.25.88120"


@dataclass(frozen=True, eq=False)
class Movement:
    """How a patient lies to a further scanner: a turn about the liver's middle, then a shift."""

    matrix: FloatArray

    @classmethod
    def of(
        cls, case: Case, turn_deg: tuple[float, float, float], shift_mm: tuple[float, float, float]
    ) -> Movement:
        middle = liver_middle(case)
        matrix = np.eye(4)
        matrix[:3, :3] = Rotation.from_euler("xyz", turn_deg, degrees=True).as_matrix()
        matrix[:3, 3] = middle + np.array(shift_mm) - matrix[:3, :3] @ middle
        return cls(matrix)

    def there(self, points: FloatArray) -> FloatArray:
        return np.asarray(points @ self.matrix[:3, :3].T + self.matrix[:3, 3])


def liver_middle(case: Case) -> FloatArray:
    structures = case.structures
    (liver,) = structures.with_role(Role.LIVER)
    return structures.grid.cropped(structures.box(liver.name)).center_lps_mm


def concentration(case: Case, perfused: np.ndarray, in_liver_gbq: float, ratio: float) -> Image:
    """Activity per ml, blurred as a camera blurs it, on the structures' lattice; lesions hold `ratio` times more."""
    structures = case.structures
    tumor = structures.union_mask([s.name for s in structures.with_role(Role.LESION)])
    held = perfused * np.where(tumor, ratio, 1.0)
    per_ml = 1e9 * in_liver_gbq * held / held.sum() / structures.grid.voxel_volume_ml
    box = _wide_box(structures, 3.0 * SPECT_SIGMA_MM)
    steps = [SPECT_SIGMA_MM / s for s in structures.grid.spacing_mm[::-1]]
    here = per_ml[box.slices].astype(np.float32)
    blurred = ndi.gaussian_filter(here, steps, mode="constant")
    return Image("activity", "activity", structures.grid.cropped(box), blurred, "NM", "")


def _wide_box(structures: StructureSet, around_mm: float) -> Box:
    (liver,) = structures.with_role(Role.LIVER)
    return structures.box(liver.name).grown(structures.voxels_for(around_mm), structures.grid.shape)


def spect_of(case: Case, activity: Image, movement: Movement, hours: float) -> tuple[np.ndarray, Grid]:
    """Bq/ml as they were `hours` after the treatment, on straight voxels around where the liver lies then."""
    structures = case.structures
    (liver,) = structures.with_role(Role.LIVER)
    near = structures.grid.cropped(structures.box(liver.name))
    corners = movement.there(near.to_lps(near.corners_ijk))
    low, high = corners.min(axis=0) - AROUND_MM, corners.max(axis=0) + AROUND_MM
    i, j, k = (int(np.ceil(n / SPECT_MM)) for n in high - low)
    x, y, z = (float(v) for v in low)
    grid = Grid((k, j, i), (SPECT_MM,) * 3, (x, y, z))
    values = resampled(activity, Registration("activity", "spect", movement.matrix), grid, 0.0).values
    return np.asarray(values * 2.0 ** (-hours / 64.1)), grid


def write_spect(path: Path, per_ml: np.ndarray, grid: Grid, uid: str = SPECT_UID) -> Path:
    """One file of counts, and what makes them Bq/ml; it does not say how long after the treatment it was made."""
    scale = float(per_ml.max()) / 20000.0
    counts = np.rint(per_ml / scale).astype(np.uint16)
    d = image_dataset("NM")
    d.SeriesDescription, d.PatientName, d.PatientID = "Synthetic SPECT", "Sample case", "SAMPLE-1"
    d.ImageType = ["DERIVED", "PRIMARY", "RECON TOMO", "EMISSION"]
    d.SeriesInstanceUID, d.StudyInstanceUID, d.FrameOfReferenceUID = f"{uid}.1", f"{uid}.2", uid
    d.NumberOfFrames, d.SliceVector = len(counts), list(range(1, len(counts) + 1))
    d.PixelSpacing, d.SpacingBetweenSlices, d.SliceThickness = [SPECT_MM, SPECT_MM], SPECT_MM, SPECT_MM
    place, mapping, unit = Dataset(), Dataset(), Dataset()
    place.ImagePositionPatient = [f"{x:.6f}" for x in grid.origin_lps_mm]
    place.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning = "Bq/ml", "UCUM", "Bq/ml"
    mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept = scale, 0.0
    mapping.MeasurementUnitsCodeSequence = Sequence([unit])
    d.DetectorInformationSequence = Sequence([place])
    d.RealWorldValueMappingSequence = Sequence([mapping])
    set_pixels(d, counts[0])
    d.PixelData = counts.tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    d.save_as(path, enforce_file_format=True)
    return path


def write_nifti(path: Path, values: np.ndarray, grid: Grid) -> Path:
    """Numbers and their place, and nothing else: no unit, no time, no frame of reference."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(sitk_volume(values, grid), str(path))
    return path


def cone_beam(case: Case, movement: Movement) -> tuple[np.ndarray, Grid]:
    """A cylinder around the liver as an angiographic system shows it: gray values that are no HU, askew, noisy."""
    image, middle = case.image(), movement.there(liver_middle(case)[None])[0]
    n, k = round(CONE_WIDTH_MM / CONE_MM), round(CONE_HEIGHT_MM / CONE_MM)
    axes = Rotation.from_euler("xyz", (4.0, -3.0, 9.0), degrees=True).as_matrix()
    first = middle - axes @ (np.array([n - 1, n - 1, k - 1]) * CONE_MM / 2)
    x, y, z = (float(v) for v in first)
    grid = Grid((k, n, n), (CONE_MM,) * 3, (x, y, z), tuple(axes.ravel()))
    hu = resampled(image, Registration(image.id, "cone", movement.matrix), grid, -1000.0).values
    rows, columns = np.ogrid[:n, :n]
    away = np.hypot(rows - (n - 1) / 2, columns - (n - 1) / 2) / (n / 2)
    values = 700.0 + 0.6 * np.clip(hu, -900.0, 1200.0) + 60.0 * away**2  # cupping
    values += np.random.default_rng(11).normal(0.0, 15.0, values.shape)
    values[:, away >= 1.0] = 0.0
    return np.clip(np.rint(values), 0, 4095).astype(np.int16), grid


def write_cone_beam(folder: Path, values: np.ndarray, grid: Grid) -> list[Path]:
    """A DICOM series of a cone-beam CT."""

    def change(d: Dataset, _number: int) -> None:
        d.SeriesDescription, d.PatientName, d.PatientID = "Synthetic cone-beam CT", "Sample case", "SAMPLE-1"

    rows, columns, normal = grid.axes[:, 0], grid.axes[:, 1], grid.axes[:, 2]
    return write_series(
        folder, len(values), spacing=(CONE_MM, CONE_MM), gap=CONE_MM, origin=grid.origin_lps_mm,
        orientation=[*rows, *columns], step=CONE_MM * normal, values=values, change=change,
        frame_uid=CONE_UID, slope=1, intercept=0,
    )  # fmt: skip


def seen_there(case: Case, mask: np.ndarray, movement: Movement, grid: Grid) -> np.ndarray:
    """A mask of the structures' lattice as it is drawn on a further scan's."""
    image = case.image()
    return resampled_mask(
        mask, case.structures.grid, image.id, Registration(image.id, "cone", movement.matrix), grid
    )
