"""Two runs side by side: the comparison itself, the verb, and the page of the deck."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from tests.tui.compare_story import EARLIER, LATER, LATER_BY_S, earlier, later, within
from tests.tui.sample_journal import Story, finished, write_run
from tests.tui.test_room_keys import Room, room
from tests.tui.test_room_pictures import SIZES, compare, take
from textual.pilot import Pilot
from textual.widgets import OptionList

from agentdeck.cli.app import main
from agentdeck.control.runs import runs_root
from agentdeck.plans.reporting.compare import Comparison, Trend, compared, trend, trend_of
from agentdeck.plans.reporting.compare_words import as_markdown, cells_of
from agentdeck.plans.reporting.report import Report, report_of
from agentdeck.plans.reporting.told import told_by
from agentdeck.tui.presentation.compare import compare_lines
from agentdeck.tui.presentation.line import cells, text_of
from agentdeck.tui.screens.reading import Reading
from agentdeck.tui.screens.run_list import RunList
from agentdeck.tui.widgets.row_list import LinesView


def report(story: Story) -> Report:
    return report_of(told_by(story.history))


def both() -> Comparison:
    return compared(report(earlier()), report(later()))


def test_what_differs_most_stands_first_and_what_one_run_lacks_apart() -> None:
    """Another ending before any figure; then by time, tokens and money."""
    found = both()
    assert [row.task for row in found.tasks] == ["RETRY", "STORE", "GUIDE", "MODEL"]
    assert [row.task for row in found.only_first] == ["OLD"]
    assert [row.task for row in found.only_second] == ["NEW"]
    retry, store, guide, model = found.tasks
    assert (retry.first and retry.first.state, retry.second and retry.second.state) == (
        "failed",
        "landed",
    )
    assert (retry.first and retry.first.result) == "gate lint failed (exit 1)"
    assert trend_of(retry, "state") is Trend.BETTER
    assert trend_of(retry, "gates_red") is Trend.BETTER
    assert (store.brief_changed, guide.brief_changed) == (True, False)
    assert trend_of(store, "seconds") is Trend.WORSE
    assert trend_of(guide, "attempts") is Trend.BETTER
    assert model.differs == []


def test_sums_are_those_of_the_reports() -> None:
    """Makespan, landed, failed, tries, tokens, cost and red gates, each with its trend."""
    first, second = report(earlier()), report(later())
    totals = {one.name: one for one in compared(first, second).totals}
    for name, field in (
        ("landed", "landed"), ("makespan", "elapsed_s"), ("work", "seconds"),
        ("attempts", "attempts"), ("tokens", "tokens"), ("cost", "usd"), ("gates red", "gates_red"),
    ):  # fmt: skip
        assert totals[name].first == getattr(first.totals, field), name
        assert totals[name].second == getattr(second.totals, field), name
    assert (totals["failed"].first, totals["failed"].second) == (1, 0)
    assert totals["failed"].trend is Trend.BETTER
    assert totals["attempts"].trend is Trend.BETTER


def test_a_run_beside_itself_differs_in_nothing() -> None:
    """And the other way round each trend is turned."""
    mine = report(earlier())
    same = compared(mine, mine)
    assert all(not row.differs and not row.weight for row in same.tasks)
    assert all(one.trend is Trend.SAME for one in same.totals)
    turned = {Trend.BETTER: Trend.WORSE, Trend.WORSE: Trend.BETTER}
    back = {one.name: one.trend for one in compared(report(later()), mine).totals}
    for one in both().totals:
        assert back[one.name] is turned.get(one.trend, one.trend), one.name


def test_small_noise_is_no_difference_and_what_is_unknown_is_none() -> None:
    """Five in a hundred of a figure; a small count always is one."""
    assert trend(100.0, 104.0) is Trend.SAME
    assert trend(100.0, 106.0) is Trend.WORSE
    assert trend(1, 2) is Trend.WORSE
    assert trend(None, 5.0) is Trend.SAME
    assert trend(0.0, 0.0) is Trend.SAME


def test_columns_are_aligned_at_their_arrows() -> None:
    """And an ending with a long reason is cut."""
    rows = both().tasks
    for column in range(1, 7):
        places = {row[column].text.find("→") for row in cells_of(rows)} - {-1}
        assert len(places) <= 1, column
    assert all(len(cell.text) < 100 for row in cells_of(rows) for cell in row)


def test_runs_without_a_task_in_common_are_said_to_be_of_other_plans() -> None:
    found = compared(report(earlier()), report(finished()))
    assert found.tasks == []
    assert "different plans" in as_markdown(found)


@pytest.mark.parametrize("width", [40, 74, 110, 146, 190])
def test_the_page_fits_every_width_and_keeps_the_ids(width: int) -> None:
    lines = compare_lines(both(), width)
    assert all(cells(line) <= width for line in lines)
    shown = "\n".join(text_of(line) for line in lines)
    for name in ("RETRY", "STORE ≠", "GUIDE", "OLD", "NEW", "1 task is the same in both"):
        assert name in shown
    assert "✖ → ✔" in shown


@pytest.fixture
def two_runs(tmp_path: Path) -> Path:
    """The repository of two runs, which stand where the command line looks for them."""
    repo = tmp_path / "repo"
    for story, by_s in ((earlier(), 0.0), (later(), LATER_BY_S)):
        write_run(within(story, repo, by_s), runs_root(), logs=False)
    return repo


def test_the_verb_compares_as_table_markdown_csv_and_json(
    two_runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run may be named by how it begins."""
    where = ["-C", str(two_runs), "compare", EARLIER, LATER]

    def said(*more: str) -> str:
        assert main([*where, *more]) == 0
        return capsys.readouterr().out

    table = said()
    assert "RETRY" in table
    assert "failed → landed" in table
    assert "MODEL" not in table
    assert "MODEL" in said("--all")
    assert "| RETRY | failed → landed |" in said("--as", "markdown")
    data = json.loads(said("--json"))
    assert data["kind"] == "agentdeck-comparison"
    assert [row["task"] for row in data["tasks"]] == ["RETRY", "STORE", "GUIDE", "MODEL"]
    rows = list(csv.DictReader(io.StringIO(said("--as", "csv"))))
    assert [row["task"] for row in rows][-2:] == ["OLD", "NEW"]
    assert (rows[0]["a_state"], rows[0]["b_state"]) == ("failed", "landed")
    assert rows[0]["b_result"].startswith("'+")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((EARLIER, EARLIER), "with itself"),
        ((EARLIER, "nope"), "no run"),
        ((EARLIER, "hooks"), "fits several"),
        ((EARLIER, LATER, "--json", "--as", "csv"), "exclude each other"),
    ],
)
def test_what_cannot_be_compared_says_why(
    two_runs: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], why: str
) -> None:
    assert main(["-C", str(two_runs), "compare", *words]) != 0
    assert why in capsys.readouterr().err


def page(deck: Room) -> str:
    view = deck.app.screen.query_one(LinesView)
    return "\n".join(strip.text for strip in view.render_lines(view.size.region))


async def test_the_key_offers_the_other_runs_and_shows_both(two_runs: Path, tmp_path: Path) -> None:
    """The older one first, whichever is open; escape goes back."""
    mine = within(later(), two_runs, LATER_BY_S)
    async with room(tmp_path / "d", mine) as deck:
        await deck.press("X")
        dialog = deck.app.screen
        assert isinstance(dialog, RunList)
        rows = [str(option.prompt) for option in dialog.query_one(OptionList).options]
        assert rows == [f"{EARLIER}  2026-01-01 12:00  webhooks"]
        await deck.press("enter")
        assert isinstance(deck.app.screen, Reading)
        assert f"A  {EARLIER}: webhooks" in page(deck)
        assert "✖ → ✔" in page(deck)
        await deck.press("escape")
        assert deck.app.screen.id == "room"


async def test_a_journal_that_cannot_be_read_says_so(two_runs: Path, tmp_path: Path) -> None:
    """On the page, and the deck goes on."""
    async with room(tmp_path / "d", within(later(), two_runs, LATER_BY_S)) as deck:
        await deck.press("X")
        (runs_root() / EARLIER / "journal.db").write_bytes(b"no journal" * 500)
        await deck.press("enter")
        assert isinstance(deck.app.screen, Reading)
        assert "→" not in page(deck)
        assert page(deck).strip()


async def test_without_another_run_the_key_says_how_to_get_one(tmp_path: Path) -> None:
    async with room(tmp_path / "d", within(later(), tmp_path / "alone")) as deck:
        await deck.press("X")
        assert "no other run yet" in deck.toasts[-1]
        assert deck.app.screen.id == "room"


@pytest.mark.parametrize("size", SIZES)
async def test_picture_of_two_runs(two_runs: Path, tmp_path: Path, size: str) -> None:
    """You should see both runs named, sums with their changes in colour (better green, worse
    red), RETRY first with ✖ → ✔, STORE with ≠, and what only one run has below.
    """

    async def open_it(pilot: Pilot[None]) -> None:
        await pilot.press("X")
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        await pilot.press("enter")
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()

    mine = within(later(), two_runs, LATER_BY_S)
    picture = await take(tmp_path / "d", mine, size, ".svg", steps=open_it)
    compare(f"compare-{size}.svg", picture)
