"""One message on its way: proxies, certificates, answers of every kind, and limits."""

from __future__ import annotations

import json
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from tests.engine.receiver import SECRET, VARIABLE, Received, receiving

from agentdeck.core import events as e
from agentdeck.core.event_names import ALIASES, fault_of
from agentdeck.core.events import Recorded, Verdict
from agentdeck.core.hook_urls import fault_of_url, is_loopback
from agentdeck.core.ids import GateName, TaskId
from agentdeck.core.plan import GateWhen, Webhook
from agentdeck.core.webhook_signature import signed
from agentdeck.engine.hook_command import Answer
from agentdeck.engine.hook_payload import payload
from agentdeck.engine.webhook import send
from agentdeck.testing.builders import plan, started

BODY = b'{"id":"run-1:7"}'


def sent(
    url: str, *, timeout_s: float = 5.0, environment: Mapping[str, str] | None = None
) -> Answer:
    hook = Webhook("ci", url, VARIABLE, timeout_s=timeout_s, insecure=True)
    given = {VARIABLE: SECRET} if environment is None else environment
    return send(hook, "run-1:7", BODY, environment=given, now=time.time())


@contextmanager
def answering(data: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server that says these bytes to whoever comes, and what it was told first."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            talker, _ = server.accept()
            with talker:
                heard.append(talker.recv(4096))
                with suppress(OSError):  # nobody reads it to its end
                    talker.sendall(data)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}", heard
        thread.join(5)


def test_a_message_is_taken_by_who_can_check_it() -> None:
    with receiving() as received:
        assert sent(f"{received.url}?a=1") == Answer(204)
    assert received.paths == ["/deck?a=1"]
    assert [said["id"] for said in received.told] == ["run-1:7"]


def test_another_secret_is_refused_by_the_receiver() -> None:
    with receiving() as received:
        assert sent(received.url, environment={VARIABLE: "other"}).fault == "answered 401"
    assert received.refused == ["the signature does not fit"]


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ((410, {}), Answer(410, "answered 410", final=True)),
        ((503, {"Retry-After": "120"}), Answer(503, "answered 503", 120.0)),
        ((429, {"Retry-After": "soon"}), Answer(429, "answered 429")),
        ((500, {"Retry-After": "120"}), Answer(500, "answered 500")),
        ((302, {"Location": "/x"}), Answer(302, "answered 302; redirects are not followed")),
    ],
)
def test_what_an_answer_means(said: tuple[int, dict[str, str]], answer: Answer) -> None:
    with receiving(Received(answers=[said])) as received:
        assert sent(received.url) == answer
    assert len(received.paths) == 1


def test_a_date_may_say_when_to_come_again() -> None:
    at = time.time() + 3_600
    said = {"Retry-After": formatdate(at, usegmt=True)}
    with receiving(Received(answers=[(503, said)])) as received:
        wait_s = sent(received.url).wait_s
    assert wait_s == pytest.approx(3_600, abs=30)


def test_a_proxy_is_asked_for_others_and_never_for_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with receiving() as proxy, receiving() as received:
        for name in ("http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert sent("http://hooks.invalid/deck?a=1") == Answer(204)
        assert sent(received.url) == Answer(204)
    assert proxy.paths == ["http://hooks.invalid/deck?a=1"]
    assert received.paths == ["/deck"]


def test_a_proxy_of_https_is_asked_for_a_tunnel(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(b"HTTP/1.1 502 no\r\n\r\n") as (place, heard):
        for name in ("https_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://{place}")
        assert "502" in sent("https://hooks.invalid/").fault
    assert heard[0].startswith(b"CONNECT hooks.invalid:443 ")


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate with")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    made = ("-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(cert), "-days", "1")
    subprocess.run([openssl, "req", "-x509", *made, *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            talker, _ = server.accept()
            with pytest.raises((ssl.SSLError, OSError)):
                context.wrap_socket(talker, server_side=True)

        thread = threading.Thread(target=answer)
        thread.start()
        answered = sent(f"https://localhost:{server.getsockname()[1]}/")
        thread.join(5)
    assert "CERTIFICATE_VERIFY_FAILED" in answered.fault


def test_an_endless_answer_is_read_no_further_than_its_beginning() -> None:
    with answering(b"HTTP/1.1 500 no\r\n\r\nfirst line\n" + b"x" * 5_000_000) as (place, _):
        assert sent(f"http://{place}/").fault == "answered 500: first line"


def test_what_is_no_http_is_a_failure_and_not_a_crash() -> None:
    with answering(b"\0\xff nonsense\r\n\r\n") as (place, _):
        assert sent(f"http://{place}/").fault.startswith("127.0.0.1: ")


def test_who_says_nothing_has_a_time_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        fault = sent(f"http://127.0.0.1:{port}/", timeout_s=0.3).fault
    assert fault == "127.0.0.1 has not answered within 0.3 s"


@pytest.mark.parametrize("value", ["", None])
def test_without_a_secret_nothing_is_sent(value: str | None) -> None:
    with receiving() as received:
        given = {} if value is None else {VARIABLE: value}
        assert "is not set: nothing was sent" in sent(received.url, environment=given).fault
        assert "nothing was sent" in sent(received.url, environment={VARIABLE: "whsec_?"}).fault
    assert received.paths == []


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("https://example.org/x", True),
        ("http://localhost:80/", True),
        ("http://127.1.2.3/", True),
        ("http://[::1]:80/", True),
        ("http://127.0.0.1.example.org/", False),
        ("http://localhost.example.org/", False),
        ("http://0177.0.0.1/", False),
        ("http://10.0.0.1/", False),
        ("HTTP://10.0.0.1/", False),
        ("https://u:p@example.org/", False),
        ("https://u@example.org/", False),
        ("https:///x", False),
        ("file:///etc/passwd", False),
        ("https://example.org:99999/", False),
        ("https://example.org/a b", False),
        ("https://example.org/\r\nX: y", False),
        ("", False),
    ],
)
def test_where_a_webhook_may_go(url: str, fine: bool) -> None:
    assert (fault_of_url(url) is None) is fine
    assert is_loopback("::1")


PAGE = (Path(__file__).parents[2] / "docs" / "hooks.md").read_text(encoding="utf-8")


def test_the_ten_lines_of_the_page_check_a_signature() -> None:
    """Who copies them believes what is right, and nothing else."""
    *_, lines = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    found: dict[str, Any] = {}
    exec(lines, found)
    for secret in (SECRET, "plain"):
        headers = signed(secret, "run-1:7", int(time.time()), BODY)
        assert found["verify"](secret, headers, BODY)
        assert not found["verify"](secret, headers, BODY + b" ")
        assert not found["verify"]("other", headers, BODY)
        late = signed(secret, "run-1:7", int(time.time()) - 400, BODY)
        assert not found["verify"](secret, late, BODY)


def test_the_events_of_the_page_are_events() -> None:
    section = PAGE.partition("## Events")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([a-z_]+\.[a-z_*]+)`", section)) - {"prefix.*"}
    wrong = {name for name in named if fault_of(name) is not None}
    assert wrong == {"hook.delivered", "hook.failed", "hook.gave_up"}
    assert set(ALIASES) <= named


def test_the_message_of_the_page_is_what_is_sent() -> None:
    run = started(plan("a"))
    event = e.GateFinished(
        GateName("unit"), GateWhen.TASK, "t", "c", 1, Verdict.FAILED, 1, 12.1, "l", "2 failed",
        TaskId("a"), 1,
    )  # fmt: skip
    said = payload(run.state, Recorded(118, 0.0, event))
    shown = json.loads(re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[0])
    assert list(shown) == list(said)
    assert list(shown["data"]) == list(said["data"])
    assert (shown["event"], shown["also"]) == (said["event"], said["also"])
    assert shown["text"].replace("STORE-1", "a") == said["text"]
