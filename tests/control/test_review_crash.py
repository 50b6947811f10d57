"""`kill -9` of the engine while a reviewer works: it is found again, and there is never another."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from agentdeck.control import blocking, start
from agentdeck.control.creating import create_run
from agentdeck.control.runs import fold_run
from agentdeck.control.scratch_repo import make_repo
from agentdeck.core.errors import DeckError
from agentdeck.core.ids import TaskId
from agentdeck.core.state import TaskState
from agentdeck.plans.reader import read_plan
from agentdeck.testing.crash import kill_engine
from agentdeck.testing.settling import settle

T = TaskId("T")


def plan_text(starts: Path) -> str:
    """A reviewer that writes down each of its starts, thinks, and says yes."""
    script = f'echo $$ >> {starts}; sleep 3; echo \'{{{{\\"verdict\\": \\"approve\\"}}}}\''
    return f"""
version = 1
[plan]
name = "p"
land = "review"
[review]
by = "critic"
[agents.critic]
output = "plain"
command = ["sh", "-c", "{script.replace("{{", "{").replace("}}", "}")}", "critic"]
[[task]]
id = "T"
agent = "scripted"
prompt = "! write a.txt 2"
"""


def test_a_reviewer_outlives_a_killed_engine_and_is_the_only_one(tmp_path: Path) -> None:
    """Killed twice while it works: one start, one review in the journal, and the work lands."""
    repo, starts = tmp_path / "repo", tmp_path / "starts"
    repo.mkdir()
    make_repo(repo, {"README.md": "hello\n"})
    text = plan_text(starts)
    folder = create_run(repo, read_plan(text, file="p.toml"), text)
    start.ensure_engine(folder)
    try:
        for _ in range(2):
            settle(starts.exists, "the start of the reviewer")
            kill_engine(folder)
            assert T in fold_run(folder).reviewing
            start.ensure_engine(folder)
        settle(lambda: fold_run(folder).outcome is not None, "the end of the run")
    finally:
        with suppress(DeckError), blocking.connect(folder) as client:
            client.stop("the test is over")
    task = fold_run(folder).tasks[T]
    assert (task.state, task.approved_by) == (TaskState.LANDED, "critic")
    assert len(starts.read_text().split()) == 1
    assert [review.run for review in task.attempts[0].reviews] == [1]
