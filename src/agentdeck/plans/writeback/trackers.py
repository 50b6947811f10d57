"""The fields of `tasks.json`, beads' issues, `prd.json` and Yardlet's queue that say what is done.

Rules:
- A table is found by its place: the importer reads the document with each table on a line of its
  own, so the line it names is the table.
- A status that says it already, in whatever word, stays. What the document calls done is never
  taken back.
- A task of Task Master that only holds subtasks is done with the last of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from agentdeck.core.plan import Task
from agentdeck.plans.writeback.json_nodes import (
    Edit,
    Node,
    joined,
    set_value,
    tables,
    value_of,
)
from agentdeck.plans.writeback.marks import Mark, Standing
from agentdeck.plans.writeback.wanted import Asked, Edits, says

_TASKMASTER: Final = {
    Standing.WORKING: "in-progress",
    Standing.BLOCKED: "blocked",
    Standing.DONE: "done",
}
_BEADS: Final = {
    Standing.WORKING: "in_progress",
    Standing.BLOCKED: "blocked",
    Standing.DONE: "closed",
}
_YARDLET: Final = {
    Standing.WORKING: "running",
    Standing.BLOCKED: "blocked",
    Standing.DONE: "done",
}
_PLAIN: Final = re.compile(r"""(["']?)([A-Za-z][A-Za-z0-9 _-]*)\1\Z""")


def one_table_a_line(text: str) -> str:
    """The same JSON, with the table of index n beginning on line n + 2. O(n)."""
    parts = []
    at = 0
    for node in tables(text):
        parts.append(text[at : node.start].replace("\n", "\r"))  # white space as good as any
        at = node.start
    return "\n".join([*parts, text[at:].replace("\n", "\r")])


def _node_of(nodes: Sequence[Node], task: Task) -> Node | None:
    at = -1 if task.line is None else task.line - 2
    return nodes[at] if 0 <= at < len(nodes) else None


def in_taskmaster(asked: Asked) -> Edits:
    """`status`, `agent_id` and `completed_at`."""
    edits = Edits()
    nodes = tables(asked.text)
    for task in asked.tasks:
        mark, node = asked.marks.get(task.id), _node_of(nodes, task)
        if mark is not None and node is not None:
            about = (("agent_id", mark.agent), ("completed_at", mark.done_at))
            edits.by_task[task.id] = _status(asked, task, node, _TASKMASTER, about)
    if any(edits.by_task.values()):
        edits.groups = _groups(asked, nodes)
    return edits


def _status(
    asked: Asked,
    task: Task,
    node: Node,
    words: Mapping[Standing, str],
    about: Sequence[tuple[str, str | None]],
) -> list[Edit]:
    """The edits of one table: its status, and more about it where that changes or is missing."""
    mark, text = asked.marks[task.id], asked.text
    done = mark.standing is Standing.DONE
    if asked.is_done(task) and not done:
        return []
    now = value_of(text, node, "status")
    stays = asked.is_done(task) or (isinstance(now, str) and says(now, mark.standing))
    edits = [] if stays else [set_value(text, node, "status", words[mark.standing])]
    for name, value in about:
        if value is not None and not (done and stays and value_of(text, node, name)):
            edits.append(set_value(text, node, name, value))
    return joined(edits)


def _groups(asked: Asked, nodes: Sequence[Node]) -> list[Edit]:
    """Edits of the tables that are no tasks, and whose subtasks are all done."""
    done: dict[int, str] = {}  # index of a table -> when
    tasks: set[int] = set()
    for task in asked.tasks:
        if task.line is None:
            continue
        tasks.add(task.line - 2)
        if asked.will_be_done(task):
            mark = asked.marks.get(task.id, Mark(Standing.DONE))
            done[task.line - 2] = mark.done_at or ""
    below: dict[int, list[int]] = {}
    for index, node in enumerate(nodes):
        around = nodes[node.parent].members.get("subtasks") if node.parent >= 0 else None
        if around is not None and around.start < node.start < around.end:
            below.setdefault(node.parent, []).append(index)
    edits: list[Edit] = []
    for index in reversed(below):  # inner ones first
        if index not in tasks and all(child in done for child in below[index]):
            done[index] = max(done[child] for child in below[index])
            edits += _group(asked.text, nodes[index], done[index])
    return edits


def _group(text: str, node: Node, when: str) -> list[Edit]:
    now = value_of(text, node, "status")
    if not when or (isinstance(now, str) and says(now, Standing.DONE)):
        return []
    return joined(
        [
            set_value(text, node, "status", _TASKMASTER[Standing.DONE]),
            set_value(text, node, "completed_at", when),
        ]
    )


def in_beads(asked: Asked) -> Edits:
    """`status`, `assignee` and `closed_at`; each issue has a line of its own.

    An issue that somebody has already stays theirs.
    """
    first: dict[int, Node] = {}
    line, at = 1, 0
    for node in tables(asked.text):
        line += asked.text.count("\n", at, node.start)
        at = node.start
        first.setdefault(line, node)
    edits = Edits()
    for task in asked.tasks:
        mark, found = asked.marks.get(task.id), first.get(task.line or 0)
        if mark is not None and found is not None:
            whose = value_of(asked.text, found, "assignee")
            claim = (("assignee", mark.agent),) if whose in (None, "") else ()
            about = (*claim, ("closed_at", mark.done_at))
            edits.by_task[task.id] = _status(asked, task, found, _BEADS, about)
    return edits


def in_prd(asked: Asked) -> Edits:
    """`passes`."""
    edits = Edits()
    nodes = tables(asked.text)
    for task in asked.tasks:
        mark, node = asked.marks.get(task.id), _node_of(nodes, task)
        if mark is not None and node is not None:
            set_it = mark.standing is Standing.DONE and not asked.is_done(task)
            found = [set_value(asked.text, node, "passes", value=True)] if set_it else []
            edits.by_task[task.id] = joined(found)
    return edits


def in_yardlet(asked: Asked) -> Edits:
    """`state`, where it is there as a plain word."""
    edits = Edits()
    for task, node in zip(asked.tasks, _yaml_tasks(asked.text), strict=False):
        mark, place = asked.marks.get(task.id), _yaml_state(asked.text, node)
        if mark is None or place is None:
            continue
        start, end, quote, word = place
        stays = asked.is_done(task) or says(word, mark.standing)
        new = f"{quote}{_YARDLET[mark.standing]}{quote}"
        edits.by_task[task.id] = [] if stays else [Edit(start, end, new)]
    return edits


def _yaml_tasks(text: str) -> list[Any]:
    """The nodes of the tasks, in their order. The text has been read, and weighed, before."""
    import yaml

    # the importer's loader: the two of them do not take the same texts
    root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    tasks = [value for key, value in pairs if key.value == "tasks"]
    return tasks[0].value if tasks and isinstance(tasks[0], yaml.SequenceNode) else []


def _yaml_state(text: str, node: Any) -> tuple[int, int, str, str] | None:
    """Where the state stands, its quotes and its word. None for an alias, or a long way of it."""
    pairs = node.value if isinstance(node.value, list) else []
    for name in ("state", "status"):
        for key, value in pairs:
            start, end = value.start_mark.index, value.end_mark.index
            found = _PLAIN.match(text[start:end]) if key.value == name else None
            same_line = key.end_mark.line == value.start_mark.line
            if found is not None and same_line and found[2] == value.value:
                return start, end, found[1], found[2]
    return None


WRITERS: Final[dict[str, Callable[[Asked], Edits]]] = {
    "taskmaster": in_taskmaster,
    "beads": in_beads,
    "prd": in_prd,
    "yardlet": in_yardlet,
}
