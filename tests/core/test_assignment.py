"""Who makes the next attempt, with which model: routes, skills, ladders, fallbacks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.adapter import Adapter
from agentdeck.core.events import FailureClass
from agentdeck.core.ids import AgentName, PoolName, TaskId
from agentdeck.core.plan import (
    Agent,
    Defaults,
    Plan,
    Pool,
    Route,
    RouteMatch,
    Task,
    matching_routes,
)
from agentdeck.core.scheduler import Hindrance, blocker_of
from agentdeck.core.state import Attempt, TaskState
from agentdeck.core.steps import Launch
from agentdeck.plans.overrides import with_agent
from agentdeck.plans.reader import read_plan
from agentdeck.shipped import sample_plan
from agentdeck.testing.builders import Run, plan, reached, run_until, started, task

A = TaskId("A")
A_TWO = AgentName("two")
LADDER = ("haiku", "sonnet", "opus")


def named(name: str, **more: Any) -> Agent:
    return Agent(AgentName(name), command=(name,), output="scripted", **more)


@dataclass
class Story:
    """One task whose attempts fail one after the other."""

    run: Run
    number: int = field(default=1)

    def fail(self, cause: FailureClass) -> Attempt:
        """The attempt at work fails so; the next one."""
        run = run_until(self.run, reached("A", TaskState.WORKING))
        run.append(e.AttemptExited(A, self.number, 1, ok=False, cause=cause))
        run.append(e.AttemptCollected(A, self.number, f"h{self.number}", f"t{self.number}", 1))
        self.number += 1
        run_until(run, lambda r: len(r.state.tasks[A].attempts) == self.number)
        return self.attempt

    @property
    def attempt(self) -> Attempt:
        return self.run.state.tasks[A].attempts[-1]


def story(spec: Task, *agents: Agent, **more: Any) -> Story:
    defaults = Defaults(agent=agents[0].name, retries=9, backoff_s=0.0)
    return Story(started(plan(spec, agents=agents, defaults=defaults, **more)))


# --- what the plan says --------------------------------------------------------------------------


def matched(match: RouteMatch, spec: Task) -> bool:
    of = plan(spec, routes=(Route(match, model="m"),))
    return bool(list(matching_routes(of, spec)))


@pytest.mark.parametrize(
    ("match", "yes", "no"),
    [
        (RouteMatch(max_tokens=10_000), [{"tokens": 10_000}, {"tokens": 1}], [{"tokens": 10_001}]),
        (RouteMatch(min_tokens=5), [{"tokens": 5}, {"tokens": 9}], [{"tokens": 4}, {}]),
        (RouteMatch(min_tokens=5, max_tokens=9), [{"tokens": 7}], [{"tokens": 4}, {"tokens": 10}]),
        (RouteMatch(max_tokens=9), [{"tokens": 0}], [{}]),
        (RouteMatch(risk="hi*"), [{"risk": "high"}], [{"risk": "low"}, {}]),
        (RouteMatch(kind="test"), [{"kind": "test"}], [{"kind": "docs"}, {}]),
        (RouteMatch(skill="py*"), [{"skills": ("sql", "python")}], [{"skills": ("sql",)}, {}]),
        (
            RouteMatch(risk="low", max_tokens=9),
            [{"risk": "low", "tokens": 9}],
            [{"risk": "low", "tokens": 10}, {"risk": "high", "tokens": 9}],
        ),
    ],
)
def test_a_route_is_for_the_tasks_that_meet_all_of_it(
    match: RouteMatch, yes: list[dict[str, Any]], no: list[dict[str, Any]]
) -> None:
    """Bounds are inclusive; a task without an estimate is of no size."""
    assert all(matched(match, task("A", **fields)) for fields in yes)
    assert not any(matched(match, task("A", **fields)) for fields in no)


SMALL_IS_FOR_HAIKU = """\
[defaults]
model = "sonnet"

[[route]]
match = { max_tokens = "10K" }
model = "haiku"
"""


def test_small_tasks_for_the_small_model_is_one_route() -> None:
    """The table of 26 tasks names a model for each; the one rule behind it gives the same."""
    by_hand = read_plan(sample_plan("mah-parallel-execution"), file="mah.toml")
    rule = read_plan(
        f'version = 1\n{SMALL_IS_FOR_HAIKU}\n[[task]]\nid = "x"\ntitle = "x"\n', file="rule.toml"
    )
    bare = tuple(msgspec.structs.replace(each, model=None) for each in by_hand.tasks)
    by_rule = msgspec.structs.replace(
        by_hand, tasks=bare, routes=rule.routes, defaults=rule.defaults
    )
    asked = [each.id for each in by_hand.tasks if each.model is not None]
    assert len(asked) == 26
    assert [by_rule.settings(name).model for name in asked] == [
        by_hand.settings(name).model for name in asked
    ]


def agent_of(spec: Task, *agents: Agent, **more: Any) -> str:
    of = plan(spec, agents=agents, **more)
    return of.settings(A).agent


PY = named("py", skills=("Python", "Async"))
WEB = named("web", skills=("css", "python"))


def test_a_task_that_names_skills_goes_to_the_first_agent_that_has_them_all() -> None:
    assert agent_of(task("A", skills=("python",)), PY, WEB) == "py"
    assert agent_of(task("A", skills=("PYTHON", "CSS")), PY, WEB) == "web"
    assert agent_of(task("A", skills=("python", "rust")), PY, WEB) == "scripted", "nobody has all"
    assert agent_of(task("A"), PY, WEB) == "scripted", "it asks for nothing"


def test_skills_decide_only_where_nothing_else_does() -> None:
    skilled = task("A", skills=("python",))
    route = (Route(RouteMatch(), agent=WEB.name),)
    assert agent_of(skilled, PY, WEB, routes=route) == "web"
    assert agent_of(task("A", skills=("css",), agent=PY.name), PY, WEB) == "py", "and it waits"
    own = Defaults(agent=WEB.name)
    assert agent_of(skilled, PY, WEB, defaults=own) == "web", "the usual one has them too"


def test_a_route_to_an_agent_that_lacks_a_skill_is_passed_over() -> None:
    """All of it: its model and its pool were meant for that agent."""
    small = Route(RouteMatch(), agent=PY.name, model="small")
    spec = task("A", skills=("css",))
    assert plan(spec, agents=(PY, WEB), routes=(small,)).settings(A).model is None
    assert agent_of(spec, PY, WEB, routes=(small,)) == "web"
    assert agent_of(task("A"), PY, WEB, routes=(small,)) == "py", "it asks for nothing"
    nobody = agent_of(spec, named("one"), named("two"), routes=(Route(RouteMatch(), agent=A_TWO),))
    assert nobody == "two", "where no agent says a skill, none is asked for"


def test_the_skills_of_an_adapter_hold_where_the_plan_says_none() -> None:
    docs = Adapter(name="bot", start=("bot",), skills=("Docs",))
    bot = Agent(AgentName("bot"), use="bot", adapter=docs)
    assert agent_of(task("A", skills=("docs",)), PY, bot) == "bot"
    own = msgspec.structs.replace(bot, skills=("css",))
    assert agent_of(task("A", skills=("docs",)), PY, own) == "scripted", "the plan's word"


def waits(spec: Task, *agents: Agent, **more: Any) -> str:
    blocker = blocker_of(started(plan(spec, agents=agents, **more)).state, A)
    assert blocker is not None
    assert blocker.kind is Hindrance.SKILL
    return blocker.sentence


def test_a_task_that_nobody_can_do_waits_and_says_who_would_be_needed() -> None:
    """The nearest skill is named, or the one who has it, and nothing is launched."""
    asked = "for an agent with the skill "
    assert waits(task("A", skills=("pyton",)), PY, WEB) == (
        f"{asked}pyton: no agent has pyton (did you mean Python?)"
    )
    assert waits(task("A", skills=("css",), agent=PY.name), PY, WEB) == (
        f"{asked}css: its agent py lacks css; web has it"
    )
    assert waits(task("A", skills=("async", "css")), PY, WEB) == (
        "for an agent with the skills async, css: no agent has all of them"
    )


def test_a_person_is_asked_for_no_skills() -> None:
    run = started(plan(task("A", skills=("css",), human=True), agents=(PY, WEB)))
    assert run.state.tasks[A].state is not TaskState.READY


def test_a_task_with_skills_that_waits_for_a_place_says_for_whom() -> None:
    both = [task(name, skills=("css",)) for name in "AB"]
    run = started(plan(*both, agents=(PY, WEB), pools=(Pool(PoolName("web"), 1, skills=("CSS",)),)))
    assert run.explain("B") == (
        "B waits: for an agent with the skill css: web is busy (pool web is full (1 at once))"
    )


OWN_POOLS = (
    Pool(PoolName("one"), 1, agents=(WEB.name,)),
    Pool(PoolName("two"), 1, agents=(A_TWO,)),
)
TWO = named("two", skills=("css",))


def css_tasks(names: str, *, agents: tuple[Agent, ...] = (WEB, TWO, PY), **more: Any) -> Run:
    tasks = [task(name, skills=("css",)) for name in names]
    return started(plan(*tasks, agents=agents, **{"pools": OWN_POOLS, "agents_limit": 9, **more}))


def at_work(run: Run) -> dict[str, tuple[str, str | None]]:
    tried = [one for one in run.state.tasks.values() if one.attempts]
    return {one.id: (one.attempts[-1].agent, one.attempts[-1].pool) for one in tried}


def test_the_next_who_has_the_skills_begins_where_the_pool_of_the_first_is_full() -> None:
    """In its own pool, and the claim says why; who lacks the skills is not asked."""
    run = css_tasks("ABC")
    assert at_work(run) == {"A": ("web", "one"), "B": ("two", "two")}
    assert run.state.tasks[TaskId("B")].attempts[-1].why == (
        "two in place of web: pool one is full (1 at once)"
    )
    assert run.explain("C") == (
        "C waits: for an agent with the skill css: web is busy (pool one is full (1 at once)),"
        " two is busy (pool two is full (1 at once))"
    )


def test_who_waits_for_the_same_is_named_together() -> None:
    run = css_tasks("AB", pools=(Pool(PoolName("web"), 1, skills=("css",)),))
    assert run.explain("B") == (
        "B waits: for an agent with the skill css: web, two are busy (pool web is full (1 at once))"
    )


def test_who_stands_in_needs_a_slot_too() -> None:
    run = css_tasks("AB", agents_limit=1)
    assert run.explain("B").endswith(
        "web is busy (pool one is full (1 at once)), two is busy (all 1 agent slots are taken)"
    )


def test_who_stands_in_needs_an_open_account_and_time_alone_may_open_it() -> None:
    busy = plan(
        task("Z", agent=A_TWO),
        *(task(name, skills=("css",)) for name in "AB"),
        agents=(WEB, named("two", skills=("css",), account="acme")),
        pools=OWN_POOLS[:1],
        agents_limit=2,
    )
    run = started(busy)
    opens = run.clock.now + 90.0
    run.append(e.AccountLimited("acme", TaskId("Z"), 1, FailureClass.RATE_LIMIT, "", opens))
    run.command(c.SetAgents(3)).settle()
    blocker = blocker_of(run.state, TaskId("B"), run.clock.now)
    assert blocker is not None
    assert (blocker.kind, blocker.until) == (Hindrance.POOL, opens)
    assert blocker.sentence.endswith("two is busy (acme is rate limited, open again in 2 min)")
    assert run.steps().wake_at == opens


@pytest.mark.parametrize(
    ("spec", "more"),
    [
        (task("B", skills=("css",), agent=WEB.name), {}),
        (task("B", skills=("css",)), {"routes": (Route(RouteMatch(), agent=WEB.name),)}),
    ],
)
def test_nobody_stands_in_for_an_agent_that_is_named(spec: Task, more: dict[str, Any]) -> None:
    """By the task, or by a route."""
    first = task("A", skills=("css",))
    run = started(plan(first, spec, agents=(WEB, TWO), pools=OWN_POOLS, **more))
    assert list(at_work(run)) == ["A"]
    assert run.explain("B").endswith("web is busy (pool one is full (1 at once))")


def test_run_with_one_agent_gives_it_everything_also_while_its_pool_is_full() -> None:
    of = plan(*(task(name, skills=("css",)) for name in "AB"), agents=(WEB, TWO), pools=OWN_POOLS)
    assert at_work(started(with_agent(of, "two"))) == {"A": ("two", "two")}


def test_who_has_begun_in_anothers_place_goes_on() -> None:
    """Its worktree is there, also when the first choice has a place by then."""
    other = TaskId("B")
    run = css_tasks("AB", defaults=Defaults(retries=9, backoff_s=0.0))
    run_until(run, reached("B", TaskState.WORKING))
    run_until(
        run,
        reached("A", TaskState.LANDED),
        lambda _, step: () if getattr(step, "task", None) == other else None,
    )
    run.append(e.AttemptExited(other, 1, 1, ok=False, cause=FailureClass.CRASH))
    run.append(e.AttemptCollected(other, 1, "h", "t", 1))
    run_until(run, lambda r: len(r.state.tasks[other].attempts) == 2)
    assert at_work(run)["B"] == ("two", "two")


def test_only_a_fallback_that_has_the_skills_takes_over() -> None:
    web = msgspec.structs.replace(WEB, fallback=(PY.name, A_TWO))
    two = named("two", skills=("css",))
    told = story(task("A", skills=("css",)), web, PY, two)
    assert told.fail(FailureClass.REFUSED).agent == "two"


@pytest.mark.parametrize(
    ("spec", "routes", "why"),
    [
        (task("A"), (), ""),
        (task("A", agent=PY.name), (Route(RouteMatch(), agent=WEB.name),), ""),
        (
            task("A", tokens=9),
            (Route(RouteMatch(max_tokens=10_000, id="A*"), model="m"),),
            "m by the route for id A*, at most 10,000 tokens",
        ),
        (task("A", skills=("css",)), (), "web has the skills css"),
    ],
)
def test_a_claim_says_what_chose_its_agent(spec: Task, routes: tuple[Route, ...], why: str) -> None:
    """Nothing is said where the plan names the agent, or the defaults do."""
    run = started(plan(spec, agents=(PY, WEB), routes=routes))
    assert run.state.tasks[A].attempts[-1].why == why


# --- ladders -------------------------------------------------------------------------------------


def test_a_failure_that_an_abler_model_may_avoid_moves_a_task_up() -> None:
    told = story(task("A"), named("claude", escalate=LADDER))
    assert (told.attempt.model, told.attempt.why) == ("haiku", "")
    assert told.fail(FailureClass.AGENT).model == "sonnet"
    assert told.attempt.why == "sonnet after a failure that an abler model may avoid"
    assert told.fail(FailureClass.GATE).model == "opus"
    assert told.fail(FailureClass.NO_WORK).model == "opus", "there is none above"


@pytest.mark.parametrize(
    "cause", [FailureClass.RATE_LIMIT, FailureClass.CRASH, FailureClass.IDLE, FailureClass.CONFLICT]
)
def test_no_other_failure_does(cause: FailureClass) -> None:
    assert story(task("A"), named("claude", escalate=LADDER)).fail(cause).model == "haiku"


def test_a_ladder_begins_at_the_model_of_the_task() -> None:
    told = story(task("A", model="sonnet"), named("claude", escalate=LADDER))
    assert told.attempt.model == "sonnet"
    assert told.fail(FailureClass.AGENT).model == "opus"


def test_a_model_that_is_not_on_the_ladder_stays() -> None:
    told = story(task("A", model="mine"), named("claude", escalate=LADDER))
    assert told.fail(FailureClass.AGENT).model == "mine"


def test_a_persons_retry_does_not_forget_which_models_have_failed() -> None:
    told = story(task("A"), named("claude", escalate=LADDER))
    told.fail(FailureClass.AGENT)
    run = run_until(told.run, reached("A", TaskState.WORKING)).command(c.Stop(A))
    run_until(run, reached("A", TaskState.CANCELLED)).command(c.Retry(A)).settle()
    assert told.attempt.model == "sonnet"


# --- fallbacks -----------------------------------------------------------------------------------

CODEX = named("codex", model="gpt", fallback=(AgentName("scripted"),))
GEMINI = named("gemini")
CLAUDE = named("claude", fallback=(CODEX.name, GEMINI.name))


@pytest.mark.parametrize("cause", [FailureClass.QUOTA, FailureClass.REFUSED])
def test_another_agent_takes_over_with_its_own_model(cause: FailureClass) -> None:
    """The fallbacks are those of the agent that the plan chose, in a circle."""
    told = story(task("A", model="opus"), CLAUDE, CODEX, GEMINI)
    assert (told.attempt.agent, told.attempt.model) == ("claude", "opus")
    second = told.fail(cause)
    assert (second.agent, second.model) == ("codex", "gpt")
    assert second.why == f"codex in place of claude, after {cause}"
    assert told.fail(cause).agent == "gemini"
    assert told.fail(cause).agent == "claude"


@pytest.mark.parametrize("cause", [FailureClass.QUOTA, FailureClass.AUTH])
def test_who_takes_over_begins_at_once(cause: FailureClass) -> None:
    """The other agent has not met the limit, and is logged in as far as anybody knows."""
    told = story(task("A"), CLAUDE, CODEX, GEMINI)
    began = told.run.clock.now
    assert told.fail(cause).agent == "codex"
    assert told.fail(cause).agent == "gemini"
    assert told.run.clock.now == began


def test_the_first_agent_comes_round_after_a_wait() -> None:
    told = story(task("A"), CLAUDE, CODEX, GEMINI)
    told.fail(FailureClass.QUOTA)
    told.fail(FailureClass.QUOTA)
    began = told.run.clock.now
    assert told.fail(FailureClass.QUOTA).agent == "claude"
    assert told.run.clock.now > began


def test_when_nobody_is_logged_in_a_person_is_asked() -> None:
    told = story(task("A"), CLAUDE, CODEX, GEMINI)
    told.fail(FailureClass.AUTH)
    told.fail(FailureClass.AUTH)
    with pytest.raises(AssertionError, match="failed"):
        told.fail(FailureClass.AUTH)


def test_who_took_over_keeps_the_task_until_a_person_retries_it() -> None:
    told = story(task("A"), CLAUDE, CODEX, GEMINI)
    told.fail(FailureClass.QUOTA)
    assert told.fail(FailureClass.GATE).agent == "codex"
    run = run_until(told.run, reached("A", TaskState.WORKING)).command(c.Stop(A))
    run_until(run, reached("A", TaskState.CANCELLED)).command(c.Retry(A)).settle()
    assert told.attempt.agent == "claude"


def test_a_refusal_is_answered_by_an_abler_model_first() -> None:
    told = story(task("A"), named("claude", escalate=LADDER[:2], fallback=(CODEX.name,)), CODEX)
    assert told.fail(FailureClass.REFUSED).model == "sonnet"
    assert told.fail(FailureClass.REFUSED).agent == "codex"


def test_who_takes_over_takes_a_place_in_its_own_pool() -> None:
    """Also when that is full: then the task waits for it, and not for the planned one."""
    pools = (Pool(PoolName("one"), 1, agents=(CODEX.name,)),)
    told = story(task("A"), CLAUDE, CODEX, GEMINI, pools=pools)
    assert told.attempt.pool is None
    assert told.fail(FailureClass.QUOTA).pool == "one"


def test_a_full_pool_of_the_agent_that_takes_over_is_waited_for() -> None:
    pools = (Pool(PoolName("one"), 1, agents=(CODEX.name,)),)
    of = plan(
        task("A"),
        task("B", agent=CODEX.name),
        agents=(CLAUDE, CODEX, GEMINI),
        defaults=Defaults(agent=CLAUDE.name, backoff_s=0.0),
        pools=pools,
    )
    run = started(of)
    run_until(run, reached("A", TaskState.WORKING), lambda _, step: _only(step, A))
    run.append(e.AttemptExited(A, 1, 1, ok=False, cause=FailureClass.REFUSED))
    run.append(e.AttemptCollected(A, 1, "h", "t", 1)).settle()
    assert run.task_state("A") is TaskState.READY
    assert run.explain("A") == "A waits: pool one is full (1 at once)"


def _only(step: object, name: TaskId) -> list[e.AnyEvent] | None:
    """Leave the launch of every other task undone."""
    return [] if isinstance(step, Launch) and step.task != name else None


# --- the plan file -------------------------------------------------------------------------------

FILE = """\
version = 1
[agents.mine]
command = "mine"
escalate = ["small", "large"]
fallback = {fallback}
[agents.boss]
use = "human"
[[task]]
id = "A"
title = "A"
agent = "mine"
"""


def test_ladder_and_fallback_are_read() -> None:
    found: Plan = read_plan(FILE.format(fallback='["claude", "scripted"]'), file="p.toml")
    assert found.agents[0].escalate == ("small", "large")
    assert found.agents[0].fallback == ("claude", "scripted")
    assert found.settings(A).model == "small"


@pytest.mark.parametrize(
    ("fallback", "said"),
    [
        ('["mine"]', "cannot take over from itself"),
        ('["human"]', "is a person"),
        ('["boss"]', "is a person"),
        ('["minr"]', "unknown agent"),
    ],
)
def test_a_fallback_that_cannot_be_is_refused(fallback: str, said: str) -> None:
    with pytest.raises(Exception, match=said) as refused:
        read_plan(FILE.format(fallback=fallback), file="p.toml")
    assert "p.toml:5" in str(refused.value)
