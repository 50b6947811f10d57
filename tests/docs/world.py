"""A home with a repository in it, and two runs of its plan: what the lines of the docs act on.

Rules:
- Names that the docs use stand for what is here: `RUN` and `RUN_B` are a run that is complete,
  `RUN_A` the one before it; `plan.toml` is a plan with the tasks T-1 to T-4, `PLAN.md` a document.
  So do addresses, ports and ids: see `named`. A request of a tracker is in the file `request`, and
  `$TOKEN` is what `agentdeck bridge` has printed.
- Where the machine has not a program that a page names, the rest of the page is only parsed.
- Agents are scripted. `claude` and `codex` on PATH are those, speaking as the real ones do; so
  are `gh` and `glab`. `pip` is that of this environment, which has all, without a network.
- A line is carried out in this process where it is agentdeck alone, else by `sh`. Nothing is a
  terminal. One that serves goes on until the next block that serves, or the end of the page, and
  then gets what Ctrl-C sends: see `servers.py`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Final
from unittest import mock

from tests.cli.conftest import end_run
from tests.docs import live_run
from tests.docs.lines import commands_of, is_plain
from tests.docs.receiver import Receiver
from tests.docs.servers import Servers

from agentdeck.cli.app import main
from agentdeck.control.runs import fold_run, list_runs, newest_run
from agentdeck.control.scratch_repo import make_repo
from agentdeck.core.errors import DeckError
from agentdeck.core.explain import standstill
from agentdeck.engine.folders import RunFolder, runs_root
from agentdeck.testing.scripted_tracker import install as install_tracker
from agentdeck.testing.settling import settle

LINE_S: Final = 60.0  # for one line; the longest runs a plan of four tasks
PLAN: Final = """\
version = 1
[plan]
name = "Shop: sessions"
agents = 4
[defaults]
agent = "claude"
[gates.unit]
run = "test -f README.md"
when = ["task", "merge"]
[[task]]
id = "T-1"
title = "Write the migration of sessions"
prompt = "! write src/shop/session.py 12"
files = ["src/shop/"]
estimate = "20min"
[[task]]
id = "T-2"
title = "Describe sessions"
prompt = "! write docs/sessions.md 6"
after = ["T-1"]
files = ["docs/*.md"]
estimate = "10min"
[[task]]
id = "T-3"
title = "Expire sessions"
prompt = "! write src/shop/expiry.py 9"
after = ["T-1"]
files = ["src/shop/"]
estimate = "30min"
[[task]]
id = "T-4"
title = "Test sessions"
prompt = "! write tests/test_sessions.py 9"
after = ["T-2", "T-3"]
files = ["tests/"]
estimate = "20min"
"""
DOCUMENT: Final = """\
# Plan

## Phase 1: Groundwork

| ID | Task | Duration | Dependencies |
| --- | --- | --- | --- |
| T-1 | Write the migration | 20min | None |
| T-2 | Describe it | 10min | T-1 |
"""
_STAND_IN: Final = """\
#!/bin/sh
exec {python} -m agentdeck.testing.scripted_agent --speak {voice} "$@"
"""
_SHIM: Final = """\
#!/bin/sh
exec {python} -m agentdeck "$@"
"""
_PIP: Final = """\
#!/bin/sh
exec {python} -m pip "$@"
"""
ISSUES: Final = (
    {"number": 12, "title": "Log in with a passkey", "body": "Do it.", "labels": ["ready"]},
    {"number": 13, "title": "Log out", "body": "Blocked by #12", "labels": ["ready"]},
)
_PROPOSAL: Final = re.compile(r"\b3f2a91c0\b")  # the id that the docs give one
_PORT: Final = re.compile(r"(?<=--port )\d+|(?<=127\.0\.0\.1:)\d+")


def _git(repo: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=repo, capture_output=True, text=True, check=True)
    return done.stdout


@dataclass(frozen=True)
class Done:
    """What came of a line."""

    code: int
    out: str
    err: str


class World:
    """The place, and somebody who types in it."""

    def __init__(self, home: Path, variables: Mapping[str, str]) -> None:
        self.home = home
        self.repo = home / "src" / "shop"
        self.folder = self.repo
        self.variables = dict(variables)
        self.servers = Servers(home)
        self.receiver = Receiver()
        self.ports: dict[str, str] = {}
        self.lacks = False  # a program that the page has named
        self.market: Path | None = None  # of the run that goes on
        self._programs()
        self.repo.mkdir(parents=True)
        files = {"README.md": "# Shop\n", "plan.toml": PLAN, "PLAN.md": DOCUMENT}
        files |= {"src/shop/__init__.py": "", "docs/shop.md": "# Shop\n"}
        files["tests/test_shop.py"] = "def test_shop() -> None:\n    assert True\n"
        make_repo(self.repo, files)
        self.first = _git(self.repo, "rev-parse", "HEAD").strip()
        self.runs: list[str] = []

    def _programs(self) -> None:
        folder = self.home / "bin"
        folder.mkdir()
        texts = {"agentdeck": _SHIM.format(python=sys.executable)}
        for voice in ("claude", "codex"):
            texts[voice] = _STAND_IN.format(python=sys.executable, voice=voice)
        texts["pip"] = _PIP.format(python=sys.executable)
        for name, text in texts.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        trackers = install_tracker(self.home / "tracker", ISSUES)
        path = (str(folder), str(trackers), os.environ["PATH"])
        self.variables["PATH"] = os.pathsep.join(path)
        self.variables["PIP_NO_INDEX"] = "1"
        self.variables["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
        self.variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = self.receiver.address
        self.variables[live_run.SECRET_ENV] = live_run.SECRET
        self.variables["ANTHROPIC_API_KEY"] = "none that opens anything"
        self.variables["AGENTDECK_SCRIPT_SECONDS"] = "0.05"

    def run_the_plan(self) -> None:
        """One more run of `plan.toml`, to its end."""
        done = self.type("agentdeck run plan.toml --headless")
        assert done.code == 0, done.out + done.err
        self.runs.append(self.within(lambda: newest_run(self.repo).run))

    def begin(self) -> None:
        """As it was at first, for another page: its files, its branch, and who stands where."""
        self.rest()
        self.folder = self.repo
        self.lacks = False
        self.ports.clear()
        _git(self.repo, "checkout", "--quiet", "main")
        _git(self.repo, "reset", "--quiet", "--hard", self.first)

    def wait_for_the_run(self) -> None:
        """Until the newest run has ended, or stands still."""
        with mock.patch.dict(os.environ, self.variables):
            folder = newest_run(self.folder)

            def is_over() -> bool:
                state = fold_run(folder)
                return state.outcome is not None or standstill(state) is not None

            settle(is_over, f"the end of {folder.run}")

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Stand where a run goes on; it is begun if the page has none yet."""
        before = self.folder
        self.folder = self._market()
        try:
            yield
        finally:
            self.folder = before

    def _market(self) -> Path:
        if self.market is None:
            self.folder = self.home / "src" / f"market-{len(list(self.repo.parent.iterdir()))}"
            live_run.make(self.folder)
            done = self.type("agentdeck run plan.toml --no-attach")
            assert done.code == 0, done.err
            self.market = self.folder
            self.wait_until_it_asks("T1")
            (self.folder / "request-before").write_bytes(live_run.request(20))
            done = self.type("agentdeck tracker receive < request-before")
            assert done.code == 0, done.err
        return self.market

    def wait_until_it_asks(self, task: str) -> None:
        """The agent of a task of the run that goes on."""
        with self.here():
            live_run.wait_until_it_asks(newest_run(self.folder), task)

    def rest(self) -> None:
        """Nothing that a page has started goes on."""
        try:
            self.servers.end()
        finally:
            self._here(["cluster", "stop"])
            market, self.market = self.market, None
            if market is not None:
                with self.here(), suppress(DeckError):
                    end_run(newest_run(market))

    @contextmanager
    def here(self) -> Iterator[None]:
        """In this home, in the folder where one stands."""
        before = Path.cwd()
        with mock.patch.dict(os.environ, self.variables):
            os.chdir(self.folder)
            try:
                yield
            finally:
                os.chdir(before)

    def within(self, what: Callable[[], str]) -> str:
        with mock.patch.dict(os.environ, self.variables):
            return what()

    def serve(self, line: str, verb: str) -> None:
        """Start what goes on. Raises ServerError if it ends instead."""
        env = os.environ | self.variables
        self.servers.start(self.named(line), verb, self.folder, env)
        self.variables["TOKEN"] = self.servers.token

    def type(self, line: str) -> Done:
        """Carry out a line as a shell in this home would."""
        line = self.named(line)
        words = commands_of(line)[0]
        if words[0] == "cd" and len(commands_of(line)) == 1:
            self.folder = (self.folder / Path(words[1].replace("~", str(self.home)))).resolve()
            found = self.folder.is_dir()
            return Done(0 if found else 1, "", "" if found else f"there is no {self.folder}")
        if is_plain(line) and words[1:2] != ["mcp"]:  # that one reads its input as bytes
            return self._here(shlex.split(line, comments=True)[1:])
        return self._shell(line)

    def named(self, line: str) -> str:
        """The line with what is here in place of what stands for it."""
        names = dict(zip(("RUN_A", "RUN_B"), self.runs, strict=False))
        if self.folder == self.market:
            names["RUN"] = self.within(lambda: newest_run(self.folder).run)
        elif self.runs:
            names["RUN"] = self.runs[-1]
        for name, run in names.items():
            line = re.sub(rf"(?<=\s){name}(?=\s|$)", run, line)
        # Nothing listens to other machines, and nothing at a port that somebody else may have.
        line = line.replace("0.0.0.0", "127.0.0.1").replace("//hub:", "//127.0.0.1:")
        line = _PORT.sub(lambda found: self._port(found[0]), line)
        line = line.replace("https://otel.example.org", self.receiver.address)
        line = line.replace("http://localhost:4318", self.receiver.address)
        start = "agentdeck cluster start"  # at the port that a worker is told to join
        line = line.replace(start, f"{start} --port {self._port('8786')}")
        return _PROPOSAL.sub(lambda _: self._proposal(), line)

    def _port(self, shown: str) -> str:
        """One that is free, the same for the same one on a page."""
        if shown not in self.ports:
            with socket.create_server(("127.0.0.1", 0)) as probe:
                self.ports[shown] = str(probe.getsockname()[1])
        return self.ports[shown]

    def _proposal(self) -> str:
        listed = json.loads(self._here(["tracker", "list", "--json"]).out)["proposals"]
        return str(listed[0]["id"])

    def _here(self, words: list[str]) -> Done:
        out, err = StringIO(), StringIO()
        with (
            Path(os.devnull).open(encoding="utf-8") as nothing,
            self.here(),
            mock.patch("sys.stdin", nothing),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            code = main(words)
        return Done(code, out.getvalue(), err.getvalue())

    def _shell(self, line: str) -> Done:
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=self.folder,
            env=os.environ | self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LINE_S,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def leave(self) -> None:
        """Nothing is left at work."""
        self.rest()
        self.receiver.close()
        with mock.patch.dict(os.environ, self.variables):
            for run in list_runs():
                if run.state not in ("complete", "stopped", "unreadable"):
                    with suppress(DeckError):
                        end_run(RunFolder(runs_root() / run.id))
