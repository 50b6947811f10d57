"""The indexer as a process of its own: `python -m agentdeck.control.search RUN_FOLDER REPO`.

Rules: how far it is goes out as lines of JSON, a few a second; a line that comes in asks for what
is new since; the end of the input ends it. It gives way to agents and gates.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Final

import msgspec

from agentdeck.control.runs import RunFolder
from agentdeck.control.search.indexer import Indexer, others_of
from agentdeck.core.errors import DeckError

TELL_S: Final = 0.2  # between two reports
NICE: Final = 10  # whoever works for the run goes first


def main() -> int:
    """Index until nobody asks any more; the exit status."""
    os.nice(NICE)
    folder, repo = RunFolder(Path(sys.argv[1])), Path(sys.argv[2])
    try:
        others = others_of(folder, repo)
    except DeckError:
        others = []
    indexer, out = Indexer(folder, others=others), sys.stdout.buffer
    try:
        while True:
            told_at = 0.0
            for step in indexer.update():
                if step.ready or step.fault or time.monotonic() - told_at >= TELL_S:
                    told_at = time.monotonic()
                    out.write(msgspec.json.encode(step) + b"\n")
                    out.flush()
            if not sys.stdin.buffer.readline():
                return 0
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nobody listens any more
        return 0


if __name__ == "__main__":
    sys.exit(main())
