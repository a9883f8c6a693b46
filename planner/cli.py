"""Every job without a screen: ``liver-planner``, also ``python -m planner``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from planner.base.errors import Cancelled, PlannerError
from planner.base.task import Task

OK, FAILED, WRONG_USE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 success, 1 failure, 2 wrong use."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["--module-worker"]:
        from planner.plugin.worker import main as work

        work()
        return OK
    if words[:1] == ["--reader-child"]:
        from planner.io.child import main as read

        read()
        return OK
    if words == ["--compile-kernels"]:
        from planner.installation import compile_kernels

        compile_kernels()
        return OK
    parser = _parser()
    if not words or (words[0] not in _COMMANDS and not words[0].startswith("-")):
        words = ["open", *words]
    chosen = parser.parse_args(words)
    try:
        status: int = chosen.run(chosen)
    except PlannerError as error:
        print(error, file=sys.stderr)
        return FAILED
    except (Cancelled, KeyboardInterrupt):
        print("Cancelled.", file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return FAILED
    return status


def entry() -> None:
    """The console script."""
    sys.exit(main())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "liver-planner",
        description="Planning support for liver-directed therapy, for research and training. Not for clinical use.",
    )
    import planner

    parser.add_argument("--version", action="version", version=f"liver-planner {planner.__version__}")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", required=True)

    add = commands.add_parser("open", help="the window (the default command)")
    add.add_argument("paths", nargs="*", type=Path, metavar="CASE|PATH")
    add.set_defaults(run=_open)

    add = commands.add_parser("import", help="images and segmentations into a case folder")
    add.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    add.add_argument("--out", required=True, type=Path, metavar="CASE", help="the case folder")
    add.add_argument("--add", action="store_true", help="add a further scan to an existing case")
    add.add_argument("--series", default="", metavar="UID", help="which series, where there are several")
    add.add_argument("--structures", nargs="+", default=[], type=Path, metavar="PATH", help="segmentations")
    add.add_argument("--map", nargs="+", default=[], metavar="NAME=ROLE", help="roles of structures")
    add.add_argument("--labels", default="", help="label numbers of a program, such as totalsegmentator-v2")
    add.add_argument("--mesh-space", default="", choices=("", "LPS", "RAS"), help="coordinates of meshes")
    add.add_argument("--title", default="", help="what the case is called")
    add.add_argument("--list", action="store_true", help="only list the series with a verdict on each")
    add.add_argument("--json", action="store_true", help="print one JSON document")
    add.set_defaults(run=_import)

    for name, words in (
        ("assess", "what a treatment module says of a plan"),
        ("simulate", "what a treatment module's simulation says of a plan; minutes"),
    ):
        add = commands.add_parser(name, help=words)
        _add_case_and_plan(add)
        add.add_argument("--module", required=True, metavar="ID")
        add.add_argument(
            "--set",
            nargs="+",
            action="extend",
            default=[],
            metavar="KEY=VALUE",
            help="settings of the module",
        )
        add.add_argument("--arrays", type=Path, metavar="DIR", help="folder for surfaces and fields")
        add.add_argument("--json", action="store_true", help="print one JSON document")
        add.set_defaults(run=_assess)

    add = commands.add_parser("advise", help="whether a module's treatment may be done: its checklist")
    add.add_argument("case", type=Path, metavar="CASE")
    add.add_argument("--module", required=True, metavar="ID")
    add.add_argument("--lesion", default="", metavar="NAME", help="which lesion")
    add.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="settings of the module"
    )
    add.add_argument("--json", action="store_true", help="print one JSON document")
    add.set_defaults(run=_advise)
    add = commands.add_parser("suggest", help="plans a treatment module proposes, best first")
    _add_case_and_plan(add)
    add.add_argument("--module", required=True, metavar="ID")
    add.add_argument("--lesion", default="", metavar="NAME", help="which lesion")
    add.add_argument(
        "--goal",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="such as device or margin_mm",
    )
    add.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="settings of the module"
    )
    add.add_argument("--json", action="store_true", help="print one JSON document")
    add.set_defaults(run=_suggest)

    add = commands.add_parser("report", help="the report of all applicable modules")
    _add_case_and_plan(add)
    add.add_argument("--out", required=True, type=Path, metavar="DIR")
    for kind in ("pdf", "html", "figures"):
        add.add_argument(f"--{kind}", action="store_true", help=f"write {kind} (all, where none is named)")
    add.add_argument("--simulate", action="store_true", help="simulate too where a module can; minutes")
    add.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="settings of the modules"
    )
    add.add_argument("--json", action="store_true", help="print one JSON document")
    add.set_defaults(run=_report)

    add = commands.add_parser("sample", help="write the built-in sample case")
    add.add_argument("--out", required=True, type=Path, metavar="CASE")
    add.add_argument("--json", action="store_true", help="print one JSON document")
    add.set_defaults(run=_sample)

    add = commands.add_parser("practice", help="exercises to practise on, and what a plan scores in one")
    parts = add.add_subparsers(title="what", dest="part", metavar="list|score", required=True)
    add = parts.add_parser("list", help="the exercises that come with the planner, and your own")
    add.add_argument("--json", action="store_true", help="print one JSON document")
    add.set_defaults(run=_practice)
    add = parts.add_parser("score", help="what a plan scores in an exercise, with its parts and their rules")
    add.add_argument(
        "exercise", metavar="EXERCISE", help="id of an exercise, one of your own too, or an exercise file"
    )
    add.add_argument("plan", type=Path, metavar="PLAN", help="a plan file")
    add.add_argument("--case", type=Path, metavar="CASE", help="its case folder; not needed for the sample")
    add.add_argument("--repositionings", type=int, default=0, help="needles drawn back and put in again")
    add.add_argument("--seconds", type=float, default=None, help="time taken")
    add.add_argument("--json", action="store_true", help="print one JSON document")
    add.set_defaults(run=_practice)

    add = commands.add_parser("verify", help="check this installation")
    add.add_argument("--json", action="store_true", help="print one JSON document")
    add.set_defaults(run=_verify)

    add = commands.add_parser("modules", help="what is installed, and what failed to load")
    add.add_argument("--json", action="store_true", help="print one JSON document")
    add.set_defaults(run=_modules)

    add = commands.add_parser("devices", help="the device library with its tables, and devices of your own")
    add.add_argument("--add", type=Path, metavar="FILE.csv", help="add a device with the zones of a table")
    add.add_argument("--remove", default="", metavar="NAME", help="take out a device of your own")
    add.add_argument("--name", default="", help="of the device to add; made of its title where left out")
    add.add_argument("--title", default="", help="what the device to add is called")
    add.add_argument("--modality", default="", help="its kind of energy, such as microwave or cryo")
    add.add_argument("--length-mm", type=float, default=150.0, help="of its shaft")
    add.add_argument("--diameter-mm", type=float, default=1.8, help="of its shaft")
    add.add_argument("--center-offset-mm", type=float, default=None, help="zone's centre behind the tip")
    add.add_argument("--json", action="store_true", help="print one JSON document")
    add.set_defaults(run=_devices)
    return parser


_COMMANDS = (
    "open",
    "import",
    "assess",
    "simulate",
    "suggest",
    "advise",
    "report",
    "sample",
    "practice",
    "verify",
    "modules",
    "devices",
)


def _add_case_and_plan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("case", type=Path, metavar="CASE")
    parser.add_argument(
        "plan", metavar="PLAN", help="a plan file, or a plan of the case: NAME or NAME@VERSION"
    )


def _open(chosen: argparse.Namespace) -> int:
    from planner.desktop.application import run

    return run(chosen.paths)


def _import(chosen: argparse.Namespace) -> int:
    from planner.io.importing import read_case, read_volume_offers

    task = _shown_task(chosen.json)
    if chosen.list:
        offers = read_volume_offers(chosen.paths, task)
        rows = [
            {
                "key": o.key,
                "title": o.title,
                "modality": o.modality,
                "shape": list(o.shape),
                "spacing_mm": list(o.spacing_mm),
                "files": o.file_count,
                "verdict": o.verdict.value,
                "notes": list(o.notes),
                "reason": list(o.reason),
            }
            for o in offers
        ]
        lines = [f"{r['verdict']:10} {r['modality']:3} {r['shape']} {r['title']}  {r['key']}" for r in rows]
        return _print(chosen.json, {"series": rows}, lines)
    roles = _pairs(chosen.map, "--map")
    imported = read_case(
        chosen.paths,
        series_uid=chosen.series,
        structure_paths=chosen.structures,
        role_map=roles,
        labels=chosen.labels,
        mesh_space=chosen.mesh_space,
        title=chosen.title,
        task=task,
    )
    case = _added(chosen.out, imported.case) if chosen.add else _created(chosen.out, imported.case)
    report = imported.report
    structures = [
        {
            "name": s.name,
            "role": s.role.value,
            "volume_ml": t.volume_ml(s.name),
            "voxels": t.voxel_count(s.name),
        }
        for t in case.structure_sets
        for s in t.structures
    ]
    document = {
        "case": str(chosen.out),
        "case_id": case.id,
        "images": [{"id": i.id, "title": i.title, "shape": list(i.grid.shape)} for i in case.images],
        "structures": structures,
        "taken": list(report.taken),
        "corrected": list(report.corrected),
        "refused": list(report.refused),
    }
    lines = [
        f"{word}: {line}" for word in ("taken", "corrected", "refused") for line in getattr(report, word)
    ]
    lines += [f"{s['name']}: {s['role']}, {s['volume_ml']:.2f} ml" for s in structures]
    return _print(chosen.json, document, [*lines, f"The case is in {chosen.out}."])


def _created(folder: Path, case: Any) -> Any:
    from planner.library.case_folder import create_case_folder

    return create_case_folder(case, folder)


def _added(folder: Path, found: Any) -> Any:
    """Add the images and structures of a case to an existing case folder, under free ids."""
    from planner.library.case_folder import open_case_folder, save_case
    from planner.library.lock import CaseLock
    from planner.library.store import Store

    case = open_case_folder(folder)
    lock = CaseLock(folder)
    try:
        store = Store(folder)
        try:
            return save_case(case.with_scans(found), folder, store, "add a scan")
        finally:
            store.close()
    finally:
        lock.release()


def _assess(chosen: argparse.Namespace) -> int:
    from planner.library.case_folder import open_case_folder
    from planner.model.wording import interval_text, mark, target_text, unit_text, value_text
    from planner.plugin.judging import judge, simulate
    from planner.plugin.message import assessment_document
    from planner.plugin.registry import find_modules

    case = open_case_folder(chosen.case)
    plan = _plan(chosen.case, chosen.plan)
    module = find_modules().module(chosen.module)
    ask = simulate if chosen.command == "simulate" else judge
    answer = ask(module, case, plan, _pairs(chosen.set, "--set"), _shown_task(chosen.json))
    if chosen.arrays is not None:
        _make_folder(chosen.arrays)
    lines = []
    for m in answer.metrics:
        words = f"{m.subject:16} {m.name:38} {value_text(m):>9} {unit_text(m):3} {mark(m)} {target_text(m.target)}"
        lines.append(f"{words} {interval_text(m)}".rstrip())
    lines += [f"{f.severity.value}: {f.text}" for f in answer.findings]
    return _print(chosen.json, assessment_document(answer, chosen.arrays), lines)


def _suggest(chosen: argparse.Namespace) -> int:
    from planner.io.plan_file import plan_document
    from planner.library.case_folder import open_case_folder
    from planner.plugin.judging import propose
    from planner.plugin.registry import find_modules

    case = open_case_folder(chosen.case)
    plan = _plan(chosen.case, chosen.plan)
    goal = _pairs(chosen.goal, "--goal")
    if chosen.lesion:
        goal["lesion"] = chosen.lesion
    module = find_modules().module(chosen.module)
    found = propose(module, case, plan, _pairs(chosen.set, "--set"), goal, _shown_task(chosen.json))
    document = {
        "module": chosen.module,
        "suggestions": [
            {"name": s.name, "why": s.why, "scores": dict(s.scores), "plan": plan_document(s.plan)}
            for s in found
        ],
    }
    return _print(chosen.json, document, [f"{n}. {s.name}: {s.why}." for n, s in enumerate(found, start=1)])


def _advise(chosen: argparse.Namespace) -> int:
    from planner.library.case_folder import open_case_folder
    from planner.plugin.judging import advise
    from planner.plugin.message import assessment_document
    from planner.plugin.registry import find_modules
    from planner.session.session import new_plan

    case = open_case_folder(chosen.case)
    module = find_modules().module(chosen.module)
    goal = {"lesion": chosen.lesion} if chosen.lesion else {}
    settings = _pairs(chosen.set, "--set")
    answer = advise(module, case, new_plan(case), settings, goal, _shown_task(chosen.json))
    lines = [f"{c.state.value:13} {c.title}: {c.text}" for c in answer.checks]
    lines += [f.text for f in answer.findings]
    return _print(chosen.json, assessment_document(answer), lines)


def _report(chosen: argparse.Namespace) -> int:
    from planner.library.case_folder import open_case_folder
    from planner.plugin.registry import find_modules

    case = open_case_folder(chosen.case)
    plan = _plan(chosen.case, chosen.plan)
    _start_qt_without_a_screen()
    from planner.plugin.judging import simulate
    from planner.report.writing import judge_all, write_report

    registry = find_modules()
    values = _pairs(chosen.set, "--set")
    settings = {m.manifest.id: values for m in registry.judging(plan)}
    task = _shown_task(chosen.json)
    answers = judge_all(registry, case, plan, settings, task)
    if chosen.simulate:
        able = [m for m in registry.judging(plan) if m.function("simulate") is not None]
        answers += tuple(simulate(m, case, plan, settings[m.manifest.id], task) for m in able)
    is_all = not (chosen.pdf or chosen.html or chosen.figures)
    written = write_report(
        case,
        plan,
        answers,
        registry,
        chosen.out,
        pdf=chosen.pdf or is_all,
        html=chosen.html or is_all,
        figures=chosen.figures or is_all,
    )
    names = [
        str(p)
        for p in (written.html, written.pdf, *written.sheet, *written.figures)
        if p is not None and p.exists()
    ]
    return _print(chosen.json, {"written": names}, names)


def _sample(chosen: argparse.Namespace) -> int:
    from planner.library.case_folder import create_case_folder
    from planner.library.store import Store
    from planner.sample.case import make_sample_case, write_truth
    from planner.sample.plan import sample_plan

    task = _shown_task(chosen.json)
    case = create_case_folder(make_sample_case(task), chosen.out)
    write_truth(chosen.out)
    store = Store(chosen.out)
    try:
        store.save_plan(sample_plan(case))
    finally:
        store.close()
    names = [s.name for s in case.structures.structures]
    document = {"case": str(chosen.out), "case_id": case.id, "structures": names}
    return _print(chosen.json, document, [f"The sample case is in {chosen.out}."])


def _practice(chosen: argparse.Namespace) -> int:
    from planner.practice.commands import told_exercises, told_score

    if chosen.part == "list":
        return _print(chosen.json, *told_exercises())
    task, taken = _shown_task(chosen.json), (chosen.repositionings, chosen.seconds)
    return _print(chosen.json, *told_score(chosen.exercise, chosen.plan, chosen.case, task, *taken))


def _verify(chosen: argparse.Namespace) -> int:
    from planner.installation import verify

    _start_qt_without_a_screen()
    checks = verify(_shown_task(chosen.json))
    rows = [{"name": c.name, "is_ok": c.is_ok, "figure": c.figure} for c in checks]
    lines = [f"{'ok    ' if c.is_ok else 'FAILED'} {c.name}: {c.figure}" for c in checks]
    _print(chosen.json, {"is_ok": all(c.is_ok for c in checks), "checks": rows}, lines)
    return OK if all(c.is_ok for c in checks) else FAILED


def _modules(chosen: argparse.Namespace) -> int:
    from planner.plugin.registry import find_modules

    registry = find_modules()
    found = [
        {"id": m.manifest.id, "title": m.manifest.title, "version": m.manifest.version}
        for m in registry.modules.values()
    ]
    failed = [{"id": id, "error": [e.what, e.thing, e.todo]} for id, e in registry.failures.items()]
    lines = [f"{m['id']} {m['version']}: {m['title']}" for m in found]
    lines += [f"{id} failed: {error.what} {error.thing}" for id, error in registry.failures.items()]
    return _print(chosen.json, {"modules": found, "failed": failed}, lines)


def _devices(chosen: argparse.Namespace) -> int:
    from planner.io.device_files import device_document
    from planner.planning.device_library import device_library
    from planner.planning.devices import PLACEHOLDER
    from planner.session.own_devices import OwnDevices

    own = OwnDevices()
    if chosen.add is not None:
        _add_device(chosen, own)
    if chosen.remove:
        own.remove(chosen.remove)
    library = device_library()
    found = [device_document(d, d.name in library.own) for d in library.devices.values()]
    troubles = [[e.what, e.thing, e.todo] for e in library.troubles]
    lines: list[str] = []
    for device in library.devices.values():
        lines.append(f"{device.name}: {device.title}{' (yours)' if device.name in library.own else ''}")
        if device.is_placeholder:
            lines.append(f"  {PLACEHOLDER}")
        lines += [f"  {row.words}" for row in device.rows]
        if device.table is not None and len(device.table.rows) > 1:
            lines.append(f"  sizes between rows: {device.table.how}")
    lines += [f"left out: {e.what} {e.thing} {e.todo}" for e in library.troubles]
    return _print(chosen.json, {"devices": found, "left_out": troubles}, lines)


def _add_device(chosen: argparse.Namespace, own: Any) -> None:
    from planner.io.device_files import read_zone_csv
    from planner.session.own_devices import new_device

    if not (chosen.title and chosen.modality):
        print("liver-planner: --add needs --title and --modality", file=sys.stderr)
        raise SystemExit(WRONG_USE)
    own.keep(
        new_device(
            chosen.title,
            chosen.modality,
            read_zone_csv(chosen.add),
            name=chosen.name,
            length_mm=chosen.length_mm,
            diameter_mm=chosen.diameter_mm,
            center_offset_mm=chosen.center_offset_mm,
        )
    )


def _plan(case_folder: Path, words: str) -> Any:
    """A plan by file name, or by NAME or NAME@VERSION in the case."""
    from planner.io.plan_file import read_plan
    from planner.library.store import Store

    if words.endswith(".json") or Path(words).is_file():
        return read_plan(Path(words))
    name, _, version = words.partition("@")
    if version and not version.isdigit():
        raise PlannerError("A plan's version is a number.", words, "Write NAME@3 for its third version.")
    store = Store(case_folder, read_only=True)
    try:
        return store.plan(name, int(version) if version else None)
    finally:
        store.close()


def _pairs(words: Sequence[str], option: str) -> dict[str, str]:
    found = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not (name and sign):
            print(f"liver-planner: {option} takes NAME=VALUE, not '{word}'", file=sys.stderr)
            raise SystemExit(WRONG_USE)
        found[name] = value
    return found


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PlannerError(
            "The folder cannot be made.", f"{path}: {error.strerror}", "Choose another one."
        ) from error


def _shown_task(is_quiet: bool) -> Task:
    """Progress on stderr where somebody looks at it."""
    if is_quiet or not sys.stderr.isatty():
        return Task()
    return Task(
        lambda fraction, text: print(f"\r\033[K{fraction:4.0%} {text}", end="", file=sys.stderr, flush=True)
    )


def _start_qt_without_a_screen() -> None:
    """A Qt application for painting; needs no display."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtGui import QGuiApplication

    if QGuiApplication.instance() is None:
        global _application
        _application = QGuiApplication(["liver-planner"])


_application: object = None


def _print(is_json: bool, document: dict[str, Any], lines: Sequence[str]) -> int:
    if is_json:
        print(json.dumps(document, ensure_ascii=False, allow_nan=False))
    else:
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr)
        print("\n".join(lines))
    return OK


if __name__ == "__main__":
    entry()
