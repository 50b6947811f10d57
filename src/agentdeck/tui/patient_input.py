"""The framework's driver for terminals, with a thread for input that sleeps until there is some.

The framework's own asks ten times a second whether a key that may be the beginning of another one
(escape) stands alone by now, and whether the deck ends. Of all that a deck costs which only stands
there, that was a sixth.

Rules: for `ALERT_S` after any input it is asked as often as by the framework, so no key is told
later. The end rings a bell, which is heard at once.
"""

from __future__ import annotations

import os
import selectors
import time
import weakref
from codecs import getincrementaldecoder
from collections.abc import Iterable
from threading import Event
from typing import TYPE_CHECKING, Any, Final

from textual._xterm_parser import XTermParser
from textual.constants import ESCAPE_DELAY
from textual.drivers.linux_driver import LinuxDriver

if TYPE_CHECKING:
    from textual.message import Message

READ_BYTES: Final = 4_096  # at once; what is left is there at the next look
ASK_S: Final = 0.1  # between two questions whether a key stands alone
ALERT_S: Final = 2 * ESCAPE_DELAY + 1.0  # after which every key that came is told


class Bell(Event):
    """An event that can be waited for beside files. It rings again after each `clear`."""

    def __init__(self) -> None:
        super().__init__()
        self.heard_at, self._rung_at = os.pipe()
        os.set_blocking(self._rung_at, False)
        _ = weakref.finalize(self, _close, self.heard_at, self._rung_at)

    def set(self) -> None:
        """It has happened."""
        super().set()
        os.write(self._rung_at, b"!")

    def hear(self) -> None:
        """It was waited for."""
        _ = os.read(self.heard_at, READ_BYTES)


def _close(*files: int) -> None:
    for file in files:
        os.close(file)


class PatientDriver(LinuxDriver):
    """A terminal that costs nothing while nobody types."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.exit_event: Bell = Bell()

    def run_input_thread(self) -> None:
        """Tell the app what is typed, until the bell rings."""
        bell, parser = self.exit_event, XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")().decode
        alert_until = 0.0
        with selectors.SelectSelector() as waits:  # terminals cannot be waited for by all others
            waits.register(self.fileno, selectors.EVENT_READ)
            waits.register(bell.heard_at, selectors.EVENT_READ)
            while not bell.is_set():
                alert = time.monotonic() < alert_until
                ready = {key.fd for key, _ in waits.select(ASK_S if alert else None)}
                if bell.heard_at in ready:
                    bell.hear()
                if self.fileno in ready:
                    data = os.read(self.fileno, READ_BYTES)
                    if not data:  # nobody can type here any more
                        waits.unregister(self.fileno)
                    elif text := decode(data):
                        self._tell(parser.feed(text))
                    alert_until = time.monotonic() + ALERT_S
                self._tell(parser.tick())

    def _tell(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.process_message(message)


__all__ = ["PatientDriver"]
