"""One deck for one page: `python -P -m agentdeck.tui.browser FOLDER`.

Textual speaks to the server on stdin and stdout, as the environment tells it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from agentdeck.control.runs import RunFolder
from agentdeck.tui.show import run_deck


def main() -> int:
    """Open the deck over the run of a folder; the exit status."""
    return run_deck(RunFolder(Path(sys.argv[1])))


if __name__ == "__main__":
    sys.exit(main())
