"""Electrodes in place in a session: found or marked, compared, judged as placed; plans of them carried over."""

from __future__ import annotations

import itertools
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from two_scan_session import LESION, lay, moved, registered

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.needle_finding import FoundNeedle
from planner.model.assessment import Assessment, Metric, Target
from planner.model.electrode_array import Electrode, ElectrodeArray, PulsePair
from planner.model.image import Image
from planner.model.plan import FocusGrid, Instrument, Plan, Point
from planner.session.actions import Workbench
from planner.session.carrying import make_carried_over, take_carried_over

#: Corners of a rectangle about the lesion, in x and z: 15 mm by 16 mm.
CORNERS = ((-7.5, -8.0), (7.5, -8.0), (7.5, 8.0), (-7.5, 8.0))
VOLTS = {(0, 1): 2250.0, (0, 2): 0.0, (0, 3): 2400.0, (1, 2): 2400.0, (1, 3): 2190.0, (2, 3): 2250.0}


def ends(corner: tuple[float, float], shift: tuple[float, ...] = (0.0, 0.0, 0.0)) -> tuple[Point, Point]:
    """Entry and tip of a needle from the front, 10 mm beyond the lesion's middle."""
    x, y, z = (float(a + b) for a, b in zip(LESION, shift, strict=True))
    return (x + corner[0], y - 90.0, z + corner[1]), (x + corner[0], y + 10.0, z + corner[1])


def array() -> ElectrodeArray:
    electrodes = tuple(Electrode(*ends(c), 20.0) for c in CORNERS)
    pairs = tuple(PulsePair(*key, volts) for key, volts in VOLTS.items())
    return ElectrodeArray("e1", "generic-ire-19g", electrodes, pairs, lesion="Lesion")


def opened(bench: Workbench, *instruments: Instrument) -> Plan:
    plan = Plan("A", bench.session.case.id, instruments or (array(),))
    bench.session.change_plan("Plan electrodes", plan)
    return plan


def mark(bench: Workbench, entry: Point, tip: Point) -> None:
    bench.placed.start_marking()
    bench.following.click(entry)
    bench.following.click(tip)


def answer(coverage: float, currents: dict[str, float], module: str = "electroporation") -> Assessment:
    metrics = [Metric("lesion_coverage_percent", coverage, "%", "Lesion")]
    metrics += [
        Metric("pair_current_a", amperes, "A", f"e1:{pair}", target=Target(high=50.0))
        for pair, amperes in currents.items()
    ]
    return Assessment(module, "0", {}, {}, tuple(metrics))


def judged(monkeypatch: pytest.MonkeyPatch, bench: Workbench, *answers: Assessment) -> None:
    """As if the modules had answered to the plan as placed."""
    monkeypatch.setattr(bench.session.judgements, "current_answers", lambda plan: answers)


def test_marked_electrodes_are_judged_as_placed_and_it_can_be_undone(bench: Workbench) -> None:
    lay(bench)
    plan, placed = opened(bench), bench.placed
    assert placed.why_not() == ""
    for corner in (CORNERS[2], CORNERS[0], CORNERS[3], CORNERS[1]):  # any order
        mark(bench, *ends((1.1 * corner[0], 1.1 * corner[1]), (1.0, 2.0, 0.0)))
    told = placed.placed()
    assert [d.title for d in told.deviations] == [f"e1 electrode {n}" for n in (1, 2, 3, 4)]
    for off, (x, z) in zip(told.deviations, CORNERS, strict=True):
        assert off.lateral_mm == pytest.approx(math.hypot(0.1 * x + 1.0, 0.1 * z), abs=1e-9)
        assert off.depth_mm == pytest.approx(2.0, abs=1e-9)
    rows = {r.title: r for r in placed.pair_rows()}
    assert list(rows) == ["1–2", "1–4", "2–3", "2–4", "3–4"], "1–3 is not pulsed"
    assert (rows["1–2"].distance, rows["1–2"].voltage) == ("15.0 → 16.5", "2250 → 2480")
    assert (rows["1–4"].distance, rows["1–4"].voltage) == ("16.0 → 17.6", "2400 → 2640")
    assert all(r.current == "" and r.trouble == "" for r in rows.values())
    placed.judge_as_placed(plan, ())
    session = bench.session
    assert session.plan.name == "A as placed"
    (now,) = session.plan.electrode_arrays
    assert [(e.entry_lps_mm, e.tip_lps_mm) for e in now.electrodes] == [
        (f.entry_lps_mm, f.tip_lps_mm) for f in told.matched
    ]
    assert {(p.a, p.b): p.voltage_v for p in now.pairs}[0, 3] == 2640.0
    assert placed.planned == plan
    assert [r.title for r in placed.pair_rows()] == list(rows), "against what was planned, not itself"
    assert session.undo_label == "Judge A as placed"
    session.undo()
    assert session.plan == plan


def test_numbers_as_planned_and_as_placed_stand_side_by_side(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Electrode 2 was not found: 3 and 4 are counted as 2 and 3 now, and currents go with them."""
    lay(bench)
    plan, placed = opened(bench), bench.placed
    placed.show(tuple(FoundNeedle(*ends(c)) for n, c in enumerate(CORNERS) if n != 1))
    assert placed.placed().missing == ("e1 electrode 2",)
    words = "e1: 3 of 5 pairs are lost (1–2, 2–3, 2–4)."
    assert (
        placed.pair_words() == f"{words} e1: electrodes are counted anew as placed: 3 is now 2, 4 is now 3."
    )
    assert placed.comparison("Lesion") == ()
    placed.judge_as_placed(plan, (answer(99.7, {"0-3": 30.0, "2-3": 31.0, "0-1": 32.0}),))
    assert [r.current for r in placed.pair_rows()] == ["", ""], "not judged as placed yet"
    judged(monkeypatch, bench, answer(81.0, {"0-2": 33.5, "1-2": 51.0}))
    assert [(r.title, r.current) for r in placed.pair_rows()] == [
        ("1–4", "30.0 → 33.5"),
        ("3–4", "31.0 → 51.0 ▲"),
    ]
    (row,) = placed.comparison("Lesion")
    assert (row.title, row.planned, row.placed) == ("Lesion covered", "99.7 %", "81 %")


def test_two_modules_say_which_of_them_a_number_is_of(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, placed = opened(bench), bench.placed
    placed.show(tuple(FoundNeedle(*ends(c)) for c in CORNERS))
    placed.judge_as_placed(plan, (answer(90.0, {}), answer(70.0, {}, "thermal_ablation")))
    judged(monkeypatch, bench, answer(60.0, {}, "thermal_ablation"), answer(80.0, {}))
    assert [(r.title, r.planned, r.placed) for r in placed.comparison("Lesion")] == [
        ("Lesion covered (electroporation)", "90 %", "80 %"),
        ("Lesion covered (thermal ablation)", "70 %", "60 %"),
    ]


def test_a_voltage_the_generator_does_not_give_is_said(bench: Workbench) -> None:
    opened(bench)
    bench.placed.show(tuple(FoundNeedle(*ends((1.6 * x, 1.0 * z))) for x, z in CORNERS))
    row = bench.placed.pair_rows()[0]
    assert (row.distance, row.voltage) == ("15.0 → 24.0", "2250 → 3000")
    assert "3600 V" in row.trouble


def test_plans_without_needles_say_so(bench: Workbench) -> None:
    opened(bench, FocusGrid("h1", "some-transducer", (LESION,)))
    assert bench.placed.why_not() == "The plan has no probe and no electrode to compare with."
    assert bench.placed.pair_rows() == ()
    assert bench.placed.pair_words() == ""


def test_a_needle_too_short_for_its_electrode_is_named(bench: Workbench) -> None:
    plan = opened(bench, replace(array(), pull_backs=1, pull_back_mm=15.0))
    entry, tip = ends(CORNERS[1])
    short = FoundNeedle((entry[0], tip[1] - 30.0, entry[2]), tip)
    bench.placed.show((FoundNeedle(*ends(CORNERS[0])), short))
    with pytest.raises(InvalidValue, match="too short") as caught:
        bench.placed.judge_as_placed(plan, ())
    assert caught.value.thing.startswith("e1 electrode 2: 30.0 mm for 20 mm of bare part and 15 mm")
    assert bench.session.plan == plan


def test_electrodes_and_foci_go_on_in_the_other_scan(
    bench: Workbench, scans: tuple[Image, Image, np.ndarray]
) -> None:
    session, matrix = bench.session, scans[2]
    (probe,) = session.plan.applicators
    window = tuple((LESION[0] + x, -110.0, LESION[2] + z) for x, z in ((-9.0, -9.0), (9.0, -9.0), (0.0, 9.0)))
    plan = opened(
        bench, array(), FocusGrid("h1", "some-transducer", (LESION,), window, lesion="Lesion"), probe
    )
    registration, pair = registered(bench, matrix), bench.following.pair
    assert pair is not None
    done = make_carried_over(pair, registration, plan, Task())
    lines = done.words.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "e1 electrode 1",
        "e1 electrode 2",
        "e1 electrode 3",
        "e1 electrode 4",
        "p1",
        "h1",
    ]
    gone = float(np.linalg.norm(moved(np.array([LESION]), matrix)[0] - np.array(LESION)))
    assert lines[-1] == f"h1: middle of the foci moved {gone:.0f} mm; check the window on the skin"
    take_carried_over(session, done)
    assert [i.id for i in session.plan.instruments] == ["e1", "h1", "p1"]
    (before,), (after,) = plan.electrode_arrays, session.plan.electrode_arrays
    for a, b in itertools.combinations(range(4), 2):
        distances = [
            math.dist(x.electrodes[a].tip_lps_mm, x.electrodes[b].tip_lps_mm) for x in (before, after)
        ]
        assert distances[0] == pytest.approx(distances[1], abs=1e-9)
    assert after.pairs == before.pairs
    session.undo()
    assert session.plan == plan


def test_an_empty_plan_carries_its_structures_alone(
    bench: Workbench, scans: tuple[Image, Image, np.ndarray]
) -> None:
    session = bench.session
    session.change_plan("Empty", replace(session.plan, instruments=()))
    registration, pair = registered(bench, scans[2]), bench.following.pair
    assert pair is not None
    done = make_carried_over(pair, registration, session.plan, Task())
    assert done.carried is None
    assert "no probe, electrodes or foci" in done.words
