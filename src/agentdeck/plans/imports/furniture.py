"""Gates, agents, pools and routes of a draft, and the names by which tasks refer to them.

Rules: an agent that is no kind of agentdeck's own works as `claude` does, until somebody gives it a
command; that is remarked once. A pool or gate that nobody defines is dropped from whoever names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from agentdeck.core.ids import AgentName, GateName, PhaseId, PoolName
from agentdeck.core.plan import BUILTIN_AGENTS, Agent, Gate, GateWhen, Pool, Route, RouteMatch
from agentdeck.plans.imports.draft import Draft, DraftAgent, DraftGate, DraftPool, DraftRoute
from agentdeck.plans.imports.fitting import line_of, lines_of, whole_of
from agentdeck.plans.imports.mentions import is_nobody
from agentdeck.plans.imports.naming import Naming
from agentdeck.plans.keys import MAX_AGENTS
from agentdeck.plans.problems import shown

STAND_IN: Final = "claude"  # the kind that works for an agent whose command is not known


class Furniture:
    """What a draft defines beside its tasks and phases.

    Args:
        draft: takes the remarks.
        phases: ids by key.
    """

    def __init__(self, draft: Draft, phases: Mapping[str, PhaseId]) -> None:
        self._draft = draft
        self._phases = phases
        self._agent_names = Naming("agent")
        self._agents: dict[str, Agent] = {}
        self._gate_names = Naming("gate")
        self._pool_names = Naming("pool")
        self._told: set[tuple[str, str]] = set()
        for agent in draft.agents:
            self._add_agent(agent)
        self.gates = tuple(gate for each in draft.gates if (gate := self._gate(each)))
        self.pools = tuple(self._pool(pool) for pool in draft.pools)

    def agents(self) -> tuple[Agent, ...]:
        """Every agent that was defined or named so far."""
        return tuple(self._agents.values())

    def agent(self, name: str | None, line: int) -> AgentName | None:
        """The agent of this name; it is made if nobody has defined it."""
        if name is None or is_nobody(name):
            return None
        if name in BUILTIN_AGENTS:
            return AgentName(name)
        found = self._agent_names.find(name)
        if found is None:
            found = self._add_agent(DraftAgent(name=name, line=line))
        return AgentName(found)

    def pool(self, name: str | None, line: int) -> PoolName | None:
        """The pool of this name; None, with a remark, if there is none."""
        if name is None or is_nobody(name):
            return None
        found = self._pool_names.find(name)
        if found is None:
            self._tell("unknown-pool", name, line, f"no pool is called {shown(name)}")
        return PoolName(found) if found else None

    def gate_names(self, names: Iterable[str], line: int) -> tuple[GateName, ...]:
        """The gates of these names; the others are remarked."""
        known = {gate.name for gate in self.gates}
        found: dict[GateName, None] = {}
        for name in names:
            gate = self._gate_names.find(name)
            if gate is not None and gate in known:
                found[GateName(gate)] = None
            else:
                self._tell("unknown-gate", name, line, f"no gate is called {shown(name)}")
        return tuple(found)

    def routes(self) -> tuple[Route, ...]:
        """The routes that say something, in order."""
        return tuple(route for each in self._draft.routes if (route := self._route(each)))

    def _tell(self, rule: str, name: str, line: int, text: str) -> None:
        """Remark once for each name, where it is first used."""
        if (rule, name) not in self._told:
            self._told.add((rule, name))
            self._draft.left(line, rule, text)

    def _add_agent(self, agent: DraftAgent) -> str:
        known = self._agent_names.find(agent.name)
        if known is not None:
            return self._add_skills(known, agent)
        name = AgentName(self._agent_names.take(agent.name))
        command = tuple(word.replace("\0", "") for word in agent.command)
        command = command if command and command[0] and _writable(command) else ()
        use = "command" if command else agent.use if agent.use in BUILTIN_AGENTS else None
        if name in BUILTIN_AGENTS and not command:
            use = name
        self._agents[name] = Agent(
            name=name,
            use=use or STAND_IN,
            command=command,
            model=line_of(agent.model),
            skills=lines_of(agent.skills),
        )
        if use is None:
            text = f"agent {name} has no command here: {STAND_IN} works in its place"
            self._draft.guessed(agent.line, "agent-stands-in", text)
        return name

    def _add_skills(self, name: str, agent: DraftAgent) -> str:
        """An agent that is defined again: what is new about it is added."""
        known = self._agents[name]
        self._agents[name] = Agent(
            name=known.name,
            use=known.use,
            command=known.command,
            model=known.model or line_of(agent.model),
            skills=lines_of([*known.skills, *agent.skills]),
        )
        return name

    def _gate(self, gate: DraftGate) -> Gate | None:
        run = tuple(gate.run)
        check = line_of(gate.check) or ""
        armed = bool(run) and bool(run[0]) and _writable(run)
        if run and not armed:
            self._draft.left(gate.line, "gate-command", f"gate {shown(gate.name)}: not a command")
        if not armed and not check:
            text = f"gate {shown(gate.name)} has neither a command nor words"
            self._draft.left(gate.line, "empty-gate", text)
            return None
        return Gate(
            name=GateName(self._gate_names.take(gate.name, gate.check)),
            run=run if armed else (),
            when=tuple(dict.fromkeys(gate.when)) or (GateWhen.TASK,),
            check=check,
        )

    def _pool(self, pool: DraftPool) -> Pool:
        size = whole_of(pool.size, 1, MAX_AGENTS) or 1
        name = PoolName(self._pool_names.take(pool.name))
        if size != pool.size:
            text = f"pool {name}: {size} places instead of {pool.size}"
            self._draft.guessed(pool.line, "pool-size", text)
        return Pool(name=name, size=size, labels=lines_of(pool.labels))

    def _route(self, route: DraftRoute) -> Route | None:
        phase = self._phases.get(route.phase) if route.phase is not None else None
        match = RouteMatch(
            id=line_of(route.id),
            phase=phase,
            label=line_of(route.label),
            complexity=line_of(route.complexity),
        )
        made = Route(
            match=match,
            agent=self.agent(route.agent, route.line),
            model=line_of(route.model),
            pool=self.pool(route.pool, route.line),
        )
        if route.phase is not None and phase is None:
            self._draft.left(route.line, "unknown-phase", f"no phase {shown(route.phase)}")
            return None
        if match == RouteMatch() or not (made.agent or made.model or made.pool):
            self._draft.left(route.line, "empty-route", "a rule for no task, or without a setting")
            return None
        return made


def _writable(words: Iterable[str]) -> bool:
    """Can these be the arguments of a program, and be written into a file?"""
    return not any("\0" in word or any("\ud800" <= c <= "\udfff" for c in word) for word in words)
