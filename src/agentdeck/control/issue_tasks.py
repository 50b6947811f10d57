"""A task of a run that goes on, made of one issue as an importer makes it.

Rules: what the issue waits for is looked for among the tasks of the run; what is not there is left,
as an importer leaves it. Its phase is none: milestones are no phases of a plan that has its own.
"""

from __future__ import annotations

import msgspec

from agentdeck.core.plan import Task
from agentdeck.core.proposals import Proposal
from agentdeck.core.state import RunState
from agentdeck.plans.imports.detect import import_text
from agentdeck.plans.imports.issue_links import Sort, links_in, without_comments


def task_of(state: RunState, found: Proposal) -> Task:
    """The task. Its id is that of the proposal."""
    said = {"number": found.issue, "title": found.title, "body": found.text, "url": found.url}
    labels = [{"name": name} for name in found.labels]
    text = msgspec.json.encode([{**said, "labels": labels, "state": "open"}]).decode()
    [task] = import_text(text, file=f"#{found.issue}", format="issues").plan.tasks
    here = {spec.issue: spec.id for spec in state.plan.tasks if spec.issue is not None}
    links = links_in(without_comments(found.text))
    needed = [here[each.number] for each in links if _is_needed(each.sort) and each.number in here]
    after = tuple(dict.fromkeys(name for name in needed if name != task.id))
    return msgspec.structs.replace(task, after=after, line=None, phase=None)


def _is_needed(sort: Sort) -> bool:
    return sort in (Sort.NEEDS, Sort.CHILD)


__all__ = ["task_of"]
