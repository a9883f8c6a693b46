"""Random plans that keep to an exercise: entries on the skin, targets in and around the lesion, settings of tables."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from planner.base.task import Task
from planner.model.case import Case
from planner.model.electrode_array import Electrode, ElectrodeArray, PulsePair
from planner.model.geometry import unit_vector
from planner.model.plan import Plan
from planner.model.points import as_point
from planner.model.roles import Role
from planner.planning.device_library import device_library
from planner.planning.devices import Device
from planner.planning.lesion_grounds import lesion_grounds
from planner.planning.placing import aimed_applicator
from planner.plugin.hashing import structures_hash
from planner.practice.exercise import Exercise

Floats = npt.NDArray[np.float64]

#: Targets lie so far outside the lesion's voxels at most; entries of one plan so near to each other.
AROUND_MM, BESIDE_MM = 3.0, 40.0
#: Skin so near to the first and last slice is where the scan ends, not where the body does.
ENDS_MM = 5.0
#: As many points of the skin are enough to start from.
SKIN_POINTS = 20_000
#: Electrodes of random arrays: how near and far apart, and V/cm between those that are pulsed.
NEAR_MM, FAR_MM, VOLTS_PER_CM = 8.0, 24.0, (1200.0, 1800.0)


def random_plans(case: Case, exercise: Exercise, count: int, seed: int) -> Iterator[Plan]:
    """So many plans; the same seed gives the same ones."""
    rng = np.random.default_rng(seed)
    skin, inside = _skin(case), _inside(case, exercise.lesion)
    make = _array_plan if exercise.module == "electroporation" else _probe_plan
    for number in range(count):
        plan = None
        while plan is None:
            plan = make(case, exercise, skin, inside, rng, f"random {number}")
        yield plan


def _probe_plan(
    case: Case, exercise: Exercise, skin: Floats, inside: Floats, rng: np.random.Generator, name: str
) -> Plan:
    plan, first = Plan(name, case.id), None
    for number in range(int(rng.integers(1, exercise.most_instruments + 1))):
        device = device_library().device(exercise.devices[int(rng.integers(len(exercise.devices)))])
        target = inside[int(rng.integers(len(inside)))] + rng.uniform(-AROUND_MM, AROUND_MM, 3)
        entry = _entry(skin, target, device, rng, first)
        first = entry if first is None else first
        settings = _settings(device, rng)
        probe = aimed_applicator(f"p{number + 1}", device, settings, target, entry, exercise.lesion)
        plan = plan.with_instrument(probe)
    return plan


def _array_plan(
    case: Case, exercise: Exercise, skin: Floats, inside: Floats, rng: np.random.Generator, name: str
) -> Plan | None:
    device = device_library().device(exercise.devices[int(rng.integers(len(exercise.devices)))])
    target = inside[int(rng.integers(len(inside)))] + rng.uniform(-AROUND_MM, AROUND_MM, 3)
    entry = _entry(skin, target, device, rng, None)
    along = unit_vector(target - entry)
    side = unit_vector(np.cross(along, np.eye(3)[int(np.argmin(np.abs(along)))]))
    other = np.cross(along, side)
    reach = 0.5 * float(np.ptp(inside, axis=0).max()) + 2.0
    exposure = float(rng.choice([15.0, 20.0, 25.0, 30.0]))
    places: list[Floats] = []
    for _ in range(60):
        place = rng.uniform(-reach, reach, 2)
        if all(np.linalg.norm(place - p) >= NEAR_MM for p in places):
            places.append(place)
        if len(places) == exercise.most_instruments:
            break
    electrodes = []
    for place in places[: int(rng.integers(2, exercise.most_instruments + 1))]:
        shift = place[0] * side + place[1] * other
        tip = target + shift + (0.5 * exposure + rng.uniform(-2.0, 2.0)) * along
        electrodes.append(Electrode(as_point(entry + shift), as_point(tip), exposure))
    volts = rng.uniform(*VOLTS_PER_CM)
    pairs = []
    for a, one in enumerate(electrodes):
        for b in range(a + 1, len(electrodes)):
            apart = float(np.linalg.norm(np.array(one.tip_lps_mm) - electrodes[b].tip_lps_mm))
            if apart <= FAR_MM:
                pairs.append(PulsePair(a, b, round(min(3000.0, volts * apart / 10.0))))
    if len(electrodes) < 2 or not pairs:
        return None
    array = ElectrodeArray("e1", device.name, tuple(electrodes), tuple(pairs), lesion=exercise.lesion)
    return Plan(name, case.id, (array,))


def _skin(case: Case) -> Floats:
    """Points of the skin, away from where the scan ends; shape (n, 3)."""
    grounds = lesion_grounds(case.structures, structures_hash(case), Task())
    names = [s.name for s in case.structures.with_role(Role.SKIN)]
    points = np.concatenate([grounds.anatomy.boundaries[n].points_lps_mm for n in names]).astype(float)
    z = points[:, 2]
    points = points[(z > z.min() + ENDS_MM) & (z < z.max() - ENDS_MM)]
    return np.asarray(points[np.random.default_rng(0).permutation(len(points))[:SKIN_POINTS]])


def _inside(case: Case, lesion: str) -> Floats:
    """Middles of a lesion's voxels; shape (n, 3)."""
    mask, grid = case.structures.cropped(lesion)
    k, j, i = mask.nonzero()
    return grid.to_lps(np.stack([i, j, k], axis=1).astype(float))


def _entry(
    skin: Floats, target: Floats, device: Device, rng: np.random.Generator, first: Floats | None
) -> Floats:
    """A point of the skin the device reaches the target from, beside the first of the plan."""
    near = skin[np.linalg.norm(skin - target, axis=1) < device.length.value - device.center_offset.value]
    if first is not None:
        beside = near[np.linalg.norm(near - first, axis=1) < BESIDE_MM]
        near = beside if len(beside) else near
    return np.asarray(near[int(rng.integers(len(near)))])


def _settings(device: Device, rng: np.random.Generator) -> dict[str, float]:
    """Settings somewhere between two rows of the device's table."""
    rows = device.usable_rows()
    one, two = (rows[int(rng.integers(len(rows)))].settings for _ in range(2))
    share = float(rng.uniform())
    between = {n: float(round(v + share * (two[n] - v))) for n, v in one.items()}
    try:
        device.zone(between)
    except ValueError:  # outside the hull of the table
        return dict(one)
    return between
