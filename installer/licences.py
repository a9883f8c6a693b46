"""The licence gate: nothing that is shipped may stand under a copyleft licence of the GPL kind."""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

LOCK = Path(__file__).resolve().parent / "lock.txt"
#: LGPL is fine as a library that can be replaced: Qt is shipped as its own files.
ALLOWED_BY_NAME = {
    "pyside6-essentials": "LGPL-3.0 chosen; shared libraries that can be replaced",
    "shiboken6": "LGPL-3.0 chosen; shared libraries that can be replaced",
}
FORBIDDEN = re.compile(
    r"(?<![L])(?<!Lesser )(GPL|General Public License|Affero|AGPL|SSPL|NonCommercial)", re.IGNORECASE
)


def main() -> int:
    refused, unknown = [], []
    for line in LOCK.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name = line.partition("==")[0].strip()
        words = licence_of(name)
        if name.lower() in ALLOWED_BY_NAME:
            continue
        if not words:
            unknown.append(name)
        elif FORBIDDEN.search(re.sub(r"LGPL|Lesser General Public License", "", words, flags=re.IGNORECASE)):
            refused.append(f"{name}: {words}")
    for text in refused:
        print(f"not fit for shipping: {text}")
    for name in unknown:
        print(f"no licence stated: {name}")
    if not refused and not unknown:
        print("All shipped packages have licences fit for shipping.")
    return 1 if refused or unknown else 0


def licence_of(name: str) -> str:
    """What a package's metadata says: expression, classifiers, else the short licence field."""
    try:
        facts = distribution(name).metadata
    except PackageNotFoundError:
        return ""
    expression = facts.get("License-Expression") or ""
    classifiers = [c for c in facts.get_all("Classifier") or [] if c.startswith("License")]
    short = (facts.get("License") or "").strip().splitlines()[:1]
    return "; ".join([expression, *classifiers] if expression or classifiers else short).strip("; ")


if __name__ == "__main__":
    sys.exit(main())
