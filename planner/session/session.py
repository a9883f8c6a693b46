"""The session: the open case and plan, and every change a user can make to them, without Qt."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from psygnal import Signal

from planner.base.errors import InvalidValue, PlannerError
from planner.base.log import identifiers
from planner.base.task import Task
from planner.library.case_folder import open_case_folder, save_case, write_arrays
from planner.library.index import LibraryIndex
from planner.library.lock import CaseLock
from planner.library.store import PlanVersion, Store, UnfinishedEdit
from planner.model.case import Case
from planner.model.plan import Plan
from planner.model.structures import StructureSet
from planner.plugin.registry import Registry, find_modules
from planner.session.case_settings import CaseSettings
from planner.session.history import History, State
from planner.session.judgement import Judgements, Post
from planner.session.selection import Selection
from planner.session.user_settings import SettingsFile, UserSettings

#: A drag that goes on is journalled so often.
JOURNAL_EVERY_S = 0.8


@dataclass(frozen=True)
class OpenFolder:
    """The case folder behind the open case."""

    path: Path
    store: Store
    lock: CaseLock | None
    writer: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
    )

    def close(self) -> None:
        """Finish writing and give the folder free."""
        self.writer.shutdown(wait=True)
        self.store.close()
        if self.lock is not None:
            self.lock.release()

    @property
    def is_read_only(self) -> bool:
        """Whether changes cannot be kept in it."""
        return self.lock is None


class Session:
    """Holds the current case and plan and announces changes.

    The truth is one immutable case and one immutable plan; views listen and write nothing back
    except through the methods here.

    Parameters
    ----------
    registry
        The treatment modules; found when first needed where None.
    index
        The library's index.
    post
        Runs a call on the session's own thread; the desktop gives Qt's, else calls run at once.
    settings_file
        The user's settings; in the user's configuration folder by default.
    """

    case_changed = Signal()
    plan_changed = Signal()
    dragged = Signal()
    saved = Signal()
    trouble = Signal(PlannerError)

    def __init__(
        self,
        registry: Registry | None = None,
        index: LibraryIndex | None = None,
        post: Post | None = None,
        settings_file: SettingsFile | None = None,
    ) -> None:
        self.index = index or LibraryIndex()
        self._settings_file = settings_file or SettingsFile()
        self._settings: UserSettings | None = None
        self.selection = Selection()
        self._post = post or (lambda call: call())
        self._registry = registry
        self._judgements: Judgements | None = None
        self._history: History | None = None
        self._folder: OpenFolder | None = None
        self._dragged: Plan | None = None
        self._saved: tuple[Plan, Case] | None = None
        self._aside: State | None = None
        self._journalled_s = 0.0
        #: What was changed, undone or redone last, in words.
        self.last_change = ""

    # what is open --------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether a case is open."""
        return self._history is not None

    @property
    def case(self) -> Case:
        """The open case; raises `PlannerError` where none is open."""
        return self._state.case

    @property
    def plan(self) -> Plan:
        """The open plan, with what is being dragged in its place."""
        return self._dragged or self._state.plan

    @property
    def recorded_plan(self) -> Plan:
        """The open plan without what is being dragged or only looked at."""
        return self._state.plan

    @property
    def folder(self) -> OpenFolder | None:
        """The case folder, or None where the case is not kept yet."""
        return self._folder

    @property
    def is_plan_saved(self) -> bool:
        """Whether the open plan, or that behind one worked on aside, stands in the store as it is."""
        return self._saved is not None and self._saved[0] == (self._aside or self._state).plan

    @property
    def judgements(self) -> Judgements:
        """What the treatment modules say."""
        if self._judgements is None:
            self._registry = self._registry or find_modules()
            self._judgements = Judgements(
                self._registry, self._post, self.settings.modules, CaseSettings(self)
            )
            self._judgements.settings_changed.connect(self._keep_module_settings)
            self._judgements.trouble.connect(self._say_trouble)
        return self._judgements

    # settings ------------------------------------------------------------------------------

    @property
    def settings(self) -> UserSettings:
        """What the user has set; read once. A file that cannot be read is said, and left as it is."""
        if self._settings is None:
            try:
                self._settings = self._settings_file.read()
            except PlannerError as error:
                self._settings = UserSettings()
                trouble = error
                self._post(lambda: self.trouble.emit(trouble))
        return self._settings

    def change_settings(self, settings: UserSettings) -> None:
        """Take over and keep settings; where they cannot be kept they hold until the end."""
        is_same = settings == self.settings
        self._settings = settings
        if is_same:
            return
        try:
            self._settings_file.write(settings)
        except PlannerError as error:
            self.trouble.emit(error)

    def _say_trouble(self, error: PlannerError) -> None:
        self.trouble.emit(error)

    def _keep_module_settings(self, module: str) -> None:
        self.change_settings(self.settings.with_module(module, self.judgements.own_settings(module)))

    @property
    def _state(self) -> State:
        if self._history is None:
            raise PlannerError("No case is open.", "", "Open a case first.")
        return self._history.current

    # opening and closing -------------------------------------------------------------------

    def open_folder(
        self, path: Path, read_only: bool = False, take_over: bool = False, case: Case | None = None
    ) -> None:
        """Open a case folder; what was open is closed only when the new one could be read.

        Parameters
        ----------
        path, read_only, take_over
            Which folder, and how where it is open elsewhere.
        case
            What `read_folder` gave for it, where that was asked for on another thread.

        Raises
        ------
        CaseIsOpen
            If it is open elsewhere and ``read_only`` is not asked for.
        InputRefused
            If it cannot be read.
        """
        case = case or self.read_folder(path)
        lock = None if read_only else CaseLock(path, take_over)
        try:
            store = Store(path, read_only=read_only)
        except PlannerError:
            if lock is not None:
                lock.release()
            raise
        self.close()
        self._folder = OpenFolder(path, store, lock)
        if not read_only:
            store.audit("open case")
        self._begin(case, self._first_plan(case, store))
        with contextlib.suppress(PlannerError, OSError):
            self.index.note(path, case)

    @staticmethod
    def read_folder(path: Path) -> Case:
        """The case of a folder with what a first look needs; touches no session, so any thread may ask.

        Raises
        ------
        InputRefused
            If it cannot be read.
        """
        case = open_case_folder(path)
        for structures in case.structure_sets:
            for structure in structures.structures:
                structures.box(structure.name)  # found once, and it reads the volume
        return case

    def open_case(self, case: Case, plan: Plan | None = None) -> None:
        """Open a case that is not kept in a folder."""
        self.close()
        self._begin(case, plan or new_plan(case))

    def close(self) -> None:
        """Close what is open; unsaved edits stay in the journal unless they were given up."""
        if self._judgements is not None:
            self._judgements.close()
            self._judgements = None
        self._history = self._dragged = self._saved = self._aside = None
        self.selection.clear()
        folder, self._folder = self._folder, None
        if folder is not None:
            folder.close()
            self.case_changed.emit()

    def give_up_unsaved(self) -> None:
        """Say that unsaved edits are given up on purpose."""
        if self._folder is not None and not self._folder.is_read_only:
            self._folder.store.settle_journal()

    def _begin(self, case: Case, plan: Plan) -> None:
        identifiers.hide(case.patient.name, case.patient.id, case.title)
        self._history = History(State("", case, plan))
        self._saved = (plan, case)
        self.case_changed.emit()
        self.plan_changed.emit()

    @staticmethod
    def _first_plan(case: Case, store: Store) -> Plan:
        versions = store.plan_versions()
        return store.plan(versions[-1].name) if versions else new_plan(case)

    # changes -------------------------------------------------------------------------------

    def change_plan(self, label: str, plan: Plan) -> None:
        """Make a change of the plan, record it under its name, and journal it.

        Raises
        ------
        InvalidValue
            If the plan belongs to another case.
        """
        if plan.case_id != self.case.id:
            raise InvalidValue("The plan was made on another case.", plan.name, "Open that case.")
        self._dragged = None
        if plan == self._state.plan:
            self.plan_changed.emit()
            return
        self._record(State(label, self.case, plan))

    def change_case(self, label: str, case: Case) -> None:
        """Make a change of the case's structures or facts, record it, and keep it in the folder.

        Raises
        ------
        PlannerError
            If a plan is worked on aside: the case stays as it is then.
        """
        self._check_not_aside()
        self._record(State(label, self._kept(case, label), self._state.plan))

    def change_both(self, label: str, case: Case, plan: Plan) -> None:
        """Make one change of case and plan, such as going on in another scan; one step to undo.

        Raises
        ------
        InvalidValue
            If the plan belongs to another case.
        PlannerError
            If a plan is worked on aside.
        """
        self._check_not_aside()
        if plan.case_id != case.id:
            raise InvalidValue("The plan was made on another case.", plan.name, "Open that case.")
        self._dragged = None
        self._record(State(label, self._kept(case, label), plan))

    def written(self, case: Case, task: Task) -> Case:
        """A case with its new voxels written into the folder already, so that a change to it is quick.

        Any thread may ask; the open case stays as it is, and so does the folder where it is cancelled.
        """
        folder = self._folder
        if folder is None or folder.is_read_only:
            return case
        return write_arrays(case, folder.path, task)

    def check_frame(self, image: str) -> None:
        """Raise `PlannerError` where an image's points are no points of the plan's frame of reference."""
        shown = self.case.image(image)
        if not self.case.is_in_frame(shown):
            raise PlannerError(
                "This scan has another frame of reference than the structures the plan is judged on.",
                shown.title,
                "Choose the scan they were made on, or judge on a structure set of this scan.",
            )

    def change_structures(self, label: str, structures: StructureSet) -> None:
        """Make a change of the structures plans are judged on."""
        self.change_case(label, self.case.with_structures(structures))

    @property
    def is_dragging(self) -> bool:
        """Whether an instrument is being dragged."""
        return self._dragged is not None

    def drag_plan(self, plan: Plan) -> None:
        """Show a plan while an instrument is dragged; not recorded until `drop`."""
        self._dragged = plan
        if time.monotonic() - self._journalled_s > JOURNAL_EVERY_S:
            self._journal(plan, "Unfinished drag")
        self.judgements.preview(self.case, plan, self.selection.instrument)
        self.dragged.emit()

    def drop(self, label: str) -> None:
        """End a drag: the dragged plan becomes a recorded change."""
        if self._dragged is not None:
            self.change_plan(label, self._dragged)

    def cancel_drag(self) -> None:
        """End a drag without a change."""
        if self._dragged is not None:
            self._dragged = None
            self.plan_changed.emit()

    @property
    def is_aside(self) -> bool:
        """Whether a plan is worked on aside: nothing of it is kept with the case."""
        return self._aside is not None

    def work_aside(self, label: str, plan: Plan, case: Case | None = None) -> None:
        """Show another plan aside, as in practice: undo stops at it, and neither it nor its edits are kept with the case.

        What was open stays as it is behind it, unsaved edits too, until `end_aside` shows it again.

        Parameters
        ----------
        label, plan
            What undo would call it, and the plan.
        case
            How the case is shown meanwhile, such as with structures fewer; as it is where None.

        Raises
        ------
        InvalidValue
            If the plan belongs to another case, or another one is worked on aside already.
        """
        if self._aside is not None or self._history is None:
            raise InvalidValue("A plan is worked on aside already.", self.plan.name, "End that first.")
        self._check_same_case(plan, case)
        self._aside = self._state
        self._put_aside(State(label, case or self.case, plan))

    def go_on_aside(self, label: str, plan: Plan, case: Case | None = None) -> None:
        """Show yet another plan or case aside; undo stops at it from now on.

        Raises
        ------
        InvalidValue
            If no plan is worked on aside, or it belongs to another case.
        """
        if self._aside is None:
            raise InvalidValue("No plan is worked on aside.", plan.name, "Begin first.")
        self._check_same_case(plan, case)
        self._put_aside(State(label, case or self.case, plan))

    @property
    def case_behind(self) -> Case:
        """The open case as it is kept, whatever is shown of it aside."""
        return self._aside.case if self._aside is not None else self.case

    def _check_same_case(self, plan: Plan, case: Case | None) -> None:
        if {plan.case_id, (case or self.case).id} != {self.case.id}:
            raise InvalidValue("The plan was made on another case.", plan.name, "Open that case.")

    def _check_not_aside(self) -> None:
        if self._aside is not None:
            raise PlannerError(
                "The case stays as it is while a plan is worked on aside.",
                self.case.title,
                "End the practice first.",
            )

    def _put_aside(self, state: State) -> None:
        assert self._history is not None
        self._dragged = None
        old = self._state
        self._history.record(state)
        self._history.stop_here()
        self._announce(old, state, state.label)

    def end_aside(self) -> None:
        """Show what was open before a plan was worked on aside; nothing where none is."""
        if self._aside is None or self._history is None:
            return
        old, self._dragged = self._state, None
        self._history.go_back_to(self._aside)
        before, self._aside = self._aside, None
        if before.case is not old.case:
            self.case_changed.emit()
        self.plan_changed.emit()

    def undo(self) -> None:
        """Take back the last change."""
        self._go(lambda history: history.undo(), "Undo")

    def redo(self) -> None:
        """Bring back the change taken back last."""
        self._go(lambda history: history.redo(), "Redo")

    @property
    def undo_label(self) -> str:
        """Name of the change undo takes back, or empty."""
        return self._history.undo_label if self._history else ""

    @property
    def redo_label(self) -> str:
        """Name of the change redo brings back, or empty."""
        return self._history.redo_label if self._history else ""

    def _record(self, state: State) -> None:
        assert self._history is not None
        old = self._state
        self._history.record(state)
        self._announce(old, state, state.label)

    def _go(self, move: Callable[[History], State], word: str) -> None:
        if self._history is None:
            return
        self._dragged = None
        old = self._state
        state = move(self._history)
        if state is not old:
            if state.case is not old.case:
                self._kept(state.case, word)
            self._announce(old, state, f"{word} {state.label}".strip())

    def _announce(self, old: State, state: State, label: str) -> None:
        self.last_change = label
        if state.plan != old.plan:
            self._journal(state.plan, label)
        if state.case is not old.case:
            self.case_changed.emit()
        self.plan_changed.emit()

    def _kept(self, case: Case, label: str) -> Case:
        if self._folder is None or self._folder.is_read_only:
            return case
        return save_case(case, self._folder.path, self._folder.store, label)

    def _journal(self, plan: Plan, label: str) -> None:
        """Write the journal off the session's thread: syncing a disk may take longer than a frame."""
        folder = self._folder
        if folder is None or folder.is_read_only or self._aside is not None:
            return
        self._journalled_s = time.monotonic()

        def write() -> None:
            try:
                folder.store.journal(plan, label)
            except PlannerError as error:
                trouble = error
                self._post(lambda: self.trouble.emit(trouble))

        folder.writer.submit(write)

    # plans ---------------------------------------------------------------------------------

    def save_plan(self) -> int:
        """Keep the plan as a new version; returns its number.

        Raises
        ------
        PlannerError
            If the case has no folder, is read-only, or the disk is full; the plan stays open.
        """
        if self._folder is None:
            raise PlannerError(
                "The case is not kept in a folder yet.", self.case.title, "Save the case first."
            )
        if self._aside is not None:
            raise PlannerError(
                "This plan is not kept with the case.", self.plan.name, "End the practice first."
            )
        # In the writer's turn, so that no older journal entry comes after the save.
        version = self._folder.writer.submit(self._folder.store.save_plan, self._state.plan).result()
        self._saved = (self._state.plan, self.case)
        self.saved.emit()
        return version

    def plan_versions(self) -> tuple[PlanVersion, ...]:
        """Saved plan versions of the case, oldest first."""
        return self._folder.store.plan_versions() if self._folder else ()

    def saved_plan(self, name: str, version: int | None = None) -> Plan:
        """A saved plan, its latest version unless one is named; raises `PlannerError` where there is none."""
        if self._folder is None:
            raise PlannerError("The case is not kept in a folder yet.", name, "Save the case first.")
        return self._folder.store.plan(name, version)

    def open_plan(self, name: str, version: int | None = None) -> None:
        """Show a saved plan; can be undone. Raises `PlannerError` where another one is worked on aside."""
        self._check_not_aside()
        plan = self.saved_plan(name, version)
        self.change_plan(f"Open plan {name}", plan)
        self._saved = (plan, self.case)
        self.saved.emit()

    def unfinished_edits(self) -> tuple[UnfinishedEdit, ...]:
        """Unsaved edits found in the journal, such as after a crash."""
        if self._folder is None:
            return ()
        store = self._folder.store
        saved = {v.name for v in store.plan_versions()}
        edits = store.unfinished_edits()
        return tuple(e for e in edits if e.plan.name not in saved or store.plan(e.plan.name) != e.plan)

    def recover(self, edit: UnfinishedEdit) -> None:
        """Take up an unsaved edit again; can be undone."""
        self.change_plan("Recover unsaved edits", edit.plan)

    def rename_plan(self, name: str) -> None:
        """Give the plan another name; later saves go under it."""
        self.change_plan("Rename plan", replace(self._state.plan, name=name))


def new_plan(case: Case, name: str = "A", author: str = "") -> Plan:
    """An empty plan for a case."""
    return Plan(name, case.id, author=author, created=datetime.now(UTC).isoformat(timespec="seconds"))
