"""Any plan, made into one that scripted agents carry out within seconds and a gate watches over.

What is changed: every task is the scripted agent's, estimates are divided by `speed`, each commit
that would land is judged by a gate that takes a moment, and who is killed is tried again at once
and as often as it takes. Order, phases, files and routes to pools stay.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from agentdeck.core.ids import GateName
from agentdeck.core.plan import Gate, GateWhen, Plan
from agentdeck.plans.overrides import at_speed, with_agent
from agentdeck.plans.reader import read_plan
from agentdeck.plans.writer import write_plan

GATE: Final = GateName("stands")
GATE_S: Final = 0.3  # long enough to be met, short beside an attempt
RETRIES: Final = 20  # more kills than any task of a run meets
BACKOFF_S: Final = 0.2  # doubled with each failure


def prepared(source: Path, speed: float) -> tuple[Plan, str]:
    """The plan at `source` for a run with kills, and its text.

    Raises:
        OSError: it cannot be read.
        PlanProblems: it is no plan.
    """
    text = source.read_text(encoding="utf-8")
    plan = read_plan(text, file=source.name)
    plan = at_speed(with_agent(plan, "scripted"), speed)
    gate = Gate(
        name=GATE,
        run=("sh", "-c", f"sleep {GATE_S}; test -e README.md"),
        when=(GateWhen.MERGE,),
    )
    defaults = msgspec.structs.replace(plan.defaults, retries=RETRIES, backoff_s=BACKOFF_S)
    plan = msgspec.structs.replace(plan, gates=(*plan.gates, gate), defaults=defaults)
    return plan, write_plan(plan)


__all__ = ["GATE", "prepared"]
