"""Who may come in: a link that is good once, then a cookie.

Rules:
- A link carries a token of 256 bits and opens one browser. With it the token is used up, and there
  is another one for the next browser.
- A browser that came in is known by a secret in a cookie, as long as the server lives. At most
  `MAX_BROWSERS` are known; the one that came first is forgotten.
- A request has to name this server as its host, and a socket has to be opened by a page of this
  server: another site that the person looks at can do neither (DNS rebinding, cross-site sockets).
- A server that listens everywhere answers to every number, whatever port led there: rebinding needs
  a name of somebody's own. A page is its own there if it comes from where it calls.
"""

from __future__ import annotations

import hmac
import re
import secrets
import socket
from collections import deque
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

SECRET_BYTES: Final = 32
MAX_BROWSERS: Final = 16
_BRACKETED: Final = re.compile(r"\[([0-9a-fA-F:.]+)\](?::[0-9]+)?")


class Names:
    """What a server is called, and whose pages it serves."""

    def __init__(
        self, hosts: Iterable[str], origins: Iterable[str] = (), *, everywhere: bool = False
    ) -> None:
        """A server of these names.

        Args:
            hosts: the names, with the port, as a browser sends them.
            origins: of pages elsewhere that may use it, such as `http://localhost:3000`.
            everywhere: it listens on every address of this machine.
        """
        self._hosts = frozenset(hosts)
        self._origins = frozenset(origin.lower() for origin in origins)
        self._everywhere = everywhere

    def is_host(self, host: str) -> bool:
        """Is this what a browser calls this server?"""
        return host.lower() in self._hosts or (self._everywhere and _is_fixed(host))

    def is_origin(self, origin: str, host: str) -> bool:
        """May a page of this origin use it? One of this server, or one that was named.

        Args:
            origin: of the page.
            host: what the page calls this server.
        """
        scheme, _, of = origin.lower().partition("://")
        own = of in self._hosts or (of == host.lower() and self.is_host(host))
        return (scheme == "http" and own) or origin.lower() in self._origins


class Door(Names):
    """Knows the token of the moment and the browsers that came in."""

    def __init__(self, hosts: Iterable[str], *, everywhere: bool = False) -> None:
        """`hosts` are the names of this server, with the port, as a browser sends them."""
        super().__init__(hosts, everywhere=everywhere)
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

    def __init__(
        self,
        token: str,
        hosts: Iterable[str],
        origins: Iterable[str] = (),
        *,
        everywhere: bool = False,
    ) -> None:
        super().__init__(hosts, origins, everywhere=everywhere)
        self._token = token.encode()

    def fits(self, token: str) -> bool:
        """Is this the token? How long it takes says nothing."""
        return hmac.compare_digest(token.encode(errors="replace"), self._token)


def is_everywhere(host: str) -> bool:
    """Is this the address that stands for all of a machine?"""
    return ip_address(host.partition("%")[0]).is_unspecified


def names_of(host: str, port: int) -> tuple[str, ...]:
    """What a browser calls a server that listens there; the first one is for this machine."""
    named = f"[{host}]" if ":" in host else host
    names: tuple[str, ...] = (named,)
    if named in ("127.0.0.1", "[::1]"):
        names = (named, "localhost")
    elif is_everywhere(host):
        names = ("localhost", socket.gethostname().lower())
    return tuple(f"{name}:{port}" for name in names)


def _is_fixed(host: str) -> bool:
    """Is this, perhaps with a port, what nobody can make lead elsewhere?"""
    bracketed = _BRACKETED.fullmatch(host)
    name = bracketed[1] if bracketed else host.partition(":")[0]
    if name.lower() == "localhost":
        return True
    try:
        _ = ip_address(name)
    except ValueError:
        return False
    return True


def new_secret() -> str:
    """A secret of 256 bits, in letters that stand in an address and a header."""
    return secrets.token_urlsafe(SECRET_BYTES)


__all__ = ["MAX_BROWSERS", "Door", "Names", "TokenDoor", "is_everywhere", "names_of", "new_secret"]
