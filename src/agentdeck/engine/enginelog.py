"""What the engine did, for whoever has to find out later: JSON lines, rotated, secrets cut out."""

from __future__ import annotations

import logging
import logging.handlers
import os
import time
from pathlib import Path
from typing import Final

import msgspec

from agentdeck.engine.environment import redact

MAX_BYTES: Final = 4 * 1024 * 1024  # a file; a day of a busy run is under 1 MB
KEPT_FILES: Final = 3

log = logging.getLogger("agentdeck.engine")


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + "Z",
            "level": record.levelname.lower(),
            "what": record.getMessage(),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return redact(msgspec.json.encode(line).decode(), os.environ)


def open_log(path: Path) -> None:
    """Send the engine's log to `path` from now on: a process has one engine at a time."""
    for earlier in list(log.handlers):
        log.removeHandler(earlier)
        earlier.close()
    handler = logging.handlers.RotatingFileHandler(
        path, maxBytes=MAX_BYTES, backupCount=KEPT_FILES, delay=True
    )
    handler.setFormatter(_JsonLines())
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
