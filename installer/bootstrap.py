"""Set Liver Planner up on a fresh machine, and run or test it.

    python3 installer/bootstrap.py run     install what is missing, then the main job on the sample case
    python3 installer/bootstrap.py test    install what is missing, then all checks and tests

Standard library only.  Everything goes into `.venv` beside this folder; on Debian and Ubuntu the
system's libraries are installed too where this runs as root, else the one line to run is printed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
HERE = ROOT / "installer"
OLDEST = (3, 11)

#: What Qt, VTK and numba need on a bare Debian 12, and what real windows need beside it.
APT_RUN = [
    "python3-venv",
    "libgl1",
    "libegl1",
    "libxkbcommon0",
    "libdbus-1-3",
    "libfontconfig1",
    "libglib2.0-0",
    "libgomp1",
    "fonts-dejavu-core",
    "libxcb-cursor0",
    "libxcb-icccm4",
    "libxcb-keysyms1",
    "libxcb-shape0",
    "libxkbcommon-x11-0",
]
#: What tests need to drive a window as a person does.
APT_TEST = ["xvfb", "xauth", "xdotool", "openbox", "x11-utils"]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("job", choices=("run", "test"))
    chosen, rest = parser.parse_known_args()
    if sys.version_info < OLDEST:
        print(
            f"Liver Planner needs Python {OLDEST[0]}.{OLDEST[1]} or newer; this is {platform.python_version()}."
        )
        return 1
    wanted = APT_RUN + (APT_TEST if chosen.job == "test" else [])
    if not install_system(wanted) or not make_venv(chosen.job == "test"):
        return 1
    return run(rest) if chosen.job == "run" else test(rest)


# setting up --------------------------------------------------------------------------------


def install_system(packages: list[str]) -> bool:
    """Install missing Debian packages; False where they are needed and cannot be installed."""
    if not sys.platform.startswith("linux") or shutil.which("dpkg-query") is None:
        return True
    missing = [p for p in packages if not is_installed(p)]
    if not missing:
        return True
    line = "apt-get install -y --no-install-recommends " + " ".join(missing)
    if os.geteuid() != 0:
        print(f"These system packages are missing. Run this line, then start again:\n\n  sudo {line}\n")
        return False
    say(f"Installing system packages: {' '.join(missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    commands = (["apt-get", "update", "-qq"], line.split())
    return all(subprocess.run(c, env=environment).returncode == 0 for c in commands)


def is_installed(package: str) -> bool:
    found = subprocess.run(
        ["dpkg-query", "-W", "-f=${Status}", package],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return found.returncode == 0 and "install ok installed" in found.stdout


def make_venv(with_tests: bool) -> bool:
    """A `.venv` with the lock's versions; done again only where the lock changed."""
    python = venv_python()
    if not python.exists():
        say("Making .venv")
        if subprocess.run([sys.executable, "-m", "venv", str(VENV)]).returncode != 0:
            print(
                "A virtual environment could not be made. On Debian and Ubuntu: apt-get install python3-venv"
            )
            return False
    locks = [HERE / "lock.txt"] + ([HERE / "lock-test.txt"] if with_tests else [])
    mark = VENV / ("installed-test" if with_tests else "installed-run")
    state = hashlib.sha256(b"".join(p.read_bytes() for p in [*locks, ROOT / "pyproject.toml"])).hexdigest()
    if mark.exists() and mark.read_text() == state:
        return True
    say("Installing Python packages")
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    arguments = [word for lock in locks for word in ("-r", str(lock))]
    if subprocess.run([*pip, *arguments]).returncode != 0:
        return False
    if subprocess.run([*pip, "--no-deps", "-e", str(ROOT)]).returncode != 0:
        return False
    mark.write_text(state)
    say("Compiling the numerics, once")
    # The first start would do it otherwise, and be slow; a failure here is said by the job itself.
    subprocess.run([str(python), "-m", "planner", "--compile-kernels"], stdout=subprocess.DEVNULL)
    return True


def venv_python() -> Path:
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


# the jobs ----------------------------------------------------------------------------------


def run(rest: list[str]) -> int:
    """The window on the sample case where there is a screen, else the same job without one."""
    planner = [str(venv_python()), "-m", "planner"]
    if rest:
        return subprocess.run([*planner, *rest]).returncode
    place = Path(tempfile.mkdtemp(prefix="liver-planner-sample-"))
    case = place / "case"
    say("Making the sample case")
    if subprocess.run([*planner, "sample", "--out", str(case)]).returncode != 0:
        return 1
    if has_screen():
        say("Opening the window")
        return subprocess.run([*planner, "open", str(case)]).returncode
    say("There is no screen: the same job without one")
    report = place / "report"
    if subprocess.run([*planner, "assess", str(case), "A", "--module", "thermal_ablation"]).returncode != 0:
        return 1
    if subprocess.run([*planner, "report", str(case), "A", "--out", str(report)]).returncode != 0:
        return 1
    print(f"\nCase:     {case}\nReport:   {report / 'report.html'}\n          {report / 'report.pdf'}")
    print(f"Pictures: {report}{os.sep}*.png")
    return 0


def has_screen() -> bool:
    if sys.platform.startswith("linux"):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True


def test(rest: list[str]) -> int:
    """Style, types, contracts, licences, then the tests, which close with pytest's line."""
    python = str(venv_python())
    failed = []
    with tempfile.TemporaryDirectory() as scratch:
        # mypy does not see a package that setuptools maps from another folder name.
        (Path(scratch) / "planner_plugins").symlink_to(ROOT / "plugins")
        environment = {**os.environ, "MYPYPATH": scratch}
        for title, command in (
            ("ruff", [python, "-m", "ruff", "check", "."]),
            ("ruff format", [python, "-m", "ruff", "format", "--check", "."]),
            ("mypy", [python, "-m", "mypy", "-p", "planner", "-p", "planner_plugins"]),
            ("import-linter", [str(venv_python().parent / "lint-imports"), "--no-logo"]),
            ("licences", [python, str(HERE / "licences.py")]),
        ):
            say(title)
            if not rest and subprocess.run(command, cwd=ROOT, env=environment).returncode != 0:
                failed.append(title)
    say("pytest")
    command = [
        python,
        "-m",
        "pytest",
        "-q",
        "-n",
        "2",
        "--dist",
        "loadfile",
        "--no-loadscope-reorder",
        "--durations=40",
        *rest,
    ]
    if subprocess.run(command, cwd=ROOT, env=quiet_environment()).returncode != 0:
        failed.append("pytest")
    if failed:
        print(f"Failed: {', '.join(failed)}")
    return 1 if failed else 0


def quiet_environment() -> dict[str, str]:
    """One numeric thread a test process: two run side by side."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def say(text: str) -> None:
    print(f"\n== {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
