"""Every key of a TOML text has its place, in whatever style it is written."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
import tomli
import tomli_w
from hypothesis import assume, given
from hypothesis import strategies as st

from agentdeck.plans.positions import STRIDE, Path, Position, positions
from agentdeck.plans.toml_keys import BLANK, MAX_DEPTH, Scanner

DOCUMENT = '''\
# = [not.a.key]
version = 1 # comment with "quotes
[plan]
name = "a # no comment"
"quoted key" = 'C:\\'
dotted . "in quotes" . bare = 1979-05-27 07:32:00

[gates.unit]
run = """
[task] # text
id = "no key" ""\\""""""
after = 3

[[task]]
id = "a"
after = [ # opens
  "x", # ]
  # "comment",
  "y" ,
]

  [[task]]
  id = 'b'
  env = { A = "1", "B C" = { deep = [ {}, { x = 2 } ] } }
  [task.more]
  last = true
  [[task.list]]
  [[task.list]]
  z = \'\'\'
it's''\'\'\'
[[ "ta\\u0073k" ]]
id = "c"
'''
PLACES: dict[Path, tuple[int, int]] = {
    ("version",): (2, 1),
    ("plan",): (3, 2),
    ("plan", "quoted key"): (5, 1),
    ("plan", "dotted"): (6, 1),
    ("plan", "dotted", "in quotes", "bare"): (6, 24),
    ("gates",): (8, 2),
    ("gates", "unit"): (8, 8),
    ("gates", "unit", "run"): (9, 1),
    ("gates", "unit", "after"): (12, 1),
    ("task",): (14, 3),
    ("task", 0): (14, 1),
    ("task", 0, "id"): (15, 1),
    ("task", 0, "after"): (16, 1),
    ("task", 0, "after", 0): (17, 3),
    ("task", 0, "after", 1): (19, 3),
    ("task", 1): (22, 3),
    ("task", 1, "env", "A"): (24, 11),
    ("task", 1, "env", "B C", "deep", 1, "x"): (24, 45),
    ("task", 1, "more", "last"): (26, 3),
    ("task", 1, "list", 1): (28, 3),
    ("task", 1, "list", 1, "z"): (29, 3),
    ("task", 2, "id"): (32, 1),
}


def test_every_style_of_writing_a_key_is_placed() -> None:
    """Tables, arrays of tables, dotted and quoted keys, inline tables, long lists and strings."""
    tomllib.loads(DOCUMENT)
    found = positions(DOCUMENT)
    assert {path: tuple(found.find(path)) for path in PLACES} == PLACES


@pytest.mark.parametrize("path", PLACES)
def test_a_place_does_not_depend_on_what_was_asked_before(path: Path) -> None:
    """Tables are read when they are asked for; the first question gets the same answer."""
    assert tuple(positions(DOCUMENT).find(path)) == PLACES[path]


def test_windows_line_ends_count_once() -> None:
    """A file saved with CRLF has the same lines."""
    text = DOCUMENT.replace("\n", "\r\n")
    assert positions(text).find(("task", 2, "id")).line == 32


def test_an_unknown_path_has_the_place_of_what_it_would_be_in() -> None:
    """A missing key is reported at its table, a missing table at the top."""
    found = positions(DOCUMENT)
    assert found.find(("task", 1, "title")).line == 22
    assert found.find(("budget",)) == Position(1, 1)


def test_a_very_deep_key_costs_little_and_has_the_place_above_it() -> None:
    """Depth is bounded, so that a hostile text cannot use up the memory."""
    text = ".".join("a" * 20_000) + " = 1"
    found = positions(text)
    assert found.find(("a",) * 30) == Position(1, 2 * MAX_DEPTH - 1)


def test_a_very_deep_value_is_no_trouble() -> None:
    """Brackets in brackets, deeper than any stack, are passed over, whatever is in them."""
    deep = "[" * 100_000 + """ "]", '}', # ]\n """ + "]" * 100_000
    found = positions(f"a = {deep}\n[t]\nb = {{ c = {deep} }}\n[[u]]\nd = 1\n")
    assert found.find(("u", 0, "d")) == Position(7, 1)
    assert found.find(("t", "b", "c")) == Position(4, 7)
    assert found.find(("a", *[0] * 30)) == Position(1, 4 + MAX_DEPTH)


@pytest.mark.parametrize("before", [STRIDE - 1, STRIDE, STRIDE + 1, 3 * STRIDE])
def test_a_long_line_has_its_columns(before: int) -> None:
    """Wherever a line begins and however long it is, columns count from its own start."""
    text = f"a = '{'x' * (before - 6)}'\nb = {{ c = '{'y' * before}', d = 1 }}\ne = 1\n"
    found = positions(text)
    assert found.find(("b",)) == Position(2, 1)
    assert found.find(("b", "d")) == Position(2, 15 + before)
    assert found.find(("e",)) == Position(3, 1)


def paths(value: Any, above: Path = ()) -> list[Path]:
    """Every path of a value of tomllib."""
    items: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [p for key, inner in items for p in [(*above, key), *paths(inner, (*above, key))]]


BARE = st.from_regex(r"[A-Za-z0-9_-]{1,5}", fullmatch=True)
WORDS = st.text("ab#=[]{}.,'\" \t", max_size=8)
GAP = st.sampled_from(["", " ", "\t "])
BREAK = st.sampled_from(["", " ", "\n", " # ],}\n  ", "\r\n\n"])


@st.composite
def scalars(draw: st.DrawFn) -> str:
    """A value without parts."""
    text = draw(WORDS)
    plain = text.replace('"', r"\"").replace("\t", r"\t")
    return draw(
        st.sampled_from(
            [
                f'"{plain}"',
                f"'{text.replace(chr(39), '')}'",
                f'"""\n{plain}\nx = 1\n\\\\"""',
                f"'''{text.replace(chr(39), '')}\n[y]'''",
                "+1_000",
                "-1.5e3",
                "inf",
                "true",
                "07:32:00.5",
                "1979-05-27T07:32:00Z",
                "1979-05-27 07:32:00",
            ]
        )
    )


@st.composite
def key_texts(draw: st.DrawFn, name: str) -> str:
    """A key as it may be written: bare or in either kind of quotes."""
    return draw(st.sampled_from([name, f'"{name}"', f"'{name}'"]))


@st.composite
def dotted(draw: st.DrawFn, name: str) -> str:
    """A key, perhaps with parts below it."""
    more = draw(st.lists(BARE, max_size=2))
    gap = draw(GAP)
    return f"{gap}.{gap}".join([draw(key_texts(name)), *[draw(key_texts(part)) for part in more]])


@st.composite
def values(draw: st.DrawFn, depth: int = 2) -> str:
    """Any value."""
    shape = draw(st.sampled_from(["scalar", "array", "table"] if depth else ["scalar"]))
    if shape == "scalar":
        return draw(scalars())
    if shape == "array":
        items = draw(st.lists(values(depth - 1), max_size=3))
        gaps = [draw(BREAK) for _ in items]
        comma = draw(st.sampled_from(["", ","])) if items else ""
        inside = ",".join(f"{gap}{item}{gap}" for gap, item in zip(gaps, items, strict=True))
        return f"[{inside}{comma}{draw(BREAK)}]"
    names = draw(st.lists(BARE, max_size=3, unique=True))
    pairs = [f"{draw(dotted(name))} = {draw(values(depth - 1))}" for name in names]
    return "{ " + " , ".join(pairs) + " }"


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A TOML document in mixed styles."""
    names = draw(st.lists(BARE, max_size=3, unique=True))
    lines = [f"{draw(dotted(name))}{draw(GAP)}={draw(GAP)}{draw(values())}" for name in names]
    for name in draw(st.lists(BARE.map(lambda text: f"T{text}"), max_size=3, unique=True)):
        tables = draw(st.integers(0, 3))
        header = f"[[{name}]]" if tables else f"[{draw(dotted(name))}]"
        for _ in range(tables or 1):
            lines.append(draw(GAP) + header + draw(st.sampled_from(["", " # x = [", "\n"])))
            inner = draw(st.lists(BARE, max_size=3, unique=True))
            lines.extend(f"{draw(dotted(key))} = {draw(values())}" for key in inner)
            if draw(st.booleans()):
                lines.append(f"[{name}.sub-table]\nx.y = {draw(values(1))}")
    return "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n# end"]))


def check(text: str, *, keys_as_written: bool) -> None:
    """Every path has a line, and the line shows the key."""
    result = tomli.loads(text)
    found = positions(text)
    lines = text.split("\n")
    for path in paths(result):
        assert path in found, path
        line, column = found.find(path)
        if keys_as_written and isinstance(path[-1], str):
            assert lines[line - 1][column - 1 :].lstrip("\"'").startswith(path[-1]), path


@given(documents())
def test_each_key_of_a_document_has_a_line_that_shows_it(text: str) -> None:
    """Whatever the style: the line and column of each key is where the key is written."""
    check(text, keys_as_written=True)


def every_place(text: str) -> dict[Path, Position]:
    """The slow way: every statement from the first to the last, without looking ahead."""
    scanner = Scanner(text)
    prefix: Path = ()
    at = end_of_blank(text, 0)
    while at < len(text):
        if text[at] == "[":
            prefix, at = scanner.header(at)
            at = end_of_blank(text, at)
        else:
            at = scanner.pairs(prefix, at, at + 1)
    found = {}
    for path, offset in scanner.offsets.items():
        begins = text.rfind("\n", 0, offset) + 1
        found[path] = Position(text.count("\n", 0, offset) + 1, offset - begins + 1)
    return found


def end_of_blank(text: str, at: int) -> int:
    """Where the next statement begins."""
    match = BLANK.match(text, at)
    assert match is not None
    return match.end()


HEADERS_IN_TEXT = """
[[task]]
[not.a.table]
id = 7 # x
]] }
"""
TRAPS = st.sampled_from(
    [
        f"'''{HEADERS_IN_TEXT}'''",
        f'"""{HEADERS_IN_TEXT}"""',
        '"""\n[[task]]""\n[task] # " \\""" \\\\""""',
        '""""[a]"\n[b]""x"""""',
        "''''[a]''\n[b]'''''",
        '"\\"[[task]] # \\\\"',
        "'\\'",
        '""',
        "''",
        '""""""',
        "[\n[1],\n[[2]], # ]]\n [\n[ 'a' ]\n]]",
        '[\n["task"]\n]',
        "[\n[1.5]\n]",
        "[ [1979-05-27]]",
        "[[[\n[[]]\n]]]",
        '{ a = [\n[1]\n], b.c = { d = """\n[[task]]\n""" } }',
        "{\n  a = 1, # }\n  b = [\n[[3]]],\n}",
    ]
)
NAMES = st.sampled_from(["task", "gates", "plan", '"a.b"', "'[x]'", '"ta\\u0073k"', '"#"', "''"])
PARTS = st.sampled_from(["a", "b", "env", '"c d"', "1"])


@st.composite
def plan_like_texts(draw: st.DrawFn) -> str:
    """Tables in any order, with the values that look most like something else."""
    lines = [f"{draw(NAMES)}.{part} = {draw(TRAPS)}" for part in draw(st.lists(PARTS, max_size=2))]
    for _ in range(draw(st.integers(0, 6))):
        gap, name = draw(GAP), draw(NAMES)
        more = "".join(f"{gap}.{gap}{part}" for part in draw(st.lists(PARTS, max_size=2)))
        header = f"{gap}{name}{more}{gap}"
        lines.append(draw(GAP) + draw(st.sampled_from([f"[{header}]", f"[[{header}]]"])))
        lines[-1] += draw(st.sampled_from(["", ' # [[x]] "', "#'''", '\n\n  # """']))
        lines.extend(
            f"{draw(GAP)}{key}{draw(GAP)}={draw(GAP)}{draw(TRAPS | scalars())}"
            for key in draw(st.lists(PARTS, max_size=3, unique=True))
        )
    line_end = draw(st.sampled_from(["\n", "\r\n"]))
    text = "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n# end [x]"]))
    return text.replace("\n", line_end)


def check_every_place(text: str) -> None:
    """Whatever is asked first, the answers are those of the slow way."""
    expected = every_place(text)
    every = sorted(expected, key=str)
    assert {path: positions(text).find(path) for path in every} == expected
    found = positions(text)
    assert {path: found.find(path) for path in every} == expected
    assert not any((*path, "no such key") in found for path in every)


@given(plan_like_texts())
def test_what_looks_like_a_header_is_told_from_one(text: str) -> None:
    """Headers in strings, comments and arrays open nothing; those with quotes and gaps do."""
    try:
        tomli.loads(text)
    except tomli.TOMLDecodeError:
        assume(False)
    check_every_place(text)


@given(documents())
def test_each_table_alone_has_the_places_of_the_whole(text: str) -> None:
    """Reading only the tables that are asked for changes no answer."""
    check_every_place(text)


TREES: Any = st.recursive(
    st.one_of(st.integers(), st.booleans(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=5), TREES, max_size=4), st.booleans())
def test_keys_of_any_characters_are_found(tree: dict[str, Any], multiline: bool) -> None:
    """Keys that need quotes and escapes are found under the names that tomllib gives them."""
    check(tomli_w.dumps(tree, multiline_strings=multiline), keys_as_written=False)


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment", "a=1", "[a]", "[[a]]"])
def test_small_texts_are_no_trouble(text: str) -> None:
    """The ends of a text are ends of everything."""
    check(text, keys_as_written=True)
