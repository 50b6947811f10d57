"""What gates run in, as one fingerprint: a verdict holds as long as it stays the same.

Rules:
- It covers the variables that a gate inherits and the programs that the plan's gates start.
- What differs from one terminal to the next says nothing about a verdict and is left out, so that
  an engine that is started again elsewhere finds its verdicts. Neither are secrets in it: a token
  that was renewed is the same environment.
- A gate keeps the fingerprint beside its log, because it may outlive the engine that started it.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from agentdeck.core.plan import Gate
from agentdeck.engine.environment import inherited, is_secret
from agentdeck.engine.plain_files import NotPlainError, read_plain
from agentdeck.engine.private_files import make_private, write_private

NAME: Final = "fingerprint"
NOTE_BYTES: Final = 4 * 1024  # of the file, which has sixteen
DIGITS: Final = 16  # hexadecimal, 64 bits: a person compares two of them, nobody attacks them
_OF_A_TERMINAL: Final = re.compile(
    r"""
    _ | SHLVL | COLUMNS | LINES | TERM.* | COLORTERM | WINDOWID | DISPLAY | WAYLAND_DISPLAY
    | TMUX.* | STY | SSH_.* | XDG_SESSION.* | XDG_VTNR | XDG_SEAT | DBUS_.* | INVOCATION_ID
    | JOURNAL_STREAM | PS[1-4] | PROMPT.* | VTE_.* | KITTY_.* | ITERM_.* | WEZTERM_.*
    | AGENTDECK_.* | PYTEST_CURRENT_TEST
    """,
    re.VERBOSE,
)


def fingerprint(base: Mapping[str, str], gates: Iterable[Gate]) -> str:
    """What gates would run in now. Reads the state of one file a gate.

    Args:
        base: the environment of the engine.
        gates: those of the plan.
    """
    digest = hashlib.sha256()
    kept = {
        name: value
        for name, value in inherited(base).items()
        if not _OF_A_TERMINAL.fullmatch(name) and not is_secret(name)
    }
    for part in (*_flat(sorted(kept.items())), *_programs(gates, base.get("PATH"))):
        data = part.encode(errors="surrogateescape")
        digest.update(b"%d:" % len(data) + data)  # no two lists of parts give the same bytes
    return digest.hexdigest()[:DIGITS]


def note_fingerprint(folder: Path, mark: str) -> None:
    """Keep beside its log what a gate that was not started yet is started in."""
    make_private(folder)
    write_private(folder / NAME, mark)


def noted_fingerprint(folder: Path) -> str:
    """What the gate of this folder was started in; "" where nobody kept it."""
    try:
        return read_plain(folder / NAME, NOTE_BYTES).decode("ascii")[:DIGITS]
    except (FileNotFoundError, NotPlainError, UnicodeDecodeError):
        return ""


def _flat(pairs: Sequence[tuple[str, str]]) -> Iterator[str]:
    for pair in pairs:
        yield from pair


def _programs(gates: Iterable[Gate], path: str | None) -> Iterator[str]:
    """Which files the gates start, and since when they are as they are."""
    for program in sorted({gate.run[0] for gate in gates if gate.run}):  # a checklist has none
        found = shutil.which(program, path=path)
        yield program
        if found is None:  # below the worktree, or missing
            continue
        real = Path(found).resolve()
        try:
            stat = real.stat()
        except OSError:
            continue
        yield f"{real} {stat.st_size} {stat.st_mtime_ns}"


__all__ = ["fingerprint", "note_fingerprint", "noted_fingerprint"]
