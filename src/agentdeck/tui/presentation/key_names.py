"""How keys are called in sentences: as the person has them, whatever was shipped.

Rules: a sentence names a key by its id; `{task.retry}` in a text stands for its name. A key that
has none is reached from the palette, and that is what is said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

NO_KEY: Final = "—"  # how the table shows a key that has none
_WORDS: Final = {NO_KEY: "the palette", "␣": "space", "⏎": "enter", "⇥": "tab"}
_NAMED: Final = re.compile(r"\{([a-z]+\.[a-z_]+)\}")


def spoken(show: str) -> str:
    """A key in a sentence, by how it is shown: the first of several, blanks in letters."""
    first = show.split(maxsplit=1)[0] if show.split() else NO_KEY
    return _WORDS.get(first, first)


def in_words(text: str, shows: Mapping[str, str]) -> str:
    """A text with the names of its keys.

    Args:
        shows: by id, how keys are shown. What names none is left as it is: it may be a person's.
    """
    return _NAMED.sub(
        lambda found: spoken(shows[found[1]]) if found[1] in shows else found[0], text
    )


@cache
def shipped_shows() -> dict[str, str]:
    """How each key is shown where nobody has changed it."""
    from agentdeck.tui.keys import KEYS  # the table needs the deck, and sentences of the deck this

    return {key.id: key.show for key in KEYS}


__all__ = ["NO_KEY", "in_words", "shipped_shows", "spoken"]
