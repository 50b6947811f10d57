"""Which rule answers a request, and which does not dare to."""

from __future__ import annotations

import json

import pytest

from agentdeck.core.events import AskKind, AskOption
from agentdeck.core.ids import TaskId
from agentdeck.core.permissions import (
    Decision,
    OptionKind,
    PermissionRule,
    Scope,
    choose,
    rejects,
    rule_for,
    words_of,
)
from agentdeck.core.state import Question

A = TaskId("A")
NOW = 1_000.0
ALLOW, DENY = Decision.ALLOW, Decision.DENY
TASK, RUN, PLAN = Scope.TASK, Scope.RUN, Scope.PLAN


def asks(tool: str, target: str, raw: str | None = None, key: str = "command") -> Question:
    """A request; `raw` is what the agent hands over as its tool's input, None = it does not."""
    payload = "" if raw is None else json.dumps({"input": {key: raw}})
    return Question("q1", "?", 0.0, AskKind.PERMISSION, tool, target, (), payload)


def bash(command: str) -> Question:
    """A request of an agent that hands over its command, as its reader makes a target of it."""
    return asks("Bash", " ".join(command.split()), command)


def allow(target: str = "*", tool: str = "Bash", *, exact: bool = False) -> PermissionRule:
    return PermissionRule("r1", RUN, ALLOW, tool, target, exact)


def deny(target: str = "*", tool: str = "*") -> PermissionRule:
    return PermissionRule("r1", RUN, DENY, tool, target)


@pytest.mark.parametrize(
    ("rule", "request_", "fits"),
    [
        (allow(), bash("rm -rf /"), True),
        (allow(tool="Edit"), bash("ls"), False),
        (allow(tool="bash"), bash("ls"), False),  # the case counts
        (allow("pytest *"), bash("pytest -q tests"), True),
        (allow("pytest *"), bash("pytest"), False),
        (allow("pytest*"), bash("pytest; rm -rf /"), False),
        (allow("pytest*"), bash("pytest && rm x"), False),
        (allow("pytest*"), bash("pytest | sh"), False),
        (allow("pytest*"), bash("pytest > /etc/passwd"), False),
        (allow("pytest*"), bash("pytest $(cat x)"), False),
        (allow("pytest*"), bash("pytest `cat x`"), False),
        (allow("pytest *"), bash("pytest \nrm -rf /"), False),  # one line once it was shortened
        (allow("*"), bash("pytest; rm -rf /"), True),
        (allow("src/*", "Edit"), asks("Edit", "src/a/b.py", "/w/src/a/b.py", "file_path"), True),
        (allow("src/*", "Edit"), asks("Edit", "docs/a.md", "/w/docs/a.md", "file_path"), False),
        (allow("npm *", "execute"), asks("execute", "npm test"), False),  # its words are not known
        (allow("src/*", "edit"), asks("edit", "src/a.py"), True),
        (allow("src/*", "edit"), asks("edit", "src/a…"), False),  # it was cut
        (allow("src/a…", "edit", exact=True), asks("edit", "src/a…"), True),
        (allow("git *[status]", exact=True), bash("git *[status]"), True),
        (allow("git *[status]", exact=True), bash("git s"), False),
        (deny("*git push*"), bash("cd x && git push"), True),
        (deny("*git push*"), bash("cd x\ngit\npush"), True),
        (deny("*git push*"), asks("execute", "git push…"), True),
        (deny("*git push*"), bash("git pull"), False),
    ],
)
def test_a_rule_fits_a_request(rule: PermissionRule, request_: Question, fits: bool) -> None:
    """An allow is careful, a deny is not."""
    assert (rule_for([rule], A, request_, NOW) == rule) is fits


def test_a_deny_beats_every_allow() -> None:
    """Also one of a wider scope that was set earlier."""
    wide = PermissionRule("r1", PLAN, DENY, target="*push*")
    narrow = PermissionRule("r2", TASK, ALLOW, task="A")
    assert rule_for([wide, narrow], A, bash("git push"), NOW) == wide
    assert rule_for([wide, narrow], A, bash("git pull"), NOW) == narrow


def test_the_narrower_and_the_newer_rule_is_the_one_that_is_named() -> None:
    rules = [
        PermissionRule(f"r{n}", scope, ALLOW) for n, scope in enumerate((PLAN, RUN, TASK, TASK))
    ]
    assert rule_for(rules, A, bash("ls"), NOW) == rules[3]
    assert rule_for(rules[:2], A, bash("ls"), NOW) == rules[1]


def test_a_rule_of_a_task_is_about_that_task() -> None:
    rule = PermissionRule("r1", TASK, ALLOW, task="A")
    assert rule_for([rule], TaskId("B"), bash("ls"), NOW) is None
    globbed = PermissionRule("p1", PLAN, ALLOW, task="DOC-*")
    assert rule_for([globbed], TaskId("DOC-1"), bash("ls"), NOW) == globbed


def test_a_rule_expires() -> None:
    rule = PermissionRule("r1", RUN, ALLOW, expires_at=NOW)
    assert rule_for([rule], A, bash("ls"), NOW - 0.1) == rule
    assert rule_for([rule], A, bash("ls"), NOW) is None


def test_the_words_of_a_target_that_was_cut_are_known_from_what_the_agent_hands_over() -> None:
    long = "echo " + "x" * 500
    cut = asks("Bash", long[:159] + "…", long)
    assert words_of(cut).text == long
    assert rule_for([allow(long, exact=True)], A, cut, NOW) is not None
    other = asks("Bash", long[:159] + "…", long + "; rm -rf /")
    assert rule_for([allow(long, exact=True)], A, other, NOW) is None


@pytest.mark.parametrize("payload", ["{", "[]", '{"input": 3}', '{"input": {"a": 1}}'])
def test_a_payload_that_makes_no_sense_leaves_the_target_as_it_is(payload: str) -> None:
    words = words_of(Question("q", "?", 0.0, AskKind.PERMISSION, "Bash", "ls", (), payload))
    assert (words.text, words.known) == ("ls", False)


OPTIONS = (
    AskOption("forever", "Always", OptionKind.ALLOW_ALWAYS),
    AskOption("once", "Once", OptionKind.ALLOW_ONCE),
    AskOption("no", "No", OptionKind.REJECT_ONCE),
)


def test_agentdeck_does_not_pick_an_agents_own_always() -> None:
    """It may outlive the session in the agent's settings."""
    assert choose(OPTIONS, ALLOW) == "once"
    assert choose(OPTIONS[:1], ALLOW) == "forever"
    assert choose(OPTIONS, DENY) == "no"
    assert (choose((), ALLOW), choose((), DENY)) == ("allow", "deny")
    assert choose(OPTIONS[:2], DENY) == "deny"


def test_a_no_is_known_by_its_kind_whatever_the_agent_calls_it() -> None:
    assert [rejects(OPTIONS, option) for option in ("once", "no", "deny", "allow")] == [
        False,
        True,
        True,
        False,
    ]
