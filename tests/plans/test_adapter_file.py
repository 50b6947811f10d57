"""Adapter files: what they hold, and how a mistake in one is told."""

from __future__ import annotations

from importlib.resources import files

import pytest

from agentdeck.agents.readers import FORMATS as READERS
from agentdeck.agents.traces import TRACES
from agentdeck.core import adapter as core
from agentdeck.core.adapter import Adapter
from agentdeck.core.plan import BUILTIN_AGENTS
from agentdeck.engine.shipped_adapters import shipped_adapters
from agentdeck.plans.adapter_file import read_adapter, write_adapter
from agentdeck.plans.adapter_keys import KEYS
from agentdeck.plans.problems import PlanProblems

SMALL = 'adapter = 1\nstart = ["x", "{prompt}"]\n'


def problems(text: str, name: str = "x", **bases: Adapter) -> list[str]:
    """Line, key, message and hint of each problem."""
    with pytest.raises(PlanProblems) as caught:
        read_adapter(text, file="x.toml", name=name, bases=bases)
    return [str(problem).removeprefix("x.toml:") for problem in caught.value.problems]


def test_the_folder_of_the_catalog_and_the_list_of_names_are_the_same() -> None:
    """A plan may name just what ships, without anybody looking at files."""
    names = {each.name for each in files("agentdeck").joinpath("agents", "catalog").iterdir()}
    assert names == {f"{name}.toml" for name in BUILTIN_AGENTS}


@pytest.mark.parametrize("name", BUILTIN_AGENTS)
def test_a_shipped_adapter_reads_and_survives_being_written(name: str) -> None:
    adapter = shipped_adapters()[name]
    assert adapter.name == name
    assert adapter.title
    assert read_adapter(write_adapter(adapter), file="x", name=name) == adapter


def test_the_table_of_keys_has_every_field() -> None:
    assert [key.target for key in KEYS] == sorted(
        set(Adapter.__struct_fields__) - {"name"},
        key=[key.target for key in KEYS].index,
    )


def test_every_format_that_an_adapter_may_name_has_a_reader() -> None:
    assert set(READERS) == set(core.FORMATS)
    assert set(TRACES) == set(core.TRACES)


def test_a_file_may_say_only_what_is_different() -> None:
    """`base` is a shipped adapter; the rest of it, tables too, is as there."""
    base = shipped_adapters()["codex"]
    text = 'adapter = 1\nbase = "codex"\ntitle = "Mine"\nallow = ["--sandbox", "read-only"]\n'
    found = read_adapter(text, file="mine.toml", name="mine", bases={"codex": base})
    assert (found.name, found.title, found.start) == ("mine", "Mine", base.start)
    assert found.allow == ("--sandbox", "read-only")
    assert found.home == base.home


def test_an_unknown_base_is_named_with_the_nearest_one() -> None:
    found = problems('adapter = 1\nbase = "codx"\n', codex=shipped_adapters()["codex"])
    assert any('2: base: unknown adapter "codx"' in each and '"codex"?' in each for each in found)


def test_all_mistakes_come_at_once_each_with_its_line() -> None:
    found = problems(
        """\
adapter = 1
titel = "X"
output = "jsonl"
start = ["x", "{promt}", "--m={*model}", "{*modle}"]
resume = ["x", "again"]
[exits]
0 = "auth"
41 = "autth"
"""
    )
    text = "\n".join(found)
    for wanted in (
        "2: titel: unknown key",
        "did you mean `title`?",
        '3: output: expected one of "plain"',
    ):
        assert wanted in text
    # What a value means is looked at when each value by itself is right.
    found = problems(
        """\
adapter = 1
start = ["x", "{promt}", "--m={*model}", "{*modle}"]
resume = ["x", "again"]
[exits]
0 = "auth"
41 = "autth"
"""
    )
    text = "\n".join(found)
    for wanted in (
        '2: start: unknown {promt} in "{promt}"',
        "did you mean {prompt}?",
        "{*model} must be an argument of its own",
        "did you mean {*model}?",
        "3: resume: does not say {session}",
        '5: exits.0: "0" is no exit status of a failure',
        '6: exits.41: unknown cause "autth"',
        'did you mean "auth"?',
    ):
        assert wanted in text, wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "`adapter = 1` is missing"),
        ("adapter = 2\n", "adapter format 2 is not known"),
        ("adapter = 1\n", "`start` is missing"),
        ("adapter = 1\nstart = [\n", "2: not TOML"),
        (SMALL + 'model = ["-m", "{model}"]\n', "`start` has no {*model}"),
        (SMALL + 'ask = ["--ask"]\n', "`start` has no {*permissions}"),
        ('adapter = 1\nstart = ["x", "{*mcp}"]\n', "has {*mcp}, and nothing says what it is"),
        ('adapter = 1\nstart = ["x", "{*permissions}"]\n', "add `allow`, `ask` or both"),
        ('adapter = 1\nstart = ["x", "{session}"]\n', "a new session does not have"),
        (SMALL + '[env]\nX = "{*model}"\n', "have groups"),
        (SMALL + 'trace = "t.json"\n', "stands without `trace_output`"),
        (
            SMALL + 'trace = "../t"\ntrace_output = "mini-trajectory"\n',
            "leads out of the attempt",
        ),
        (SMALL + 'minimum = "new"\nversion = ["x"]\n', "expected a version"),
        (SMALL + 'minimum = "1.0"\n', "no command to compare it with"),
        (SMALL + "env = { X = 1 }\n", "put it in quotes"),
    ],
)
def test_a_mistake_is_told_with_its_way_out(text: str, wanted: str) -> None:
    found = problems(text)
    assert any(wanted in each for each in found), found


@pytest.mark.parametrize("name", ["command", "a b", "", "x.lock"])
def test_the_name_of_a_file_must_be_one_that_a_plan_can_use(name: str) -> None:
    assert any("cannot be the name of an agent" in each for each in problems(SMALL, name))


def test_only_the_adapter_of_a_person_needs_no_command() -> None:
    assert read_adapter("adapter = 1\n", file="x", name="human").start == ()


def test_a_brace_that_is_no_word_stays() -> None:
    """JSON in an argument or a variable is no list of places."""
    text = SMALL + '[env]\nCONFIG = \'{"model": {"a": 1}, "x": "{model}"}\'\n'
    assert read_adapter(text, file="x", name="x").env["CONFIG"].endswith('"{model}"}')
