"""What an attempt tells of each skill: which parts of the score and which hazards speak of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from planner.practice.attempts import Attempt
from planner.practice.exercise import SKILLS

#: Share of a skill's hazards that one warning takes, as of the score in version 1 (4 of 20 points). Our rule.
WARNING_SHARE = 0.2
#: The part of a score whose weight hazards of a skill have.
HAZARDS = "hazards"


@dataclass(frozen=True)
class SkillMeasure:
    """What speaks of a skill.

    Parameters
    ----------
    parts
        Ids of parts of the score.
    hazards
        Whether hazards that `HAZARDS_OF` gives to it do.
    why
        Why these.
    """

    parts: tuple[str, ...]
    hazards: bool
    why: str


#: Which parts speak of which skill. Our rule: no publication maps scores of plans to skills.
MEASURES: Mapping[str, SkillMeasure] = MappingProxyType(
    {
        "centring": SkillMeasure(
            ("coverage", "liver"),
            False,
            "a zone beside the lesion leaves part of it out, or is made larger and costs liver",
        ),
        "margin": SkillMeasure(("margin",), False, "the least margin is where the zone ends first"),
        "path": SkillMeasure(("path",), True, "a path is short and crosses nothing"),
        "organs": SkillMeasure((), True, "what the zone reaches beside the lesion"),
        "several": SkillMeasure(
            ("coverage", "margin", "punctures"),
            True,
            "needles that share a lesion cover it together, with no more of them than needed",
        ),
        "pulses": SkillMeasure(
            ("coverage", "margin"), True, "the field covers the lesion within what generator and array allow"
        ),
    }
)

#: Which hazards speak of which skill, by the words findings call their rules. Others count in the score alone.
HAZARDS_OF: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "path": (
            "path_crosses_bone", "path_crosses_organ", "path_crosses_lung", "path_crosses_vessel",
            "path_crosses_other_lesion", "path_longer_than_device", "no_parenchyma_before_lesion",
            "entry_under_skin", "tip_outside_body", "capsule_angle_flat", "ribs_in_beam", "gas_in_beam",
            "no_acoustic_window", "foci_too_deep", "beyond_steering",
        ),
        "organs": (
            "zone_reaches_organ", "zone_near_bile_duct", "ice_reaches_organ", "ice_near_skin", "large_ice",
            "shaft_heats", "fibre_near_vessel", "foci_near_skin", "electrode_near_bile_duct", "bile_duct_hot",
        ),
        "several": ("probes_touch", "probe_spacing", "electrodes_close"),
        "pulses": (
            "electrode_in_vessel", "bare_part_outside", "too_few_electrodes", "too_many_electrodes",
            "electrodes_touch", "electrodes_too_near", "no_pair_pulsed", "electrodes_not_parallel",
            "electrode_spacing", "electrode_spacing_uneven", "electrode_depths_differ", "nominal_voltage_low",
            "voltage_over_limit", "current_over_limit", "current_high", "pulse_outside_limits", "pulses_few",
            "exposure_outside_limits",
        ),
    }
)  # fmt: skip

#: A skill is scored over so many of the last attempts that train it.
RECENT_ATTEMPTS = 5
#: With fewer attempts a skill is not ranked: one bad day says nothing.
ENOUGH_ATTEMPTS = 3
#: Two skills are needed for one of them to be the weaker.
ENOUGH_SKILLS = 2


@dataclass(frozen=True)
class SkillScore:
    """How well a skill goes.

    Parameters
    ----------
    skill, title
        Of `SKILLS`.
    percent
        Mean of the last attempts; None without one.
    attempts
        How many it is the mean of.
    """

    skill: str
    title: str
    percent: float | None
    attempts: int

    @property
    def is_known(self) -> bool:
        """Whether there are enough attempts to rank it."""
        return self.attempts >= ENOUGH_ATTEMPTS


@dataclass(frozen=True)
class WeakestSkill:
    """The skill to train next, or none; and why, in words."""

    skill: str | None
    reason: str


def skill_percents(attempt: Attempt) -> dict[str, float]:
    """What an attempt tells of each skill its exercise trains, from 0 to 100.

    An exercise without organs beside its lesion says nothing of sparing organs, so other skills are left out.
    The percentage is the weighted mean of shares, 100 sum(w s) / sum(w): of each part the share of its
    points, weighted by its points; of the skill's hazards none where one stops, else 1 less
    `WARNING_SHARE` for each warning, weighted by the points hazards have. A score without any of the parts
    says nothing.
    """
    found = {skill: _percent(attempt, skill) for skill in SKILLS if skill in attempt.skills}
    return {skill: percent for skill, percent in found.items() if percent is not None}


def skill_scores(attempts: Sequence[Attempt], last: int = RECENT_ATTEMPTS) -> tuple[SkillScore, ...]:
    """How well each skill goes, in the order of `SKILLS`: the mean of the last attempts that train it.

    Parameters
    ----------
    attempts
        Of one person, in any order.
    last
        How many count at most.
    """
    told = [skill_percents(a) for a in in_time(attempts)]
    found = []
    for skill, title in SKILLS.items():
        percents = [t[skill] for t in told if skill in t][-last:]
        mean = sum(percents) / len(percents) if percents else None
        found.append(SkillScore(skill, title, mean, len(percents)))
    return tuple(found)


def weakest_skill(attempts: Sequence[Attempt]) -> WeakestSkill:
    """The skill with the lowest score among those with enough attempts; the first of `SKILLS` where two tie."""
    known = [s for s in skill_scores(attempts) if s.is_known and s.percent is not None]
    if len(known) < ENOUGH_SKILLS:
        return WeakestSkill(
            None,
            f"No skill is the weakest yet: that is said once {ENOUGH_SKILLS} of them were tried"
            f" {ENOUGH_ATTEMPTS} times each.",
        )
    weakest = min(known, key=_standing)
    if all(_standing(s) == _standing(weakest) for s in known):
        return WeakestSkill(None, f"No skill is weaker than another: all are at {_standing(weakest):.0f} %.")
    reason = (
        f"Weakest: {weakest.title}, {_standing(weakest):.0f} % over the last {weakest.attempts} attempts that"
        " train it."
    )
    return WeakestSkill(weakest.skill, reason)


def in_time(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Attempts in the order they were committed, each of them once."""
    once = {a.key: a for a in attempts}
    return [once[key] for key in sorted(once, key=lambda k: (once[k].committed, once[k].started, k))]


def skill_of(rule: str) -> str:
    """The skill a hazard speaks of; empty where it speaks of none."""
    return next((skill for skill, rules in HAZARDS_OF.items() if rule in rules), "")


def _standing(score: SkillScore) -> float:
    """To the hundredth of a percent, so that rounding makes no skill the weaker."""
    return round(score.percent or 0.0, 2)


def _percent(attempt: Attempt, skill: str) -> float | None:
    measure = MEASURES[skill]
    shares = [(p.most, p.points / p.most) for p in attempt.score.parts if p.id in measure.parts and p.most]
    if measure.hazards:
        weight = sum(p.most for p in attempt.score.parts if p.id == HAZARDS)
        shares += [(weight, _spared(attempt, skill))] if weight else []
    total = sum(weight for weight, _ in shares)
    return 100.0 * sum(weight * share for weight, share in shares) / total if total else None


def _spared(attempt: Attempt, skill: str) -> float:
    """Share that hazards of a skill leave."""
    if any(skill_of(rule) == skill for rule in attempt.measured.stops):
        return 0.0
    warnings = sum(skill_of(rule) == skill for rule in attempt.measured.warnings)
    return max(0.0, 1.0 - WARNING_SHARE * warnings)
