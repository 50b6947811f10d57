"""Rules about gates: those that never run, and those that cannot."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Final

from agentdeck.core.plan import OWN_REPO, Gate, GateWhen, Plan
from agentdeck.plans.lint.finding import Hit
from agentdeck.plans.lint.subject import Subject
from agentdeck.plans.problems import shown

_SHELLS: Final = frozenset({"sh", "bash", "zsh", "dash", "ksh"})
_BUILTINS: Final = frozenset(
    "cd echo exit export set test true false [ [[ : if for while until case { ( ! . source unset"
    " eval exec printf command type ulimit umask wait trap time read local return shift".split()
)
_OPERATORS: Final = frozenset("&&||;|<>()$`\"'*?[]{}")


def unused(subject: Subject) -> Iterator[Hit]:
    """A gate with a command that no task, phase or moment asks for."""
    plan = subject.plan
    asked = _asked(plan)
    for gate in plan.gates:
        if gate.armed and gate.name not in asked:
            when = ", ".join(gate.when)
            yield Hit(
                ("gates", gate.name),
                f"never runs: it is for {when}, and nothing there uses it",
                "name it in `gates`, or take it out",
            )


def _asked(plan: Plan) -> set[str]:
    asked: set[str] = set()
    for task in plan.tasks:
        if not task.defer:
            asked.update(plan.settings(task.id).gates)
    per_task = {GateWhen.TASK, GateWhen.MERGE}
    asked = {name for name in asked if per_task & set(plan.gate_by_name[name].when)}  # type: ignore[index]
    for phase in plan.phases:
        asked.update(gate.name for gate in plan.phase_gates(phase))
    for when in (GateWhen.PREFLIGHT, GateWhen.FINAL):
        asked.update(gate.name for gate in plan.gates_when(when))
    return asked


def without_command(subject: Subject) -> Iterator[Hit]:
    """A gate in words: agents are told, and nobody looks."""
    for gate in subject.plan.gates:
        if not gate.armed:
            yield Hit(
                ("gates", gate.name),
                "has no command: agents are told, and it proves nothing until it has run",
                "add `run`",
            )


def missing_program(subject: Subject) -> Iterator[Hit]:
    """A gate whose program is neither on this machine nor in the repository."""
    programs = subject.around.programs
    for gate in subject.plan.gates:
        program = program_of(gate)
        if programs is None or program is None or programs.get(program, True):
            continue
        if "/" in program and not gate.judges(OWN_REPO):  # in a repository that nobody has seen
            continue
        where = "in the repository" if "/" in program else "on the PATH"
        yield Hit(
            ("gates", gate.name, "run"),
            f"runs {shown(program)}, which is not {where}",
            "install it, or correct the command",
        )


def program_of(gate: Gate) -> str | None:
    """The program that a gate starts first; None where only a shell could tell."""
    argv = gate.run
    if not argv:
        return None
    if argv[0].rpartition("/")[2] in _SHELLS and len(argv) > 2 and argv[1] == "-c":
        return _first_word(argv[2])
    return argv[0]


def _first_word(script: str) -> str | None:
    try:
        words = shlex.split(script, comments=True)
    except ValueError:
        return None
    while words and "=" in words[0].partition("/")[0]:  # `NAME=value program`
        words = words[1:]
    if not words or words[0] in _BUILTINS or _OPERATORS & set(words[0]):
        return None
    return words[0]


def programs(plan: Plan) -> set[str]:
    """The programs of all gates, for somebody who can look for them."""
    return {program for gate in plan.gates if (program := program_of(gate)) is not None}
