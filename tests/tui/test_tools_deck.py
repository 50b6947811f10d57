"""What agents want through tools of agentdeck, answered in the deck by key."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.mcp.live import plan_text
from tests.tui.live_run import git, live_deck, made_run

from agentdeck.control.creating import create_run
from agentdeck.control.scratch_repo import make_repo
from agentdeck.control.tracker_inbox import Request, receive
from agentdeck.core.ids import TaskId
from agentdeck.core.state import TaskState
from agentdeck.core.tracker_signature import github_signature
from agentdeck.plans.reader import read_plan

COLOUR = '! call ask_person {"question": "Which colour?", "options": ["red", "blue"]}'
B = TaskId("B")


async def test_an_agent_asks_through_its_tool_and_a_digit_answers_it(tmp_path: Path) -> None:
    """A real MCP client asks; the inbox answers; the agent goes on with the answer and lands."""
    script = f"{COLOUR}\n! write-answer colour"
    folder = made_run(tmp_path, script, '[tools]\nask_person = "allow"\n', "scripted")
    async with live_deck(folder) as deck:
        await deck.is_in(TaskState.ASKING)
        await deck.press("exclamation_mark")
        await deck.sees("Which colour?")
        await deck.press("2")
        await deck.is_in(TaskState.LANDED)
    assert git(folder, "show", "deck/p:colour") == "blue"


async def test_an_agent_that_reads_no_input_is_answered_in_words(tmp_path: Path) -> None:
    """`i` opens the same dialog as for any question, and its words reach the call."""
    script = f"{COLOUR}\n! write-answer colour"
    folder = made_run(tmp_path, script, '[tools]\nask_person = "allow"\n', "scripted")
    async with live_deck(folder) as deck:
        await deck.is_in(TaskState.ASKING)
        await deck.press("i")
        await deck.sees("A asks")
        await deck.press(*"green", "enter")
        await deck.is_in(TaskState.LANDED)
    assert git(folder, "show", "deck/p:colour") == "green"


async def test_a_proposed_task_is_taken_into_the_plan_by_key(tmp_path: Path) -> None:
    script = (
        '! call propose_task {"title": "More tests", "prompt": "! write more", "id": "B", '
        '"why": "the old ones pass by luck"}\n! write a'
    )
    folder = made_run(tmp_path, script, '[tools]\npropose_task = "ask"\n', "scripted")
    async with live_deck(folder) as deck:
        await deck.until(lambda: "r1" in deck.state.requests, "a proposal")
        await deck.press("exclamation_mark")
        await deck.sees("A#1 proposes task B: More tests")
        await deck.sees("the old ones pass by luck")
        await deck.press("a")
        await deck.until(lambda: B in deck.state.tasks, "the task")
        await deck.until(lambda: deck.state.tasks[B].state is TaskState.LANDED, "its landing")


async def test_the_brief_says_what_waits_for_a_person_about_its_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """You should see what its agent proposes, and what comes in from the tracker meanwhile."""
    monkeypatch.setenv("TRACKER_SECRET", "it is a secret of twenty letters")
    tracker = (
        '[tracker]\nkind = "github"\nrepo = "a/b"\nclose = "never"\ncomment = []\n'
        'accept = ["answer"]\nsecret_env = "TRACKER_SECRET"\n'
    )
    script = '! call propose_task {"title": "More tests", "prompt": "x", "id": "B"}\n! ask Well?'
    tools = f'[tools]\npropose_task = "ask"\n{tracker}'
    folder = made_run(tmp_path, script, tools, "scripted", task="issue = 7")
    async with live_deck(folder, (120, 48)) as deck:
        await deck.is_in(TaskState.ASKING)
        await deck.press("right_square_bracket", "right_square_bracket", "right_square_bracket")
        await deck.sees("its agent proposes task B: More tests")
        heard = {
            "action": "created",
            "issue": {"number": 7},
            "comment": {
                "body": "Yes.",
                "author_association": "OWNER",
                "user": {"login": "ann"},
                "created_at": datetime.now(UTC).isoformat(),
            },
            "repository": {"full_name": "a/b"},
        }
        body = json.dumps(heard).encode()
        signed = github_signature("it is a secret of twenty letters", body)
        request = Request({"x-hub-signature-256": signed}, body)
        receive(folder, deck.state, request, now=time.time())
        await deck.sees("ann has commented")


async def test_more_files_are_granted_by_key(tmp_path: Path) -> None:
    """You should see which files, and why it wants them."""
    script = '! call request_files {"files": ["c/x"], "why": "the list is there"}\n! write c/x'
    repo = tmp_path / "repo"
    repo.mkdir()
    make_repo(repo, {"README.md": "hello\n"})
    text = plan_text(script, tools='request_files = "ask"')
    folder = create_run(repo, read_plan(text, file="p.toml"), text, root=tmp_path / "runs")
    async with live_deck(folder) as deck:
        await deck.is_in(TaskState.ASKING)
        await deck.press("i")
        await deck.sees("May it touch c/x too? the list is there")
        await deck.press("y")
        await deck.is_in(TaskState.LANDED)
        assert deck.state.plan.by_id[TaskId("A")].files == ("a/", "c/x")


async def test_a_task_that_names_no_files_has_them_all_and_nobody_is_asked(tmp_path: Path) -> None:
    script = '! call request_files {"files": ["b/x"], "why": "the list is there"}\n! write b/x'
    more = '[tools]\nrequest_files = "ask"\n'
    folder = made_run(tmp_path, script, more, "scripted")
    async with live_deck(folder) as deck:
        await deck.is_in(TaskState.LANDED)
        assert deck.state.plan_changes == 0
