"""Every small file that is read from outside: whatever stands in it, it is read or told.

Rules: bytes of any kind, and values of any shape in the right format, go through each reader in
`DOORS`. A reader gives something back or raises an error meant for a person; nothing else. Plans,
importers, streams of agents, the journal and the control socket have tests of their own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentdeck.control.catalog import load_catalog
from agentdeck.control.kept_layouts import layout_file, read_layout
from agentdeck.control.line_history import LineHistory
from agentdeck.core.checkpoint import opened
from agentdeck.core.codec import decode_event, decode_recorded
from agentdeck.core.errors import DeckError
from agentdeck.core.permissions import _strings as strings_of_a_request
from agentdeck.engine import kept_rules, ports, said, worktrees
from agentdeck.engine.given_environment import NAME, given_environment
from agentdeck.engine.heartbeat import read_beat
from agentdeck.engine.processes import read_child, read_exit
from agentdeck.plans.analysis.prices import read_prices
from agentdeck.tui import layout
from agentdeck.tui.keymap import load_keys
from agentdeck.tui.settings import load_settings
from agentdeck.tui.theme_files import load_themes
from agentdeck.tui.toml_file import read_file

Reader = Callable[[Path], object]


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


def _layout(path: Path) -> object:
    return layout.read(path.read_bytes(), tabs=("log",), panes=("plan",))


# What a file is called where that counts, and who reads it.
DOORS: dict[str, tuple[str, Reader]] = {
    "keys.toml": ("keys.toml", load_keys),
    "settings": ("deck.toml", load_settings),
    "themes": ("theme.toml", lambda path: load_themes([path.parent])),
    "agents": ("agent.toml", lambda path: load_catalog(path.parent)),
    "prices": ("prices.toml", lambda path: read_prices(_text(path), file="prices.toml")),
    "layout": (
        "layout",
        lambda path: layout.read(path.read_bytes(), tabs=("log",), panes=("plan",)),
    ),
    "kept rules": ("rules.json", kept_rules._read),
    "ports": ("ports.json", ports._read),
    "slot": ("w01.json", worktrees._read_slot),
    "said": ("said", lambda path: said._read(path.parent)),
    "environment": (NAME, lambda path: given_environment(path.parent)),
    "heartbeat": ("heartbeat.json", read_beat),
    "exit": ("exit", lambda path: read_exit(path.parent)),
    "pid": ("pid", lambda path: read_child(path.parent)),
    "checkpoint": ("checkpoint", lambda path: opened(path.read_bytes())),
    "event": ("event", lambda path: decode_event(path.read_bytes(), version=1, seq=1)),
    "event over the socket": ("event", lambda path: decode_recorded(path.read_bytes())),
    "history of lines": ("lines", lambda path: LineHistory(path).load()),
    "request": ("request", lambda path: list(strings_of_a_request(_text(path)))),
}

DEEP = 50_000
_scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
    | st.just("\x1b]0;x\x07\u202e") | st.just(10**400)
)  # fmt: skip
_names = st.sampled_from(
    "version v deck keys notify remember theme view folded borders plan repo rules kind command"
    " name models input output date input_share owner branch used private at pid seq signs id"
    " format capabilities variables dark primary env".split()
)
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=4),
    max_leaves=12,
)


def _as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _as_toml(value: Any) -> bytes:
    """Something that looks like TOML: it need not be right."""
    rows = value.items() if isinstance(value, dict) else [("x", value)]
    lines = []
    for name, each in rows:
        if isinstance(each, dict):
            lines += [f"[{name}]", *(f"{key} = {json.dumps(more)}" for key, more in each.items())]
        else:
            lines.insert(0, f"{name} = {json.dumps(each)}")
    return "\n".join(lines).replace("null", "nan").encode()


_FIXED = [
    b"",
    b"\xff\xfe",
    b"[" * DEEP,
    b'{"a":' * DEEP,
    b"a = " + b"[" * DEEP,
    b"a." * 1_000 + b"a = 1",
    b"[a]\n" * 1_000,
    b"x = " + b"9" * 5_000,
    b"x = 2026-99-99",
    b'{"at": ' + b"9" * 5_000 + b"}",
    b'{"owner": "\xff"}',
    b'{"owner": "\\ud800"}',
    b"\x00" * 1_000,
    b"launcher 1 2 3\nagent x y z\n",
    b"0 nan output",
]
_fixed = st.integers(0, len(_FIXED) - 1).map(_FIXED.__getitem__)  # by number: some are long
_files = st.binary(max_size=300) | _fixed | _values.map(_as_json) | _values.map(_as_toml)


@pytest.mark.parametrize("door", DOORS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=_files)
def test_whatever_a_file_holds_it_is_read_or_told(door: str, tmp_path: Path, data: bytes) -> None:
    """A value, or an error for a person; never a fault of ours, a hang or a traceback."""
    name, read = DOORS[door]
    path = tmp_path / name
    path.write_bytes(data)
    try:
        read(path)
    except (DeckError, layout.BadLayoutError) as told:
        assert str(told)  # noqa: PT017 - both ways are right


@pytest.mark.parametrize("door", ["keys.toml", "settings", "themes"])
@pytest.mark.parametrize("trick", ["pipe", "endless", "folder", "long"])
def test_a_file_of_settings_that_is_none_is_told(door: str, trick: str, tmp_path: Path) -> None:
    """Nobody waits for a pipe, and no memory is taken by what does not end."""
    name, read = DOORS[door]
    path = tmp_path / name
    match trick:
        case "pipe":
            os.mkfifo(path)
        case "endless":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir()
        case _:
            path.write_bytes(b"# \n" * 100_000)
    found = read(path)
    assert isinstance(found, tuple)
    assert str(path) in found[1][0]


def test_the_null_device_in_place_of_settings_is_none_at_all() -> None:
    """Who wants no keys of their own for once names it; that is no fault."""
    assert read_file(Path(os.devnull), "key file").data == {}


def test_a_kept_layout_is_bounded() -> None:
    """A file of another size than a layout's is told, and not read whole."""
    file = layout_file("repo")
    file.parent.mkdir(parents=True)
    file.write_bytes(b" " * 10_000_000)
    with pytest.raises(DeckError, match="KiB"):
        read_layout("repo")
