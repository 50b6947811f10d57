"""The code of a page: its fenced blocks, what is said of each, and commands in its sentences.

Rules:
- An HTML comment `<!-- block: WORDS -->` right before a block says what becomes of it:
  `part of a plan` (a plan is made of it), `part of the plan of this page` (of all such blocks
  together), `file NAME` (the file of that name is read from it), `given NAMES` (what the lines of
  Python find), `in a run that goes on` (its agents ask and wait; `, given NAMES` may stand behind
  it), `run by FILE` (that test, which names the page, carries it out; here it is parsed), `not run,
  REASON` (it is parsed alone).
- `<!-- blocks: run by FILE -->` anywhere in a page: all of its blocks are carried out by that test.
- Only a fence that names its kind is a block; one that names none, and indented code, are told as
  blocks of the kind "".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT: Final = Path(__file__).parents[2]
_MARK: Final = re.compile(r"\s*<!-- block: (.+?) -->\s*", re.DOTALL)
GOES_ON: Final = "in a run that goes on"
_OTHER_TEST: Final = re.compile(r"<!-- blocks: run by (\S+) -->")


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    page: str  # from the top of the repository
    line: int  # of its fence
    kind: str
    text: str
    mark: str = ""

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def is_run(self) -> bool:
        """Is it carried out where the blocks of its page are?"""
        return not self.mark.startswith(("not run,", "run by "))

    @property
    def elsewhere(self) -> str | None:
        """The test that carries it out, if it is another one than that of its page."""
        return self.mark.removeprefix("run by ") if self.mark.startswith("run by ") else None

    @property
    def given(self) -> list[str]:
        """The names that its lines of Python find."""
        _, _, names = self.mark.partition("given ")
        return names.split(", ") if names else []

    @property
    def goes_on(self) -> bool:
        """Does it need a run whose agents are at work?"""
        return self.mark.startswith(GOES_ON)


def pages() -> list[str]:
    """Every page whose code has to hold."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")]
    return sorted(str(path.relative_to(ROOT)) for path in found)


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks_of(page: str, text: str) -> list[Block]:
    """Every block of a page, in its order."""
    found, mark = [], ""
    for token in _tokens(text):
        if token.type in ("fence", "code_block"):
            assert token.map is not None
            kind = token.info.strip() if token.type == "fence" else ""
            found.append(Block(page, token.map[0] + 1, kind, token.content, mark))
        marked = _MARK.fullmatch(token.content) if token.type == "html_block" else None
        mark = " ".join(marked[1].split()) if marked is not None else ""
    return found


def other_test(text: str) -> str | None:
    """The test that carries out what a page shows, if it is one of its own."""
    found = _OTHER_TEST.search(text)
    return found[1] if found is not None else None


def commands_in_sentences(text: str) -> Iterator[tuple[int, str]]:
    """Line and text of everything like `agentdeck status` in a page, headings included."""
    for token in _tokens(text):
        for inline in token.children or ():
            if inline.type == "code_inline" and inline.content.startswith("agentdeck "):
                assert token.map is not None
                yield token.map[0] + 1, inline.content


def _tokens(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(text)
