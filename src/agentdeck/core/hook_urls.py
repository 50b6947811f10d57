"""Where a webhook may go: over https, and over plain http only to this machine.

Rules: an address holds no password and no token; what is signed with stands in the environment.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

MAX_URL = 2_000  # characters, as many programs take


def is_loopback(host: str) -> bool:
    """Is it this machine, whatever a resolver says?"""
    if host.lower() in ("localhost", "ip6-localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def fault_of_url(text: str, *, insecure: bool = False) -> str | None:
    """Why nothing is sent to this address, or None."""
    try:
        url = urlsplit(text)
        host, _ = url.hostname, url.port
    except ValueError:
        return "it is no address"
    if url.scheme not in ("http", "https") or not host or len(text) > MAX_URL:
        return "it is no address that begins with https://"
    if any(not "!" <= letter <= "~" for letter in text):
        return "it has a character that stands in no address"
    if url.username is not None or url.password is not None:
        return "it has a user or a password in it, which the plan should not know"
    if url.scheme == "http" and not insecure and not is_loopback(host):
        return "it is plain http to another machine, where everybody on the way can read it"
    return None


__all__ = ["fault_of_url", "is_loopback"]
