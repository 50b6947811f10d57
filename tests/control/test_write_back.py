"""The document of a run is kept true by its engine: by real runs, real kills, real files."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import psutil
import pytest

from agentdeck.control import blocking, rewrite, start
from agentdeck.control.creating import create_run
from agentdeck.control.rewrite import ChangedMeanwhile, replace_file
from agentdeck.control.runs import fold_run
from agentdeck.control.scratch_repo import make_repo
from agentdeck.control.write_back import SourceKeeper, keeper_of, source_in
from agentdeck.core import commands as c
from agentdeck.core.errors import DeckError, NotFoundError, UsageError
from agentdeck.core.ids import TaskId
from agentdeck.core.state import RunState
from agentdeck.engine.folders import RunFolder
from agentdeck.plans.imports.detect import import_text, plan_text
from agentdeck.plans.overrides import with_agent
from agentdeck.plans.writeback.marks import Mark, Standing
from agentdeck.testing.settling import settle

LIST = """# Tasks: Shop

## Phase 1: Setup

- [ ] T001 Make a.txt
- [ ] T002 [P] Make b.txt
- [ ] T003 [P] Make c.txt
"""
DONE = Mark(Standing.DONE)
IDS = [TaskId("T001"), TaskId("T002"), TaskId("T003")]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    (folder / "specs").mkdir(parents=True)
    make_repo(folder, {"README.md": "hello\n", "specs/tasks.md": LIST})
    return folder


class _Told(logging.Handler):
    """Keeps the messages of a log."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@pytest.fixture
def lines() -> Iterator[Callable[[], list[str]]]:
    """What the engine's log was told."""
    told, log = _Told(), logging.getLogger("agentdeck.engine")
    log.addHandler(told)
    yield lambda: told.messages
    log.removeHandler(told)


def keeper(checkout: Path) -> SourceKeeper:
    return SourceKeeper(checkout, "specs/tasks.md", IDS)


def marks(*done: str) -> dict[TaskId, Mark]:
    return {name: DONE if name in done else Mark(Standing.TODO) for name in IDS}


def test_a_write_keeps_mode_and_everything_else(checkout: Path) -> None:
    document = checkout / "specs" / "tasks.md"
    document.chmod(0o640)
    keeper(checkout).look(marks("T002"))
    assert document.read_text() == LIST.replace("[ ] T002", "[x] T002")
    assert document.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in document.parent.iterdir()] == ["tasks.md"]


def test_what_is_right_already_is_not_written(checkout: Path) -> None:
    """The file stays the same file, with the same time."""
    document = checkout / "specs" / "tasks.md"
    kept = keeper(checkout)
    kept.look(marks("T002"))
    before = document.stat()
    for _ in range(3):
        kept.look(marks("T002"))
    after = document.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_mark_that_was_taken_out_by_hand_comes_back(checkout: Path) -> None:
    """As after a `git checkout` of the file."""
    document = checkout / "specs" / "tasks.md"
    kept = keeper(checkout)
    kept.look(marks("T001"))
    document.write_text(LIST + "\nA remark.\n")
    kept.look(marks("T001"))
    assert document.read_text() == LIST.replace("[ ] T001", "[x] T001") + "\nA remark.\n"


def test_a_document_that_goes_is_told_once_and_written_when_it_is_back(
    checkout: Path, lines: Callable[[], list[str]]
) -> None:
    document = checkout / "specs" / "tasks.md"
    document.unlink()
    kept = keeper(checkout)
    for done in ([], ["T001"], ["T001", "T002"]):
        kept.look(marks(*done), at_once=True)
    assert not document.exists()
    assert lines() == ["specs/tasks.md is not kept true: there is no file specs/tasks.md"]
    document.write_text(LIST)
    kept.look(marks("T001", "T002"))
    assert document.read_text().count("[x]") == 2


@pytest.mark.parametrize(
    "broken", [b"", b"\xff\xfe\x00", b"no tasks here\n", b"- [ ] X1 other\n"], ids=repr
)
def test_a_document_that_is_broken_is_left_as_it_is(
    checkout: Path, lines: Callable[[], list[str]], broken: bytes
) -> None:
    document = checkout / "specs" / "tasks.md"
    kept = keeper(checkout)
    kept.look(marks("T001"))
    document.write_bytes(broken)
    kept.look(marks("T001", "T002"))
    kept.look(marks("T001", "T002"))
    assert document.read_bytes() == broken
    assert len(lines()) == 1
    document.write_text(LIST)
    kept.look(marks("T001", "T002"), at_once=True)
    assert document.read_text().count("[x]") == 2


def test_a_link_that_leads_out_is_never_followed(
    checkout: Path, tmp_path: Path, lines: Callable[[], list[str]]
) -> None:
    """Not at the start of a run, and not when it is put there later."""
    outside = tmp_path / "outside.md"
    outside.write_text(LIST)
    document = checkout / "specs" / "tasks.md"
    kept = keeper(checkout)
    document.unlink()
    document.symlink_to(outside)
    kept.look(marks("T001"))
    assert outside.read_text() == LIST
    assert "not in the checkout" in lines()[0]
    plan = import_text(LIST, file="tasks.md").plan
    with pytest.raises(UsageError, match="not in the checkout"):
        source_in(checkout, document, plan)
    with pytest.raises(UsageError, match="not in the checkout"):
        source_in(checkout, checkout / ".git" / "config", plan)
    with pytest.raises(NotFoundError):
        source_in(checkout, checkout / "specs", plan)


def test_a_link_inside_stays_a_link(checkout: Path) -> None:
    """The file that it leads to is the one that is kept."""
    link = checkout / "todo.md"
    link.symlink_to("specs/tasks.md")
    plan = import_text(LIST, file="tasks.md").plan
    assert source_in(checkout, link, plan) == "specs/tasks.md"
    SourceKeeper(checkout, "todo.md", IDS).look(marks("T003"))
    assert link.is_symlink()
    assert "[x] T003" in (checkout / "specs" / "tasks.md").read_text()


def test_who_writes_at_the_same_moment_loses_nothing(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change between reading and replacing is read, and kept."""
    document = checkout / "specs" / "tasks.md"
    check, moments = rewrite._check, iter(range(100))

    def somebody_writes(real: Path, before: bytes) -> None:
        if next(moments) == 1:  # the second look, when the new text is on the disk already
            document.write_text(LIST + "\nA remark.\n")
        check(real, before)

    monkeypatch.setattr(rewrite, "_check", somebody_writes)
    keeper(checkout).look(marks("T001"))
    assert document.read_text() == LIST.replace("[ ] T001", "[x] T001") + "\nA remark.\n"
    assert [path.name for path in document.parent.iterdir()] == ["tasks.md"]
    with pytest.raises(ChangedMeanwhile):
        replace_file(document, b"something else", b"new")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anything")
def test_a_document_that_may_only_be_read_is_left(
    checkout: Path, lines: Callable[[], list[str]]
) -> None:
    document = checkout / "specs" / "tasks.md"
    document.chmod(0o444)
    keeper(checkout).look(marks("T001"))
    assert document.read_text() == LIST
    assert len(lines()) == 1


def test_a_task_without_a_place_is_told_once(
    checkout: Path, lines: Callable[[], list[str]]
) -> None:
    kept = keeper(checkout)
    kept.look({TaskId("NEW"): DONE})
    kept.look({TaskId("NEW"): DONE, TaskId("T001"): DONE})
    assert lines() == ["specs/tasks.md has no place for the marks of NEW"]


# --- whole runs ----------------------------------------------------------------------------------


def kill_engine(folder: RunFolder) -> None:
    engine = psutil.Process(int(folder.lock.read_text()))
    engine.kill()
    with suppress(psutil.TimeoutExpired, psutil.NoSuchProcess):
        engine.wait(10)


def landed(state: RunState) -> set[str]:
    return {task.id for task in state.tasks.values() if task.satisfied}


def test_after_a_kill_in_the_middle_it_is_true_at_the_end(tmp_path: Path) -> None:
    """What landed while nobody wrote is written by the next engine, which also tidies up."""
    repo = tmp_path / "repo"
    repo.mkdir()
    tasks = [
        {"id": number, "title": f"Make {number}", "status": "pending", "dependencies": [],
         "description": f"! sleep 0.4\n! write f{number}.txt\n"}
        for number in range(1, 7)
    ]  # fmt: skip
    text = json.dumps({"tasks": tasks}, indent=1)
    make_repo(repo, {"README.md": "hello\n", "tasks.json": text})
    document = repo / "tasks.json"
    plan = with_agent(import_text(text, file="tasks.json").plan, "scripted")
    source = source_in(repo, document, plan)
    plan = msgspec.structs.replace(plan, source=source, agents_limit=2)
    folder = create_run(repo, plan, plan_text(import_text(text, file="tasks.json")))
    start.ensure_engine(folder)
    try:
        settle(lambda: len(landed(fold_run(folder))) >= 2, "two landed")
        kill_engine(folder)
        document.write_text(text)  # as if it had been killed before it wrote anything
        left = repo / ".tasks.json.agentdeck-killed0"
        left.write_text("half")
        start.ensure_engine(folder)
        settle(lambda: fold_run(folder).outcome is not None, "the end of the run")
    finally:
        with suppress(DeckError), blocking.connect(folder) as client:
            if fold_run(folder).outcome is None:
                client.send(c.EndRun())
                settle(lambda: fold_run(folder).outcome is not None, "the end of the run")
            client.stop("the test is over")
    settle(lambda: document.read_text().count('"done"') == 6, "six are done")
    found = json.loads(document.read_text())["tasks"]
    for task in found:
        assert (task.pop("status"), task.pop("agent_id")) == ("done", "scripted")
        assert task.pop("completed_at").endswith("Z")
    assert found == [{k: v for k, v in task.items() if k != "status"} for task in tasks]
    assert not left.exists()


def test_a_run_without_a_source_has_no_keeper(checkout: Path) -> None:
    plan = import_text(LIST, file="tasks.md").plan
    folder = create_run(checkout, plan, "")
    assert keeper_of(fold_run(folder)) is None
