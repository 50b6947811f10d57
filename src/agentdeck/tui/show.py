"""From the folder of a run to a deck on the screen, until the person leaves it.

Rules: it begins with the latest checkpoint of the run; what is damaged is shown as far as it is
sound. Garbage is not looked for before the first picture stands.
"""

from __future__ import annotations

import gc
import sys

from agentdeck.control.damage import JournalDamaged
from agentdeck.control.first_time import tour_is_due
from agentdeck.control.runs import Beginning, RunFolder, beginning
from agentdeck.control.socketfile import answers
from agentdeck.control.source import open_source
from agentdeck.tui.app import DeckApp, wants_ascii
from agentdeck.tui.remembering import remembered


def show_deck(app: DeckApp) -> int:
    """Show a deck until the person leaves it; the exit status."""
    gc.disable()  # until the first picture stands and a moment longer; nearly all of it stays
    try:
        app.run()
    finally:
        gc.enable()
    return app.return_code or 0


def run_deck(folder: RunFolder, *, ascii_only: bool = False) -> int:
    """Show the control room until the person leaves it; the exit status.

    Args:
        ascii_only: signs of ASCII; also where the environment or the terminal wants them.
    """
    live = answers(folder.socket)
    try:
        known = beginning(folder)
    except JournalDamaged:
        known = Beginning(None, [], 0)  # what is sound of it is shown as it is read
    app = DeckApp(
        folder,
        open_source(folder, live=live),
        ascii_only=wants_ascii(ascii_only),
        begin=known.state,
        preload=known.rest,
        past=known.last,
        remembering=remembered(folder),
        tour=tour_is_due(terminal=sys.stdout.isatty()),
    )
    return show_deck(app)


__all__ = ["run_deck", "show_deck"]
