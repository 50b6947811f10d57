"""A run whose journal was damaged: told, looked at, mended, and gone on with to its end.

Everything is real: git, agents, engines in processes of their own, `kill -9`, bytes on the disk.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from agentdeck.cli.app import main
from agentdeck.control import blocking, start
from agentdeck.control.creating import create_run
from agentdeck.control.damage import JournalDamaged, mend
from agentdeck.control.runs import fold_run, fold_sound, summary_of
from agentdeck.control.scratch_repo import make_repo
from agentdeck.control.source import JournalSource
from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.errors import EXIT_DAMAGED, EXIT_OK, DeckError
from agentdeck.core.ids import TaskId
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.folders import RunFolder
from agentdeck.plans.reader import read_plan
from agentdeck.testing.crash import kill_engine, told_in
from agentdeck.testing.settling import settle

PATIENCE_S = 60.0
TASKS = ("A", "B", "C")
LAST = TaskId("C")  # its agent waits for the file `go`
PLAN = """\
version = 1
[plan]
name = "damaged"
[agents.sh]
command = ["sh", "-c", '''
echo $1 >> "{starts}"
if [ $1 = C ]; then until [ -e "{go}" ]; do sleep 0.05; done; fi
echo I wrote $1
echo x > $1.txt
''', "sh", "{{task}}"]
[defaults]
agent = "sh"
retries = 0
[[task]]
id = "A"
title = "Task A"
[[task]]
id = "B"
title = "Task B"
after = "A"
[[task]]
id = "C"
title = "Task C"
after = "B"
"""


def state_of(folder: RunFolder) -> RunState:
    return fold_sound(folder)[0]


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    make_repo(folder, {"README.md": "hello\n"})
    return folder


@pytest.fixture
def folder(repo: Path, tmp_path: Path) -> Iterator[RunFolder]:
    """A run whose engine was killed while the agent of its last task was at work."""
    text = PLAN.format(starts=tmp_path / "starts", go=tmp_path / "go")
    made = create_run(repo, read_plan(text, file="p.toml"), text)
    start.start_engine(made)
    settle(lambda: (tmp_path / "starts").exists() and "C" in starts(made, tmp_path), "C")
    settle(lambda: state_of(made).tasks[LAST].state is TaskState.WORKING, "C at work")
    kill_engine(made)
    yield made
    (tmp_path / "go").touch()
    with suppress(DeckError):
        mend(made)
        start.ensure_engine(made)
        with blocking.connect(made) as client:
            with suppress(DeckError):
                client.send(c.EndRun())
                settle(lambda: fold_run(made).outcome is not None, "the end of the run")
            client.stop("the test is over")


def starts(_: RunFolder, tmp_path: Path) -> list[str]:
    return (tmp_path / "starts").read_text().split()


def seq_of(folder: RunFolder, kind: type[e.Event], task: str) -> int:
    """The number of the first event of a kind about a task."""
    told = told_in(folder)
    return next(
        number
        for number, one in enumerate(told, 1)
        if type(one) is kind and task in (getattr(one, "task", None), getattr(one, "entry", None))
    )


def cut_behind(folder: RunFolder, seq: int) -> None:
    """Change a byte of event `seq + 1` in the database, its log taken in before."""
    db = sqlite3.connect(folder.journal)
    db.execute("pragma wal_checkpoint(truncate)")
    event, link = db.execute("select event, link from events where seq = ?", (seq + 1,)).fetchone()
    db.close()
    data, row = folder.journal.read_bytes(), event + link
    assert row in data
    folder.journal.write_bytes(data.replace(row, event[:-2] + b"?}" + link))


def finish(folder: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    start.ensure_engine(folder)
    settle(lambda: fold_run(folder).outcome is not None, "the end of the run")


def landed_once(repo: Path, folder: RunFolder) -> None:
    """Every task is in, and no task is in twice: in git, whatever the journal says."""
    state = fold_run(folder)
    assert {t.id: t.state for t in state.tasks.values()} == dict.fromkeys(TASKS, TaskState.LANDED)
    said = subprocess.run(
        [
            "git",
            "log",
            "--first-parent",
            "--format=%(trailers:key=Agentdeck-Task,valueonly)",
            state.target,
        ],
        cwd=repo,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert Counter(said) == Counter(TASKS)


def test_a_damaged_run_is_told_and_looked_at_as_far_as_it_goes(
    folder: RunFolder, repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One message on stderr with what, where and the next step; what is sound on stdout."""
    last = seq_of(folder, e.EntryLanded, "A")
    cut_behind(folder, last)

    def said(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["-C", str(repo), *words])
        out = capsys.readouterr()
        return code, out.out, out.err

    for words in (("status",), ("tasks",), ("why", "A"), ("queue",), ("inbox",), ("logs", "A")):
        code, out, err = said(*words)
        assert code == EXIT_DAMAGED, words
        assert f"event {last + 1} of the journal cannot be read" in err
        assert f"events 1 to {last} are sound" in err
        assert f"agentdeck runs repair {folder.run}" in err
        assert "Traceback" not in err
        assert out
    code, out, _ = said("status")
    assert "damaged" in out
    assert f"next: agentdeck runs repair {folder.run}" in out
    assert "1 of 3 landed" in out
    assert "I wrote A" in said("logs", "A")[1]
    code, out, _ = said("runs")
    assert "damaged" in out
    for other in (("report",), ("run", "nothing.toml"), ("clean", str(folder.run), "--yes")):
        assert "Traceback" not in said(*other)[2]
    with pytest.raises(JournalDamaged) as caught:
        start.ensure_engine(folder)
    assert caught.value.exit_code == EXIT_DAMAGED
    assert summary_of(folder).landed == 1


async def test_a_deck_over_a_damaged_run_gets_what_is_sound(folder: RunFolder) -> None:
    """Every event before the damage, once, in order; then it is told what is wrong."""
    last = seq_of(folder, e.EntryLanded, "A")
    cut_behind(folder, last)
    source = JournalSource(folder)
    seen: list[int] = []
    async with asyncio.timeout(PATIENCE_S):
        async for batch in source.follow():
            seen += [one.seq for one in batch]
            if seen[-1] == last:
                break
    assert seen == list(range(1, last + 1))
    await source.close()


@pytest.mark.parametrize(
    "lost_from",
    [
        (e.AttemptClaimed, "A", 0),  # all that was done
        pytest.param((e.EntryQueued, "A", 0), marks=pytest.mark.soak),  # A has landed, unknown
        (e.LandingIntended, "B", 0),  # it was about to: nobody knows whether
        (e.AttemptClaimed, "C", 0),  # an agent is at work that the journal does not know
        pytest.param((e.AttemptClaimed, "C", 1), marks=pytest.mark.soak),  # wanted, as is known
    ],
)
def test_a_mended_run_goes_on_to_its_end(
    folder: RunFolder, repo: Path, tmp_path: Path, lost_from: tuple[type[e.Event], str, int]
) -> None:
    """Nothing that landed lands again, the agent at work goes on, and no other one is started."""
    kind, task, more = lost_from
    sound = seq_of(folder, kind, task) - 1 + more
    total = len(told_in(folder))
    cut_behind(folder, sound)
    before = {f.name: f.read_bytes() for f in folder.path.glob("journal.*") if "shm" not in f.name}
    mended = mend(folder)
    assert mended is not None
    assert (mended.sound, mended.lost) == (sound, total - sound)
    kept = {name: (Path(mended.kept) / name).read_bytes() for name in before}
    assert kept == before
    landed = [t for t in ("A", "B") if state_of(folder).tasks[TaskId(t)].state is TaskState.LANDED]
    assert landed == ["A", "B"], "what has landed is known from git, before any engine runs"
    assert mend(folder) is None, "it is sound now"
    finish(folder, tmp_path)
    landed_once(repo, folder)
    assert Counter(starts(folder, tmp_path)) == Counter(TASKS), "no agent was started twice"


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.soak)])
def test_a_run_survives_damage_at_random(
    folder: RunFolder, repo: Path, tmp_path: Path, seed: int
) -> None:
    """Bytes cut from the log of the database, as a disk that lied in a power cut leaves it."""
    chance = random.Random(seed)
    wal = folder.path / "journal.db-wal"
    data = wal.read_bytes()
    wal.write_bytes(data[: chance.randrange(len(data) // 4, len(data))])
    assert isinstance(fold_sound(folder)[1], JournalDamaged)
    assert main(["-C", str(repo), "runs", "repair", folder.run]) == EXIT_OK
    finish(folder, tmp_path)
    landed_once(repo, folder)
