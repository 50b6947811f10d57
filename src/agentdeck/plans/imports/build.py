"""From a draft to a plan: valid names, references that hold, values that fit.

Rules:
- The plan that comes out can be written and read again as it is.
- What cannot be in a plan is dropped with a remark that names it; loops and deadlocks are refused.
- A task that the document calls finished stays in the plan, deferred, so that nothing is done twice
  and nothing is lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import PurePath
from typing import Final

from agentdeck.core.errors import UsageError
from agentdeck.core.ids import GateName, PhaseId, TaskId, id_fault, slug
from agentdeck.core.plan import (
    COMPLEXITIES,
    DEFAULT_AGENTS,
    DEFAULT_TIMEOUT_S,
    Budget,
    Defaults,
    Phase,
    Plan,
    Task,
)
from agentdeck.plans.durations import MAX_DURATION_S, format_duration
from agentdeck.plans.imports.draft import MAX_TASKS, Draft, DraftTask, Imported
from agentdeck.plans.imports.edges import DONE, Edges
from agentdeck.plans.imports.fitting import (
    line_of,
    lines_of,
    meta_of,
    number_of,
    path_of,
    seconds_of,
    source_line,
    text_of,
    whole_of,
)
from agentdeck.plans.imports.furniture import Furniture
from agentdeck.plans.imports.naming import Naming, short_name
from agentdeck.plans.imports.skills_shown import with_skills_shown
from agentdeck.plans.imports.statements import claims_of, notes_of
from agentdeck.plans.keys import MAX_AGENTS, MAX_PRIORITY, MAX_TOKENS, MAX_USD
from agentdeck.plans.problems import PlanProblems, Problem, shown

TIMEOUT_FACTOR: Final = 2  # of the longest estimate; an agent that takes longer is stuck
RISKS: Final = ("low", "medium", "high")


def build(draft: Draft, *, file: str) -> Imported:
    """The plan that a draft comes to.

    Args:
        draft: as an importer filled it. Its remarks, ids and deferrals are completed in place.
        file: name of the document, for problems and as `Plan.document`.

    Raises:
        PlanProblems: there is no task, or no order of the tasks; every problem with its line.
        UsageError: it is too large to be a plan.
    """
    if not draft.tasks:
        hint = "a plan has tasks in tables, lists, headings or boxes; see `agentdeck import --help`"
        raise PlanProblems([Problem(file, 1, "", "no task was found in it", hint)])
    if len(draft.tasks) > MAX_TASKS:
        raise UsageError(f"{file} has {len(draft.tasks):,} tasks; {MAX_TASKS:,} is the most")
    return _Builder(draft, file).imported()


class _Builder:
    """Builds one plan."""

    def __init__(self, draft: Draft, file: str) -> None:
        self._draft = draft
        self._file = file
        self._phases = Naming("phase")
        self._phase_ids = self._name_phases()
        self._ids = self._name_tasks()
        self._edges = Edges(draft, self._ids, file)
        self._furniture = Furniture(draft, self._phase_ids)

    def imported(self) -> Imported:
        """The plan and all remarks, by line."""
        draft = self._draft
        position = {phase.key: index for index, phase in reversed([*enumerate(draft.phases)])}
        phase_of = [None if t.phase is None else position.get(t.phase) for t in draft.tasks]
        self._edges.refuse_deadlocks(phase_of)
        tasks = tuple(self._task(index, task) for index, task in enumerate(draft.tasks))
        plan = Plan(
            name=line_of(draft.name) or slug(PurePath(self._file).stem),
            tasks=tasks,
            strategy=draft.strategy,
            agents_limit=self._agents_limit(tasks),
            document=line_of(self._file),
            defaults=Defaults(
                agent=self._furniture.agent(draft.default_agent, 1),
                model=line_of(draft.default_model),
                timeout_s=self._timeout_s(tasks),
            ),
            budget=self._budget(),
            phases=self._made_phases(),
            routes=self._furniture.routes(),
            gates=self._furniture.gates,
            pools=self._furniture.pools,
            notes=notes_of(draft),
            claims=claims_of(draft, self._phase_ids, self._ids, self._edges.resolver),
            agents=self._furniture.agents(),
        )
        plan = with_skills_shown(plan, draft)
        remarks = tuple(sorted(draft.remarks, key=lambda remark: remark.line))
        return Imported(plan, draft.format, remarks, draft.remarks_dropped)

    def _timeout_s(self, tasks: Iterable[Task]) -> float:
        """No attempt is cut off before its estimate: these come from people's plans."""
        longest = max((task.estimate_s or 0.0 for task in tasks), default=0.0)
        timeout_s = min(MAX_DURATION_S, TIMEOUT_FACTOR * longest)
        if timeout_s <= DEFAULT_TIMEOUT_S:
            return DEFAULT_TIMEOUT_S
        text = f"an attempt may take {format_duration(timeout_s)}, twice the longest estimate"
        self._draft.guessed(1, "timeout-from-estimates", text)
        return timeout_s

    def _name_phases(self) -> dict[str, PhaseId]:
        found: dict[str, PhaseId] = {}
        for phase in self._draft.phases:
            if phase.key not in found:
                # A key that is no id was made from the title, which people call by its number.
                name = short_name(phase.title) if id_fault(phase.key) else phase.key
                found[phase.key] = PhaseId(self._phases.take(name, phase.title))
        return found

    def _name_tasks(self) -> list[TaskId]:
        naming = Naming("task")
        found = []
        for task in self._draft.tasks:
            name = naming.take(task.id, task.title)
            found.append(TaskId(name))
            if not task.id:
                text = f"task {shown(task.title)} has no id: it is called {name}"
                self._draft.read(task.line, "id-from-title", text)
            elif name != task.id:
                text = f"id {shown(task.id)} cannot be used here: the task is called {name}"
                self._draft.guessed(task.line, "id-changed", text)
        return found

    def _made_phases(self) -> tuple[Phase, ...]:
        seen = set()
        found = []
        for phase in self._draft.phases:
            if phase.key in seen:
                continue
            seen.add(phase.key)
            found.append(
                Phase(
                    id=self._phase_ids[phase.key],
                    title=line_of(phase.title) or "",
                    sync=phase.sync,
                    gates=self._furniture.gate_names(phase.gates, phase.line),
                )
            )
        return tuple(found)

    def _task(self, index: int, task: DraftTask) -> Task:
        title, prompt = line_of(task.title) or "", text_of(task.prompt)
        agent = self._furniture.agent(task.agent, task.line)
        human = task.human or agent == "human"
        return Task(
            id=self._ids[index],
            title=title if title or prompt else self._ids[index],
            prompt=prompt,
            after=tuple(self._ids[other] for other in self._edges.after(index)),
            phase=self._phase(task),
            files=self._files(task),
            agent=None if human else agent,
            model=line_of(task.model),
            pool=self._furniture.pool(task.pool, task.line),
            labels=lines_of(task.labels),
            estimate_s=self._estimate(task),
            tokens=self._tokens(task),
            risk=self._word(task, "risk", task.risk, RISKS),
            complexity=self._word(task, "complexity", task.complexity, COMPLEXITIES),
            kind=line_of(task.kind),
            skills=lines_of(task.skills),
            gates=None if task.gates is None else self._gates(task.gates, task.line),
            priority=whole_of(task.priority, -MAX_PRIORITY, MAX_PRIORITY) or 0,
            exclusive=task.exclusive,
            human=human,
            defer=self._defer(task),
            allow_empty=task.allow_empty,
            line=source_line(task.line),
            issue=task.issue,
            meta=meta_of(task.meta),
        )

    def _gates(self, names: Iterable[str], line: int) -> tuple[GateName, ...]:
        return self._furniture.gate_names(names, line)

    def _phase(self, task: DraftTask) -> PhaseId | None:
        if task.phase is None or task.phase in self._phase_ids:
            return None if task.phase is None else self._phase_ids[task.phase]
        self._draft.left(task.line, "unknown-phase", f"there is no phase {shown(task.phase)}")
        return None

    def _files(self, task: DraftTask) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for name in task.files:
            path = path_of(name)
            if path is not None:
                found[path] = None
            elif name.strip():
                text = f"{shown(name)} is not below the repository"
                self._draft.left(task.line, "path-outside", text)
        return tuple(found)

    def _estimate(self, task: DraftTask) -> float | None:
        seconds = seconds_of(task.estimate_s)
        if seconds is None and task.estimate_s is not None:
            text = f"{task.estimate_s:.15g} seconds is no time that a task can take"
            self._draft.left(task.line, "estimate-out-of-range", text)
        return seconds

    def _tokens(self, task: DraftTask) -> int | None:
        tokens = number_of(task.tokens, 0, MAX_TOKENS)
        if tokens is None and task.tokens is not None:
            text = f"{shown(task.tokens)} is no number of tokens that a task can take"
            self._draft.left(task.line, "tokens-out-of-range", text)
        return None if tokens is None else int(tokens)

    def _word(
        self, task: DraftTask, what: str, word: str | None, known: tuple[str, ...]
    ) -> str | None:
        """One of the words that a key takes; another one goes into `meta`."""
        if word is None or word in known:
            return word
        task.meta.setdefault(what, word)
        text = f"{what} {shown(word)} is none of {', '.join(known)}: kept in meta"
        self._draft.left(task.line, f"unknown-{what}", text)
        return None

    def _defer(self, task: DraftTask) -> str | None:
        if task.done:
            return DONE
        if task.defer is None:
            return None
        return line_of(task.defer) or "deferred, says the document"

    def _agents_limit(self, tasks: Iterable[Task]) -> int:
        """What the document says, else as many as its widest phase has tasks."""
        said = self._draft.agents_limit
        if said is not None:
            return min(MAX_AGENTS, max(1, said))
        if len(self._draft.phases) < 2:
            return DEFAULT_AGENTS
        working = Counter(t.phase for t in tasks if t.phase and not t.defer and not t.human)
        most = min(MAX_AGENTS, max([1, *working.values()]))
        text = f"{most} at once: the most tasks of one phase"
        self._draft.guessed(1, "agents-of-widest-phase", text)
        return most

    def _budget(self) -> Budget:
        tokens = number_of(self._draft.budget_tokens, 0, MAX_TOKENS)
        return Budget(
            usd=number_of(self._draft.budget_usd, 0, MAX_USD),
            tokens=None if tokens is None else int(tokens),
        )
