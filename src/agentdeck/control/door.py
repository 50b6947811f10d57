"""Who may come in: a link that is good once, then a cookie.

Rules:
- A link carries a token of 256 bits and opens one browser. With it the token is used up, and there
  is another one for the next browser.
- A browser that came in is known by a secret in a cookie, as long as the server lives. At most
  `MAX_BROWSERS` are known; the one that came first is forgotten.
- A request has to name this server as its host, and a socket has to be opened by a page of this
  server: another site that the person looks at can do neither (DNS rebinding, cross-site sockets).
"""

from __future__ import annotations

import hmac
import secrets
from collections import deque
from collections.abc import Iterable
from typing import Final

SECRET_BYTES: Final = 32
MAX_BROWSERS: Final = 16


class Names:
    """What a server is called, and whose pages it serves."""

    def __init__(self, hosts: Iterable[str], origins: Iterable[str] = ()) -> None:
        """A server of these names.

        Args:
            hosts: the names, with the port, as a browser sends them.
            origins: of pages elsewhere that may use it, such as `http://localhost:3000`.
        """
        self._hosts = frozenset(hosts)
        self._origins = frozenset(origin.lower() for origin in origins)

    def is_host(self, host: str) -> bool:
        """Is this what a browser calls this server?"""
        return host.lower() in self._hosts

    def is_origin(self, origin: str) -> bool:
        """May a page of this origin use it? One of this server, or one that was named."""
        scheme, _, host = origin.partition("://")
        return (scheme == "http" and self.is_host(host)) or origin.lower() in self._origins


class Door(Names):
    """Knows the token of the moment and the browsers that came in."""

    def __init__(self, hosts: Iterable[str]) -> None:
        """`hosts` are the names of this server, with the port, as a browser sends them."""
        super().__init__(hosts)
        self._browsers: deque[str] = deque(maxlen=MAX_BROWSERS)
        self.token = new_secret()

    def enter(self, token: str) -> str | None:
        """The secret for a browser that brings the token of the moment; None = it is another."""
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            return None
        self.token = new_secret()
        secret = new_secret()
        self._browsers.append(secret)
        return secret

    def knows(self, secret: str) -> bool:
        """Did a browser with this secret come in?"""
        given = secret.encode()
        found = [hmac.compare_digest(given, known.encode()) for known in self._browsers]
        return any(found)  # all are compared: how long it takes says nothing


class TokenDoor(Names):
    """Lets in whoever brings the token, as often as they come."""

    def __init__(self, token: str, hosts: Iterable[str], origins: Iterable[str] = ()) -> None:
        super().__init__(hosts, origins)
        self._token = token.encode()

    def fits(self, token: str) -> bool:
        """Is this the token? How long it takes says nothing."""
        return hmac.compare_digest(token.encode(errors="replace"), self._token)


def names_of(host: str, port: int) -> tuple[str, ...]:
    """What a browser calls a server that listens there."""
    named = f"[{host}]" if ":" in host else host
    names = (named, "localhost") if named in ("127.0.0.1", "[::1]") else (named,)
    return tuple(f"{name}:{port}" for name in names)


def new_secret() -> str:
    """A secret of 256 bits, in letters that stand in an address and a header."""
    return secrets.token_urlsafe(SECRET_BYTES)


__all__ = ["MAX_BROWSERS", "Door", "Names", "TokenDoor", "names_of", "new_secret"]
