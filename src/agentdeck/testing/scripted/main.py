"""The program: one attempt, from its command line to its exit code.

Rules: SIGINT and SIGTERM end it as they end the agent whose format it speaks; see `Voice.stopped`.
"""

from __future__ import annotations

import os

from agentdeck.testing.scripted.attempt import Attempt
from agentdeck.testing.scripted.endings import Stopped, Trouble
from agentdeck.testing.scripted.output import complain
from agentdeck.testing.scripted.session import Session, Store
from agentdeck.testing.scripted.signals import listen, signal
from agentdeck.testing.scripted.work import Work

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

    from agentdeck.testing.scripted.voice import Voice

FORMATS = ("scripted", "plain", "claude", "codex", "gemini", "opencode", "aider", "mini", "acp")


def main(argv: list[str]) -> int:
    """Run one attempt.

    Args:
        argv: the command line without the program.

    Returns:
        The exit code; never, if it has to die by a signal.
    """
    listen(_stop)
    for who in ("AUTHOR", "COMMITTER"):
        os.environ.setdefault(f"GIT_{who}_NAME", "scripted agent")
        os.environ.setdefault(f"GIT_{who}_EMAIL", "scripted@agentdeck.invalid")
    attempt = Attempt(argv)
    voice = _voice(attempt)
    if voice is None:
        return 2
    try:
        return _run(attempt, voice)
    except Stopped as stopped:
        code = voice.stopped(stopped.number)
    except Trouble as trouble:
        return voice.failed(trouble)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


def _voice(attempt: Attempt) -> Voice | None:
    """What speaks the format that `--speak` names; only that is loaded."""
    speaks = attempt.option("--speak") or "scripted"
    if speaks not in FORMATS:
        complain(f"--speak {speaks}: expected one of {', '.join(FORMATS)}")
        return None
    name = f"agentdeck.testing.scripted.voices.{speaks}"
    found: Voice = __import__(name, fromlist=["voice"]).voice(attempt)
    return found


def _run(attempt: Attempt, voice: Voice) -> int:
    store = Store(voice.speaks)

    def start(session: Session) -> Work:
        return Work(attempt, voice, session, store)

    if voice.converses:
        return voice.converse(store, start)
    session = voice.opened(store)
    try:
        prompt = attempt.prompt()
    except Trouble as trouble:
        voice.session = session
        voice.begin("")
        raise trouble from None
    return start(session).turn(prompt)


def _stop(number: int, _: FrameType | None) -> NoReturn:
    raise Stopped(number)
