"""The past of a run that began with a checkpoint, read beside the screen.

Rules:
- In pieces, with a breath after each: a key never waits for more than one of them, and while keys
  are pressed none is read at all.
- The journal is read in a thread, because a disk may be slow; the pieces are folded where the model
  lives. What happens meanwhile stands in the journal too, and is read with the rest.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from agentdeck.control.event_log import EventLog
from agentdeck.core.errors import DeckError

if TYPE_CHECKING:
    from agentdeck.tui.app import DeckApp

PIECE: Final = 200  # events; 3 ms of folding
BREATH_S: Final = 0.001  # after a piece: whatever waits for its turn gets it
QUIET_S: Final = 0.1  # after a key: what follows from it is drawn first


async def recall(app: DeckApp) -> None:
    """Let the model take in its past. Ends when it knows all, or the journal cannot be read."""
    log = EventLog(app.folder)
    model = app.model
    try:
        while not model.whole:
            if app.pacing.quiet_s < QUIET_S:
                await asyncio.sleep(QUIET_S)
                continue
            wanted = min(PIECE, model.taken - model.recalled)
            piece = await asyncio.to_thread(log.read, model.recalled + 1, wanted)
            model.recall(piece)
            await asyncio.sleep(BREATH_S if piece else QUIET_S)
    except DeckError as error:
        model.cannot_recall(error.message)
        app.tell_fault(error, "The past cannot be read")
    finally:
        log.close()
