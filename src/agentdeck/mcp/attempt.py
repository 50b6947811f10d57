"""The MCP server that agentdeck gives to one of its agents: `python .../mcp/attempt.py PASS`.

Rules:
- The pass says how calls travel: over the socket of an engine of this machine, or by files that an
  engine elsewhere fetches. For the latter the standard library is enough.
- So nothing else is imported before that is known. It runs as a file, too: on a machine that is
  reached over ssh nobody has installed the package of which it is a part.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

USAGE: Final = "usage: python -m agentdeck.mcp.attempt PASS"


def main(arguments: Sequence[str]) -> int:
    """Serve the tools of the pass that is named; the exit status."""
    if len(arguments) != 1:
        print(USAGE, file=sys.stderr)
        return 2
    _find_package()
    from agentdeck.engine.remote.mail_server import read_far_pass, serve_far

    far = read_far_pass(Path(arguments[0]))
    if far is not None:
        serve_far(far)
        return 0
    from agentdeck.engine.tool_pass import read_pass_file

    own = read_pass_file(Path(arguments[0]))
    if own is None:
        print(f"{arguments[0]} is no pass of an attempt", file=sys.stderr)
        return 2
    from agentdeck.mcp.attempt_face import serve_attempt

    serve_attempt(own)
    return 0


def _find_package() -> None:
    """Have the package that this file is a part of, and no other one of the same name."""
    package = Path(__file__).resolve().parents[1]
    found = find_spec(package.name)
    if found is None or found.origin is None or Path(found.origin).resolve().parent != package:
        sys.path.insert(0, str(package.parent))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
