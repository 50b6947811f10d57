"""A home with a repository in it, and two runs of its plan: what the lines of the docs act on.

Rules:
- Names that the docs use stand for what is here: `RUN` and `RUN_B` are a run that is complete,
  `RUN_A` the one before it; `plan.toml` is a plan with the tasks T-1 to T-4, `PLAN.md` a document.
- Agents are scripted. `claude` and `codex` on PATH are those, speaking as the real ones do.
- A line is carried out in this process where it is agentdeck alone, else by `sh`. Nothing is a
  terminal.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Final
from unittest import mock

from tests.cli.conftest import end_run
from tests.docs.lines import commands_of, is_plain

from agentdeck.cli.app import main
from agentdeck.control.runs import fold_run, list_runs, newest_run
from agentdeck.control.scratch_repo import make_repo
from agentdeck.core.errors import DeckError
from agentdeck.core.explain import standstill
from agentdeck.engine.folders import RunFolder, runs_root
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
        for name, text in texts.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        self.variables["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
        self.variables["ANTHROPIC_API_KEY"] = "none that opens anything"
        self.variables["AGENTDECK_SCRIPT_SECONDS"] = "0.05"

    def run_the_plan(self) -> None:
        """One more run of `plan.toml`, to its end."""
        done = self.type("agentdeck run plan.toml --headless")
        assert done.code == 0, done.out + done.err
        self.runs.append(self.within(lambda: newest_run(self.repo).run))

    def begin(self) -> None:
        """As it was at first, for another page: its files, its branch, and who stands where."""
        self.folder = self.repo
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

    def within(self, what: Callable[[], str]) -> str:
        with mock.patch.dict(os.environ, self.variables):
            return what()

    def type(self, line: str) -> Done:
        """Carry out a line as a shell in this home would."""
        line = self._named(line)
        words = commands_of(line)[0]
        if words[0] == "cd" and len(commands_of(line)) == 1:
            self.folder = (self.folder / Path(words[1].replace("~", str(self.home)))).resolve()
            found = self.folder.is_dir()
            return Done(0 if found else 1, "", "" if found else f"there is no {self.folder}")
        if is_plain(line):
            return self._here(shlex.split(line, comments=True)[1:])
        return self._shell(line)

    def _named(self, line: str) -> str:
        names = dict(zip(("RUN_A", "RUN_B"), self.runs, strict=False))
        if self.runs:
            names["RUN"] = self.runs[-1]
        for name in sorted(names, key=len, reverse=True):
            line = line.replace(f"{name} ", f"{names[name]} ").removesuffix("\n")
            line = line[: -len(name)] + names[name] if line.endswith(f" {name}") else line
        return line

    def _here(self, words: list[str]) -> Done:
        out, err = StringIO(), StringIO()
        before = Path.cwd()
        with (
            Path(os.devnull).open(encoding="utf-8") as nothing,
            mock.patch.dict(os.environ, self.variables),
            mock.patch("sys.stdin", nothing),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            os.chdir(self.folder)
            try:
                code = main(words)
            finally:
                os.chdir(before)
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
        """No run is left at work."""
        with mock.patch.dict(os.environ, self.variables):
            for run in list_runs():
                if run.state not in ("complete", "stopped", "unreadable"):
                    with suppress(DeckError):
                        end_run(RunFolder(runs_root() / run.id))
