"""The judged margin of a lesion: at each point the lower of the devices' own zones and the simulated one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from planner_plugins.thermal_ablation.chances import chance_surface, sampled_as, sampling_words
from planner_plugins.thermal_ablation.metrics import MARGIN_METHOD, margin_histogram
from planner_plugins.thermal_ablation.settings import Settings
from planner_plugins.thermal_ablation.simulation.covering import covered_percent

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.heat_lattice import Mask
from planner.compute.level_boundary import LevelBoundary
from planner.compute.level_margin import LevelMargin
from planner.compute.margin import HISTOGRAM_EDGES_MM, MarginReport, MinimalMargin
from planner.compute.zone_union import ZoneUnion
from planner.model.assessment import Curve, Metric, Surface, Uncertainty
from planner.model.geometry import FloatArray
from planner.planning.lesion_grounds import LesionGround
from planner.planning.robustness import PlannedZone, Robustness, sample_robustness

LOWER_METHOD = f"at each point the lower of {MARGIN_METHOD} and the simulated one"
BITE_MOVES = "what the simulation takes off at a point of the lesion's surface moves with that point (model)"


@dataclass(frozen=True, eq=False)
class JudgedMargin:
    """A lesion under both zones; a simulation may lower a margin, never raise it.

    Parameters
    ----------
    name, ground
        The lesion.
    device
        Its margin to the devices' own zones.
    simulated
        Its margin to the simulated zone.
    """

    name: str
    ground: LesionGround
    device: MarginReport
    simulated: LevelMargin

    def __post_init__(self) -> None:
        if self.device.margins_mm.shape != self.simulated.margins_mm.shape:
            raise InvalidValue(
                "Both margins must be of the same surface points.",
                f"{self.name}: {self.device.margins_mm.shape}, {self.simulated.margins_mm.shape}",
            )

    @cached_property
    def margins_mm(self) -> FloatArray:
        """The lower margin at each point of the outline, shape (n,)."""
        return np.minimum(self.device.margins_mm, self.simulated.margins_mm)

    @cached_property
    def bite_mm(self) -> FloatArray:
        """What the simulation takes off the devices' margin at each point, not negative, shape (n,)."""
        return np.maximum(self.device.margins_mm - self.simulated.margins_mm, 0.0)

    @property
    def minimal(self) -> MinimalMargin:
        """The least of all."""
        return min((self.simulated.minimal, self.device.minimal), key=lambda m: m.value_mm)

    @property
    def histogram(self) -> Curve:
        """Share of the lesion's surface by judged margin."""
        area = self.ground.margin.outline.samples.area_mm2
        bins = np.searchsorted(np.array(HISTOGRAM_EDGES_MM), self.margins_mm, side="right")
        shares = np.bincount(bins, weights=area, minlength=len(HISTOGRAM_EDGES_MM) + 1)
        percent = [float(v) for v in 100.0 * shares / area.sum()]
        return margin_histogram("judged_margin_histogram", percent, self.name)

    def metrics(self, boundary: LevelBoundary, union: ZoneUnion) -> list[Metric]:
        """The judged margin, its shares of the surface, and what of the lesion lies in both zones."""
        lower, area = self.minimal, self.ground.margin.outline.samples.area_mm2
        change = self.simulated.minimal.value_mm - self.device.minimal.value_mm
        interval = Uncertainty(
            lower.low_mm, lower.high_mm, 90.0, "voxels, outline and lattice only; not the model"
        )

        def both(points: FloatArray) -> Mask:
            return np.asarray(boundary.contains(points) & (union.signed_distance_mm(points) > 0))

        return [
            Metric(
                "simulated_margin_change_mm", change, "mm", self.name,
                "simulated minus that of the devices' own zones",
            ),
            Metric(
                "judged_minimal_margin_mm", lower.value_mm, "mm", self.name,
                f"the lower of {MARGIN_METHOD} and the simulated one", None, interval,
                where_lps_mm=lower.place_lps_mm,
            ),
            Metric(
                "judged_margin_at_least_5mm_percent",
                100.0 * float(area[self.margins_mm >= 5.0].sum() / area.sum()), "%", self.name,
                f"share of the surface; {LOWER_METHOD}",
            ),
            Metric(
                "judged_lesion_coverage_percent", covered_percent(self.ground.margin, both), "%", self.name,
                "share of the lesion's volume within the devices' own zones and the simulated one",
            ),
        ]  # fmt: skip


@dataclass(frozen=True, eq=False)
class JudgedChances:
    """The chances of a lesion with the devices' zones alone, and lowered by the simulation.

    Parameters
    ----------
    device, lowered
        Of the same samples, so the second is never better.
    """

    device: Robustness
    lowered: Robustness

    def metrics(self, name: str, settings: Settings) -> list[Metric]:
        """The lowered chances, with what they stand on."""
        method = f"{sampling_words(sampled_as(settings))}; {BITE_MOVES}"
        note = f"{self.device.at_least_5mm_percent:.0f} % with the devices' own zones alone"
        return [
            Metric(
                "simulated_chance_of_5mm_margin_percent", self.lowered.at_least_5mm_percent, "%", name,
                method, note=note,
            ),
            Metric(
                "simulated_chance_of_full_coverage_percent", self.lowered.full_coverage_percent, "%", name,
                method,
            ),
        ]  # fmt: skip

    def surface(self, name: str, ground: LesionGround) -> Surface:
        """The lesion with the lowered chance of 5 mm at each corner of its mesh."""
        return chance_surface(name, ground, self.lowered, "lesion_simulated_chance_of_5mm")


def judged_chances(
    judged: JudgedMargin, planned: Sequence[PlannedZone], settings: Settings, task: Task
) -> JudgedChances:
    """Sample the devices' zones, and lower each sample's margin by what the simulation took at that point.

    The bite is that of the plan as it stands: no sample is simulated anew.

    Raises
    ------
    InvalidValue
        If there is no needle.
    """
    both = [
        sample_robustness(
            judged.ground.margin, planned, sampled_as(settings), without_capsule=settings.exclude_capsule,
            deduction_mm=deduction, task=task.part(start, start + 0.5),
        )
        for deduction, start in ((None, 0.0), (judged.bite_mm, 0.5))
    ]  # fmt: skip
    return JudgedChances(*both)
