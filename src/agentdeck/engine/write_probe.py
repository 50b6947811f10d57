"""Tries to make a file in each folder: `python -I -S write_probe.py NAME FOLDER…`.

Run inside a sandbox, before an agent. Rules: only the standard library. Nothing is decided here: it
prints a line for each folder, and whoever started it looks from outside what really came of it.
"""

# pathlib would take longer to import than all the rest of this script.
# ruff: noqa: PTH118
from __future__ import annotations

import errno
import os
import sys


def main(words: list[str]) -> int:
    """Try them all; the exit status is 0 when each was tried."""
    name, *folders = words
    for folder in folders:
        try:
            os.close(os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        except OSError as fault:
            print(errno.errorcode.get(fault.errno or 0, "?"))
        else:
            print("made")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
