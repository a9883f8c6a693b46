"""Numbers of a tip that is dragged along an artery: the module's whole preview, and the perfused volume alone.

python tests/benchmarks/bench_catheter.py CASE      bound: 16 ms

Trees are those of the case; without one the tree is found in the outline of the artery, else of the portal vein.
"""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

ROUNDS, BOUND_MS = 60, 16.0


def main(folder: Path) -> int:
    import numpy as np

    import planner
    from planner.base.task import Task
    from planner.model.catheter import Agent, AgentType, CatheterTarget
    from planner.model.plan import Plan
    from planner.model.roles import Role
    from planner.planning.catheter_way import CatheterWay
    from planner.planning.perfusion import Fed
    from planner.planning.vessel_finding import find_tree
    from planner.plugin.registry import find_modules

    case = planner.open_case(folder)
    roles = (Role.HEPATIC_ARTERY, Role.PORTAL_VEIN)
    tree = next((t for role in roles for t in case.vessel_trees if t.role is role), None)
    if tree is None:
        names = [s.name for role in roles for s in case.structures.with_role(role)]
        tree = find_tree(case.structures, names[0], id=names[0])
        case = case.with_vessel_tree(replace(tree, is_confirmed=True))
    facts = {**dict(case.patient.facts), "lung_shunt_percent": "5", "tumor_to_normal_ratio": "3"}
    case = case.with_patient(case.patient.with_facts(facts))
    module = find_modules().module("radioembolization")
    settings = module.settings()
    start = time.perf_counter()
    ground = module.logic.prepare(case, settings, Task())
    print(
        f"{tree.id}: {len(tree.branches)} branches, {ground.liver.classes} classes, prepared in {time.perf_counter() - start:.1f} s"
    )
    longest = max(
        tree.branches,
        key=lambda b: Fed(ground, ground.fed_beyond(CatheterWay(tree, b.number, 0.0))).volume_ml,
    )
    line = longest.points_lps_mm
    places = [line[n % len(line)] for n in range(ROUNDS)]
    plans = [
        Plan("A", case.id, (CatheterTarget("c1", tree.id, tuple(map(float, p)), Agent(AgentType.Y90_GLASS)),))
        for p in places
    ]
    module.logic.preview(case, ground, plans[0], settings, "c1")
    whole, alone = [], []
    for plan, place in zip(plans, places, strict=True):
        start = time.perf_counter()
        module.logic.preview(case, ground, plan, settings, "c1")
        whole.append(1000 * (time.perf_counter() - start))
        start = time.perf_counter()
        fed = Fed(ground, ground.fed_beyond(CatheterWay.nearest(tree, tuple(map(float, place)))))
        assert np.isfinite([fed.volume_ml, *(fed.lesion_percent(n) for n in ground.lesions)]).all()
        alone.append(1000 * (time.perf_counter() - start))
    print(f"whole preview                median {statistics.median(whole):6.2f} ms (bound {BOUND_MS:g})")
    print(f"perfused volume and lesions  median {statistics.median(alone):6.2f} ms")
    return int(statistics.median(whole) > BOUND_MS)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
