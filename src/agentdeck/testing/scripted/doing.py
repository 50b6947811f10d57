"""The instructions that work: each is a function of the work under way and its argument.

Rules: what fails, hangs or floods is in modules of its own, loaded when a script asks for it.
"""
# Importing pathlib would take as long as the rest of the start:
# ruff: noqa: PTH108, PTH110

from __future__ import annotations

import os
import sys

from agentdeck.testing.scripted.calls import EDIT, REMOVE, SHELL, WRITE, Call, claimed, inside_path
from agentdeck.testing.scripted.content import THOUGHTS, TOOLS, content, places
from agentdeck.testing.scripted.script import count_in, seconds_in
from agentdeck.testing.scripted.signals import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from agentdeck.testing.scripted.dice import Dice
    from agentdeck.testing.scripted.work import Work

CHILD_SECONDS = 600  # a child that nobody ends must not stay for ever
DEFAULT_SECONDS = (0.2, 1.0)  # of work without a script


def action(word: str) -> Callable[[Work, str], None]:
    """What does an instruction."""
    found = ACTIONS.get(word)
    if found is None:
        from agentdeck.testing.scripted.calling import ACTIONS as CALLING
        from agentdeck.testing.scripted.failing import ACTIONS as FAILING
        from agentdeck.testing.scripted.flooding import ACTIONS as FLOODING
        from agentdeck.testing.scripted.merging import ACTIONS as MERGING

        return (CALLING | FAILING | FLOODING | MERGING)[word]
    return found


def _say(work: Work, text: str) -> None:
    work.say(text)


def _last_word(work: Work, text: str) -> None:
    work.say(text)
    work.has_last_word = True


def _tool(work: Work, words: str) -> None:
    work.use(claimed(words))


def _sleep(work: Work, seconds: str) -> None:
    work.sleep(seconds_in(seconds))


def _write(work: Work, words: str) -> None:
    path, _, lines = words.partition(" ")
    length = count_in(lines, 8 + work.dice.below(24))
    work.put(path, content(path, work.task, length, work.dice), WRITE)


def _append(work: Work, words: str) -> None:
    path, _, text = words.partition(" ")
    work.put(path, text + "\n", EDIT)


def _remove(work: Work, path: str) -> None:
    inside = inside_path(path)

    def act() -> str:
        if os.path.lexists(inside):
            os.unlink(inside)
        work.session.dirty = True
        return ""

    work.use(Call(REMOVE, "Bash", inside), act)


def _commit(work: Work, message: str) -> None:
    work.commit(message)


def _leave(work: Work, _: str) -> None:
    work.leaves = True


def _empty(work: Work, _: str) -> None:
    work.say("Nothing had to change.")


def _work(work: Work, seconds: str) -> None:
    """A believable piece of work within the footprint."""
    total = seconds_in(seconds) if seconds else _default_seconds(work.dice)
    paths = places(work.files, work.task, work.dice)
    moments = 3 + 2 * len(paths)
    work.say(THOUGHTS[0])
    work.sleep(total / moments)
    for path in paths:
        work.use(claimed(" ".join(work.dice.pick(TOOLS))))
        work.sleep(total / moments)
        lines = 6 + work.dice.below(30)
        kind = EDIT if os.path.exists(path) else WRITE
        work.put(path, content(path, work.task, lines, work.dice), kind)
        work.sleep(total / moments)
    work.say(str(work.dice.pick(THOUGHTS[1:])))
    work.sleep(2 * total / moments)
    work.say(f"Done: {', '.join(paths)}.")


def _default_seconds(dice: Dice) -> float:
    said = os.environ.get("AGENTDECK_SCRIPT_SECONDS", "")
    return seconds_in(said) if said else dice.between(*DEFAULT_SECONDS)


def _ask(work: Work, question: str) -> None:
    if question == "permission":
        work.asks_permission = True
        return
    work.answer = work.voice.ask(question)
    work.say(f"The answer is: {work.answer}")


def _write_answer(work: Work, path: str) -> None:
    work.put(path, work.answer + "\n", EDIT)


def _child(work: Work, _: str) -> None:
    """Start a process that the group of this one does not hold."""
    call = Call(SHELL, "Bash", "child process")

    def act() -> str:
        code = f"import os, time; os.setsid(); time.sleep({CHILD_SECONDS})"
        argv = [sys.executable, "-I", "-S", "-c", code]
        quiet = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
        pid = os.posix_spawn(sys.executable, argv, os.environ, file_actions=quiet)
        call.target += f" {pid}"
        return str(pid)

    work.use(call, act)


def _ignore_signals(_work: Work, _: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _nothing(_work: Work, _: str) -> None:
    """It was looked for before the script began."""


ACTIONS: dict[str, Callable[[Work, str], None]] = {
    "say": _say,
    "last-word": _last_word,
    "tool": _tool,
    "sleep": _sleep,
    "work": _work,
    "write": _write,
    "append": _append,
    "remove": _remove,
    "commit": _commit,
    "ask": _ask,
    "write-answer": _write_answer,
    "child": _child,
    "ignore-signals": _ignore_signals,
    "leave": _leave,
    "empty": _empty,
    "await-stdin": _nothing,
}
