"""What the scripted agent writes and thinks: believable, and made up from its dice."""
# Importing pathlib would take as long as the rest of the start:
# ruff: noqa: PTH122

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agentdeck.testing.scripted.dice import Dice

THOUGHTS = (
    "Reading what is there before changing anything.",
    "The shape is clear: small functions, one file for each subject.",
    "The names in the neighbouring files suggest how to call this.",
    "One edge case first: an empty input.",
    "This could be simpler. Taking one level of nesting out.",
    "Checking it against the brief once more.",
)
TOOLS = (
    ("Grep", "def |class "),
    ("Read", "README.md"),
    ("Bash", "git log --oneline -5"),
    ("Glob", "**/*.py"),
    ("Bash", "sh tools/check.sh"),
)


def places(files: list[str], task: str, dice: Dice) -> list[str]:
    """One to three paths that the footprint covers."""
    if not files:
        return [f"work/{task}.md"]
    count = min(len(files), 1 + dice.below(3))
    first = dice.below(len(files))
    chosen = [files[(first + step) % len(files)] for step in range(count)]
    return list(dict.fromkeys(_concrete(pattern, _slug(task)) for pattern in chosen))


def _concrete(pattern: str, name: str) -> str:
    """A path that matches a pattern."""
    suffix = ".md" if pattern.startswith("docs") else ".py"
    parts = [part for part in pattern.split("/") if part]
    if pattern.endswith("/") or parts[-1] == "**":
        parts.append(name + suffix)
    made = [_without_wildcards(part, name) for part in parts if part != "**"]
    return "/".join(made)


def _without_wildcards(part: str, name: str) -> str:
    while "[" in part and "]" in part[part.index("[") :]:
        start = part.index("[")
        end = part.index("]", start)
        part = part[:start] + (part[start + 1 : end].lstrip("!")[:1] or "x") + part[end + 1 :]
    return part.replace("*", name).replace("?", "x")


def _slug(text: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in text.lower()).strip("_") or "task"


def content(path: str, task: str, lines: int, dice: Dice) -> str:
    """Text for a file, in the manner of its suffix."""
    name, suffix = _slug(task), os.path.splitext(path)[1]
    rows: list[str] = []
    while len(rows) < lines:
        number = dice.below(1000)
        if suffix == ".py":
            rows += [f"def {name}_{number}(value: int) -> int:", f"    return value + {number}", ""]
        elif suffix == ".md":
            rows += [f"## {task}, note {number}", "", str(dice.pick(THOUGHTS)), ""]
        elif suffix == ".sql":
            rows.append(f"-- {task}: step {number}")
        else:
            rows.append(f"{task} line {number}")
    # Python is not cut in the middle of a function.
    return "".join(f"{row}\n" for row in (rows if suffix == ".py" else rows[:lines]))
