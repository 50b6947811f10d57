"""Sends one event to the address of a webhook, signed.

Rules:
- Only an answer of 2xx means that it was taken; redirects are not followed. 410 wants no other try,
  and what `Retry-After` of a 429 or 503 says is passed on.
- The whole of it has one time limit, which ends it from outside: a receiver that says a byte now
  and then ends with it, too. No more than `MAX_ANSWER` bytes of the answer are read.
- Certificates are checked. The proxy that the environment names is used, except for this machine.
- Without the secret nothing is sent: an unsigned message teaches its receiver to believe such.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from agentdeck import __version__
from agentdeck.core.hook_urls import is_loopback
from agentdeck.core.plan import Webhook
from agentdeck.core.webhook_signature import SignatureError, signed
from agentdeck.engine.hook_command import Answer

MAX_ANSWER: Final = 2_000  # bytes of the answer; its first line may say what is wrong
SAID_CHARS: Final = 200
GONE: Final = 410
LATER: Final = (429, 503)
MAX_DIGITS: Final = 9  # of seconds to wait; 30 years, and more says nothing


def send(
    hook: Webhook, id_: str, body: bytes, *, environment: Mapping[str, str], now: float
) -> Answer:
    """Send a message once; blocks until it is answered or its time is up.

    Args:
        hook: where to, and how.
        id_: of the message; the same each time it is sent.
        body: JSON.
        environment: holds the secret.
        now: seconds since the epoch.
    """
    secret = environment.get(hook.secret_env)
    if not secret:
        return Answer(0, f"the variable {hook.secret_env} is not set: nothing was sent")
    try:
        headers = signed(secret, id_, int(now), body)
    except SignatureError as fault:
        return Answer(0, f"{hook.secret_env}: {fault}: nothing was sent")
    headers["content-type"] = "application/json"
    headers["user-agent"] = f"agentdeck/{__version__}"
    headers["connection"] = "close"
    return _sent(hook, body, headers, now)


def _sent(hook: Webhook, body: bytes, headers: Mapping[str, str], now: float) -> Answer:
    url = urlsplit(hook.url)
    deadline = time.monotonic() + hook.timeout_s
    late = threading.Event()
    try:
        connection, path, more = _connection(url, hook.timeout_s)
    except (OSError, ValueError) as fault:
        return Answer(0, f"{url.hostname}: {fault}")

    def give_up() -> None:
        late.set()
        if connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    watch = threading.Timer(hook.timeout_s, give_up)
    watch.daemon = True
    watch.start()
    try:
        connection.connect()
        if late.is_set() or connection.sock is None:
            raise TimeoutError
        connection.sock.settimeout(max(0.01, deadline - time.monotonic()))
        connection.request("POST", path, body, {**headers, **more})
        answer = connection.getresponse()
        said = answer.read(MAX_ANSWER) if answer.status >= 300 else b""
        if late.is_set():  # a head that was cut off may look like a whole one
            raise TimeoutError
        return _judged(answer.status, answer.headers, said, now)
    except (OSError, ValueError, http.client.HTTPException) as fault:
        if late.is_set() or isinstance(fault, TimeoutError):
            return Answer(0, f"{url.hostname} has not answered within {hook.timeout_s:g} s")
        return Answer(0, f"{url.hostname}: {str(fault) or type(fault).__name__}")
    finally:
        watch.cancel()
        connection.close()


def _judged(status: int, headers: Message, said: bytes, now: float) -> Answer:
    if 200 <= status < 300:
        return Answer(status)
    lines = said.decode(errors="replace").strip().splitlines()
    words = f": {lines[0][:SAID_CHARS]}" if lines else ""
    if 300 <= status < 400:
        words = "; redirects are not followed"
    wait_s = _retry_after(headers.get("retry-after", ""), now) if status in LATER else None
    return Answer(status, f"answered {status}{words}", wait_s, final=status == GONE)


def _retry_after(said: str, now: float) -> float | None:
    """Seconds, from a number of them or a date; None = nothing that can be understood."""
    said = said.strip()
    if said.isascii() and said.isdigit() and len(said) <= MAX_DIGITS:
        return float(said)
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _connection(
    url: SplitResult, timeout_s: float
) -> tuple[http.client.HTTPConnection, str, dict[str, str]]:
    """A connection that is not open yet, what is asked of it, and headers for a proxy."""
    host, port = url.hostname or "", url.port
    secure = url.scheme == "https"
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    proxy = _proxy_for(url)
    if proxy is None:
        return _to(host, port, secure=secure, timeout_s=timeout_s), path, {}
    at = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if at.scheme != "http" or not at.hostname:
        raise ValueError(f"the proxy {at.scheme}://{at.hostname} is none of http")
    if not secure:
        plain = http.client.HTTPConnection(at.hostname, at.port or 80, timeout=timeout_s)
        return plain, url._replace(fragment="").geturl(), {}
    tunnel = http.client.HTTPSConnection(
        at.hostname, at.port or 80, timeout=timeout_s, context=ssl.create_default_context()
    )
    tunnel.set_tunnel(host, port or 443)
    return tunnel, path, {}


def _to(
    host: str, port: int | None, *, secure: bool, timeout_s: float
) -> http.client.HTTPConnection:
    if not secure:
        return http.client.HTTPConnection(host, port, timeout=timeout_s)
    context = ssl.create_default_context()
    return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=context)


def _proxy_for(url: SplitResult) -> str | None:
    host = url.hostname or ""
    if is_loopback(host) or proxy_bypass(host):
        return None
    return getproxies().get(url.scheme)


__all__ = ["send"]
