"""Pages of text: shortcuts, about, and the notes of a case."""

from __future__ import annotations

from html import escape

import planner
from planner.model.case import Case
from planner.session.actions import ACTIONS

_MOUSE = (
    ("Wheel", "Scroll slices; in 3D zoom"),
    ("Ctrl + wheel, right drag", "Zoom"),
    ("Middle drag", "Pan"),
    ("Left drag (Navigate)", "Move the linked crosshair"),
    ("Left drag (Window / level)", "Contrast and brightness"),
    ("Left drag on a probe", "Move its tip, its entry, or all of it"),
    ("Double click", "Show a view alone, or all again"),
    ("Left, middle, right drag in 3D", "Turn, pan, zoom"),
)
_KEYS = (
    ("Up, Down, Page Up, Page Down", "Scroll slices"),
    ("N, W", "Navigate, window / level"),
    ("V", "Views along the probe, and back"),
    ("0", "Fit views"),
    ("Ctrl+O, Ctrl+Shift+O", "Open a folder, open files"),
    ("Ctrl+I", "Add structures"),
    ("Ctrl+R", "Report"),
    ("F1", "This sheet"),
)


def shortcut_html() -> str:
    """All keys and mouse moves."""
    keys = [(a.shortcut, a.title) for a in ACTIONS if a.shortcut]
    return "".join(
        f"<h3>{title}</h3><table cellpadding='3'>{_rows(rows)}</table>"
        for title, rows in (("Mouse", _MOUSE), ("Keys", (*keys, *_KEYS)))
    )


def about_html() -> str:
    """What this program is, and what it is not."""
    return f"""<h2>Liver Planner {planner.__version__}</h2>
<p>Planning support for liver-directed therapy, for research and training.</p>
<p><b>It is not a cleared medical device.</b> It must not be used to decide about a patient. Numbers carry
their unit, method and source; what stands on unverified constants or on rules of our own is marked so.</p>
<p>BSD 3-Clause licence. Third-party licences are listed in the documentation.</p>"""


def notes_html(case: Case) -> str:
    """What was corrected or decided when a case was made."""
    rows = "".join(f"<li>{escape(note)}</li>" for note in case.notes)
    return f"<h3>{escape(case.title)}</h3><ul>{rows or '<li>No notes.</li>'}</ul>"


def _rows(rows: tuple[tuple[str, str], ...]) -> str:
    return "".join(f"<tr><td><b>{escape(k)}</b>&nbsp;&nbsp;</td><td>{escape(v)}</td></tr>" for k, v in rows)
