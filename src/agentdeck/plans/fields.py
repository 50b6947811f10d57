"""One value of the plan file, checked and turned into what the model wants.

Rules: a wrong value is reported with what was found and what was expected, and comes back as
`MISSING`, so that reading goes on. Text that becomes an argument or a variable of a process holds
no NUL; a path stays below the repository; a branch can never be read as an option.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from agentdeck.core import event_names
from agentdeck.core.errors import DeckError
from agentdeck.core.ids import ID_RULE, id_fault
from agentdeck.plans.durations import EXAMPLES, MAX_DURATION_S, parse_duration
from agentdeck.plans.findings import Findings
from agentdeck.plans.keys import Key, Kind, Ref
from agentdeck.plans.positions import Path
from agentdeck.plans.problems import listed, nearest, shown

MISSING: Final[Any] = msgspec.UNSET  # the value was wrong and has been reported

_TOKENS: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kmKM])", re.ASCII)
_TOKEN_UNITS: Final = {"k": 1_000, "m": 1_000_000}
_MAX_TOKENS_TEXT: Final = 32  # characters
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")  # cannot be written anywhere
_BAD_IN_BRANCH: Final = re.compile(r"[\s\x00-\x20\x7f-\x9f\ud800-\udfff~^:?*\[\\]|\.\.|@\{|//")
_MAX_BRANCH: Final = 200  # characters; a ref is a file name in the end
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}", re.ASCII)
_DRIVE: Final = re.compile(r"[A-Za-z]:[\\/]")


Convert = Callable[[Any, Key], Any]


class Fault(Exception):
    """A value is wrong: message and hint."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Fields:
    """Reads values for one document.

    Args:
        findings: takes the faults.
        names: every name the document defines, valid or not, by what it is the name of.
        read_file: gives the text of a file that the plan names; None = there are no files here.
    """

    def __init__(
        self,
        findings: Findings,
        names: Mapping[Ref, list[str]],
        read_file: Callable[[str], str] | None,
    ) -> None:
        self._findings = findings
        self._names = names
        self._read_file = read_file
        # A name is kept once: what refers to it is the same object, and found faster later on.
        self._known = {ref: {name: name for name in every} for ref, every in names.items()}

    def converter(self, key: Key) -> Convert | None:
        """What makes the value for the model, or raises `Fault`; None = ask `value`."""
        if key.many:
            return None
        return self._reference if key.kind is Kind.REF else _CONVERTERS.get(key.kind)

    def value(self, raw: Any, key: Key, path: Path) -> Any:
        """The value for the model, or MISSING; of a key whose faults have places of their own."""
        if key.many:
            return self._many(raw, key, path)
        return self._element(raw, key, path)

    def _many(self, raw: Any, key: Key, path: Path) -> Any:
        if key.one_ok and isinstance(raw, str):
            one = self._element(raw, key, path)
            return MISSING if one is MISSING else (one,)
        if not isinstance(raw, list):
            word = "one of them, or a list" if key.one_ok else "a list"
            hint = f"write [{shown(raw)}]" if isinstance(raw, str) else ""
            self._findings.add(path, f"expected {word}, found {shown(raw)}", hint)
            return MISSING
        if not raw and key.choices:
            self._findings.add(path, "the list is empty", f"name one of {', '.join(key.choices)}")
        found = self._elements(raw, key, path)
        for item, times in Counter(found).items() if len(set(found)) < len(found) else ():
            if times > 1:
                self._findings.add(path, f"{shown(str(item))} is named twice", "drop one of them")
        return tuple(found)

    def _elements(self, raw: list[Any], key: Key, path: Path) -> list[Any]:
        """Those elements that are right."""
        if key.ref is not None:
            known = self._known[key.ref]
            try:
                return [known[item] for item in raw]
            except (KeyError, TypeError):  # one is wrong, or cannot even be looked up
                pass
        found = [self._element(item, key, (*path, index)) for index, item in enumerate(raw)]
        return [item for item in found if item is not MISSING]

    def _element(self, raw: Any, key: Key, path: Path) -> Any:
        try:
            return self._one(raw, key, path)
        except Fault as fault:
            self._findings.add(path, fault.message, fault.hint)
            return MISSING

    def _one(self, raw: Any, key: Key, path: Path) -> Any:
        if key.kind in _ELEMENTS:
            return self._list(raw, key, path)
        match key.kind:
            case Kind.REF:
                return self._reference(raw, key)
            case Kind.ENV:
                return self._env(raw, path)
            case Kind.FILE:
                return self._file(raw, key)
            case kind:
                return _CONVERTERS[kind](raw, key)

    def _list(self, raw: Any, key: Key, path: Path) -> Any:
        if not isinstance(raw, list):
            hint = f"write [{shown(raw)}]" if isinstance(raw, str) else ""
            raise Fault(f"expected {key.kind.value}, found {shown(raw)}", hint)
        check = _ELEMENTS[key.kind]
        try:
            return tuple([check(item, key) for item in raw])
        except Fault:
            pass  # some are wrong: each is reported
        found = []
        for index, item in enumerate(raw):
            try:
                found.append(check(item, key))
            except Fault as fault:
                self._findings.add((*path, index), fault.message, fault.hint)
        return tuple(found)

    def _env(self, raw: Any, path: Path) -> Any:
        if not isinstance(raw, dict):
            raise Fault(f"expected a table of texts, found {shown(raw)}")
        found = {}
        for name, value in raw.items():
            try:
                if not name or "=" in name or _CONTROL.search(name):
                    raise Fault(f"{shown(name)} cannot be the name of a variable")
                if not isinstance(value, str):
                    raise Fault(f"expected text, found {shown(value)}", "put it in quotes")
                found[name] = _argument(value, None)
            except Fault as fault:
                self._findings.add((*path, name), fault.message, fault.hint)
        return found

    def _file(self, raw: Any, key: Key) -> str:
        name = _line(raw, key)
        if self._read_file is None:
            raise Fault(f"{shown(name)} cannot be read: this plan is not a file on disk")
        try:
            text = self._read_file(name)
        except (OSError, ValueError, DeckError) as error:  # ValueError: it is not text
            raise Fault(f"cannot read {shown(name)}: {error}", "see that the file exists") from None
        return _text(text, key)

    def _reference(self, raw: Any, key: Key) -> str:
        if key.ref is None:
            raise AssertionError(f"key {key.name} refers to nothing")
        found = self._known[key.ref].get(raw) if isinstance(raw, str) else None
        if found is not None:
            return found
        if raw in key.words:
            return str(raw)
        word = key.ref.value
        if not isinstance(raw, str):
            raise Fault(f"expected the name of a {word}, found {shown(raw)}")
        known = [*key.words, *self._names[key.ref]]
        near = self._findings.suggestion(raw, known)
        if near:
            hint = f"did you mean {shown(near)}?"
        elif known:
            hint = f"known: {listed([shown(name)[1:-1] for name in known])}"
        else:
            hint = f"this plan defines no {word}"
        raise Fault(f"unknown {word} {shown(raw)}", hint)


def _expected(raw: Any, key: Key) -> Fault:
    return Fault(f"expected {key.kind.value}, found {shown(raw)}")


def _text(raw: Any, key: Key) -> str:
    if not isinstance(raw, str):
        raise _expected(raw, key)
    if not raw.strip() and not key.empty_ok:
        raise Fault(f"found {shown(raw)}, which says nothing", "fill it in, or remove it")
    return _argument(raw, None)


def _line(raw: Any, key: Key) -> str:
    if not isinstance(raw, str):
        raise Fault(f"expected text, found {shown(raw)}")
    if raw.isprintable() and raw.strip():
        return raw
    text = _text(raw, key)
    if _CONTROL.search(text):
        raise Fault(f"expected text on one line, found a control character in {shown(raw)}")
    return text


def _argument(raw: Any, _key: Key | None) -> str:
    if not isinstance(raw, str):
        raise Fault(f"expected text, found {shown(raw)}", "put it in quotes")
    if "\0" in raw or (not raw.isascii() and _LONE_SURROGATE.search(raw)):
        raise Fault(f"found a character that no program can be given in {shown(raw)}")
    return raw


def _path(raw: Any, key: Key) -> str:
    text = _line(raw, key)
    if text.startswith(("/", "\\", "~")) or (text[1:2] == ":" and _DRIVE.match(text)):
        raise Fault(f"{shown(text)} is not below the repository", "write it from the repo's root")
    if ".." in text and ".." in re.split(r"[/\\]", text):
        raise Fault(f'{shown(text)} leaves the repository with ".."', "name files inside it")
    return text


def _id(raw: Any, key: Key) -> str:
    if not isinstance(raw, str):
        raise _expected(raw, key)
    fault = id_fault(raw)
    if fault:
        raise Fault(f"{shown(raw)} cannot be an id: {fault}", f"an id is {ID_RULE}")
    return raw


def is_branch(text: str) -> bool:
    """Can this be the name of a branch? The rules of git-check-ref-format(1), and a length."""
    return not (
        text.startswith("-")
        or text == "@"
        or len(text) > _MAX_BRANCH
        or _BAD_IN_BRANCH.search(text)
        or any(
            part.startswith(".") or part.endswith((".", ".lock")) or not part
            for part in text.split("/")
        )
    )


def one_line(text: str) -> str:
    """`text` as a title or name can hold it: control characters become spaces."""
    return _LONE_SURROGATE.sub("?", _CONTROL.sub(" ", text)).strip()


def _branch(raw: Any, key: Key) -> str:
    text = _line(raw, key)
    if not is_branch(text):
        raise Fault(f"{shown(text)} cannot be a branch", "see `git check-ref-format --branch`")
    return text


def _flag(raw: Any, key: Key) -> bool:
    if not isinstance(raw, bool):
        raise _expected(raw, key)
    return raw


def _count(raw: Any, key: Key) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise _expected(raw, key)
    _bounds(raw, key)
    return raw


def _money(raw: Any, key: Key) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise _expected(raw, key)
    _bounds(raw, key)
    return float(raw)


def _bounds(number: float, key: Key) -> None:
    if not number >= key.minimum:  # nan is neither more nor less
        raise Fault(f"expected {key.minimum:.15g} or more, found {shown(number)}")
    if number > key.maximum:
        raise Fault(f"expected {key.maximum:.15g} or less, found {shown(number)}")


def _duration(raw: Any, key: Key) -> float:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise Fault(f"expected a time, found {shown(raw)}", f"write {EXAMPLES}")
    if isinstance(raw, str):
        try:
            seconds: float = parse_duration(raw)
        except ValueError as error:
            raise Fault(
                f"expected a time, found {shown(raw)}: {error}", f"write {EXAMPLES}"
            ) from None
    else:
        seconds = raw
    _bounds(seconds, key)
    if seconds > MAX_DURATION_S:
        raise Fault(f"expected a time of a year or less, found {shown(raw)}")
    return float(seconds)


def _tokens(raw: Any, key: Key) -> int:
    if not isinstance(raw, str):
        return _count(raw, key)
    parts = _TOKENS.fullmatch(raw.strip()) if len(raw) <= _MAX_TOKENS_TEXT else None
    if parts is None:
        raise _expected(raw, key)
    count = round(float(parts[1]) * _TOKEN_UNITS[parts[2].lower()])
    _bounds(count, key)
    return count


def _choice(raw: Any, key: Key) -> Any:
    if not isinstance(raw, str) or raw not in key.choices:
        words = ", ".join(f'"{choice}"' for choice in key.choices)
        raise Fault(f"expected one of {words}, found {shown(raw)}")
    return key.enum(raw) if key.enum else raw


def _shell(raw: Any, key: Key) -> tuple[str, ...]:
    """A text is a script that the plan's author wrote for `sh`; nothing is ever put into it."""
    return ("sh", "-c", _text(raw, key)) if isinstance(raw, str) else _arguments(raw, key)


def _argv(raw: Any, key: Key) -> tuple[str, ...]:
    if not isinstance(raw, str):
        return _arguments(raw, key)
    try:
        words = shlex.split(_text(raw, key))
    except ValueError as error:
        raise Fault(f"cannot split {shown(raw)}: {error}", "write a list of arguments") from None
    return _arguments(words, key)


def _arguments(raw: Any, key: Key) -> tuple[str, ...]:
    if not isinstance(raw, list):
        raise _expected(raw, key)
    if not raw or raw[0] == "":
        raise Fault(f"expected a command, found {shown(raw)} that names no program")
    return tuple(_argument(item, key) for item in raw)


def _program(raw: Any, key: Key) -> tuple[str, ...]:
    if isinstance(raw, str):
        raise Fault(f"expected {key.kind.value}, found {shown(raw)}", f"write [{shown(raw)}]")
    return _arguments(raw, key)


def _event(raw: Any, _key: Key) -> str:
    if not isinstance(raw, str):
        raise Fault(f"expected the name of an event, found {shown(raw)}")
    fault, hint = event_fault(raw)
    if fault:
        raise Fault(f"{shown(raw)} is told to nobody: {fault}", hint)
    return raw


def event_fault(pattern: str) -> tuple[str, str]:
    """What is wrong with a pattern of events, and what to do about it; both empty = nothing."""
    fault = event_names.fault_of(pattern)
    if fault is None:
        return "", ""
    near = nearest(pattern, event_names.known_patterns())
    return fault, f"did you mean {shown(near)}?" if near else "docs/hooks.md has them all"


def _variable(raw: Any, _key: Key) -> str:
    if not isinstance(raw, str):
        raise Fault(f"expected the name of a variable, found {shown(raw)}", "put it in quotes")
    if not _VARIABLE.fullmatch(raw):  # it may be the secret itself, so it is not shown
        hint = "name the variable of the environment that holds the secret, not the secret"
        raise Fault("this is not the name of a variable", hint)
    return raw


_CONVERTERS: Final[dict[Kind, Convert]] = {
    Kind.FLAG: _flag,
    Kind.COUNT: _count,
    Kind.MONEY: _money,
    Kind.NUMBER: _money,
    Kind.TOKENS: _tokens,
    Kind.DURATION: _duration,
    Kind.LINE: _line,
    Kind.TEXT: _text,
    Kind.ID: _id,
    Kind.BRANCH: _branch,
    Kind.CHOICE: _choice,
    Kind.SHELL: _shell,
    Kind.ARGV: _argv,
    Kind.PROGRAM: _program,
    Kind.EVENT: _event,
    Kind.VARIABLE: _variable,
}
_ELEMENTS: Final[dict[Kind, Callable[[Any, Key], str]]] = {  # of a list that is one value
    Kind.LINES: _line,
    Kind.PATHS: _path,
    Kind.ARGS: _argument,
}
