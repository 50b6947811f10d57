"""Rules about what tasks say: prompts, titles, estimates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from agentdeck.core.plan import Task
from agentdeck.plans.lint.finding import Hit
from agentdeck.plans.lint.subject import Subject
from agentdeck.plans.problems import shown

SHORT_PROMPT: Final = 24  # characters; "fix the bug" tells an agent nothing that it can finish


def missing_prompt(subject: Subject) -> Iterator[Hit]:
    """An agent is told the title and nothing else."""
    for at, task in _for_agents(subject):
        if not task.prompt.strip():
            yield Hit(("task", at), "has no prompt; its agent is told only the title", _TELL)


def short_prompt(subject: Subject) -> Iterator[Hit]:
    """A prompt of a few words."""
    for at, task in _for_agents(subject):
        prompt = task.prompt.strip()
        if prompt and len(prompt) < SHORT_PROMPT and len(task.title.strip()) < SHORT_PROMPT:
            yield Hit(("task", at, "prompt"), f"is very short: {shown(prompt)}", _TELL)


_TELL: Final = "say in `prompt` what is to be done, where, and how one sees that it is done"


def _for_agents(subject: Subject) -> Iterator[tuple[int, Task]]:
    plan = subject.plan
    hands = {name for name, agent in plan.agent_by_name.items() if agent.use == "human"}
    for at, task in subject.active:
        if not task.human and plan.settings(task.id).agent not in hands:
            yield at, task


def duplicate_title(subject: Subject) -> Iterator[Hit]:
    """Two tasks with the same title: one of them is probably a copy."""
    titled: dict[str, list[tuple[int, Task]]] = defaultdict(list)
    for at, task in subject.active:
        if task.title.strip():
            titled[" ".join(task.title.casefold().split())].append((at, task))
    for same in titled.values():
        (_, first), *others = same
        for at, _ in others:
            yield Hit(
                ("task", at, "title"),
                f"is the title of {first.id} too: {shown(first.title)}",
                "give each its own title, or drop one of them",
            )


def missing_estimate(subject: Subject) -> Iterator[Hit]:
    """Tasks of unknown length: the forecast and the order of starting guess. Told once."""
    without = [("task", at) for at, task in subject.active if task.estimate_s is None]
    if not without:
        return
    whole = len(without) == len(subject.active)
    many = "no task has an" if whole else f"{_tasks(len(without))} no"
    where = "" if whole else subject.lines(without)
    yield Hit(
        without[0],
        f"{many} estimate{f' ({where})' if where else ''}; each counts as 15 minutes",
        "add `estimate`, also a rough one",
        also="counted",
    )


def _tasks(count: int) -> str:
    return "one task has" if count == 1 else f"{count} tasks have"
