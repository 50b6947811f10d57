"""What agents ask: answered by a person, by a rule, or, when nobody comes, as the plan says."""

from __future__ import annotations

import json

import pytest

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.adapter import Adapter, Input
from agentdeck.core.commands import AnyCommand
from agentdeck.core.decide import Refused, decide, refusal
from agentdeck.core.events import AskKind, AskOption
from agentdeck.core.explain import needs_person, standstill
from agentdeck.core.ids import AgentName, TaskId
from agentdeck.core.permissions import NOBODY, Decision, OptionKind, PermissionRule, Scope
from agentdeck.core.plan import Agent, Defaults, Permission, Unattended
from agentdeck.core.state import Message, Question, TaskState
from agentdeck.core.steps import Deliver, KeepPermissions
from agentdeck.testing.builders import Run, plan, reached, run_until, started, task

A, B = TaskId("A"), TaskId("B")
CLAUDE_OPTIONS = (
    AskOption("allow", "Allow", OptionKind.ALLOW_ONCE),
    AskOption("deny", "Deny", OptionKind.REJECT_ONCE),
)
DEAF = Agent(AgentName("deaf"), adapter=Adapter("deaf", output="claude", input=Input.NONE))


def working(**fields: object) -> Run:
    return run_until(started(plan("A", "B", **fields)), reached("A", TaskState.WORKING))


def permission(name: str = "q1", tool: str = "Bash", target: str = "git push") -> e.AttemptAsked:
    payload = json.dumps({"input": {"command": target}})
    about = f"May it use {tool}: {target}?"
    options = CLAUDE_OPTIONS
    return e.AttemptAsked(A, 1, name, about, AskKind.PERMISSION, tool, target, options, payload)


def asking(*questions: e.AttemptAsked, **fields: object) -> Run:
    return working(**fields).append(*(questions or (permission(),)))


def sent(run: Run) -> list[Message]:
    attempt = run.state.tasks[A].attempt
    assert attempt is not None
    return attempt.messages


def open_questions(run: Run) -> list[str]:
    attempt = run.state.tasks[A].attempt
    assert attempt is not None
    return [question.id for question in attempt.questions]


# --- a person ------------------------------------------------------------------------------------


def test_a_yes_is_told_once_and_leaves_no_rule() -> None:
    run = asking().command(c.Answer(A, "allow", by="kim"))
    [message] = sent(run)
    assert (message.option, message.by, message.rule, message.text) == ("allow", "kim", "", "")
    assert run.state.rules == {}
    assert run.of_kind(Deliver) == [Deliver(A, 1, "m1")]
    assert run.append(e.MessageDelivered(A, 1, "m1")).task_state("A") is TaskState.WORKING


def test_a_no_says_why_and_a_yes_may_have_more_to_say() -> None:
    run = asking().command(c.Answer(A, "deny", "not on main"))
    assert sent(run)[0].text == "not on main"
    run = asking().command(c.Answer(A, "allow", "and tag it"))
    assert [(m.text, m.option, m.answers is None) for m in sent(run)] == [
        ("", "allow", False),
        ("and tag it", "", True),
    ]


def test_several_questions_are_answered_one_after_the_other() -> None:
    """The oldest first, or the one that is named; the task asks until the last is answered."""
    run = asking(permission("q1"), permission("q2", "Edit", "a.py"), permission("q3", target="ls"))
    assert run.explain("A") == "A asks (1 of 3): May it use Bash: git push?"
    run.command(c.Answer(A, "deny", question="q2"))
    assert open_questions(run) == ["q1", "q3"]
    run.append(e.MessageDelivered(A, 1, "m1"))
    assert run.task_state("A") is TaskState.ASKING
    run.command(c.Answer(A, "allow")).command(c.Answer(A, "allow"))
    run.append(e.MessageDelivered(A, 1, "m2"), e.MessageDelivered(A, 1, "m3"))
    assert run.task_state("A") is TaskState.WORKING


def test_who_has_been_answered_needs_nobody() -> None:
    """Between the answer and the moment in which the agent hears it."""
    run = asking()
    assert [t.id for t in needs_person(run.state)] == ["A"]
    run.command(c.Answer(A, "allow"))
    assert needs_person(run.state) == []
    assert standstill(run.state) is None
    assert run.explain("A") == "A is answered and goes on when it has heard it"


def test_a_message_does_not_answer_a_permission() -> None:
    """It is told beside it."""
    run = asking().command(c.Steer(A, "hurry"))
    assert open_questions(run) == ["q1"]
    assert sent(run)[0].answers is None


def test_a_choice_of_a_question_is_its_label() -> None:
    options = (
        AskOption("t", "Tabs", OptionKind.ANSWER),
        AskOption("s", "Spaces", OptionKind.ANSWER),
    )
    run = asking(e.AttemptAsked(A, 1, "q1", "Tabs or spaces?", options=options))
    run.command(c.Answer(A, "s"))
    assert sent(run)[0].text == "Spaces"


def question() -> Run:
    return asking(e.AttemptAsked(A, 1, "q1", "which?"))


def stopped() -> Run:
    return asking().command(c.Stop(A))


def by_hand() -> Run:
    return started(plan(task("A", human=True)))


def long() -> Run:
    return asking(e.AttemptAsked(A, 1, "q1", "?", AskKind.PERMISSION, "Bash", "x" * 159 + "…"))


@pytest.mark.parametrize(
    ("run", "command", "reason"),
    [
        (working(), c.Answer(A, "allow"), "A asks nothing"),
        (asking(), c.Answer(A), "A asks for a permission: allow or deny it"),
        (asking(), c.Answer(A, "maybe"), "A does not offer 'maybe' (allow, deny, allow, deny)"),
        (asking(), c.Answer(A, "allow", question="q9"), "A does not ask q9 any more"),
        (question(), c.Answer(A), "the answer is empty"),
        (question(), c.Answer(A, "t"), "A does not offer 't' (words only)"),
        (
            question(),
            c.Answer(A, text="x", remember=Scope.RUN),
            "only what an agent asks to do can be remembered, not words",
        ),
        (stopped(), c.Answer(A, "allow"), "A is being ended: nobody hears an answer"),
        (by_hand(), c.Answer(A, text="x"), "A is done by a person: approve it when it is done"),
        (
            long(),
            c.Answer(A, "allow", remember=Scope.RUN),
            "A asks about a target too long to remember",
        ),
    ],
)
def test_an_answer_that_makes_no_sense_is_refused(
    run: Run, command: AnyCommand, reason: str
) -> None:
    with pytest.raises(Refused) as caught:
        decide(run.state, command)
    assert caught.value.message == reason


# --- rules ---------------------------------------------------------------------------------------


def test_always_for_a_task_answers_the_same_request_from_then_on() -> None:
    """At once, by the name of who said so; the rule is named. Another target is asked about."""
    run = asking().command(c.Answer(A, "allow", remember=Scope.TASK, by="kim"))
    [rule] = run.state.rules.values()
    assert (rule.tool, rule.target, rule.exact, rule.task) == ("Bash", "git push", True, "A")
    run.append(permission("q2")).settle()
    assert [(m.by, m.rule, m.option) for m in sent(run)] == [
        ("kim", "", "allow"),
        ("kim", "r1", "allow"),
    ]
    run.append(permission("q3", target="git push --force")).settle()
    assert open_questions(run) == ["q3"]


def test_a_rule_answers_what_is_open_already() -> None:
    """Three asks at once; one answer with a glob settles those that it fits."""
    run = asking(permission("q1", target="npm test"), permission("q2", target="npm run lint"),
                 permission("q3", "Edit", "a.py"))  # fmt: skip
    run.command(c.Answer(A, "allow", remember=Scope.RUN, target="npm *")).settle()
    assert open_questions(run) == ["q3"]
    assert [m.rule for m in sent(run)] == ["", "r1"]


def test_a_rule_that_denies_says_which_one_it_was() -> None:
    run = working(permissions=(Permission(Decision.DENY, target="*push*"),))
    run.append(permission()).settle()
    [message] = sent(run)
    assert (message.option, message.rule, message.by) == ("deny", "p1", "plan")
    assert message.text == "A rule (p1) does not allow this."


def test_a_remembered_tool_name_is_no_glob() -> None:
    run = asking(permission(tool="mcp[*]")).command(c.Answer(A, "allow", remember=Scope.RUN))
    run.append(permission("q2", tool="mcpx")).settle()
    assert open_questions(run) == ["q2"]


def test_a_rule_is_dropped_and_answers_no_more() -> None:
    run = working(permissions=(Permission(Decision.ALLOW),)).command(c.DropPermission("p1"))
    run.append(permission()).settle()
    assert open_questions(run) == ["q1"]
    assert refusal(run.state, c.DropPermission("p1")) == "there is no rule p1 (there is none)"


def test_a_rule_is_set_before_anybody_asks() -> None:
    run = working().command(c.SetPermission(Scope.RUN, Decision.ALLOW, "Bash", until=None))
    run.append(permission()).settle()
    assert open_questions(run) == []
    again = c.SetPermission(Scope.RUN, Decision.ALLOW, "Bash")
    assert refusal(run.state, again) == "rule r1 says this already"
    task_rule = c.SetPermission(Scope.TASK, Decision.ALLOW, task=B)
    assert [type(x) for x in decide(run.state, task_rule)] == [e.PermissionRuleSet]
    assert "names a task" in (refusal(run.state, c.SetPermission(Scope.TASK, Decision.DENY)) or "")


def test_rules_that_outlive_the_run_are_written_down() -> None:
    """Set and dropped ones; those of the run and of its plan file are not."""
    run = working(permissions=(Permission(Decision.ALLOW, "Edit"),))
    run.command(c.SetPermission(Scope.RUN, Decision.ALLOW, "Bash"))
    assert run.of_kind(KeepPermissions) == []
    run.command(c.SetPermission(Scope.PLAN, Decision.DENY, "Bash", "rm *"))
    assert run.of_kind(KeepPermissions) == [KeepPermissions(1)]
    run.append(e.PermissionsKept(1))
    assert run.of_kind(KeepPermissions) == []
    run.command(c.DropPermission("r2"))
    assert run.of_kind(KeepPermissions) == [KeepPermissions(2)]
    assert [rule.key for rule in run.state.dropped_rules] == [
        PermissionRule("x", Scope.PLAN, Decision.DENY, "Bash", "rm *").key
    ]


# --- nobody --------------------------------------------------------------------------------------


def unattended(what: Unattended, *questions: e.AttemptAsked, **fields: object) -> Run:
    defaults = Defaults(agent=AgentName("scripted"), unattended=what, answer_within_s=60.0)
    return asking(*questions, **{"defaults": defaults, **fields})


def later(run: Run, seconds: float) -> Run:
    run.clock.advance_to(run.clock.now + seconds)
    return run.settle()


def test_a_question_waits_as_long_as_it_takes_unless_the_plan_says_otherwise() -> None:
    run = later(asking(), 1e6)
    assert open_questions(run) == ["q1"]
    assert run.steps().wake_at is None


def test_what_nobody_allows_in_time_is_denied() -> None:
    run = unattended(Unattended.DENY)
    assert run.steps().wake_at == run.clock.now + 60
    assert open_questions(later(run, 59)) == ["q1"]
    later(run, 1)
    [message] = sent(run)
    assert (message.by, message.option) == (NOBODY, "deny")
    assert "Nobody was there to allow this within 60 s" in message.text


def test_a_question_that_nobody_answers_is_left_to_the_agent() -> None:
    run = later(unattended(Unattended.DENY, e.AttemptAsked(A, 1, "q1", "which?")), 60)
    assert sent(run)[0].text.startswith("Nobody was there to answer within 60 s.")
    assert sent(run)[0].option == ""


def test_a_task_is_stopped_that_nobody_answers() -> None:
    run = later(unattended(Unattended.STOP), 60)
    run_until(run, reached("A", TaskState.CANCELLED))
    assert run.explain("A").endswith("stopped: nobody answered it in time")


def test_who_was_there_a_moment_ago_has_time_for_the_next_question() -> None:
    run = unattended(Unattended.DENY, permission("q1"), permission("q2"))
    later(run, 50).command(c.Answer(A, "allow"))
    assert open_questions(later(run, 50)) == ["q2"]
    assert open_questions(later(run, 10)) == []


def test_a_rule_is_nobody_who_was_there() -> None:
    rules = (Permission(Decision.ALLOW, "Edit"),)
    run = unattended(Unattended.DENY, permissions=rules)
    later(run, 50).append(permission("q2", "Edit", "a.py")).settle()
    assert open_questions(later(run, 10)) == []


def test_the_time_does_not_run_while_the_task_is_paused() -> None:
    run = unattended(Unattended.DENY).command(c.Pause(A)).append(e.AttemptFrozen(A, 1, 1))
    assert open_questions(later(run, 1_000)) == ["q1"]
    run.command(c.Resume(A)).append(e.AttemptThawed(A, 1))
    assert open_questions(later(run, 59)) == ["q1"]
    assert open_questions(later(run, 1)) == []


def test_an_agent_that_asks_and_does_not_listen_is_stopped_instead() -> None:
    """It could not be told "no", and would wait for ever."""
    defaults = Defaults(agent=DEAF.name, unattended=Unattended.DENY, answer_within_s=60.0)
    run = later(asking(agents=(DEAF,), defaults=defaults), 60)
    assert run.state.tasks[A].stopped_by == NOBODY


def test_a_task_that_a_person_does_is_not_hurried() -> None:
    defaults = Defaults(unattended=Unattended.STOP, answer_within_s=60.0)
    run = later(started(plan(task("A", human=True), defaults=defaults)), 1_000)
    assert run.task_state("A") is TaskState.ASKING


def test_the_audit_knows_the_question() -> None:
    """Who allowed what stands with the message, also when the question is gone."""
    run = asking().command(c.Answer(A, "allow"))
    asked = sent(run)[0].answers
    assert isinstance(asked, Question)
    assert (asked.tool, asked.target) == ("Bash", "git push")
