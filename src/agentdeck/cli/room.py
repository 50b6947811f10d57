"""Sitting down in front of a run: what `attach` does, and `run` once it has begun one.

Rules: nothing of typer is needed here. To parse a line it takes as long as the room to draw its
first picture, so the two plainest lines, `attach` and `attach RUN`, come here without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agentdeck.cli.output import in_terminal, note, wants_plain
from agentdeck.control.runs import RunFolder, fold_sound, resolve_run
from agentdeck.core.errors import UsageError


def is_plain_attach(words: Sequence[str]) -> bool:
    """Is there nothing to parse in this line: a verb, and at most the name of a run?"""
    return list(words[:1]) == ["attach"] and len(words) <= 2 and not words[-1].startswith("-")


def attach_here(words: Sequence[str]) -> int:
    """Carry out such a line; the exit status. Raises as `attach_to`, and NotFoundError."""
    here = Path.cwd()
    name = words[1] if len(words) > 1 else None
    return attach_to(resolve_run(name, here), here)


def attach_to(
    folder: RunFolder, here: Path, *, plain: bool = False, ascii_only: bool = False
) -> int:
    """Open the control room of a run for somebody at a terminal.

    Raises:
        UsageError: nobody is.
        EnvironmentFault: its engine did not start.
    """
    if not (wants_plain(plain) or in_terminal()):
        raise UsageError(
            "the control room needs a terminal, and stdout is none",
            hint="`agentdeck attach --plain`, `agentdeck status`,"
            " or `agentdeck run PLAN --resume --headless`",
        )
    return open_deck(folder, here, plain=plain, ascii_only=ascii_only)


def open_deck(
    folder: RunFolder, here: Path, *, plain: bool = False, ascii_only: bool = False
) -> int:
    """The control room over this run, its engine running unless the run has ended.

    Args:
        here: the folder that commands act in.
        plain: lines in its place; also where the environment or the terminal wants them.
        ascii_only: signs and borders of ASCII; likewise.
    """
    from agentdeck.control.damage import JournalDamaged
    from agentdeck.control.start import wake

    try:
        wake(folder)
    except JournalDamaged as fault:  # what is sound of it can be looked at
        fold_sound(folder)
        note(f"{fault.message}\nhint: {fault.hint}")
    if wants_plain(plain):
        from agentdeck.cli.plain import open_plain

        return open_plain(folder, here)
    from agentdeck.tui.show import run_deck

    return run_deck(folder, ascii_only=ascii_only)
