"""The log: a rotating file in the user's folder that holds no patient identifiers."""

from __future__ import annotations

import logging
import logging.handlers
import re
from pathlib import Path

from platformdirs import user_log_path

NAME = "planner"
_HIDDEN = "[hidden]"
_PATHS = re.compile(r"(?:[A-Za-z]:\\|/)[^\s'\":,;]+(?:[\\/][^\s'\":,;]+)*")


class IdentifierFilter(logging.Filter):
    """Takes paths and known patient identifiers out of every record."""

    def __init__(self) -> None:
        super().__init__()
        self._secrets: set[str] = set()

    def hide(self, *secrets: str) -> None:
        """Remember words, such as a patient's name, that no record may hold."""
        self._secrets.update(s for s in secrets if len(s) > 1)

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record's text; never drops a record."""
        text = _PATHS.sub(_HIDDEN, record.getMessage())
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        record.msg, record.args = text, ()
        if record.exc_info and record.exc_info[0] is not None:
            # A traceback's last line may quote a value; its kind is enough in the log.
            record.msg = f"{text} ({record.exc_info[0].__name__})"
            record.exc_info, record.exc_text = None, None
        return True


identifiers = IdentifierFilter()


def log() -> logging.Logger:
    """The planner's logger."""
    return logging.getLogger(NAME)


def start_log(folder: Path | None = None) -> Path:
    """Write the log to a rotating file; returns its path."""
    target = (folder or user_log_path("liver-planner", appauthor=False)) / "liver-planner.log"
    target.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.handlers.RotatingFileHandler(
        target, maxBytes=1_000_000, backupCount=3, encoding="utf-8", delay=True
    )
    handler.addFilter(identifiers)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log().addHandler(handler)
    log().setLevel(logging.INFO)
    return target
