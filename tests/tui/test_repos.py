"""One deck over several repositories: tags, queues one under the other, filter and search."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from tests.tui.sample_journal import STARTED_AT, Story, middle, task
from tests.tui.test_room_keys import room
from tests.tui.test_room_pictures import compare, take

from agentdeck.core import events as e
from agentdeck.core.events import Verdict
from agentdeck.core.ids import EntryId, GateName, RepoName, TaskId
from agentdeck.core.plan import Gate, GateWhen, Phase, Plan, Repo
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.graph_label import graph_label, label_cells
from agentdeck.tui.presentation.line import text_of
from agentdeck.tui.presentation.marking import Filter, matching, options_of, words_of
from agentdeck.tui.presentation.merge_queue import queue_row, queue_rows, queue_title
from agentdeck.tui.presentation.outline import outline_row
from agentdeck.tui.presentation.train_rows import TrainView
from agentdeck.tui.screens.mark_dialog import Cycle, TasksBy

T = TaskId
WEB = RepoName("web")


def shop() -> Plan:
    """Sessions of a shop, in its server and its client."""
    gates = (
        Gate(GateName("unit"), ("true",), (GateWhen.MERGE,)),
        Gate(GateName("e2e"), ("true",), (GateWhen.MERGE,), repos=("web",)),
        Gate(GateName("lint"), ("true",), (GateWhen.TASK,)),
    )
    tasks = (
        task("API-1", "Serve sessions under /v2", phase="s"),
        task("API-2", "Expire sessions", phase="s"),
        task("API-3", "Count sessions", phase="s"),
        task("WEB-1", "Read sessions from /v2", phase="s"),
        task("WEB-2", "Show who is logged in", after="API-1", phase="s"),
        task("WEB-3", "A new header", phase="s"),
    )
    placed = [
        msgspec.structs.replace(one, repo=WEB if one.id.startswith("WEB") else None)
        for one in tasks
    ]
    placed[0] = msgspec.structs.replace(placed[0], land_with=(T("WEB-1"),))
    return Plan(
        name="Shop: sessions",
        tasks=tuple(placed),
        gates=gates,
        phases=(Phase("s", "Sessions"),),  # type: ignore[arg-type]
        repos=(Repo(WEB, "../web"),),
        agents_limit=4,
    )


def waiting() -> Story:
    """API-1 waits for WEB-1, which works; API-2 and WEB-3 are gated, each in its repository."""
    told = Story(shop())
    for name in ("API-1", "API-2", "WEB-3"):
        told.start(name)
        told.wait(60)
        told.progress(name, 12_000, 0.2)
        told.end(name)
        told.propose(name)
        told.queue(name)
    told.start("WEB-1")
    for name in ("API-2", "WEB-3"):
        told.build(name)
    told.gate("unit", told.state.queue[EntryId("WEB-3.1")].build.tree)  # type: ignore[union-attr]
    told.wait(40)
    told.progress("WEB-1", 8_000, 0.1, "Edit src/session.ts")
    return told


def deck_of(told: Story) -> Deck:
    return Deck(told.state, STARTED_AT + told.at, frozen=True)


def queue_of(told: Story, width: int = 80) -> list[str]:
    deck = deck_of(told)
    return [text_of(queue_row(deck, key, width)).rstrip() for key in queue_rows(deck)]


def test_the_queues_stand_one_under_the_other_each_with_its_name() -> None:
    """You should see the plan's own queue first, in which API-1 waits for WEB-1 and API-2 is being
    gated, and below it that of web, each counted from one.
    """
    rows = queue_of(waiting())
    assert [row[:18] for row in rows] == [
        " 1 ◷ API-1      0/",
        " 2 ◑ API-2      0/",
        " 1 ◑ WEB-3  web 1/",
    ]
    assert "waits to land together with WEB-1, which is working" in rows[0]
    assert rows[1].endswith("on webhooks")
    assert "e2e ◐" in rows[2]


def test_the_whole_queue_has_a_train_for_each_repository() -> None:
    """You should see two targets, each with its tip, its cars and who waits for them."""
    view = TrainView(deck_of(waiting()))
    shown = [text_of(view.row(key, 100)).rstrip() for key in view.keys]
    heads = [row for row in shown if "▶" in row]
    assert heads[0].startswith(" ▶ deck/webhooks  ")
    assert heads[1].startswith(" ▶ deck/webhooks of web  ")
    assert sum("car 1" in row for row in shown) == 2
    assert len(set(view.keys)) == len(view.keys)
    assert all(key.startswith("+") for key in view.headings)


def test_a_group_says_that_it_waits_for_each_other() -> None:
    """You should see that API-1 is green, and why it has not landed yet."""
    told = waiting()
    told.end("WEB-1")
    told.propose("WEB-1")
    told.queue("WEB-1")
    for name in ("API-2", "WEB-3"):  # they go past, and leave the targets to the group
        told.tell(e.TaskHeld(T(name), "you"))
    told.gate("unit", told.build("API-1"))
    told.build("WEB-1")
    row = next(row for row in queue_of(told, 120) if "API-1" in row)
    assert "unit ✔" in row
    assert "is green and waits to land together with WEB-1" in row


def test_promotions_are_told_for_all_repositories() -> None:
    told = Story(shop())
    told.through("API-2", 60)
    told.through("WEB-3", 60)
    told.tell(e.PromoteAsked("you"), e.PromoteWaiting("x.ts has local changes", WEB))
    assert text_of(queue_title(deck_of(told))) == "on its way into main"
    told.tell(e.Promoted(told.state.tip, "ref"))
    assert "into trunk of web: x.ts has local changes" in text_of(queue_title(deck_of(told)))
    told.tell(e.Promoted(told.state.repos[WEB].tip, "ref", WEB))
    assert text_of(queue_title(deck_of(told))) == "✔ all in main, trunk of web"


def test_tasks_of_other_repositories_are_tagged() -> None:
    """You should see `web` behind the ids in the graph, and a column of names in the outline."""
    deck = deck_of(waiting())
    assert text_of(graph_label(deck, T("WEB-3"), 0)).endswith("WEB-3 web")
    assert text_of(graph_label(deck, T("API-2"), 0)).endswith("API-2")
    assert label_cells("WEB-3", 0, "web") == label_cells("WEB-3", 0) + 4
    assert "WEB-3  web A new header" in text_of(outline_row(deck, "WEB-3", 60))
    assert "API-2      Expire sessions" in text_of(outline_row(deck, "API-2", 60))


def test_a_filter_by_repository() -> None:
    """It is one of the choices only where there is more than one repository."""
    deck = deck_of(waiting())
    assert options_of(deck).repos == [(".", "."), ("web", "web")]
    assert matching(deck, Filter(repo="web")) == ["WEB-1", "WEB-2", "WEB-3"]
    assert matching(deck, Filter(ids="*-1", repo=".")) == ["API-1"]
    assert words_of(Filter(state="working", repo="web")) == "working · repo:web"
    assert list(options_of(deck_of(middle())).repos) == []


async def test_the_filter_dialog_has_the_repositories(tmp_path: Path) -> None:
    async with room(tmp_path, waiting()) as deck:
        await deck.press("f")
        dialog = deck.app.screen
        assert isinstance(dialog, TasksBy)
        assert len(dialog.query(Cycle)) == 4
        dialog.query(Cycle).last().focus()
        await deck.press("right", "right", "enter")
        assert deck.app.room.moment().only is not None
        assert deck.app.room.moment().only.words == "repo:web"  # type: ignore[union-attr]
    async with room(tmp_path / "one", middle()) as deck:
        await deck.press("f")
        assert len(deck.app.screen.query(Cycle)) == 3


@pytest.mark.parametrize("size", ["80x24", "120x36"])
async def test_a_deck_over_two_repositories(tmp_path: Path, size: str) -> None:
    """You should see `web` behind WEB-1, WEB-2 and WEB-3, and in 120x36 both queues: API-1 waits to
    land together with WEB-1, API-2 and WEB-3 are gated.
    """
    compare(f"repos-{size}.svg", await take(tmp_path, waiting(), size, ".svg", selected="API-1"))


def test_a_red_side_names_the_other() -> None:
    told = waiting()
    told.gate("unit", told.state.queue[EntryId("API-2.1")].build.tree, Verdict.FAILED)  # type: ignore[union-attr]
    assert "red" in queue_of(told)[1] or "✖" in queue_of(told)[1]
