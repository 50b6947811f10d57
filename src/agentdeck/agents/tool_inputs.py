"""What a tool call is about: its target in a few words, the files it edits, how much it changes.

Rules:
- Agents name the same things differently (`file_path`, `filePath`), so keys and tools of all of
  them stand in one place.
- A path below the agent's folder is told from there. What could not be told exactly is no path.
- Nothing here trusts its input: other types than expected read as empty.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from typing import Any, Final

from agentdeck.agents.json_line import list_of, text_of
from agentdeck.agents.one_line import one_line
from agentdeck.agents.reports import (
    ACTIVITY_CHARS,
    MAX_ITEMS,
    MAX_PATHS,
    PATH_CHARS,
    PlanItem,
    Planned,
    Touched,
)

# Keys of a tool's input that name what it works on, the most telling one first.
PATHS: Final = ("file_path", "notebook_path", "filePath", "filepath", "absolute_path", "path")
_OTHERS: Final = ("command", "cmd", "pattern", "url", "query", "skill", "description", "prompt")
EDITORS: Final = frozenset(
    "write edit multiedit notebookedit write_file replace patch apply_patch".split(" ")
)
PATCHES: Final = ("patchText", "patch", "input")  # keys of a patch that names its files itself
_PATCHED: Final = re.compile(r"^\*\*\* (?:Add|Update|Delete) File: ([^\n]+)$", re.MULTILINE)
TODO_TOOLS: Final = frozenset("todowrite write_todos update_plan".split(" "))
_TODO_TEXTS: Final = ("content", "text", "description", "step")
_ACTIVE: Final = frozenset(("in_progress", "active"))
_DONE: Final = frozenset(("completed", "done"))


def below(path: str, root: str) -> str:
    """`path` as it is seen from the folder `root`, or as it is when it lies elsewhere."""
    if "//" in path or "/." in path:
        path = posixpath.normpath(path)
    return path.removeprefix(root.rstrip("/") + "/").removeprefix("./") if root else path


def touched(paths: Iterable[str], root: str) -> list[Touched]:
    """The report that these files are edited, or none where none can be told exactly."""
    seen = (below(path, root) for path in paths if path.isprintable())
    kept = list(dict.fromkeys(path for path in seen if 0 < len(path) <= PATH_CHARS))
    return [Touched(tuple(kept[:MAX_PATHS]))] if kept else []


def edited_by(name: str, given: dict[str, Any], root: str) -> list[Touched]:
    """The report of the files that a call edits; none for a tool that edits nothing."""
    if name.lower() not in EDITORS:
        return []
    paths = [text_of(given, key) for key in PATHS]
    for key in PATCHES:
        paths += _PATCHED.findall(text_of(given, key))
    return touched(paths, root)


def target_of(given: dict[str, Any], root: str) -> str:
    """What a call works on, one line; a path below `root` is shown from there."""
    for key in PATHS:
        if path := text_of(given, key):
            return one_line(below(path, root), ACTIVITY_CHARS)
    for key in _OTHERS:
        if said := text_of(given, key):
            return one_line(said, ACTIVITY_CHARS)
    return ""


def size_of_edit(name: str, given: dict[str, Any]) -> str:
    """The lines an edit adds and takes away, as `+3 −1`; "" where that is not known."""
    if name.lower() in {"write", "write_file"}:
        return size_of_change("", text_of(given, "content"))
    if name.lower() not in EDITORS:
        return ""
    added = removed = 0
    for edit in list_of(given, "edits") or [given]:
        old = text_of(edit, "old_string") or text_of(edit, "oldString")
        new = text_of(edit, "new_string") or text_of(edit, "newString")
        plus, minus = changed_lines(old, new)
        added, removed = added + plus, removed + minus
    return f"+{added} −{removed}" if added or removed else ""


def size_of_change(old: str, new: str) -> str:
    """How many lines differ between two texts, as `+3 −1`."""
    added, removed = changed_lines(old, new)
    return f"+{added} −{removed}"


def changed_lines(old: str, new: str) -> tuple[int, int]:
    """Lines added and taken away, without those that both texts begin and end with. Linear."""
    before, after = old.splitlines(), new.splitlines()
    shorter = min(len(before), len(after))
    head = 0
    while head < shorter and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < shorter - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    return len(after) - head - tail, len(before) - head - tail


def todo_list(name: str, given: dict[str, Any]) -> list[Planned]:
    """The report of the list that a call of a to-do tool writes; none for other tools."""
    if name.lower() not in TODO_TOOLS:
        return []
    for key in ("todos", "plan"):
        if isinstance(given.get(key), list):
            return [planned(given[key])]
    return []


def planned(items: list[Any]) -> Planned:
    """A to-do list of any agent. What was dropped from it is not shown."""
    found = []
    for item in items[:MAX_ITEMS]:
        text = next((text_of(item, key) for key in _TODO_TEXTS if text_of(item, key)), "")
        status = text_of(item, "status")
        if not text or status == "cancelled":
            continue
        said = one_line(text, ACTIVITY_CHARS)
        if status in _DONE or item.get("completed") is True:
            found.append(PlanItem(said, "done"))
        else:
            found.append(PlanItem(said, "active" if status in _ACTIVE else "pending"))
    return Planned(tuple(found))
