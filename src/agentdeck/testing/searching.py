"""The command line of the simulation: replay a situation, or look for a seed that breaks a rule.

Rules:
- A seed that fails prints what it broke, how it is replayed, and a smaller situation that breaks
  the same rule, if one was looked for.
- A search ends with how often each fault has happened: one that never does proves nothing.
- A run is kept as the folder of a run, so the deck shows it: `agentdeck replay FOLDER`.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from agentdeck.core.errors import DeckError
from agentdeck.core.ids import TaskId
from agentdeck.testing.kept_run import keep_run
from agentdeck.testing.scripted_world import Faults
from agentdeck.testing.shrinking import EFFORT, shrink
from agentdeck.testing.situation import Breach, Situation, tried

FAULTS: Final = tuple(Faults.__dataclass_fields__)


def main(arguments: list[str] | None = None) -> int:
    """Replay one situation, or look for a seed that fails. The exit status is 1 when one does."""
    chosen = _parser().parse_args(arguments)
    if chosen.seed is None:
        return _search(
            range(chosen.first, chosen.first + chosen.seeds), shrinks=chosen.shrink is not False
        )
    try:
        return _replay(_situation(chosen), shrinks=bool(chosen.shrink), journal=chosen.journal)
    except DeckError as error:
        print(error.message, file=sys.stderr)
        return error.exit_code


def _situation(chosen: argparse.Namespace) -> Situation:
    """The one that the options name, as `Situation.command` writes them."""
    calm = tuple(name for name in FAULTS if name not in chosen.only)
    return Situation(chosen.seed, chosen.draw, tuple(map(TaskId, chosen.without)), calm)


def _replay(situation: Situation, *, shrinks: bool, journal: Path | None) -> int:
    """Print the journal of a situation and how it ended; of its smaller one, where that is told."""
    found = tried(situation)
    if isinstance(found, Breach) and shrinks:
        found = shrink(found)
        situation = found.situation
    for recorded in found.history:
        print(f"{recorded.seq:5} {recorded.at - 1.7e9:9.1f}  {recorded.event}")
    if journal is not None:
        keep_run(journal, situation.plan, found.history)
        print(f"see it: agentdeck replay {journal.absolute()}")
    print(_told(found) if isinstance(found, Breach) else found)
    return 1 if isinstance(found, Breach) else 0


def _search(seeds: Sequence[int], *, shrinks: bool) -> int:
    failed = 0
    met, runs = Counter[str](), Counter[str]()
    for seed in seeds:
        found = tried(Situation(seed))
        met.update(found.met)
        runs.update(name for name, often in found.met.items() if often)
        if isinstance(found, Breach):
            failed += 1
            print(_told(found), file=sys.stderr)
            if shrinks:
                print(_told(shrink(found, EFFORT), "smaller"), file=sys.stderr)
    for name in FAULTS:
        print(f"{name:24} {met[name]:9,} times in {runs[name]:6,} runs")
    print(f"{len(seeds) - failed} of {len(seeds)} seeds hold every invariant")
    return 1 if failed else 0


def _told(breach: Breach, what: str = "") -> str:
    tasks, troubles, events = breach.size
    of = f"tasks: {tasks}, kinds of faults: {troubles}, events: {events}"
    which = f"{what}, {of}" if what else f"seed {breach.situation.seed}, {of}"
    return f"{which}: {breach.error!r}\n  replay it: {breach.situation.command}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Simulated runs with seeded faults.")
    parser.add_argument("--seed", type=int, help="replay this run and print its journal")
    parser.add_argument("--draw", type=int, help="of it: draw what happens from another seed")
    parser.add_argument("--without", type=_names, default=(), help="of it: leave out these tasks")
    parser.add_argument("--only", type=_faults, default=FAULTS, help="of it: only these faults")
    parser.add_argument("--journal", type=Path, help="of it: keep it as a run's folder, a new one")
    parser.add_argument("--seeds", type=int, default=100, help="how many runs to try")
    parser.add_argument("--first", type=int, default=0, help="the first seed of these")
    parser.add_argument(
        "--shrink",
        action=argparse.BooleanOptionalAction,
        help="look for a smaller run that breaks the same rule (a search does, a replay does not)",
    )
    return parser


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _faults(text: str) -> tuple[str, ...]:
    found = tuple(name for name in _names(text) if name)
    for name in found:
        if name not in FAULTS:
            raise argparse.ArgumentTypeError(f"{name!r} is no fault; they are {', '.join(FAULTS)}")
    return found
