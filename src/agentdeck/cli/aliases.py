"""Words of a person's own for lines that they type often: `[aliases]` of `deck.toml`.

    [aliases]
    mine = "status --json"

Rules:
- An alias cannot shadow a verb: what is a verb stays one, whatever a file says.
- Its line begins with a verb. So no alias leads to another, and there are no loops.
- The line is split into words; no shell reads it. What is typed behind the alias comes behind them.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from agentdeck.core.errors import UsageError

MAX_ALIASES: Final = 200  # a file of more is a mistake
MAX_WORDS: Final = 100  # of one line
NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)


def fault_of(name: str, line: str, verbs: Collection[str]) -> str | None:
    """What is wrong with an alias, in one sentence; None when it holds."""
    if name in verbs:
        return f"alias `{name}` is a verb already: it stays what it is"
    if NAME.fullmatch(name) is None:
        return f"alias `{name}` must be small letters, digits and -, at most 32"
    try:
        words = shlex.split(line)
    except ValueError as error:
        return f"alias `{name}`: the line cannot be split into words: {error}"
    if not words:
        return f"alias `{name}` has no line"
    if len(words) > MAX_WORDS:
        return f"alias `{name}` has more than {MAX_WORDS} words"
    if words[0] not in verbs:
        near = get_close_matches(words[0], verbs, n=1)
        hint = f", try `{near[0]}`" if near else ""
        return f"alias `{name}` must begin with a verb, found `{words[0]}`{hint}"
    return None


def expanded(
    words: Sequence[str], aliases: Mapping[str, str], verbs: Collection[str]
) -> Sequence[str]:
    """A line with its alias, if its verb is one, spelled out.

    Args:
        words: what was typed; `-C DIR` may stand before the verb.
        verbs: the first words of all verbs.

    Raises:
        UsageError: the alias does not hold.
    """
    at = 2 if words[:1] == ["-C"] else 0
    if at >= len(words) or words[at] in verbs or words[at] not in aliases:
        return words
    name = words[at]
    fault = fault_of(name, aliases[name], verbs)
    if fault is not None:
        raise UsageError(fault, hint="`agentdeck config edit` mends it")
    return [*words[:at], *shlex.split(aliases[name]), *words[at + 1 :]]


def faults(aliases: Mapping[str, str], verbs: Collection[str]) -> list[tuple[str, str]]:
    """Name and sentence for each alias that does not hold."""
    found = [(name, fault_of(name, line, verbs)) for name, line in aliases.items()]
    told = [(name, fault) for name, fault in found if fault is not None]
    if len(aliases) > MAX_ALIASES:
        told.append(("aliases", f"there are {len(aliases)} aliases; {MAX_ALIASES} is the most"))
    return told


__all__ = ["expanded", "fault_of", "faults"]
