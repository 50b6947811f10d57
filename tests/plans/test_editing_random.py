"""Many small plans, written in many ways, each edited once: nothing else of them is lost."""

from __future__ import annotations

from functools import partial
from random import Random

import pytest

from agentdeck.core.errors import DeckError
from agentdeck.plans.editing import verbs
from agentdeck.plans.editing.verbs import Verb, edited
from agentdeck.plans.problems import PlanProblems
from agentdeck.plans.reader import read_plan

HEAD = 'version = 1\n[plan]\nname = "x"\n\n[[phase]]\nid = "p1"\n[[phase]]\nid = "p2"\n'
ABOVE = ("", "\n", "\n\n", "# above\n", "\n# two\n# lines\n", "\n# apart\n\n")
BELOW = ("", "", "", "# below\n", '\n[task.env]\nA = "1" # why\n', '[task.env]\nA = "1"\n')
ENDS = ("", "", "\n\n", "# the end", '\n[[note]]\nkind = "remark"\ntext = "x"\n')


def written(random: Random) -> tuple[str, int]:
    """A plan of one to seven tasks, and how many there are."""
    count = random.randint(1, 7)
    text = HEAD + "".join(_task(random, number) for number in range(count)) + random.choice(ENDS)
    text = text.rstrip("\n") if random.random() < 0.3 else text
    return text.replace("\n", "\r\n") if random.random() < 0.3 else text, count


def _task(random: Random, number: int) -> str:
    lines = [f'id = "T{number}"', f'title = "t{number}" {random.choice(("", "# said"))}'.rstrip()]
    needed = [f"T{other}" for other in range(number) if random.random() < 0.4]
    if needed:
        quoted = [f'"{name}"' for name in needed]
        marks = [f"  {name},{random.choice(('', ' # because'))}\n" for name in quoted]
        one_line = random.choice((f"[{', '.join(quoted)}]", f"[ {' , '.join(quoted)}, ]"))
        own_lines = "[\n" + "".join(marks) + "]"
        lines.append(f"after = {random.choice((one_line, own_lines))}")
    if random.random() < 0.5:
        lines.append(f'phase = "{random.choice(("p1", "p2"))}"')
    if random.random() < 0.3:
        lines.append('prompt = """\n[[task]]\nonly text\n"""')
    head = f"[[task]]{random.choice(('', '  # head'))}\n"
    body = "\n".join(lines) + "\n"
    return random.choice(ABOVE) + head + body + random.choice(BELOW)


def an_edit(random: Random, count: int) -> tuple[str, Verb, str, str]:
    """The name of a verb, the verb, and the two tasks it is about."""
    one, two = (f"T{random.randrange(count)}" for _ in range(2))
    word = random.choice(("title=x", "files+=a,b", "phase=p2", "env.B=2", "priority=3"))
    new = {"title": "n", "phase": random.choice(("p1", "p2")), "after": [two]}
    edits: dict[str, Verb] = {
        "phase": partial(verbs.move, name=one, phase="p1"),
        "before": partial(verbs.move, name=one, before=two),
        "behind": partial(verbs.move, name=one, behind=two),
        "set": partial(verbs.assign, name=one, words=[word]),
        "add": partial(verbs.add, name="N", values=new),
        "link": partial(verbs.link, name=one, needed=two),
        "unlink": partial(verbs.unlink, name=one, needed=two),
        "split": partial(verbs.split, name=one, parts=["X", "Y"], parallel=random.random() < 0.5),
        "drop": partial(verbs.drop, name=one, relink=True),
    }
    name = random.choice(sorted(edits))
    return name, edits[name], one, two


def comments(text: str) -> list[str]:
    return sorted(line.split("#", 1)[1].strip() for line in text.splitlines() if "#" in line)


@pytest.mark.parametrize("seed", range(12))
def test_comments_order_and_line_endings_outlive_every_edit(seed: int) -> None:
    random = Random(seed)
    done = 0
    for _ in range(40):
        text, count = written(random)
        name, verb, one, two = an_edit(random, count)
        try:
            before = read_plan(text, file="p")
            after = edited(text, verb, file="p")
        except (PlanProblems, DeckError):
            continue  # a phase that waits for a later one, a link that is there already
        done += 1
        ids = [str(task.id) for task in after.plan.tasks]
        if name in ("phase", "before", "behind", "set", "add", "link"):
            assert comments(after.after) == comments(text), (name, text, after.after)
        if name in ("phase", "before", "behind"):
            assert sorted(ids) == sorted(before.by_id)
        if name == "before":
            assert ids.index(one) + 1 == ids.index(two), (text, after.after)
        if name == "behind":
            assert ids.index(one) == ids.index(two) + 1, (text, after.after)
        if "\r\n" in text:
            assert after.after.count("\n") == after.after.count("\r\n")
        assert "\n\n\n\n" not in after.after.replace("\r", ""), (name, text, after.after)
    assert done > 10
