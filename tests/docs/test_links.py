"""Links of the docs lead somewhere: files, and headings in them.

Rules: a heading is called as GitHub does; the site is told to do the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from tests.docs.blocks import ROOT

ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:")


def documents() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def tokens(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(text)


def links(text: str) -> Iterator[tuple[int, str]]:
    """Line and target of each link and picture that is not elsewhere; code is not looked at."""
    for token in tokens(text):
        line = token.map[0] + 1 if token.map is not None else 0
        found = [inline.attrGet("href") or inline.attrGet("src") for inline in token.children or ()]
        if token.type == "html_block":
            found += re.findall(r"""(?:src|href)=["']([^"']+)["']""", token.content)
        for target in found:
            if target and not ELSEWHERE.match(str(target)):
                yield line, str(target)


def anchors(text: str) -> set[str]:
    """What the headings of a page are called in links."""
    found: dict[str, int] = {}
    names: set[str] = set()
    before = ""
    for token in tokens(text):
        if token.type == "inline" and before == "heading_open":
            said = "".join(inline.content for inline in token.children or ())
            plain = re.sub(r"[^\w\- ]", "", said.lower()).replace(" ", "-")
            count = found[plain] = found.get(plain, -1) + 1
            names.add(f"{plain}-{count}" if count else plain)
        before = token.type
    return names


@cache
def anchors_of(path: Path) -> set[str]:
    return anchors(path.read_text(encoding="utf-8"))


def broken(document: Path, text: str) -> Iterator[str]:
    """A sentence for each link that leads nowhere."""
    for line, target in links(text):
        name, _, heading = target.partition("#")
        path = (document.parent / name).resolve() if name else document
        place = f"{document.relative_to(ROOT)}:{line}"
        if not path.exists():
            yield f"{place}: there is no {target}"
        elif heading and path.suffix == ".md":
            known = anchors_of(path) if name else anchors(text)
            if heading not in known:
                yield f"{place}: {name or 'this page'} has no heading #{heading}"


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    found = list(broken(document, document.read_text(encoding="utf-8")))
    assert not found, "\n".join(found)


def test_links_of_every_kind_are_found_and_code_is_not_mistaken_for_one() -> None:
    text = "# A `b.C` d\n\n[a](docs/a.md#x) ![b](<b.svg>) `[c](d)` [e](https://f) [g](#h)\n\n"
    text += "```text\n[i](j)\n```\n\n<img src='k.png'>\n"
    assert [target for _, target in links(text)] == ["docs/a.md#x", "b.svg", "#h", "k.png"]
    assert anchors(text) == {"a-bc-d"}


@pytest.mark.parametrize(
    "text",
    ["[a](nowhere.md)", "![a](nowhere.svg)", "[a](README.md#nowhere)", "# A\n\n[a](#b)"],
)
def test_a_link_to_nowhere_is_found_out(text: str) -> None:
    (fault,) = broken(ROOT / "page.md", text)
    assert fault.startswith("page.md:")


def test_a_heading_that_is_there_twice_has_a_number() -> None:
    assert anchors("# One\n\n# One\n") == {"one", "one-1"}
