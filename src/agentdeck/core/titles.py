"""The title of a task as it stands beside its id: what the id has said already is not said twice.

Titles that were imported often begin with the id (`AUTH-001: Log in`); beside the id that is the
same again, and in a narrow column nothing else.
"""

from __future__ import annotations

from typing import Final

_PARTS: Final = " :.·-–—|"  # what stands between an id and the title behind it


def beside_id(task_id: str, title: str) -> str:
    """The title without the id in front; empty where that is all of it."""
    rest = title.removeprefix(task_id)
    if rest == title or (rest and rest[0] not in _PARTS):
        return title
    return rest.lstrip(_PARTS)
