"""What `msgspec` raises at bytes that are not what they should be.

Rules: whoever reads what another program wrote catches all of these, never `MsgspecError` alone.
Text that is no UTF-8 and brackets nested thousands deep are told with errors of Python itself.
"""

from __future__ import annotations

from typing import Final

import msgspec

UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

__all__ = ["UNREADABLE"]
