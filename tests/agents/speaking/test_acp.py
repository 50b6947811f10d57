"""The scripted agent as an agent of the Agent Client Protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.agents.speaking.processes import Run, Speak, git
from tests.agents.speaking.shapes import recorded, unlike

WORK = "! say I will create hello.txt.\n! write hello.txt 1\n! commit add hello.txt"


class Client:
    """A client that asks one thing after the other.

    Args:
        run: the agent.
        writes: whether it says that it can write files.
    """

    def __init__(self, run: Run, *, writes: bool = False) -> None:
        self.run = run
        self._asked = 0
        fs = {"readTextFile": False, "writeTextFile": writes}
        can = {"fs": fs, "terminal": False}
        self.about = self.ask("initialize", protocolVersion=1, clientCapabilities=can)["result"]

    def start(self, method: str, **params: object) -> int:
        """Ask, and do not wait for the answer. Returns the id."""
        self._asked += 1
        self._send(id=self._asked, method=method, params=params)
        return self._asked

    def answer_to(self, number: int) -> dict[str, Any]:
        """The answer, when it is there."""
        return self.run.until(lambda: self._found(number))

    def ask(self, method: str, **params: object) -> dict[str, Any]:
        """Ask, and wait for the answer."""
        return self.answer_to(self.start(method, **params))

    def tell(self, method: str, **params: object) -> None:
        """A notification."""
        self._send(method=method, params=params)

    def session(self, cwd: Path) -> str:
        """A new session."""
        return str(self.ask("session/new", cwd=str(cwd), mcpServers=[])["result"]["sessionId"])

    def prompt(self, session: str, text: str) -> int:
        """Begin a turn. Returns the id of the request."""
        prompt = [{"type": "text", "text": text}]
        return self.start("session/prompt", sessionId=session, prompt=prompt)

    def request(self, number: int) -> dict[str, Any]:
        """What the agent asks for, for the so manyth time."""

        def asked() -> dict[str, Any] | None:
            found = [line for line in self.run.lines() if "method" in line and "id" in line]
            return found[number - 1] if len(found) == number else None

        return self.run.until(asked)

    def choose(self, number: int, kind: str) -> None:
        """Answer a permission request with the option of this kind."""
        asked = self.request(number)
        option = next(each for each in asked["params"]["options"] if each["kind"] == kind)
        outcome = {"outcome": "selected", "optionId": option["optionId"]}
        self._send(id=asked["id"], result={"outcome": outcome})

    def respond(self, number: int, **answer: object) -> None:
        """Answer a request of the agent."""
        self._send(id=self.request(number)["id"], **answer)

    def updates(self, kind: str) -> list[dict[str, Any]]:
        """The updates of one kind so far."""
        found = [line["params"]["update"] for line in self.run.lines() if is_update(line)]
        return [update for update in found if update["sessionUpdate"] == kind]

    def _found(self, number: int) -> dict[str, Any] | None:
        answers = [line for line in self.run.lines() if "method" not in line]
        return next((line for line in answers if line["id"] == number), None)

    def _send(self, **fields: object) -> None:
        self.run.send({"jsonrpc": "2.0", **fields})


def is_update(line: dict[str, Any]) -> bool:
    return line.get("method") == "session/update"


@pytest.fixture
def client(speak: Speak) -> Client:
    return Client(speak("acp", "Do what you are told.", talk=True))


def test_the_recorded_conversation_has_the_same_shape(speak: Speak, repo: Path) -> None:
    """Two tools, both allowed, and a file that the client is asked to write."""
    client = Client(speak("acp", "", talk=True), writes=True)
    session = client.session(repo)
    turn = client.prompt(session, f"! ask permission\n{WORK}")
    client.choose(1, "allow_once")
    asked = client.request(2)
    assert asked["method"] == "fs/write_text_file"
    Path(asked["params"]["path"]).write_text(asked["params"]["content"], encoding="utf-8")
    client.respond(2, result={})
    client.choose(3, "allow_once")
    assert client.answer_to(turn)["result"]["stopReason"] == "end_turn"
    client.run.close()
    assert client.run.code() == 0
    update = "params.update"
    left_out = [
        *("result.configOptions", "result.authMethods[]", f"{update}.availableCommands[]"),
        *("params.toolCall.rawInput", "result.agentCapabilities.sessionCapabilities"),
        *(f"{update}.rawOutput.metadata", f"{update}.rawInput.cwd", f"{update}.locations[]"),
    ]
    wanted = [
        line
        for line in recorded("acp-opencode.jsonl")
        # A tool that runs says so once here; there it says so again with what it has printed.
        if line.get("params", {}).get("update", {}).get("content") is None
    ]
    assert unlike(wanted, client.run.lines(), left_out) == []
    assert git(repo, "show", "--format=%s", "--name-only") == "add hello.txt\n\nhello.txt"
    assert {line["jsonrpc"] for line in client.run.lines()} == {"2.0"}


def test_it_says_what_it_is(client: Client) -> None:
    assert client.about["protocolVersion"] == 1
    assert client.about["agentCapabilities"]["loadSession"] is True


def test_a_tool_tells_what_it_touches_and_how_it_went(client: Client, repo: Path) -> None:
    """Without `ask permission` it asks nobody."""
    turn = client.prompt(client.session(repo), "! write a.txt 1")
    result = client.answer_to(turn)["result"]
    first, *later = client.updates("tool_call") + client.updates("tool_call_update")
    assert (first["status"], first["kind"]) == ("pending", "edit")
    path = str(repo / "a.txt")
    mine = [update for update in later if update["toolCallId"] == first["toolCallId"]]
    assert [update["status"] for update in mine] == ["in_progress", "completed"]
    assert mine[0]["locations"] == [{"path": path}]
    (diff,) = mine[0]["content"]
    assert (diff["type"], diff["path"], diff["oldText"]) == ("diff", path, "")
    assert diff["newText"] == (repo / "a.txt").read_text("utf-8")
    usage = result["usage"]
    parts = usage["inputTokens"] + usage["outputTokens"] + usage["cachedReadTokens"]
    assert usage["totalTokens"] == parts
    assert client.updates("usage_update")[-1]["cost"]["amount"] > 0


def test_a_refused_tool_is_not_used_and_the_turn_goes_on(client: Client, repo: Path) -> None:
    turn = client.prompt(client.session(repo), "! ask permission\n! write a.txt 1\n! say so be it")
    client.choose(1, "reject_once")
    assert client.answer_to(turn)["result"]["stopReason"] == "end_turn"
    assert client.updates("tool_call_update")[-1]["status"] == "failed"
    assert "so be it" in client.run.text
    assert not (repo / "a.txt").exists()


def test_what_is_always_allowed_is_asked_once(client: Client, repo: Path) -> None:
    """Only of its kind: a command is asked for all the same."""
    script = "! ask permission\n! write a.txt 1\n! write b.txt 1\n! commit both"
    turn = client.prompt(client.session(repo), script)
    client.choose(1, "allow_always")
    assert client.request(2)["params"]["toolCall"]["kind"] == "execute"
    client.choose(2, "allow_once")
    assert client.answer_to(turn)["result"]["stopReason"] == "end_turn"
    assert git(repo, "status", "--porcelain") == ""


def test_a_mode_may_allow_everything(client: Client, repo: Path) -> None:
    session = client.session(repo)
    mode = client.ask("session/set_mode", sessionId=session, modeId="bypassPermissions")
    assert mode["result"] == {}
    assert client.updates("current_mode_update")[0]["currentModeId"] == "bypassPermissions"
    turn = client.prompt(session, "! ask permission\n! write a.txt 1")
    assert client.answer_to(turn)["result"]["stopReason"] == "end_turn"


def test_a_cancelled_turn_ends_as_the_recorded_one(client: Client, repo: Path) -> None:
    """The tool that waited for a permission fails, and the prompt is answered."""
    turn = client.prompt(client.session(repo), f"! ask permission\n{WORK}")
    client.request(1)
    client.tell("session/cancel", sessionId=client.request(1)["params"]["sessionId"])
    client.respond(1, result={"outcome": {"outcome": "cancelled"}})
    assert client.answer_to(turn)["result"]["stopReason"] == "cancelled"
    wanted = recorded("acp-opencode-cancel.jsonl")[-3:]
    left_out = ("params.update.rawInput", "params.update.rawOutput.metadata")
    found = [kinds for kinds in client.run.lines() if "rawInput" not in str(kinds)]
    odd = ("params.update.kind", "params.update.locations")
    stripped = [without_kind(line) for line in wanted]
    assert unlike(stripped, found, (*left_out, *odd)) == []
    assert not (repo / "hello.txt").exists()


def without_kind(line: dict[str, Any]) -> dict[str, Any]:
    """The update of a failed tool repeats its kind there; that is how lines are told apart."""
    update = line.get("params", {}).get("update", {})
    if update.get("sessionUpdate") == "tool_call_update":
        del update["kind"]
    return line


def test_a_turn_is_cancelled_while_it_does_nothing(client: Client, repo: Path) -> None:
    """A prompt that waits behind it is cancelled too, and the session goes on."""
    session = client.session(repo)
    turn = client.prompt(session, "! say before\n! sleep 60\n! say after")
    client.run.until(lambda: '"before"' in client.run.text)
    waiting = client.prompt(session, "! say never")
    client.tell("session/cancel", sessionId=session)
    assert client.answer_to(turn)["result"]["stopReason"] == "cancelled"
    assert client.answer_to(waiting)["result"]["stopReason"] == "cancelled"
    more = client.prompt(session, "! say more")
    assert client.answer_to(more)["result"]["stopReason"] == "end_turn"
    assert '"after"' not in client.run.text
    assert '"never"' not in client.run.text


def test_other_requests_are_served_during_a_turn(client: Client, repo: Path) -> None:
    session = client.session(repo)
    turn = client.prompt(session, "! say before\n! sleep 60")
    client.run.until(lambda: '"before"' in client.run.text)
    assert client.session(repo) != session
    assert client.ask("session/fly")["error"]["code"] == -32601
    client.tell("session/cancel", sessionId=session)
    client.answer_to(turn)


def test_a_question_is_answered_by_the_next_prompt(client: Client, repo: Path) -> None:
    session = client.session(repo)
    first = client.prompt(session, "! ask Tabs or spaces?\n! write-answer a.txt")
    assert client.answer_to(first)["result"]["stopReason"] == "end_turn"
    assert client.updates("agent_message_chunk")[-1]["content"]["text"] == "Tabs or spaces?"
    client.answer_to(client.prompt(session, "Tabs"))
    assert (repo / "a.txt").read_text("utf-8") == "Tabs\n"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("! unauthorized", "HTTP 401"),
        ("! rate-limit 30", "HTTP 429: the limit is used up; retry after 30 s"),
        ("! overload", "HTTP 500"),
        ("! network", "connection refused"),
        ("! give-up too hard", "too hard"),
    ],
)
def test_a_trouble_is_an_error_of_the_protocol(
    client: Client, repo: Path, script: str, words: str
) -> None:
    """In the shape of the recorded one; the process goes on."""
    turn = client.prompt(client.session(repo), script)
    answer = client.answer_to(turn)
    assert words in answer["error"]["message"]
    wanted = [line for line in recorded("acp-opencode-error-401.jsonl") if "error" in line]
    assert unlike(wanted, [answer]) == []
    assert client.run.alive


@pytest.mark.parametrize(
    ("script", "reason"), [("! refuse", "refusal"), ("! turn-limit", "max_turn_requests")]
)
def test_some_ends_have_a_reason_of_their_own(
    client: Client, repo: Path, script: str, reason: str
) -> None:
    turn = client.prompt(client.session(repo), script)
    assert client.answer_to(turn)["result"]["stopReason"] == reason


def test_a_session_outlives_the_process(speak: Speak, repo: Path) -> None:
    """Loading it repeats what was said; resuming it does not."""
    first = Client(speak("acp", "", talk=True))
    session = first.session(repo)
    first.prompt(session, "! say hello\n! crash\n! write b.txt 1")
    assert first.run.code() == -9
    for method, said in (("session/load", ["hello"]), ("session/resume", [])):
        again = Client(speak("acp", "", talk=True))
        answer = again.ask(method, sessionId=session, cwd=str(repo), mcpServers=[])
        assert answer["result"]["modes"]["currentModeId"] == "default"
        chunks = [each["content"]["text"] for each in again.updates("agent_message_chunk")]
        assert chunks == said
    turn = again.prompt(session, "Go on.")
    assert again.answer_to(turn)["result"]["stopReason"] == "end_turn"
    assert git(repo, "log", "-1", "--format=%s") == "T1"
    assert (repo / "b.txt").exists()


def test_what_is_not_there_is_an_error(client: Client) -> None:
    loaded = client.ask("session/load", sessionId="nowhere", cwd="/", mcpServers=[])
    assert loaded["error"]["code"] == -32002
    assert client.answer_to(client.prompt("nowhere", "hello"))["error"]["code"] == -32602
    mode = client.ask("session/set_mode", sessionId="nowhere", modeId="default")
    assert mode["error"]["code"] == -32602
    client.run.close()
    assert client.run.code() == 0


def test_a_client_that_cannot_write_after_all_fails_the_tool(speak: Speak, repo: Path) -> None:
    client = Client(speak("acp", "", talk=True), writes=True)
    turn = client.prompt(client.session(repo), "! write a.txt 1")
    client.respond(1, error={"code": -32603, "message": "disk full"})
    assert client.answer_to(turn)["result"]["stopReason"] == "end_turn"
    assert client.updates("tool_call_update")[-1]["status"] == "failed"
    assert not (repo / "a.txt").exists()


def test_the_client_gets_the_whole_text_of_a_file_that_grows(speak: Speak, repo: Path) -> None:
    (repo / "a.txt").write_text("one\n", encoding="utf-8")
    client = Client(speak("acp", "", talk=True), writes=True)
    client.prompt(client.session(repo), "! append a.txt two")
    assert client.request(1)["params"]["content"] == "one\ntwo\n"
