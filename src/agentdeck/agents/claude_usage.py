"""What a process of Claude Code has used: a floor while it works, the truth with each result.

Rules, as its versions count:
- `modelUsage` and `total_cost_usd` of a result grow over the process and are never summed. In a
  resumed session newer versions (2.1.329) go on from what the session had, older ones (2.1.197)
  start at nothing. Newer ones also tell what came since their latest result
  (`model_usage_since_last_result`): at the first result of a process the difference of both is
  what the session had before, and that is taken off every total.
- `usage` of a result is the main loop of one turn alone: where there is no more it is a floor too.
- `assistant` lines repeat the usage of their message once a block, so a message counts once, by its
  id. Their output is that of the beginning of an answer: a floor.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from agentdeck.agents.json_line import count_of, number_of, table_of, text_of
from agentdeck.agents.line_reader import Memory, mark_of, minus, plus
from agentdeck.agents.reports import Report, Totals, Usage
from agentdeck.agents.skimming import Count

SINCE: Final = "model_usage_since_last_result"
SEEN: Final = 8  # messages remembered; the blocks of one come together, those of helpers between


class Counted(Memory, frozen=True, array_like=True):
    """What has been counted so far."""

    live: Totals = Totals()
    before: Totals | None = None  # what the session had when the process began
    seen: tuple[str, ...] = ()  # the latest messages that are in `live`


class SkimmedUsage(msgspec.Struct, gc=False):
    """The usage of a message whose line is skimmed."""

    output_tokens: Count
    input_tokens: Count = 0
    cache_creation_input_tokens: Count = 0
    cache_read_input_tokens: Count = 0


class Skimmed(msgspec.Struct, gc=False, kw_only=True):
    """A message whose line is skimmed."""

    id: str = ""
    usage: SkimmedUsage | None = None


def with_message(counted: Counted, message: dict[str, Any]) -> Counted:
    """After an `assistant` line with this message."""
    usage = table_of(message, "usage")
    if not usage:
        return counted
    mark = mark_of(text_of(message, "id"))
    if mark in counted.seen:
        return counted
    live = plus(counted.live, _of_tokens(usage))
    return Counted(live, counted.before, (*counted.seen, mark)[-SEEN:])


def with_skimmed(counted: Counted, messages: Iterable[Skimmed]) -> Counted:
    """After lines with these messages."""
    fresh = out = cached = 0
    seen = list(counted.seen)
    for message in messages:
        mark, usage = mark_of(message.id), message.usage
        if usage is None or mark in seen:
            continue
        seen.append(mark)
        if len(seen) > SEEN:
            del seen[0]
        fresh += usage.input_tokens + usage.cache_creation_input_tokens
        out += usage.output_tokens
        cached += usage.cache_read_input_tokens
    if tuple(seen) == counted.seen:
        return counted
    live = plus(counted.live, Totals(fresh, out, cached))
    return Counted(live, counted.before, tuple(seen))


def with_result(counted: Counted, result: dict[str, Any]) -> Counted:
    """After a result. One that tells no numbers changes nothing."""
    if not any(key in result for key in ("modelUsage", "usage", "total_cost_usd")):
        return counted
    models = table_of(result, "modelUsage")
    total = _of_models(models) if models else _at_least(counted.live, table_of(result, "usage"))
    total = msgspec.structs.replace(total, usd=number_of(result, "total_cost_usd"))
    before = counted.before
    if before is None:
        first = SINCE in result and count_of(result, "result_index") == 0
        before = minus(total, _of_models(table_of(result, SINCE))) if first else Totals()
    return msgspec.structs.replace(counted, live=minus(total, before), before=before)


def reported(counted: Counted, *, estimate: bool) -> list[Report]:
    """The report of what has been counted."""
    live = counted.live
    return [Usage(live.tokens_in, live.tokens_out, live.usd, live.tokens_cached, estimate)]


def _of_models(models: dict[str, Any]) -> Totals:
    total = Totals()
    for model in models.values():
        fresh = count_of(model, "inputTokens") + count_of(model, "cacheCreationInputTokens")
        out, cached = count_of(model, "outputTokens"), count_of(model, "cacheReadInputTokens")
        total = plus(total, Totals(fresh, out, cached, number_of(model, "costUSD")))
    return total


def _at_least(live: Totals, usage: dict[str, Any]) -> Totals:
    turn = _of_tokens(usage)
    return Totals(
        max(live.tokens_in, turn.tokens_in),
        max(live.tokens_out, turn.tokens_out),
        max(live.tokens_cached, turn.tokens_cached),
    )


def _of_tokens(usage: dict[str, Any]) -> Totals:
    fresh = count_of(usage, "input_tokens") + count_of(usage, "cache_creation_input_tokens")
    return Totals(
        fresh, count_of(usage, "output_tokens"), count_of(usage, "cache_read_input_tokens")
    )
