"""Practice in the real window: nothing that judges is anywhere until the plan is committed, and then all of it is."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from eyes import leaks, numbers, said
from practice_steps import HIDDEN, LESION, exercise_on, own_folders, place_by_mouse, to_practice
from PySide6.QtCore import QPointF
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QLabel, QPushButton, QWidget
from steps import judged, opened

from planner.base.log import log, start_log
from planner.base.task import Task
from planner.model.assessment import Assessment, Severity
from planner.model.plan import Plan
from planner.model.wording import value_text
from planner.planning.arrays import SPACINGS
from planner.practice.measuring import Scored, reference_answer_of, score_plan
from planner.practice.scoring import is_hazard
from planner.scene.palette import MARGIN_CLASSES, rgb
from planner.session.placing import center_of

pytestmark = [pytest.mark.window]

MODULE = "thermal_ablation"
#: What of an answer is no secret: facts of the case and the device, and where the trainee has put the needle.
OPEN = frozenset(
    {
        "lesion_volume_ml", "liver_volume_ml", "ablation_zone_volume_ml", "zone_long_axis_mm",
        "zone_short_axis_mm", "zone_center_offset_mm", "entry_table_position_mm",
    }
)  # fmt: skip
#: Widgets that paint what judges without saying it in words.
PAINTING = ("MarginChart", "MarginMap", "DoseVolumeChart", "LessonList", "FindingList", "MetricTable")
#: Keys of what shows, keeps or leaves what judges a plan.
DEAD_KEYS = (
    "F5", "ctrl+r", "ctrl+e", "ctrl+s", "ctrl+shift+c", "ctrl+n", "ctrl+i", "F2",
)  # fmt: skip
#: They would leave the exercise; asked, the user stays. The sample would have to be made first.
LEAVING = frozenset({"open_sample"})


@dataclass
class Secrets:
    """Numbers and words that must not be anywhere."""

    innocent: frozenset[str]
    numbers: frozenset[str] = frozenset()
    words: tuple[str, ...] = ()

    def add_answer(self, answer: Assessment) -> None:
        """What a module says of a plan."""
        values = [value_text(m) for m in answer.metrics if m.name not in OPEN]
        self.numbers |= numbers(values) - self.innocent
        self.words += tuple(f.text for f in answer.findings)

    def add_score(self, scored: Scored) -> None:
        """An answer, and the points for it."""
        self.add_answer(scored.answer)
        points = [f"{p.points:.1f} of {p.most:g}" for p in scored.score.parts]
        self.words += (*points, f"{scored.score.points:.1f} points")

    def add_places(self, plan: Plan) -> None:
        """Where the needles of a plan are, as a form or the status line would say it."""
        ends = [v for a in plan.applicators for v in (*a.entry_lps_mm, *a.tip_lps_mm)]
        self.numbers |= numbers(f"{abs(v):.1f}" for v in ends) - self.innocent


@pytest.fixture
def log_file(tmp_path: Path) -> Iterator[Path]:
    yield start_log(tmp_path / "log")
    for handler in log().handlers:
        if isinstance(handler, logging.FileHandler) and Path(handler.baseFilename).parent == tmp_path / "log":
            log().removeHandler(handler)
            handler.close()


def found_in(window: Any, secrets: Secrets, seen_alone: bool = False) -> list[str]:
    """Where a secret can be read; the places of the mouse and of the trainee's needle are none."""
    form = window.plan_panel.coordinates
    own = (window.status.position, *form.findChildren(QWidget))
    return leaks(said(own, seen_alone), secrets.numbers, secrets.words)


def legend_pixels(window: Any) -> int:
    """The fewest pixels of the colours of margins in the 3D view."""
    picture = window.views.space.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(picture.constBits(), np.uint8).reshape(picture.height(), -1, 4)[..., 2::-1]
    return min(int((pixels == np.array(rgb(color))).all(axis=-1).sum()) for _, color, _ in MARGIN_CLASSES)


def gaps(window: Any) -> int:
    """Patches on the slices that show what of the lesion no zone holds."""
    return sum(len(view.content().gaps) for view in window.views.slices)


def check_blind(window: Any, secrets: Secrets) -> None:
    """Assert that nothing judges: not in words, not in colours, not in what is kept in memory to be shown."""
    assert found_in(window, secrets) == []
    judgements = window.session.judgements
    for module in judgements.registry.modules:
        judgement = judgements.of(module)
        assert (judgement.assessment, judgement.preview, judgement.error) == (None, None, None)
    assert window.views.space.scene._margins == {}
    assert legend_pixels(window) == 0
    assert gaps(window) == 0
    for view in window.views.every_slice:
        assert view.layers._field is None
        assert view.layers._simulated is None
        assert view.layers._skin_surface is None
    painted = [w for w in QApplication.allWidgets() if w.isVisible() and type(w).__name__ in PAINTING]
    assert painted == []
    assert windows_beside(window) == []
    assert window.windowTitle() == "Liver Planner"
    check_hidden(window)


def check_hidden(window: Any) -> None:
    """Assert that the structure the exercise hides is in no view and no list."""
    assert HIDDEN not in window.session.case.structures
    assert HIDDEN not in window.views.space.scene.surface_names
    for view in window.views.slices:
        assert HIDDEN not in view.content().outlines
    rows = [w for w in window.case_panel.findChildren(QWidget) if HIDDEN in w.accessibleName()]
    assert rows == []
    assert HIDDEN not in window.status.place.text()


def windows_beside(window: Any) -> list[QWidget]:
    """All that is open beside the main window."""
    return [w for w in QApplication.topLevelWidgets() if w.isVisible() and w is not window]


def hover_everything(hand: Any, secrets: Secrets) -> set[str]:
    """Go over the slices point by point; returns all structures the status line has named."""
    window = hand.window
    named: set[str] = set()
    center = center_of(window.session.case_behind.structures, LESION)
    hidden = window.session.case_behind.structures
    for view in window.views.slices:
        at = view.view_of(center)
        near = [at + QPointF(24.0 * i, 24.0 * j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
        for point in (*near, view.view_of(center_of(hidden, HIDDEN))):
            hand.move(view, point)
            line = {w.text(): "status" for w in window.status.findChildren(QLabel)}
            line.pop(window.status.position.text(), None)
            assert leaks(line, secrets.numbers, secrets.words) == []
            assert window.status.value.text().removesuffix("HU").strip().lstrip("-").isdigit()
            named |= set(window.status.place.text().split(", "))
    return named


def files_of(folder: Path) -> dict[str, str]:
    """What a folder holds, by names; a lock says each second that it is held."""
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and "lock" not in p.name
    }


def press_dead_keys(hand: Any, case: Path) -> None:
    """Press the keys of what shows, keeps or exports: nothing opens, nothing is written, nothing changes."""
    window = hand.window
    before, plan = files_of(case), window.session.plan
    hand.click(window.views.axial, QPointF(window.views.axial.width() * 0.5, 12))
    for keys in DEAD_KEYS:
        hand.key(keys)
        assert windows_beside(window) == [], keys
        assert window.session.plan is plan, keys
        assert not window.session.judgements.is_running, keys
    assert files_of(case) == before


def trigger_all(hand: Any, secrets: Secrets) -> set[str]:
    """Trigger what the menus allow, and look each time; returns ids of what could be triggered."""
    window = hand.window
    session, done = window.session, set()
    for id, action in window.menus.actions.items():
        if not action.isEnabled() or id in LEAVING:
            continue
        plan = session.recorded_plan
        action.trigger()
        hand.settle(0.05)
        assert found_in(window, secrets, seen_alone=True) == [], id
        assert window.bench.practising.is_blind, id
        for dialog in window.findChildren(QDialog):
            dialog.close()
            dialog.deleteLater()
        window.bench.placing.cancel()
        if session.recorded_plan != plan:
            (session.redo if id == "undo" else session.undo)()
        assert session.recorded_plan == plan, id
        done.add(id)
    window.choose_tool(0)
    if window.views.follows_probe:
        window.change_views()
    return done


def press_other_modes(hand: Any) -> None:
    """Click the buttons of all other modes: the exercise stays."""
    window = hand.window
    for button in window.mode_buttons.buttons():
        if button.objectName() != "mode_practice":
            assert not button.isEnabled()
            assert button.toolTip()
    hand.click(window.mode_buttons.button(0))
    assert window.is_in("practice_panel")
    links = [b for b in window.findChildren(QPushButton, "myDevices") if b.isVisible()]
    assert links == []


def test_nothing_that_judges_is_said_until_the_plan_is_committed(
    hands: Callable[[int, int], Any],
    own_sample: Path,
    tmp_path: Path,
    log_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    practice = own_folders(monkeypatch, tmp_path)
    for name in ("getExistingDirectory", "getOpenFileNames", "getOpenFileName", "getSaveFileName"):
        monkeypatch.setattr(QFileDialog, name, lambda *_a, **_k: ("", ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_a, **_k: "")
    monkeypatch.setattr("planner.desktop.practice_work.ask", lambda *given: given[-1][-1])
    hand = hands(1440, 900)
    window = opened(hand, own_sample)
    session, practising = window.session, window.bench.practising
    QApplication.clipboard().setText("nothing yet")

    # What an empty plan shows is no secret; what the saved plan shows is, for it is the reference.
    reference = session.plan
    hand.key("ctrl+n")
    spacings = numbers(f"{r.low.source} {r.high.source}" for r in SPACINGS.values())
    secrets = Secrets(numbers(said()) | spacings)
    hand.key("ctrl+z")
    judged(hand)
    exercise = exercise_on(session.case, reference)
    secrets.add_answer(session.judgements.of(MODULE).assessment)
    secrets.add_places(reference)
    assert len(secrets.numbers) > 20
    assert len(found_in(window, secrets)) > 20, "the search finds what is shown"
    hand.wait(lambda: legend_pixels(window) >= 60, "margins to be painted in 3D")
    assert gaps(window) > 0

    # A window beside it, a map of entries on its way, a word under the mouse: all goes as the exercise begins.
    hand.key("ctrl+shift+c")
    assert [w.objectName() for w in windows_beside(window)] == ["compareWindow"]
    windows_beside(window)[0].move(100, 500)  # off the buttons of the modes
    window.choose_mode_of("paths")
    hand.settle(0.6)
    assert window.jobs.is_running
    to_practice(hand)
    vein = center_of(session.case.structures, HIDDEN)
    window._hovered(vein)
    assert HIDDEN in window.status.place.text()
    edits = session.unfinished_edits()
    window.practice_work.begin(exercise)
    hand.wait(lambda: not window.jobs.is_running, "the case to be shown otherwise")
    check_blind(window, secrets)

    id = place_by_mouse(hand)
    tip = window.views.axial.view_of(session.plan.instrument(id).tip_lps_mm)
    hand.drag(window.views.axial, tip, tip + QPointF(10, 6))
    assert session.undo_label == f"Move tip of probe {id}"
    secrets.add_score(score_plan(exercise, session.case_behind, session.plan, Task()))
    check_blind(window, secrets)
    named = hover_everything(hand, secrets)
    assert LESION in named, "the mouse was over the lesion"
    assert HIDDEN not in named
    press_dead_keys(hand, own_sample)
    press_other_modes(hand)
    done = trigger_all(hand, secrets)
    assert {"array", "probe_views", "place_probe", "undo", "theme", "quit", "close_case"} <= done
    assert not done & {"report", "export_plan", "assess", "save_plan", "compare", "devices", "focus_grid"}
    check_blind(window, secrets)

    # On the table the needle lies elsewhere: other numbers, as hidden.
    hand.click(window.practice_panel.attempt.put_in)
    hand.wait(lambda: practising.landing is not None, "the needles to be put in")
    assert practising.landing is not None
    lying = score_plan(exercise, session.case_behind, practising.landing.plan, Task())
    secrets.add_score(lying)
    hand.wait(lambda: not window.jobs.is_running, "the control scan to be shown")
    check_blind(window, secrets)
    hover_everything(hand, secrets)
    press_dead_keys(hand, own_sample)

    # What is on the disk meanwhile.
    hand.wait(lambda: len(practising.journal.read().steps) == len(practising.current.steps), "all to be kept")
    kept = [p.read_text(errors="replace") for p in (practising.journal.path, log_file) if p.exists()]
    assert practising.journal.path.parent == practice
    assert leaks(dict.fromkeys(kept, "disk"), secrets.numbers, secrets.words) == []
    for value in (v for a in reference.applicators for v in (*a.entry_lps_mm, *a.tip_lps_mm)):
        assert not any(f"{value!r}" in text for text in kept)
    assert session.unfinished_edits() == edits
    assert QApplication.clipboard().text() == "nothing yet"

    # Committed: the same search finds it all.
    hand.click(window.practice_panel.attempt.commit)
    hand.wait(lambda: practising.revealed is not None, "the attempt to be judged")
    shown = Secrets(secrets.innocent)
    shown.add_score(lying)
    hand.settle(0.3)
    texts = found_in(window, shown)
    assert len(texts) > 20
    points = practising.revealed.attempt.score.parts
    for part in points:
        assert any(f"{part.points:.1f} of {part.most:g}" in text for text in texts), part.id
    hazards = [f for f in lying.answer.findings if f.severity != Severity.INFO and is_hazard(f.rule)]
    assert hazards
    for finding in hazards:
        assert any(finding.text in text for text in texts), finding.text
    hand.wait(lambda: legend_pixels(window) >= 60, "margins to be painted in 3D")
    assert gaps(window) > 0
    assert HIDDEN in window.views.space.scene.surface_names or window.jobs.is_running
    hand.click(window.practice_panel.reveal.done)
    assert session.plan == reference
    assert HIDDEN in session.case.structures
    assert reference_answer_of(exercise, session.case, Task()).metrics
