"""The dialog of `n`: what was understood of a line, as rows; what is wrong stands above them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from agentdeck.core.plan import Plan
from agentdeck.plans.quick_add.grammar import Sure
from agentdeck.plans.quick_add.rows import SIGNS, WRONG, rows_of
from agentdeck.plans.quick_add.understood import Understood
from agentdeck.tui.presentation.line import EMPTY, Line, Span, cells, cut, cut_line, plain, wrapped

LABEL_CELLS: Final = 11
ROLES: Final = {Sure.SIGN: "state-landed", Sure.WORD: "state-taken bold", Sure.RULE: "faint"}
_EXAMPLE: Final = "Fix login redirect after S-1 ~30m @codex #auth files src/auth/**"
_WAYS: Final = (
    ("@codex  @codex:model", "who does it"),
    ("after S-1, S-2", "what must have landed first"),
    ("~30m  ~15k  $2", "estimate, tokens, budget"),
    ("#auth", "a tag"),
    ("files src/a/**", "what it touches; also `in src/a/`"),
    ("gates unit  phase core", "also `risk high`, `priority 5`"),
    ("key=value", "any key of a task in a plan file"),
    ("-- words", "at the end: the prompt of its agent"),
    ('"in quotes"', "means nothing but itself"),
)


def quick_add_lines(
    line: str, found: Understood, plan: Plan, told: Sequence[str], refused: str, width: int
) -> list[Line]:
    """The rows below the line that is typed.

    Args:
        line: what was typed; of an empty one the signs are explained.
        found: what it means.
        plan: of the run.
        told: what a person should know of the task, in sentences.
        refused: why the run would not take it now; empty = it would.
        width: cells.
    """
    if not line.strip():
        return list(_legend(width))
    said = [(fault.text, fault.hint, "✖", "state-failed") for fault in found.faults]
    said += [(refused, "", "✖", "state-failed")] if refused else []
    said += [(doubt.text, doubt.hint, "?", "state-asks") for doubt in found.doubts]
    said += [(sentence, "", "?", "state-asks") for sentence in told]
    lines: list[Line] = []
    for text, hint, sign, role in said:
        whole = plain(f"{text}: {hint}" if hint else text)
        for number, part in enumerate(wrapped(whole, width - 3)):
            lead = Span(f" {sign} ", role) if not number else Span("   ")
            lines.append((lead, *part))
    if lines:
        lines.append(EMPTY)
    return [*lines, *_parts(line, found, plan, width)]


def _parts(line: str, found: Understood, plan: Plan, width: int) -> Iterator[Line]:
    for row in rows_of(line, found, plan):
        sign = Span(f" {SIGNS[row.sure]} ", ROLES[row.sure])
        if row.wrong:
            sign = Span(f" {WRONG} ", "state-failed")
        label = Span(row.label.ljust(LABEL_CELLS), "muted")
        role = "muted" if row.sure is Sure.RULE else ""
        value = Span(plain(row.value), role)
        room = width - cells((sign, label))
        note = f"  {plain(row.note)}" if row.note else ""
        if note and cells((value, Span(note))) > room:
            note = cut(note, max(0, room - cells((value,))))
        yield cut_line((sign, label, value, Span(note, "faint")), width)


def _legend(width: int) -> Iterator[Line]:
    yield cut_line((Span(" "), Span(_EXAMPLE, "muted")), width)
    yield EMPTY
    size = max(len(what) for what, _ in _WAYS) + 2
    for what, about in _WAYS:
        yield cut_line((Span(" "), Span(what.ljust(size), "key"), Span(about, "muted")), width)
