"""The page `docs/agents.md`, made from the catalog and the table of keys:
`python -m agentdeck.cli.agents_page > docs/agents.md`.

A test compares the page with this, so it cannot go stale.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from agentdeck.cli import agents_page_text as text
from agentdeck.cli.agents import abilities
from agentdeck.control.catalog import load_catalog
from agentdeck.core.events import FailureClass
from agentdeck.plans.adapter_keys import BASE_KEY, KEYS, VERSION_KEY
from agentdeck.plans.keys import Key, Kind

NOWHERE = Path("/nonexistent")  # the page is about what ships
_KINDS = {
    Kind.LINE: "text on one line",
    Kind.ARGV: "list of arguments, or text that is split at spaces",
    Kind.ARGS: "list of arguments",
    Kind.ENV: "table of texts",
    Kind.LINES: "list of texts",
    Kind.FLAG: "`true` or `false`",
}


def markdown() -> str:
    """The whole page."""
    causes = ", ".join(f"`{cause}`" for cause in FailureClass)
    parts = [
        text.INTRODUCTION,
        text.KNOWN,
        *_known(),
        text.FILE,
        *_keys(),
        text.WORDS,
        *_meanings("word", "stands for", {f"{{{w}}}": m for w, m in text.WORD_MEANINGS.items()}),
        *_meanings("group", "becomes", {f"{{*{g}}}": m for g, m in text.GROUP_MEANINGS.items()}),
        text.INPUT,
        *_meanings("input", "is", text.INPUT_MEANINGS),
        text.EXITS,
        f"Causes: {causes}.\n",
        text.ADDING,
    ]
    return "\n".join(parts).rstrip() + "\n"


def _known() -> Iterator[str]:
    yield "| name | agent | format | can | from version | install |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, adapter in load_catalog(NOWHERE).adapters.items():
        can = ", ".join(word for word, able in abilities(adapter).items() if able)
        cells = (
            f"`{name}`",
            adapter.title,
            adapter.output if adapter.start else "",
            can,
            adapter.minimum,
            f"`{adapter.install}`" if adapter.install else "",
        )
        yield f"| {' | '.join(cells)} |"
    yield ""


def _keys() -> Iterator[str]:
    yield "| key | value | meaning |\n| --- | --- | --- |"
    yield f"| `{VERSION_KEY}` | `1` | The format of the file. |"
    yield f"| `{BASE_KEY}` | name of a shipped adapter | What the file does not say is as there. |"
    for key in KEYS:
        yield f"| `{key.name}` | {_value(key)} | {key.doc} |"
    yield ""


def _value(key: Key) -> str:
    if key.kind is Kind.CHOICE:
        return ", ".join(f'`"{choice}"`' for choice in key.choices)
    return _KINDS[key.kind]


def _meanings(head: str, verb: str, meanings: Mapping[str, str]) -> Iterator[str]:
    yield f"| {head} | {verb} |\n| --- | --- |"
    yield from (f"| `{word}` | {meaning} |" for word, meaning in meanings.items())
    yield ""


if __name__ == "__main__":
    print(markdown(), end="")
