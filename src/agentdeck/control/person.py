"""Who sits in front of this face, for the journal and for commits."""

from __future__ import annotations

import getpass
import os
from typing import Final

SOMEBODY: Final = "you"  # where the machine knows no name
MAX_NAME: Final = 60  # characters; it stands in sentences and trailers


def who() -> str:
    """The name of the person: AGENTDECK_USER, or the one they are logged in under."""
    named = os.environ.get("AGENTDECK_USER", "").strip()
    if not named:
        try:
            named = getpass.getuser()
        except (OSError, KeyError):  # no such user, as in some containers
            named = ""
    clean = "".join(c for c in named if c.isprintable())
    return clean[:MAX_NAME] or SOMEBODY
