"""`doctor RUN`: what is wrong with a run, why, and the command that mends it."""

from __future__ import annotations

import time

from agentdeck.cli.looking import item_words
from agentdeck.cli.output import paint, safe, say, say_json, table
from agentdeck.control.diagnosis import Finding, Grade, diagnose, worst
from agentdeck.control.runs import RunFolder
from agentdeck.control.waiting_lines import answer_to
from agentdeck.core import inbox
from agentdeck.core.errors import EXIT_DAMAGED, EXIT_ENVIRONMENT, EXIT_NEEDS_PERSON, EXIT_OK


def print_diagnosis(folder: RunFolder, *, as_json: bool) -> int:
    """Print the diagnosis of a run; the exit status.

    Raises:
        JournalError, JournalFormatError: nothing of its journal can be read.
    """
    found = diagnose(folder)
    now, run = time.time(), folder.run
    waiting = [item for item in inbox.waiting(found.state) if item.needs_you]
    asks = [
        Finding(
            "you",
            Grade.WARN,
            item_words(found.state, item, now),
            f"agentdeck {answer} --run {run}" if (answer := answer_to(item)) else "",
        )
        for item in waiting
    ]
    rows = [*found.findings, *asks]
    grade = worst(found.findings)
    code = EXIT_OK
    if found.damaged:
        code = EXIT_DAMAGED
    elif grade is Grade.FAIL:
        code = EXIT_ENVIRONMENT
    elif asks:
        code = EXIT_NEEDS_PERSON
    if as_json:
        say_json({"run": run, "ok": code == EXIT_OK, "checks": rows})
        return code
    say(f"{run}  {safe(found.state.plan.name)}")
    cells = [(str(row.state), row.what, row.found, row.todo) for row in rows]
    table(("", "", "FOUND", "WHAT TO DO"), cells, state=0)
    if grade is Grade.FAIL:
        say(paint("the run cannot go on as it is", "red"))
    elif asks:
        say(paint("the run waits for you", "yellow"))
    else:
        say(paint("nothing is wrong with it", "green"))
    return code


__all__ = ["print_diagnosis"]
