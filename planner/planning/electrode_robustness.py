"""What an array of electrodes is worth when needles go astray: its closed-form field over seeded samples.

Each sample moves every needle's tip by the placement error of `placements.PLACEMENTS`; the entry stays,
so needles turn, and distances and angles between them follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.cassini import PackedElectrodes
from planner.compute.conductivity import FieldLaw
from planner.model.assessment import Confidence
from planner.model.electrode_array import Electrode, ElectrodeArray, PulsePair
from planner.model.geometry import FloatArray
from planner.planning.constants import Constant
from planner.planning.placements import PLACEMENTS, PlacementError

#: A lesion counts as fully covered from this share of its volume on.
FULL_PERCENT = Constant(
    99.5,
    "%",
    "a point stands for about 0.2 % of a lesion, and the closed form is off by a few percent there:"
    " one or two points at the rim are no hole",
    Confidence.OUR_RULE,
)
#: More points than this are thinned: they would tell no more, and cost as much each.
MOST_POINTS = 900
#: Samples between two reports.
STEPS_A_REPORT = 20
#: A bare part is never taken shorter than its needle less this much.
_LEFT_MM = 0.5


@dataclass(frozen=True, eq=False)
class CoveragePoints:
    """Points that stand for a lesion and for what lies around it.

    Parameters
    ----------
    points_lps_mm
        Shape (n, 3).
    lesion, grown
        What share of its cell each point brings to the lesion, and to the lesion grown by a margin
        within the liver; (n,), not negative.
    threshold_v_per_cm
        From which each point's tissue dies, (n,).

    Raises
    ------
    InvalidValue
        If shapes differ, a share is negative or no lesion is left, or a threshold is not positive.
    """

    points_lps_mm: FloatArray
    lesion: FloatArray
    grown: FloatArray
    threshold_v_per_cm: FloatArray

    def __post_init__(self) -> None:
        count = len(self.points_lps_mm)
        for word in ("lesion", "grown", "threshold_v_per_cm"):
            values = np.asarray(getattr(self, word), dtype=float)
            if values.shape != (count,) or not np.all(np.isfinite(values) & (values >= 0)):
                raise InvalidValue(
                    "Points of a lesion need a share and a threshold each, not negative.",
                    f"{word} {values.shape}, {count} points",
                )
        if not self.lesion.sum() > 0 or not np.all(self.threshold_v_per_cm > 0):
            raise InvalidValue("A lesion needs points, and their thresholds are positive.", f"{count} points")
        points = np.ascontiguousarray(self.points_lps_mm, dtype=np.float64)
        object.__setattr__(self, "points_lps_mm", points)

    @classmethod
    def of(
        cls,
        points_lps_mm: FloatArray,
        lesion: FloatArray,
        grown: FloatArray,
        lesion_threshold_v_per_cm: float,
        liver_threshold_v_per_cm: float,
    ) -> CoveragePoints:
        """Of points and shares, such as `LesionGround.filling` has; those mostly in the lesion have its threshold."""
        own = np.asarray(lesion) >= 0.5
        threshold = np.where(own, lesion_threshold_v_per_cm, liver_threshold_v_per_cm).astype(float)
        return cls(points_lps_mm, np.asarray(lesion, float), np.asarray(grown, float), threshold)

    def thinned(self, most: int = MOST_POINTS) -> CoveragePoints:
        """Every n-th point, so that at most so many are left; each then stands for more."""
        step = -(-len(self.points_lps_mm) // most)
        if step <= 1:
            return self
        # A stride through points in the order of their lattice would follow its rows.
        order = np.random.default_rng(0).permutation(len(self.points_lps_mm))[::step]
        order.sort()
        return CoveragePoints(
            self.points_lps_mm[order],
            self.lesion[order],
            self.grown[order],
            self.threshold_v_per_cm[order],
        )

    def coverage_percent(self, field_v_per_cm: FloatArray) -> tuple[float, float]:
        """Share of the lesion, and of the grown lesion, at which a field (n,) reaches the threshold."""
        hit = field_v_per_cm >= self.threshold_v_per_cm
        lesion = 100.0 * float(self.lesion[hit].sum() / self.lesion.sum())
        whole = float(self.grown.sum())
        return lesion, 100.0 * float(self.grown[hit].sum() / whole) if whole > 0 else lesion


@dataclass(frozen=True)
class Spread:
    """5th, 50th and 95th percentile of a number over samples."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: FloatArray) -> Spread:
        """Of values (samples,)."""
        low, median, high = (float(v) for v in np.percentile(values, (5.0, 50.0, 95.0)))
        return cls(low, median, high)


@dataclass(frozen=True, eq=False)
class ElectrodeRobustness:
    """A lesion's coverage over all samples, by the closed form.

    Parameters
    ----------
    lesion_percent, grown_percent
        Share of the samples in which the lesion, and the grown lesion, is fully covered (`FULL_PERCENT`).
    lesion_coverage, grown_coverage
        Spread of the covered share of volume, in percent.
    least_field
        Spread of the smallest field in the lesion, in V/cm.
    spacing_off
        Spread of the most by which a pair's distance (middle to middle) is off in a sample, in mm.
    lesion_coverage_percent, grown_coverage_percent
        Of each sample, (samples,).
    """

    lesion_percent: float
    grown_percent: float
    lesion_coverage: Spread
    grown_coverage: Spread
    least_field: Spread
    spacing_off: Spread
    lesion_coverage_percent: FloatArray
    grown_coverage_percent: FloatArray


def sample_coverage(
    arrays: Sequence[ElectrodeArray],
    points: CoveragePoints,
    radii_mm: Sequence[float],
    *,
    placement: str = "navigated",
    samples: int = 1000,
    seed: int = 1,
    is_remeasured: bool = False,
    law: FieldLaw | None = None,
    task: Task | None = None,
) -> ElectrodeRobustness:
    """How well a lesion is covered when needles do not lie where they were planned.

    Parameters
    ----------
    arrays
        All that treat the lesion, with pairs and pull-backs; each point counts by the largest field.
    points
        The lesion; at most `MOST_POINTS` are used.
    radii_mm
        Of the metal of each array's electrodes.
    placement
        Key of `PLACEMENTS`.
    samples, seed
        How many, 50..20000; the same seed gives the same samples.
    is_remeasured
        Whether distances are measured after placement and voltages set to the same nominal V/d; as
        planned otherwise.
    law
        How the liver's conductivity rises with the field.

    Raises
    ------
    InvalidValue
        If nothing is pulsed, there is no such placement, or the number of samples is impossible.
    """
    if placement not in PLACEMENTS:
        raise InvalidValue(
            "There is no such way to place needles.", placement, f"Choose one of: {', '.join(PLACEMENTS)}."
        )
    if not 50 <= samples <= 20_000:
        raise InvalidValue("Take 50 to 20000 samples.", f"{samples}")
    task = task or Task()
    points = points.thinned()
    own = np.flatnonzero(points.lesion > 0)
    random = np.random.default_rng(seed)
    sampled = [
        _SampledArray.of(array, radius_mm, PLACEMENTS[placement], is_remeasured, samples, random)
        for array, radius_mm in zip(arrays, radii_mm, strict=True)
        if any(p.voltage_v > 0 for p in array.pairs)
    ]
    if not sampled:
        names = ", ".join(f"'{a.id}'" for a in arrays)
        raise InvalidValue("Nothing is pulsed.", f"electrodes {names}", "Give a pair a voltage.")
    lesion, grown, least, off = (np.empty(samples) for _ in range(4))
    for n in range(samples):
        if n % STEPS_A_REPORT == 0:
            task.report(n / samples, f"Sample {n} of {samples}")
        laid = [each.laid(n) for each in sampled]
        field = np.max([packed.field_v_per_cm(points.points_lps_mm, law) for packed, _ in laid], axis=0)
        lesion[n], grown[n] = points.coverage_percent(field)
        least[n] = field[own].min()
        off[n] = max(spacing_off for _, spacing_off in laid)
    for values in (lesion, grown):
        values.setflags(write=False)
    return ElectrodeRobustness(
        100.0 * float(np.mean(lesion >= FULL_PERCENT.value)),
        100.0 * float(np.mean(grown >= FULL_PERCENT.value)),
        Spread.of(lesion),
        Spread.of(grown),
        Spread.of(least),
        Spread.of(off),
        lesion,
        grown,
    )


def all_positions(array: ElectrodeArray, radius_mm: float) -> PackedElectrodes:
    """Electrodes and pairs of an array at the start and after each pull-back, for the closed form."""
    electrodes: list[Electrode] = []
    pairs: list[PulsePair] = []
    for position in array.positions():
        start = len(electrodes)
        electrodes += position.electrodes
        pairs += [PulsePair(start + p.a, start + p.b, p.voltage_v) for p in array.pairs]
    return PackedElectrodes.of(electrodes, pairs, radius_mm)


@dataclass(frozen=True, eq=False)
class _SampledArray:
    """An array with the standard normal numbers of all its samples, (samples, m, 3)."""

    needles: _Needles
    index: npt.NDArray[np.int64]
    volts: FloatArray
    planned_mm: FloatArray
    radius_mm: float
    placement: PlacementError
    is_remeasured: bool
    away: FloatArray

    @classmethod
    def of(
        cls,
        array: ElectrodeArray,
        radius_mm: float,
        placement: PlacementError,
        is_remeasured: bool,
        samples: int,
        random: np.random.Generator,
    ) -> _SampledArray:
        needles = _Needles.of(array)
        pulsed = [p for p in array.pairs if p.voltage_v > 0]
        index = np.array([(p.a, p.b) for p in pulsed])
        return cls(
            needles,
            index,
            np.array([p.voltage_v for p in pulsed]),
            _gaps_mm(needles.lines(needles.tips), index),
            radius_mm,
            placement,
            is_remeasured,
            random.standard_normal((samples, len(array.electrodes), 3)),
        )

    def laid(self, sample: int) -> tuple[PackedElectrodes, float]:
        """The array as it lies in a sample, and the most by which a pair's distance is off in mm."""
        lines = self.needles.lines(self.needles.varied(self.placement, self.away[sample]))
        gaps_mm = _gaps_mm(lines, self.index)
        given = self.volts * gaps_mm / self.planned_mm if self.is_remeasured else self.volts
        packed = PackedElectrodes(*self.needles.drawn_out(lines, self.index, given), self.radius_mm)
        return packed, float(np.abs(gaps_mm - self.planned_mm).max())


@dataclass(frozen=True, eq=False)
class _Needles:
    """The needles of an array as arrays: what of them moves, and what does not."""

    array: ElectrodeArray
    entries: FloatArray
    tips: FloatArray
    across: FloatArray
    exposures: FloatArray

    @classmethod
    def of(cls, array: ElectrodeArray) -> _Needles:
        along = np.stack([e.direction for e in array.electrodes])
        least = np.eye(3)[np.argmin(np.abs(along), axis=1)]
        side = np.cross(along, least)
        side /= np.linalg.norm(side, axis=1, keepdims=True)
        return cls(
            array,
            np.array([e.entry_lps_mm for e in array.electrodes]),
            np.array([e.tip_lps_mm for e in array.electrodes]),
            np.stack([side, np.cross(along, side), along], axis=1),
            np.array([e.exposure_mm for e in array.electrodes]),
        )

    def varied(self, placement: PlacementError, away: FloatArray) -> FloatArray:
        """Tips (m, 3) off by standard normal numbers (m, 3): across in two directions, and along."""
        lateral, depth = placement.lateral.value, placement.depth.value
        shift = away * (lateral, lateral, depth)
        # Never so shallow that the bare part leaves the body.
        room = np.linalg.norm(self.tips - self.entries, axis=1) - self.exposures - _LEFT_MM
        shift[:, 2] = np.maximum(shift[:, 2], np.minimum(-room, 0.0))
        return np.asarray(self.tips + np.einsum("mn,mnd->md", shift, self.across))

    def lines(self, tips: FloatArray) -> FloatArray:
        """Bare parts for the closed form, (m, 7), at the start; the entries stay."""
        along = tips - self.entries
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        half = 0.5 * self.exposures[:, None]
        return np.hstack([tips - half * along, along, half])

    def drawn_out(
        self, lines: FloatArray, index: npt.NDArray[np.int64], volts: FloatArray
    ) -> tuple[FloatArray, npt.NDArray[np.int64], FloatArray]:
        """The bare parts and pairs at the start and after each pull-back."""
        times, count = self.array.pull_backs + 1, len(lines)
        every = np.tile(lines, (times, 1))
        back = self.array.pull_back_mm * np.repeat(np.arange(times), count)
        every[:, :3] -= back[:, None] * every[:, 3:6]
        start = np.repeat(count * np.arange(times), len(index))
        return every, np.tile(index, (times, 1)) + start[:, None], np.tile(volts, times)


def _gaps_mm(lines: FloatArray, index: npt.NDArray[np.int64]) -> FloatArray:
    """Distances of pairs from middle to middle of the bare parts."""
    return np.asarray(np.linalg.norm(lines[index[:, 0], :3] - lines[index[:, 1], :3], axis=1))
