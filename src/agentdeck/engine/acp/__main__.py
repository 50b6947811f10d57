"""The bridge as a program. Exit status: 0 the last turn ended well, 1 it did not, 2 usage.

What happened is in the last line of the log, `ended`; see `raw_log`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
import traceback
from typing import Final

from agentdeck.core.errors import EXIT_FAILED, EXIT_OK, EXIT_USAGE, UsageError
from agentdeck.core.events import FailureClass
from agentdeck.engine.acp.bridge import run
from agentdeck.engine.acp.command_line import parse
from agentdeck.engine.acp.outcome import failure
from agentdeck.engine.acp.raw_log import RawLog

STDOUT: Final = 1


class _Notes(logging.Handler):
    """Warnings of the SDK become notes."""

    def __init__(self, log: RawLog) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        fault = f": {record.exc_info[1]!r}" if record.exc_info else ""
        self._log.note(f"{record.name}: {record.getMessage()}{fault}")


def main(argv: list[str]) -> int:
    """Run the bridge and return its exit status."""
    log = RawLog(STDOUT, time.monotonic)
    logging.basicConfig(handlers=[_Notes(log)], level=logging.WARNING)
    try:
        options = parse(argv)
    except UsageError as fault:
        log.ended(failure(FailureClass.SETUP, f"{fault.message}; {fault.hint}"))
        return EXIT_USAGE
    try:
        outcome = asyncio.run(run(options, log))
    except Exception as fault:  # noqa: BLE001 - the log must say how it ended, whatever it was
        traceback.print_exc()
        sys.stderr.flush()
        outcome = failure(FailureClass.CRASH, f"the bridge failed: {fault!r}")
    log.ended(outcome)
    return EXIT_OK if outcome.ok else EXIT_FAILED


if __name__ == "__main__":
    status = main(sys.argv[1:])
    os._exit(status)  # nothing is left to flush, and `ended` stays the last line
