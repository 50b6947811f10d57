"""Runs the command of a hook: told on its input, bounded in time, ended as a tree.

Rules: how a program is run stands in `engine.asked_program`. What a hook says is thrown away; the
last line of it is kept for the reason of a failure.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agentdeck.engine.asked_program import Said, ask
from agentdeck.engine.redaction import redacted

SAID_CHARS: Final = 300  # of its last line, in the reason of a failure


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of telling a hook."""

    status: int
    fault: str = ""  # why it was not told; "" = it was
    wait_s: float | None = None  # the receiver wants no other try before so many seconds
    final: bool = False  # it wants no other try at all


def run_command(
    argv: Sequence[str],
    told: bytes,
    *,
    cwd: Path,
    env: Mapping[str, str],
    tag: str,
    timeout_s: float,
    ended: threading.Event,
    own: str = "",
) -> Answer:
    """Run a command to its end, or until its time is up.

    Args:
        argv: the command.
        told: what it reads on its input.
        cwd: where it works.
        env: its environment, complete; `tag` in it marks what it starts.
        tag: unique to the hook.
        timeout_s: how long it may take.
        ended: set when nobody wants it to go on.
        own: what a program of agentdeck's own is called. Where it fails its last line says all.
    """
    deadline = time.monotonic() + timeout_s
    said = ask(argv, told, cwd=cwd, env=env, tag=tag, deadline=deadline, ended=ended, whole=False)
    name, last = own or argv[0], _last_line(said)
    if said.late:
        return Answer(said.code, f"{name} was ended after {timeout_s:g} s{last}")
    if said.fault or said.code == 0:
        return Answer(said.code, said.fault)
    signalled = said.code < 0
    if own and last and not signalled:
        return Answer(said.code, last.removeprefix(": "))
    how = f"was killed by signal {-said.code}" if signalled else f"exited with {said.code}"
    return Answer(said.code, f"{name} {how}{last}")


def _last_line(said: Said) -> str:
    text = said.err.strip() or said.out.decode(errors="replace")
    lines = redacted(text, os.environ).strip().splitlines()
    return f": {lines[-1][:SAID_CHARS]}" if lines else ""


__all__ = ["Answer", "run_command"]
