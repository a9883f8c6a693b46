"""What a user can do, as a table: menu, toolbar, shortcut sheet and tests are made from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from planner.model.roles import Role
from planner.session.accessing import Accessing
from planner.session.achieving import Achieving
from planner.session.advising import Advising
from planner.session.appearance import CT_PRESETS, Appearance
from planner.session.bringing import Bringing
from planner.session.brushing import Brush, Brushing
from planner.session.catheter_placing import CatheterPlacing
from planner.session.comparing import Comparing
from planner.session.electrode_placing import ElectrodePlacing
from planner.session.following_up import FollowingUp
from planner.session.growing import Growing
from planner.session.landmarking import Landmarking
from planner.session.outlining import Outline, Outlining
from planner.session.perfused_painting import PerfusedPainting
from planner.session.placed_needles import PlacedNeedles
from planner.session.placing import ProbePlacing, Step, plan_with_copy
from planner.session.pointing import Pointer
from planner.session.practising import Practising
from planner.session.resecting import Line, Resecting
from planner.session.scan_pairs import NextClick
from planner.session.session import Session, new_plan
from planner.session.simulating import Simulating
from planner.session.suggesting import ELECTRODE_ORDERS, Suggesting
from planner.session.vessel_bench import VesselBench

#: A copied probe is moved so far, across the body.
COPY_SHIFT_MM = 15.0


@dataclass
class Workbench:
    """A session with the tools and looks that belong to it."""

    session: Session
    placing: ProbePlacing = field(init=False)
    outlining: Outlining = field(init=False)
    accessing: Accessing = field(init=False)
    suggesting: Suggesting = field(init=False)
    electrodes: ElectrodePlacing = field(init=False)
    suggesting_electrodes: Suggesting = field(init=False)
    advising: Advising = field(init=False)
    resecting: Resecting = field(init=False)
    comparing: Comparing = field(init=False)
    growing: Growing = field(init=False)
    catheters: CatheterPlacing = field(init=False)
    painting: PerfusedPainting = field(init=False)
    vessels: VesselBench = field(init=False)
    simulating: Simulating = field(init=False)
    following: FollowingUp = field(init=False)
    landmarking: Landmarking = field(init=False)
    bringing: Bringing = field(init=False)
    brushing: Brushing = field(init=False)
    achieving: Achieving = field(init=False)
    placed: PlacedNeedles = field(init=False)
    practising: Practising = field(init=False)
    appearance: Appearance = field(default_factory=Appearance)
    pointer: Pointer = field(default_factory=Pointer)

    def __post_init__(self) -> None:
        self.placing = ProbePlacing(self.session)
        self.outlining = Outlining(self.session)
        self.accessing = Accessing(self.session)
        self.suggesting = Suggesting(self.session)
        self.electrodes = ElectrodePlacing(self.session, self.placing)
        self.suggesting_electrodes = Suggesting(self.session, ("electrode_array",), ELECTRODE_ORDERS)
        self.advising = Advising(self.session)
        self.resecting = Resecting(self.session)
        self.comparing = Comparing(self.session)
        self.growing = Growing(self.session)
        self.catheters = CatheterPlacing(self.session)
        self.painting = PerfusedPainting(self.session, self.catheters)
        self.vessels = VesselBench(self.session)
        self.simulating = Simulating(self.session)
        self.following = FollowingUp(self.session)
        self.landmarking = Landmarking(self.following)
        self.bringing = Bringing(self.following)
        self.brushing = Brushing(self.following)
        self.achieving = Achieving(self.following)
        self.placed = PlacedNeedles(self.following)
        self.practising = Practising(self.session)


@dataclass(frozen=True)
class Action:
    """One thing a user can do.

    Parameters
    ----------
    id, title, menu
        Stable name, words, and the menu it stands in.
    run
        Does it.
    why_not
        Why it cannot be done now, or empty where it can.
    shortcut
        Keys, as Qt writes them.
    """

    id: str
    title: str
    menu: str
    run: Callable[[Workbench], None]
    why_not: Callable[[Workbench], str] = lambda _: ""
    shortcut: str = ""


def _needs_case(bench: Workbench) -> str:
    return "" if bench.session.is_open else "Open a case first."


def _needs_lesion(bench: Workbench) -> str:
    if not bench.session.is_open:
        return "Open a case first."
    sets = bench.session.case.structure_sets
    if not sets or not sets[0].with_role(Role.LESION):
        return "The case has no lesion yet: import a mask, or mark one in the mode Structures."
    return ""


def _needs_probe(bench: Workbench) -> str:
    if not bench.session.is_open:
        return "Open a case first."
    chosen = bench.session.selection.instrument
    ids = {i.id for i in bench.session.plan.instruments}
    return "" if chosen in ids else "Select a probe first."


def _needs_needle(bench: Workbench) -> str:
    """A selected straight probe: grids of foci have no shaft to copy along or look along."""
    if why := _needs_probe(bench):
        return why
    chosen = bench.session.selection.instrument
    return "" if any(a.id == chosen for a in bench.session.plan.applicators) else "Select a probe first."


def _undo_why(bench: Workbench) -> str:
    return "" if bench.session.undo_label else "There is nothing to undo."


def _redo_why(bench: Workbench) -> str:
    return "" if bench.session.redo_label else "There is nothing to redo."


def _save_why(bench: Workbench) -> str:
    session = bench.session
    if not session.is_open:
        return "Open a case first."
    if session.folder is None:
        return "The case is not kept in a folder yet."
    if session.folder.is_read_only:
        return "The case is open read-only."
    if session.is_plan_saved and session.plan_versions():
        return "The plan is saved as it is."
    return ""


def _assess_why(bench: Workbench) -> str:
    if not bench.session.is_open:
        return "Open a case first."
    return "" if bench.session.plan.instruments else "Place a probe first."


def _cancel_why(bench: Workbench) -> str:
    is_running = bench.session.is_open and bench.session.judgements.is_running
    is_marking = bench.placing.step != Step.IDLE or bench.outlining.mode != Outline.NONE
    is_marking |= bench.resecting.line != Line.NONE or bench.vessels.is_busy or bench.growing.is_closing
    is_marking |= bench.catheters.is_on or bench.painting.is_on
    is_marking |= bench.following.next_click != NextClick.NOTHING or bench.brushing.brush != Brush.OFF
    return "" if is_running or is_marking or bench.outlining.proposal else "Nothing is running."


def _save(bench: Workbench) -> None:
    bench.session.save_plan()


def _delete_probe(bench: Workbench) -> None:
    id = bench.session.selection.instrument
    bench.session.change_plan(f"Delete probe {id}", bench.session.plan.without_instrument(id))
    left = bench.session.plan.instruments
    bench.session.selection.choose(instrument=left[-1].id if left else "")


def _copy_probe(bench: Workbench) -> None:
    session = bench.session
    probe = next(a for a in session.plan.applicators if a.id == session.selection.instrument)
    plan, id = plan_with_copy(session.plan, probe, (COPY_SHIFT_MM, 0.0, 0.0))
    session.change_plan(f"Copy probe {probe.id}", plan)
    session.selection.choose(instrument=id)


def _aim(bench: Workbench) -> None:
    structures = bench.session.case.structures
    lesions = [s.name for s in structures.with_role(Role.LESION)]
    chosen = bench.session.selection.lesion
    bench.placing.aim_at_center(chosen if chosen in lesions else lesions[0])


def _new_plan(bench: Workbench) -> None:
    session = bench.session
    used = {v.name for v in session.plan_versions()} | {session.plan.name}
    name = next(
        n for n in (chr(65 + i // 26 - 1) * (i >= 26) + chr(65 + i % 26) for i in range(700)) if n not in used
    )
    session.change_plan(f"New plan {name}", new_plan(session.case, name))
    session.selection.choose(instrument="")


def _cancel(bench: Workbench) -> None:
    if bench.growing.is_closing:  # what the clicks have asked for goes on
        bench.growing.close_by_clicks(False)
        return
    bench.placing.cancel()
    bench.outlining.cancel()
    bench.following.wait_for(NextClick.NOTHING)
    bench.brushing.choose_brush(Brush.OFF)
    bench.resecting.start_line(Line.NONE)
    bench.vessels.cancel()
    bench.catheters.stop()
    bench.painting.switch(False)
    bench.session.cancel_drag()
    bench.session.judgements.cancel()


def _preset(index: int) -> Callable[[Workbench], None]:
    return lambda bench: bench.appearance.set_window(CT_PRESETS[index][1])


ACTIONS: tuple[Action, ...] = (
    Action("undo", "Undo", "Edit", lambda b: b.session.undo(), _undo_why, "Ctrl+Z"),
    Action("redo", "Redo", "Edit", lambda b: b.session.redo(), _redo_why, "Ctrl+Shift+Z"),
    Action("new_plan", "New plan", "Plan", _new_plan, _needs_case, "Ctrl+N"),
    Action("save_plan", "Save plan", "Plan", _save, _save_why, "Ctrl+S"),
    Action(
        "place_probe",
        "Place probe (lesion, then entry)",
        "Plan",
        lambda b: b.placing.start(),
        _needs_lesion,
        "P",
    ),
    Action("aim_center", "Place probe at the lesion's centre", "Plan", _aim, _needs_lesion, "Shift+P"),
    Action("copy_probe", "Copy probe parallel", "Plan", _copy_probe, _needs_needle, "Ctrl+D"),
    Action("delete_probe", "Delete probe", "Plan", _delete_probe, _needs_probe, "Del"),
    Action(
        "assess",
        "Assess now",
        "Plan",
        lambda b: b.session.judgements.assess(b.session.case, b.session.plan),
        _assess_why,
        "F5",
    ),
    Action("cancel", "Cancel", "Plan", _cancel, _cancel_why, "Esc"),
    *(
        Action(f"preset_{n + 1}", f"{title} window", "View", _preset(n), _needs_case, str(n + 1))
        for n, (title, _) in enumerate(CT_PRESETS)
    ),
)

ACTION_BY_ID = {action.id: action for action in ACTIONS}
