"""Keys reach the deck at once, and a terminal at which nobody types wakes nobody.

The terminal is a real pty, the thread the driver's own; what it waits for is counted.
"""

from __future__ import annotations

import asyncio
import os
import pty
import selectors
import threading
import time
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import pytest
from textual import events
from textual.app import App
from textual.message import Message

from agentdeck.tui import patient_input
from agentdeck.tui.app import DeckApp
from agentdeck.tui.patient_input import PatientDriver

WAIT_S: Final = 20.0  # for anything; on idle cores everything takes under 0.3 s
LONG: Final = None  # how long is waited for a terminal that nobody types at


@dataclass
class Terminal:
    """A pty, and what the driver tells of it."""

    keys: int  # the end that a person types at
    driver: PatientDriver
    told: list[Message] = field(default_factory=list)
    waits: list[float | None] = field(default_factory=list)

    def type(self, data: bytes) -> None:
        os.write(self.keys, data)

    @property
    def pressed(self) -> list[str]:
        return [each.key for each in self.told if isinstance(each, events.Key)]

    def until(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT_S
        while not true():
            assert time.monotonic() < deadline, (self.told, self.waits[-5:])
            time.sleep(0.005)

    def until_asleep(self) -> None:
        self.until(lambda: bool(self.waits) and self.waits[-1] is LONG)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """A driver that listens."""
    outer, inner = pty.openpty()
    tty.setraw(inner)
    waits: list[float | None] = []

    class Counted(selectors.SelectSelector):
        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            waits.append(timeout)
            return super().select(timeout)

    async def made() -> PatientDriver:
        return PatientDriver(App())

    monkeypatch.setattr(patient_input.selectors, "SelectSelector", Counted)  # type: ignore[attr-defined]
    monkeypatch.setattr(patient_input, "ALERT_S", 0.3)
    with monkeypatch.context() as here:
        here.setattr("signal.signal", lambda *_: None)  # those of the test stay
        driver = asyncio.run(made())
    driver.fileno = inner
    mine = Terminal(outer, driver, waits=waits)
    driver.process_message = mine.told.append  # type: ignore[method-assign,assignment]
    driver._key_thread = threading.Thread(target=driver.run_input_thread, daemon=True)
    driver._key_thread.start()
    yield mine
    if driver._key_thread.is_alive():
        driver.exit_event.set()
        driver._key_thread.join(WAIT_S)
    os.close(outer)
    os.close(inner)


def test_what_is_typed_is_told(terminal: Terminal) -> None:
    """Also a letter whose bytes come one by one, and an escape that stands alone."""
    terminal.type(b"j")
    terminal.until(lambda: terminal.pressed == ["j"])
    terminal.type("ä".encode()[:1])
    terminal.type("ä".encode()[1:])
    terminal.until(lambda: len(terminal.pressed) == 2)
    terminal.type(b"\x1b")  # of an arrow key it would be the first byte
    terminal.until(lambda: terminal.pressed[2:] == ["escape"])
    terminal.type(b"\x1b[B")
    terminal.until(lambda: terminal.pressed[3:] == ["down"])


def test_nobody_wakes_where_nobody_types(terminal: Terminal) -> None:
    """After a key it is asked for a while whether another belongs to it, then no more."""
    terminal.until_asleep()
    assert len(terminal.waits) == 1
    terminal.type(b"j")
    terminal.until(lambda: terminal.pressed == ["j"])
    terminal.until_asleep()
    asked = len(terminal.waits)
    time.sleep(5 * patient_input.ASK_S)  # in which the framework's own would have asked five times
    assert len(terminal.waits) == asked
    terminal.type(b"k")
    terminal.until(lambda: terminal.pressed == ["j", "k"])


def test_a_sleeping_terminal_hears_that_the_deck_ends(terminal: Terminal) -> None:
    """And listens again when it comes back, as after an editor had the screen."""
    driver = terminal.driver
    for key in ("j", "k"):
        terminal.until_asleep()
        thread = driver._key_thread
        assert thread is not None
        driver.exit_event.set()
        thread.join(WAIT_S)
        assert not thread.is_alive()
        driver.exit_event.clear()
        driver.close()  # as the framework does in both cases
        driver._key_thread = threading.Thread(target=driver.run_input_thread, daemon=True)
        driver._key_thread.start()
        terminal.type(key.encode())
        terminal.until(lambda key=key: terminal.pressed[-1:] == [key])  # type: ignore[misc]


def test_the_deck_listens_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a terminal; in a browser the framework has a driver of its own."""
    deck = object.__new__(DeckApp)
    assert deck.get_driver_class() is PatientDriver
    driver = "textual.drivers.web_driver:WebDriver"
    monkeypatch.setattr("textual.constants.DRIVER", driver)
    assert deck.get_driver_class().__name__ == "WebDriver"
