"""Templates: a `Task: [ID]` block with steps is what is done for every task.

Rules:
- A code block that starts with `Task: [ID]` and lists steps is the prompt of each task without one;
  `[ID]` and `[Summary]` are filled in as far as they are known. The first such block counts.
- Its agent gives its model to tasks without a model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from agentdeck.plans.imports.draft import Draft
from agentdeck.plans.imports.markdown.blocks import Fence
from agentdeck.plans.imports.markdown.introductions import take_introduction
from agentdeck.plans.imports.markdown.page import Page
from agentdeck.plans.imports.markdown.placeholders import is_placeholder
from agentdeck.plans.imports.words import model_of

MAX_LINE: Final = 2000  # characters of a line that is looked at

_FIELD: Final = re.compile(r"([A-Za-z][A-Za-z _-]{0,30}):\s*(.*)")
_STEP: Final = re.compile(r"(?:\d{1,3}[.)]|[-*•])\s+(\S.*)")


class TaskTemplate(msgspec.Struct, frozen=True):
    """What is to be done for every task."""

    line: int
    fields: tuple[tuple[str, str], ...]
    steps: tuple[str, ...]


def read_template(lines: Sequence[str]) -> TaskTemplate | None:
    """The template of a task that a code block holds, or None. Linear in the text."""
    texts = [(at, line[:MAX_LINE].strip()) for at, line in enumerate(lines) if line.strip()]
    first = _FIELD.fullmatch(texts[0][1]) if texts else None
    if first is None or first[1].lower() not in ("task", "id", "task id"):
        return None
    if not is_placeholder(first[2]):
        return None
    fields: list[tuple[str, str]] = []
    steps: list[str] = []
    for _, text in texts:
        step, field = _STEP.fullmatch(text), _FIELD.fullmatch(text)
        if step is not None:
            steps.append(step[1])
        elif field is not None and field[2]:
            fields.append((field[1].lower(), field[2]))
    return TaskTemplate(texts[0][0], tuple(fields), tuple(steps)) if steps else None


def prompt_of(template: TaskTemplate, task_id: str, title: str) -> str:
    """The steps of a template, for one task: `[ID]` and `[Summary]` are filled in."""
    name = task_id or title
    head = f"Task {task_id}: {title}" if task_id and title not in ("", task_id) else f"Task {name}"
    steps = (
        f"{number}. {_filled(step, name, title if title != task_id else '')}"
        for number, step in enumerate(template.steps, 1)
    )
    return "\n".join([head, "", *steps])


_ID_SLOT: Final = re.compile(r"(?:TASK-)?\[ID\]|\{TASK[-_]?ID\}|<id>", re.IGNORECASE)
_TITLE_SLOT: Final = re.compile(r"\[(?:summary|title|name|description)\]", re.IGNORECASE)


def _filled(step: str, task_id: str, title: str) -> str:
    named = _ID_SLOT.sub(lambda _: task_id, step)
    return _TITLE_SLOT.sub(lambda _: title, named) if title else named


def read_templates(page: Page, draft: Draft) -> None:
    """The prompt template, for every task that has no prompt. For after every reader of tasks."""
    for section in page.sections():
        for at, block in enumerate(section.blocks):
            if not isinstance(block, Fence) or not page.free(block.line):
                continue
            template = read_template(block.lines)
            if template is not None:
                page.take_block(block)
                take_introduction(page, section, at)
                _apply(draft, template, block)
                return


def _apply(draft: Draft, template: TaskTemplate, block: Fence) -> None:
    without = [task for task in draft.tasks if not task.prompt]
    fields = dict(template.fields)
    model = next((found for text in fields.values() if (found := model_of(text))), None)
    for task in without:
        task.prompt = prompt_of(template, task.id, task.title)
        task.model = task.model or model
    said = f"the prompt of {len(without)} tasks, with {len(template.steps)} steps"
    draft.guessed(block.line, "task-template", said)
