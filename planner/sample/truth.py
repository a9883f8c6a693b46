"""What is known of the sample case in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from planner.sample import painting
from planner.sample.lesions import LESIONS
from planner.sample.liver import GALLBLADDER, VENA_CAVA
from planner.sample.liver_vessels import LiverVessels
from planner.sample.organs import AORTA, aortic_branches, renal_veins
from planner.sample.tubes import segments, stacked


def truth_document(offset_mm: Sequence[float], spacing_mm: Sequence[float]) -> dict[str, object]:
    """Volumes and distances by name, with the tolerance a voxelisation should meet.

    Distances run from surface to surface of the closed forms; the voxels of a structure may lie
    up to half a voxel's diagonal off on either side.
    """
    voxel = float(np.linalg.norm(spacing_mm))
    tree = painting.vessels()
    tubes = {
        "Gallbladder": segments(GALLBLADDER),
        "Portal vein": stacked([LiverVessels.outlined(tree.portal), tree.portal_roots]),
        "Hepatic veins": LiverVessels.outlined(tree.hepatic),
        "Aorta": stacked([segments(AORTA), aortic_branches()]),
        "Inferior vena cava": stacked([VENA_CAVA, renal_veins()]),
    }
    distances: list[dict[str, Any]] = []
    lesions: list[dict[str, Any]] = []
    for number, lesion in enumerate(LESIONS):
        shape = lesion.shape
        center = np.array(shape.center_mm) + np.array(offset_mm)
        lesions.append(
            {
                "name": lesion.name,
                "what": lesion.what,
                "center_lps_mm": [round(float(c), 4) for c in center],
                "half_axes_mm": list(shape.half_axes_mm),
                "axes_lps": np.round(shape.axes, 9).tolist(),
                "volume_ml": round(shape.volume_ml, 6),
                "volume_tolerance_percent": 2.0,
            }
        )
        for name, cones in tubes.items():
            distances.append(_distance(lesion.name, name, shape.distance_to_cones_mm(cones), voxel))
        for other in LESIONS[number + 1 :]:
            distances.append(_distance(lesion.name, other.name, shape.distance_to_mm(other.shape), voxel))
    return {"schema": "liver-planner/sample-truth", "version": 1, "lesions": lesions, "distances": distances}


def _distance(first: str, second: str, value: float, tolerance: float) -> dict[str, Any]:
    return {"from": first, "to": second, "distance_mm": round(value, 4), "tolerance_mm": round(tolerance, 3)}
