"""Where the agents of a pool work: addresses, places, and what a waiting task says."""

from __future__ import annotations

import msgspec
import pytest

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.decide import Refused, decide
from agentdeck.core.explain import explain
from agentdeck.core.hosts import Worker, host_address, host_fault
from agentdeck.core.ids import PoolName, TaskId
from agentdeck.core.plan import Pool, Route, RouteMatch
from agentdeck.core.scheduler import blocker_of
from agentdeck.core.stale import StaleEvent
from agentdeck.core.state import TaskState
from agentdeck.plans.problems import PlanProblems
from agentdeck.plans.reader import read_plan
from agentdeck.testing.builders import Run, identity, plan, reached, run_until, started

BIG = PoolName("big")
A, B = TaskId("A"), TaskId("B")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("cluster", None),
        ("tls://big.example:8786", None),
        ("tcp://127.0.0.1:8786", None),
        ("tcp://[::1]:8786", None),
        ("tcp://10.0.0.1:8786", "plain tcp to another machine"),
        ("tls://big.example", "names no port"),
        ("tls://me@big.example:1", "not told who asks"),
        ("tls://big.example:1/x", "more than a user"),
        ("tls://big.example:99999", "no address"),
        ("ssh://me@big.example", None),
        ("ssh://big.example:2222", None),
        ("ssh://me:secret@big.example", "more than a user"),
        ("ssh://-oProxyCommand=x@big.example", "no name"),
        ("http://big.example:1", "none of"),
        ("tls://-oProxyCommand=x y:1", "none of"),
        ("", "none of"),
    ],
)
def test_an_address_is_one_that_can_be_reached_safely(text: str, fault: str | None) -> None:
    found = host_fault(text)
    assert (found is None) == (fault is None), found
    assert fault is None or (found is not None and fault in found)


def test_plain_tcp_to_another_machine_needs_a_word() -> None:
    assert host_fault("tcp://10.0.0.1:8786", insecure=True) is None
    assert host_address("tcp://10.0.0.1:8786").scheduler == "tcp://10.0.0.1:8786"


def far_plan(size: int = 4) -> Pool:
    return Pool(name=BIG, size=size, host="cluster")


def hosted(*tasks: str, size: int = 4) -> Run:
    of = plan(*tasks, pools=(far_plan(size),), routes=(Route(RouteMatch(), pool=BIG),))
    return started(of)


def test_a_pool_has_the_places_of_its_workers_and_says_when_there_are_none() -> None:
    """Nobody joined: it waits, and says for whom; one slot: one task; size bounds the rest."""
    run = hosted("A", "B")
    assert "are being looked for" in explain(run.state, A, run.state.at)
    run.append(e.WorkersChanged(BIG))
    assert "it needs a worker of pool big, and none has joined" in explain(
        run.state, A, run.state.at
    )
    run.append(e.WorkersChanged(BIG, fault="the scheduler does not answer"))
    assert "the scheduler does not answer" in explain(run.state, A, run.state.at)
    run.append(e.WorkersChanged(BIG, (Worker("w1", 1),)))
    assert blocker_of(run.state, A) is None
    blocked = blocker_of(run.state, B)
    assert blocked is not None
    assert blocked.sentence == "pool big is full (1 at once, on w1)"
    run.append(e.WorkersChanged(BIG, (Worker("w1", 1), Worker("w2", 9))))
    assert blocker_of(run.state, B) is None


def test_more_workers_than_its_size_are_not_used() -> None:
    run = hosted("A", "B", size=1)
    run.append(e.WorkersChanged(BIG, (Worker("w1", 9),)))
    assert blocker_of(run.state, B) is not None


def test_what_is_known_of_workers_is_not_told_twice_and_ends_with_the_engine() -> None:
    run = hosted("A")
    run.append(e.WorkersChanged(BIG, (Worker("w1", 1),)))
    with pytest.raises(StaleEvent):
        run.append(e.WorkersChanged(BIG, (Worker("w1", 1),)))
    run.append(e.EngineStarted(identity(1), "0", ""))
    assert run.state.workers == {}


def test_a_task_on_a_machine_that_is_silent_says_since_when() -> None:
    """And no longer when it is back; other machines that come and go do not move that moment."""
    run = hosted("A")
    run.append(e.WorkersChanged(BIG, (Worker("w1", 1), Worker("w2", 1))))
    run = run_until(run, reached("A", TaskState.WORKING))
    attempt = run.state.tasks[A].attempt
    assert attempt is not None
    attempt.worker = "w1"
    assert "works on w1" in explain(run.state, A, run.state.at)
    run.append(e.WorkersChanged(BIG, (Worker("w2", 1),)))
    since = run.state.at
    run.append(e.WorkersChanged(BIG))
    assert explain(run.state, A, since + 20) == (
        "A is on w1, of which nothing has been heard for 20 s; its attempt is given up after 60 s"
    )
    assert run.state.workers[BIG].unheard == {"w1": since}, "nobody works on w2"
    run.append(e.WorkersChanged(BIG, (Worker("w1", 1),)))
    assert "works on w1" in explain(run.state, A, run.state.at)


def test_an_attempt_on_another_machine_cannot_be_taken_over() -> None:
    run = run_until(started(plan("A")), reached("A", TaskState.WORKING))
    attempt = run.state.tasks[A].attempt
    assert attempt is not None
    attempt.worker = "w1"
    with pytest.raises(Refused, match="works on w1"):
        decide(run.state, c.TakeOver(A, by="me"))


FILE = """
version = 1
[pools.big]
size = 2
host = "cluster"
[[route]]
match = {{}}
pool = "big"
[agents.bot]
command = "bot {{prompt}}"
{more}
[defaults]
agent = "bot"
[[task]]
id = "A"
prompt = "x"
"""


@pytest.mark.parametrize("more", ['mcp = "m.json"', 'settings = "s.json"', 'sandbox = "bwrap"'])
def test_what_needs_this_machine_is_refused_before_anything_starts(more: str) -> None:
    with pytest.raises(PlanProblems, match="works on this one alone"):
        read_plan(FILE.format(more=more), file="p.toml")
    assert read_plan(FILE.format(more=""), file="p.toml").pools[0].host == "cluster"


def test_a_host_that_is_none_is_named_with_its_line() -> None:
    text = FILE.format(more="").replace('"cluster"', '"tcp://10.0.0.1:1"')
    with pytest.raises(PlanProblems) as found:
        read_plan(text, file="p.toml")
    assert "p.toml:5" in str(found.value)
    assert msgspec.json.encode(read_plan(FILE.format(more=""), file="p").pools[0])
