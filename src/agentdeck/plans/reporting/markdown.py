"""The report as Markdown, for a pull request, a wiki or a mail.

Rules:
- Everything that comes from outside passes `text` (in a line or a cell) or `fenced` (a block). What
  passed `text` is read as that text by CommonMark and GFM: no markup, no HTML, no cell of its own.
- A fence is longer than any run of its characters inside, so nothing inside can close it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from agentdeck.plans.reporting import plain, wording
from agentdeck.plans.reporting.card import COMMENTS_SHOWN, Card
from agentdeck.plans.reporting.report import KIND, Done, Group, Report

FILES_SHOWN: Final = 40  # of one task; the JSON has them all
NAMES_SHOWN: Final = 12  # of tasks in a sentence
MIN_FENCE: Final = 3
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]")  # in the name of a file, as part of an address
# What begins markup inside a line; `://` and `www.` make links of addresses.
_MARKUP: Final = re.compile(r"[\\`*_\[\]<>#|~&!$@{}]|:(?=//)|(?<=www)\.", re.IGNORECASE)


def text(foreign: str) -> str:
    """Foreign text for the inside of a line or a cell; something of ours stands before it."""
    return _MARKUP.sub(lambda found: f"\\{found[0]}", plain.one_line(foreign))


def code(word: str) -> str:
    """A command or an id as code, in a line that is no table's."""
    inside = plain.one_line(word) or wording.UNKNOWN
    fence = "`" * (_longest_run(inside, "`") + 1)
    pad = " " if inside.startswith("`") or inside.endswith("`") else ""
    return f"{fence}{pad}{inside}{pad}{fence}"


def fenced(foreign: str) -> list[str]:
    """Foreign text as a block of code."""
    inside = plain.lines(foreign)
    fence = "`" * max(MIN_FENCE, _longest_run(inside, "`") + 1)
    return [f"{fence}text", *inside.split("\n"), fence]


def markdown(report: Report, pictures: Mapping[str, str] | None = None) -> str:
    """The whole report.

    Args:
        report: what is told.
        pictures: files beside it, by what they show.
    """
    lines = [
        f"<!-- {KIND} {report.version} -->",
        f"# Report: {text(report.plan)}",
        "",
        *_summary(report),
        *_stuck(report),
        *_skipped(report),
    ]
    lines += _pictures(pictures or {})
    for group in report.phases:
        lines += _group(group)
    lines += _from_base(report)
    return "\n".join(lines) + "\n"


def _pictures(pictures: Mapping[str, str]) -> Iterator[str]:
    for title, file in pictures.items():
        place = _UNSAFE.sub(
            lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode(errors="replace")),
            file,
        )
        yield from (f"![{text(title)}]({place})", "")


def _longest_run(inside: str, char: str) -> int:
    return max((len(run) for run in re.findall(f"{re.escape(char)}+", inside)), default=0)


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """A table; what stands in it is escaped already."""
    heads = list(heads)
    yield "| " + " | ".join(heads) + " |"
    yield "|" + " --- |" * len(heads)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def _summary(report: Report) -> Iterator[str]:
    totals = report.totals
    yield (
        f"Run {code(report.run)} on {code(report.target)}, from {code(report.base)} at "
        f"{code(wording.short(report.base_commit))}: {wording.outcome(report)}. "
        f"{totals.landed} of {wording.count(totals.tasks, 'task')} landed."
    )
    yield ""
    money = wording.money(totals.usd)
    if totals.usd_unknown:
        money += f", and {wording.count(totals.usd_unknown, 'attempt')} of unknown cost"
    promoted = "no" if report.promoted is None else f"to {wording.short(report.promoted)}"
    lines = text(wording.change(totals.added, totals.removed))
    yield from table(
        ("", ""),
        (
            ("Started", wording.moment(report.started_at)),
            ("Ended" if report.outcome else "As of", wording.moment(report.until)),
            ("Elapsed", wording.duration(totals.elapsed_s)),
            ("Work of agents", wording.duration(totals.seconds)),
            ("Attempts", f"{totals.attempts}, of them {totals.retries} retries"),
            ("Tokens", f"{totals.tokens:,}"),
            ("Cost", text(money)),
            ("Gates", _gates_in_words(report)),
            (
                "Changes",
                f"{wording.count(totals.files, 'file')}, {lines}",
            ),
            ("In the base branch", text(promoted)),
        ),
    )
    yield ""
    yield (
        "A task is taken back by the command that stands with it, on the branch that has it. "
        "It reverts the task's own merge commit, so the rest of its batch stays."
    )


def _gates_in_words(report: Report) -> str:
    totals = report.totals
    return (
        f"{wording.count(totals.gate_runs, 'run')}; {totals.gates_red} red and "
        f"{totals.gates_flaky} flaky verdicts"
    )


def _by_id(report: Report) -> dict[str, Done]:
    return {task.card.task: task for group in report.phases for task in group.tasks}


def _stuck(report: Report) -> Iterator[str]:
    if not report.needs_person:
        return
    tasks = _by_id(report)
    yield from ("", "## Failed", "")
    for name in report.needs_person:
        yield f"- {code(name)}{_called(tasks[name])}: {text(tasks[name].why)}"


def _skipped(report: Report) -> Iterator[str]:
    if not report.skipped:
        return
    tasks = _by_id(report)
    yield from ("", "## Skipped", "")
    for name in report.skipped:
        yield f"- {code(name)}{_called(tasks[name])}: {text(tasks[name].why)}"


def _called(task: Done) -> str:
    return f" {text(task.card.title)}" if task.card.title else ""


def _group(group: Group) -> Iterator[str]:
    yield from ("", f"## {text(group.title)} ({group.landed} of {len(group.tasks)} landed)")
    for task in group.tasks:
        yield from _task(task)


def _task(task: Done) -> Iterator[str]:
    card = task.card
    yield from ("", f"### {text(card.task)}{_called(task)}", "")
    yield (
        f"**{card.state}** · {wording.count(len(card.attempts), 'attempt')} · "
        f"{wording.duration(task.seconds)} · {task.tokens:,} tokens · "
        f"{text(wording.money(task.usd))} · {wording.lines_of(task)}"
    )
    if card.landing is None:
        yield from ("", f"Why: {text(task.why)}")
    yield from _brief(task)
    yield from _files(card)
    yield from _evidence(card)
    yield from _rollback(task)


def _brief(task: Done) -> Iterator[str]:
    if not task.brief.text:
        return
    yield from ("", "Brief:", "", *fenced(task.brief.text))
    if task.brief.cut:
        yield from ("", f"*Cut here: the whole brief has {task.brief.chars:,} characters.*")


def _files(card: Card) -> Iterator[str]:
    if not card.files:
        return
    yield ""
    rows = [
        (text(file.path), text(wording.change(file.added, file.removed)))
        for file in card.files[:FILES_SHOWN]
    ]
    left = len(card.files) - FILES_SHOWN
    if left > 0:
        rows.append((f"and {wording.count(left, 'more file')}", ""))
    yield from table(("File", "Lines"), rows)


def _evidence(card: Card) -> Iterator[str]:
    if card.attempts:
        yield ""
        yield from table(
            ("Attempt", "By", "Ended", "Time", "Tokens", "Cost"),
            (
                (
                    str(one.number),
                    text(wording.who(one)),
                    text(wording.ending(one)),
                    wording.duration(one.seconds),
                    f"{one.tokens_in + one.tokens_out:,}",
                    text(wording.money(one.usd)),
                )
                for one in card.attempts
            ),
        )
    if card.gates:
        yield ""
        yield from table(
            ("Gate", "On", "Verdict", "Runs", "Time", "Log"),
            (
                (
                    text(row.gate),
                    text(wording.on_what(row)),
                    text(wording.verdict(row)),
                    str(row.runs),
                    wording.duration(row.seconds),
                    text(row.red_log or row.log)
                    + (f": {text(row.red_line)}" if row.red_line else ""),
                )
                for row in card.gates
            ),
        )
    yield ""
    consent, landing = wording.consent(card), card.landing
    if consent:
        yield f"- Approval: {text(consent)}"
    for row in card.reviews:
        yield f"- Review: {text(wording.review(row))}"
        for comment in row.comments[:COMMENTS_SHOWN]:
            yield f"  - {text(comment)}"
    if card.reviews:
        yield f"- Sent back by review: {wording.count(wording.rounds(card), 'time')}"
    if card.hands:
        yield f"- By hand: {text(', '.join(card.hands))}"
    if landing is not None:
        own = f"own merge {code(landing.merge)}, " if landing.merge != landing.commit else ""
        together = f", together with {names(landing.together)}" if landing.together else ""
        yield (
            f"- Landed {wording.moment(landing.at)} as {code(landing.commit)}{text(together)}; "
            f"{own}work {code(landing.head)}, tree {code(landing.tree)}"
        )


def _rollback(task: Done) -> Iterator[str]:
    if task.rollback is None:
        return
    first = task.rollback.first
    before = f", after {names(first)}, which {'needs' if len(first) == 1 else 'need'} it"
    yield f"- Take back: {code(task.rollback.command)}{text(before) if first else ''}"


def names(tasks: list[str]) -> str:
    """Tasks in a sentence."""
    shown = ", ".join(tasks[:NAMES_SHOWN])
    left = len(tasks) - NAMES_SHOWN
    return f"{shown} and {left} more" if left > 0 else shown


def _from_base(report: Report) -> Iterator[str]:
    if not report.from_base:
        return
    yield from ("", f"## Brought in from {text(report.base)}", "")
    for each in report.from_base:
        yield f"- {wording.moment(each.at)}: {code(each.commit)}"
