"""Rules about who works and with what: pools, agents, skills, times, money."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from agentdeck.core.explain import short_duration
from agentdeck.core.plan import COMMAND, Agent, Plan, Task
from agentdeck.plans.lint.finding import Hit
from agentdeck.plans.lint.subject import Subject
from agentdeck.plans.positions import Path
from agentdeck.plans.problems import listed, nearest, shown

SUGGESTED: Final = 50  # skills for which a near one is looked for


def unused_pool(subject: Subject) -> Iterator[Hit]:
    """A pool in which no task takes its place."""
    plan = subject.plan
    used = {plan.settings(task.id).pool for _, task in subject.active}
    for _, task in subject.active:
        used.update(pool for _, pool in plan.stand_ins.get(task.id, ()))
    for pool in plan.pools:
        if pool.name not in used:
            yield Hit(
                ("pools", pool.name),
                "no task takes its place here",
                "give it `labels` or `agents`, name it in a task or a route, or take it out",
            )


def files_elsewhere(subject: Subject) -> Iterator[Hit]:
    """Worktrees get links or clones of this machine's files, and agents work on other machines."""
    plan = subject.plan
    used = {plan.settings(task.id).pool for _, task in subject.active}
    away = [pool.name for pool in plan.pools if pool.host is not None and pool.name in used]
    if not away:
        return
    for key, names in (("link", plan.worktree.link), ("cache", plan.worktree.cache)):
        below = [name for name in names if not name.startswith(("/", "~"))]
        if below:
            yield Hit(
                ("worktree", key),
                f"pool {away[0]} is on other machines, where {', '.join(below[:3])} of this "
                "checkout is not",
                "put it below `files/` of each worker's folder (docs/cluster.md), or have `setup` "
                "make it",
            )


def pool_for_others(subject: Subject) -> Iterator[Hit]:
    """A task in a pool that is meant for other agents than its own."""
    plan = subject.plan
    for at, task in subject.active:
        settings = plan.settings(task.id)
        pool = plan.pool_by_name.get(settings.pool) if settings.pool else None
        if pool is None or not pool.agents or settings.agent in pool.agents or task.human:
            continue
        yield Hit(
            ("task", at, "pool") if task.pool else ("task", at),
            f"takes its place in pool {pool.name}, which is for {listed(pool.agents)},"
            f" and its agent is {settings.agent}",
            "choose another pool or agent",
        )


def missing_agent(subject: Subject) -> Iterator[Hit]:
    """An agent of this plan whose program is not there: its tasks cannot start."""
    plan = subject.plan
    found = subject.around.programs
    if found is None:
        return
    used: dict[str, int] = {}
    for _, task in subject.active:
        name = plan.settings(task.id).agent
        used[name] = used.get(name, 0) + 1
    for name, agent in plan.agent_by_name.items():
        program = agent_program(agent, subject.around.adapters)
        if name not in used or program is None or found.get(program, True):
            continue
        own = agent in plan.agents
        tasks = "1 task needs it" if used[name] == 1 else f"{used[name]} tasks need it"
        yield Hit(
            ("agents", name) if own else (),
            f"agent {name} is the program {shown(program)}, which is not there; {tasks}",
            "install it, or try the plan with `--agent scripted`",
        )


def agent_program(agent: Agent, adapters: Mapping[str, str]) -> str | None:
    """The program that an agent is; None: it is none, or comes with agentdeck.

    Args:
        adapters: the program of each adapter, by its name.
    """
    if agent.use == COMMAND:
        return agent.command[0] if agent.command and "{" not in agent.command[0] else None
    return adapters.get(agent.use) or None


def programs(plan: Plan, adapters: Mapping[str, str]) -> set[str]:
    """The programs of all agents, for somebody who can look for them."""
    named = (agent_program(agent, adapters) for agent in plan.agent_by_name.values())
    return {name for name in named if name}


def unknown_skill(subject: Subject) -> Iterator[Hit]:
    """A skill that is asked for, and no agent of the plan has."""
    known = subject.able.skilled
    looked = 0
    for at, task in subject.active:
        for number, skill in enumerate(() if task.human else task.skills):
            if skill.casefold() in known:
                continue
            near = nearest(skill, sorted(known)) if known and looked < SUGGESTED else None
            looked += 1
            yield Hit(
                ("task", at, "skills", number),
                f"no agent has the skill {shown(skill)}"
                + (", so the task would wait for ever" if known else ""),
                _way_to_skill(subject, skill, near),
            )


def _way_to_skill(subject: Subject, skill: str, near: str | None) -> str:
    """What could be done about a skill that nobody of the plan has."""
    outside = [
        name
        for name, skills in subject.around.skills.items()
        if skill.casefold() in {each.casefold() for each in skills}
    ]
    if outside:
        return f"{listed(outside)} of this machine would have it: give the plan that agent"
    return f"did you mean {shown(near)}?" if near else "add it to the `skills` of an agent"


def lacking_skill(subject: Subject) -> Iterator[Hit]:
    """A task whose agent lacks what the task asks for, and another agent has it."""
    plan = subject.able
    for at, task in subject.active:
        own = plan.settings(task.id).agent
        lacking = plan.lacking(task, own)
        for number, skill in enumerate(task.skills):
            others = plan.skilled.get(skill.casefold(), ())
            if others and skill in lacking:
                yield Hit(
                    ("task", at, "skills", number),
                    f"its agent {own} lacks the skill {shown(skill)},"
                    " so the task would wait for ever",
                    f"{listed(others)} would have it",
                )


def short_timeout(subject: Subject) -> Iterator[Hit]:
    """An attempt would be ended before its own estimate is over."""
    for at, task in subject.active:
        timeout = subject.plan.settings(task.id).timeout_s
        if task.estimate_s is not None and timeout < task.estimate_s:
            key = "timeout" if task.timeout_s is not None else "estimate"
            yield Hit(
                ("task", at, key),
                f"may take {short_duration(timeout)}, and is estimated at"
                f" {short_duration(task.estimate_s)}",
                "a longer `timeout`, or a smaller task",
            )


def small_budget(subject: Subject) -> Iterator[Hit]:
    """The estimates of the tasks alone use up a budget."""
    for path, allowed, tasks in _token_budgets(subject):
        needed = sum(task.tokens or 0 for task in tasks)
        if needed > allowed:
            yield Hit(
                (*path, "tokens"),
                f"is {allowed:,}, and {_are(len(tasks))} estimated at {needed:,} tokens",
                "a larger budget, or fewer tasks",
            )


def _are(tasks: int) -> str:
    return "the task is" if tasks == 1 else "the tasks are"


def _token_budgets(subject: Subject) -> Iterator[tuple[Path, int, list[Task]]]:
    """Each budget of tokens: where it stands, how much it is, for which tasks."""
    plan, tasks = subject.plan, [task for _, task in subject.active]
    if plan.budget.tokens is not None:
        yield ("budget",), plan.budget.tokens, tasks
    for at, phase in enumerate(plan.phases):
        if phase.budget.tokens is not None:
            inside = [task for task in tasks if task.phase == phase.id]
            yield ("phase", at, "budget"), phase.budget.tokens, inside
    for pool in plan.pools:
        if pool.budget.tokens is not None:
            inside = [task for task in tasks if plan.settings(task.id).pool == pool.name]
            yield ("pools", pool.name, "budget"), pool.budget.tokens, inside
    for at, task in subject.active:
        if task.budget.tokens is not None:
            yield ("task", at, "budget"), task.budget.tokens, [task]
