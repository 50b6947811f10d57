"""What agents ask, answered by keys: each key is the command of `agentdeck answer`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.tui.live_run import git, live_deck, made_run, put_claude_on_path
from tests.tui.sample_journal import COMMAND, asking
from tests.tui.test_room_keys import Room, room
from textual.widgets import Input, OptionList

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.answers import given_answers
from agentdeck.core.events import AnyEvent, Recorded
from agentdeck.core.ids import TaskId
from agentdeck.core.permissions import Decision, PermissionRule, Scope
from agentdeck.core.state import TaskState
from agentdeck.tui.presentation.asks import exact, request_lines
from agentdeck.tui.presentation.line import cells, text_of
from agentdeck.tui.screens.ask_dialogs import AnswerQuestion, AskDialog, AskPermission
from agentdeck.tui.snapshot import _text

S3 = TaskId("S-3")
WIDTH = 40


async def opened(deck: Room) -> None:
    """The dialog of the first permission."""
    await deck.select("S-3")
    await deck.press("i")
    assert isinstance(deck.app.screen, AskPermission)


async def happens(deck: Room, *events: AnyEvent) -> None:
    """The run goes on while the dialog is open."""
    app = deck.app
    seq, now = app.model.state.seq, app.model.clock.now()
    app.take([Recorded(seq + n, now, event) for n, event in enumerate(events, 1)])
    app.draw()
    await deck.pilot.pause()
    await deck.pilot.pause()


def answer(deck: Room, option: str, question: str = "p1", **more: object) -> c.Answer:
    return c.Answer(S3, option, question=question, by=deck.app.person, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "option", "scope"),
    [
        ("y", "allow", None),
        ("a", "allow", Scope.TASK),
        ("r", "allow", Scope.RUN),
        ("p", "allow", Scope.PLAN),
    ],
)
async def test_a_yes_has_four_reaches(
    tmp_path: Path, key: str, option: str, scope: Scope | None
) -> None:
    async with room(tmp_path, asking()) as deck:
        await opened(deck)
        await deck.press(key)
        assert deck.source.sent == [answer(deck, option, remember=scope)]


async def test_a_no_may_have_words(tmp_path: Path) -> None:
    """Escape goes from the line back to the answers, and from there leaves it open."""
    async with room(tmp_path, asking()) as deck:
        await opened(deck)
        await deck.press("n", "escape")
        assert isinstance(deck.app.screen, AskPermission)
        await deck.press("n")
        deck.app.screen.query_one(Input).value = "not in here"
        await deck.press("enter")
        assert deck.source.sent == [answer(deck, "deny", text="not in here")]
        await deck.press("escape")
        assert len(deck.source.sent) == 1


async def test_enter_allows_nothing(tmp_path: Path) -> None:
    """Nothing is marked; a key that is no answer says so."""
    async with room(tmp_path, asking()) as deck:
        await opened(deck)
        await deck.press("enter", "space", "9")
        assert deck.source.sent == []
        assert isinstance(deck.app.screen, AskPermission)
        assert "Press the letter of an answer" in deck.toasts[0]


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (120, 36), (80, 40)])
async def test_answers_are_seen_however_long_the_request_is(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    """What is asked scrolls, with the arrows; the rows of the answers and the hint stay."""
    told = asking()
    told.tell(e.AskWithdrawn(S3, 1, "p1"), e.AskWithdrawn(S3, 1, "p2"))
    told.tell(question("Write", {"content": "".join(f"line {n}\n" for n in range(300))}))
    async with room(tmp_path, told, size) as deck:
        deck.app.asking.answer(S3, frozenset({"q2"}))
        await deck.pilot.pause()
        assert "+ line 1" in _text(deck.app)
        await deck.press("end")
        for _ in range(200):
            screen = _text(deck.app)
            if "+ line 299" in screen:
                break
            await deck.pilot.pause(0.02)
        assert "+ line 299" in screen
        for words in ("wants to use Write", "a r p remember", "y  Allow it once", "n  Deny it"):
            assert words in screen
        assert "escape leaves it open" in screen
        assert deck.toasts == []


async def test_a_pattern_is_remembered_only_if_it_answers_this(tmp_path: Path) -> None:
    """A wildcard does not stretch over what a shell would read as another command; `*` does."""
    async with room(tmp_path, asking()) as deck:
        await opened(deck)
        await deck.press("e")
        line = deck.app.screen.query_one(Input)
        line.value = "set *"
        await deck.press("enter")
        assert deck.toasts == ["set * would not answer this one."]
        line.value = "*"
        await deck.press("enter", "r")
        assert deck.source.sent == [answer(deck, "allow", remember=Scope.RUN, target="*")]
        assert len(deck.toasts) == 1


async def test_the_next_one_follows_with_the_agents_own_answers(tmp_path: Path) -> None:
    """Digits choose them; then the question comes: enter alone sends nothing, the arrows mark."""
    async with room(tmp_path, asking()) as deck:
        await opened(deck)
        await deck.press("y")
        assert isinstance(deck.app.screen, AskPermission)
        await deck.press("2")
        assert isinstance(deck.app.screen, AnswerQuestion)
        await deck.press("enter")
        assert "Nothing is sent" in deck.toasts[-1]
        await deck.press("down", "down", "enter")
        assert deck.app.screen.id == "room"
        assert deck.source.sent == [
            answer(deck, "allow"),
            answer(deck, "o2", "p2"),
            answer(deck, "spaces", "q2"),
        ]


async def test_what_cannot_be_remembered_is_dim_and_says_why(tmp_path: Path) -> None:
    told = asking()
    told.tell(
        e.AskWithdrawn(S3, 1, "p1"),
        e.AskWithdrawn(S3, 1, "p2"),
        e.AttemptAsked(S3, 1, "p3", "May it?", e.AskKind.PERMISSION, "Bash", "x" * 158 + "…"),
    )
    async with room(tmp_path, told) as deck:
        await deck.select("S-3")
        await deck.press("i", "escape")  # the question before it
        deck.app.asking.answer(S3, frozenset({"q2"}))
        await deck.pilot.pause()
        await deck.press("r")
        assert deck.source.sent == []
        assert "too long to remember" in deck.toasts[-1]
        rows = deck.app.screen.query_one(OptionList)
        assert [rows.get_option_at_index(n).disabled for n in range(5)] == [0, 1, 1, 1, 0]


GONE: list[tuple[tuple[AnyEvent, ...], str]] = [
    ((e.AskWithdrawn(S3, 1, "p1"),), "S-3 has taken its question back."),
    ((e.MessageSent(S3, 1, "m2", "", "lou", "p1", "allow"),), "answered by lou meanwhile"),
    ((e.MessageSent(S3, 1, "m2", "", "kim", "p1", "allow", "r1"),), "answered by rule r1"),
    ((e.AttemptExited(S3, 1, 1, ok=False),), "The agent of S-3 has ended"),
]


@pytest.mark.parametrize(("events", "why"), GONE)
async def test_a_dialog_without_a_question_closes_and_says_why(
    tmp_path: Path, events: tuple[AnyEvent, ...], why: str
) -> None:
    """The next one follows, where there is one."""
    async with room(tmp_path, asking()) as deck:
        await opened(deck)
        await happens(deck, *events)
        assert why in deck.toasts[-1]
        assert deck.source.sent == []
        more = not isinstance(events[0], e.AttemptExited)
        assert isinstance(deck.app.screen, AskDialog) == more


async def test_what_a_rule_answers_is_not_asked(tmp_path: Path) -> None:
    """A rule set meanwhile decides the second one: the third follows."""
    async with room(tmp_path, asking()) as deck:
        await opened(deck)
        rule = PermissionRule("r2", Scope.RUN, Decision.ALLOW, "Edit", by="kim")
        await happens(deck, e.PermissionRuleSet(rule))
        await deck.press("y")
        assert isinstance(deck.app.screen, AnswerQuestion)


def question(tool: str, given: object) -> e.AttemptAsked:
    payload = json.dumps({"input": given})
    return e.AttemptAsked(S3, 1, "x", "?", e.AskKind.PERMISSION, tool, "t", payload=payload)


def shown(tool: str, given: object) -> list[str]:
    told = asking()
    told.tell(question(tool, given))
    attempt = told.state.tasks[S3].attempt
    assert attempt is not None
    return [text_of(line).rstrip() for line in request_lines(attempt.questions[-1], WIDTH)]


SHOWN: list[tuple[str, object, list[str]]] = [
    ("Bash", {"command": "ls\nrm x"}, ["$ ls", "> rm x"]),
    ("Bash", {"command": "a\rb\x1b]0;t\x07\u200bc"}, [r"$ a\rb\x1b]0;t\x07\u200bc"]),
    ("Write", {"file_path": "/w/a", "content": "1\n\n2\n"}, ["  /w/a", "+ 1", "+", "+ 2"]),
    (
        "MultiEdit",
        {"path": "a", "edits": [{"old_string": "x", "new_string": "y"}]},
        ["  a", "edit 1 of 1", "- x", "+ y"],
    ),
    ("Fetch", {"url": "http://x", "deep": {"a": [1]}}, ["  url: http://x", '  deep: {"a":[1]}']),
    ("Odd", {}, ["  t"]),
]


@pytest.mark.parametrize(("tool", "given", "rows"), SHOWN)
def test_what_an_agent_wants_to_do_is_shown_whole(
    tool: str, given: object, rows: list[str]
) -> None:
    assert shown(tool, given) == rows


@pytest.mark.parametrize("text", [COMMAND, "x" * 10_000, "多言語 " * 40, "a  b\t c ", ""])
def test_no_character_is_lost_and_no_row_too_wide(text: str) -> None:
    """Also the spaces, and lines longer than any screen: only unseen characters are rewritten."""
    rows = list(exact(text, WIDTH, "$ "))
    assert all(cells(row) <= WIDTH for row in rows)
    joined = "".join(text_of(row[1:]) for row in rows)
    seen = text.expandtabs(8).replace("\n", "").replace("\u202e", r"\u202e")
    assert joined == seen.replace("\x1b", r"\x1b")


async def test_a_real_agent_is_allowed_by_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One write is denied with a reason, one allowed for the run; the rest lands by the rule."""
    put_claude_on_path(tmp_path, monkeypatch)
    more = '[agents.claude]\npermissions = "ask"\n'
    script = "! ask permission\n! write bad.txt\n! write good.txt\n! write more.txt"
    folder = made_run(tmp_path, script, more)
    async with live_deck(folder) as deck:
        await deck.is_in(TaskState.ASKING)
        await deck.press("i")
        await deck.sees("wants to use Write  bad.txt")
        await deck.press("n", *"no", "enter")
        await deck.until(lambda: "good.txt" in str(deck.task.attempts[-1].questions), "the next")
        await deck.press("i")
        await deck.sees("wants to use Write  good.txt")
        await deck.press("e")
        deck.app.screen.query_one(Input).value = "*"
        await deck.press("enter", "r")
        await deck.until(lambda: "Bash" in str(deck.task.attempts[-1].questions), "the commit")
        await deck.press("i", "p")
        await deck.is_in(TaskState.LANDED)
        given = [(g.target, g.allowed, g.by, g.rule) for g in given_answers(deck.state)]
        assert given[:3] == [
            ("bad.txt", False, "kim", ""),
            ("good.txt", True, "kim", ""),
            ("more.txt", True, "kim", "r1"),
        ]
        assert [rule.scope for rule in deck.state.rules.values()] == [Scope.RUN, Scope.PLAN]
    files = git(folder, "ls-tree", "--name-only", "deck/p").split()
    assert files == ["README.md", "good.txt", "more.txt"]
    raw = (folder.attempt(TaskId("A"), 1) / "raw.log").read_text()
    assert "kim" not in raw
