"""The diff of work that waits for a review: going through it, comments, sending it back."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.tui.sample_journal import Story, identity
from tests.tui.test_room_keys import Room, room
from tests.tui.test_room_pictures import SIZES, compare, take
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from agentdeck.control import repo as diffs
from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.events import FileTouched, ReviewComment, ReviewVerdict
from agentdeck.core.ids import AgentName, RunId, TaskId
from agentdeck.core.plan import Agent, Land, ReviewRules
from agentdeck.core.state import RunState
from agentdeck.testing import builders
from agentdeck.tui.screens.dialogs import AskText
from agentdeck.tui.widgets.diff_view import DiffView
from agentdeck.tui.widgets.task_pane import TaskPane

API, OTHER = TaskId("API"), TaskId("OTHER")
CRITIC = AgentName("critic")
BEFORE = "".join(f"line {n}\n" for n in range(1, 31))
AFTER = BEFORE.replace("line 3\n", "line three\n").replace("line 25\n", "line 25\nline 25b\n")


def git(repo: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=repo, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def reviewing(folder: Path, other: str = "OTHER<API") -> Story:
    """A run in a real repository; API waits for a review that critic was not content with."""
    repo = folder / "repo"
    repo.mkdir(parents=True)
    git(repo, "init", "--quiet", "--initial-branch=main")
    (repo / "api.py").write_text(BEFORE)
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "-m", "first")
    base = git(repo, "rev-parse", "HEAD")
    (repo / "api.py").write_text(AFTER)
    (repo / "guide.md").write_text("# Guide\n\nUse it.\n")
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "-m", "work")
    head, tree = git(repo, "rev-parse", "HEAD"), git(repo, "rev-parse", "HEAD^{tree}")
    plan = builders.plan(
        builders.task("API", title="Serve the answers"),
        builders.task(other, title="Go on from there"),
        name="review",
        land=Land.REVIEW,
        agents=(Agent(CRITIC, command=("critic", "{prompt}")),),
        review=ReviewRules(by=CRITIC, rounds=0),
    )
    story = Story(plan)
    story.history.clear()
    story.state = RunState()
    story.tell(
        e.RunStarted(
            RunId("review-0a1b"), plan, str(repo / ".git"), "main", base, "t", "deck/x", str(repo)
        ),
        e.EngineStarted(identity(900), "0.1.0"),
        e.AttemptClaimed(API, 1, AgentName("scripted")),
        e.WorktreePrepared(API, 1, str(repo), "deck/x/API", base),
        e.AttemptLaunched(API, 1, identity(1), identity(2)),
    )
    files = (FileTouched("api.py", 2, 1), FileTouched("guide.md", 3, 0))
    comment = ReviewComment("api.py", 3, "a number was better")
    story.tell(
        e.AttemptExited(API, 1, 0, ok=True),
        e.AttemptCollected(API, 1, head, tree, 1, files),
        e.TaskReviewAsked(API, 1),
        e.ReviewStarted(API, 1, 1, CRITIC, head),
        e.ReviewFinished(API, 1, 1, CRITIC, ReviewVerdict.REQUEST_CHANGES, "nearly", (comment,)),
    )
    return story


async def into_the_diff(deck: Room) -> DiffView:
    await deck.select("API")
    await deck.press("d", "d")
    view = deck.app.room.query_one(DiffView)
    assert view.has_focus
    return view


def here(view: DiffView) -> tuple[str, int]:
    row = view.rows[view.cursor]
    return row.file, row.line


async def test_keys_lead_from_change_to_change_and_from_file_to_file(tmp_path: Path) -> None:
    """Keys n and N stop at each change, f and F at each file; beyond the last nothing happens."""
    async with room(tmp_path / "d", reviewing(tmp_path)) as deck:
        view = await into_the_diff(deck)
        assert here(view) == ("api.py", 0)
        seen = []
        for key in ("n", "n", "n", "n", "N", "N"):
            await deck.press(key)
            seen.append(here(view))
        first, second, guide = ("api.py", 3), ("api.py", 26), ("guide.md", 1)
        assert seen == [first, second, guide, guide, second, first]
        await deck.press("f")
        assert here(view) == ("guide.md", 0)
        await deck.press("F")
        assert here(view) == ("api.py", 0)


async def test_comments_are_kept_until_they_are_sent_back_with_the_work(tmp_path: Path) -> None:
    """Two lines are commented; the draft survives another task and tab; R sends all of it."""
    async with room(tmp_path / "d", reviewing(tmp_path)) as deck:
        await into_the_diff(deck)
        await deck.press("n", "n", "c")
        assert isinstance(deck.app.screen, AskText)
        await deck.press(*"why", "enter")
        await deck.press("f", "j", "j", "j", "c")
        await deck.press(*"more", "enter")
        await deck.press("l")
        await deck.select("OTHER")
        view = await into_the_diff(deck)
        assert [str(row.text).strip() for row in view.rows if row.kind == "note"] == [
            "│ critic: a number was better",
            "│ you, not sent: why",
            "│ you, not sent: more",
        ]
        await deck.press("R")
        dialog = deck.app.screen
        assert isinstance(dialog, AskText)
        await deck.press(*"ok", "enter")
        comments = (ReviewComment("api.py", 26, "why"), ReviewComment("guide.md", 2, "more"))
        assert deck.source.sent == [c.Retry(API, "ok", comments=comments)]
        assert deck.app.room.draft() == ()


async def test_escape_keeps_the_draft_and_an_empty_comment_drops_it(tmp_path: Path) -> None:
    """Nothing is sent by escape; a comment is changed in place, and gone when it is emptied."""
    async with room(tmp_path / "d", reviewing(tmp_path)) as deck:
        await into_the_diff(deck)
        await deck.press("n", "c")
        await deck.press(*"no", "enter")
        await deck.press("R", "escape")
        assert deck.source.sent == []
        assert deck.app.room.draft() == (ReviewComment("api.py", 3, "no"),)
        await deck.press("c")
        line = deck.app.screen.query_one(Input)
        assert line.value == "no"
        line.value = ""
        await deck.press("enter")
        assert deck.app.room.draft() == ()


async def test_the_list_of_comments_leads_to_each(tmp_path: Path) -> None:
    """C names every comment with whose it is; enter puts the cursor there."""
    async with room(tmp_path / "d", reviewing(tmp_path)) as deck:
        view = await into_the_diff(deck)
        await deck.press("f", "j", "j", "c")
        await deck.press(*"why", "enter")
        await deck.press("C")
        rows = deck.app.screen.query_one(OptionList)
        assert [str(option.prompt) for option in rows.options] == [
            "api.py:3: a number was better  (critic)",
            "guide.md:1: why  (not sent)",
        ]
        await deck.press("enter")
        assert here(view) == ("api.py", 3)


async def test_approving_from_the_diff_is_one_key(tmp_path: Path) -> None:
    """The key a says yes to the work that is looked at."""
    async with room(tmp_path / "d", reviewing(tmp_path)) as deck:
        await into_the_diff(deck)
        await deck.press("a")
        assert deck.source.sent == [c.Approve(API)]


@pytest.mark.parametrize("size", ["80x24", "120x36"])
async def test_picture_of_a_diff_with_comments(tmp_path: Path, size: str) -> None:
    """You should see the diff of API with the cursor on line 26 of api.py, critic's comment below
    line 3, and below line 26 one that is not sent, each beside a bar.
    """

    async def comment(pilot: Pilot[None]) -> None:
        await pilot.press("d", "d")
        await pilot.pause()
        await pilot.app.workers.wait_for_complete()
        await pilot.press("n", "n", "c", *"say why", "enter")
        await pilot.pause()

    story = reviewing(tmp_path)
    picture = await take(tmp_path / "d", story, size, ".svg", selected="API", steps=comment)
    assert size in SIZES
    compare(f"diff-comments-{size}.svg", picture)


async def test_the_tree_leads_to_each_file_and_back(tmp_path: Path) -> None:
    r"""Key \ goes to the file's row in the tree, and back to the line; enter goes to its head."""
    async with room(tmp_path / "d", reviewing(tmp_path)) as deck:
        view = await into_the_diff(deck)
        await deck.press("n", "backslash")
        assert (view.rows[view.cursor].kind, here(view)) == ("tree", ("api.py", 0))
        await deck.press("backslash")
        assert here(view) == ("api.py", 3)
        await deck.press("backslash", "down", "enter")
        assert (view.rows[view.cursor].kind, here(view)) == ("file", ("guide.md", 0))
        await deck.press("enter")
        assert "leads there" in deck.toasts[-1]


def has_two(view: DiffView) -> bool:
    """Asked anew each time, unlike a property that was looked at."""
    return view.two_columns


async def test_two_columns_come_with_the_width_or_the_key_and_stay(tmp_path: Path) -> None:
    """From 160 cells by themselves; | turns it, also for the next task, and the line stays."""
    async with room(tmp_path / "d", reviewing(tmp_path), (200, 60)) as deck:
        view = await into_the_diff(deck)
        assert not has_two(view)
        await deck.press("z")
        assert has_two(view)
        await deck.press("n", "n", "vertical_line")
        assert (has_two(view), here(view)) == (False, ("api.py", 26))
        await deck.press("vertical_line", "z")
        assert view.size.width < 160
        assert has_two(view)
        await deck.press("c", *"why", "enter")
        assert deck.app.room.draft() == (ReviewComment("api.py", 26, "why"),)
        await deck.select("OTHER")
        await deck.select("API")
        await deck.press("d")
        assert has_two(view)


async def test_keys_of_the_diff_that_cannot_act_say_why(tmp_path: Path) -> None:
    """No room for two columns; a task without a worktree."""
    async with room(tmp_path / "d", reviewing(tmp_path), (58, 24)) as deck:
        await into_the_diff(deck)
        await deck.press("vertical_line")
        assert "Two columns need 60 cells" in deck.toasts[-1]
        await deck.select("OTHER")
        deck.app.press("diff.sides")
        await deck.pilot.pause()
        assert deck.toasts[-1] == "There is no diff yet."


async def test_a_diff_that_comes_too_late_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first answer of git comes after the second: the colours and the cursor stay."""
    go, first, came = threading.Event(), iter([True]), 0

    def late(state: RunState, task: TaskId, attempt: int | None = None) -> str:
        if next(first, False):
            assert go.wait(60.0)
        return real(state, task, attempt)

    def put(pane: TaskPane, *args: Any) -> None:
        nonlocal came
        came += 1
        really_put(pane, *args)

    real, really_put = diffs.diff_of, TaskPane._put_diff
    monkeypatch.setattr(diffs, "diff_of", late)
    monkeypatch.setattr(TaskPane, "_put_diff", put)
    async with room(tmp_path / "d", reviewing(tmp_path)) as deck:
        await deck.select("API")
        await deck.pilot.press("d", "d")
        view = deck.app.room.query_one(DiffView)
        deck.app.theme = "deck-light"  # the lines are coloured anew
        deck.app.draw()
        async with asyncio.timeout(30):
            while came < 1:
                await deck.pilot.pause()
        await deck.pilot.press("n")
        shown = view._painter
        assert here(view) == ("api.py", 3)
        go.set()
        async with asyncio.timeout(30):
            while came < len(("the newer", "the older")):
                await asyncio.sleep(0.01)
        await deck.pilot.pause()
        assert view._painter is shown
        assert here(view) == ("api.py", 3)


async def test_no_task_shows_the_diff_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While git is asked about a task, nothing of the one before can be commented on."""
    told = reviewing(tmp_path, "OTHER")
    base = git(tmp_path / "repo", "rev-parse", "HEAD~1")
    told.tell(
        e.AttemptClaimed(OTHER, 1, AgentName("scripted")),
        e.WorktreePrepared(OTHER, 1, str(tmp_path / "repo"), "deck/x/OTHER", base),
        e.AttemptLaunched(OTHER, 1, identity(3), identity(4)),
    )
    go = threading.Event()

    def late(state: RunState, task: TaskId, attempt: int | None = None) -> str:
        assert task != OTHER or go.wait(60.0)
        return real(state, task, attempt)

    real = diffs.diff_of
    monkeypatch.setattr(diffs, "diff_of", late)
    async with room(tmp_path / "d", told) as deck:
        view = await into_the_diff(deck)
        assert view.rows
        await deck.select("OTHER")
        await deck.pilot.press("d")
        assert all(row.kind == "text" for row in view.rows)  # at most that git is asked
        go.set()
        async with asyncio.timeout(30):
            while not any(row.kind != "text" for row in view.rows):
                await deck.pilot.pause()


async def test_a_diff_that_comes_before_there_is_room_begins_at_its_top(tmp_path: Path) -> None:
    """What is hidden has no rows on the screen, and is not scrolled so that its cursor is seen."""
    async with room(tmp_path / "d", many_files(tmp_path)) as deck:
        view = await into_the_diff(deck)
        assert view.cursor > 0
        view.styles.height = 0
        await deck.pilot.pause()
        assert view.size.height == 0
        view.show_diff(view._painter, view._remarks, fresh=True)  # type: ignore[arg-type]
        view.styles.height = "1fr"
        await deck.pilot.pause()
        assert view.size.height > view.cursor
        assert view._top == 0


def many_files(folder: Path) -> Story:
    """API has changed files of several kinds, with words, tabs, wide signs and what hides."""
    told = reviewing(folder)
    repo = folder / "repo"
    told.history.clear()
    git(repo, "switch", "--quiet", "--create", "kinds", "HEAD~1")
    (repo / "src").mkdir()
    (repo / "src" / "store.py").write_text(STORE)
    (repo / "src" / "menu.go").write_text('func main() {\n\tsay("中文", 1)\n}\n')
    (repo / "run.sh").write_text("#!/bin/sh\nexec true\n")
    (repo / "notes.txt").write_text("one\ntwo\nthree\nfour\n")
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "-m", "base")
    base = git(repo, "rev-parse", "HEAD")
    (repo / "src" / "store.py").write_text(STORE_AFTER)
    (repo / "src" / "menu.go").write_text('func main() {\n\tsay("中文字", 2)\n\tok()\n}\n')
    (repo / "run.sh").chmod(0o755)
    (repo / "notes.txt").rename(repo / "notes.md")
    (repo / "logo.png").write_bytes(b"\0\1")
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "-m", "work")
    head, tree = git(repo, "rev-parse", "HEAD"), git(repo, "rev-parse", "HEAD^{tree}")
    story = Story(told.state.plan)
    story.history.clear()
    story.state = RunState()
    story.tell(
        e.RunStarted(
            RunId("kinds-0a1b"), told.state.plan, str(repo / ".git"), "main", base, "t", "deck/x",
            str(repo),
        ),
        e.EngineStarted(identity(900), "0.1.0"),
        e.AttemptClaimed(API, 1, AgentName("scripted")),
        e.WorktreePrepared(API, 1, str(repo), "deck/x/API", base),
        e.AttemptLaunched(API, 1, identity(1), identity(2)),
        e.AttemptExited(API, 1, 0, ok=True),
        e.AttemptCollected(API, 1, head, tree, 1, (FileTouched("src/store.py", 5, 3),)),
        e.TaskReviewAsked(API, 1),
    )  # fmt: skip
    return story


STORE = '''"""Keeps deliveries."""


def due(deliveries, now):
    """Those that may be tried again."""
    return [one for one in deliveries if one.next_try <= now]


def forget(deliveries, older_than):
    for one in list(deliveries):
        if one.age > older_than:
            deliveries.remove(one)
'''
STORE_AFTER = '''"""Keeps deliveries."""


def due(deliveries, now, limit=100):
    """Those that may be tried again, the oldest first."""
    ready = [one for one in deliveries if one.next_try <= now]
    return sorted(ready, key=lambda one: one.next_try)[:limit]


def forget(deliveries, older_than):
    for one in list(deliveries):
        if one.age >= older_than:  # \u202e retsehgih
            deliveries.remove(one)
'''


@pytest.mark.parametrize("size", SIZES)
async def test_picture_of_a_diff_of_many_kinds(tmp_path: Path, size: str) -> None:
    r"""You should see the tree of files with their sizes and "made executable", "renamed from
    notes.txt", "new, binary"; below it the files with changed words on a stronger ground than
    their lines, and `\u202e` loud. 200x60: the pane over the whole screen, the old lines beside
    the new ones.
    """

    async def look(pilot: Pilot[None]) -> None:
        await pilot.press("d", "d")
        await pilot.pause()
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        if size != "80x24":  # once git has answered: else it is chance which of the two is first
            await pilot.press("z")
        else:
            await pilot.press("f", "f", "f", "f", "n")
        await pilot.pause()

    picture = await take(
        tmp_path / "d", many_files(tmp_path), size, ".svg", selected="API", steps=look
    )
    compare(f"diff-kinds-{size}.svg", picture)
