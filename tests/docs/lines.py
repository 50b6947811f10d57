"""What the lines of a shell block say, and which programs they may name.

Rules: a program that is not in `PROGRAMS` is a failure: whoever names a new one in the docs says
here what of it can be checked.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final

import tomli
from tests.docs.blocks import ROOT
from tests.docs.verb_tree import UnknownError, parse

_SIGNS: Final = frozenset("| || && ; < > >> <<< &".split())
_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9_]*=.*")


@dataclass(frozen=True)
class Line:
    """A line that somebody types, and what is shown below it."""

    text: str
    shown: str | None = None  # None: the page does not say what it prints
    at: int = 0  # lines below the fence


def typed(kind: str, text: str) -> list[Line]:
    """The lines of a block, those that go on in the next one as one."""
    return list(_of_console(text) if kind == "console" else _of_script(text))


def _of_console(text: str) -> Iterator[Line]:
    said: str | None = None
    shown: list[str] = []
    begun = 0
    for at, line in enumerate(text.splitlines(), start=1):
        if line.startswith("$ "):
            if said is not None:
                yield Line(said, "\n".join(shown), begun)
            said, shown, begun = line[2:], [], at
        elif re.match(r">( |$)", line) and said is not None and not shown:
            said += "\n" + line[2:]
        elif said is None:
            raise UnknownError(f"{line!r} stands before the first `$ `")
        else:
            shown.append(line)
    if said is not None:
        yield Line(said, "\n".join(shown), begun)


def _of_script(text: str) -> Iterator[Line]:
    whole, begun = "", 0
    for at, line in enumerate(text.splitlines(), start=1):
        begun = begun if whole else at
        whole += line
        if whole.endswith("\\"):
            whole = whole[:-1]
            continue
        if whole.strip() and not whole.lstrip().startswith("#"):
            yield Line(whole.strip(), None, begun)
        whole = ""


def commands_of(line: str) -> list[list[str]]:
    """The commands of a line, each as its words; behind a comment there is nothing."""
    first, _, more = line.partition("\n")
    if more and "<<" not in first:
        raise UnknownError(f"{line!r}: only a here-document has several lines")
    lexer = shlex.shlex(first.split("<<")[0], posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    skip = False
    for word in lexer:
        if word in _SIGNS:
            skip = word in ("<", ">", ">>")
            if not skip:
                found.append([])
        elif skip:
            skip = False
        elif found[-1] or not _VARIABLE.fullmatch(word):
            found[-1].append(word)
    return [words for words in found if words]


def is_plain(line: str) -> bool:
    """Is it one command of agentdeck, with nothing that a shell would have to do?"""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    words = list(lexer)
    return words[:1] == ["agentdeck"] and not any(set(word) <= set("|&;<>") for word in words)


def check(line: str) -> None:
    """Raises UnknownError if a line names what there is not."""
    for words in commands_of(line):
        look = PROGRAMS.get(words[0])
        if look is None:
            raise UnknownError(f"tests/docs/lines.py does not know the program `{words[0]}`")
        look(words[1:])


def _any(words: Sequence[str]) -> None:
    """Nothing of agentdeck is in it."""


def _agentdeck(words: Sequence[str]) -> None:
    parse(words, whole=True)


def _make(words: Sequence[str]) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for word in words:
        if "=" not in word and word not in targets:
            raise UnknownError(f"the Makefile has no target `{word}`")


def _install(words: Sequence[str]) -> None:
    """`install 'agentdeck[web]'`: such an extra has to exist."""
    project: Any = tomli.loads((ROOT / "pyproject.toml").read_text())["project"]
    for word in words:
        found = re.fullmatch(r"agentdeck(?:\[([\w,-]+)\])?", word)
        for extra in (found[1] or "").split(",") if found else ():
            if extra and extra not in project["optional-dependencies"]:
                raise UnknownError(f"there is no extra `{extra}`")


def _python(words: Sequence[str]) -> None:
    if words[:1] != ["-m"]:
        return
    if words[1] == "pip":
        _install(words[2:])
    elif words[1].startswith("agentdeck") and find_spec(words[1]) is None:
        raise UnknownError(f"there is no module {words[1]}")


def _pytest(words: Sequence[str]) -> None:
    for word in words:
        if word.startswith("tests/") and not (ROOT / word).exists():
            raise UnknownError(f"there is no {word}")


PROGRAMS: Final[dict[str, Callable[[Sequence[str]], None]]] = {
    "agentdeck": _agentdeck,
    "make": _make,
    "python": _python,
    ".venv/bin/python": _python,
    ".venv/bin/pytest": _pytest,
    "pip": _install,
    "pipx": _install,
    "uvx": _install,
    **dict.fromkeys(("cd", "mkdir", "cat", "ls", "echo", "touch", "printf", "git", "kill"), _any),
    **dict.fromkeys(("jq", "npm", "curl", "sh", "source", "export", "openssl", "claude"), _any),
}
