"""`runs repair`: mend the damaged journal of a run, and say what was lost."""

from __future__ import annotations

from typing import Annotated

import typer

from agentdeck.cli.output import safe, say, say_json
from agentdeck.cli.place import JsonOption, chosen_run
from agentdeck.core.errors import EXIT_OK


def repair(
    context: typer.Context,
    run: Annotated[
        str,
        typer.Argument(metavar="RUN", help="A run's id, or how that begins."),
    ],
    as_json: JsonOption = False,
) -> int:
    """Save what can be saved of a damaged journal. The damaged files are kept beside."""
    from agentdeck.control.damage import mend

    folder = chosen_run(context, run)
    mended = mend(folder)
    if as_json:
        say_json({"run": folder.run, "mended": mended})
        return EXIT_OK
    if mended is None:
        say(f"{folder.run}: every event of the journal is sound; nothing was changed")
        return EXIT_OK
    say(f"{folder.run}: mended")
    say(f"  events 1 to {mended.sound} are as they were written")
    last = mended.sound + mended.lost
    if mended.lost:
        readable = f"; {mended.unproven} of them can be read, but not proven" * bool(
            mended.unproven
        )
        span = f"events {mended.sound + 1} to {last} are" if mended.lost > 1 else f"event {last} is"
        say(f"  {span} lost{readable}")
    else:
        say("  no event is known to be lost")
    for named in mended.landings:
        say(f"  found landed in git: {safe(named)}")
    for named in mended.adopted:
        say(f"  {safe(named)} was begun in the lost part: the engine goes on with it")
    for named in mended.set_aside:
        say(f"  {safe(named)} was begun in the lost part: it is kept beside, and ended")
    for remark in mended.remarks:
        say(f"  {safe(remark)}")
    say(f"what was damaged is kept in {safe(mended.kept)}")
    say(f"next: agentdeck attach {folder.run}")
    return EXIT_OK
