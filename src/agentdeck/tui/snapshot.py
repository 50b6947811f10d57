"""Pictures of the deck, made headless from a journal: for tests, bug reports and READMEs.

Rules: the clock stands at the last event's time, nothing moves, times of day are UTC: the same
journal gives the same bytes. Logs are read from the run's folder as they are.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agentdeck.core.commands import AnyCommand
from agentdeck.core.errors import EnvironmentFault, RefusedError, UsageError
from agentdeck.core.events import Recorded

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from agentdeck.control.runs import RunFolder
    from agentdeck.tui.app import DeckApp

SCREENS: Final = ("main", "plan", "outline", "timeline", "task", "log", "diff", "gates",
                  "brief", "history", "agents", "queue", "inbox", "wall", "load", "spending",
                  "events", "help", "palette", "themes", "skip", "budget", "pools", "mark",
                  "answer", "hand-back", "add", "edit", "search")  # fmt: skip
SUFFIXES: Final = (".svg", ".txt")
DIFF_WAIT_S: Final = 10.0  # for git and the journal, in threads
READERS: Final = ("diff", "journal")  # groups of workers that read what a picture shows

Steps = Callable[["Pilot[None]"], Awaitable[None]]


class FixedSource:
    """A history that is all there is; nothing can be commanded, but what was tried is kept."""

    def __init__(self, history: list[Recorded] | None = None) -> None:
        self.history = history or []
        self.sent: list[AnyCommand] = []
        self.connected = True

    async def follow(self, after: int = 0) -> AsyncIterator[list[Recorded]]:
        """What comes after `after`, and then silence."""
        rest = [recorded for recorded in self.history if recorded.seq > after]
        if rest:
            yield rest
        await asyncio.Event().wait()

    async def send(self, command: AnyCommand) -> int:
        """Nobody is there."""
        self.sent.append(command)
        raise RefusedError("this is a picture of a run")

    async def close(self) -> None:
        """Nothing to let go of."""


def write_snapshot(
    folder: RunFolder,
    *,
    size: tuple[int, int],
    out: Path,
    at: int | None = None,
    screen: str = "main",
    selected: str | None = None,
    theme: str | None = None,
) -> None:
    """Draw a run into a file.

    Args:
        folder: of the run.
        size: columns and rows.
        out: ends in .svg or .txt.
        at: after which event; None = after the last.
        screen: one of `SCREENS`.
        selected: the task to look at; None = the one the deck would choose.
        theme: None = the deck's own.

    Raises:
        UsageError: no such screen or suffix.
        JournalError, NotFoundError: the journal cannot be read, or ends before `at`.
        EnvironmentFault: the file cannot be written.
    """
    if out.suffix not in SUFFIXES:
        raise UsageError(f"{out.name} is no picture", hint="name it *.svg or *.txt")
    drawn = picture_of(
        folder, size=size, kind=out.suffix, at=at, screen=screen, selected=selected, theme=theme
    )
    try:
        out.write_text(drawn, encoding="utf-8")
    except OSError as error:
        raise EnvironmentFault(f"{out} cannot be written: {error.strerror}") from error


def picture_of(
    folder: RunFolder,
    *,
    size: tuple[int, int],
    kind: str = ".svg",
    at: int | None = None,
    screen: str = "main",
    selected: str | None = None,
    theme: str | None = None,
) -> str:
    """Draw a run; the text of the file. For arguments and errors see `write_snapshot`."""
    if screen not in SCREENS:
        raise UsageError(f"there is no screen {screen!r}", hint=f"one of {', '.join(SCREENS)}")
    history = asyncio.run(_history(folder, at))
    return asyncio.run(
        draw(folder, history, size=size, kind=kind, screen=screen, selected=selected, theme=theme)
    )


async def _history(folder: RunFolder, at: int | None) -> list[Recorded]:
    """The journal up to event `at`, or all of it."""
    from agentdeck.control.runs import fold_run
    from agentdeck.control.source import JournalSource

    last = fold_run(folder, at=at).seq  # also says when there is no such event
    source = JournalSource(folder)
    found: list[Recorded] = []
    try:
        async for batch in source.follow():
            found += [recorded for recorded in batch if recorded.seq <= last]
            if len(found) >= last:
                break
    finally:
        await source.close()
    return found


async def draw(
    folder: RunFolder,
    history: list[Recorded],
    *,
    size: tuple[int, int],
    kind: str = ".svg",
    screen: str = "main",
    selected: str | None = None,
    theme: str | None = None,
    ascii_only: bool = False,
    steps: Steps | None = None,
    toasts: bool = False,
) -> str:
    """Draw a history; the text of the file. For arguments see `write_snapshot`.

    Args:
        steps: what is done before the picture is taken.
        toasts: are they in the picture?
    """
    os.environ["TEXTUAL_ANIMATIONS"] = "none"
    from agentdeck.core.ids import TaskId
    from agentdeck.shipped import themes_folder
    from agentdeck.tui.app import DEFAULT_THEME, DeckApp
    from agentdeck.tui.model import Clock

    clock = Clock(history[-1].at if history else 0.0)
    app = DeckApp(
        folder,
        FixedSource(),
        clock=clock,
        ascii_only=ascii_only,
        theme=theme or DEFAULT_THEME,
        theme_folders=(Path(str(themes_folder())),),
        keys_file=Path(os.devnull),  # not those of whoever draws it
        preload=history,
    )
    app.animation_level = "none"
    app.person = "you"  # whoever draws it
    async with app.run_test(size=size, notifications=toasts) as pilot:
        await pilot.pause()
        if selected is not None:
            app.room.select(TaskId(selected))
        await _go(app, pilot, screen)
        if steps is not None:
            await steps(pilot)
        await _still(app, pilot)
        return app.export_screenshot(title="agentdeck") if kind == ".svg" else _text(app)


async def _go(app: DeckApp, pilot: Pilot[None], screen: str) -> None:
    from agentdeck.tui.presentation.plan_view import PlanView

    match screen:
        case "main":
            return
        case "plan" | "task" | "agents" | "queue":
            app.room.go_to(screen)
        case "outline":
            app.press("view.plan")
        case "timeline":
            app.room.query_one("#plan").turn_to(PlanView.TIMELINE)  # type: ignore[attr-defined]
            app.room.show_whole("plan")
        case "log" | "diff" | "gates" | "brief" | "history":
            app.room.query_one("#task").turn_to(screen)  # type: ignore[attr-defined]
            app.room.go_to("task")
        case "inbox" | "wall" | "load" | "spending" | "events":
            app.press(f"view.{screen}")
        case "help":
            app.press("deck.help")
        case "palette":
            app.press("deck.palette")
        case "themes":
            app.press("deck.theme")
        case "budget":
            app.press("run.budget")
        case "pools":
            app.press("run.pools")
        case "mark":
            app.press("mark.by")
        case "answer":
            app.press("task.steer")
        case "search":
            app.press("view.search")
        case "add":
            app.press("task.add")
        case "edit":
            app.press("task.edit")
        case "hand-back":
            app.press("task.hand_back")
        case _:
            app.press("task.skip")
    await pilot.pause()


async def _still(app: DeckApp, pilot: Pilot[None]) -> None:
    """Wait until threads are done and everything is drawn; a cursor stays lit."""
    from textual.widgets import Input

    await pilot.pause()
    for line in app.screen.query("Input:focus").results(Input):
        line.cursor_blink = False  # how long the drawing took would be seen otherwise
    async with asyncio.timeout(DIFF_WAIT_S):
        await app.workers.wait_for_complete([w for w in app.workers if w.group in READERS])
    for _ in range(3):
        app.draw()
        await pilot.pause()


def _text(app: DeckApp) -> str:
    """The characters on the screen."""
    width, height = app.size
    strips = app.screen._compositor.render_strips()  # noqa: SLF001 - the only place that has them
    rows = [
        "".join(segment.text for segment in strip).ljust(width).rstrip()
        for strip in strips[:height]
    ]
    return "\n".join(rows) + "\n"
