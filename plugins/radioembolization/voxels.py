"""The dose of every voxel, predicted from territories and the ratio of concentrations, and what it is worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from planner_plugins.radioembolization.dosing import Dosing

from planner.base.task import Task
from planner.compute.dose_volume import DoseVolume
from planner.model.assessment import Curve, Metric, ScalarField
from planner.model.geometry import Grid
from planner.planning.catheter_facts import PLAN
from planner.planning.y90_voxel_dose import Deposition, VoxelDose, voxel_dose

#: Name of the field among a module's fields.
DOSE = "dose"
#: Dose is worked out on voxels of about this edge: activity by territories knows no finer detail.
VOXEL_MM = 2.0
#: Beyond the liver dose is worked out so far: the range of the electrons.
BEYOND_MM = 12.0


@dataclass(frozen=True, eq=False)
class PredictedDose:
    """Dose on blocks of the structures' voxels, and which share of each block is what.

    Parameters
    ----------
    dose
        Of the blocks.
    inside
        By structure its share of each block, [k, j, i].
    """

    dose: VoxelDose
    inside: dict[str, npt.NDArray[np.float32]]

    @property
    def field(self) -> ScalarField:
        """As a module gives it away."""
        return ScalarField(DOSE, self.dose.grid, self.dose.dose_gy.astype(np.float32), "Gy")


def predicted_dose(dosing: Dosing, task: Task) -> PredictedDose | None:
    """Of the activity that is given or prescribed; None where it or the ratio is not known."""
    treatment, told = dosing.treatment, dosing.activity_gbq
    if treatment is None or told is None:
        return None
    if any(not t.is_partitioned for t in treatment.territories):
        return None
    task.report(0.0, "Activity of every voxel")
    weights = _weights(dosing, told[0])
    ground = dosing.perfusion.ground
    per_voxel = np.append(weights, 0.0)[ground.liver.codes]
    k, j, i = (max(1, round(VOXEL_MM / s)) for s in ground.liver.grid.spacing_mm[::-1])
    steps = (k, j, i)
    activity, grid = _blocks(per_voxel, ground.liver.grid, steps, np.sum)
    parts = {PLAN: ground.liver.codes >= 0}
    for name in ground.lesions:
        parts[name] = ground.mask(ground.of_lesion(name))
    parts["perfused normal liver"] = ground.mask(dosing.perfusion.all.classes & ~ground.tumor)
    parts["whole normal liver"] = ground.mask(~ground.tumor)
    inside = {
        name: _blocks(mask.astype(np.float32), ground.liver.grid, steps, np.mean)[0].astype(np.float32)
        for name, mask in parts.items()
    }
    found = voxel_dose(activity, grid, Deposition(dosing.settings.deposition), task=task.part(0.2, 1.0))
    return PredictedDose(found, inside)


def volume_metrics(dosing: Dosing, predicted: PredictedDose | None) -> tuple[list[Metric], list[Curve]]:
    """What the dose is worth: D95, D70, V100 of lesions, and curves of volume over dose."""
    metrics, curves = [], []
    why = dosing.why_not or "unknown: enter the ratio of tumour to normal liver"
    for name in dosing.perfusion.ground.lesions:
        worth = None if predicted is None else _worth(predicted, name)
        method = "predicted from territories" if predicted is None else f"predicted; {predicted.dose.method}"
        rows = (
            ("lesion_d95_gy", "Gy", None if worth is None else worth.dose_to_gy(95.0)),
            ("lesion_d70_gy", "Gy", None if worth is None else worth.dose_to_gy(70.0)),
            ("lesion_v100_percent", "%", None if worth is None else 100.0 * worth.share_above(100.0)),
        )
        metrics += [
            Metric(n, value, unit, name, method, note="" if value is not None else why)
            for n, unit, value in rows
        ]
    if predicted is not None:
        for name in (*dosing.perfusion.ground.lesions, "perfused normal liver", "whole normal liver"):
            worth = _worth(predicted, name)
            if worth is not None:
                doses = np.linspace(0.0, max(worth.most_gy, 1.0), 101)
                share = 100.0 * worth.curve(doses)
                curves.append(Curve("dose_volume", doses, share, "Gy", "%", name))
    return metrics, curves


def _worth(predicted: PredictedDose, name: str) -> DoseVolume | None:
    inside = predicted.inside[name]
    if not float(inside.sum()) > 0:
        return None
    return DoseVolume.of(predicted.dose.dose_gy, inside, predicted.dose.grid.voxel_volume_ml)


def _weights(dosing: Dosing, activity_gbq: float) -> npt.NDArray[np.float64]:
    """Activity of one voxel of each class, GBq: by territory and, within it, by the ratio of concentrations."""
    treatment, ground = dosing.treatment, dosing.perfusion.ground
    assert treatment is not None
    found = np.zeros(ground.liver.classes)
    ratio = dosing.numbers["tumor_to_normal_ratio"] or 1.0
    each = np.where(ground.tumor, ratio, 1.0)
    voxel_ml = ground.liver.grid.voxel_volume_ml
    for target, share in zip(dosing.perfusion.targets, treatment.shares, strict=True):
        fed = dosing.perfusion.classes[target.id]
        taken = float((each * ground.volumes_ml)[fed].sum())
        own = share * activity_gbq * treatment.delivery.to_liver
        found[fed] += own * each[fed] * voxel_ml / taken
    return found


def _blocks(
    values: npt.NDArray[np.floating], grid: Grid, steps: tuple[int, int, int], how: object
) -> tuple[npt.NDArray[np.float64], Grid]:
    """Sums or means over blocks of voxels, with blocks of nothing around them."""
    beyond = [int(np.ceil(BEYOND_MM / (n * s))) for n, s in zip(steps, grid.spacing_mm[::-1], strict=True)]
    pads = []
    for size, n, more in zip(values.shape, steps, beyond, strict=True):
        pads.append((more * n, more * n + (-size) % n))
    padded = np.pad(values, pads)
    k, j, i = (size // n for size, n in zip(padded.shape, steps, strict=True))
    shaped = padded.reshape(k, steps[0], j, steps[1], i, steps[2])
    found = how(shaped, axis=(1, 3, 5))  # type: ignore[operator]
    corner = [0.5 * (n - 1) - p[0] for n, p in zip(steps, pads, strict=True)]
    origin = grid.to_lps(np.array(corner[::-1]))
    spacing = tuple(n * s for n, s in zip(steps[::-1], grid.spacing_mm, strict=True))
    return found, Grid((k, j, i), spacing, tuple(origin), grid.direction)  # type: ignore[arg-type]
