"""`agentdeck cluster` and `agentdeck worker`: what they refuse, and that they work together."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import psutil
import pytest

from agentdeck.cli.app import main
from agentdeck.core.errors import EXIT_ENVIRONMENT, EXIT_NOT_FOUND, EXIT_OK, EXIT_USAGE
from agentdeck.testing.clustered import Cluster

pytest.importorskip("distributed")


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("CA", "CERT", "KEY"):
        monkeypatch.delenv(f"AGENTDECK_TLS_{name}", raising=False)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("cluster start --host 0.0.0.0", "plain tcp to another machine"),
        ("cluster start --tls-ca no.pem", "there is no --tls-cert"),
        ("cluster start --tls-ca a --tls-cert b --tls-key c", "cannot be read"),
        ("worker join tcp://10.0.0.1:8786 --pool big=1", "plain tcp to another machine"),
        ("worker join tls://10.0.0.1:8786 --pool big=1", "there is no --tls-ca"),
        ("worker join nonsense --pool big=1", "is no address of a scheduler"),
        ("worker join tcp://127.0.0.1:1", "no --pool is named"),
        ("worker join tcp://127.0.0.1:1 --pool big", "is not NAME=SLOTS"),
        ("worker join tcp://127.0.0.1:1 --pool big=0", "slots are 1 to"),
        ("worker join tcp://127.0.0.1:1 --pool ../x=1", "is not NAME=SLOTS"),
        ("worker join tcp://127.0.0.1:1 --pool big=1 --name a/b", "--name a/b"),
    ],
)
def test_what_is_not_safe_or_not_said_is_refused(
    line: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(line.split()) == EXIT_USAGE
    assert words in capsys.readouterr().err


def test_without_a_scheduler_each_verb_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cluster", "stop"]) == EXIT_NOT_FOUND
    assert main(["cluster", "status"]) == EXIT_NOT_FOUND
    assert "agentdeck cluster start" in capsys.readouterr().err


def test_a_cluster_is_started_joined_looked_at_and_ended_over_tls(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Certificates on both ends; who has none of the authority is not let in."""
    files = certificates(tmp_path)
    tls = [f"--tls-{name}={file}" for name, file in files.items()]
    assert main(["cluster", "start", "--port=0", *tls]) == EXIT_OK
    address = capsys.readouterr().out.strip()
    assert address.startswith("tls://127.0.0.1:")
    assert main(["cluster", "start", "--port=0", *tls]) == EXIT_ENVIRONMENT
    cluster = Cluster(tmp_path / "cluster", address=address)
    try:
        cluster.start_worker("w1", 3, *tls)
        capsys.readouterr()
        assert main(["cluster", "status", "--json"]) == EXIT_OK
        (worker,) = json.loads(capsys.readouterr().out)["workers"]
        noted = json.loads((tmp_path / "state/agentdeck/cluster/scheduler.json").read_text())
        assert heard_at(cluster.workers["w1"].pid) | heard_at(noted["pid"]) == {"127.0.0.1"}
        assert (worker["name"], worker["slots"]) == ("w1", {"big": 3})
        assert str(worker["address"]).startswith("tls://")
        strangers = certificates(tmp_path / "strangers")
        with pytest.MonkeyPatch.context() as stranger:
            for name, file in strangers.items():
                stranger.setenv(f"AGENTDECK_TLS_{name.upper()}", str(file))
            assert main(["cluster", "status", address]) == EXIT_ENVIRONMENT
    finally:
        cluster.close()
        assert main(["cluster", "stop"]) == EXIT_OK


def heard_at(pid: int) -> set[str]:
    """The addresses at which a process listens."""
    sockets = psutil.Process(pid).net_connections()
    return {one.laddr.ip for one in sockets if one.status == psutil.CONN_LISTEN}


def certificates(place: Path) -> dict[str, Path]:
    """An authority, and one certificate of it with its key; skips where nobody can make them."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    place.mkdir(exist_ok=True)
    files = {name: place / f"{name}.pem" for name in ("ca", "cert", "key")}
    openssl = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    words = ["-subj", "/CN=test", "-keyout", str(files["key"]), "-out", str(files["cert"])]
    subprocess.run([*openssl, *words], check=True, capture_output=True)
    files["ca"].write_bytes(files["cert"].read_bytes())
    return files
