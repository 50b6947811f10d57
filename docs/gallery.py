"""The gallery: pictures of the control room over two runs of the demo, and the page with them.

The runs are real ones, with scripted agents in a throw-away repository; the pictures are made as
`agentdeck snapshot` makes them, each at a moment that is looked for in the journal, some after
a few keys. Made again, times and hashes differ, and nothing else should.

    make gallery
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, cast

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from agentdeck.control.runs import RunFolder
    from agentdeck.core.events import Recorded
    from agentdeck.tui.app import DeckApp

HERE: Final = Path(__file__).parent
PICTURES: Final = HERE / "gallery"
PAGE: Final = HERE / "gallery.md"
SIZES: Final = {"small": (80, 24), "usual": (120, 36), "large": (200, 60)}


class Picture(NamedTuple):
    """One picture of the gallery."""

    name: str
    said: str  # below it
    moment: str = "middle"
    screen: str = "main"
    size: str = "usual"
    task: str | None = None
    theme: str | None = None
    keys: tuple[str, ...] = ()  # pressed one after the other
    toasts: bool = False
    sick: bool = False  # the deck looks for the engine of that moment, which is not there any more


SHOWN: Final[tuple[tuple[str, tuple[Picture, ...]], ...]] = (
    ("The room", (
        Picture("room", "The run in its middle: what needs you stands first, the graph shows what "
                "waits for what, the log is that of the chosen task, and the queue says what each "
                "entry is built on."),
        Picture("room-80x24", "The same moment in a small terminal: panes are tabs.", size="small"),
        Picture("room-200x60", "The same moment in a large one, with the tails of all logs beside "
                "the queue.", size="large"),
        Picture("end", "The end: everything has landed, and `M` brings it into the branch that "
                "the run started from.", moment="end"),
    )),
    ("The plan, three ways", (
        Picture("graph", "The graph by itself: kin of the chosen task are lit.", screen="plan",
                keys=("z",)),
        Picture("outline", "Phases fold, with their counts.", screen="outline"),
        Picture("timeline", "Work, checks, waits and the queue, task by task; while a run goes on, "
                "what the forecast expects as well.", screen="timeline", moment="end"),
    )),
    ("One task", (
        Picture("log", "The log, drawn from the agent's stream.", screen="log", moment="end",
                task="LINKS"),
        Picture("diff", "What it changed.", screen="diff", moment="end", task="LINKS"),
        Picture("diff-sides", "The same, the old lines beside the new ones.", screen="diff",
                moment="end", task="LINKS", keys=("z", "|")),
        Picture("gates", "What proves it.", screen="gates", moment="end", task="LINKS"),
        Picture("history", "Its attempts, and why each ended.", screen="history", moment="end",
                task="ROUTER"),
        Picture("brief", "What its agent was told.", screen="brief", task="AUTH"),
    )),
    ("What waits for you, and what lands", (
        Picture("inbox", "Everything that waits for you, answered where it stands.",
                screen="inbox"),
        Picture("answer", "A question of an agent, with room for the answer.", screen="answer",
                moment="asks"),
        Picture("queue", "The merge queue: what each entry is built on, its gates, and what has "
                "landed.", screen="queue", moment="queued", keys=("z",)),
    )),
    ("Screens of their own", (
        Picture("wall", "The newest lines of every agent at work.", screen="wall"),
        Picture("spending", "What it costs, by task, agent and model.", screen="spending",
                moment="end"),
        Picture("events", "The journal, the only truth.", screen="events"),
        Picture("search", "Search over everything: tasks, briefs, logs, diffs, the journal.",
                screen="search", moment="end", keys=tuple("router")),
        Picture("compare", "This run beside an earlier one of the same plan.", moment="end",
                keys=("X", "enter")),
        Picture("palette", "Every command, task and topic, by name; a command that cannot be given "
                "says why.", screen="palette"),
        Picture("help", "The keys of where you are first, then all the others.", screen="help"),
    )),
    ("When something is wrong", (
        Picture("replay", "The run seen again: play, step, scrub, from landing to failure.",
                moment="end", keys=("B", "{", "{", "{", '"')),
        Picture("engine", "An engine that does not turn any more: said first, with the command "
                "that helps. Agents go on without it.", sick=True, toasts=True),
    )),
    ("Themes", (
        Picture("light", "deck-light", theme="deck-light", size="small"),
        Picture("high-contrast", "deck-high-contrast", theme="deck-high-contrast", size="small"),
        Picture("okabe-ito", "deck-okabe-ito, safe for those who see colours differently",
                theme="deck-okabe-ito", size="small"),
        Picture("gruvbox", "gruvbox", theme="gruvbox", size="small"),
    )),
)  # fmt: skip


def main() -> None:
    """Run the demo twice to its end, take the pictures, write the page."""
    with tempfile.TemporaryDirectory(prefix="agentdeck-gallery-") as place:
        os.environ.update(XDG_STATE_HOME=f"{place}/state", XDG_CONFIG_HOME=f"{place}/config")
        _make(Path(place) / "repo")


def _make(repo: Path) -> None:
    # Only now: where runs are kept is read from the environment.
    from agentdeck.cli.demo_repo import demo_files
    from agentdeck.control.scratch_repo import make_repo
    from agentdeck.control.source import read_history

    repo.mkdir()
    make_repo(repo, demo_files())
    print("gallery: the demo runs to its end twice, about a minute", file=sys.stderr)
    _run(repo)
    folder = _run(repo)
    history = read_history(folder)
    at = {name: found(history) for name, found in MOMENTS.items()}
    shutil.rmtree(PICTURES, ignore_errors=True)
    PICTURES.mkdir()
    page = [HEAD]
    for title, pictures in SHOWN:
        page.append(f"\n## {title}\n")
        for each in pictures:
            picture = asyncio.run(_draw(folder, history[: at[each.moment]], each))
            (PICTURES / f"{each.name}.svg").write_text(picture, encoding="utf-8")
            page.append(f"![{each.said}](gallery/{each.name}.svg)\n\n{each.said}\n")
            print(f"gallery: {each.name}", file=sys.stderr)
    PAGE.write_text("\n".join(page), encoding="utf-8")


def _run(repo: Path) -> RunFolder:
    """One run of the demo, to its end."""
    from agentdeck.cli.demo import wishes
    from agentdeck.cli.headless import run_headless
    from agentdeck.control.creating import create_run
    from agentdeck.plans.reader import read_plan
    from agentdeck.shipped import sample_plan

    text = sample_plan("demo")
    folder = create_run(repo, read_plan(text, file="demo.toml"), text)
    run_headless(folder, wishes=wishes)
    return folder


async def _draw(folder: RunFolder, history: list[Recorded], each: Picture) -> str:
    from agentdeck.tui.snapshot import draw

    return await draw(
        folder,
        history,
        size=SIZES[each.size],
        screen=each.screen,
        selected=each.task,
        theme=each.theme,
        steps=lambda pilot: _steps(pilot, each),
        toasts=each.toasts,
    )


async def _steps(pilot: Pilot[None], each: Picture) -> None:
    """Press the keys of a picture, and wait for what threads do about each."""
    app = cast("DeckApp", pilot.app)
    if each.sick:
        from agentdeck.tui.sickness import LOOKS

        app.source.engine = True  # type: ignore[attr-defined]  # as one that follows a run
        for _ in range(LOOKS):
            app.sickness.tick()
    for key in each.keys:
        await pilot.press(key)
        await app.workers.wait_for_complete()
        await pilot.pause()


def _middle(history: list[Recorded]) -> int:
    """Something waits for a person, work goes on beside it, and something is in the queue."""
    from agentdeck.core.fold import apply
    from agentdeck.core.inbox import waiting
    from agentdeck.core.state import RunState, TaskState

    state, best, found = RunState(), -1, len(history)
    for recorded in history:
        apply(state, recorded)
        works = sum(1 for _ in state.in_state(TaskState.WORKING))
        landed = len(state.landings)
        value = 2 * min(2, works) + 2 * min(2, len(state.queue)) + min(3, landed)
        value += 5 * min(2, sum(item.needs_you for item in waiting(state)))
        if value > best:
            best, found = value, recorded.seq
    return found


def _asks(history: list[Recorded]) -> int:
    """An agent has just asked something."""
    from agentdeck.core.events import AttemptAsked

    return next((r.seq for r in history if isinstance(r.event, AttemptAsked)), len(history))


def _queued(history: list[Recorded]) -> int:
    """The queue is at its longest, its first entry being proven."""
    from agentdeck.core.fold import apply
    from agentdeck.core.state import RunState

    state, best, found = RunState(), -1, len(history)
    for recorded in history:
        apply(state, recorded)
        value = 3 * len(state.queue) + min(3, len(state.landings))
        if value > best:
            best, found = value, recorded.seq
    return found


MOMENTS: Final[dict[str, Callable[[list[Recorded]], int]]] = {
    "middle": _middle,
    "asks": _asks,
    "queued": _queued,
    "end": len,
}
HEAD: Final = """# Gallery

<!-- Made by `make gallery`; change docs/gallery.py, not this page. -->

Runs of `agentdeck demo`: scripted agents, a real repository, and nothing touched up.
"""


if __name__ == "__main__":
    main()
