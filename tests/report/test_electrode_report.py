"""The report of a plan with a probe and an array: its pairs, electrodes, pictures and checklist."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QSizeF
from PySide6.QtGui import QImage

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import custom_probe, phantom, plan_of

from planner.base.task import Task
from planner.model.assessment import Assessment, Confidence, Source, Target
from planner.model.case import Case
from planner.model.electrode_array import Electrode, ElectrodeArray, PulsePair
from planner.model.plan import Plan
from planner.model.roles import Role
from planner.plugin.registry import find_modules
from planner.report.checklists import checked_lesions, with_checklists
from planner.report.pair_table import COLUMNS, pair_rows, pair_table_csv
from planner.report.writing import DPI, judge_all, printed_document, write_report

REGISTRY = find_modules()
FAST: Mapping[str, Mapping[str, object]] = {
    "electroporation": {"field_voxel_mm": 2.0, "robustness_samples": 0},
    "thermal_ablation": {"robustness_samples": 0},
}
#: The second lesion, which the array alone treats.
OTHER = (30.0, 0.0, 10.0)


def three_needles() -> ElectrodeArray:
    """Around the second lesion, along the patient's axis; one pair asks for more than the generator gives."""
    x, y, z = OTHER
    places = ((x - 7.0, y - 4.0), (x + 7.0, y - 4.0), (x, y + 9.0))
    electrodes = tuple(Electrode((a, b, z - 80.0), (a, b, z + 10.0), 20.0) for a, b in places)
    pairs = (PulsePair(0, 1, 2100.0), PulsePair(0, 2, 3200.0), PulsePair(1, 2, 0.0))
    return ElectrodeArray("e1", "generic-ire-19g", electrodes, pairs, lesion="other")


@dataclass(frozen=True)
class Written:
    """A written report with what it is of."""

    case: Case
    plan: Plan
    answers: tuple[Assessment, ...]
    folder: Path
    page: str

    @property
    def pulsed(self) -> Assessment:
        """What is said of the electrodes."""
        return next(a for a in self.answers if a.module == "electroporation" and not a.checks)


@pytest.fixture(scope="module")
def written(qapp: object, tmp_path_factory: pytest.TempPathFactory) -> Written:
    case = phantom((3.0, 3.0, 3.0), other=(Role.LESION, OTHER, 6.0))
    plan = Plan("A", case.id, (custom_probe(), three_needles()))
    answers = judge_all(REGISTRY, case, plan, FAST)
    folder = tmp_path_factory.mktemp("report")
    write_report(case, plan, answers, REGISTRY, folder)
    return Written(case, plan, answers, folder, (folder / "report.html").read_text(encoding="utf-8"))


def words(html: str) -> str:
    """A piece of a page without its tags."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", html))).strip()


def section(page: str, title: str) -> str:
    """A part of a page up to the next heading."""
    return page.split(f"<h2>{title}</h2>", 1)[1].split("<h2>", 1)[0]


def shown_pairs(page: str) -> list[list[str]]:
    """The cells of each pair's row."""
    rows = re.findall(r'<tr class="pair">(.*?)</tr>', section(page, "Pair table: e1"), re.S)
    return [[words(c) for c in re.findall(r"<td>(.*?)</td>", row, re.S)] for row in rows]


def test_each_pair_stands_once_with_the_numbers_of_the_answer(written: Written) -> None:
    rows = shown_pairs(written.page)
    assert [r[0] for r in rows] == ["1–2", "1–3", "2–3"]
    for row in rows:
        first, second = (int(n) - 1 for n in row[0].split("–"))
        for column, cell in zip(COLUMNS, row[1:], strict=True):
            value = written.pulsed.metric(column.metric, f"e1:{first}-{second}").value
            if value is None:
                assert cell == "–"
            else:
                assert float(re.match(r"[\d.]+", cell)[0]) == pytest.approx(  # type: ignore[index]
                    value, abs=0.5000001 * 10.0**-column.digits
                )
    numbers = section(written.page, "Electroporation: all numbers")
    assert "Lesion covered" in numbers
    for title in ("Nominal V/d", "Pulse length", "e1:0-1"):
        assert title not in numbers
    assert "e1, electrode 1" in numbers, "electrodes count from one"


def test_what_is_outside_its_limits_is_said_in_words(written: Written) -> None:
    table = section(written.page, "Pair table: e1")
    said = words(table)
    assert "1–3: Voltage outside limits: 100 to 3000 (unverified)" in said
    assert said.count("Voltage outside limits") == 1
    assert "≤ 50 (unverified)" in said, "limits nobody verified say so"
    assert "3200 V ▲" in said
    assert "2100 V ✓" in said
    assert "the field" in said.split("Nominal V/d:")[-1].split(";")[0], "a nominal is not taken for the field"


def test_table_and_page_hold_the_same_rows(written: Written) -> None:
    table = list(csv.reader(io.StringIO(pair_table_csv(written.pulsed))))[1:]
    page = shown_pairs(written.page)
    assert len(table) == len(page) == 3
    for line, cells in zip(table, page, strict=True):
        assert cells[0] == f"{line[1]}–{line[2]}"
        numbers = [m[0] if (m := re.match(r"[\d.]+", c)) else "" for c in cells[1:]]
        assert numbers == line[3:-1]
    remarks = [line[-1] for line in table]
    assert "voltage_v outside limits: 100 to 3000 (unverified)" in remarks[1]
    assert "voltage_v outside" not in remarks[0]


def test_an_estimate_is_marked(written: Written) -> None:
    guessed = tuple(
        replace(m, is_estimate=True) if m.name == "pair_current_a" else m for m in written.pulsed.metrics
    )
    guess = replace(written.pulsed, metrics=guessed)
    assert "expected_current_a is an estimate" in pair_table_csv(guess)
    current = [r.cells[5].is_estimate for r in pair_rows(guess)]
    assert current == [True, True, False], "a current that is not there is no estimate"
    assert "estimate" not in pair_table_csv(written.pulsed)


def test_probes_and_electrodes_have_their_sections(written: Written) -> None:
    assert "p1" in words(section(written.page, "Probes"))
    said = words(section(written.page, "Electrodes: e1"))
    for piece in (
        "Device: IRE electrode, 19 G (generic)",
        "Lesion: other",
        "Pulses of each pair: 90",
        "Pull-backs: none",
        "L 23.0 P -4.0 S -70.0 L 23.0 P -4.0 S 20.0 20 mm 90.0 mm",
        "90° craniocaudal",
    ):
        assert piece in said, piece
    assert section(written.page, "Electrodes: e1").count("<tr><td>") == 3


def test_each_lesion_is_pictured_whatever_treats_it(written: Written) -> None:
    said = words(section(written.page, "Pictures"))
    assert said.index("lesion, axial") < said.index("other, axial")
    names = {p.name for p in written.folder.glob("*.png")}
    views = {f"lesion{n}-{o}.png" for n in (1, 2) for o in ("axial", "coronal", "sagittal")}
    assert names == views | {"array1-face-map.png", "space.png"}
    assert "white line 700 V/cm: liver; sand line 800 V/cm: tumour" in said


def test_the_face_map_says_from_where_it_is_seen(written: Written) -> None:
    picture = QImage(str(written.folder / "array1-face-map.png"))
    pixels = np.frombuffer(picture.constBits(), np.uint8).reshape(picture.height(), picture.width(), -1)
    colors = np.unique(pixels[..., :3].reshape(-1, 3), axis=0)
    assert len(colors) > 20
    corner = pixels[2, 2, :3]
    assert (corner > 240).all(), "light, for paper"
    assert "Face map of e1, seen from the feet, as on an axial slice: R on the left, L on the right" in words(
        written.page
    )


def test_what_is_unknown_of_the_patient_stays_unknown(written: Written) -> None:
    title = "Electroporation: may it be done? other"
    part = section(written.page, title)
    statement = words(part).split("Delphi")[0]
    assert "Electroporation of other cannot be decided yet" in statement, "the statement comes first"
    lines = {
        words(cells[1]): words(cells[0])
        for row in re.findall(r"<tr>(.*?)</tr>", part.split('class="checks"')[1], re.S)
        if len(cells := re.findall(r"<td[^>]*>(.*?)</td>", row, re.S)) == 4
    }
    heart = next(state for title, state in lines.items() if "pacemaker" in title)
    assert heart == "? unknown"
    assert (
        {"? unknown", "✓ fulfilled"}
        <= set(lines.values())
        <= {
            "? unknown",
            "✓ fulfilled",
            "✕ not fulfilled",
        }
    )
    told = written.case.with_patient(written.case.patient.with_facts({"cardiac_stimulator": "no"}))
    (check,) = (
        c
        for a in with_checklists(told, written.plan, (written.pulsed,), REGISTRY)
        for c in a.checks
        if c.rule == "cardiac_stimulator"
    )
    assert check.state == "fulfilled"


def test_checklists_are_asked_for_once_and_only_where_electrodes_treat(written: Written) -> None:
    assert [checked_lesions(a) >= {"other"} for a in written.answers if a.checks] == [True]
    assert "may it be done? lesion" not in written.page, "a probe treats that lesion"
    again = with_checklists(written.case, written.plan, written.answers, REGISTRY, Task())
    assert again == written.answers
    shown = tuple(a for a in written.answers if not a.checks)
    assert [bool(a.checks) for a in with_checklists(written.case, written.plan, shown, REGISTRY)] == [
        *(False for _ in shown),
        True,
    ]


def test_answers_without_a_checklist_get_one_in_the_report(written: Written, tmp_path: Path) -> None:
    """The window hands over what it shows, which holds no checklist."""
    shown = tuple(a for a in written.answers if not a.checks)
    write_report(written.case, written.plan, shown, REGISTRY, tmp_path / "window", pdf=False, figures=False)
    page = (tmp_path / "window" / "report.html").read_text(encoding="utf-8")
    title = "Electroporation: may it be done? other"
    assert words(section(page, title)) == words(section(written.page, title))


def test_a_plan_of_probes_alone_reports_no_electrodes(qapp: object, tmp_path: Path) -> None:
    case, plan = phantom((4.0, 4.0, 4.0)), plan_of(custom_probe())
    answers = judge_all(REGISTRY, case, plan, FAST)
    write_report(case, plan, answers, REGISTRY, tmp_path, pdf=False)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for word in ("Electrodes", "Pair table", "Face map", "may it be done", "Electric field"):
        assert word not in page, word
    assert "p1" in words(section(page, "Probes"))


def six_needles(answer: Assessment) -> tuple[ElectrodeArray, Assessment]:
    """All fifteen pairs of six electrodes, each number outside its limits and an estimate."""
    array = three_needles()
    moved = tuple(e.moved((0.0, 30.0, 0.0)) for e in array.electrodes)
    keys = [(a, b) for a in range(6) for b in range(a + 1, 6)]
    pairs = tuple(PulsePair(a, b, 12345.0) for a, b in keys)
    never = Target(100000.0, 200000.0, Source("nobody", Confidence.UNVERIFIED))
    of_one = [m for m in answer.metrics if m.subject == "e1:0-1"]
    metrics = tuple(
        replace(m, subject=f"e1:{a}-{b}", target=never, is_estimate=True) for a, b in keys for m in of_one
    )
    return replace(array, electrodes=(*array.electrodes, *moved), pairs=pairs), replace(
        answer, metrics=metrics
    )


def test_nothing_is_cut_off_on_paper(
    written: Written, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A4 at the report's own resolution and the widest tables there are."""
    page_px = QSizeF(1075.0, 1588.0)
    array, answer = six_needles(written.pulsed)
    answers = (answer, *(a for a in written.answers if a is not written.pulsed))
    caught: list[tuple[str, dict[str, bytes]]] = []
    monkeypatch.setattr(
        "planner.report.writing._write_pdf", lambda html, shown, _: caught.append((html, shown))
    )
    plan = written.plan.with_instrument(array)
    write_report(written.case, plan, answers, REGISTRY, tmp_path, html=False, figures=False)
    assert len(re.findall('<tr class="pair">', caught[0][0])) == 15
    assert caught[0][0].count("Expected current is an estimate") == 15
    paper = QImage(16, 16, QImage.Format.Format_RGB32)
    paper.setDotsPerMeterX(round(DPI / 0.0254))
    paper.setDotsPerMeterY(round(DPI / 0.0254))
    # Tables of the whole width may stand over by the rounding of their frames.
    assert printed_document(*caught[0], paper, page_px).size().width() <= page_px.width() + 2.0
    wide = "<table><tr>" + 100 * "<td>WWWW</td>" + "</tr></table>"
    assert printed_document(wide, {}, paper, page_px).size().width() > 1.5 * page_px.width()
