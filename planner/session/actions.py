"""What a user can do, as a table: menu, toolbar, shortcut sheet and tests are made from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from planner.model.roles import Role
from planner.session.appearance import CT_PRESETS, Appearance
from planner.session.outlining import Outline, Outlining
from planner.session.placing import ProbePlacing, Step, plan_with_copy
from planner.session.pointing import Pointer
from planner.session.practising import Practising
from planner.session.session import Session, new_plan

if TYPE_CHECKING:
    from planner.session.accessing import Accessing
    from planner.session.achieving import Achieving
    from planner.session.advising import Advising
    from planner.session.bringing import Bringing
    from planner.session.brushing import Brushing
    from planner.session.catheter_placing import CatheterPlacing
    from planner.session.comparing import Comparing
    from planner.session.electrode_placing import ElectrodePlacing
    from planner.session.following_up import FollowingUp
    from planner.session.growing import Growing
    from planner.session.landmarking import Landmarking
    from planner.session.perfused_painting import PerfusedPainting
    from planner.session.placed_needles import PlacedNeedles
    from planner.session.resecting import Resecting
    from planner.session.simulating import Simulating
    from planner.session.suggesting import Suggesting
    from planner.session.vessel_bench import VesselBench

#: A copied probe is moved so far, across the body.
COPY_SHIFT_MM = 15.0


class Workbench:
    """A session with the tools and looks that belong to it.

    A tool is made when it is first asked for: the first window must not wait for those of all modes.

    Parameters
    ----------
    session
        The session.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.placing = ProbePlacing(session)
        self.outlining = Outlining(session)
        self.practising = Practising(session)
        self.appearance = Appearance()
        self.pointer = Pointer()

    @cached_property
    def accessing(self) -> Accessing:
        """Where needles may enter."""
        from planner.session.accessing import Accessing

        return Accessing(self.session)

    @cached_property
    def suggesting(self) -> Suggesting:
        """Suggested probes."""
        from planner.session.suggesting import Suggesting

        return Suggesting(self.session)

    @cached_property
    def electrodes(self) -> ElectrodePlacing:
        """Arrays of electrodes."""
        from planner.session.electrode_placing import ElectrodePlacing

        return ElectrodePlacing(self.session, self.placing)

    @cached_property
    def advising(self) -> Advising:
        """The checklist of electroporation."""
        from planner.session.advising import Advising

        return Advising(self.session)

    @cached_property
    def resecting(self) -> Resecting:
        """Cuts."""
        from planner.session.resecting import Resecting

        return Resecting(self.session)

    @cached_property
    def comparing(self) -> Comparing:
        """Plans side by side."""
        from planner.session.comparing import Comparing

        return Comparing(self.session)

    @cached_property
    def growing(self) -> Growing:
        """Closed branches, stages and volumetry."""
        from planner.session.growing import Growing

        return Growing(self.session)

    @cached_property
    def catheters(self) -> CatheterPlacing:
        """Tips in arteries."""
        from planner.session.catheter_placing import CatheterPlacing

        return CatheterPlacing(self.session)

    @cached_property
    def painting(self) -> PerfusedPainting:
        """The perfused volume that is painted."""
        from planner.session.perfused_painting import PerfusedPainting

        return PerfusedPainting(self.session, self.catheters)

    @cached_property
    def vessels(self) -> VesselBench:
        """Trees, branches and segments."""
        from planner.session.vessel_bench import VesselBench

        return VesselBench(self.session)

    @cached_property
    def simulating(self) -> Simulating:
        """Heat or cold by a model."""
        from planner.session.simulating import Simulating

        return Simulating(self.session)

    @cached_property
    def _further(self) -> tuple[FollowingUp, Landmarking, PlacedNeedles]:
        """A further scan, and the tools that wait for its clicks: none is there without the others."""
        from planner.session.following_up import FollowingUp
        from planner.session.landmarking import Landmarking
        from planner.session.placed_needles import PlacedNeedles

        following = FollowingUp(self.session)
        return following, Landmarking(following), PlacedNeedles(following)

    @property
    def following(self) -> FollowingUp:
        """A further scan laid over the planning scan."""
        return self._further[0]

    @property
    def landmarking(self) -> Landmarking:
        """The same places in two scans."""
        return self._further[1]

    @cached_property
    def bringing(self) -> Bringing:
        """Structures brought over from another scan."""
        from planner.session.bringing import Bringing

        return Bringing(self.following)

    @cached_property
    def brushing(self) -> Brushing:
        """The zone that is drawn."""
        from planner.session.brushing import Brushing

        return Brushing(self.following)

    @cached_property
    def achieving(self) -> Achieving:
        """The margin that was achieved."""
        from planner.session.achieving import Achieving

        return Achieving(self.following)

    @property
    def placed(self) -> PlacedNeedles:
        """Needles found on a control scan."""
        return self._further[2]

    @cached_property
    def suggesting_electrodes(self) -> Suggesting:
        """Suggested arrays of electrodes."""
        from planner.session.suggesting import ELECTRODE_ORDERS, Suggesting

        return Suggesting(self.session, ("electrode_array",), ELECTRODE_ORDERS)


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
    if not bench.session.is_open:
        return "Nothing is running."
    from planner.session.brushing import Brush
    from planner.session.resecting import Line
    from planner.session.scan_pairs import NextClick

    is_running = bench.session.judgements.is_running
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
    from planner.session.brushing import Brush
    from planner.session.resecting import Line
    from planner.session.scan_pairs import NextClick

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
