"""Catheters in the pictures of a report: the way to each tip and what it feeds, over slices and in 3D."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from planner.base.errors import PlannerError
from planner.model.assessment import Assessment, ScalarField
from planner.model.case import Case
from planner.model.plan import Plan
from planner.planning.catheter_way import CatheterWay
from planner.planning.perfusion import PERFUSED, SEVERAL
from planner.scene.drawn_catheters import BOTH, CatheterLayer, ShownCatheter, tip_color
from planner.scene.label_overlay import LabelLook, LabelOverlay, part_surface
from planner.scene.layers import Layer, Mesh

#: How solid what is fed stands in 3D.
FED_OPACITY = 0.4
#: A report shows slices of so many lesions that are fed, those fed most first.
MOST_LESIONS, FED_PERCENT = 4, 5.0


def catheter_layers(case: Case, plan: Plan, assessments: Sequence[Assessment]) -> tuple[Layer, ...]:
    """What the tips of a plan feed, and the catheters; none where it has none."""
    targets = plan.catheter_targets
    if not targets:
        return ()
    trees = {t.id: t for t in case.vessel_trees}
    shown = []
    for number, target in enumerate(targets):
        way = None
        if target.tree in trees:
            try:
                way = CatheterWay.to(trees[target.tree], target.position_lps_mm)
            except PlannerError:  # on no branch: the module says so
                way = None
        shown.append(
            ShownCatheter(
                target.id,
                tip_color(number),
                target.position_lps_mm if way is None else way.tip_lps_mm,
                np.zeros((0, 3)) if way is None else way.line_lps_mm,
                None if way is None else way.tree,
                () if way is None else way.beyond,
                False,
            )
        )
    catheters = CatheterLayer()
    catheters.show(shown)
    field = next((f for a in assessments for f in a.fields if f.name == PERFUSED), None)
    return (catheters,) if field is None else (_fed(field, len(targets)), catheters)


def fed_lesions(assessments: Sequence[Assessment]) -> tuple[str, ...]:
    """Lesions that tips feed, those fed most first."""
    found = {
        m.subject: m.value
        for a in assessments
        for m in a.metrics
        if m.name == "lesion_perfused_percent" and m.value is not None and m.value >= FED_PERCENT
    }
    return tuple(sorted(found, key=lambda n: (-found[n], n))[:MOST_LESIONS])


def _fed(field: ScalarField, count: int) -> LabelOverlay:
    colors = {n + 1: tip_color(n) for n in range(count)} | {SEVERAL: BOTH}
    labels = field.values.astype(np.int64)
    overlay = LabelOverlay(labels, field.grid, LabelLook.of(SEVERAL + 1, colors))
    surfaces = ((part_surface(labels == n, field.grid), color) for n, color in colors.items())
    overlay.parts = tuple(Mesh(s, color, FED_OPACITY) for s, color in surfaces if s is not None)
    return overlay
