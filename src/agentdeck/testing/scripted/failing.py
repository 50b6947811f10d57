"""The instructions that fail, of themselves or because the service of the model does, and hang."""

from __future__ import annotations

import os

from agentdeck.testing.scripted.endings import (
    AGENT,
    AUTH,
    CRASH,
    NETWORK,
    OVERLOAD,
    QUOTA,
    RATE_LIMIT,
    REFUSED,
    SCRIPT,
    TURN_LIMIT,
    Trouble,
    hang,
)
from agentdeck.testing.scripted.script import count_in, seconds_in
from agentdeck.testing.scripted.signals import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from agentdeck.testing.scripted.work import Work

ROUNDS_A_SECOND = 4  # of a run that leads nowhere; as one of the real ones did


def _fail(_work: Work, words: str) -> NoReturn:
    """End as a crash does: words, a code, no result."""
    code, _, text = words.partition(" ")
    raise Trouble(CRASH, text or "it broke", code=int(code) if code.isdecimal() else 1)


def _give_up(_work: Work, text: str) -> NoReturn:
    raise Trouble(AGENT, text or "it gave up")


def _crash(_work: Work, name: str) -> None:
    word = name.upper().removeprefix("SIG") or "KILL"
    number = getattr(signal, f"SIG{word}", None)
    if not isinstance(number, int):
        raise Trouble(SCRIPT, f"there is no signal {name!r}", code=2)
    if word not in ("KILL", "STOP"):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _refuse(_work: Work, text: str) -> NoReturn:
    raise Trouble(REFUSED, text or "I cannot help with that.")


def _turn_limit(_work: Work, _: str) -> NoReturn:
    raise Trouble(TURN_LIMIT, "the turns are used up")


def _rate_limit(work: Work, words: str) -> None:
    seconds, _, times = words.partition(" ")
    _outage(work, Trouble(RATE_LIMIT, "the limit is used up", wait_s=seconds_in(seconds)), times)


def _quota(work: Work, seconds: str) -> None:
    _outage(work, Trouble(QUOTA, "the allowance is used up", wait_s=seconds_in(seconds)), "")


def _overload(work: Work, times: str) -> None:
    _outage(work, Trouble(OVERLOAD, "the service is overloaded"), times)


def _network(work: Work, times: str) -> None:
    _outage(work, Trouble(NETWORK, "connection refused"), times)


def _unauthorized(work: Work, _: str) -> None:
    _outage(work, Trouble(AUTH, "the key is not valid"), "")


def _outage(work: Work, trouble: Trouble, times: str) -> None:
    work.voice.outage(trouble, count_in(times, 1) if times else None)


def _cut(work: Work, _: str) -> None:
    work.voice.cut()


def _hang(_work: Work, _: str) -> NoReturn:
    hang()


def _hang_after_result(work: Work, _: str) -> None:
    work.hangs = True


def _runaway(work: Work, per_second: str) -> NoReturn:
    pause_s = 1 / (count_in(per_second, ROUNDS_A_SECOND) or ROUNDS_A_SECOND)
    while True:
        work.voice.spin(work)
        work.sleep(pause_s)


ACTIONS: dict[str, Callable[[Work, str], None]] = {
    "fail": _fail,
    "give-up": _give_up,
    "crash": _crash,
    "refuse": _refuse,
    "turn-limit": _turn_limit,
    "rate-limit": _rate_limit,
    "quota": _quota,
    "overload": _overload,
    "network": _network,
    "unauthorized": _unauthorized,
    "cut": _cut,
    "hang": _hang,
    "hang-after-result": _hang_after_result,
    "runaway": _runaway,
}
