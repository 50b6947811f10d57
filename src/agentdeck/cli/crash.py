"""The crash log: what a fault of agentdeck itself leaves for whoever mends it."""

from __future__ import annotations

import os
import platform
import sys
import time
import traceback
from pathlib import Path
from typing import Final

from agentdeck import __version__
from agentdeck.control.redaction import redacted
from agentdeck.control.runs import runs_root

KEPT: Final = 20  # crash logs; the oldest go


def write_crash_log(error: BaseException) -> Path | None:
    """Write the error with its traceback; None when the disk refuses."""
    folder = runs_root().parent / "crashes"
    name = time.strftime("%Y%m%d-%H%M%S", time.gmtime()) + f"-{os.getpid()}.log"
    head = [
        f"agentdeck {__version__}, Python {platform.python_version()}, {platform.platform()}",
        f"verb: {sys.argv[1] if len(sys.argv) > 1 else ''}",  # arguments may hold secrets
        "",
    ]
    trace = redacted("".join(traceback.format_exception(error)), os.environ)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = folder / name
        file.touch(mode=0o600)
        file.write_text("\n".join(head) + trace, encoding="utf-8", errors="replace")
        for old in sorted(folder.glob("*.log"))[:-KEPT]:
            old.unlink(missing_ok=True)
    except OSError:
        return None
    return file
