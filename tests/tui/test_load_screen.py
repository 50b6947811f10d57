"""The load screen: what is measured and how, what is drawn of it, and what its keys do."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from tests.tui.load_story import CORES, STEP_S, busy, elastic, looks, measured
from tests.tui.sample_journal import STARTED_AT, Story, begun, finished, large, limited, middle
from tests.tui.test_room_keys import Room, room
from tests.tui.test_room_pictures import SIZES, compare, take
from textual.pilot import Pilot
from textual.widgets import Input

from agentdeck.control.load import AgentUse, AtWork, Look, at_work, look
from agentdeck.control.runs import RunFolder
from agentdeck.core import commands as c
from agentdeck.core.ids import PoolName, ProcessIdentity, TaskId
from agentdeck.engine.environment import TAG_VARIABLE
from agentdeck.engine.identity import identity_of
from agentdeck.engine.setting import attempt_tag
from agentdeck.plans.reporting.rates import Report, reported
from agentdeck.tui import sampling
from agentdeck.tui.app import DeckApp
from agentdeck.tui.model import Clock, Model
from agentdeck.tui.presentation.bars import bar, spark
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.figures import size as bytes_of
from agentdeck.tui.presentation.line import cells, text_of
from agentdeck.tui.presentation.load import ORDERS, LoadView, Order, held_back
from agentdeck.tui.presentation.load_course import GAP_S, KEPT_POINTS, LoadCourse, agent_cores
from agentdeck.tui.presentation.load_summary import machine_lines
from agentdeck.tui.presentation.status import ascii_signs
from agentdeck.tui.sampling import Sampling
from agentdeck.tui.screens.load import LoadScreen
from agentdeck.tui.screens.pool_dialog import ChangePool
from agentdeck.tui.widgets.row_list import LinesView, RowList

T = TaskId
P = PoolName
WAIT_S = 30.0


def deck_of(told: Story) -> Deck:
    model = Model(Clock(STARTED_AT + told.at))
    model.take(told.history)
    return model.moment(None, offline="", folded=frozenset())


def course_of(told: Story) -> LoadCourse:
    course = LoadCourse()
    measured(told, course)
    return course


def view_of(told: Story, order: Order = Order.PLAN) -> LoadView:
    deck = deck_of(told)
    return LoadView(deck, course_of(told), held_back(deck), order)


def machine(told: Story, course: LoadCourse, problem: str = "") -> str:
    lines = machine_lines(deck_of(told), course, problem, 116)
    return "\n".join(text_of(line) for line in lines)


def rows_of(deck: Room) -> RowList:
    return deck.app.screen.query_one("#load-rows", RowList)


def head(deck: Room) -> str:
    lines = deck.app.screen.query_one("#load-lines", LinesView)._lines
    return "\n".join(text_of(line) for line in lines)


# --- pictures ------------------------------------------------------------------------------------


async def picture(tmp_path: Path, size: str, **how: object) -> str:
    told = busy()

    async def feed(pilot: Pilot[None]) -> None:
        assert isinstance(pilot.app, DeckApp)
        measured(told, pilot.app.sampling.course)
        await pilot.press("greater_than_sign")

    return await take(tmp_path, told, size, screen="load", steps=feed, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", SIZES)
async def test_a_busy_machine(tmp_path: Path, size: str) -> None:
    """You should see processors at a half, memory, the disk nearly full and yellow, tokens, "5 of
    5" agents; five agents sorted by cpu with two courses each; what holds L-5, L-7, L-9 back, L-8
    with its countdown, the account with a bar at 62 % and the full pool (at 80x24 further down).
    """
    compare(f"load-{size}.svg", await picture(tmp_path, size, kind=".svg"))


# --- measuring -----------------------------------------------------------------------------------


@pytest.fixture
def busy_process(tmp_path: Path) -> Iterator[tuple[RunFolder, AtWork]]:
    """A process that an engine could have started for an attempt, busy with one core."""
    folder = RunFolder(tmp_path / "run-1")
    (folder.attempt(T("T-1"), 2)).mkdir(parents=True)
    (folder.attempt(T("T-1"), 2) / "raw.log").write_bytes(b"x" * 1234)
    code = "import time\nwhile True:\n    sum(range(10000))"
    env = {**os.environ, TAG_VARIABLE: attempt_tag(folder.run, T("T-1"), 2)}
    process = subprocess.Popen([sys.executable, "-c", code], env=env, start_new_session=True)
    try:
        identity = identity_of(process.pid)
        assert identity is not None
        nobody = ProcessIdentity(999_999_999, 1, "gone")  # the launcher has ended
        yield folder, AtWork(T("T-1"), 2, nobody, identity)
    finally:
        process.kill()
        process.wait()


def test_a_look_finds_the_agent_the_machine_and_the_disk(
    busy_process: tuple[RunFolder, AtWork],
) -> None:
    """Two looks at a real process tell that it is busy, how large it is and what it has written."""
    folder, agent = busy_process
    course, until = LoadCourse(), time.monotonic() + WAIT_S
    key = (agent.task, agent.attempt)
    while (now := course.now) is None or key not in now.agents or not now.agents[key].cores:
        assert time.monotonic() < until
        course.add(look(folder, folder.run, [agent]))
        time.sleep(0.05)
    latest = course.latest
    assert latest is not None
    assert now.agents[key].processes == 1
    assert now.agents[key].rss_bytes > 1_000_000
    assert latest.agents[key].log_bytes == 1234
    assert 0 < now.cores <= latest.cores
    assert 0 < now.memory < 1
    assert 0 < latest.free_bytes <= latest.disk_bytes


def test_only_agents_that_live_are_looked_at() -> None:
    told = middle()
    live = {task.id for task in told.state.tasks.values() if task.attempt and task.attempt.live}
    assert {agent.task for agent in at_work(told.state)} == live == {"S-1", "S-2", "S-3", "S-9"}
    assert at_work(finished().state) == []


def test_looks_are_made_beside_the_screen_and_rest_in_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tick never waits for a look; no second one is begun while one is under way or just over."""
    held, begun_looks = threading.Event(), []
    found = list(looks(busy(), 4.0))

    def slow(*_: object) -> Look:
        begun_looks.append(threading.current_thread())
        assert held.wait(WAIT_S)
        return found[len(begun_looks) - 1]

    monkeypatch.setattr(sampling, "look", slow)
    mine = Sampling(Model(), RunFolder(tmp_path))
    for _ in range(3):
        assert not mine.tick()
    assert len(begun_looks) == 1
    assert begun_looks[0] is not threading.current_thread()
    held.set()
    begun_looks[0].join()
    assert mine.tick()
    assert not mine.tick()
    assert len(begun_looks) == 1  # it is not due yet
    assert mine.course.latest == found[0]


def test_a_machine_that_cannot_be_measured_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Look:
        raise PermissionError("no /proc here")

    monkeypatch.setattr(sampling, "look", broken)
    mine = Sampling(Model(), RunFolder(tmp_path))
    mine.tick()
    assert mine._thread is not None
    mine._thread.join()
    assert not mine.tick()
    assert "no /proc here" in machine(busy(), mine.course, mine.problem)
    mine._next_at = 0.0
    mine.tick()
    assert mine._thread is None


def test_while_nobody_sees_the_figures_the_machine_is_looked_at_more_seldom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The screen that draws them makes it look as often as it may."""
    found = looks(busy(), 4.0)
    monkeypatch.setattr(sampling, "look", lambda *_: next(found))
    mine = Sampling(Model(), RunFolder(tmp_path))

    def is_looked() -> bool:
        mine.tick()
        thread = mine._thread
        if thread is not None:
            thread.join()
        return thread is not None

    assert is_looked()
    assert mine.tick()
    for name in ("UNSEEN_S", "SEEN_FOR_S"):
        monkeypatch.setattr(sampling, name, 1e6)  # however slow the machine is
    mine._next_at = time.monotonic()  # two seconds later
    assert not is_looked()
    mine.seen()
    assert is_looked()


# --- what is made of looks -----------------------------------------------------------------------


def two(busy_s: float, cpu_s: float, passed_s: float = STEP_S) -> tuple[Look, Look]:
    """Two looks with this use between them, of the machine and of its one agent."""
    first = next(looks(busy(), STEP_S))
    key = next(iter(first.agents))
    before = msgspec.structs.replace(first, agents={key: AgentUse(50.0, 1, 1, 0)})
    after = msgspec.structs.replace(
        before,
        at=before.at + passed_s,
        busy_s=before.busy_s + busy_s,
        whole_s=before.whole_s + passed_s * CORES,
        agents={key: AgentUse(50.0 + cpu_s, 1, 1, 0)},
    )
    return before, after


def test_what_was_used_is_taken_over_the_time_between() -> None:
    course = LoadCourse()
    for each in two(busy_s=8.0, cpu_s=3.0):
        course.add(each)
    assert course.now is not None
    assert course.now.cores == pytest.approx(4.0)
    assert course.now.by_agents == pytest.approx(1.5)


def test_processes_that_have_ended_do_not_count_backwards() -> None:
    course = LoadCourse()
    for each in two(busy_s=8.0, cpu_s=-20.0):
        course.add(each)
    assert course.now is not None
    assert course.now.by_agents == 0


def test_a_sleep_of_the_machine_makes_no_point() -> None:
    course = LoadCourse()
    for each in two(busy_s=8.0, cpu_s=3.0, passed_s=GAP_S + 1):
        course.add(each)
    assert course.now is None


def test_points_are_bounded() -> None:
    course = LoadCourse()
    for each in looks(busy(), (KEPT_POINTS + 50) * STEP_S):
        course.add(each)
    assert len(course.points) == KEPT_POINTS


def test_a_course_knows_nothing_of_the_time_before_it_began() -> None:
    told = busy()
    course, now = course_of(told), STARTED_AT + told.at
    shown = course.course(agent_cores((T("L-1"), 1)), now - 480, now, 8)
    assert shown[:4] == [None] * 4
    assert all(value is not None and value > 0 for value in shown[4:])


def test_tokens_lie_between_reports() -> None:
    reports = [Report(100.0, 0, 0.0), Report(120.0, 400, 0.0)]
    assert reported(reports, 90.0, 130.0, 4) == [None, 200, 200, 0]
    assert reported((), 90.0, 130.0, 2) == [None, None]


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1.0K"),
        (310 * 1024**2, "310M"),
        (2e9, "1.9G"),
        (3e12, "2.7T"),
    ],
)
def test_bytes_are_short(number: float, shown: str) -> None:
    assert bytes_of(number) == shown


def test_bars_and_courses_have_their_width_and_tell_little_from_nothing() -> None:
    for width in range(30):
        for share in (0.0, 0.001, 0.5, 1.0, 3.0):
            assert cells(bar(share, width)) == width
        assert cells(spark([None, 0.0, 1.0, 2.0], width)) == width
    assert text_of(bar(0.001, 4)) == "█░░░"
    assert text_of(spark([None, 0.0, 0.01, 5.0], 6)) == "   ▁▂█"
    assert text_of(spark([1.0, 1.0], 2, top=10.0)) == "▂▂"


# --- rows ----------------------------------------------------------------------------------------


def test_agents_are_sorted_by_the_figure_that_is_marked() -> None:
    by = {order: [key for key in view_of(busy(), order).keys if "-" in key][:5] for order in ORDERS}
    assert by[Order.PLAN] == ["L-1", "L-2", "L-3", "L-4", "L-6"]
    assert by[Order.MEMORY] == ["L-6", "L-4", "L-3", "L-2", "L-1"]
    assert by[Order.TOKENS][:2] == ["L-4", "L-3"]
    view = view_of(busy(), Order.MEMORY)
    assert "mem▾" in text_of(view.row("+work", 116))


def test_what_holds_a_task_back_is_said_and_counted() -> None:
    view = view_of(busy())
    said = {key: text_of(view.row(key, 116)) for key in view.keys}
    assert "pool gpu is full" in said["held:L-5"]
    assert "L-6 has docs/" in said["held:L-7"]
    assert "all 5 agent slots are taken" in said["held:L-9"]
    assert "no route to host" in said["held:L-8"]
    assert said["held:L-8"].rstrip().endswith("06:00")
    assert "pool 1 · files 1 · slots 1 · retry 1" in said["+held"]
    assert "1 of 1" in said["pool:gpu"]
    assert "62% of its allowance" in said["account:anthropic"]


def test_a_pool_says_what_holds_it_and_how_its_attempts_ended() -> None:
    view = view_of(elastic())
    said = {key: text_of(view.row(key, 116)) for key in view.keys}
    assert "2 of 2" in said["pool:build"]
    assert "full  up to 8  memory 93 % used" in said["pool:build"]
    assert "0 of 1" in said["pool:reviewers"]
    assert "set by kim" in said["pool:reviewers"]
    assert "pool build is held at 2 of 8: memory 93 % used" in said["held:E-4"]


def test_an_agent_that_fails_again_and_again_is_named_with_what_to_do() -> None:
    view = view_of(elastic())
    row = text_of(view.row("sick:claude", 196))
    assert "its last 3 attempts failed (crash)" in row
    assert "agentdeck agents test claude" in row
    assert view.keys.index("+sick") < view.keys.index("+pools")
    assert not [key for key in view.keys if key.startswith("advice:")], "there is room beside it"
    assert "+sick" not in view_of(busy()).keys


@pytest.mark.parametrize("width", [20, 40, 60, 76, 116])
def test_what_to_do_about_an_unhealthy_agent_is_whole_at_any_width(width: int) -> None:
    """Beside it, else on as many lines below it as that takes, in front of the next group."""
    deck, course = deck_of(elastic()), course_of(elastic())
    view = LoadView(deck, course, held_back(deck), width=width)
    rows = view.keys[view.keys.index("sick:claude") :]
    rows = rows[: rows.index("++accounts" if "++accounts" in rows else "++pools")]
    said = " ".join(text_of(view.row(key, width)) for key in rows)
    assert "`agentdeck agents test claude`, `agentdeck logs E-1`" in " ".join(said.split())
    assert all(view.task(key) is None for key in rows)


@pytest.mark.parametrize("size", ["200x60", "120x36", "80x24"])
async def test_a_pool_that_memory_holds(tmp_path: Path, size: str) -> None:
    """You should see claude in red under "Unhealthy", with the commands that try it, beside it or
    below it, whole; then the pool build full, "up to 8  memory 93 % used", and reviewers "set by
    kim".
    """
    drawn = await take(tmp_path, elastic(), size, screen="load", kind=".svg")
    compare(f"load-pools-{size}.svg", drawn)


def test_an_account_that_is_limited_says_how_long() -> None:
    deck = deck_of(limited())
    view = LoadView(deck, LoadCourse(), held_back(deck))
    assert "rate limited, open again in" in text_of(view.row("account:anthropic", 116))


def test_a_figure_that_nobody_has_measured_is_a_dash() -> None:
    deck = deck_of(busy())
    past = replace(deck, now=deck.now - 900)
    for moment, course in ((deck, LoadCourse()), (past, course_of(busy()))):
        line = LoadView(moment, course, held_back(moment)).row("L-1", 116)
        assert text_of(line).count("—") >= 3
        assert "%" not in text_of(line)
        assert "accent" not in {span.role for span in line}


def test_every_sign_has_one_in_ascii() -> None:
    deck = deck_of(busy())
    view = view_of(busy())
    lines = [
        *machine_lines(deck, course_of(busy()), "", 116),
        *(view.row(k, 116) for k in view.keys),
    ]
    assert [text for line in lines if not (text := ascii_signs(text_of(line))).isascii()] == []


@pytest.mark.parametrize("width", [76, 116, 196])
def test_no_line_is_wider_than_the_screen(width: int) -> None:
    for told in (busy(), limited(), middle(), begun(), finished(), large(50)):
        course = course_of(told)
        deck = deck_of(told)
        for lines in (
            machine_lines(deck, course, "", width),
            machine_lines(deck, LoadCourse(), "", width),
        ):
            assert all(cells(line) <= width for line in lines)
        view = LoadView(deck, course, held_back(deck))
        assert all(cells(view.row(key, width)) <= width for key in view.keys)


# --- the limit of a pool -------------------------------------------------------------------------


LIMITS = [  # keys before, what is typed, what is sent
    ((), "5", c.SetPoolLimit(P("build"), 5)),
    (("down",), "none", c.SetPoolLimit(P("reviewers"), None)),
    (("up",), " 0 ", c.SetPoolLimit(P("reviewers"), None)),
]


async def test_the_limit_of_a_pool_is_set_by_key(tmp_path: Path) -> None:
    """In the room the pool of the selected task is marked; the arrows mark another."""
    async with room(tmp_path, elastic()) as deck:
        for moves, text, command in LIMITS:
            deck.source.sent.clear()
            await deck.press("L", *moves)
            deck.app.screen.query_one(Input).value = text
            await deck.press("enter")
            assert deck.source.sent == [command], text


async def test_on_the_load_screen_the_pool_of_the_row_is_marked(tmp_path: Path) -> None:
    async with room(tmp_path, elastic()) as deck:
        await deck.press("percent_sign", "end", "L")
        assert isinstance(deck.app.screen, ChangePool)
        await deck.press("2", "enter")
        assert deck.source.sent == [c.SetPoolLimit(P("reviewers"), 2)]


async def test_a_limit_that_cannot_be_says_why_and_the_dialog_stays(tmp_path: Path) -> None:
    async with room(tmp_path, elastic()) as deck:
        await deck.press("L")
        for text, why in (
            ("", "'' is no number of places"),
            ("-3", "'-3' is no number of places"),
            ("999", "the places of a pool must be 1 to 256"),
            ("none", "pool build is as the plan says already"),
        ):
            deck.app.screen.query_one(Input).value = text
            await deck.press("enter")
            assert why in deck.toasts[-1]
            assert isinstance(deck.app.screen, ChangePool)
        await deck.press("escape")
        assert deck.source.sent == []


async def test_a_plan_without_pools_says_what_sets_how_many_work(tmp_path: Path) -> None:
    async with room(tmp_path, begun()) as deck:
        await deck.press("L")
        assert deck.toasts[-1] == (
            "The plan has no pools: + and - set how many agents work at once."
        )


@pytest.mark.parametrize("size", ["200x60", "120x36", "80x24"])
async def test_the_dialog_of_the_pools(tmp_path: Path, size: str) -> None:
    """You should see build with "2 of 2 · up to 8" marked, reviewers "0 of 1 · set by kim, the plan
    says 4", a line for a number, and what enter does.
    """
    drawn = await take(tmp_path, elastic(), size, screen="pools", kind=".svg")
    compare(f"pool-limits-{size}.svg", drawn)


# --- keys ----------------------------------------------------------------------------------------


async def test_rows_lead_to_their_tasks_and_keys_act_on_them(tmp_path: Path) -> None:
    """A held task, too, is looked at in the room, a pool is no task. The past has no figures of the
    machine, and says so.
    """
    async with room(tmp_path, busy()) as deck:
        measured(busy(), deck.app.sampling.course)
        await deck.press("percent_sign")
        assert isinstance(deck.app.screen, LoadScreen)
        assert "agents 3.5" in head(deck)
        await deck.press("less_than_sign")
        assert deck.app.screen._order is Order.LOG
        rows_of(deck).put_cursor("L-2")
        await deck.press("space")
        assert deck.source.sent == [c.Pause(T("L-2"))]
        await deck.press("end", "enter")
        assert deck.toasts == ["The row is about no task; enter looks at one in the room."]
        rows_of(deck).put_cursor("held:L-7")
        await deck.press("enter")
        assert deck.app.screen.id == "room"
        assert (deck.selected, deck.app.room.pane) == ("L-7", "task")
        await deck.press("percent_sign", "B")
        assert "not measured in the past" in head(deck)
        await deck.press("B", "percent_sign")
        assert deck.app.screen.id == "room"
