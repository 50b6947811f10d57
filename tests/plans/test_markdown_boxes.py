"""Streams in drawn boxes: every style of box gives the same tasks, and nothing crashes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.core.plan import Strategy
from agentdeck.plans.imports.draft import Draft, Heard
from agentdeck.plans.imports.markdown.cells import read_columns
from agentdeck.plans.imports.markdown.chains import read_chains, read_trees
from agentdeck.plans.imports.markdown.document import read_markdown
from agentdeck.plans.imports.markdown.grids import read_drawings, read_grid
from agentdeck.plans.imports.markdown.shortened import complete, fits
from agentdeck.plans.imports.markdown.spans import span_of
from agentdeck.testing.counted_calls import calls_of

WEEK_S = 604_800.0

SINGLE = """\
┌───────────────────────────────────┐
│              WEEK 1-2             │
├─────────────────┬─────────────────┤
│ Stream A        │ Stream B        │
│ (Pool: fast)    │ (Pool: slow)    │
│ ─────────────── │ ─────────────── │
│ Agent: parser   │ Agent: painter  │
│ Task: Parse     │ Task: Paint     │
│ ─────────────── │ ─────────────── │
│ • read words    │ • mix colours   │
│ • build a tree  │                 │
│                 │ Files:          │
│                 │ • src/paint.py  │
└─────────────────┴─────────────────┘
"""
DOUBLE = SINGLE.translate(str.maketrans("┌─┐│├┬┤└┴┘", "╔═╗║╠╦╣╚╩╝"))
HEAVY = SINGLE.translate(str.maketrans("┌─┐│├┬┤└┴┘", "┏━┓┃┣┳┫┗┻┛"))
ASCII = SINGLE.translate(str.maketrans("┌─┐│├┬┤└┴┘", "+-+|++++++"))
NO_RIGHT_BORDER = "\n".join(line.rstrip("│").rstrip() for line in SINGLE.split("\n"))
CROOKED = SINGLE.replace("│ Stream B        │", "│  Stream B │").replace(
    "│ Agent: parser   │", "│ Agent: parser│"
)
INDENTED = "\n".join(f"    {line}" for line in SINGLE.split("\n"))
TABS = SINGLE.replace("│ • read words    │", "│\t• read words│")
APART = """\
┌──────────────────┐   ┌──────────────────┐
│ Stream A         │   │ Stream B         │
│ Agent: parser    │──►│ Agent: painter   │
│ Task: Parse      │   │ Task: Paint      │
│ • read words     │   │ • mix colours    │
│ • build a tree   │   │ Files:           │
│                  │   │ • src/paint.py   │
└──────────────────┘   └──────────────────┘
"""
INSIDE = "\n".join(
    [
        "┌─────────────────────────────────────────────────┐",
        "│ WEEK 1-2                                        │",
        *(f"│  {line:<45}  │" for line in APART.rstrip().split("\n")),
        "└─────────────────────────────────────────────────┘",
    ]
)


def imported(text: str) -> Draft:
    return read_markdown(text, file="plan.md")


def fenced(box: str, *, heading: str = "## Week 1-2: Words") -> str:
    return f"# Plan\n\n{heading}\n\n```\n{box}\n```\n"


@pytest.mark.parametrize(
    "box",
    [SINGLE, DOUBLE, HEAVY, ASCII, NO_RIGHT_BORDER, CROOKED, INDENTED, TABS, APART, INSIDE],
    ids=[
        *("single", "double", "heavy", "ascii", "no right border", "crooked", "indented", "tabs"),
        *("apart", "inside"),
    ],
)
def test_every_style_of_box_gives_the_same_tasks(box: str) -> None:
    """Borders are drawn in many ways, and rarely straight."""
    draft = imported(fenced(box))
    assert [task.title for task in draft.tasks] == ["Parse", "Paint"]
    parse, paint = draft.tasks
    assert (parse.agent, paint.agent) == ("parser", "painter")
    assert parse.prompt == "Parse\n\n- read words\n- build a tree"
    assert paint.prompt == "Paint\n\n- mix colours"
    assert paint.files == ["src/paint.py"]
    assert {task.estimate_s for task in draft.tasks} == {2 * WEEK_S}
    assert len(draft.phases) == 1


def test_pools_stand_in_parentheses_behind_or_below_the_head() -> None:
    """`Stream A (Pool: x)` on one line or on two."""
    box = "┌──────────────┬──────────────┐\n│ Stream A (Pool: one) │ Stream B │\n"
    box += "│ Task: X │ (Pool: two) │\n│ │ Task: Y │\n└──────┴──────┘"
    draft = imported(fenced(box))
    assert [(task.title, task.pool) for task in draft.tasks] == [("X", "one"), ("Y", "two")]


def test_wide_characters_do_not_move_the_columns() -> None:
    """A wide character takes two columns on the screen; a bar in the text is no border."""
    box = """\
┌──────────────────┬──────────────────┐
│ Stream A         │ Stream B         │
│ Task: 解析器     │ Task: 画家       │
│ • 読む書く解析器 │ • a │ b          │
│ • 書く           │ • 塗る           │
└──────────────────┴──────────────────┘"""
    draft = imported(fenced(box))
    assert [task.title for task in draft.tasks] == ["解析器", "画家"]
    assert draft.tasks[0].prompt == "解析器\n\n- 読む書く解析器\n- 書く"
    assert draft.tasks[1].prompt == "画家\n\n- a │ b\n- 塗る"


def test_text_that_goes_over_several_lines_is_joined() -> None:
    """Columns are narrow, so values and steps are broken."""
    box = "┌────────┐\n│ Stream A │\n│ Task: Semantic │\n│ Search │\n│ ─── │\n"
    box += "│ • find things │\n│   that are near │\n└────────┘"
    (task,) = imported(fenced(box)).tasks
    assert task.title == "Semantic Search"
    assert task.prompt == "Semantic Search\n\n- find things that are near"


def test_keys_without_a_field_are_kept_as_written() -> None:
    """What fits no field is kept, and what has a field is understood."""
    box = "┌────────┐\n│ Track 2: API │\n│ Owner: backend │\n│ Time: 3h │\n│ Model: Sonnet │\n"
    box += "│ Risk: high │\n│ Budget code: X-17 │\n│ Tokens: 15K │\n└────────┘"
    (task,) = imported(fenced(box, heading="## Phase 1: Build")).tasks
    assert task.title == "API"
    assert (task.agent, task.model, task.risk) == ("backend", "sonnet", "high")
    assert (task.estimate_s, task.tokens) == (3 * 3600.0, 15_000)
    assert task.meta["Budget code"] == "X-17"


def test_several_weeks_in_one_drawing_are_several_phases() -> None:
    """A head that goes across begins a new group; dependencies name streams of other weeks."""
    box = """\
┌───────────────────┐
│       WEEK 1      │
├─────────┬─────────┤
│ Stream A│ Stream B│
│ Task: X │ Task: Y │
├─────────┴─────────┤
│       WEEK 2      │
├─────────┬─────────┤
│ Stream A│ Stream B│
│ Task: Z │ Task: W │
│ Depends on: Week 1 Stream A + Stream B results │ Needs: Stream A │
└─────────┴─────────┘"""
    draft = imported(fenced(box, heading="## The work"))
    assert [(task.title, task.phase) for task in draft.tasks] == [
        ("X", draft.phases[0].key),
        ("Y", draft.phases[0].key),
        ("Z", draft.phases[1].key),
        ("W", draft.phases[1].key),
    ]
    assert draft.tasks[2].after == ["Week 1 Stream A", "Week 1 Stream B"]
    assert draft.tasks[3].after == ["Week 2 Stream A"]
    assert draft.tasks[0].aliases == ["Week 1 Stream A"]
    assert draft.strategy is Strategy.WAVES


def test_boxes_of_an_architecture_are_no_tasks() -> None:
    """A drawing without streams, tasks and agents is left, and said to be left."""
    drawing = "┌─────┐   ┌─────┐\n│ API │──►│ DB  │\n└─────┘   └─────┘"
    draft = imported(fenced(drawing, heading="## Architecture"))
    assert draft.tasks == []
    assert any(remark.heard is Heard.LEFT for remark in draft.remarks)


def test_words_below_a_box_can_make_a_sync_point() -> None:
    """`(Both streams must complete)` is a barrier; other words are left."""
    joined = imported(fenced(SINGLE + "        │\n        ▼ (Both streams must complete)\n"))
    assert [phase.sync for phase in joined.phases] == [True]
    other = imported(fenced(SINGLE + "        ▼\n   Same backend ────►\n"))
    assert [phase.sync for phase in other.phases] == [False]
    assert any("Same backend" in r.text and r.heard is Heard.LEFT for r in other.remarks)


TABLE = """
**Agent Assignments:**
| Stream | Agent | Model | Skills | Pool | Rationale |
|---|---|---|---|---|---|
| A | word-parser | Sonnet | grammar, trees | fast-lane | knows words |
| B | sculptor | Haiku | — | slow | cheap |
| C | nobody | Haiku | — | slow | cheap |
"""


def test_the_table_beside_a_box_completes_it() -> None:
    """Cut names are completed, other settings are added; two names for one thing are remarked."""
    draft = imported(fenced(SINGLE.replace("Agent: parser", "Agent: word-pa")) + TABLE)
    parse, paint = draft.tasks
    assert (parse.agent, parse.model, parse.pool) == ("word-parser", "sonnet", "fast-lane")
    assert parse.skills == ["grammar", "trees"]
    assert parse.meta["rationale"] == "knows words"
    assert paint.agent == "painter"
    assert [agent.name for agent in draft.agents] == ["word-parser", "painter"]
    rules = {(remark.rule, remark.heard) for remark in draft.remarks}
    assert ("shortened-name", Heard.GUESSED) in rules
    left = [remark.text for remark in draft.remarks if remark.heard is Heard.LEFT]
    assert "task 'Paint': agent 'painter' in the box, 'sculptor' in the table" in left
    assert "Week 1-2: Words has no stream C" in left


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("data-sci", "data-scientist"),
        ("mahav.", "mahavishnu"),
        ("git-workflow-mgr", "git-workflow-manager"),
        ("akosha", "soothsayer (akosha)"),
        ("swift-exp", "swift-expert"),
    ],
)
def test_shortened_names_fit(short: str, full: str) -> None:
    """Words begin or abbreviate the words of the whole name."""
    assert fits(short, full)
    assert not fits(full, short)


def test_a_name_that_could_be_two_is_not_completed() -> None:
    """A wrong agent is worse than a short name."""
    assert complete("back", ["backend-dev", "backup-agent"]) is None
    assert complete("backe", ["backend-dev", "backup-agent"]) == "backend-dev"


def test_weeks_count_both_ends() -> None:
    """`WEEK 12-16` are five weeks; a span that goes backwards is none."""
    span = span_of("WEEK 12-16 (PARALLEL)")
    assert span is not None
    assert (span.name, span.length_s) == ("Week 12-16", 5 * WEEK_S)
    assert span_of("Week 9-3") is None
    assert span_of("weekend 3") is None


def test_an_arrow_chain_orders_tasks_only_when_nothing_else_does() -> None:
    """Arrows are a guess; a stated dependency anywhere makes them evidence only."""
    arrows = "\n## Order\n\n```\nParse (2h) → Paint (1h)\n```\n"
    guessed = imported(fenced(SINGLE) + arrows)
    assert guessed.tasks[1].after == ["Parse"]
    assert ("arrow-chain", Heard.GUESSED) in {(r.rule, r.heard) for r in guessed.remarks}
    stated = SINGLE.replace("│ • build a tree  │", "│ Needs: Stream B │")
    assert imported(fenced(stated) + arrows).tasks[1].after == []
    option = arrows.replace("## Order", "## Option A: Sequential")
    assert imported(fenced(SINGLE) + option).tasks[1].after == []
    loop = arrows.replace("(1h)", "(1h) → Parse")
    assert [task.after for task in imported(fenced(SINGLE) + loop).tasks] == [[], []]


def test_chains_and_trees_keep_names_asides_and_notes_apart() -> None:
    """Claims are made of them, so every part must be told apart."""
    (chain,) = read_chains(["A-1 (30min)", "  ↓", "B-2 (4hr) ←── the key", "  ▼", "C-3"])
    assert [(s.text, s.aside, s.note, s.line) for s in chain.steps] == [
        ("A-1", "30min", "", 0),
        ("B-2", "4hr", "the key", 2),
        ("C-3", "", "", 4),
    ]
    (tree,) = read_trees(
        ["After A-1:", "├── X-1 ──┐", "├── X-2 ──┼── 2 in parallel", "└── X-3 ──┘"]
    )
    assert (tree.head, tree.note) == ("After A-1:", "2 in parallel")
    assert [step.text for step in tree.steps] == ["X-1", "X-2", "X-3"]


SOUP = st.text(alphabet="│┃║|┌┬┐├┼┤└┴┘╔╦╗╚╝─═-=+→↓▼◄ \n\tA1:•*(解)", max_size=400)


@given(SOUP)
def test_no_soup_of_box_characters_crashes(soup: str) -> None:
    """Any lines are read, and what was read lies inside them."""
    lines = soup.split("\n")
    for box in read_drawings(lines):
        assert 0 <= box.first <= box.last < len(lines)
        read_columns(box.columns)
    grid = read_grid(lines)
    assert grid is None or all(len(row.texts) == len(grid.heads.texts) for row in grid.rows)
    for chain in read_chains(lines):
        assert all(step.text for step in chain.steps)
    read_trees(lines)
    draft = imported(fenced(soup))
    assert all(task.title for task in draft.tasks)


BOX = "┌──┬──┐\n│ Stream A │ Stream B │\n├──┼──┤\n│ Agent: x │ Agent: y │\n└──┴──┘\n"


@pytest.mark.parametrize(
    "unit",
    [
        *("│", "│ x ", "─", "┌───┐\n", "│ ┌───┐ │\n", "→", "A → B\n", "A\n↓\n", "├── X ──┐\n"),
        *("+--+\n| a |\n", "(", "│ Key: x\n", BOX, f"```\n\n## Week 1\n```\n{BOX}"),
    ],
)
def test_hostile_boxes_take_linear_work(unit: str) -> None:
    """Eight times the text, less than sixteen times the calls; a square would be sixty-four."""
    small, large = (fenced("┌───┐\n" + unit * (size // len(unit))) for size in (2_000, 16_000))
    imported(small)  # what is made once for all
    few, many = calls_of(lambda: imported(small)), calls_of(lambda: imported(large))
    assert many < 16 * few
