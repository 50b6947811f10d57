"""What agents want through tools of agentdeck: who may, and what becomes of it."""

from __future__ import annotations

import msgspec
import pytest

from agentdeck.agents.input import message_line
from agentdeck.control.verb_table import VERBS
from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.adapter import Adapter, Input
from agentdeck.core.decide import Refused
from agentdeck.core.explain import needs_person, standstill
from agentdeck.core.ids import AgentName, TaskId
from agentdeck.core.inbox import Kind, waiting
from agentdeck.core.permissions import NOBODY, Decision, Scope
from agentdeck.core.plan import (
    MCP_COMMANDS,
    Agent,
    Defaults,
    MayCall,
    MayPropose,
    MayWiden,
    Task,
    Tools,
    Unattended,
)
from agentdeck.core.state import Message, RunState, TaskState
from agentdeck.core.steps import CloseInput, Deliver, IOStep, Watch
from agentdeck.testing.builders import Run, plan, reached, run_until, started, task
from agentdeck.testing.generated_plans import WAITER

A, B = TaskId("A"), TaskId("B")
ALL = Tools(MayCall.ALLOW, MayCall.ALLOW, MayPropose.ASK, MayWiden.ASK)
DEAF = Agent(AgentName("deaf"), adapter=Adapter("deaf", output="claude", input=Input.NONE))


def working(tools: Tools = ALL, *, deaf: bool = False, **fields: object) -> Run:
    agents = {"agents": (DEAF,), "defaults": Defaults(agent=DEAF.name)} if deaf else {}
    of = plan("A a/", "B b/", tools=tools, **(agents | fields))
    return run_until(started(of), both_work, nobody_ends)


def nobody_ends(_: RunState, step: IOStep) -> tuple[()] | None:
    return () if isinstance(step, Watch) else None


def both_work(run: Run) -> bool:
    return all(run.task_state(name) is TaskState.WORKING for name in "AB")


def asked(run: Run, text: str = "which one?", *options: str, key: str = "k1") -> Run:
    return run.command(c.AskPerson(A, 1, key, text, options))


def messages(run: Run) -> list[Message]:
    attempt = run.state.tasks[A].attempt
    assert attempt is not None
    return attempt.messages


# --- ask_person ----------------------------------------------------------------------------------


@pytest.mark.parametrize("deaf", [True, False])
def test_a_question_through_a_tool_is_answered_like_any_other(deaf: bool) -> None:
    """Also for an agent that reads nothing while it works: its call takes the answer."""
    run = asked(working(deaf=deaf))
    assert run.task_state("A") is TaskState.ASKING
    assert run.explain("A") == "A asks: which one?"
    assert [item.kind for item in waiting(run.state)] == [Kind.QUESTION]
    run = run.command(c.Answer(A, text="the first", by="kim")).settle()
    assert run.task_state("A") is TaskState.WORKING
    [message] = messages(run)
    assert (message.text, message.by, message.delivered) == ("the first", "kim", True)
    assert run.of_kind(Deliver) == []  # nothing is written to its input


def test_a_message_to_a_task_that_asks_answers_it_though_its_agent_reads_nothing() -> None:
    run = asked(working(deaf=True)).command(c.Steer(A, "the second", by="kim")).settle()
    assert [m.text for m in messages(run)] == ["the second"]
    assert run.task_state("A") is TaskState.WORKING


def test_options_are_chosen_by_number_and_answered_with_their_words() -> None:
    run = asked(working(), "which?", "red", "blue").command(c.Answer(A, "2"))
    assert messages(run)[0].text == "blue"


def test_the_same_key_is_the_same_question_open_or_answered() -> None:
    """A caller that has lost an engine's answer asks again, and nobody is asked twice."""
    run = asked(asked(working()))
    assert len(waiting(run.state)) == 1
    run = asked(run.command(c.Answer(A, text="yes")).settle())
    assert waiting(run.state) == []


def test_an_agent_speaks_for_its_own_attempt_while_that_goes_on() -> None:
    run = working()
    with pytest.raises(Refused, match="attempt 2 of A does not go on any more"):
        run.command(c.AskPerson(A, 2, "k1", "which one?"))
    run = asked(run).command(c.Stop(A))
    with pytest.raises(Refused, match="does not go on"):
        run.command(c.AskPerson(A, 1, "k2", "and now?"))
    over = run_until(working(), reached("A", TaskState.LANDED))
    with pytest.raises(Refused, match="does not go on"):
        over.command(c.ReportProgress(A, 1, "done", 100))


@pytest.mark.parametrize(
    "command",
    [
        c.AskPerson(A, 1, "k1", "which one?"),
        c.ReportProgress(A, 1, "half", 50),
        c.RequestFiles(A, 1, "k1", ("c/",)),
        c.MakeRequest("k1", "", Task(TaskId("C"), "more"), task=A, attempt=1),
    ],
)
def test_what_the_plan_does_not_give_is_refused(command: c.AnyCommand) -> None:
    with pytest.raises(Refused, match="does not let agents use"):
        working(Tools()).command(command)


def test_questions_are_bounded() -> None:
    run = working()
    for number in range(8):
        run = asked(run, key=f"k{number}")
    with pytest.raises(Refused, match="8 questions of it are open"):
        asked(run, key="k8")
    for text, options in (("", ()), ("x" * 64_001, ()), ("x", ("y" * 201,)), ("x", ("",) * 13)):
        with pytest.raises(Refused):
            asked(working(), text, *options)
    with pytest.raises(Refused, match="key of a request"):
        asked(working(), key="../x")


def test_where_the_plan_says_so_nobody_answers_in_time() -> None:
    patience = Defaults(unattended=Unattended.DENY, answer_within_s=60, agent=DEAF.name)
    run = asked(working(agents=(DEAF,), defaults=patience))
    run.clock.advance(61)
    run = run.settle()
    assert messages(run)[0].by == NOBODY
    assert "Decide it yourself" in messages(run)[0].text
    assert run.task_state("A") is TaskState.WORKING


def test_an_open_question_keeps_the_input_of_its_agent_open() -> None:
    """What it asks through a tool is asked like anything else: it has not heard all."""
    run = asked(working()).append(e.TurnEnded(A, 1, 1, 0, True))
    assert run.of_kind(CloseInput) == []


def test_an_agent_that_has_ended_its_turn_meanwhile_is_told_and_begins_another() -> None:
    """Its call is over: the client gave up, and the model said something else instead."""
    waiter = Agent(AgentName("claude"), use="waiter", adapter=WAITER.adapter)
    run = asked(working(agents=(waiter,), defaults=Defaults(agent=waiter.name)))
    run = run.append(e.TurnEnded(A, 1, 1, 0, True)).command(c.Answer(A, text="the first"))
    run = run.settle()
    assert Deliver(A, 1, "m1") in run.of_kind(Deliver)
    said = message_line(Input.CLAUDE, messages(run)[0]).decode()
    assert "You asked: which one?" in said
    assert "The answer: the first" in said
    run = run.append(e.MessageDelivered(A, 1, "m1"))
    assert run.of_kind(CloseInput) == []  # another turn follows
    assert run.task_state("A") is TaskState.WORKING


# --- report_progress -----------------------------------------------------------------------------


def test_progress_is_noted_once_on_one_line() -> None:
    run = working().command(c.ReportProgress(A, 1, "reads\nthe tests ", 40))
    attempt = run.state.tasks[A].attempt
    assert attempt is not None
    assert (attempt.reported, attempt.percent) == ("reads the tests", 40)
    assert run.explain("A") == "A works for 0 s: 40 % reads the tests"
    seq = run.state.seq
    assert run.command(c.ReportProgress(A, 1, "reads the tests", 40)).state.seq == seq
    for text, percent in (("", None), ("x", 101), ("x", -1), ("x" * 301, None)):
        with pytest.raises(Refused):
            run.command(c.ReportProgress(A, 1, text, percent))


# --- request_files -------------------------------------------------------------------------------


def test_files_that_a_person_grants_are_the_tasks_own() -> None:
    run = working().command(c.RequestFiles(A, 1, "k1", ("c/", "a/x"), "for the tests"))
    assert run.explain("A") == "A asks for more files: May it touch c/ too? for the tests"
    assert [item.kind for item in waiting(run.state)] == [Kind.PERMISSION]
    run = run.command(c.Answer(A, "allow", by="kim")).settle()
    assert run.state.plan.by_id[A].files == ("a/", "c/")
    assert run.state.plan_changes == 1
    assert run.task_state("A") is TaskState.WORKING


def test_files_that_a_person_denies_are_not() -> None:
    run = working().command(c.RequestFiles(A, 1, "k1", ("c/",)))
    run = run.command(c.Answer(A, "deny", "leave it")).settle()
    assert run.state.plan.by_id[A].files == ("a/",)
    assert messages(run)[0].text == "leave it"


def test_free_files_are_granted_at_once_and_a_person_decides_of_those_that_others_have() -> None:
    free = Tools(request_files=MayWiden.FREE)
    run = working(free).command(c.RequestFiles(A, 1, "k1", ("c/",)))
    assert run.state.plan.by_id[A].files == ("a/", "c/")
    assert run.task_state("A") is TaskState.WORKING
    run = run.command(c.RequestFiles(A, 1, "k2", ("b/x.py",)))
    assert "B has them now" in run.explain("A")
    run = run.command(c.Answer(A, "allow")).settle()
    assert run.state.plan.by_id[A].files == ("a/", "c/", "b/x.py")


def test_granted_files_keep_others_from_starting() -> None:
    """The footprint that was widened is the one that the scheduler sees."""
    free = Tools(request_files=MayWiden.FREE)
    first = task("A a/", priority=1)
    of = plan(first, "C c/", tools=free, agents_limit=1)
    run = run_until(started(of), reached("A", TaskState.WORKING), nobody_ends)
    run = run.command(c.RequestFiles(A, 1, "k1", ("c/",))).command(c.SetAgents(3)).settle()
    assert run.task_state("C") is TaskState.READY
    assert "A" in run.explain("C")


def test_files_outside_the_repository_and_too_many_are_refused() -> None:
    for files in ((), ("/etc/passwd",), ("../x",), ("a/../../x",), ("x" * 501,), ("a\nb",)):
        with pytest.raises(Refused):
            working().command(c.RequestFiles(A, 1, "k1", files))
    many = tuple(f"c/{number}" for number in range(51))
    with pytest.raises(Refused, match="1 to 50 files"):
        working().command(c.RequestFiles(A, 1, "k1", many))


def test_patterns_that_take_long_to_compare_and_files_without_end_are_refused() -> None:
    free = working(Tools(request_files=MayWiden.FREE))
    with pytest.raises(Refused, match="more than 12 stars"):
        free.command(c.RequestFiles(A, 1, "k1", ("*a" * 13,)))
    run = free
    for number in range(9):
        files = tuple(f"c{number}/{name}" for name in range(50))
        run = run.command(c.RequestFiles(A, 1, f"k{number}", files))
    with pytest.raises(Refused, match="more than 500 patterns"):
        run.command(c.RequestFiles(A, 1, "k9", tuple(f"d/{name}" for name in range(50))))


def test_a_rule_of_a_person_answers_requests_for_files() -> None:
    run = working().command(c.SetPermission(Scope.RUN, Decision.ALLOW, "request_files", "docs/*"))
    run = run.command(c.RequestFiles(A, 1, "k1", ("docs/mcp.md",))).settle()
    assert run.state.plan.by_id[A].files == ("a/", "docs/mcp.md")


# --- propose_task --------------------------------------------------------------------------------


def proposed(run: Run, name: str = "C", key: str = "k1", after: tuple[TaskId, ...] = (A,)) -> Run:
    put = Task(TaskId(name), "more tests", "write them", after=after)
    return run.command(c.MakeRequest(key, "the old ones pass by luck", put, task=A, attempt=1))


def test_a_proposed_task_waits_for_a_person_and_its_agent_does_not() -> None:
    run = proposed(working())
    assert run.task_state("A") is TaskState.WORKING
    [item] = waiting(run.state)
    assert (item.kind, item.name) == (Kind.PROPOSED, "r1")
    assert item.said == "A#1 proposes task C: more tests"
    assert needs_person(run.state) == []  # no task waits
    run = run.command(c.AnswerRequest("r1", by="kim")).settle()
    assert run.state.plan.by_id[TaskId("C")].after == (A,)
    assert waiting(run.state) == []
    with pytest.raises(Refused, match="accepted already, by kim"):
        run.command(c.AnswerRequest("r1"))


def test_why_a_task_stands_says_what_its_agent_has_proposed_until_it_is_answered() -> None:
    """So does that of a task which the proposed one would need, and no other."""
    run = proposed(working(), after=(B,))
    waits = "more tests (r1 waits for a yes or no)"
    assert run.explain("A").endswith(f" works for 0 s; its agent proposes task C: {waits}")
    assert run.explain("B").endswith(f"; A#1 proposes task C, which needs it: {waits}")
    for answered in (True, False):
        other = proposed(working()).command(c.AnswerRequest("r1", accept=answered))
        assert "r1" not in other.explain("A") + other.explain("B")


def test_many_proposals_of_one_agent_are_counted() -> None:
    run = working()
    for number in range(5):
        run = proposed(run, f"C{number}", f"k{number}")
    assert "C2" in run.explain("A")
    assert run.explain("A").endswith("; and 2 more proposals wait")


def test_a_request_for_files_is_told_where_the_tasks_own_state_does_not_say_it() -> None:
    run = asked(working()).command(c.RequestFiles(A, 1, "k2", ("c/", "d/")))
    assert run.explain("A") == (
        "A asks (1 of 2): which one?; its agent asks for more files: c/, d/"
    )
    run = run.command(c.Answer(A, text="the first")).settle()
    assert run.explain("A").count("more files") == 1, "now it is what the task asks"


def test_a_denied_task_leaves_the_plan_as_it_is_and_says_why() -> None:
    run = proposed(working()).command(c.AnswerRequest("r1", accept=False, text="not now"))
    assert TaskId("C") not in run.state.plan.by_id
    answer = run.state.requests["r1"].answer
    assert answer is not None
    assert (answer.accepted, answer.text) == (False, "not now")


def test_where_the_plan_allows_it_the_task_enters_at_once() -> None:
    run = proposed(working(Tools(propose_task=MayPropose.ALLOW)), name="")
    assert list(run.state.tasks) == ["A", "B", "new-1"]
    assert waiting(run.state) == []


def test_a_task_that_the_plan_cannot_take_is_refused_with_its_reasons() -> None:
    with pytest.raises(Refused, match="there is no task Z"):
        proposed(working(), after=(TaskId("Z"),))
    with pytest.raises(Refused, match="there is a task B already"):
        proposed(working(), "B")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"files": ("../x",)}, "leaves the repository"),
        ({"files": ("/etc/",)}, "not below the top"),
        ({"files": ("c\0d",)}, "stands in no line"),
        ({"files": ("*a" * 13,)}, "more than 12 stars"),
        ({"title": "more\x1b[2J"}, "its title has a character"),
        ({"prompt": "write\0them"}, "its prompt has a character"),
    ],
)
@pytest.mark.parametrize("policy", [MayPropose.ASK, MayPropose.ALLOW])
def test_what_a_plan_file_may_not_say_no_agent_proposes(
    change: dict[str, object], why: str, policy: MayPropose
) -> None:
    """A file with NUL in its name was asked of git, and the task failed with an internal error."""
    put = msgspec.structs.replace(Task(TaskId("C"), "more tests", "write them"), **change)
    with pytest.raises(Refused, match=why):
        working(Tools(propose_task=policy)).command(c.MakeRequest("k1", "", put, task=A, attempt=1))


def test_a_run_does_not_end_over_an_open_proposal() -> None:
    run = run_until(proposed(working()), lambda run: run.task_state("B") is TaskState.LANDED)
    run = run_until(run, lambda run: run.state.outcome is not None or not run.steps().steps)
    assert run.state.outcome is None
    assert standstill(run.state) == "r1 of A#1 waits for a yes or no"
    run = run.command(c.AnswerRequest("r1", accept=False))
    assert run_until(run, lambda run: run.state.outcome is not None).state.outcome is not None


# --- a client of `agentdeck mcp` -----------------------------------------------------------------


def test_a_client_proposes_and_asks_and_no_task_waits_for_it() -> None:
    run = working(Tools()).command(c.MakeRequest("k1", "ship it?", options=("yes", "no"), by="ed"))
    run = run.command(c.MakeRequest("k1", "ship it?", options=("yes", "no"), by="ed"))
    [item] = waiting(run.state)
    assert (item.kind, item.said) == (Kind.ASKED, "ed asks: ship it?")
    with pytest.raises(Refused, match="the answer is empty"):
        run.command(c.AnswerRequest("r1"))
    run = run.command(c.AnswerRequest("r1", text="yes", by="kim"))
    answer = run.state.requests["r1"].answer
    assert answer is not None
    assert (answer.text, answer.by) == ("yes", "kim")


def test_requests_are_bounded() -> None:
    run = working(Tools())
    for number in range(50):
        run = run.command(c.MakeRequest(f"k{number}", "ship it?"))
    with pytest.raises(Refused, match="50 requests are open"):
        run.command(c.MakeRequest("k50", "ship it?"))


def test_each_command_that_a_plan_can_let_clients_send_is_a_verb() -> None:
    assert set(MCP_COMMANDS) <= {verb.name for verb in VERBS} | {"answer"}
