"""A typed line: what it says, what is wrong with it, and what could stand in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.cli.line import command_line
from agentdeck.control.verb_completion import Candidate, complete
from agentdeck.control.verb_line import read_line, words_of
from agentdeck.control.verb_table import VERBS
from agentdeck.control.verbs import Argument, Option, Takes, Verb
from agentdeck.core import commands as c
from agentdeck.core.commands import AnyCommand
from agentdeck.core.errors import UsageError
from agentdeck.core.events import ReviewComment, SkipMode
from agentdeck.core.ids import PoolName, TaskId

A, B = TaskId("A"), TaskId("B")


def meant(line: str) -> list[AnyCommand]:
    read = read_line(line, VERBS)
    return read.verb.build(read.said)


MEANS: list[tuple[str, list[AnyCommand]]] = [
    ("pause", [c.Pause()]),
    ("pause A B A", [c.Pause(A), c.Pause(B)]),
    ("retry A -m 'be brief' --fresh", [c.Retry(A, "be brief", True)]),
    ("retry --feedback=brief A", [c.Retry(A, "brief")]),
    ("retry A --comment a.py:3:no", [c.Retry(A, comments=(ReviewComment("a.py", 3, "no"),))]),
    ("skip A", [c.Skip(A, SkipMode.DONE)]),
    ("skip A --as cascade", [c.Skip(A, SkipMode.CASCADE)]),
    ("skip A --cascade", [c.Skip(A, SkipMode.CASCADE)]),
    ("approve all", [c.Approve()]),
    ("approve", [c.Approve()]),
    ("move A --before B", [c.Move(A, c.Place.BEFORE, B)]),
    ("move A --up", [c.Move(A, c.Place.UP)]),
    ("steer A don't touch  the --old API", [c.Steer(A, "don't touch  the --old API")]),
    ('steer A "just this"', [c.Steer(A, "just this")]),
    ("limit 6", [c.SetAgents(6)]),
    ("limit 3 --pool build", [c.SetPoolLimit(PoolName("build"), 3)]),
    ("limit --pool build 0", [c.SetPoolLimit(PoolName("build"), None)]),
    ("budget set run --usd 30", [c.SetBudget("run", usd=30.0)]),
    ("budget raise phase:one --tokens 2M", [c.RaiseBudget("phase:one", tokens=2_000_000)]),
    ("retry -- -odd", [c.Retry(TaskId("-odd"))]),
    ("end -y", [c.EndRun()]),
]  # fmt: skip


@pytest.mark.parametrize(("line", "commands"), MEANS)
def test_a_line_means_what_the_shell_would_do(line: str, commands: list[AnyCommand]) -> None:
    """Words, options with and without `=`, quotes, texts to the end of the line."""
    assert meant(line) == commands


FAULTS = [
    ("", "nothing is typed", "tab shows"),
    ("rety A", "there is no command rety", "did you mean retry"),
    ("budget", "budget needs a word more", "budget set or budget raise"),
    ("skip", "skip needs TASK...", "write skip TASK..."),
    ("skip A --as don", "don is nothing for --as", "done or cascade"),
    ("skip A --cascad", "skip has no option --cascad", "did you mean --cascade"),
    ("skip A --cascade --as done", "--as and --cascade exclude each other", "choose one"),
    ("limit many", "many is no number", "such as 6"),
    ("limit 6 7", "7 is too much here", "write limit N"),
    ("retry --feedback", "--feedback needs TEXT", "write retry"),
    ("retry --fresh=yes A", "--fresh takes no value", "write --fresh alone"),
    ("retry --fresh", "--feedback, --fresh and --comment are for tasks", "name the task"),
    ("move A", "nothing says where to", "--up"),
    ("budget set run --usd 500K", "--usd 500K is something else", "--tokens 500K"),
]


@pytest.mark.parametrize(("line", "fault", "hint"), FAULTS)
def test_what_is_wrong_is_named_with_what_to_write(line: str, fault: str, hint: str) -> None:
    with pytest.raises(UsageError) as raised:
        meant(line)
    assert fault in raised.value.message
    assert hint in raised.value.hint


@given(st.text(max_size=60))
def test_no_line_breaks_the_reader(line: str) -> None:
    """Whatever is typed is read, or named as wrong; its words stand where they say."""
    for word in words_of(line):
        assert 0 <= word.start < word.end <= len(line)
        assert word.text in line
    with suppress(UsageError):
        meant(line)


def of(command: Any, name: str) -> Any:
    for part in name.split():
        command = command.commands[part]
    return command


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_the_shell_has_each_verb_in_the_same_words(verb: Verb) -> None:
    """Names, options and help are those of the table; only `--run` is the shell's own."""
    known = of(typer.main.get_command(command_line()), verb.name)
    assert known.help.startswith(verb.sentence)
    found = {p.name: (p.param_type_name, p.help) for p in known.params if p.name != "run"}
    wanted = {a.name: ("argument", a.help.removesuffix(".")) for a in verb.arguments}
    wanted |= {o.name: ("option", o.help) for o in verb.options}
    assert found.keys() == wanted.keys()
    for name, (kind, said) in wanted.items():
        assert found[name][0] == kind
        assert found[name][1].startswith(said)
    assert [p.opts for p in known.params if p.param_type_name == "option"][1:] == [
        list(o.names) for o in verb.options
    ]


# --- completing ----------------------------------------------------------------------------------

TASKS = (Candidate("S-1", "Sessions"), Candidate("S-2", "Streams"), Candidate("W-1", "Wire"))


def known(_: Verb, thing: Argument | Option) -> Iterable[Candidate]:
    return TASKS if thing.takes is Takes.TASK else ()


def offered(line: str) -> list[str]:
    return [each.word for each in complete(line, len(line), VERBS, known).candidates]


OFFERS: list[tuple[str, Sequence[str]]] = [
    ("re", ["resume", "retry", "release", "revert"]),
    ("budget", ["budget set", "budget raise"]),
    ("budget s", ["budget set"]),
    ("steer ", ["S-1", "S-2", "W-1"]),
    ("stop s", ["S-1", "S-2"]),
    ("stop S-1 ", ["S-2", "W-1"]),
    ("stop wire", ["W-1"]),
    ("retry --f", ["--feedback", "--fresh"]),
    ("retry S-1 --fresh --f", ["--feedback"]),
    ("retry S-1 --feedback ", []),
    ("skip S-1 --as ", ["done", "cascade"]),
    ("skip S-1 --as c", ["cascade"]),
    ("move S-1 --before ", ["S-1", "S-2", "W-1"]),
    ("steer S-1 what", []),
    ("nonsense ", []),
]


@pytest.mark.parametrize(("line", "words"), OFFERS)
def test_what_could_stand_there_is_offered(line: str, words: list[str]) -> None:
    """What begins as typed first; what was said, or cannot follow, not at all."""
    found = offered(line)
    assert found[: len(words)] == words
    if not words or line.endswith(" --as ") or " --" in line:
        assert found == words


def test_a_candidate_takes_the_place_of_the_word_at_the_cursor() -> None:
    """What stands behind the cursor stays."""
    line = "stop S W-1"
    completion = complete(line, 6, VERBS, known)
    assert completion.put(line, 1) == ("stop S-2 W-1", 8)
