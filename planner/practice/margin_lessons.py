"""What a trainee is told of coverage and margin: where it is short, and which error of the zone made it so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.model.assessment import Assessment, Confidence, Metric
from planner.model.geometry import FloatArray, unit_vector
from planner.model.plan import Applicator, Plan
from planner.planning.achieved_margin import towards_words
from planner.planning.constants import Constant
from planner.planning.zone_sizes import setting_text
from planner.practice.lesson import Lesson, Told, metric_of
from planner.practice.place_words import neighbour
from planner.practice.zone_miss import SAID, Miss, lesion_middle, zone_miss

#: A cause is named if it took so much of the margin as the largest one did.
NAMED_SHARE = Constant(0.5, "1", "what took less than half as much explains little", Confidence.OUR_RULE)
#: Zones of several needles differ in size from this share of the reference's volume on.
ANOTHER_VOLUME = Constant(0.1, "1", "a tenth, the spread zones have anyway", Confidence.OUR_RULE)
_MARGINS = ("minimal_margin_without_capsule_mm", "minimal_ablation_margin_mm")


@dataclass(frozen=True)
class _ZoneSize:
    """The one zone of a plan: full axes in mm, and the settings it was made with, in words."""

    long_mm: float
    short_mm: float
    settings: str

    def reach_mm(self, cosine: float) -> float:
        """How far it reaches from its centre the way that stands at an angle to the shaft."""
        return 0.5 * float(np.hypot(self.long_mm * cosine, self.short_mm * np.sqrt(1.0 - cosine**2)))

    @property
    def words(self) -> str:
        """Such as ``40.0 mm long and 30.0 mm wide (60 W, 300 s)``."""
        made = f" ({self.settings})" if self.settings else ""
        return f"{self.long_mm:.1f} mm long and {self.short_mm:.1f} mm wide{made}"


def coverage_lessons(told: Told) -> list[Lesson]:
    """What of the lesion lies outside the zone."""
    lost, measured = told.lost("coverage"), told.scored.measured
    if not lost:
        return []
    # Rounded up to a whole, a lesion would sound covered.
    shown = min(measured.coverage_percent, 99.9)
    text = f"{shown:.1f} % of {told.exercise.lesion} lie in the zone; the rest is not treated."
    metric = judged_margin(told.scored.answer, told.exercise.lesion, measured.margin_mm)
    return [Lesson("coverage", text, metric.where_lps_mm if metric else None, "coverage", lost)]


def margin_lessons(told: Told) -> list[Lesson]:
    """How much the margin is short, towards what, and because of what."""
    lost, lesion = told.lost("margin"), told.exercise.lesion
    margin_mm, wanted_mm = told.scored.measured.margin_mm, told.exercise.margin_mm
    if not lost:
        return []
    if margin_mm is None:
        return [Lesson("margin", f"There is no zone, so {lesion} has no margin.", None, "margin", lost)]
    metric = judged_margin(told.scored.answer, lesion, margin_mm)
    where = metric.where_lps_mm if metric else None
    side, because = "", ""
    if where is not None:
        outward = np.array(where) - lesion_middle(told.structures, lesion)
        near = neighbour(told.anatomy, where, outward)
        side = f" towards {near.name}" if near else f" {towards_words(outward)}"
        because = _because(told, unit_vector(outward))
    text = (
        f"{wanted_mm - margin_mm:.1f} mm short{side}{because}: the margin of {lesion} is {margin_mm:.1f} mm"
        f" at the least, {wanted_mm:.1f} mm are wanted."
    )
    return [Lesson("margin", text, where, "margin", lost)]


def plan_lessons(told: Told) -> list[Lesson]:
    """Where the zone was planned beside the lesion, before the table did anything."""
    planned = told.plan if told.landing is None else told.landing.planned
    miss = zone_miss(told.structures, told.exercise.lesion, planned, told.reference)
    if miss is None:
        return [Lesson("plan", f"Nothing that was planned treats {told.exercise.lesion}.")]
    if not miss.words:
        return []
    near = (
        neighbour(told.anatomy, miss.zones.center_lps_mm, miss.across_lps_mm) if miss.lateral_words else None
    )
    text = miss.words + (f", towards {near.name}" if near else "")
    text += ", measured from where the reference's zone lies" if miss.is_by_reference else ""
    is_moved = told.landing is not None and told.landing.conditions.is_table
    start = "As planned, " if is_moved else ""
    text = f"{start}{text}."
    return [Lesson("plan", text[0].upper() + text[1:], miss.zones.center_lps_mm)]


def zone_lessons(told: Told) -> list[Lesson]:
    """A zone that is too small for its margin, or takes more liver than it needs."""
    own = _zone_size(told.plan, told.scored.answer)
    best = _zone_size(told.reference, told.reference_answer)
    is_short, is_wasteful = told.lost("margin") > 0, told.lost("liver") > 0
    where = None if told.miss is None else told.miss.zones.center_lps_mm
    if own is not None and best is not None:
        wider = max(own.short_mm - best.short_mm, own.long_mm - best.long_mm, key=abs)
        if abs(wider) < SAID.value or not (is_short if wider < 0 else is_wasteful):
            return []
        verdict = "too small" if wider < 0 else "larger than it need be"
        return [
            Lesson("zone", f"The zone is {verdict}: {own.words}; the reference's is {best.words}.", where)
        ]
    volumes = [
        metric_of(answer, "ablation_zone_volume_ml", "plan")
        for answer in (told.scored.answer, told.reference_answer)
    ]
    mine, theirs = ((m.value or 0.0) if m else 0.0 for m in volumes)
    more = mine / theirs - 1.0 if theirs > 0 else 0.0
    if abs(more) < ANOTHER_VOLUME.value or not (is_short if more < 0 else is_wasteful):
        return []
    verdict = "too small" if more < 0 else "larger than they need be"
    return [
        Lesson("zone", f"The zones are {verdict}: {mine:.1f} ml; the reference's are {theirs:.1f} ml.", where)
    ]


def judged_margin(answer: Assessment, lesion: str, margin_mm: float | None) -> Metric | None:
    """The metric whose value is the margin of a score; None where an answer has none like it."""
    for name in _MARGINS:
        metric = metric_of(answer, name, lesion)
        if metric is not None and metric.value == margin_mm:
            return metric
    return None


def _because(told: Told, outward: FloatArray) -> str:
    """Which errors took margin on one side, the largest first, such as ``, because the tip of p1 lies …``."""
    pulls = [(pull, words) for pull, words in _pulls(told, outward) if words and pull >= SAID.value]
    if not pulls:
        return ""
    pulls.sort(key=lambda p: -p[0])
    named = [words for pull, words in pulls if pull >= NAMED_SHARE.value * pulls[0][0]]
    subject = f"{told.miss.subject} " if told.miss is not None else ""
    if named[0].startswith(subject):  # said once
        named = [named[0], *(words.removeprefix(subject) for words in named[1:])]
    return f", because {' and '.join(named)}"


def _pulls(told: Told, outward: FloatArray) -> list[tuple[float, str]]:
    """What each error of the zone took of the margin on one side in mm, with its words."""
    miss: Miss | None = told.miss
    if miss is None:
        return []
    along, across = np.array(miss.zones.along), np.array(miss.across_lps_mm)
    found = [
        (-miss.depth_mm * float(along @ outward), miss.depth_words),
        (-float(across @ outward), miss.lateral_words),
    ]
    own = _zone_size(told.plan, told.scored.answer)
    best = _zone_size(told.reference, told.reference_answer)
    if own is not None and best is not None:
        cosine = min(1.0, abs(float(along @ outward)))
        narrower, shorter = best.short_mm - own.short_mm, best.long_mm - own.long_mm
        word, by_mm = ("narrower", narrower) if narrower >= shorter else ("shorter", shorter)
        words = f"the zone is {by_mm:.1f} mm {word} than the reference's"
        found.append((best.reach_mm(cosine) - own.reach_mm(cosine), words))
    return found


def _zone_size(plan: Plan, answer: Assessment) -> _ZoneSize | None:
    """The size of the one probe's zone; None where there are several, or it has no axes."""
    if len(plan.instruments) != 1 or not isinstance(plan.instruments[0], Applicator):
        return None
    probe = plan.instruments[0]
    long_axis = metric_of(answer, "zone_long_axis_mm", probe.id)
    short_axis = metric_of(answer, "zone_short_axis_mm", probe.id)
    if long_axis is None or short_axis is None or long_axis.value is None or short_axis.value is None:
        return None
    told = [setting_text(n, probe.settings[n]) for n in ("power_w", "time_s") if n in probe.settings]
    return _ZoneSize(long_axis.value, short_axis.value, ", ".join(told))
