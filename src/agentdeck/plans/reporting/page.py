"""The report as one HTML page that needs nothing else: no network, no scripts.

Rules: the page is put together by `markup`, which escapes all text. Should a browser still find
something to load or to run, the page's own policy forbids it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from agentdeck.plans.reporting import wording
from agentdeck.plans.reporting.card import COMMENTS_SHOWN, Card
from agentdeck.plans.reporting.markdown import FILES_SHOWN, names
from agentdeck.plans.reporting.markup import Child, Markup, element, joined
from agentdeck.plans.reporting.pictures import Picture, data_url
from agentdeck.plans.reporting.report import KIND, Done, Group, Report
from agentdeck.plans.reporting.style import STYLE

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_KINDS: Final = {"#": "number", "!": "kept"}  # classes of columns, by how their heads begin
_GOOD: Final = frozenset({"landed", "green"})
_BAD: Final = frozenset({"failed", "cancelled", "red"})
_WARN: Final = frozenset({"asking", "reviewing", "proposed", "retrying", "taken", "flaky"})


def page(report: Report, pictures: Sequence[Picture] = ()) -> str:
    """The whole page, with pictures of the deck in it."""
    policy = f"{POLICY}; img-src data:" if pictures else POLICY
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="generator", content=f"agentdeck, {KIND} {report.version}"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"Report: {report.plan}"),
        Markup(f"<style>{STYLE}</style>"),
    )
    body = element(
        "body",
        element("header", *_top(report)),
        element(
            "main",
            *_failed(report),
            *_skipped(report),
            *_overview(report),
            *_pictures(pictures),
            *_tasks(report),
        ),
        element("footer", f"From the journal of run {report.run}. Times are UTC."),
    )
    root = element("html", head, body, lang="en")
    return f"<!doctype html>\n<!-- {KIND} {report.version} -->\n{root.source}\n"


def tone(word: str) -> str | None:
    """The class of a state or verdict."""
    first = word.split(" ", 1)[0]
    if first in _GOOD:
        return "good"
    if first in _BAD:
        return "bad"
    return "warn" if first in _WARN else None


def _top(report: Report) -> Iterator[Markup]:
    totals = report.totals
    yield element("h1", report.plan)
    yield element(
        "p",
        "Run ",
        element("code", report.run),
        " on ",
        element("code", report.target),
        ", from ",
        element("code", report.base),
        " at ",
        element("code", wording.short(report.base_commit)),
        class_="lead",
    )
    order = sorted(
        totals.states.items(), key=lambda pair: ("good", "warn", None, "bad").index(tone(pair[0]))
    )
    yield element(
        "div",
        *(
            element("span", class_=tone(state), style=f"flex:{number} 0 0")
            for state, number in order
        ),
        class_="bar",
        aria_hidden="true",
    )
    yield element(
        "p",
        *(
            (", " if at else "", element("span", f"{number:,} {state}", class_=tone(state)))
            for at, (state, number) in enumerate(order)
        ),
    )
    yield element("dl", *(_figure(*each) for each in _figures(report)), class_="figures")


def _figures(report: Report) -> Iterator[tuple[str, str, str]]:
    totals = report.totals
    yield "Outcome", wording.outcome(report), wording.span(report.started_at, report.until)
    yield "Landed", f"{totals.landed} of {totals.tasks}", _promoted(report)
    work = f"{wording.duration(totals.seconds)} of agents' work"
    yield "Elapsed", wording.duration(totals.elapsed_s), work
    retries = wording.count(totals.retries, "retry")
    yield "Attempts", f"{totals.attempts:,}", f"of them {retries}"
    yield "Tokens", f"{totals.tokens:,}", ""
    yield "Cost", wording.money(totals.usd), _priced(report)
    red = f"{totals.gates_red} red, {totals.gates_flaky} flaky verdicts"
    yield "Gate runs", f"{totals.gate_runs:,}", red
    files = wording.count(totals.files, "file")
    yield "Changes", wording.change(totals.added, totals.removed), files


def _promoted(report: Report) -> str:
    commits = wording.count(report.totals.commits_on_target, "commit")
    where = f"in {report.base}" if report.promoted else f"not in {report.base} yet"
    return f"{commits}, {where}"


def _priced(report: Report) -> str:
    totals = report.totals
    parts = []
    if totals.usd_priced:
        parts.append(f"{wording.money(totals.usd_priced)} by the price table")
    if totals.usd_unknown:
        parts.append(f"{wording.count(totals.usd_unknown, 'attempt')} of unknown cost")
    return ", ".join(parts)


def _figure(name: str, value: str, more: str) -> Markup:
    small = element("small", more) if more else None
    return element("div", element("dt", name), element("dd", value, small))


def _anchor(task: str) -> str:
    return f"task-{task}"


def _link(task: str) -> Markup:
    return element("a", task, href=f"#{_anchor(task)}", class_="id")


def _by_id(report: Report) -> dict[str, Done]:
    return {task.card.task: task for group in report.phases for task in group.tasks}


def _failed(report: Report) -> Iterator[Markup]:
    if not report.needs_person:
        return
    tasks = _by_id(report)
    rows = []
    for name in report.needs_person:
        first, _, log = tasks[name].why.partition("\n")
        said = element("pre", log) if log.strip() else None
        rows.append(element("li", _link(name), f"{_called(tasks[name])}: {first}", said))
    yield element("section", element("h2", "Failed"), _list(rows), class_="loud")


def _skipped(report: Report) -> Iterator[Markup]:
    if not report.skipped:
        return
    tasks = _by_id(report)
    rows = [
        element("li", _link(name), f"{_called(tasks[name])}: {tasks[name].why}")
        for name in report.skipped
    ]
    yield element("section", element("h2", "Skipped"), _list(rows), class_="quiet")


def _called(task: Done) -> str:
    return f" {task.card.title}" if task.card.title else ""


def _list(rows: Iterable[Markup]) -> Markup:
    return element("ul", *rows, class_="list")


def _overview(report: Report) -> Iterator[Markup]:
    yield element("h2", "Overview")
    heads = ("!Task", "", "!State", "#Attempts", "#Time", "#Tokens", "#Cost", "#Lines")
    rows: list[Sequence[Child] | Markup] = []
    for group in report.phases:
        if len(report.phases) > 1:
            title = element("th", group.title, colspan=str(len(heads)), scope="rowgroup")
            rows.append(element("tr", title, class_="part"))
        rows += [_row(task) for task in group.tasks]
    yield _table(heads, rows)
    yield element(
        "p",
        "A task is taken back by the command that stands with it, on the branch that has it. It "
        "reverts the task's own merge commit, so the rest of its batch stays.",
        class_="faint",
    )


def _pictures(pictures: Sequence[Picture]) -> Iterator[Markup]:
    if pictures:
        yield element("h2", "The deck")
    for picture in pictures:
        image = element("img", src=data_url(picture), alt=picture.title)
        yield element("figure", image, element("figcaption", picture.title, class_="faint"))


def _row(task: Done) -> Sequence[Child]:
    state = task.card.state
    return (
        _link(task.card.task),
        task.card.title,
        element("span", state, class_=tone(state)),
        str(len(task.card.attempts)),
        wording.duration(task.seconds),
        f"{task.tokens:,}",
        wording.money(task.usd),
        wording.lines_of(task),
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[Child] | Markup]) -> Markup:
    """A table.

    Args:
        heads: those that begin with `#` are of columns of numbers, with `!` of short words.
        rows: of cells, or as they stand.
    """
    kinds = [_KINDS.get(head[:1]) for head in heads]
    titles = [head.lstrip("#!") for head in heads]
    table = element(
        "table",
        element("thead", _cells("th", titles, kinds)),
        element(
            "tbody",
            *(row if isinstance(row, Markup) else _cells("td", row, kinds) for row in rows),
        ),
    )
    return element("div", table, class_="wide")


def _cells(name: str, cells: Sequence[Child], kinds: Sequence[str | None]) -> Markup:
    pairs = zip(cells, kinds, strict=True)
    return element("tr", *(element(name, cell, class_=kind) for cell, kind in pairs))


def _tasks(report: Report) -> Iterator[Markup]:
    for group in report.phases:
        yield element("h2", group.title, _landed(group))
        yield from (_task(task) for task in group.tasks)
    if report.from_base:
        yield element("h2", f"Brought in from {report.base}")
        rows = [
            element("li", f"{wording.moment(each.at)}: ", element("code", each.commit))
            for each in report.from_base
        ]
        yield _list(rows)


def _landed(group: Group) -> Markup:
    return element("small", f"{group.landed} of {len(group.tasks)} landed")


def _task(task: Done) -> Markup:
    card = task.card
    return element(
        "article",
        element(
            "header",
            element("h3", element("span", card.task, class_="id"), card.title),
            element("span", card.state, class_=" ".join(filter(None, ("state", tone(card.state))))),
        ),
        None if card.landing is not None else element("p", task.why, class_="faint"),
        _brief(task),
        _files(task),
        _attempts(card),
        _gates(card),
        _facts(task),
        id=_anchor(card.task),
    )


def _brief(task: Done) -> Markup | None:
    brief = task.brief
    if not brief.text:
        return None
    cut = f"Cut here: the whole brief has {brief.chars:,} characters." if brief.cut else None
    note = element("p", cut, class_="faint") if cut else None
    return element("details", element("summary", "Brief"), element("pre", brief.text), note)


def _files(task: Done) -> Markup | None:
    files = task.card.files
    if not files:
        return None
    rows: list[Sequence[Child]] = [
        (element("code", file.path), wording.change(file.added, file.removed))
        for file in files[:FILES_SHOWN]
    ]
    left = len(files) - FILES_SHOWN
    if left > 0:
        rows.append((f"and {wording.count(left, 'more file')}", ""))
    return _table(("Changed file", "#Lines"), rows)


def _attempts(card: Card) -> Markup | None:
    if not card.attempts:
        return None
    heads = ("!Attempt", "By", "Ended", "#Time", "#Tokens", "#Cost")
    rows = [
        (
            str(one.number),
            wording.who(one),
            wording.ending(one),
            wording.duration(one.seconds),
            f"{one.tokens_in + one.tokens_out:,}",
            wording.money(one.usd),
        )
        for one in card.attempts
    ]
    return _table(heads, rows)


def _gates(card: Card) -> Markup | None:
    if not card.gates:
        return None
    heads = ("!Gate", "On", "!Verdict", "#Runs", "#Time", "Log")
    rows = [
        (
            row.gate,
            wording.on_what(row),
            element("span", wording.verdict(row), class_=tone(row.verdict)),
            str(row.runs),
            wording.duration(row.seconds),
            joined(
                element("code", row.red_log or row.log),
                element("code", row.red_line, class_="log") if row.red_line else None,
            ),
        )
        for row in card.gates
    ]
    return _table(heads, rows)


def _facts(task: Done) -> Markup:
    return element(
        "dl",
        *((element("dt", name), element("dd", value)) for name, value in _facts_of(task)),
        class_="facts",
    )


def _facts_of(task: Done) -> Iterator[tuple[str, Markup | str]]:
    card, landing = task.card, task.card.landing
    consent = wording.consent(card)
    if consent:
        yield "Approval", consent
    for row in card.reviews:
        yield "Review", wording.review(row)
        for comment in row.comments[:COMMENTS_SHOWN]:
            yield "", comment
    if card.reviews:
        yield "Sent back", f"by review: {wording.count(wording.rounds(card), 'time')}"
    if card.hands:
        yield "By hand", ", ".join(card.hands)
    if landing is not None:
        together = f", together with {names(landing.together)}" if landing.together else ""
        yield (
            "Landed",
            joined(f"{wording.moment(landing.at)} as ", element("code", landing.commit), together),
        )
        if landing.merge != landing.commit:
            yield "Own merge", element("code", landing.merge)
        yield "Work", joined(element("code", landing.head), " by attempt ", str(landing.attempt))
        yield "Tree", element("code", landing.tree)
    if task.rollback is not None:
        first = task.rollback.first
        before = f" after {names(first)}, which {'needs' if len(first) == 1 else 'need'} it"
        yield "Take back", joined(element("code", task.rollback.command), before if first else "")
