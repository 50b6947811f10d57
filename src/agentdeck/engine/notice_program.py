"""Sends one message to a person, by apprise: a program of its own, which reads it on its input.

    python -I notice_program.py VARIABLE < message.json

Rules:
- The variable holds where to: addresses of apprise, one a line or with spaces between. They have
  passwords in them, so none is printed: only the kinds of those that failed are.
- All are known before the first is tried, and all are tried. It exits with 0 when each was sent,
  `PARTLY` when some were, 1 when none was, 2 when it cannot be tried.
- A program of its own, as apprise and what it sends with would stay in the engine for ever.
"""

import json
import logging
import os
import sys
from typing import Final

PARTLY: Final = 3
MISSING: Final = 'apprise is not installed: pip install "agentdeck[notify]"'


def main(variable: str) -> int:
    """Send what stands on the input; the exit status."""
    try:
        import apprise
    except ImportError:
        return _said(MISSING)
    said = json.load(sys.stdin)
    addresses = os.environ.get(variable, "").split()
    if not addresses:
        return _said(f"the variable {variable} is not set: nothing was sent")
    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it would name the addresses
    places = []
    for number, address in enumerate(addresses, start=1):
        place = apprise.Apprise()
        if not place.add(address):
            return _said(f"address {number} in {variable} is none that apprise knows")
        places.append(place)
    failed = []
    for number, place in enumerate(places, start=1):
        sent = place.notify(
            title=said["title"],
            body=said["text"],
            notify_type=apprise.NotifyType(said["kind"]),
            body_format=apprise.NotifyFormat.TEXT,
        )
        if not sent:
            failed.append(f"{place[0].service_name} (address {number} in {variable})")
    if not failed:
        return 0
    print("not sent by", ", ".join(failed))
    return PARTLY if len(failed) < len(places) else 1


def _said(words: str) -> int:
    print(words)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
