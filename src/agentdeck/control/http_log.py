"""What a server over HTTP writes down of its clients: nothing that they have sent.

Rules: a request that cannot be read, or a socket that asks for no protocol of ours, is written down
by the framework word for word, with the token or the cookie in it. Such lines are dropped: who sent
it is answered. A fault of our own is still written down.
"""

from __future__ import annotations

import logging
from typing import Final

from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.log import server_logger, ws_logger

QUOTING: Final = (server_logger, ws_logger)


def keep_quiet() -> None:
    """Let no log have what clients send, for the rest of the process."""
    for logger in QUOTING:
        logger.addFilter(_is_our_fault)  # one that is there already is not added again


def _is_our_fault(record: logging.LogRecord) -> bool:
    """Does a line tell of us, and not of what was sent?"""
    fault = record.exc_info[1] if record.exc_info else None
    return fault is not None and not isinstance(fault, HttpProcessingError)


__all__ = ["keep_quiet"]
