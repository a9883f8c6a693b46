"""How near many needles come to each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from planner.model.geometry import FloatArray
from planner.model.plan import Applicator


def touching_pairs(needles: Sequence[Applicator], within_mm: float) -> tuple[tuple[int, int], ...]:
    """Pairs of needles, by their numbers, whose shafts come nearer than this; as `arrays.gap_mm` measures.

    All pairs are measured at once, for a set of candidates has thousands.
    """
    first, second = np.triu_indices(len(needles), 1)
    entries = np.array([n.entry_lps_mm for n in needles]).reshape(-1, 3)
    shafts = np.array([n.tip_lps_mm for n in needles]).reshape(-1, 3) - entries
    d, e = shafts[first], shafts[second]
    r = entries[first] - entries[second]
    a, b, c = _dot(d, d), _dot(d, e), _dot(e, e)
    f, g = _dot(d, r), _dot(e, r)
    spread = a * c - b * b
    is_askew = spread > 1e-9 * a * c
    s = np.where(is_askew, np.clip((b * g - c * f) / np.where(is_askew, spread, 1.0), 0.0, 1.0), 0.0)
    t = (b * s + g) / c
    inside = np.clip(t, 0.0, 1.0)
    s = np.where(t == inside, s, np.clip((b * inside - f) / a, 0.0, 1.0))
    gaps = np.linalg.norm(r + s[:, None] * d - inside[:, None] * e, axis=1)
    return tuple((int(m), int(n)) for m, n in np.stack([first, second], axis=1)[gaps < within_mm])


def _dot(one: FloatArray, two: FloatArray) -> FloatArray:
    return np.asarray(np.einsum("ij,ij->i", one, two))
