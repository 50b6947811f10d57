"""What a document without a title is called: its file, or the folder that names the feature."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

from agentdeck.core.ids import slug
from agentdeck.plans.fields import one_line

MAX_NAME: Final = 80  # characters

_SAYS_NOTHING: Final = frozenset(
    "tasks issues beads prd plan queue work-queue todo specs changes openspec formula kiro "
    "taskmaster src".split()
)


def name_of(file: str, *titles: str) -> str:
    """The first title that says something, else the file's name, else that of its folder."""
    for title in titles:
        if said := one_line(title)[:MAX_NAME].strip():
            return said
    path = PurePosixPath(re.sub(r"[\\/]+", "/", file))
    parts = [path.name.split(".")[0] or path.stem, *reversed(path.parts[:-1])]
    words = [slug(part.strip(".")) for part in parts if re.search(r"[A-Za-z0-9]", part)]
    return next(
        (word for word in words if word not in _SAYS_NOTHING), words[0] if words else "plan"
    )
