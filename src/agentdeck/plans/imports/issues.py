"""Issues of GitHub and GitLab, as `gh issue list` and `glab issue list` give them in JSON.

Rules:
- An open issue is a task, `issue-12`, and knows its number. A closed one is done.
- A milestone is a phase, without a barrier.
- What an issue waits for is read from its text (`issue_links`): each link is a guess, and remarked.
  One that would close a loop gives way: first a task list, then what was read last.
- What nobody sees on the page, an HTML comment, no agent is told either: issues are written by
  anybody, and who put the label on has not read it.
- One that cannot be read, and nothing is imported: a plan with holes is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from agentdeck.core.plan import DEFAULT_AGENTS
from agentdeck.plans.imports.document_names import name_of
from agentdeck.plans.imports.draft import Draft, DraftPhase, DraftTask
from agentdeck.plans.imports.issue_links import Link, Sort, links_in, without_comments
from agentdeck.plans.imports.json_places import read_json, remark_doubled
from agentdeck.plans.imports.prompt_text import prompt
from agentdeck.plans.imports.statuses import priority_of
from agentdeck.plans.imports.tables import Entry, Table, add_task, refuse, tables_in
from agentdeck.plans.imports.task_groups import finish
from agentdeck.plans.loops import loops
from agentdeck.plans.problems import shown

NAME: Final = "issues"
MAX_NUMBER: Final = 10**9
MAX_SHOWN: Final = 20  # names of fields in one remark
MAX_ROUNDS: Final = 20  # of taking one link out of each loop
MAX_ESTIMATE_S: Final = 365 * 24 * 3600.0

_SIGNS: Final = re.compile(r'"(?:number|iid)"\s*:\s*[0-9]')
_MORE: Final = re.compile(r'"(?:labels|body|description|state|web_url|url)"\s*:')
_PRIORITY: Final = re.compile(
    r"(?:priority|prio)[ :/_=-]{1,3}(?P<word>[a-z]{2,12}|[0-4])|p(?P<number>[0-4])", re.IGNORECASE
)
_ADDRESS: Final = re.compile(r"https?://[^/]{1,200}/([A-Za-z0-9._/-]{3,200}?)(?:/-)?/issues/[0-9]")
_BY_NUMBER: Final = {"0": 20, "1": 10, "2": 0, "3": -10, "4": -20}


def claims(file: str, text: str) -> float:
    """How sure it is that this is a list of issues: 0 to 1."""
    del file  # they have no name that is usual
    start = text[:64_000].lstrip("\ufeff \t\r\n")
    if not start.startswith("[") or not _SIGNS.search(start) or '"title"' not in start:
        return 0.0
    signs = {match[0].split('"')[1] for match in _MORE.finditer(start)}
    return 0.8 if len(signs) >= 2 else 0.5


def read(text: str, *, file: str) -> Draft:
    """Read a list of issues.

    Raises:
        PlanProblems: it is no JSON, no list, or an element is no issue.
    """
    document = read_json(text, file=file)
    draft = Draft(name=name_of(file), format=NAME)
    remark_doubled(document, draft)
    tables = tables_in(document.value, file=file, line=1, what="an issue")
    reading = _Reading(draft, file)
    for table in tables:
        reading.issue(Entry(table, draft))
    reading.join()
    draft.agents_limit = DEFAULT_AGENTS  # a milestone says nothing of how many work at once
    finish(draft)
    return draft


class _Reading:
    """From tables to the draft."""

    def __init__(self, draft: Draft, file: str) -> None:
        self._draft, self._file = draft, file
        self._tasks: dict[int, DraftTask] = {}
        self._links: dict[int, list[Link]] = {}
        self._edges: dict[tuple[int, int], tuple[Sort, int]] = {}  # whose sort and words they are
        self._repo = ""
        self._unknown: dict[str, None] = {}

    def issue(self, entry: Entry) -> None:
        """One issue."""
        number = entry.number("number", "iid")
        if number is None or number != int(number) or not 1 <= number <= MAX_NUMBER:
            refuse(self._file, entry.line, 'an issue without a "number" or "iid"')
        own = int(number)
        if own in self._tasks:
            refuse(self._file, entry.line, f"#{own} stands here twice")
        title = entry.title("title") or f"Issue {own}"
        task = DraftTask(title=title, line=entry.line, id=f"issue-{own}", issue=own)
        task.aliases = [f"#{own}"]
        url = entry.text("url", "web_url")
        self._repo = self._repo or repository_of(url)
        whole = entry.text("body", "description")
        body = without_comments(whole)
        if len(body) < len(whole):
            self._draft.left(entry.line, "hidden-text", f"#{own}: an HTML comment, seen by nobody")
        task.prompt = prompt(("", title), ("", body))
        task.labels = self._labels(entry, task)
        task.phase = self._milestone(entry)
        self._estimate(entry, task)
        if entry.text("state").casefold() == "closed":
            task.done = True
        people = {"author": [entry.value("author")], "assignees": entry.value("assignees")}
        task.meta = {name: said for name, who in people.items() if (said := _people(who))}
        task.meta |= {"url": url} if url else {}
        self._unknown |= dict.fromkeys(entry.rest())
        self._tasks[own] = task
        self._links[own] = links_in(body)

    def _labels(self, entry: Entry, task: DraftTask) -> list[str]:
        said = entry.value("labels")
        items = said if isinstance(said, list) else []
        names = [item.get("name") if isinstance(item, Table) else item for item in items]
        found = [name for name in names if isinstance(name, str) and name.strip()]
        for label in found:
            match = _PRIORITY.fullmatch(label.strip())
            word = (match["word"] or match["number"]) if match else ""
            priority = _BY_NUMBER.get(word, priority_of(word))
            if priority is not None and word:
                task.priority = priority
                text = f"{task.aliases[0]}: the label {shown(label)} is taken as priority"
                self._draft.guessed(task.line, "priority-label", f"{text} {priority}")
        return found

    def _milestone(self, entry: Entry) -> str | None:
        table = entry.table("milestone")
        title = table.get("title") if table is not None else None
        if not isinstance(title, str) or not title.strip():
            return None
        if all(phase.key != title for phase in self._draft.phases):
            self._draft.phases.append(DraftPhase(key=title, title=title, line=entry.line))
            said = f"the milestone {shown(title)} is taken as a phase, without a barrier"
            self._draft.guessed(entry.line, "milestone-is-phase", said)
        return title

    def _estimate(self, entry: Entry, task: DraftTask) -> None:
        times = entry.table("time_stats")
        seconds = times.get("time_estimate") if times is not None else None
        if isinstance(seconds, int | float) and 0 < seconds <= MAX_ESTIMATE_S:
            task.estimate_s = float(seconds)

    def join(self) -> None:
        """Who waits for whom; then the tasks, by their numbers."""
        for own in sorted(self._tasks):
            for link in self._links[own]:
                self._link(own, link)
        self._without_loops()
        for first, then in self._edges:
            self._tasks[then].after.append(self._tasks[first].id)
        for own in sorted(self._tasks):
            add_task(self._draft, self._tasks[own], file=self._file)
        if self._unknown:
            names = ", ".join([*self._unknown][:MAX_SHOWN])
            more = len(self._unknown) - MAX_SHOWN
            said = f"fields that no key holds: {names}{f' and {more} more' if more > 0 else ''}"
            self._draft.left(1, "fields-left", said)
        if self._repo:
            self._draft.name = f"{self._repo.rpartition('/')[2]} issues"

    def _link(self, own: int, link: Link) -> None:
        task, draft = self._tasks[own], self._draft
        words = f"#{own} says {shown(link.words)}"
        if link.sort is Sort.DENIED:
            draft.left(task.line, "link-denied", f"{words}: no dependency")
        elif link.repo and link.repo.casefold() != self._repo.casefold():
            draft.left(task.line, "other-repository", f"{words}, which is in {link.repo}")
        elif link.number not in self._tasks:
            said = f"{words}, and #{link.number} is not among the issues here"
            draft.left(task.line, "issue-not-here", said)
        elif link.number == own:
            draft.left(task.line, "itself", f"{words}, which is itself")
        elif link.sort is Sort.CHILD and self._says(link.number, own):
            draft.left(task.line, "task-list", f"{words}, and #{link.number} waits for it")
        else:
            self._wait(own, link, words)

    def _says(self, own: int, other: int) -> bool:
        """Does an issue itself say that it waits for another?"""
        return any(
            link.sort is Sort.NEEDS and link.number == other for link in self._links.get(own, ())
        )

    def _wait(self, own: int, link: Link, words: str) -> None:
        first, then = (own, link.number) if link.sort is Sort.BLOCKS else (link.number, own)
        if (first, then) in self._edges:
            return
        self._edges[first, then] = (link.sort, own)
        rule = "task-list" if link.sort is Sort.CHILD else "dependency-in-text"
        said = f"{words}: #{then} waits for #{first}"
        self._draft.guessed(self._tasks[own].line, rule, said)

    def _without_loops(self) -> None:
        """Take an edge out of each loop, again and again; what is left then is refused."""
        for _ in range(MAX_ROUNDS):
            needs: dict[str, list[str]] = {str(own): [] for own in self._tasks}
            for first, then in self._edges:
                needs[str(then)].append(str(first))
            found = loops(needs)
            if not found:
                return
            for loop in found:
                self._open(loop)

    def _open(self, loop: list[str]) -> None:
        numbers = [int(name) for name in loop]
        edges = [
            (needed, waits)
            for waits, needed in zip(numbers, [*numbers[1:], numbers[0]], strict=True)
        ]
        parts = [edge for edge in edges if self._edges[edge][0] is Sort.CHILD]
        first, then = max(parts or edges, key=list(self._edges).index)
        _, own = self._edges.pop((first, then))
        said = f"#{then} would wait for #{first}, which waits for #{then}: dropped"
        self._draft.left(self._tasks[own].line, "loop-in-texts", said)


def repository_of(url: str) -> str:
    """`OWNER/NAME` of the address of an issue; "" = it says none."""
    found = _ADDRESS.match(url)
    return found[1] if found else ""


def _people(said: Any) -> str:
    items: Iterable[Any] = said if isinstance(said, list) else [said]
    tables = [item for item in items if isinstance(item, Table)]
    names = [table.get("login") or table.get("username") for table in tables]
    return ", ".join(name for name in names if isinstance(name, str))
