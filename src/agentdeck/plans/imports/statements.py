"""Notes and claims of a draft: what the document says beside its tasks.

Rules: a claim about something that is not in the plan is dropped with a remark, because it would
otherwise be about the whole plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from agentdeck.core.ids import PhaseId, TaskId
from agentdeck.core.plan import Claim, Note
from agentdeck.plans.imports.draft import Draft, DraftClaim
from agentdeck.plans.imports.fitting import line_of, number_of, source_line, text_of
from agentdeck.plans.imports.names import Resolver
from agentdeck.plans.problems import shown

MAX_FIGURE: Final = 1e18  # of a claim; larger ones are no figures of a plan
MAX_NAMED: Final = 10_000  # tasks of one claim


def notes_of(draft: Draft) -> tuple[Note, ...]:
    """The notes that say something, each once."""
    found: dict[tuple[str, str, str], Note] = {}
    for note in draft.notes:
        text, answer = text_of(note.text), text_of(note.answer)
        if text:
            made = Note(kind=note.kind, text=text, answer=answer, line=source_line(note.line))
            found.setdefault((note.kind, text, answer), made)
    return tuple(found.values())


def claims_of(
    draft: Draft, phases: Mapping[str, PhaseId], ids: Sequence[TaskId], resolver: Resolver
) -> tuple[Claim, ...]:
    """The claims that can be compared with the plan.

    Args:
        draft: takes the remarks.
        phases: ids by key.
        ids: of the tasks, in their order.
        resolver: finds the tasks of the draft.
    """
    found = []
    for claim in draft.claims:
        why = _fault(claim, phases)
        tasks = [] if why else _tasks(draft, claim, ids, resolver)
        if not why and not tasks and (claim.tasks or len(claim.phases) > 1):
            why = "none of its tasks is known"
        if why:
            draft.left(claim.line, "claim-dropped", f"claim {shown(claim.stated)}: {why}")
        else:
            found.append(_claim(claim, phases, tasks))
    return tuple(found)


def _fault(claim: DraftClaim, phases: Mapping[str, PhaseId]) -> str:
    low, high = (number_of(value, 0, MAX_FIGURE) for value in (claim.low, claim.high))
    if low is None or high is None or low > high:
        return "not a figure that a plan can have"
    strange = next((key for key in claim.phases if key not in phases), None)
    if strange is not None:
        return f"there is no phase {shown(strange)}"
    return "" if line_of(claim.stated) else "it has no words"


def _tasks(
    draft: Draft, claim: DraftClaim, ids: Sequence[TaskId], resolver: Resolver
) -> list[TaskId]:
    """The tasks that it names; of several phases, all of theirs."""
    found: dict[TaskId, None] = {}
    near = claim.phases[0] if len(claim.phases) == 1 else None
    if len(claim.phases) > 1 and not claim.tasks:
        of = {*claim.phases}
        return [name for name, task in zip(ids, draft.tasks, strict=True) if task.phase in of]
    for name in claim.tasks:
        matches, unknown = resolver.resolve(name, phase=near)
        found.update(dict.fromkeys(ids[match.index] for match in matches))
        for one in unknown:
            text = f"claim {shown(claim.stated)}: no task is called {shown(one)}"
            draft.left(claim.line, "unknown-task", text)
        if len(found) > MAX_NAMED:
            break
    return list(found)[:MAX_NAMED]


def _claim(claim: DraftClaim, phases: Mapping[str, PhaseId], tasks: Sequence[TaskId]) -> Claim:
    own = [number_of(value, 0, MAX_FIGURE) for value in (claim.own_low, claim.own_high)]
    return Claim(
        what=claim.what,
        stated=line_of(claim.stated) or "",
        low=float(claim.low),
        high=float(claim.high),
        line=source_line(claim.line),
        approx=claim.approx,
        strategy=claim.strategy,
        phase=phases[claim.phases[0]] if len(claim.phases) == 1 else None,
        match=line_of(claim.match),
        model=line_of(claim.model),
        tasks=tuple(tasks),
        active=claim.active,
        own_low=own[0],
        own_high=own[1],
    )
