"""When each needle of a plan gives off energy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from planner.base.errors import InvalidValue
from planner.model.plan import Applicator
from planner.planning.arrays import are_parallel
from planner.planning.devices import Device
from planner.planning.emitters import Emitter, emitter_of


@dataclass(frozen=True, eq=False)
class Firing:
    """A needle that works for some time.

    Parameters
    ----------
    needle, device, emitter
        What works.
    start_s, stop_s
        From the simulation's beginning.

    Raises
    ------
    InvalidValue
        If it works for no time.
    """

    needle: Applicator
    device: Device
    emitter: Emitter
    start_s: float
    stop_s: float

    def __post_init__(self) -> None:
        if not 0 <= self.start_s < self.stop_s < math.inf:
            raise InvalidValue(
                "A needle must give off energy for some time.",
                f"probe '{self.needle.id}': {self.stop_s - self.start_s:g} s",
                "Set its time.",
            )

    @property
    def power_w(self) -> float | None:
        """The power it is set to, where it has one."""
        return self.needle.settings.get("power_w")

    def works_at(self, time_s: float) -> bool:
        """Whether it gives off energy at a time."""
        return self.start_s <= time_s < self.stop_s


def firings_of(
    needles: Sequence[Applicator], devices: Sequence[Device], *, in_turn: bool
) -> tuple[Firing, ...]:
    """Needles that work together or in turn; one that is pulled back along its path always in turn.

    Raises
    ------
    InvalidValue
        If there is no needle, one has no time, or some heat and some freeze.
    """
    if not needles:
        raise InvalidValue("The plan has no probe.", "no needle to simulate", "Place a probe first.")
    found: list[Firing] = []
    for needle, device in zip(needles, devices, strict=True):
        before = [f for f in found if in_turn or _is_same_path(f.needle, needle)]
        start = max((f.stop_s for f in before), default=0.0)
        seconds = needle.settings.get("time_s", 0.0)
        found.append(Firing(needle, device, emitter_of(device), start, start + seconds))
    kinds = {f.emitter.modality == "cryo" for f in found}
    if len(kinds) > 1:
        raise InvalidValue(
            "Heat and cold cannot be simulated together.",
            ", ".join(f"{f.needle.id}: {f.emitter.modality}" for f in found),
            "Put them in plans of their own.",
        )
    return tuple(found)


def _is_same_path(one: Applicator, other: Applicator) -> bool:
    return math.dist(one.entry_lps_mm, other.entry_lps_mm) < 1.0 and are_parallel(one, other, 2.0)
