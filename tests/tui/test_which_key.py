"""The keys by group, and what sentences call them: always as the person has them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from tests.tui.sample_journal import STARTED_AT, middle, write_run
from tests.tui.test_room_keys import Recording, Room, room
from tests.tui.test_room_pictures import SIZES, compare
from textual.events import Key
from textual.pilot import Pilot

from agentdeck.core import commands as c
from agentdeck.core.ids import TaskId
from agentdeck.tui import keys as keys_module
from agentdeck.tui.app import DeckApp
from agentdeck.tui.keymap import load_keys
from agentdeck.tui.keys import KEYS, TABLE, Context, Group
from agentdeck.tui.model import Clock, Model
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.key_names import in_words, spoken
from agentdeck.tui.presentation.which_key import groups_of, keys_of, letters_of
from agentdeck.tui.screens.dialogs import ChooseTheme, Confirm
from agentdeck.tui.screens.which_key import WhichKey
from agentdeck.tui.snapshot import draw
from agentdeck.tui.widgets.agents_pane import empty_sentence
from agentdeck.tui.widgets.queue_pane import EMPTY_QUEUE

T = TaskId


def context(selected: str = "S-4") -> Context:
    model = Model()
    model.take(middle().history)
    return Context(Deck(model.state, STARTED_AT + middle().at, T(selected), frozen=True))


def said(deck: Room) -> str:
    assert isinstance(deck.app.screen, WhichKey)
    return str(deck.app.screen.query_one("#which-said").render())


# --- what it lists -------------------------------------------------------------------------------


def test_every_key_that_can_be_pressed_is_in_a_group_with_a_letter() -> None:
    """No letter twice in the list of groups, nothing twice in a group."""
    groups = groups_of(context())
    letters = [choice.key for choice in groups]
    assert len(letters) == len(set(letters))
    listed = [choice for letter in letters for choice in keys_of(letter, context())]
    pressable = {k.id for k in KEYS if k.make is not None or k.act} - {"deck.keys"}
    assert {choice.key for choice in listed} == pressable
    for letter in letters:
        names = [name for choice in keys_of(letter, context()) for name in choice.names]
        assert len(names) == len(set(names))


def test_a_group_that_nobody_has_given_a_letter_gets_a_free_one() -> None:
    """Also where the first letters of its name are taken."""
    found = letters_of([Group.WALL, Group.TASK, Group.INBOX, Group.DIFF])
    assert found[Group.TASK] == "t"
    assert len(set(found.values())) == 4


def test_what_cannot_act_says_why() -> None:
    """In the words that pressing the key would say."""
    rows = {choice.key: choice for choice in keys_of("t", context("S-1"))}
    assert rows["task.retry"].refused
    assert "only an ended attempt can be retried" in rows["task.retry"].sentence
    assert not rows["task.stop"].refused


# --- pressing -----------------------------------------------------------------------------------


async def test_a_letter_opens_a_group_and_the_next_key_acts(tmp_path: Path) -> None:
    """As if it had been pressed alone: it sends, asks, or opens."""
    async with room(tmp_path, middle()) as deck:
        await deck.select("S-4")
        await deck.press("ctrl+k", "t", "r")
        assert deck.source.sent == [c.Retry(T("S-4"))]
        await deck.press("ctrl+k", "r", "Q")
        assert isinstance(deck.app.screen, Confirm)
        await deck.press("n", "ctrl+k", "k", "down", "up", "enter")
        assert isinstance(deck.app.screen, ChooseTheme)


async def test_other_keys_are_named_and_escape_leaves(tmp_path: Path) -> None:
    """Nothing acts by mistake; backspace goes back to the groups."""
    async with room(tmp_path, middle()) as deck:
        await deck.press("ctrl+k", "x")
        assert said(deck) == "x is no key of this list; esc leaves it"
        await deck.press("t", "backspace", "r", "escape")
        assert deck.app.screen is deck.app.room
        assert deck.source.sent == []


async def test_no_key_is_lost_that_is_typed_at_once(tmp_path: Path) -> None:
    """The keys behind it reach the popup though it was not drawn yet, and never the room."""
    async with room(tmp_path, middle()) as deck:
        await deck.select("S-4")
        for key in ("ctrl+k", "t", "r"):  # none waits for what the one before did
            deck.app._driver.send_message(key_event(key))  # type: ignore[union-attr]
        await deck.press()
        await deck.pilot.pause()
        assert deck.source.sent == [c.Retry(T("S-4"))]
        for key in ("colon", "q", "u"):
            deck.app._driver.send_message(key_event(key))  # type: ignore[union-attr]
        await deck.press()
        assert deck.app.screen.line.value == "qu"  # type: ignore[attr-defined]


def key_event(key: str) -> Key:
    return Key(key, key if len(key) == 1 else ":" if key == "colon" else None)


# --- what sentences call keys -------------------------------------------------------------------

REMAPPED = """\
[keys]
"run.pause" = "f9"
"task.approve" = ["ctrl+a", "Y"]
"task.merge" = ""
"task.retry_feedback" = "f7"
"deck.help" = "f8"
"view.plan" = "f6"
"""


def remapped(tmp_path: Path) -> Path:
    file = tmp_path / "keys.toml"
    file.write_text(REMAPPED, encoding="utf-8")
    return file


def test_texts_name_the_keys_that_the_person_has(tmp_path: Path) -> None:
    """The first of several; the palette for what has none; and so do the keys' own texts."""
    keys, problems = load_keys(remapped(tmp_path))
    assert problems == []
    shows = {key.id: key.show for key in keys}
    assert in_words(EMPTY_QUEUE, shows).endswith(
        "^a approves, the palette moves a task to the front."
    )
    assert "F7 sends all" in next(key.tooltip for key in keys if key.id == "diff.comment")
    assert spoken("␣") == "space"
    # no text of the table is left with a name that is no key
    assert not [key.id for key in (*keys, *KEYS) if "{" in key.tooltip or "{r" in key.show]
    assert {key.id for key in TABLE} == {key.id for key in KEYS}


async def test_a_remapped_deck_says_its_own_keys(tmp_path: Path) -> None:
    """In an empty pane, a toast, a title and the popup."""
    story = middle()
    app = DeckApp(
        write_run(story, tmp_path, logs=False), Recording(), clock=Clock(STARTED_AT + story.at),
        ascii_only=False, preload=story.history, keys_file=remapped(tmp_path),
    )  # fmt: skip
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        deck = app.room.moment()
        deck.state.paused = True
        assert "F9 lets it go on" in empty_sentence(deck)
        await pilot.press("?")
        await pilot.pause()
        assert [n.message for n in app._notifications] == [
            "? does nothing here; F8 shows the keys."
        ]
        assert keys_of("r", app.front.context)[0].shown == "F9"
        assert deck.key("view.plan") == "F6"


SHIPPED = re.compile(
    r"(?:^|[:;,.·(] )(?:[A-Za-z$!?*]|space) "
    r"(?:approves|copies|forgets|hands|lets|looks|makes|moves|opens|puts|raises|resumes|retries|"
    r"sends|shows|takes|tells|tries|turns)\b"
)
OF_A_WIDGET = ("c makes one", "D forgets all")  # these cannot be remapped


def test_no_sentence_names_a_key_as_it_was_shipped() -> None:
    """Whoever writes one uses its id; keys of a widget itself are the exception."""
    found = []
    for file in sorted(Path(keys_module.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                named = SHIPPED.search(node.value)
                if (
                    named
                    and "\n" not in node.value
                    and not any(w in node.value for w in OF_A_WIDGET)
                ):
                    found.append(f"{file.name}:{node.lineno}: {node.value[:80]}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("size", SIZES)
async def test_pictures(tmp_path: Path, size: str) -> None:
    """You should see the popup at the bottom right with the keys of the selected task S-4; those
    that cannot act faint, with "not now" and why; 200x60: the same, no wider.
    """

    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press("ctrl+k", "t")

    folder = write_run(middle(), tmp_path)
    how = {"size": SIZES[size], "selected": "S-4", "steps": steps}
    compare(f"which-key-{size}.svg", await draw(folder, middle().history, **how))  # type: ignore[arg-type]
