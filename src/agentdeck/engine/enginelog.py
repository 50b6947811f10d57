"""What the engine did, for whoever has to find out later: JSON lines, rotated, secrets cut out.

Rules:
- `error` is what the engine could not do, `warning` what should not have happened, `info` what it
  was told and dropped, `debug` each step. `AGENTDECK_LOG` names the least of them that is written.
- Each line has the time, the level, the process and one sentence. Files are for their owner alone.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import time
from io import TextIOWrapper
from pathlib import Path
from typing import Final

import msgspec

from agentdeck.engine.redaction import redacted

MAX_BYTES: Final = 4 * 1024 * 1024  # a file; a day of a busy run is under 1 MB
KEPT_FILES: Final = 3

LEVEL: Final = "AGENTDECK_LOG"  # the variable
LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

log = logging.getLogger("agentdeck.engine")


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + "Z",
            "level": record.levelname.lower(),
            "pid": record.process,
            "what": record.getMessage(),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return redacted(msgspec.json.encode(line).decode(), os.environ)


def open_log(path: Path) -> None:
    """Send the engine's log to `path` from now on: a process has one engine at a time."""
    for earlier in list(log.handlers):
        log.removeHandler(earlier)
        earlier.close()
    handler = _Rotated(path, maxBytes=MAX_BYTES, backupCount=KEPT_FILES, delay=True)
    handler.setFormatter(_JsonLines())
    log.addHandler(handler)
    log.setLevel(LEVELS.get(os.environ.get(LEVEL, "").lower(), logging.INFO))
    log.propagate = False


class _Rotated(logging.handlers.RotatingFileHandler):
    def _open(self) -> TextIOWrapper:
        # Made for its owner alone before anything is in it, also after a rotation.
        os.close(os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        return super()._open()
