"""`agentdeck mcp` on live runs, asked by the SDK's own client over stdio."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from mcp.shared.exceptions import MCPError
from tests.mcp.live import landed_file, plan_text, reaches, running, send, state_of

from agentdeck.control import start
from agentdeck.control.creating import create_run
from agentdeck.control.scratch_repo import make_repo
from agentdeck.core import commands as c
from agentdeck.core.ids import TaskId
from agentdeck.core.state import TaskState
from agentdeck.engine.folders import RunFolder
from agentdeck.plans.reader import read_plan
from agentdeck.testing.crash import kill_engine
from mcp import Client, StdioServerParameters

ASK = "! ask Which colour?\n! write-answer a/answer"
READS: dict[str, dict[str, Any]] = {
    "run_status": {},
    "list_tasks": {},
    "get_task": {"task": "A"},
    "read_plan": {},
    "explain": {"task": "A"},
    "evidence": {"task": "A"},
    "queue": {},
    "inbox": {},
    "events": {},
}
SECRET = "sk-ant-api03-" + "x" * 40


@asynccontextmanager
async def client_of(folder: RunFolder, *options: str) -> AsyncIterator[Client]:
    argv = ["-P", "-m", "agentdeck", "mcp", folder.run, *options]
    server = StdioServerParameters(command=sys.executable, args=argv, env=dict(os.environ))
    async with Client(server) as client:
        yield client


@asynccontextmanager
async def following(repo: Path, **more: Any) -> AsyncIterator[Client]:
    """A client of whichever run of the repository is the newest."""
    argv = ["-P", "-m", "agentdeck", "-C", str(repo), "mcp"]
    server = StdioServerParameters(command=sys.executable, args=argv, env=dict(os.environ))
    async with Client(server, **more) as client:
        yield client


def newer_run(repo: Path, text: str) -> RunFolder:
    """Another run of the repository, as its engine would begin it; nothing works at it."""
    return create_run(repo, read_plan(text, file="newer.toml"), text)


def words(content: Any) -> str:
    """The text of what came back; it has no other kind of content."""
    [only] = content
    return str(only.text)


async def called(client: Client, name: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(name, arguments)
    assert not result.is_error, result.content
    assert json.loads(words(result.content)) == result.structured_content
    return dict(result.structured_content)


async def refused(client: Client, name: str, **arguments: Any) -> str:
    result = await client.call_tool(name, arguments)
    assert result.is_error
    return words(result.content)


async def test_a_client_reads_everything_of_a_run(tmp_path: Path) -> None:
    script = f"! say the key is {SECRET}\n! say \\u001b[31mred\\u001b[0m\n{ASK}"
    with running(tmp_path, plan_text(script)) as folder:
        reaches(folder, "A", TaskState.ASKING)
        async with client_of(folder) as client:
            status = await called(client, "run_status")
            assert (status["run"], status["by_state"]) == (folder.run, {"asking": 1})
            tasks = await called(client, "list_tasks")
            assert tasks["tasks"] == [
                {"id": "A", "title": "First", "state": "asking", "after": [], "attempts": 1}
            ]
            task = await called(client, "get_task", task="A")
            assert task["why"] == "A asks: Which colour?"
            assert task["files"] == ["a/"]
            assert "[[task]]" in (await called(client, "read_plan"))["plan"]
            log = await called(client, "read_log", task="A", lines=50)
            assert SECRET not in str(log)
            assert "the key is ***" in "\n".join(log["lines"])
            assert "\x1b" not in str(log["lines"])
            assert len((await called(client, "read_log", task="A", lines=1))["lines"]) == 1
            assert (await called(client, "explain", task="A"))["why"] == "A asks: Which colour?"
            assert (await called(client, "evidence", task="A"))["card"]["task"] == "A"
            assert (await called(client, "queue"))["entries"] == []
            [item] = (await called(client, "inbox"))["waiting"]
            assert (item["kind"], item["task"]) == ("question", "A")
            first = await called(client, "events", limit=2)
            assert [each["seq"] for each in first["events"]] == [1, 2]
            after = await called(client, "events", after=first["next"], limit=2)
            assert [each["seq"] for each in after["events"]] == [3, 4]
            read = await client.read_resource("agentdeck://run/plan")
            assert "[[task]]" in words(read.contents)
            read = await client.read_resource("agentdeck://run/log/A")
            assert SECRET not in words(read.contents)
            assert len((await client.list_resources()).resources) == 4
            assert len((await client.list_resource_templates()).resource_templates) == 3


async def test_it_is_read_only_unless_the_plan_or_the_starter_says_more(tmp_path: Path) -> None:
    more = '[mcp]\ncommands = ["pause"]\n'
    text = plan_text(ASK).replace("[defaults]", f"{more}[defaults]")
    with running(tmp_path, text) as folder:
        reaches(folder, "A", TaskState.ASKING)
        async with client_of(folder) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert "pause" in tools
            assert not {"resume", "stop", "end", "answer", "merge"} & set(tools)
            with pytest.raises(MCPError, match="there is no tool"):
                await client.call_tool("stop", {"tasks": ["A"]})
            done = await called(client, "pause", tasks=["A"])
            assert done["results"][0]["done"]
            again = await client.call_tool("pause", {"tasks": ["A"]})
            assert again.is_error
            assert "A is paused already" in str(again.structured_content)
        reaches(folder, "A", TaskState.PAUSED)
        async with client_of(folder, "--allow", "resume", "--allow", "answer") as client:
            await called(client, "resume", tasks=["A"])
            await called(client, "answer", task="A", text="teal")
        reaches(folder, "A", TaskState.LANDED)
        assert landed_file(folder, "a/answer") == "teal\n"


async def test_hints_and_schemas_are_exact(tmp_path: Path) -> None:
    with running(tmp_path, plan_text("! write a/x")) as folder:
        async with client_of(folder, "--allow", "all") as client:
            tools = (await client.list_tools()).tools
            for tool in tools:
                assert tool.description
                assert tool.input_schema["type"] == "object"
                assert tool.input_schema["additionalProperties"] is False
                assert tool.annotations is not None
            hints = {tool.name: tool.annotations for tool in tools if tool.annotations}
            reading = {name for name, hint in hints.items() if hint.read_only_hint}
            assert {"run_status", "read_log", "events", "wait_for_answer"} <= reading
            assert not {"pause", "stop", "ask_person", "propose_task"} & reading
            assert hints["stop"].destructive_hint
            assert not hints["pause"].destructive_hint


async def test_wrong_arguments_are_told_and_nothing_is_done(tmp_path: Path) -> None:
    with running(tmp_path, plan_text(ASK)) as folder:
        reaches(folder, "A", TaskState.ASKING)
        async with client_of(folder, "--allow", "all") as client:
            assert "missing required field `task`" in await refused(client, "explain")
            assert "unknown field `x`" in await refused(client, "run_status", x=1)
            assert "Expected `int` <= 500" in await refused(client, "read_log", task="A", lines=501)
            assert "there is no task 'Z'" in await refused(client, "explain", task="Z")
            assert "Expected `int`, got `str`" in await refused(client, "events", after="1")
            assert "length >= 1" in await refused(client, "ask_person", question="")
            assert "no attempt 7" in await refused(client, "read_log", task="A", attempt=7)
            assert "length >= 1" in await refused(client, "stop", tasks=[])
            with pytest.raises(MCPError, match="there is no resource"):
                await client.read_resource("agentdeck://run/../plan")
            with pytest.raises(MCPError, match="there is no task"):
                await client.read_resource("agentdeck://run/task/Z")
        assert state_of(folder).tasks[TaskId("A")].state is TaskState.ASKING


async def test_a_question_of_a_client_is_answered_by_a_person_also_after_a_kill(
    tmp_path: Path,
) -> None:
    with running(tmp_path, plan_text(ASK)) as folder:
        reaches(folder, "A", TaskState.ASKING)
        async with client_of(folder) as client:
            asked = await called(client, "ask_person", question="Ship it?", options=["yes", "no"])
            waiting = asyncio.create_task(called(client, "wait_for_answer", id=asked["id"]))
            kill_engine(folder)
            start.ensure_engine(folder)
            send(folder, c.AnswerRequest(asked["id"], text="yes", by="kim"))
            answer = await asyncio.wait_for(waiting, 30)
            assert (answer["state"], answer["answer"]) == ("done", "yes")
            assert "there is no request" in await refused(client, "wait_for_answer", id="r9")


async def test_two_clients_see_each_others_requests_and_a_run_that_ends(tmp_path: Path) -> None:
    with running(tmp_path, plan_text(ASK)) as folder:
        reaches(folder, "A", TaskState.ASKING)
        async with client_of(folder) as one, client_of(folder, "--allow", "end") as other:
            made = await called(
                one, "propose_task", title="More", prompt="! write b/x", id="B", after=["A"]
            )
            [_, item] = (await called(other, "inbox"))["waiting"]
            assert (item["kind"], item["name"]) == ("proposed", made["id"])
            last = (await called(one, "run_status"))["last_event"]
            waits = asyncio.create_task(called(one, "events", after=last, wait_s=20))
            await called(other, "end")
            assert (await asyncio.wait_for(waits, 30))["events"]
            waited = await called(one, "wait_for_answer", id=made["id"])
            assert waited["state"] == "over"
            assert (await called(one, "run_status"))["state"] == "stopped"
            late = await refused(other, "ask_person", question="And now?")
            assert "has ended" in late or "no engine answers" in late


async def test_without_a_name_the_newest_run_is_served_and_each_answer_names_it(
    tmp_path: Path,
) -> None:
    """A run that begins while the server is there is the one that is read from then on."""
    with running(tmp_path, plan_text(ASK)) as folder:
        reaches(folder, "A", TaskState.ASKING)
        repo = tmp_path / "repo"
        async with following(repo) as client, client_of(folder) as staying:
            assert folder.run in (client.instructions or "")
            first = await called(client, "events", limit=2)
            assert (first["run"], first["next"]) == (folder.run, 2)
            newer = newer_run(repo, plan_text("! write a/x").replace("First", "Second"))
            for name, about in READS.items():
                assert (await called(client, name, **about))["run"] == newer.run, name
            [task] = (await called(client, "list_tasks"))["tasks"]
            assert task["title"] == "Second"
            read = await client.read_resource("agentdeck://run/plan")
            assert (read.contents[0].meta or {})["agentdeck/run"] == newer.run
            assert newer.run in await refused(client, "explain", task="Z")
            assert (await called(staying, "run_status"))["run"] == folder.run


async def test_a_cursor_of_the_run_before_leaves_out_nothing_of_the_newest(tmp_path: Path) -> None:
    """Also while the client waits for an event."""
    with running(tmp_path, plan_text(ASK)) as folder:
        reaches(folder, "A", TaskState.ASKING)
        async with following(tmp_path / "repo") as client:
            last = (await called(client, "events", limit=500))["last"]
            waits = asyncio.create_task(called(client, "events", after=last, wait_s=20))
            await called(client, "run_status")
            newer = newer_run(tmp_path / "repo", plan_text("! write a/x"))
            found = await asyncio.wait_for(waits, 30)
            assert (found["run"], found["events"][0]["seq"]) == (newer.run, 1)
            again = await called(client, "events", after=last, run=folder.run)
            assert again["events"][0]["seq"] == 1
            after = await called(client, "events", after=found["next"], run=newer.run)
            assert after["events"] == []


async def test_nothing_is_sent_to_a_run_that_the_client_has_not_seen(tmp_path: Path) -> None:
    """What it may send there is what the plan of that run says."""
    may = plan_text(ASK).replace("[defaults]", '[mcp]\ncommands = ["stop"]\n[defaults]')
    with running(tmp_path, may) as folder:
        reaches(folder, "A", TaskState.ASKING)
        async with following(tmp_path / "repo") as client:
            asked = await called(client, "ask_person", question="Ship it?")
            assert "stop" in {tool.name for tool in (await client.list_tools()).tools}
            newer = newer_run(tmp_path / "repo", plan_text(ASK))
            said = await refused(client, "ask_person", question="And this?")
            assert f"a newer run has begun, {newer.run}" in said
            assert f"the latest answer was of {folder.run}: nothing was sent" in said
            with pytest.raises(MCPError, match="there is no tool"):
                await client.call_tool("stop", {"tasks": ["A"]})
            assert "stop" not in {tool.name for tool in (await client.list_tools()).tools}
            send(folder, c.AnswerRequest(asked["id"], text="yes", by="kim"))
            answer = await called(client, "wait_for_answer", id=asked["id"])
            assert (answer["run"], answer["answer"]) == (folder.run, "yes")
        assert state_of(folder).tasks[TaskId("A")].state is TaskState.ASKING


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_client_is_told_that_it_may_send_other_commands(tmp_path: Path, mode: Any) -> None:
    """As its version of the protocol has it: at once, or where it listens."""
    told = asyncio.Event()

    async def hear(message: object) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            told.set()

    repo = tmp_path / "repo"
    repo.mkdir()
    make_repo(repo, {"README.md": "hello\n"})
    newer_run(repo, plan_text(ASK))
    may = plan_text(ASK).replace("[defaults]", '[mcp]\ncommands = ["stop"]\n[defaults]')
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(following(repo, mode=mode, message_handler=hear))
        if mode == "auto":
            changes = await stack.enter_async_context(client.listen(tools_list_changed=True))
        assert "stop" not in {tool.name for tool in (await client.list_tools()).tools}
        newer_run(repo, may)
        await called(client, "run_status")
        heard = told.wait() if mode == "legacy" else anext(aiter(changes))
        await asyncio.wait_for(heard, 30)
        assert "stop" in {tool.name for tool in (await client.list_tools()).tools}


async def test_a_server_may_be_there_before_the_first_run(tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    repo.mkdir()
    make_repo(repo, {"README.md": "hello\n"})
    async with following(repo) as client:
        assert "there is no run of this repository" in await refused(client, "run_status")
        assert {"run_status", "ask_person"} < {t.name for t in (await client.list_tools()).tools}
        first = newer_run(repo, plan_text(ASK))
        assert (await called(client, "run_status"))["run"] == first.run


async def test_without_an_engine_a_client_reads_and_commands_are_refused(tmp_path: Path) -> None:
    with running(tmp_path, plan_text(ASK)) as folder:
        reaches(folder, "A", TaskState.ASKING)
        kill_engine(folder)
        async with client_of(folder, "--allow", "all") as client:
            assert not (await called(client, "run_status"))["engine"]
            said = await refused(client, "pause", tasks=["A"])
            assert "no engine answers" in said
            assert "agentdeck attach" in said
