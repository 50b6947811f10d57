"""`replay`: a run seen again in the control room."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from agentdeck.cli.output import in_terminal, wants_plain
from agentdeck.cli.place import AsciiOption, PlainOption, chosen_run, folder_of
from agentdeck.core.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(rich_help_panel="Look")(replay)


def replay(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]",
            help="A run's id, or how that begins; or the path of a run's folder. Without it: the "
            "newest of this repository.",
            show_default=False,
        ),
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option("--speed", metavar="N", help="Without it: all of the run in a minute."),
    ] = None,
    at: Annotated[
        int | None,
        typer.Option("--at", metavar="SEQ", min=1, help="Begin after this event, standing still."),
    ] = None,
    plain: PlainOption = False,
    ascii_only: AsciiOption = False,
) -> int:
    """See a run again, from its journal: play, stand still, step, jump to what landed or failed."""
    from agentdeck.tui.replay import MAX_SPEED, MIN_SPEED

    if speed is not None and not MIN_SPEED <= speed <= MAX_SPEED:
        raise UsageError(f"--speed must be {MIN_SPEED:g} to {MAX_SPEED:,.0f}, not {speed:g}")
    from agentdeck.control.runs import run_in

    by_path = name is not None and os.sep in name
    folder = run_in(folder_of(context) / str(name)) if by_path else chosen_run(context, name)
    if not (wants_plain(plain) or in_terminal()):
        raise UsageError(
            "a replay needs a terminal, and stdout is none",
            hint=f"`agentdeck snapshot {folder.run} --at SEQ -o FILE` draws one moment",
        )
    from agentdeck.control.source import JournalSource, read_history
    from agentdeck.tui.replay import Replay

    history = read_history(folder)
    if at is not None and at > len(history):
        raise UsageError(f"--at {at}: the journal has {len(history)} events")
    played = Replay(history, speed=speed)
    if at is not None:
        played.seek(at)
        played.playing = False
    if wants_plain(plain):
        from agentdeck.cli.plain import replay_plain

        return replay_plain(folder, folder_of(context), played)
    from agentdeck.tui.app import DeckApp, wants_ascii
    from agentdeck.tui.remembering import remembered
    from agentdeck.tui.show import show_deck

    kept = remembered(folder)
    source = JournalSource(folder)
    app = DeckApp(
        folder, source, replay=played, remembering=kept, ascii_only=wants_ascii(ascii_only)
    )
    return show_deck(app)


__all__ = ["register"]
