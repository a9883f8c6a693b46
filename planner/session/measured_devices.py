"""Own devices sized by own treated zones: what a case shows, pooled with what earlier cases gave."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.io.device_files import name_from_title
from planner.model.case import Case
from planner.model.geometry import FloatArray
from planner.model.plan import Applicator, Plan
from planner.model.roles import Role
from planner.planning.device_fitting import TreatedZone, measured_rows, with_measured_rows
from planner.planning.device_library import device_library
from planner.planning.devices import Device, ZoneRow
from planner.session.own_devices import OwnDevices

#: A zone belongs to the probe whose shaft passes its centre nearest, and no farther than this.
NEAR_MM = 15.0
SOURCE = "own treated zones"


def treated_zones(case: Case, plan: Plan) -> tuple[tuple[TreatedZone, Applicator], ...]:
    """The case's segmented ablation zones, each with the probe of the plan that made it.

    Raises
    ------
    InvalidValue
        If there is no zone, or no probe passes through one.
    """
    structures = case.structures
    zones = [s.name for s in structures.with_role(Role.ABLATION_ZONE) if not structures.box(s.name).is_empty]
    if not zones:
        raise InvalidValue(
            "The case has no segmented ablation zone.", case.title, "Segment one in the mode Afterwards."
        )
    found = []
    for name in zones:
        mask, grid = structures.cropped(name, 2 * max(structures.grid.spacing_mm))
        center = grid.to_lps(np.argwhere(mask)[:, ::-1]).mean(axis=0)
        probes = sorted(plan.applicators, key=lambda a: _off_shaft(a, center))
        if not probes or _off_shaft(probes[0], center) > NEAR_MM:
            raise InvalidValue(
                "No probe of the plan passes through the zone.", name, "Place the probe as it was."
            )
        probe = probes[0]
        zone = TreatedZone(name, mask, grid, probe.entry_lps_mm, probe.tip_lps_mm, probe.settings)
        found.append((zone, probe))
    return tuple(found)


def measured_device(title: str, case: Case, plan: Plan, task: Task | None = None) -> Device:
    """An own device sized by the zones of this case, and by those it was sized by before.

    Raises
    ------
    InvalidValue
        If the zones are of several devices, or cannot be measured.
    """
    pairs = treated_zones(case, plan)
    kinds = {probe.device for _, probe in pairs}
    if len(kinds) > 1:
        raise InvalidValue(
            "The zones were made with several devices.", ", ".join(sorted(kinds)), "Keep one plan a device."
        )
    rows = measured_rows([zone for zone, _ in pairs], source=SOURCE, task=task or Task())
    library = device_library()
    name = name_from_title(title)
    base = library.device(pairs[0][1].device)
    if name in library.own:
        base = library.device(name)
        rows = _pooled(base.rows, rows)
    return with_measured_rows(base, rows, name=name, title=title.strip())


def keep_measured(own: OwnDevices, device: Device) -> None:
    """Keep a measured device, in place of what it was before."""
    is_there = device.name in device_library().own
    own.keep(device, instead_of=device.name if is_there else "")


def _pooled(before: Sequence[ZoneRow], after: Sequence[ZoneRow]) -> tuple[ZoneRow, ...]:
    """Rows of the same settings and source become one: means weighted by their counts, spreads pooled."""
    rows = list(before)
    for new in after:
        same = [
            n
            for n, old in enumerate(rows)
            if dict(old.settings) == dict(new.settings) and old.source == new.source
        ]
        if same:
            rows[same[0]] = _together(rows[same[0]], new)
        else:
            rows.append(new)
    return tuple(rows)


def _together(one: ZoneRow, two: ZoneRow) -> ZoneRow:
    first, second = one.count or 1, two.count or 1
    count = first + second
    long_axis, long_sd = _mean_sd(
        (one.long_axis_mm, one.long_sd_mm, first), (two.long_axis_mm, two.long_sd_mm, second)
    )
    short_axis, short_sd = _mean_sd(
        (one.short_axis_mm, one.short_sd_mm, first), (two.short_axis_mm, two.short_sd_mm, second)
    )
    offset = ((one.center_offset_mm or 0.0) * first + (two.center_offset_mm or 0.0) * second) / count
    return replace(
        one,
        long_axis_mm=long_axis,
        long_sd_mm=long_sd,
        short_axis_mm=short_axis,
        short_sd_mm=short_sd,
        center_offset_mm=offset,
        count=count,
        note=f"Mean of {count}.",
    )


def _mean_sd(
    one: tuple[float | None, float | None, int], two: tuple[float | None, float | None, int]
) -> tuple[float, float]:
    """Mean and standard deviation of two samples taken together, from those of each."""
    (a, sa, n), (b, sb, m) = one, two
    assert a is not None
    assert b is not None
    mean = (a * n + b * m) / (n + m)
    squares = (n - 1) * (sa or 0.0) ** 2 + (m - 1) * (sb or 0.0) ** 2
    squares += n * (a - mean) ** 2 + m * (b - mean) ** 2
    return mean, math.sqrt(squares / (n + m - 1))


def _off_shaft(probe: Applicator, point: FloatArray) -> float:
    """Distance of a point from a probe's shaft, between entry and a little beyond the tip."""
    entry, along = np.array(probe.entry_lps_mm), probe.direction
    at = float(np.clip((point - entry) @ along, 0.0, probe.length_mm + NEAR_MM))
    return float(np.linalg.norm(point - entry - at * along))
