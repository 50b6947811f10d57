"""Bernstein's `plan.yaml`: stages with steps that run side by side.

Rules:
- A stage is a phase. Stages that follow each other in a line end in sync points; any other order
  becomes dependencies between the steps.
- Signals of completion are gates. `test_passes` and `command` hold real commands; the others are
  checks in words.
- The role of a step becomes a label, by which routes can choose an agent.
- Priority 1 is critical (10), 2 normal (0), 3 nice to have (-10).
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from agentdeck.core.plan import NoteKind
from agentdeck.plans.imports.document_names import name_of
from agentdeck.plans.imports.draft import Draft, DraftNote, DraftPhase, DraftTask
from agentdeck.plans.imports.gate_commands import GateBook
from agentdeck.plans.imports.naming import Naming
from agentdeck.plans.imports.prompt_text import prompt, spoken
from agentdeck.plans.imports.statuses import complexity_in, priority_of, set_status
from agentdeck.plans.imports.tables import (
    Entry,
    Table,
    add_task,
    as_json,
    plain,
    refuse,
    tables_in,
)
from agentdeck.plans.imports.task_groups import GroupEdges, finish, in_a_line
from agentdeck.plans.imports.words import agent_of, usd_of
from agentdeck.plans.imports.written_paths import add_files
from agentdeck.plans.imports.yaml_places import read_yaml
from agentdeck.plans.problems import shown

NAME: Final = "bernstein"
MAX_MINUTES: Final = 60 * 24 * 366  # a year
MAX_AGENTS: Final = 1_000  # as many as a plan can have
USUAL: Final = 2  # priority
STEP: Final = 10  # between two priorities

_STAGES: Final = re.compile(r"^stages[ \t]*:", re.MULTILINE)
_STEPS: Final = re.compile(r"^[ \t-]*steps[ \t]*:", re.MULTILINE)
_OTHERS: Final = re.compile(
    r"^[ \t-]*(?:jobs|script|trigger)[ \t]*:", re.MULTILINE
)  # build servers
_AUTO: Final = ("", "auto", "default", "any")
_COMMANDS: Final = ("test_passes", "command", "command_succeeds", "shell")


def claims(file: str, text: str) -> float:
    """How sure it is that this is Bernstein's: 0 to 1."""
    start = text[:64_000]
    if not file.endswith((".yaml", ".yml")) or not _STAGES.search(start):
        return 0.0
    return 0.9 if _STEPS.search(start) and not _OTHERS.search(start) else 0.2


def read(text: str, *, file: str) -> Draft:
    """Read a `plan.yaml`.

    Raises:
        PlanProblems: it is no YAML, or has no stages.
    """
    top = read_yaml(text, file=file)
    if not isinstance(top, Table):
        refuse(file, 1, 'expected a table with "stages" in it')
    reading = _Reading(file)
    about = Entry(top, reading.draft)
    value = about.value("stages")
    reading.plan(about)
    for number, stage in enumerate(
        tables_in(value, file=file, line=top.line, what="a stage"), start=1
    ):
        reading.stage(Entry(stage, reading.draft), number)
    reading.join()
    return reading.draft


class _Stage(msgspec.Struct):
    """A stage and what it waits for."""

    phase: DraftPhase
    needs: list[str]
    tasks: list[DraftTask]


class _Reading:
    """From the tables to the draft."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._ids = Naming("step")
        self._stages: dict[str, _Stage] = {}
        self.draft = Draft(name=name_of(file), format=NAME)
        self._gates = GateBook(self.draft)

    def plan(self, about: Entry) -> None:
        """What is said of the whole plan."""
        draft, line = self.draft, about.line
        draft.name = name_of(self._file, about.title("name"))
        self._note(NoteKind.RATIONALE, about.text("description"), line)
        for text in about.texts("constraints"):
            self._note(NoteKind.CONSTRAINT, text, line)
        for text in about.texts("context_files"):
            self._note(NoteKind.REFERENCE, text, line)
        for text in spoken(about.value("repos")):
            self._note(NoteKind.REFERENCE, f"repository {text}", line)
        draft.default_agent = self._agent(about.text("cli"))
        model = about.title("model")
        draft.default_model = model if model.lower() not in _AUTO else None
        most = about.number("max_agents")
        if most is not None and 1 <= most <= MAX_AGENTS:
            draft.agents_limit = int(most)
        elif most is not None:
            about.put_back("max_agents", most)
        self._budget(about)
        for name, value in about.rest().items():
            draft.left(line, "document-field", f"{name}: {value[:200]}")

    def stage(self, entry: Entry, number: int) -> None:
        """One stage with its steps."""
        title = entry.title("name", "title") or f"Stage {number}"
        key = title
        while key in self._stages:
            key = f"{key} ({number})"
        if key != title:
            self.draft.guessed(entry.line, "stage-twice", f"{shown(title)} stands here again")
        phase = DraftPhase(key=key, title=title, line=entry.line)
        self.draft.phases.append(phase)
        stage = _Stage(phase, entry.texts("depends_on"), [])
        self._stages[key] = stage
        self._note(NoteKind.REMARK, entry.text("description"), entry.line)
        value = entry.value("steps") or []
        repo = entry.text("repo")
        for step in tables_in(value, file=self._file, line=entry.line, what="a step"):
            task = self._step(Entry(step, self.draft))
            task.phase = key
            if repo:
                task.meta.setdefault("repo", repo)
            stage.tasks.append(task)
            add_task(self.draft, task, file=self._file)
        for name, kept in entry.rest().items():
            self.draft.left(entry.line, "stage-field", f"{title}: {name}: {kept[:200]}")

    def join(self) -> None:
        """Stages wait for stages."""
        for stage in self._stages.values():
            for name in [name for name in stage.needs if name not in self._stages]:
                said = f"{shown(stage.phase.title)} waits for {shown(name)}, which is no stage"
                self.draft.left(stage.phase.line, "no-such-stage", said)
            stage.needs = [name for name in stage.needs if name in self._stages]
        if in_a_line({key: stage.needs for key, stage in self._stages.items()}):
            for stage in list(self._stages.values())[:-1]:
                stage.phase.sync = True
        else:
            self._join_steps()
        self._gates.settle()
        finish(self.draft)

    def _join_steps(self) -> None:
        edges = GroupEdges(self._file)
        for stage in self._stages.values():
            needed: dict[str, None] = {}
            left = list(stage.needs)
            while left:
                name = left.pop()
                edges.look(1, stage.phase.line)
                if name not in needed:
                    needed[name] = None
                    if not self._stages[name].tasks:  # an empty stage stands for what it waits for
                        left.extend(self._stages[name].needs)
            for name in needed:
                earlier = [task.id for task in self._stages[name].tasks]
                edges.look(len(earlier), stage.phase.line)
                edges.need(stage.tasks, earlier, stage.phase.line)

    def _step(self, entry: Entry) -> DraftTask:
        title = entry.title("title", "goal", "name")
        goal = entry.text("goal")
        task = DraftTask(title=title, line=entry.line)
        task.id = self._ids.take(entry.text("id"), title)
        task.aliases = [title] if title else []
        task.prompt = prompt(("", entry.text("description") or goal or title), ("Goal", goal))
        task.after = entry.texts("depends_on")
        task.agent = self._agent(entry.text("cli"))
        model = entry.title("model")
        task.model = model if model.lower() not in _AUTO else None
        role = entry.title("role")
        task.labels = [role] if role.lower() not in _AUTO else []
        self._amounts(entry, task)
        add_files(task, entry.texts("files", "owned_files"), self.draft, entry.line)
        names = [
            self._signal(signal, entry.line) for signal in _listed(entry, "completion_signals")
        ]
        task.gates = list(dict.fromkeys(names)) or None
        status = entry.text("status")
        task.meta = entry.rest()
        set_status(task, status, self.draft)
        return task

    def _amounts(self, entry: Entry, task: DraftTask) -> None:
        minutes = entry.number("estimated_minutes")
        if minutes is not None and 0 < minutes <= MAX_MINUTES:
            task.estimate_s = minutes * 60
        elif minutes:
            entry.put_back("estimated_minutes", minutes)
        written = entry.text("complexity")
        task.complexity = complexity_in(written) if written else None
        if written and not task.complexity:
            entry.put_back("complexity", written)
        priority = entry.text("priority")
        if word := priority_of(priority):
            task.priority = word
        elif re.fullmatch(r"[0-9]{1,3}", priority, re.ASCII):
            task.priority = (USUAL - int(priority)) * STEP
        elif priority:
            entry.put_back("priority", priority)

    def _signal(self, signal: Any, line: int) -> str:
        """The gate of one signal of completion."""
        if not isinstance(signal, Table):
            return self._gates.words(plain(signal) or as_json(signal), line)
        entry = Entry(signal, self.draft)
        sort = entry.text("type")
        value = entry.text("command", "value") if sort in _COMMANDS else ""
        if value:
            return self._gates.command(value, signal.line)
        path = entry.text("path", "value")
        contains = entry.text("contains")
        words = {
            "path_exists": f"{path} exists",
            "glob_exists": f"a file {path} exists",
            "file_contains": f"{path} contains {contains}",
        }.get(sort)
        return self._gates.words(words or f"{sort}: {path or as_json(signal)}", signal.line)

    def _agent(self, written: str) -> str | None:
        return agent_of(written) if written.lower() not in _AUTO else None

    def _budget(self, about: Entry) -> None:
        amount = about.table("budget")
        inner = Entry(amount, self.draft) if amount is not None else None
        written = inner.text("usd", "max_usd", "cost") if inner else about.text("budget")
        tokens = inner.number("tokens", "max_tokens") if inner else None
        if tokens is not None and tokens > 0:
            self.draft.budget_tokens = int(tokens)
        found = usd_of(written if not re.fullmatch(r"[0-9.]+", written) else f"${written}")
        if found is not None and found.high > 0:
            self.draft.budget_usd = found.high
        elif written:
            about.put_back("budget", written)

    def _note(self, kind: NoteKind, text: str, line: int) -> None:
        if text:
            self.draft.notes.append(DraftNote(kind, text, line))


def _listed(entry: Entry, name: str) -> list[Any]:
    value = entry.value(name)
    return value if isinstance(value, list) else [value] if value is not None else []
