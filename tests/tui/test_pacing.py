"""When the deck looks at what: bounds on what it may use, and who goes first.

The watch is moved by hand, and what takes long only says so: no test waits for time to pass.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import pytest

from agentdeck.tui import pacing
from agentdeck.tui.pacing import CatchingUp, Pacing


class App:
    """A deck in which everything takes as long as it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.has_news = False
        self.draw_s = 0.0
        self.fresh_lines = False
        self.drawn: list[float] = []
        self.looked: list[float] = []
        self.seconds: list[float] = []
        self.asked: list[Callable[[], None]] = []
        self.message_queue_size = 0

    def watch(self) -> float:
        return self.now

    def draw_if_needed(self) -> None:
        self.drawn.append(self.now)
        self.now += self.draw_s
        self.has_news = False

    def look_at_logs(self) -> bool:
        self.looked.append(self.now)
        return self.fresh_lines

    def each_second(self) -> None:
        self.seconds.append(self.now)

    def call_later(self, act: Callable[..., None], *args: object) -> bool:
        self.asked.append(partial(act, *args))
        return True


def run(app: App, seconds: float, *, news: bool = False) -> tuple[Pacing, int]:
    """Let time pass up to each moment at which the deck wants to be woken; how often that was."""

    async def pass_time() -> tuple[Pacing, int]:
        mine = Pacing(app, watch=app.watch)  # type: ignore[arg-type]
        mine.start()
        until, woken = app.now + seconds, 0
        while app.now < until:
            app.has_news = app.has_news or news
            app.now = max(app.now, mine._next_at()) + 1e-6
            mine._beat()
            woken += 1
        mine.stop()
        return mine, woken

    return asyncio.run(pass_time())


def test_a_run_that_stands_still_wakes_the_deck_seldom() -> None:
    """For clocks each second, and for logs that do not grow a few times in it."""
    app = App()
    _, woken = run(app, 20.0)
    assert 19 <= len(app.seconds) <= 20
    assert app.drawn == []
    assert woken <= 20 / pacing.QUIET_TICK_S + 1, "the clocks move when logs are looked at"
    gaps = [later - earlier for earlier, later in pairwise(app.looked)]
    assert max(gaps) < pacing.QUIET_TICK_S + 0.01, "a new line is seen as soon as ever"


def test_a_run_that_stands_still_is_drawn_once_a_second() -> None:
    """Each second its clocks have moved, and with a watch that stands nothing else has."""
    app = App()
    count = app.each_second

    def clocks_move() -> None:
        count()
        app.has_news = True

    app.each_second = clocks_move  # type: ignore[method-assign]
    _, woken = run(app, 20.0)
    assert len(app.drawn) == len(app.seconds) <= 20
    assert woken <= 20 / pacing.QUIET_TICK_S + 1


def test_logs_that_grow_are_looked_at_more_often() -> None:
    """At once, and as long as lines come."""
    quiet, busy = App(), App()
    busy.fresh_lines = True
    run(quiet, 20.0)
    run(busy, 20.0)
    assert len(busy.looked) > 3 * len(quiet.looked)


def test_live_data_gets_a_share_of_the_time_and_no_more() -> None:
    """Redraws that take long come less often; the rest of the time is for keys."""
    app = App()
    app.draw_s = 0.1
    began = app.now
    run(app, 30.0, news=True)
    used = app.draw_s * len(app.drawn)
    assert used <= pacing.SHARE * (app.now - began) + app.draw_s
    assert used > pacing.SHARE / 2 * (app.now - began), "it is not starved either"


def test_live_data_waits_for_the_answer_to_a_key_but_not_for_ever() -> None:
    """Held keys put a redraw off, up to a bound."""
    app = App()

    async def hold() -> None:
        mine = Pacing(app, watch=app.watch)  # type: ignore[arg-type]
        mine.start()
        app.has_news = True
        app.now += 1e-3
        mine._beat()
        assert len(app.drawn) == 1
        until = app.now + 10 * pacing.PUT_OFF_S
        while app.now < until:
            mine.key()
            app.has_news = True
            app.now += pacing.KEY_QUIET_S / 2
            mine._beat()
        mine.stop()

    asyncio.run(hold())
    gaps = [later - earlier for earlier, later in zip(app.drawn, app.drawn[1:], strict=False)]
    assert len(gaps) >= 8
    assert all(pacing.PUT_OFF_S <= gap < pacing.PUT_OFF_S + pacing.KEY_QUIET_S for gap in gaps)


def test_a_beat_comes_behind_the_messages_that_wait_for_the_app() -> None:
    """What was pressed before it is done before it; and stopped is stopped."""
    app = App()
    app.message_queue_size = 1

    async def wait() -> None:
        mine = Pacing(app, watch=app.watch)  # type: ignore[arg-type]
        mine.start()  # logs are looked at for the first time at once
        while not app.asked:
            await asyncio.sleep(0)
        assert app.looked == []
        app.asked.pop()()
        assert len(app.looked) == 1
        mine.stop()
        mine.wake()
        assert mine._timer is None

    asyncio.run(asyncio.wait_for(wait(), 60))


def test_where_nothing_waits_a_beat_is_no_message() -> None:
    """Of an idle deck the message would be as dear as the beat; what fails in it is not lost."""
    app = App()

    def break_down() -> None:
        raise RuntimeError("no logs")

    async def wait() -> None:
        mine = Pacing(app, watch=app.watch)  # type: ignore[arg-type]
        mine.start()
        while not app.looked:
            await asyncio.sleep(0)
        assert app.asked == []
        app.look_at_logs = break_down  # type: ignore[method-assign,assignment]
        app.now += 10.0
        mine.wake()
        while not app.asked:
            await asyncio.sleep(0)
        mine.stop()
        with pytest.raises(RuntimeError, match="no logs"):
            app.asked.pop()()

    asyncio.run(asyncio.wait_for(wait(), 60))


def test_a_beat_that_is_heard_of_in_a_beat_is_not_one_more() -> None:
    """What is drawn in it wakes the deck; what is due next is found once it is over."""
    app = App()

    async def wait() -> None:
        mine = Pacing(app, watch=app.watch)  # type: ignore[arg-type]
        mine.start()
        app.each_second = mine.wake  # type: ignore[method-assign]
        app.now += 1.5
        mine._ring()
        assert mine._timer is not None
        left = mine._timer.when() - asyncio.get_running_loop().time()
        assert left > pacing.LOG_TICK_S / 2
        mine.stop()

    asyncio.run(wait())


def test_of_many_that_ask_the_last_is_followed_and_some_on_the_way() -> None:
    """Each asks for a frame; most of them find that another one has asked since."""
    now, frames, done = [0.0], list[Callable[[], object]](), list[float]()
    mine = CatchingUp(frames.append, lambda: done.append(now[0]), watch=lambda: now[0])
    mine.ask()
    frames.pop(0)()
    assert done == [0.0]
    for _ in range(100):  # held keys: the frame of one comes behind the key after it
        mine.ask()
        now[0] += 0.01
        if len(frames) > 1:
            frames.pop(0)()
    while frames:
        frames.pop(0)()
    assert done[-1] == now[0]
    assert 3 <= len(done) <= 2 + 1.0 / pacing.CAUGHT_UP_S
