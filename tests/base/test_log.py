"""The log holds no identifiers."""

from __future__ import annotations

import logging
from pathlib import Path

from planner.base.log import identifiers, log, start_log


def test_paths_names_and_tracebacks_stay_out_of_the_log(tmp_path: Path) -> None:
    path = start_log(tmp_path)
    identifiers.hide("Doe^Jane", "PID-77")
    log().warning("could not read %s of Doe^Jane (PID-77)", "/home/someone/Jane Doe/scan.dcm")
    try:
        raise ValueError("Doe^Jane in a value")
    except ValueError:
        log().exception("reading failed")
    for handler in list(log().handlers):
        if isinstance(handler, logging.FileHandler) and Path(handler.baseFilename) == path:
            handler.close()
            log().removeHandler(handler)
    words = path.read_text()
    assert "could not read" in words
    assert "reading failed (ValueError)" in words
    for secret in ("Doe^Jane", "PID-77", "/home", "someone"):
        assert secret not in words
