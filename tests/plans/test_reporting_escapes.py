"""No text of a plan, an agent or a log can break out of the report."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from agentdeck.core import events as e
from agentdeck.core.events import AnyEvent, FileTouched, Verdict
from agentdeck.core.ids import PhaseId
from agentdeck.core.plan import Defaults, GateWhen, Phase
from agentdeck.core.state import RunState
from agentdeck.core.steps import Collect, IOStep, RunGate, Watch
from agentdeck.plans.reporting import plain
from agentdeck.plans.reporting.markdown import code, fenced, markdown, text
from agentdeck.plans.reporting.markup import element
from agentdeck.plans.reporting.page import POLICY, page
from agentdeck.plans.reporting.report import Base, Report, report_of
from agentdeck.plans.reporting.told import told_by
from agentdeck.testing.builders import gate, gate_finished, plan, run_until, started, task

# Words of the engine itself; everything else in a report may come from outside.
OWN = ("kind", "state", "verdict", "last", "policy", "outcome", "when")
HOSTILE = (
    "</code></pre></details></article><script>alert(1)</script>",
    '" onmouseover="alert(1)" x="',
    "' autofocus onfocus='alert(1)",
    "| a | b |\n| --- | --- |\n| c | d |",
    "```\n~~~\n# head\n- list\n> quote\n1. one\n---\n===",
    "`` ` ``` a",
    "\\",
    "\\` \\| \\\\",
    "<!-- --> <![CDATA[ ]]> <?php ?> </style>",
    "&lt;b&gt; &amp; &#60; &#x3c;script&#x3e;",
    "[a](javascript:alert(1)) ![b](http://x/y) <http://x> www.x.de a@b.c https://x.de",
    "*a* **b** _c_ __d__ ~~e~~ $f$ {g}",
    "\x1b]8;;http://x\x07link\x1b]8;;\x07 \x1b[31mred\x1b[0m \x00\x07\x08",
    "\u202egpj.exe \u2066a\u2069 \u200b\ufeff \ud800",
    "\r\n\r\n    indented\r\n\tcode\n\n\n",
    "\u2028<b>\u2029\x85\x0b\x0c\x1c",
    "<b>" * 50,
)
FOREIGN = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=60),
    st.text(alphabet="`|\\<>&\"'*_[]()!#~-+=:. \n\tab", max_size=40),
)


def a_report() -> Report:
    """A report that has something in every place."""

    def answer(_state: RunState, step: IOStep) -> list[AnyEvent] | None:
        match step:
            case Watch(name, number) if name == "X":
                return [e.AttemptExited(name, number, 3)]
            case Collect(name, number):
                files = (FileTouched("a.py", 3, 1), FileTouched("b.bin", -1, -1))
                head = f"{name}.{number}"
                return [e.AttemptCollected(name, number, head, f"{head}-tree", 1, files)]
            case RunGate() if step.task == "A" and step.run == 1:
                return [gate_finished(step, Verdict.FAILED)]
        return None

    phase = PhaseId("one")
    of = plan(
        task("A", phase=phase, prompt="make it"),
        task("B<A", prompt="make it", phase=phase),
        task("C", prompt="make it"),
        task("X", prompt="make it"),
        task("S", prompt="make it", defer="not now"),
        phases=(Phase(phase, title="First"),),
        gates=(gate("unit", GateWhen.TASK, retries=1), gate("whole")),
        defaults=Defaults(retries=0),
    )
    run = run_until(
        started(of),
        lambda run: len(run.state.landings) == 3 and run.task_state("X") == "failed",
        answer,
    )
    report = report_of(told_by(run.history))
    base = Base(commit="c", merge="m", at=0.0)
    return msgspec.structs.replace(report, from_base=[base], promoted="p")


REPORT = a_report()


def filled(report: Report, words: str) -> Report:
    """The report with `words` in every place where foreign text may stand."""

    def walk(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: walk(each, name) for name, each in value.items()}
        if isinstance(value, list):
            return [walk(each, key) for each in value]
        if isinstance(value, str) and key not in OWN:
            return words
        return None if value is None and key == "id" else value

    return msgspec.convert(walk(msgspec.to_builtins(report)), Report)


def harmless(words: str) -> str:
    """Text of the same shape that is no markup."""
    return "".join(char if char.isspace() else "x" for char in words)


class Shape(HTMLParser):
    """The elements and attributes of a page, without its text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, ...]] = []
        self.values: list[tuple[str, str]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, *(name for name, _ in attrs)))
        self.values += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        self.found.append((f"/{tag}",))

    def handle_comment(self, data: str) -> None:
        self.found.append(("comment", data))

    def handle_decl(self, decl: str) -> None:
        self.found.append(("decl", decl))

    def unknown_decl(self, data: str) -> None:
        self.found.append(("unknown", data))

    def handle_pi(self, data: str) -> None:
        self.found.append(("pi", data))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def shape_of(source: str) -> Shape:
    shape = Shape()
    shape.feed(source)
    shape.close()
    return shape


def with_examples(test: Callable[..., None]) -> Callable[..., None]:
    for words in HOSTILE:
        test = example(words)(test)
    return test


@with_examples
@given(FOREIGN)
def test_no_text_changes_the_shape_of_the_page(words: str) -> None:
    """The same elements with the same attributes, whatever stands in every place."""
    hostile = shape_of(page(filled(REPORT, words)))
    assert hostile.found == shape_of(page(filled(REPORT, harmless(words)))).found
    assert "script" not in {tag for tag, *_ in hostile.found}
    assert all(value.startswith("#task-") for name, value in hostile.values if name == "href")
    page(filled(REPORT, words)).encode()


@with_examples
@given(FOREIGN)
def test_no_text_changes_the_shape_of_the_markdown(words: str) -> None:
    """The same headings, tables, rows, cells, lists and code, whatever stands in every place."""
    hostile = markdown(filled(REPORT, words))
    assert tokens(hostile) == tokens(markdown(filled(REPORT, harmless(words))))
    hostile.encode()


PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def tokens(source: str) -> list[str]:
    """What a page of Markdown is made of, without its text."""
    found: list[str] = []
    for token in PARSER.parse(source):
        found.append(f"{token.type} {token.tag}")
        found += [child.type for child in token.children or () if child.type not in PLAIN]
    return found


PLAIN = ("text", "text_special")


@with_examples
@given(FOREIGN)
def test_a_cell_shows_the_text_itself(words: str) -> None:
    """One cell, with the text in it, and nothing else."""
    shown = (
        MarkdownIt("commonmark")
        .enable("table")
        .render(f"| head | other |\n| --- | --- |\n| {text(words)} | end |\n")
    )
    shape = shape_of(shown)
    cells = "".join(f"{tag[0]} " for tag in shape.found)
    assert cells.count("td /td") == 2
    assert " ".join("".join(shape.texts).split()) == " ".join(
        f"head other {plain.one_line(words)} end".split()
    )


@with_examples
@given(FOREIGN)
def test_code_shows_the_text_itself(words: str) -> None:
    """In a line, and as a block."""
    parsed = MarkdownIt("commonmark").parseInline(f"before {code(words)} behind")[0].children or []
    inside = [token.content for token in parsed if token.type == "code_inline"]
    assert inside == [plain.one_line(words) or "–"]
    blocks = MarkdownIt("commonmark").parse("\n".join(["before", "", *fenced(words), "", "behind"]))
    kinds = [token.type for token in blocks]
    assert kinds.count("fence") == 1
    assert kinds.count("inline") == 2
    assert blocks[3].content.rstrip("\n") == plain.lines(words).rstrip("\n")


@with_examples
@given(FOREIGN)
def test_what_is_shown_cannot_act(words: str) -> None:
    """No control character, no mark of direction, no surrogate; and nothing seen is lost."""
    for shown in (plain.one_line(words), plain.lines(words)):
        assert all(char.isprintable() or char in "\n\u200d" or is_harmless(char) for char in shown)
        shown.encode()


def is_harmless(char: str) -> bool:
    """Spaces of other scripts, and what Unicode has not given a meaning: they move nothing."""
    return unicodedata.category(char) in ("Zs", "Cn", "Co")


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("a  b\n c", "a b c"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("größe 日本 👩\u200d🔧", "größe 日本 👩\u200d🔧"),
        ("\u202eabc", "abc"),
    ],
)
def test_what_people_write_stays(words: str, shown: str) -> None:
    assert plain.one_line(words) == shown


def test_attributes_are_escaped_and_left_out_without_a_value() -> None:
    made = element("a", "<b>", href='"><i>', title=None, class_="x y").source
    assert made == '<a href="&quot;&gt;&lt;i&gt;" class="x y">&lt;b&gt;</a>'


def test_the_page_needs_nothing_and_may_load_nothing() -> None:
    """No script, no picture, no address; and the browser is told to load and run nothing."""
    source = page(REPORT)
    shape = shape_of(source)
    assert ("content", POLICY) in shape.values
    assert "default-src 'none'" in POLICY
    assert not {tag for tag, *_ in shape.found} & {"script", "img", "link", "iframe", "object"}
    names = {name for _, *attributes in shape.found for name in attributes}
    assert not {name for name in names if name.startswith("on") or name == "src"}
    assert not [word for word in ("@import", "url(", "//") if word in source]
