"""The page `docs/states.md`, drawn from the table in `core.transitions`.

Rules: the page is never edited by hand; a test compares it with what this module says.
`python -m agentdeck.testing.state_chart > docs/states.md` writes it anew.
"""

from __future__ import annotations

from agentdeck.core.state import HOLDS_FOOTPRINT, HOLDS_SLOT, SETTLED, STUCK, TaskState
from agentdeck.core.transitions import TRANSITIONS

_HEAD = """\
# The states of a task

Drawn from the table in `src/agentdeck/core/transitions.py` by
`python -m agentdeck.testing.state_chart > docs/states.md`. Do not edit it by hand.
"""


def as_document() -> str:
    """The whole page, Markdown with a picture (`state_picture`) and two tables."""
    return "\n".join(
        [
            _HEAD,
            "![How a task goes from state to state by itself.](states.svg)\n",
            "## What a state means for other tasks\n",
            "| state | takes an agent slot | holds its files | settled | needs a person |",
            "| --- | --- | --- | --- | --- |",
            *(_meaning(state) for state in TaskState),
            "",
            "## Every change\n",
            "| from | event | to |",
            "| --- | --- | --- |",
            *_changes(),
            "",
        ]
    )


def _meaning(state: TaskState) -> str:
    marks = ("x" if state in group else "" for group in (HOLDS_SLOT, HOLDS_FOOTPRINT, SETTLED))
    return f"| {state} | {' | '.join([*marks, 'x' if state in STUCK else ''])} |"


def _changes() -> list[str]:
    return [
        f"| {source} | `{event.__struct_config__.tag}` | {' or '.join(found)} |"
        for (source, event), found in TRANSITIONS.items()
    ]


if __name__ == "__main__":
    print(as_document(), end="")
