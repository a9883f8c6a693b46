"""The window's longer work on a case: opening, importing, surfaces, measuring, reporting."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog

from planner.base.errors import PlannerError
from planner.base.task import Task
from planner.desktop.messages import ask, show_error
from planner.desktop.opening import SeriesDialog, TextDialog
from planner.library.case_folder import create_case_folder, is_case_folder
from planner.library.lock import CaseIsOpen, FolderNotWritable
from planner.model.case import Case
from planner.model.image import Image
from planner.model.plan import Point
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.model.wording import scan_words
from planner.session.outlining import Proposal
from planner.session.placing import center_of

if TYPE_CHECKING:
    from planner.desktop.window import MainWindow


#: What was measured of a structure: its layer, label and whether it is a lesion; then the words.
_Fact = tuple[tuple[Any, int, bool], str]


@dataclass(frozen=True, eq=False)
class _Meshed:
    """What a surface was made of: a label of a layer, and the lesions that belong to it."""

    layer: object
    label: int
    lesions: tuple[tuple[int, int], ...]

    def is_same(self, other: _Meshed | None) -> bool:
        """Whether a surface of another would be the same."""
        if other is None:
            return False
        return self.layer is other.layer and (self.label, self.lesions) == (other.label, other.lesions)


class CaseWork:
    """Everything of the window that takes longer than a frame.

    Parameters
    ----------
    window
        Whose case it works on.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._facts: dict[str, _Fact] = {}
        self._meshed: dict[str, _Meshed] = {}

    # opening -------------------------------------------------------------------------------

    def choose_folder(self) -> None:
        """Ask for a folder: a case folder, or one with a scan."""
        path = QFileDialog.getExistingDirectory(self._window, "Open a case or a DICOM folder")
        if path:
            self.open_paths([Path(path)])

    def choose_files(self) -> None:
        """Ask for files: DICOM, zip, NIfTI, NRRD."""
        paths, _ = QFileDialog.getOpenFileNames(self._window, "Open scan files")
        if paths:
            self.open_paths([Path(p) for p in paths])

    def choose_structures(self) -> None:
        """Ask for segmentations to add to the open case."""
        paths, _ = QFileDialog.getOpenFileNames(
            self._window, "Add structures: label maps, DICOM SEG, meshes, zips"
        )
        if paths:
            self.add_structures([Path(p) for p in paths])

    def take_dropped(self, paths: list[Path]) -> None:
        """Open what was dropped; with a case open, ask whether it belongs to it."""
        if self._window.session.is_open and not any(is_case_folder(p) for p in paths):
            names = ", ".join(p.name for p in paths[:3])
            choices: tuple[str, ...] = ("Open as a case", "Add as structures", "Cancel")
            if self._window.session.is_aside:  # the case stays as it is meanwhile
                choices = (choices[0], choices[-1])
            answer = ask(self._window, "What was dropped?", names, choices)
            if answer == "Cancel":
                return
            if answer == "Add as structures":
                self.add_structures(paths)
                return
        self.open_paths(paths)

    def open_paths(self, paths: list[Path]) -> None:
        """Open a case folder, or import a scan into a new one."""
        case_folders = [p.parent if p.name == "case.json" else p for p in paths]
        if len(paths) == 1 and is_case_folder(case_folders[0]):
            self.open_case_folder(case_folders[0])
        else:
            self._offer_series(paths)

    def open_case_folder(self, path: Path) -> None:
        """Open a case folder, read off the window's thread; where it is open elsewhere, ask what to do."""
        session = self._window.session
        if not self._window.may_leave():
            return

        def read(task: Task) -> Case:
            task.report(0.3, "Opening the case")
            return session.read_folder(path)

        self._window.jobs.start(
            "open", "Opening the case", read, lambda case: self._open_read(path, case), self._failed
        )

    def _open_read(self, path: Path, case: Case) -> None:
        try:
            self._window.session.open_folder(path, case=case)
        except CaseIsOpen as error:
            if not self._open_locked(path, case, error):
                return
        except FolderNotWritable as error:
            if not self._open_unwritable(path, case, error):
                return
        except PlannerError as error:
            self._failed(error)
            return
        self._offer_recovery()

    def _open_locked(self, path: Path, case: Case, error: CaseIsOpen) -> bool:
        choices: tuple[str, ...] = ("Open read-only", "Cancel")
        text = error.thing
        if error.holder.is_stale:
            choices = ("Take over", *choices)
            text += "\n\nThat program seems to have ended without closing it."
        answer = ask(self._window, error.what, text, choices)
        if answer == "Cancel":
            return False
        try:
            self._window.session.open_folder(
                path, read_only=answer == "Open read-only", take_over=answer == "Take over", case=case
            )
        except PlannerError as other:
            self._failed(other)
            return False
        return True

    def _open_unwritable(self, path: Path, case: Case, error: FolderNotWritable) -> bool:
        if ask(self._window, error.what, error.thing, ("Open read-only", "Cancel")) != "Open read-only":
            return False
        try:
            self._window.session.open_folder(path, read_only=True, case=case)
        except PlannerError as other:
            self._failed(other)
            return False
        return True

    def _offer_recovery(self) -> None:
        session = self._window.session
        if session.folder is None or session.folder.is_read_only:
            return
        for edit in session.unfinished_edits()[-1:]:
            text = f"Plan {edit.plan.name}: {edit.label}, {edit.changed[:16].replace('T', ' ')}"
            if (
                ask(self._window, "There are unsaved edits from last time.", text, ("Recover", "Discard"))
                == "Recover"
            ):
                session.recover(edit)
            else:
                session.give_up_unsaved()

    def open_sample(self) -> None:
        """Open the built-in sample case; it is made where it is not there yet."""
        folder = self._window.session.index.cases_folder / "sample"
        if is_case_folder(folder):
            self.open_case_folder(folder)
            return

        def make(task: Task) -> Path:
            from planner.library.store import Store
            from planner.sample.case import make_sample_case, write_truth
            from planner.sample.plan import sample_plan

            case = create_case_folder(make_sample_case(task.part(0.0, 0.9)), folder, task.part(0.9, 1.0))
            write_truth(folder)
            store = Store(folder)
            try:
                store.save_plan(sample_plan(case))
            finally:
                store.close()
            return folder

        self._window.jobs.start("open", "Making the sample case", make, self.open_case_folder, self._failed)

    def _offer_series(self, paths: list[Path]) -> None:
        from planner.io.importing import read_volume_offers

        def look(task: Task) -> Any:
            return read_volume_offers(paths, task)

        self._window.jobs.start(
            "open", "Looking at the files", look, lambda o: self._choose(paths, o), self._failed
        )

    def _choose(self, paths: list[Path], offers: Any) -> None:
        if len(offers) == 1:
            self._import(paths, offers[0].key)
            return
        dialog = SeriesDialog(offers, self._window)
        dialog.accepted.connect(lambda: self._import(paths, dialog.chosen))
        dialog.open()

    def _import(self, paths: list[Path], key: str) -> None:
        from planner.io.importing import read_case

        cases = self._window.session.index.cases_folder

        def work(task: Task) -> Any:
            imported = read_case(paths, series_uid=key, task=task.part(0.0, 0.9))
            folder = free_folder(cases, imported.case.title)
            create_case_folder(imported.case, folder, task.part(0.9, 1.0))
            return folder, imported.report

        self._window.jobs.start("open", "Reading the scan", work, self._imported, self._failed)

    def _imported(self, result: Any) -> None:
        folder, report = result
        self.say_report(report)
        self.open_case_folder(folder)

    def add_structures(self, paths: list[Path]) -> None:
        """Read segmentations, as one change that can be undone.

        They go onto the lattice of the structures that are there; where the shown image has another
        frame of reference they become a set of their own over that image.
        """
        from planner.io.importing import read_structures

        session = self._window.session
        case = session.case
        image = case.image(session.selection.image)
        grid = image.grid
        if case.structure_sets and case.is_in_frame(image):
            own = self._drawn_on(case, image)
            if own is None:
                return
            if own:
                grid = case.structures.grid

        def work(task: Task) -> Any:
            return read_structures(paths, image, grid=grid, task=task)

        self._window.jobs.start("open", "Reading structures", work, self._add, self._failed)

    def _drawn_on(self, case: Case, image: Image) -> bool | None:
        """Whether structures of the shown image lie as those of the planning scan do; None where nobody says.

        Where an image names no frame of reference, nothing tells which of the two they were drawn on.
        """
        planning = case.planning_image
        uid = image.identity.frame_of_reference_uid
        if planning is None or image is planning or (uid and uid == case.frame_of_reference_uid):
            return True
        choices = (f"On {planning.title}", f"On {image.title}", "Cancel")
        text = f"{image.title} does not say how it lies to {planning.title}."
        answer = ask(self._window, "Which scan were these structures drawn on?", text, choices)
        return None if answer == choices[-1] else answer == choices[0]

    def _add(self, imported: Any) -> None:
        session = self._window.session
        case = session.case
        found: StructureSet = imported.structures
        if not case.structure_sets or not case.structures.grid.same_as(found.grid):
            used = {s.id for s in case.structure_sets}
            id = next(n for n in (found.id, *(f"{found.id}-{k}" for k in range(2, 1000))) if n not in used)
            session.change_case("Add structures", case.with_structures(replace(found, id=id)))
        else:
            merged = self._merged(case.structures, found)
            if merged is None:
                return
            session.change_structures("Add structures", merged)
        self.say_report(imported.report)

    def _merged(self, own: StructureSet, found: StructureSet) -> StructureSet | None:
        """Two sets over one lattice as one; asks what to do with names that are there already."""
        twice = [s.name for s in found.structures if s.name in own]
        answer = "Replace"
        if twice:
            text = ", ".join(twice[:6]) + (f" and {len(twice) - 6} more" if len(twice) > 6 else "")
            answer = ask(
                self._window, "These structures are there already.", text, ("Replace", "Keep both", "Cancel")
            )
        if answer == "Cancel":
            return None
        for structure in found.structures:
            named = structure
            if answer == "Keep both" and structure.name in own:
                name = next(n for k in range(2, 1000) if (n := f"{structure.name} ({k})") not in own)
                named = replace(structure, name=name)
            own = own.with_mask(named, found.mask(structure.name))
        return own

    def say_report(self, report: Any) -> None:
        """Say what was corrected and refused on reading files, where something was."""
        if report.corrected or report.refused:
            parts = []
            for title, lines in (
                ("Corrected", report.corrected),
                ("Refused", report.refused),
                ("Taken", report.taken),
            ):
                if lines:
                    parts.append(
                        f"<h3>{title}</h3><ul>" + "".join(f"<li>{_escaped(t)}</li>" for t in lines) + "</ul>"
                    )
            TextDialog("What was read", "".join(parts), self._window).open()

    def _failed(self, error: PlannerError) -> None:
        show_error(self._window, error)

    # plans and reports -----------------------------------------------------------------------

    def export_plan(self) -> None:
        """Write the plan as a file."""
        from planner.io.plan_file import write_plan

        plan = self._window.session.plan
        name, _ = QFileDialog.getSaveFileName(
            self._window, "Export plan", f"{slug(plan.name)}.plan.json", "Plan (*.plan.json)"
        )
        if name:
            try:
                write_plan(plan, Path(name))
            except PlannerError as error:
                show_error(self._window, error)
            else:
                self._window.status.say("The plan is exported.")

    def import_plan(self) -> None:
        """Show a plan from a file; can be undone."""
        from planner.io.plan_file import read_plan

        name, _ = QFileDialog.getOpenFileName(
            self._window, "Import plan", "", "Plan (*.plan.json);;All files (*)"
        )
        if name:
            try:
                plan = read_plan(Path(name))
                self._window.session.change_plan(f"Import plan {plan.name}", plan)
            except PlannerError as error:
                show_error(self._window, error)

    def make_report(self) -> None:
        """Ask for a folder, and write HTML and PDF with pictures there."""
        path = QFileDialog.getExistingDirectory(self._window, "Folder for the report")
        if path:
            self.write_report(Path(path))

    def write_report(self, folder: Path) -> None:
        """Write the report of the open plan into a folder: what the window shows, judged anew if old."""
        from planner.report.checklists import with_checklists
        from planner.report.growth_facts import with_staged
        from planner.report.writing import judge_all, write_report

        session = self._window.session
        case, plan, registry = session.case, session.plan, session.judgements.registry
        settings = {m: dict(session.judgements.settings(m)) for m in registry.modules}
        shown = session.judgements.current_answers(plan)
        simulating = self._window.bench.simulating
        simulated = (simulating.assessment,) if simulating.is_current else ()

        def work(task: Task) -> Any:
            # Stages and checklists here, off the window's thread; none is made twice.
            answers = (
                with_staged(case, plan, shown, registry, task)
                if shown
                else judge_all(registry, case, plan, settings, task)
            )
            return (*with_checklists(case, plan, answers, registry, task), *simulated)

        def done(answers: Any) -> None:
            try:
                written = write_report(case, plan, answers, registry, folder)
            except PlannerError as error:
                show_error(self._window, error)
                return
            self._window.status.say("The report is written.")
            if self._window.isVisible() and answers:
                answer = ask(self._window, "The report is written.", written.html.name, ("Show it", "Close"))
                if answer == "Show it":
                    QDesktopServices.openUrl(QUrl.fromLocalFile(str(written.html)))

        self._window.jobs.start("report", "Writing the report", work, done, self._failed)

    # structures ------------------------------------------------------------------------------

    def propose(self) -> None:
        """Make the proposal of the clicks, off the window's thread."""
        outlining = self._window.bench.outlining
        self._window.jobs.start(
            "outline",
            f"Outlining: {outlining.mode.value}",
            outlining.propose,
            self._show_proposal,
            self._outline_failed,
        )

    def propose_skin(self) -> None:
        """Outline the body."""
        outlining = self._window.bench.outlining
        self._window.jobs.start(
            "outline", "Outlining the skin", outlining.propose_skin, self._show_proposal, self._outline_failed
        )

    def _show_proposal(self, proposal: Proposal) -> None:
        self._window.bench.outlining.show(proposal)

    def _outline_failed(self, error: PlannerError) -> None:
        self._window.bench.outlining.start(self._window.bench.outlining.mode)
        show_error(self._window, error)

    def rename_structure(self, old: str, new: str) -> None:
        """Rename a structure; instruments that name it follow, in the same step to undo."""
        session = self._window.session
        structures = session.case.structures.edited(old, name=new)
        plan = session.plan.with_structure_renamed(old, new)
        session.change_both(f"Rename {old} to {new}", session.case.with_structures(structures), plan)

    def make_surfaces(self) -> None:
        """Mesh the structures that changed, off the window's thread, each shown when it is ready."""
        window = self._window
        session = window.session
        if not session.is_open or not session.case.structure_sets:
            return
        structures = session.case.structures
        lesions = tuple((s.layer, s.label) for s in structures.with_role(Role.LESION))
        wanted = {
            s.name: _Meshed(structures.layers[s.layer], s.label, lesions if s.role == Role.LIVER else ())
            for s in structures.structures
        }
        window.views.space.keep_surfaces(set(wanted))
        self._meshed = {name: made for name, made in self._meshed.items() if name in wanted}
        for name in wanted:
            window.views.space.restyle(name)
        # An older surface stays in sight until the new one is there.
        there = window.views.space.scene.surface_names
        todo = [n for n, m in wanted.items() if n not in there or not m.is_same(self._meshed.get(n))]
        if not todo:
            return

        def work(task: Task) -> None:
            from planner.scene.surfaces import structure_surface

            for n, name in enumerate(todo):
                task.report(n / len(todo), f"3D surface of {name}")
                surface = structure_surface(structures, name)
                window.main_thread.post(lambda name=name, surface=surface: show(name, surface))  # type: ignore[misc]

        def show(name: str, surface: Any) -> None:
            if session.is_open and session.case.structure_sets and name in session.case.structures:
                self._meshed[name] = wanted[name]
                window.views.space.set_surface(name, surface)

        window.jobs.start(
            "surfaces", "3D surfaces", work, lambda _: window.views.space.surfaces_done(), self._failed
        )

    def measure(self) -> None:
        """Diameters and volumes for the list, off the window's thread."""
        window = self._window
        session = window.session
        if not session.is_open or not session.case.structure_sets:
            self._facts = {}
            window.case_panel.set_facts({})
            return
        structures = session.case.structures
        known = self._facts
        keys = {
            s.name: (structures.layers[s.layer], s.label, s.role == Role.LESION)
            for s in structures.structures
        }

        def is_known(name: str) -> bool:
            held = known.get(name)
            return held is not None and held[0][0] is keys[name][0] and held[0][1:] == keys[name][1:]

        def show(facts: dict[str, _Fact]) -> None:
            self._facts = facts
            window.case_panel.set_facts({name: words for name, (_, words) in facts.items()})

        if all(is_known(name) for name in keys):
            show({name: known[name] for name in keys})
            return

        def work(task: Task) -> dict[str, _Fact]:
            return {
                name: known[name] if is_known(name) else (key, _facts(structures, name, task))
                for name, key in keys.items()
            }

        window.jobs.start("measure", "Measuring structures", work, show, self._failed)

    # words -----------------------------------------------------------------------------------

    def first_look(self) -> Point:
        """Where the crosshair starts: the plan's lesion, the largest one, the liver, or the middle."""
        session = self._window.session
        case = session.case
        if case.structure_sets:
            structures = case.structures
            for lesion in (i.lesion for i in session.plan.instruments if i.lesion in structures):
                session.selection.choose(lesion=lesion)
                return center_of(structures, lesion)
            for role in (Role.LESION, Role.LIVER):
                names = [s.name for s in structures.with_role(role) if not structures.box(s.name).is_empty]
                if names:
                    name = max(names, key=structures.voxel_count)
                    if role == Role.LESION:
                        self._window.session.selection.choose(lesion=name)
                    return center_of(structures, name)
        x, y, z = (float(v) for v in case.image().grid.center_lps_mm)
        return x, y, z

    def structures_at(self, lps_mm: Point) -> str:
        """Names of the structures at a point, the skin left out."""
        case = self._window.session.case
        if not case.structure_sets:
            return ""
        structures = case.structures
        if not structures.grid.contains(lps_mm):
            return ""
        i, j, k = np.rint(structures.grid.to_ijk(np.array(lps_mm))).astype(int)
        labels = [int(layer[k, j, i]) for layer in structures.layers]
        names = [s.name for s in structures.structures if labels[s.layer] == s.label and s.role != Role.SKIN]
        return ", ".join(names)

    def banner(self) -> tuple[str, str]:
        """Patient and scan in words."""
        session = self._window.session
        if not session.is_open:
            return "", ""
        case: Case = session.case
        patient = case.patient
        facts = [
            patient.name or case.title,
            f"ID {patient.id}" if patient.id else "",
            patient.sex,
            patient.birth_date,
        ]
        if session.folder is not None and session.folder.is_read_only:
            facts.append("read-only")
        scan = ""
        if case.images:
            image = case.image(session.selection.image)
            i, j, k = image.grid.spacing_mm
            scan = " · ".join((*scan_words(image), f"{i:.2f} × {j:.2f} × {k:.2f} mm"))
        return "   ".join(f for f in facts if f), scan


def slug(text: str) -> str:
    """A title as a file name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.") or "case"


def free_folder(parent: Path, title: str) -> Path:
    """A folder that is not there yet; its name holds no patient's name."""
    del title
    number = 1
    while (parent / f"case-{number:04d}").exists():
        number += 1
    return parent / f"case-{number:04d}"


def _facts(structures: StructureSet, name: str, task: Task) -> str:
    from planner.compute.extent import longest_diameter_mm

    task.report(0.5, f"Measuring {name}")
    if structures.box(name).is_empty:
        return "empty"
    volume = structures.volume_ml(name)
    words = f"{volume:.1f} ml" if volume < 100 else f"{volume:,.0f} ml".replace(",", " ")
    if structures[name].role == Role.LESION:
        return f"{longest_diameter_mm(structures, name):.0f} mm · {words}"
    return words


def _escaped(text: str) -> str:
    from html import escape

    return escape(text)
