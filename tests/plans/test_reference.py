"""The pages about the plan file say what the reader does."""

from __future__ import annotations

import json
import re
from pathlib import Path

from agentdeck.plans.keys import SECTIONS, Kind
from agentdeck.plans.reader import read_plan
from agentdeck.plans.reference import plan_reference
from agentdeck.plans.reference_text import EXAMPLES, NOTES, UNSAID
from agentdeck.plans.schema import schema_document

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_made_from_the_table_of_keys() -> None:
    """If this fails: `python -m agentdeck.plans.reference > docs/plan.md`."""
    assert (DOCS / "plan.md").read_text(encoding="utf-8") == plan_reference()


def test_the_published_schema_is_the_one_made_from_the_table_of_keys() -> None:
    """If this fails: `python -m agentdeck.plans.schema > docs/plan.schema.json`."""
    text = (DOCS / "plan.schema.json").read_text(encoding="utf-8")
    assert text == schema_document()
    assert json.loads(text)["$schema"] == "http://json-schema.org/draft-07/schema#"


def test_the_examples_together_are_one_plan_with_every_section() -> None:
    """What a reader of the page copies works."""
    assert list(EXAMPLES) == [section.name for section in SECTIONS]
    plan = read_plan("version = 1\n" + "\n".join(EXAMPLES.values()), file="plan.toml")
    assert plan.phases[0].sync
    assert plan.settings(plan.tasks[1].id).model == "haiku"


def test_the_plan_of_the_introduction_reads() -> None:
    """The smallest plan is whole."""
    block = re.search(r"```toml\n(.*?)```", plan_reference(), re.DOTALL)
    assert block
    assert len(read_plan(block[1], file="plan.toml").tasks) == 1


def test_every_key_has_its_row_and_no_text_is_about_a_key_that_is_gone() -> None:
    """Each row: key, value, what holds without it, meaning."""
    names = {f"{section.name}.{key.name}" for section in SECTIONS for key in section.keys}
    inner = {
        f"{section.name}.{key.name}.{other.name}"
        for section in SECTIONS
        for key in section.keys
        if key.kind is Kind.TABLE
        for other in key.keys
    }
    assert set(UNSAID) <= names | inner
    assert set(NOTES) <= set(EXAMPLES)
    page = plan_reference()
    for section in SECTIONS:
        own = page.split(f"`{section.shape.value.replace('name', section.name)}`\n\n")[1]
        own = own.split("\n## ")[0]
        for key in section.keys:
            row = rf"^\| `{key.name}` \| [^|]+ \| [^|]+ \| [^|]+ \|$"
            assert bool(re.search(row, own, re.MULTILINE)) is not key.later, key.name


def test_the_page_names_the_defaults_of_the_model() -> None:
    """Not a list kept by hand."""
    page = plan_reference()
    assert '| `timeout` | [duration](#durations) | `"2h"` |' in page
    assert '| `when` | `"preflight"`, `"task"`' in page
    assert '; or a list of them | `"merge"` | Where it runs. |' in page
    assert "| `agents` | whole number, 1 to 1000 | `4` | Agents at once. |" in page
