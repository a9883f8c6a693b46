"""The plan that comes with the sample case: one microwave antenna in lesion 2."""

from __future__ import annotations

import math

from planner.model.case import Case
from planner.model.geometry import unit_vector
from planner.model.plan import Plan
from planner.planning.device_library import device_library
from planner.planning.placing import aimed_applicator, entry_on_skin

LESION = "Lesion 2"
DEVICE = "generic-mwa-2450"
#: From the lesion towards the entry: from behind on the right, between the ribs.
TOWARDS_ENTRY = (
    math.sin(math.radians(-120.0)),
    -math.cos(math.radians(-120.0)),
    math.tan(math.radians(-10.0)),
)


def sample_plan(case: Case) -> Plan:
    """One antenna whose zone is centred in lesion 2, entering where the line leaves the skin."""
    structures = case.structures
    mask, grid = structures.cropped(LESION)
    k, j, i = (float(n.mean()) for n in mask.nonzero())
    target = grid.to_lps((i, j, k))
    outside = target + 200.0 * unit_vector(TOWARDS_ENTRY)
    entry = entry_on_skin(structures, _point(target), _point(outside))
    device = device_library().device(DEVICE)
    probe = aimed_applicator("p1", device, device.defaults, target, entry, LESION)
    return Plan("A", case.id, (probe,), author="Liver Planner", created="2026-11-03T09:00:00+00:00")


def _point(values: object) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in values)  # type: ignore[attr-defined]
    return x, y, z
