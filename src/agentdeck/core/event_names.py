"""The words by which hooks ask for events, and which events a word means.

Rules:
- The names are the events' own tags, and a few aliases where people expect another word. An event
  has its tag and every alias that fits it.
- A pattern is a name, `prefix.*` or `*`. A name means what it says; the other two leave out noise.
- What is told about hooks is told to no hook: one that fails would never hear the end of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any, Final, get_args

from agentdeck.core import events as e
from agentdeck.core.events import AnyEvent, Verdict

ALL: Final = "*"
EVERY: Final = ".*"  # the end of a pattern for all names that begin so
MAX_PATTERNS: Final = 500  # whose tables are kept; the most that one plan can have

Test = Callable[[Any], bool]

TAGS: Final[Mapping[str, type]] = {
    str(kind.__struct_config__.tag): kind
    for kind in get_args(AnyEvent)
    if kind not in get_args(e.HookEvent)
}
# What happens all the time, and what nobody is there to tell: the engine has ended by then.
NOISE: Final = frozenset({e.AttemptProgressed, e.CollisionsForeseen, e.EngineStopped})


def _has_task(event: e.EntryQueued | e.EntryLanded) -> bool:
    return event.task is not None


def _is_red(event: e.GateFinished) -> bool:
    return event.verdict in (Verdict.FAILED, Verdict.TIMED_OUT)


def _is_green(event: e.GateFinished) -> bool:
    return event.verdict is Verdict.PASSED


def _any(_: object) -> bool:
    return True


ALIASES: Final[Mapping[str, tuple[type, Test]]] = {
    "task.claimed": (e.AttemptClaimed, _any),
    "task.asks": (e.AttemptAsked, _any),
    "task.queued": (e.EntryQueued, _has_task),
    "task.landed": (e.EntryLanded, _has_task),
    "attempt.started": (e.AttemptLaunched, _any),
    "attempt.finished": (e.AttemptExited, _any),
    "gate.passed": (e.GateFinished, _is_green),
    "gate.failed": (e.GateFinished, _is_red),
    "run.promoted": (e.Promoted, _any),
}
NAMES: Final = tuple(sorted({*TAGS, *ALIASES}))


def names_of(event: AnyEvent) -> tuple[str, ...]:
    """The tag of an event, and the aliases that fit it."""
    also = [name for name, (kind, fits) in ALIASES.items() if type(event) is kind and fits(event)]
    return (str(type(event).__struct_config__.tag), *also)


def fault_of(pattern: str) -> str | None:
    """What is wrong with a pattern, or None when it means something."""
    if pattern == ALL or pattern in TAGS or pattern in ALIASES:
        return None
    if pattern.startswith("hook."):
        return "events about hooks are told to no hook"
    if pattern.endswith(EVERY):
        begins = pattern.removesuffix("*")
        return None if any(name.startswith(begins) for name in NAMES) else "no event begins so"
    return "there is no such event"


def known_patterns() -> tuple[str, ...]:
    """Every pattern that means something, to suggest one."""
    prefixes = {name[: name.index(".")] + EVERY for name in NAMES}
    return (*NAMES, *sorted(prefixes), ALL)


def wants(patterns: tuple[str, ...], event: AnyEvent) -> bool:
    """Does one of the patterns mean this event?"""
    test = _table(patterns).get(type(event))
    return test is not None and test(event) and not _is_about_hooks(event)


def _is_about_hooks(event: AnyEvent) -> bool:
    """Trouble with telling a hook is told as of any step."""
    return isinstance(event, e.StepFailed) and event.step.startswith("hook:")


@lru_cache(MAX_PATTERNS)
def _table(patterns: tuple[str, ...]) -> Mapping[type, Test]:
    """By kind of event, whether one is meant: asked of every event of a journal."""
    tests: dict[type, list[Test]] = {}
    for pattern in patterns:
        for kind, test in _meant(pattern):
            tests.setdefault(kind, []).append(test)
    return {kind: _one_of(tuple(found)) for kind, found in tests.items()}


@cache
def _meant(pattern: str) -> tuple[tuple[type, Test], ...]:
    exact = pattern in TAGS or pattern in ALIASES
    named: dict[str, tuple[type, Test]] = {name: (kind, _any) for name, kind in TAGS.items()}
    named.update(ALIASES)
    begins = "" if pattern == ALL else pattern.removesuffix("*")
    return tuple(
        found
        for name, found in named.items()
        if (name == pattern if exact else name.startswith(begins) and found[0] not in NOISE)
    )


def _one_of(tests: tuple[Test, ...]) -> Test:
    if _any in tests or len(tests) == 1:
        return _any if _any in tests else tests[0]
    return lambda event: any(test(event) for test in tests)


__all__ = ["ALIASES", "ALL", "NAMES", "NOISE", "TAGS", "fault_of", "known_patterns", "names_of"]
__all__ += ["wants"]
