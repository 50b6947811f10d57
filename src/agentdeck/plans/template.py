"""The starter plan that `agentdeck init` writes: short, commented, and readable at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import tomli_w

from agentdeck.core.ids import id_fault, slug
from agentdeck.core.plan import BUILTIN_AGENTS, PLAN_VERSION
from agentdeck.plans.fields import is_branch, one_line

_HEAD: Final = """\
# What should be done, and how. Check it with `agentdeck check`, run it with `agentdeck run`.
version = {version}

[plan]
{name}{base}# target = "deck/my-plan"  # finished work lands here; without it: deck/<plan>
# land = "approve"         # auto (green is enough), approve, or review the diff first
agents = 2                 # at once

[defaults]
{agent}# timeout = "2h"           # of one attempt
# retries = 2              # attempts after the first one

# [budget]
# usd = 20
# on_exceed = "ask"        # freeze what works and ask; drain (let it end), or stop it
"""
_NO_GATES: Final = """\
# A gate is a command that must exit 0 before anything lands. Without one, nothing is checked.
# [gates.test]
# run = "make test"
# when = "merge"           # preflight, task, merge, phase, final; or a list of these
# timeout = "30min"
"""
_GATES: Final = "# A gate is a command that must exit 0 before anything lands.\n"
_AGENT: Final = "# {prompt} stands for what the task says.\n"
_TASKS: Final = """\
[[task]]
id = "first"
title = "Describe the project in README.md"
prompt = \"\"\"
Read the source and write a short README.md: what it is, how to build it, how to test it.
\"\"\"
files = ["README.md"]      # no other task that touches these works at the same time
estimate = "10min"

[[task]]
id = "second"
title = "Add a contributing guide"
prompt = "Write CONTRIBUTING.md, and link it from README.md."
after = "first"            # starts when `first` has landed
files = ["CONTRIBUTING.md", "README.md"]
"""


def init_plan(
    *, name: str, base: str, gates: Sequence[tuple[str, str]], agents: Sequence[str]
) -> str:
    """A commented plan to start from; `read_plan` accepts it whatever the arguments are.

    Args:
        name: of the plan; turned into one line.
        base: branch the work starts from; left out when it is none (a detached HEAD).
        gates: (name, shell command) each; names that are no ids are turned into ids.
        agents: by preference; the first is the default one. One that is not built in gets a
            command of its own name.
    """
    chosen = _ids(agents, "agent")
    parts = [
        _HEAD.format(
            version=PLAN_VERSION,
            name=_pair("name", one_line(name) or "plan"),
            base=_pair("base", base) if is_branch(base) else "",
            agent=_pair("agent", chosen[0]) if chosen else '# agent = "claude"\n',
        )
    ]
    for agent, program in zip(chosen, agents, strict=True):
        if agent not in BUILTIN_AGENTS:
            argv = [one_line(program) or agent, "{prompt}"]
            parts.append(_AGENT + tomli_w.dumps({"agents": {agent: {"command": argv}}}))
    return "\n".join([*parts, _gates(gates), _TASKS])


def _gates(gates: Sequence[tuple[str, str]]) -> str:
    said = [(name, one_line(command)) for name, command in gates if one_line(command)]
    names = _ids([name for name, _ in said], "gate")
    tables = [
        tomli_w.dumps({"gates": {name: {"run": command}}})
        for name, (_, command) in zip(names, said, strict=True)
    ]
    return _GATES + "\n".join(tables) if tables else _NO_GATES


def _pair(key: str, value: Any) -> str:
    return tomli_w.dumps({key: value})


def _ids(names: Sequence[str], word: str) -> list[str]:
    """Each name as an id, none twice."""
    found: list[str] = []
    for name in names:
        plain = name if id_fault(name) is None else slug(name) if name.strip() else word
        unique, number = plain, 1
        while unique in found:
            number += 1
            unique = f"{plain[:50]}-{number}"
        found.append(unique)
    return found
