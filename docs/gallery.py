"""The gallery: pictures of the control room over one run of the demo, and the page that shows them.

The run is a real one, with scripted agents in a throw-away repository; the pictures are made by
`agentdeck snapshot`, each at a moment that is looked for in the run's journal. Made again, times
and hashes differ, and nothing else should.

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
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from agentdeck.core.events import Recorded

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
        Picture("graph", "The graph by itself: kin of the chosen task are lit.", screen="plan"),
        Picture("outline", "Phases fold, with their counts.", screen="outline"),
        Picture("timeline", "What was, what is, and what the forecast expects.", screen="timeline"),
    )),
    ("One task", (
        Picture("log", "The log, drawn from the agent's stream.", screen="log", moment="end",
                task="LINKS"),
        Picture("diff", "What it changed.", screen="diff", moment="end", task="LINKS"),
        Picture("gates", "What proves it.", screen="gates", moment="end", task="LINKS"),
        Picture("history", "Its attempts, and why each ended.", screen="history", moment="end",
                task="ROUTER"),
        Picture("brief", "What its agent was told.", screen="brief", task="AUTH"),
    )),
    ("Screens of their own", (
        Picture("inbox", "Everything that waits for you, answered where it stands.",
                screen="inbox"),
        Picture("wall", "The newest lines of every agent at work.", screen="wall"),
        Picture("spending", "What it costs, by task, agent and model.", screen="spending",
                moment="end"),
        Picture("events", "The journal, the only truth.", screen="events"),
        Picture("palette", "Every command, task and topic, by name; a command that cannot be given "
                "says why.", screen="palette"),
        Picture("help", "The keys of where you are first, then all the others.", screen="help"),
    )),
    ("Themes", (
        Picture("light", "deck-light", theme="deck-light"),
        Picture("high-contrast", "deck-high-contrast", theme="deck-high-contrast"),
        Picture("okabe-ito", "deck-okabe-ito, safe for those who see colours differently",
                theme="deck-okabe-ito"),
        Picture("gruvbox", "gruvbox", theme="gruvbox"),
    )),
)  # fmt: skip


def main() -> None:
    """Run the demo to its end, take the pictures, write the page."""
    with tempfile.TemporaryDirectory(prefix="agentdeck-gallery-") as place:
        os.environ.update(XDG_STATE_HOME=f"{place}/state", XDG_CONFIG_HOME=f"{place}/config")
        _make(Path(place) / "repo")


def _make(repo: Path) -> None:
    # Only now: where runs are kept is read from the environment.
    from agentdeck.cli.demo import wishes
    from agentdeck.cli.demo_repo import demo_files
    from agentdeck.cli.headless import run_headless
    from agentdeck.control.creating import create_run
    from agentdeck.control.scratch_repo import make_repo
    from agentdeck.control.source import read_history
    from agentdeck.plans.reader import read_plan
    from agentdeck.shipped import sample_plan
    from agentdeck.tui.snapshot import draw

    repo.mkdir()
    make_repo(repo, demo_files())
    text = sample_plan("demo")
    folder = create_run(repo, read_plan(text, file="demo.toml"), text)
    print("gallery: the demo runs to its end, about half a minute", file=sys.stderr)
    run_headless(folder, wishes=wishes)
    history = read_history(folder)
    at = {name: found(history) for name, found in MOMENTS.items()}
    shutil.rmtree(PICTURES, ignore_errors=True)
    PICTURES.mkdir()
    page = [HEAD]
    for title, pictures in SHOWN:
        page.append(f"\n## {title}\n")
        for each in pictures:
            picture = asyncio.run(
                draw(
                    folder,
                    history[: at[each.moment]],
                    size=SIZES[each.size],
                    screen=each.screen,
                    selected=each.task,
                    theme=each.theme,
                )
            )
            (PICTURES / f"{each.name}.svg").write_text(picture, encoding="utf-8")
            page.append(f"![{each.said}](gallery/{each.name}.svg)\n\n{each.said}\n")
            print(f"gallery: {each.name}", file=sys.stderr)
    PAGE.write_text("\n".join(page), encoding="utf-8")


def _middle(history: list[Recorded]) -> int:
    """A question waits, work goes on beside it, and something is in the queue."""
    from agentdeck.core.fold import apply
    from agentdeck.core.state import RunState, TaskState

    state, best, found = RunState(), -1, len(history)
    for recorded in history:
        apply(state, recorded)
        states = [task.state for task in state.tasks.values()]
        asks, works = states.count(TaskState.ASKING), states.count(TaskState.WORKING)
        landed = states.count(TaskState.LANDED)
        value = 4 * bool(asks) + 2 * min(2, works) + 3 * min(2, len(state.queue)) + min(3, landed)
        if value > best:
            best, found = value, recorded.seq
    return found


MOMENTS: Final[dict[str, Callable[[list[Recorded]], int]]] = {
    "middle": _middle,
    "end": len,
}
HEAD: Final = """# Gallery

<!-- Made by `make gallery`; change docs/gallery.py, not this page. -->

One run of `agentdeck demo`: scripted agents, a real repository, and nothing touched up.
"""


if __name__ == "__main__":
    main()
