"""Agents call tools of agentdeck through a real MCP client, on live runs."""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec
import pytest
from tests.mcp.live import A, landed_file, plan_text, reaches, running, send, state_of

from agentdeck.control import start
from agentdeck.control.client import RunClient
from agentdeck.control.protocol import ToolParams
from agentdeck.core import commands as c
from agentdeck.core.errors import DeckError
from agentdeck.core.ids import TaskId
from agentdeck.core.sandbox_kind import Sandbox
from agentdeck.core.state import TaskState
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.sandbox import fault_of
from agentdeck.engine.tool_pass import PASS, SERVERS, read_pass
from agentdeck.testing.crash import kill_engine, told_in
from agentdeck.testing.settling import settle

ASK = '! call ask_person {"question": "Which colour?", "options": ["red", "blue"]}'


def test_an_agent_asks_a_person_and_goes_on_with_the_answer(tmp_path: Path) -> None:
    text = plan_text(f"{ASK}\n! write-answer a/answer", tools='ask_person = "allow"')
    with running(tmp_path, text) as folder:
        reaches(folder, "A", TaskState.ASKING)
        send(folder, c.Answer(A, "2", by="kim"))
        reaches(folder, "A", TaskState.LANDED)
        assert landed_file(folder, "a/answer") == "blue\n"


def test_a_question_outlives_the_engine_and_is_asked_once(tmp_path: Path) -> None:
    """Killed while an agent waits; the next engine has the question, and its answer arrives."""
    text = plan_text(f"{ASK}\n! write-answer a/answer", tools='ask_person = "allow"\nwait = "2s"')
    with running(tmp_path, text) as folder:
        reaches(folder, "A", TaskState.ASKING)
        kill_engine(folder)
        start.ensure_engine(folder)
        send(folder, c.Answer(A, text="green", by="kim"))
        reaches(folder, "A", TaskState.LANDED)
        assert landed_file(folder, "a/answer") == "green\n"
        asked = [event for event in told_in(folder) if type(event).__name__ == "AttemptAsked"]
        assert len(asked) == 1


def test_an_answer_given_while_no_call_waits_is_found_again(tmp_path: Path) -> None:
    """The engine is gone for longer than one call waits: the agent asks again for the answer."""
    text = plan_text(f"{ASK}\n! write-answer a/answer", tools='ask_person = "allow"\nwait = "1s"')
    with running(tmp_path, text) as folder:
        reaches(folder, "A", TaskState.ASKING)
        kill_engine(folder)
        start.ensure_engine(folder)
        send(folder, c.Pause(A))
        reaches(folder, "A", TaskState.PAUSED)
        send(folder, c.Answer(A, text="green"), c.Resume(A))
        reaches(folder, "A", TaskState.LANDED)
        assert landed_file(folder, "a/answer") == "green\n"


def test_progress_is_shown_and_a_proposed_task_is_done_once_it_is_accepted(tmp_path: Path) -> None:
    script = (
        '! call report_progress {"text": "half of it", "percent": 50}\n'
        '! call propose_task {"title": "More", "prompt": "! write b/more", "id": "B", '
        '"after": ["A"], "files": ["b/"]}\n'
        "! write-answer a/answer"
    )
    tools = 'report_progress = "allow"\npropose_task = "ask"'
    with running(tmp_path, plan_text(script, tools=tools)) as folder:
        settle(lambda: "r1" in state_of(folder).requests, "a proposal")
        reaches(folder, "A", TaskState.LANDED)
        attempt = state_of(folder).tasks[A].attempt
        assert attempt is not None
        assert (attempt.reported, attempt.percent) == ("half of it", 50)
        assert state_of(folder).outcome is None  # it waits for the yes
        assert "person decides" in landed_file(folder, "a/answer")
        send(folder, c.AnswerRequest("r1", by="kim"))
        reaches(folder, "B", TaskState.LANDED)


def test_files_that_were_granted_may_be_touched(tmp_path: Path) -> None:
    script = '! call request_files {"files": ["c/x"], "why": "the list is there"}\n! write c/x'
    with running(tmp_path, plan_text(script, tools='request_files = "free"')) as folder:
        reaches(folder, "A", TaskState.LANDED)
        assert state_of(folder).plan.by_id[A].files == ("a/", "c/x")
        assert landed_file(folder, "c/x")


def test_wrong_arguments_and_tools_that_are_not_given_are_told_to_the_agent(
    tmp_path: Path,
) -> None:
    script = '! call ask_person {"question": ""}\n! write-answer a/answer'
    with running(tmp_path, plan_text(script, tools='ask_person = "allow"')) as folder:
        reaches(folder, "A", TaskState.LANDED)
        answer = landed_file(folder, "a/answer")
        assert answer.startswith("refused: ask_person: Expected `str` of length >= 1")


def test_the_pass_of_an_attempt_is_its_owners_alone(tmp_path: Path) -> None:
    with running(tmp_path, plan_text(ASK, tools='ask_person = "allow"')) as folder:
        reaches(folder, "A", TaskState.ASKING)
        attempt = folder.attempt(A, 1)
        for name in (PASS, SERVERS):
            assert stat.S_IMODE((attempt / name).stat().st_mode) == 0o600
        own = read_pass(attempt)
        assert own is not None
        assert own.secret not in (attempt / SERVERS).read_text()
        assert stat.S_IMODE(Path(own.socket).stat().st_mode) == 0o600
        assert stat.S_IMODE(Path(own.socket).parent.stat().st_mode) == 0o700


async def _refusal(folder: RunFolder, **changes: object) -> str:
    """Why a call with a changed pass is refused."""
    own = read_pass(folder.attempt(A, 1))
    assert own is not None
    arguments = msgspec.Raw(b'{"question": "May I?"}')
    call = ToolParams(A, 1, own.secret, "ask_person", arguments, "k1")
    client = await RunClient.open(folder, folder.tool_socket)
    try:
        with pytest.raises(DeckError) as caught:
            await client.call_tool(msgspec.structs.replace(call, **changes))
        return caught.value.message
    finally:
        await client.close()


async def test_a_call_is_of_the_attempt_whose_secret_it_has_and_of_no_other(
    tmp_path: Path,
) -> None:
    more = '[[task]]\nid = "B"\nprompt = "! ask which?"\n'
    with running(tmp_path, plan_text(ASK, tools='ask_person = "allow"', more=more)) as folder:
        reaches(folder, "A", TaskState.ASKING)
        reaches(folder, "B", TaskState.ASKING)
        unproven = "the call does not prove of which attempt it is"
        assert await _refusal(folder, secret="0" * 64) == unproven
        assert await _refusal(folder, secret="") == unproven
        assert await _refusal(folder, task=TaskId("B")) == unproven
        assert await _refusal(folder, task=TaskId("../A")) == unproven
        assert await _refusal(folder, attempt=2) == unproven
        assert "there is no tool" in await _refusal(folder, tool="end")
        assert "unknown field" in await _refusal(folder, arguments=msgspec.Raw(b'{"x": 1}'))
        client = await RunClient.open(folder, folder.tool_socket)
        with pytest.raises(DeckError, match="no method 'command'"):
            await client.send(c.EndRun())
        await client.close()
        send(folder, c.Stop(A))
        reaches(folder, "A", TaskState.CANCELLED)
        assert "does not go on any more" in await _refusal(folder)


@pytest.mark.parametrize("box", ["bwrap", "landlock"])
def test_a_sandboxed_agent_without_a_network_reaches_its_tools(tmp_path: Path, box: str) -> None:
    kind = Sandbox(box)
    if why := fault_of(kind, network=False):
        pytest.skip(f"no {box} here: {why}")
    more = f'sandbox = "{box}"\nnetwork = false\n'
    text = plan_text(f"{ASK}\n! write-answer a/answer", tools='ask_person = "allow"')
    with running(tmp_path, text.replace("retries = 0\n", f"retries = 0\n{more}")) as folder:
        reaches(folder, "A", TaskState.ASKING)
        send(folder, c.Answer(A, "1"))
        reaches(folder, "A", TaskState.LANDED)
        assert landed_file(folder, "a/answer") == "red\n"


@pytest.mark.parametrize("table", ["", 'ask_person = "deny"'])
def test_without_tools_in_the_plan_there_is_no_server_for_agents(
    tmp_path: Path, table: str
) -> None:
    with running(tmp_path, plan_text("! write a/x", tools=table)) as folder:
        reaches(folder, "A", TaskState.LANDED)
        assert not (folder.attempt(TaskId("A"), 1) / PASS).exists()
        assert not folder.tool_socket.exists()
