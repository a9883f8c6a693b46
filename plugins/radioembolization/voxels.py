"""The dose of every voxel, predicted from territories and the ratio of concentrations, and what it is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from planner_plugins.radioembolization.dosing import Dosing

from planner.base.task import Task
from planner.compute.dose_volume import DoseVolume
from planner.compute.voxel_blocks import VoxelBlocks
from planner.model.assessment import Curve, Metric, ScalarField
from planner.planning.catheter_facts import PLAN
from planner.planning.y90_voxel_dose import Deposition, VoxelDose, voxel_dose

#: Name of the field among a module's fields.
DOSE = "dose"
#: Parts of the liver beside its lesions.
PERFUSED_NORMAL, WHOLE_NORMAL = "perfused normal liver", "whole normal liver"
#: Dose is worked out on voxels of about this edge: activity by territories knows no finer detail.
VOXEL_MM = 2.0
#: Beyond the liver dose is worked out so far: the range of the electrons.
BEYOND_MM = 12.0


@dataclass(frozen=True, eq=False)
class LiverParts:
    """Blocks of the structures' voxels, and which share of each block is what.

    Parameters
    ----------
    blocks
        Of the liver's box and what lies around it.
    inside
        By structure its share of each block, [k, j, i]; the liver by the name of the plan.
    """

    blocks: VoxelBlocks
    inside: Mapping[str, npt.NDArray[np.float32]]

    @classmethod
    def of(cls, dosing: Dosing) -> LiverParts:
        """Of what a plan's tips feed."""
        ground = dosing.perfusion.ground
        blocks = VoxelBlocks.about(ground.liver.grid, VOXEL_MM, BEYOND_MM)
        masks = {PLAN: ground.liver.codes >= 0}
        for name in ground.lesions:
            masks[name] = ground.mask(ground.of_lesion(name))
        masks[PERFUSED_NORMAL] = ground.mask(dosing.perfusion.all.classes & ~ground.tumor)
        masks[WHOLE_NORMAL] = ground.mask(~ground.tumor)
        return cls(blocks, {name: blocks.means(mask).astype(np.float32) for name, mask in masks.items()})


@dataclass(frozen=True, eq=False)
class LiverDose:
    """Dose on blocks of the structures' voxels.

    Parameters
    ----------
    name
        Of the field.
    dose
        Of the blocks.
    parts
        What they are.
    """

    name: str
    dose: VoxelDose
    parts: LiverParts

    @property
    def inside(self) -> Mapping[str, npt.NDArray[np.float32]]:
        """By structure its share of each block, [k, j, i]."""
        return self.parts.inside

    @property
    def field(self) -> ScalarField:
        """As a module gives it away."""
        return ScalarField(self.name, self.dose.grid, self.dose.dose_gy.astype(np.float32), "Gy")

    def worth(self, name: str) -> DoseVolume | None:
        """The histogram of a structure; None where it has no voxel."""
        inside = self.inside[name]
        if not float(inside.sum()) > 0:
            return None
        return DoseVolume.of(self.dose.dose_gy, inside, self.dose.grid.voxel_volume_ml)

    def curves(self, name: str) -> list[Curve]:
        """Volume over dose of each lesion and of the normal liver, under a name."""
        found = []
        for structure in (n for n in self.inside if n != PLAN):
            worth = self.worth(structure)
            if worth is not None:
                doses = np.linspace(0.0, max(worth.most_gy, 1.0), 101)
                found.append(Curve(name, doses, 100.0 * worth.curve(doses), "Gy", "%", structure))
        return found


def predicted_dose(dosing: Dosing, task: Task, parts: LiverParts | None = None) -> LiverDose | None:
    """Of the activity that is given or prescribed; None where it or the ratio is not known."""
    treatment, told = dosing.treatment, dosing.activity_gbq
    if treatment is None or told is None:
        return None
    if any(not t.is_partitioned for t in treatment.territories):
        return None
    task.report(0.0, "Activity of every voxel")
    parts = parts or LiverParts.of(dosing)
    weights = _weights(dosing, told[0])
    activity = parts.blocks.sums(np.append(weights, 0.0)[dosing.perfusion.ground.liver.codes])
    found = voxel_dose(
        activity, parts.blocks.grid, Deposition(dosing.settings.deposition), task=task.part(0.2, 1.0)
    )
    return LiverDose(DOSE, found, parts)


def volume_metrics(dosing: Dosing, predicted: LiverDose | None) -> tuple[list[Metric], list[Curve]]:
    """What the dose is worth: D95, D70, V100 of lesions, and curves of volume over dose."""
    metrics = []
    why = dosing.why_not or "unknown: enter the ratio of tumour to normal liver"
    method = "predicted from territories" if predicted is None else f"predicted; {predicted.dose.method}"
    for name in dosing.perfusion.ground.lesions:
        worth = None if predicted is None else predicted.worth(name)
        metrics += histogram_metrics("lesion", worth, name, method, why)
    return metrics, [] if predicted is None else predicted.curves("dose_volume")


def histogram_metrics(
    word: str, worth: DoseVolume | None, subject: str, method: str, why: str
) -> list[Metric]:
    """D95, D70 and V100 of a structure, named after a word; unknown with the reason where there is no dose."""
    rows = (
        ("d95_gy", "Gy", None if worth is None else worth.dose_to_gy(95.0)),
        ("d70_gy", "Gy", None if worth is None else worth.dose_to_gy(70.0)),
        ("v100_percent", "%", None if worth is None else 100.0 * worth.share_above(100.0)),
    )
    return [
        Metric(f"{word}_{name}", value, unit, subject, method, note="" if value is not None else why)
        for name, unit, value in rows
    ]


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
