"""The built-in scripted agent: does what its prompt says, costs nothing, is the same each time.

It is run as `python -I -S scripted_agent.py --prompt-file FILE` in a worktree. Task, attempt and
footprint come by AGENTDECK_TASK, AGENTDECK_ATTEMPT and AGENTDECK_FILES (one pattern a line).
Its language is in `scripted/script.py`, and for its users in docs/scripted-agent.md.

Rules:
- Lines of the prompt that start with `! ` are its script. Without one it works by itself: some tool
  calls, one to three files within its footprint, a commit. It takes AGENTDECK_SCRIPT_SECONDS, or a
  fraction of a second.
- Everything it makes up depends on the task and the attempt alone.
- It answers in JSON lines of its own, or with `--speak FORMAT` as another agent's command line
  does, down to its failures and exit codes.
- With -I -S nothing is installed and nothing beside it can be imported: it puts the folder of the
  package last on the path. Only what starts fast is imported.
"""
# Importing pathlib would take as long as the rest of the start:
# ruff: noqa: PTH100, PTH120

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    _FILE = os.path.abspath(__file__)
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(_FILE))))

from agentdeck.testing.scripted.main import main
from agentdeck.testing.scripted.script import parse_script

__all__ = ["main", "parse_script"]

if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))  # nothing is buffered; a tidy end of the interpreter takes time
