"""`find`: search tasks, briefs, logs, diffs and the journal of a run, and of past ones."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from agentdeck.cli.output import in_terminal, note, paint, safe, say, say_json, width
from agentdeck.cli.place import JsonOption, RunOption, chosen_run, folder_of
from agentdeck.core.errors import EXIT_FAILED, EXIT_OK, EnvironmentFault, UsageError

if TYPE_CHECKING:
    from agentdeck.control.search.finder import Hit
    from agentdeck.control.search.indexer import Indexer

USUAL: Final = 20  # hits that are told
MOST: Final = 1_000
TELL_S: Final = 0.2  # between two looks at how far the index is
WORDS: Final = {
    "tasks": "task",
    "briefs": "brief",
    "logs": "log",
    "diffs": "diff",
    "events": "event",
}


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(rich_help_panel="Look")(find)


def find(
    context: typer.Context,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="WORDS...",
            help='All must be there. "A phrase", begin*, in:logs, task:ID, repo:NAME; '
            "behind -- also -not.",
        ),
    ],
    run: RunOption = None,
    everywhere: Annotated[
        bool, typer.Option("--all", help="Past runs of this repository too, the newest 20.")
    ] = False,
    within: Annotated[
        str,
        typer.Option("--in", metavar="KINDS", help="Of tasks,briefs,logs,diffs,events; else all."),
    ] = "",
    most: Annotated[
        int, typer.Option("-n", metavar="N", min=1, max=MOST, help="At most so many hits.")
    ] = USUAL,
    as_json: JsonOption = False,
) -> int:
    """Search all that is known of a run; the best hits first.

    What is read is kept beside the run's journal, so that the next search is quick. Of a long log
    the last 16 MiB are read, and about 4 MiB of what they show are kept, the newest. The status is
    1 where nothing is found.
    """
    from agentdeck.control.search.finder import find as search
    from agentdeck.control.search.indexer import Indexer, others_of
    from agentdeck.control.search.wanted import kinds_of, wanted

    asked = wanted(" ".join(_quoted(word) for word in words))
    kinds, wrong = kinds_of(within)
    if asked.fault or wrong:
        raise UsageError(asked.fault or wrong)
    if not asked.match:
        raise UsageError("nothing is looked for", hint="write a word, or a part of one and a *")
    folder = chosen_run(context, run)
    others = others_of(folder, folder_of(context)) if everywhere else []
    _index(Indexer(folder, others=others))
    asked = asked._replace(kinds=asked.kinds | kinds)
    hits = search([each.path for each in (folder, *others)], asked, most=most)
    if as_json:
        say_json([_as_json(hit) for hit in hits])
    else:
        _tell(hits, runs=everywhere)
    if not hits:
        note("nothing has that")
    return EXIT_OK if hits else EXIT_FAILED


def _quoted(word: str) -> str:
    """An argument with blanks in it was quoted for the shell: a phrase."""
    bare = word.replace('"', "")
    return f'"{bare}"' if " " in bare and '"' not in word and ":" not in word else word


def _index(indexer: Indexer) -> None:
    """Bring the index up to what there is, and say how far it is where a person waits."""
    shown, told_at = in_terminal(sys.stderr), time.monotonic()
    said = False
    for step in indexer.update():
        if step.fault:
            raise EnvironmentFault(step.fault)
        if step.waits and step.what != "runs":
            note("another search indexes just now: what it has read so far is searched")
        if shown and time.monotonic() - told_at >= TELL_S:
            told_at, said = time.monotonic(), True
            print(f"\r\x1b[Kindexing: {step.words}", end="", file=sys.stderr, flush=True)
    if said:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _tell(hits: list[Hit], *, runs: bool) -> None:
    places = [_place(hit, runs=runs) for hit in hits]
    column = max(map(width, places), default=0)
    for hit, place in zip(hits, places, strict=True):
        parts = [paint(safe(p.text), "bold") if p.hit else safe(p.text) for p in hit.snippet]
        more = paint(f"  +{hit.more} more", "dim") if hit.more else ""
        blank = " " * (column - width(place))
        say(f"{paint(WORDS[hit.kind].ljust(5), 'dim')}  {place}{blank}  {''.join(parts)}{more}")


def _place(hit: Hit, *, runs: bool) -> str:
    task = f"{hit.task}#{hit.attempt}" if hit.attempt else hit.task
    file = f"{hit.file}:{hit.line}" if hit.line else hit.file
    clock = time.strftime("%H:%M:%S", time.localtime(hit.at)) if hit.at else ""
    return safe("  ".join(part for part in (hit.run if runs else "", task, file or clock) if part))


def _as_json(hit: Hit) -> dict[str, object]:
    return {
        "run": hit.run,
        "kind": hit.kind,
        "task": hit.task or None,
        "attempt": hit.attempt or None,
        "offset" if hit.kind == "logs" else "event" if hit.kind == "events" else "part": hit.place,
        "file": hit.file or None,
        "line": hit.line or None,
        "at": hit.at,
        "snippet": "".join(piece.text for piece in hit.snippet),
        "hits": [piece.text for piece in hit.snippet if piece.hit],
        "more": hit.more,
    }


__all__ = ["register"]
