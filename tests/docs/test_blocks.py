"""What the docs show is true: every block of code of every page is carried out, or looked at.

Rules: see `blocks.py` for what may be said before a block. A block of a kind that nobody here knows
is a failure, so nothing gets into the docs that no test has looked at.
"""

from __future__ import annotations

import ast
import json
import os
import re
import runpy
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final

import pytest
import tomli
import yaml
from tests.docs.blocks import (
    ROOT,
    Block,
    blocks_of,
    commands_in_sentences,
    other_test,
    pages,
    text_of,
)
from tests.docs.lines import Line, check, commands_of, typed
from tests.docs.servers import READY, ServerError
from tests.docs.verb_tree import UnknownError, parse
from tests.docs.world import PLAN, Done, World

from agentdeck.control.catalog import load_catalog
from agentdeck.control.runs import newest_run
from agentdeck.core.errors import (
    EXIT_ENVIRONMENT,
    EXIT_NEEDS_PERSON,
    EXIT_OK,
    EXIT_REFUSED,
)
from agentdeck.core.webhook_signature import signed
from agentdeck.tui.keymap import load_keys
from agentdeck.tui.settings import load_settings
from agentdeck.tui.theme_files import load_themes

SHELL: Final = ("sh", "console")
# These draw a screen: tests/tui has their tests, and here they are only parsed.
ON_A_SCREEN: Final = frozenset({"attach", "replay", "simulate", "demo"})
# What acts on a run needs it in a state in which it may act: the run here has ended, and saying so
# is an answer. `promote` waits where the checkout is in its way.
ACTS: Final = frozenset({"add", "approve", "retry", "promote"})
ANSWERS: Final = frozenset({EXIT_OK, EXIT_REFUSED, EXIT_ENVIRONMENT, EXIT_NEEDS_PERSON})
LOOKS: Final = [["status"], ["inbox"], ["why"], ["tasks"], ["queue"]]
PATIENCE_S: Final = 20.0  # until agents have done what a page shows; they take a second
LOOK_S: Final = 0.1
SECRET: Final = "a secret of many letters"
TASK: Final = '\n[[task]]\nid = "a-task"\nprompt = "Do it."\n'


class LieError(Exception):
    """A page shows what does not hold."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Made once: a run takes seconds."""
    home = tmp_path_factory.mktemp("w")
    names = {"CONFIG": "config", "STATE": "s", "DATA": "data", "CACHE": "cache", "RUNTIME_DIR": "r"}
    variables = {"HOME": str(home)}
    for name, folder in names.items():
        (home / folder).mkdir(mode=0o700)
        variables[f"XDG_{name}" + ("" if name.endswith("DIR") else "_HOME")] = str(home / folder)
    made = World(home, variables)
    try:
        made.run_the_plan()
        made.run_the_plan()
        yield made
    finally:
        made.leave()


@pytest.mark.parametrize("page", pages())
def test_every_block_of_a_page_holds(page: str, world: World) -> None:
    """One by one, from its top; each that does not is named with its line."""
    text = text_of(page)
    elsewhere = other_test(text)
    if elsewhere is not None:
        assert f'"{Path(page).name}"' in (ROOT / elsewhere).read_text(), elsewhere
    world.begin()
    found = list(faults(page, text, world, run=elsewhere is None))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("page", pages())
def test_every_command_in_a_sentence_exists(page: str) -> None:
    """Verb and options; what stands for something else (`RUN`, `…`) is any word."""
    found = []
    for line, command in commands_in_sentences(text_of(page)):
        words = re.sub(r"[\[\]]|\.\.\.", "", command).split(" > ")[0].split()[1:]
        if words[:1] == ["VERB"]:
            continue
        try:
            parse([word for word in words if word != "…"], whole=False)
        except UnknownError as error:
            found.append(f"{page}:{line}: `{command}`: {error}")
    assert not found, "\n".join(found)


def faults(page: str, text: str, world: World, *, run: bool = True) -> Iterator[str]:
    """A sentence for each block that does not hold."""
    blocks = blocks_of(page, text)
    shared = [block.text for block in blocks if block.mark == "part of the plan of this page"]
    for block in blocks:
        try:
            look(block, world, shared, run=run and block.is_run)
        except (UnknownError, LieError, ServerError) as error:
            yield f"{block.place}: {error}"
            if block.kind == "console":  # a story: what follows stands on it
                return
    try:
        world.rest()
    except ServerError as error:
        yield f"{page}: {error}"


def look(block: Block, world: World, shared: list[str], *, run: bool) -> None:
    """Carry out a block, or look at it. Raises UnknownError, LieError."""
    if not block.is_run and not block.mark.removeprefix("not run,").strip():
        raise LieError("`not run` without a reason")
    if block.elsewhere is not None:
        _elsewhere(block)
    with world.going_on() if run and block.goes_on else nullcontext():
        _carry_out(block, world, shared, run=run)


def _elsewhere(block: Block) -> None:
    """The test that carries it out has to be there, and to speak of its page."""
    test = ROOT / str(block.elsewhere)
    if not test.is_file() or Path(block.page).name not in test.read_text(encoding="utf-8"):
        raise LieError(f"{block.elsewhere} does not carry it out")


def _carry_out(block: Block, world: World, shared: list[str], *, run: bool) -> None:
    if block.kind in SHELL:
        lines = typed(block.kind, block.text)
        if run and any(_serves(line) for line in lines):
            world.servers.end()
        for line in lines:
            _line(line, world, run=run)
    elif block.kind == "toml":
        _toml(block, world, shared)
    elif block.kind == "yaml":
        _parsed(_yaml, block.text)
    elif block.kind == "json":
        _parsed(json.loads, block.text)
    elif block.kind == "python":
        _python(block, world, run=run)
    elif block.kind == "mermaid":
        if not block.text.startswith("stateDiagram-v2\n"):
            raise LieError("of mermaid only diagrams of states are known here")
    elif block.kind == "js" and not block.is_run:
        pass  # nothing here can parse it
    elif block.kind != "text":
        raise UnknownError(f"nothing here knows a block of the kind {block.kind!r}")


def _yaml(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _parsed(parser: Callable[[str], Any], text: str) -> Any:
    try:
        return parser(text)
    except (ValueError, SyntaxError) as error:
        raise LieError(str(error)) from error


def _line(line: Line, world: World, *, run: bool) -> None:
    check(line.text)
    commands = commands_of(line.text)
    verbs = [parse(words[1:], whole=True) for words in commands if words[0] == "agentdeck"]
    on_screen = [v for v in verbs if v in ON_A_SCREEN and "--plain" not in line.text]
    missing = [words[0] for words in commands if words[0] != "cd" and not _is_there(words[0])]
    world.lacks |= run and bool(missing)  # what follows on the page may stand on it
    if not run or on_screen or world.lacks:
        return
    if (verb := _serves(line)) is not None:
        world.serve(line.text, verb)
        return
    if verbs == ["answer"]:
        world.wait_until_it_asks(commands[0][2])
    plan = world.folder / "plan.toml"
    writes = verbs in (["init"], ["import"])
    if writes:
        plan.unlink(missing_ok=True)
    done = _typed(line, world, verbs)
    if writes and world.folder == world.repo:  # and then the person edits it
        plan.write_text(PLAN)
    if verbs == ["run"] and "--no-attach" in line.text and line.shown is None:
        world.wait_for_the_run()
    allowed = ANSWERS if verbs and verbs[-1] in ACTS else {EXIT_OK}
    if done.code not in allowed:
        raise LieError(f"`{line.text}` ends with {done.code}: {(done.err or done.out)[-400:]}")
    if line.shown is not None and not _is_shown(line, done, world):
        found, shown = _bare(done.out + done.err, world), _bare(line.shown, world)
        raise LieError(f"`{line.text}` prints\n{found}\nand not\n{shown}")


def _serves(line: Line) -> str | None:
    """The verb of a line that goes on until it is ended."""
    words = commands_of(line.text)[0]
    verb = parse(words[1:], whole=True) if words[0] == "agentdeck" else ""
    return verb if verb in READY else None


def _typed(line: Line, world: World, verbs: list[str]) -> Done:
    """What came of it; who only looks does so until the agents are as far as the page says."""
    done = world.type(line.text)
    if line.shown is None or verbs not in LOOKS:
        return done
    deadline = time.monotonic() + PATIENCE_S
    while not _is_shown(line, done, world) and time.monotonic() < deadline:
        time.sleep(LOOK_S)
        done = world.type(line.text)
    return done


def _is_there(program: str) -> bool:
    return program in ("agentdeck", "export") or shutil.which(program) is not None


def _is_shown(line: Line, done: Done, world: World) -> bool:
    """Is it what the page shows? `…` stands for anything, and a number of spaces for one."""
    pattern = re.escape(_bare(line.shown or "", world)).replace("…", ".*")
    return re.fullmatch(pattern, _bare(done.out + done.err, world), re.DOTALL) is not None


def _bare(text: str, world: World) -> str:
    text = text.replace(str(world.home), "~")
    rows = (" ".join(row.split()) for row in text.splitlines())
    return "\n".join(row for row in rows if row)


def _toml(block: Block, world: World, shared: list[str]) -> None:
    data = _parsed(tomli.loads, block.text)
    name = block.mark.removeprefix("file ")
    if name != block.mark:
        _file(name, block.text, world)
        return
    text = block.text
    if block.mark == "part of the plan of this page":
        text = "\n".join(shared)
    elif block.mark not in ("", "part of a plan"):
        raise UnknownError(f"nothing here knows what {block.mark!r} means")
    if block.mark:
        given = "" if "version" in data else "version = 1\n"
        text = given + text + ("" if "[[task]]" in text else TASK)
    plan = world.repo / "of-the-docs.toml"
    plan.write_text(text)
    try:
        done = world.type("agentdeck check of-the-docs.toml")
    finally:
        plan.unlink()
    if done.code != EXIT_OK:
        raise LieError(done.err or done.out)


def _file(name: str, text: str, world: World) -> None:
    place = world.home / "written" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    readers: dict[str, Callable[[], Any]] = {
        "keys.toml": lambda: load_keys(place)[1],
        "deck.toml": lambda: load_settings(place)[1],
        "agents": lambda: load_catalog(place.parent).problems,
        "themes": lambda: load_themes([place.parent])[1],
        ".taplo.toml": lambda: [] if "rule" in tomli.loads(text) else ["no rule"],
    }
    reader = readers.get(Path(name).parts[0])
    if reader is None:
        raise UnknownError(f"nothing here reads a file {name}")
    if problems := reader():
        raise LieError("\n".join(str(problem) for problem in problems))


def _python(block: Block, world: World, *, run: bool) -> None:
    tree = _parsed(ast.parse, block.text)
    if not run:
        return
    found: dict[str, Any] = {name: GIVEN[name] for name in block.given if name in GIVEN}
    if len(found) != len(block.given):
        raise UnknownError(f"not all of {block.given} is given here")
    try:
        with world.here():
            exec(compile(tree, block.place, "exec"), found)
    except EnoughError:
        pass
    except Exception as error:
        raise LieError(f"{type(error).__name__}: {error}") from error


class Request:
    """What a web framework hands to who receives a webhook."""

    body: bytes = b'{"id": "shop-3f2a:118", "text": "STORE-1: gate unit failed"}'

    @property
    def headers(self) -> dict[str, str]:
        """Of this moment: after five minutes nobody believes them."""
        return signed(SECRET, "shop-3f2a:118", int(time.time()), self.body)


class EnoughError(Exception):
    """What would go on for ever has been seen to work."""


class Call:
    """`call` of docs/examples/plain_socket.py, to the engine of the newest run.

    The second time it ends who calls in a loop.
    """

    def __init__(self) -> None:
        self.engine: Any = None

    def __call__(self, method: str, params: dict[str, Any]) -> Any:
        if self.engine is not None:
            self.engine.connection.close()
            raise EnoughError
        spoken = runpy.run_path(str(ROOT / "docs" / "examples" / "plain_socket.py"))
        self.engine = spoken["Engine"](str(newest_run(Path.cwd()).socket))
        self.engine.call("hello", protocol=1, client="the docs")
        return self.engine.call(method, **params)


REQUEST: Final = Request()
GIVEN: Final[dict[str, Any]] = {
    "secret": SECRET,
    "request": REQUEST,
    "seen": set(),
    "call": Call(),
}


def test_the_receiver_of_the_docs_knows_a_right_signature_from_a_wrong_one() -> None:
    """The one that does without agentdeck, as it stands in docs/hooks.md."""
    (block,) = [
        block
        for block in blocks_of("docs/hooks.md", text_of("docs/hooks.md"))
        if block.kind == "python" and "def verify" in block.text
    ]
    found: dict[str, Any] = {}
    exec(block.text, found)
    assert found["verify"](SECRET, REQUEST.headers, REQUEST.body)
    assert not found["verify"](SECRET, REQUEST.headers, REQUEST.body + b" ")
    assert not found["verify"]("another secret", REQUEST.headers, REQUEST.body)


LIES = {
    "a verb that there is not": "```sh\nagentdeck statsu\n```",
    "an option that there is not": "```sh\nagentdeck status --jsn\n```",
    "an argument too few": "```sh\nagentdeck compare RUN_A\n```",
    "a line that fails": "```sh\nagentdeck why NOBODY\n```",
    "one of several lines that fails": "```sh\nagentdeck status\nagentdeck check none.toml\n```",
    "a pipe whose program fails": "```sh\nagentdeck status | git nothing\n```",
    "output that is another": "```console\n$ agentdeck runs --json\nnone\n```",
    "a target that there is not": "```sh\nmake coffee\n```",
    "an extra that there is not": "```sh\npip install 'agentdeck[gold]'\n```",
    "a program that nobody knows": "```sh\nrm -rf build\n```",
    "no TOML": "```toml\n[plan\n```",
    "a plan with a wrong key": "<!-- block: part of a plan -->\n```toml\n[plan]\nnam = 'x'\n```",
    "a part that is called a whole": "```toml\n[plan]\nname = 'x'\n```",
    "settings with a wrong value": "<!-- block: file deck.toml -->\n```toml\n[deck]\nnotify=1\n```",
    "a file that nobody reads": "<!-- block: file x.toml -->\n```toml\n[deck]\n```",
    "a mark that nobody knows": "<!-- block: skip -->\n```toml\nversion = 1\n```",
    "no JSON": '```json\n{"a": 1,}\n```',
    "Python that fails": "```python\nprint(nothing)\n```",
    "no Python": "```python\nprint(\n```",
    "a test that there is not": "<!-- block: run by tests/none.py -->\n```sh\nmake test\n```",
    "a test of another page": "<!-- block: run by tests/test_themes.py -->\n```sh\nmake test\n```",
    "a server that does not come up": "```sh\nagentdeck bridge --token-file /dev/null/x\n```",
    "a task that is not in the run that goes on": (
        "<!-- block: in a run that goes on -->\n```sh\nagentdeck steer NOBODY hello\n```"
    ),
    "no reason": "<!-- block: not run, -->\n```sh\nagentdeck status\n```",
    "a wrong verb that is not run": "<!-- block: not run, no network -->\n```sh\nagentdeck x\n```",
    "a kind that nobody knows": "```ruby\nputs 1\n```",
    "no kind": "```\nagentdeck status\n```",
    "code without a fence": "Do this:\n\n    agentdeck status\n",
}


@pytest.mark.parametrize("lie", LIES)
def test_a_page_that_lies_is_found_out(lie: str, world: World) -> None:
    """Each of these is one fault, with its place."""
    world.begin()
    (fault,) = faults("page.md", LIES[lie], world)
    assert re.match(r"page\.md:\d+: ", fault)


def test_what_holds_is_no_fault(world: World) -> None:
    page = """
```console
$ agentdeck why T-1
T-1 has landed as …
$ cat > note.txt <<'EOF'
> a note
> EOF
$ cat note.txt
a note
```

<!-- block: not run, it would ask a model -->
```sh
agentdeck run plan.toml --agent claude   # a comment
```

<!-- block: part of a plan -->
```toml
[plan]
land = "approve"
```
"""
    assert list(faults("page.md", page, world)) == []
    assert os.path.lexists(world.repo / "note.txt")
    (world.repo / "note.txt").unlink()
