"""Commands that run for an agent: in the worktree, bounded, ended."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.engine.acp.output_tail import OutputTail
from agentdeck.engine.acp.paths import Refused
from agentdeck.engine.acp.terminals import MAX_OPEN, Exit, Terminals
from agentdeck.engine.environment import TAG_VARIABLE

PYTHON = sys.executable


@pytest.fixture
async def terminals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Terminals]:
    """Those of a worktree, ended at the end of the test."""
    monkeypatch.setenv(TAG_VARIABLE, f"terminals-{tmp_path.name}")
    (tmp_path / "tree" / "sub").mkdir(parents=True)
    found = Terminals(tmp_path / "tree")
    yield found
    await found.close()


async def start(terminals: Terminals, code: str, cwd: str | None = None, **env: str) -> str:
    return await terminals.create(PYTHON, ["-I", "-S", "-c", code], env, cwd, None)


async def output(terminals: Terminals, wanted: str, name: str) -> str:
    """Wait until `wanted` has been printed."""
    async with asyncio.timeout(30):
        while wanted not in terminals.get(name).tail.text():
            await asyncio.sleep(0.01)
    return terminals.get(name).tail.text()


async def gone(pid: int) -> bool:
    async with asyncio.timeout(30):
        while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            await asyncio.sleep(0.01)
    return True


async def test_a_command_runs_in_the_worktree_and_its_output_is_kept(
    terminals: Terminals, tmp_path: Path
) -> None:
    name = await start(terminals, "import os, sys; print(os.getcwd()); sys.exit(3)")
    assert await terminals.get(name).wait() == Exit(3, None)
    assert terminals.get(name).tail.text() == f"{tmp_path / 'tree'}\n"


async def test_a_command_may_run_in_a_folder_of_the_worktree(
    terminals: Terminals, tmp_path: Path
) -> None:
    where = str(tmp_path / "tree" / "sub")
    name = await start(terminals, "import os; print(os.getcwd())", where)
    await terminals.get(name).wait()
    assert terminals.get(name).tail.text() == f"{where}\n"


@pytest.mark.parametrize("cwd", ["/", "/etc", "../", "{tree}/..", "link", "sub/none", "file"])
async def test_a_command_runs_nowhere_else(terminals: Terminals, tmp_path: Path, cwd: str) -> None:
    (tmp_path / "tree" / "link").symlink_to("/etc")
    (tmp_path / "tree" / "file").touch()
    with pytest.raises(Refused):
        await start(terminals, "pass", cwd.replace("{tree}", str(tmp_path / "tree")))


async def test_no_shell_reads_a_command(terminals: Terminals, tmp_path: Path) -> None:
    """A command line in one piece is a program that does not exist."""
    with pytest.raises(FileNotFoundError):
        await terminals.create("touch made; true", [], {}, None, None)
    name = await terminals.create("touch", ["a;b $(c)"], {}, None, None)
    await terminals.get(name).wait()
    assert (tmp_path / "tree" / "a;b $(c)").exists()


async def test_the_environment_is_added_to_but_the_mark_stays(terminals: Terminals) -> None:
    """By the mark the engine finds what a command leaves behind."""
    code = f"import os; print(os.environ['X'], os.environ['{TAG_VARIABLE}'])"
    name = await start(terminals, code, None, X="1", **{TAG_VARIABLE: "other"})
    await terminals.get(name).wait()
    assert terminals.get(name).tail.text() == f"1 {os.environ[TAG_VARIABLE]}\n"


@pytest.mark.parametrize("command", ["", "a\0b"])
async def test_a_command_that_is_none_is_refused(terminals: Terminals, command: str) -> None:
    with pytest.raises((Refused, OSError)):
        await terminals.create(command, [], {}, None, None)


@pytest.mark.parametrize("how", ["kill", "release", "close"])
async def test_a_command_ends_with_its_children(terminals: Terminals, how: str) -> None:
    """Even when both ignore SIGTERM."""
    code = (
        "import os, signal, time; signal.signal(15, signal.SIG_IGN); pid = os.fork();"
        "print('pid', os.getpid(), flush=True); time.sleep(600)"
    )
    name = await start(terminals, code)
    async with asyncio.timeout(30):
        while terminals.get(name).tail.text().count("pid") < 2:
            await asyncio.sleep(0.01)
    pids = [int(word) for word in terminals.get(name).tail.text().split() if word.isdigit()]
    terminal = terminals.get(name)
    if how == "kill":
        await terminal.kill()
        assert terminal.exit == Exit(None, "SIGKILL")
        assert "pid" in terminals.get(name).tail.text()
    elif how == "release":
        await terminals.release(name)
        with pytest.raises(Refused):
            terminals.get(name)
    else:
        await terminals.close()
    assert [await gone(pid) for pid in pids] == [True, True]


async def test_a_child_that_outlives_its_command_ends_with_the_terminal(
    terminals: Terminals,
) -> None:
    code = (
        "import os, time; pid = os.fork();print('pid', pid, flush=True) if pid else time.sleep(600)"
    )
    name = await start(terminals, code)
    assert await terminals.get(name).wait() == Exit(0, None)
    text = await output(terminals, "pid", name)
    await terminals.release(name)
    assert await gone(int(text.split()[1]))


async def test_a_signal_is_told_by_name(terminals: Terminals) -> None:
    name = await start(terminals, f"import os; os.kill(os.getpid(), {int(signal.SIGUSR1)})")
    assert await terminals.get(name).wait() == Exit(None, "SIGUSR1")


async def test_output_is_bounded_and_its_end_is_kept(terminals: Terminals) -> None:
    code = "print('x' * 100000); print('the end')"
    name = await terminals.create(PYTHON, ["-c", code], {}, None, 20)
    await terminals.get(name).wait()
    tail = terminals.get(name).tail
    assert tail.truncated
    assert tail.text() == "x" * 11 + "\nthe end\n"


async def test_terminals_are_counted_until_they_are_released(terminals: Terminals) -> None:
    names = [await terminals.create("true", [], {}, None, None) for _ in range(MAX_OPEN)]
    with pytest.raises(Refused, match="release some"):
        await terminals.create("true", [], {}, None, None)
    await terminals.release(names[0])
    await terminals.create("true", [], {}, None, None)


@given(st.lists(st.text(max_size=30).map(str.encode) | st.binary(max_size=5)), st.integers(0, 40))
def test_the_tail_is_the_end_of_the_output_from_the_start_of_a_character(
    pieces: list[bytes], limit: int
) -> None:
    tail = OutputTail(limit)
    for piece in pieces:
        tail.add(piece)
    whole = b"".join(pieces)
    assert tail.truncated == (len(whole) > limit)
    text = whole.decode("utf-8", "replace")
    if not tail.truncated:
        assert tail.text() == text
    elif "\ufffd" not in text:
        assert text.endswith(tail.text())
        assert limit - 3 <= len(tail.text().encode()) <= limit
