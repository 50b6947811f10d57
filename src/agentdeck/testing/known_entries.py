"""Entries of which one knows beforehand what should become of them, as a plan for real git.

Some are bad by themselves, some only in pairs, some do not merge with another, some have a gate
that is red the first time. What should land is what would land one by one, in the order in which
the entries came.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random

SHARE = 20  # one in so many is of each kind

PLAN = """\
version = 1
[plan]
name = "many"
agents = 8
[defaults]
agent = "writer"
retries = 0
[queue]
slots = 2
repair = "ask"
[agents.writer]
output = "plain"
command = ["{writer}", "{{task}}"]
[gates.all]
run = ["{gate}"]
when = "merge"
retries = 1
"""


@dataclass(frozen=True)
class Kinds:
    """What is wrong with which of many entries."""

    bad: frozenset[int]
    pairs: tuple[tuple[int, int], ...]  # red together
    clashes: tuple[tuple[int, int], ...]  # do not merge
    flaky: frozenset[int]

    def red(self, inside: list[int]) -> bool:
        """Is the gate red with these in the tree?"""
        return any(n in self.bad for n in inside) or any(
            one in inside and two in inside for one, two in self.pairs
        )

    def alone(self, order: list[int]) -> list[int]:
        """What lands one by one."""
        landed: list[int] = []
        for number in order:
            meets = any(
                number in pair and set(pair) - {number} <= set(landed) for pair in self.clashes
            )
            if not meets and not self.red([*landed, number]):
                landed.append(number)
        return landed


def drawn(count: int, seed: int) -> Kinds:
    """Kinds for the entries 0 to `count - 1`, each a twentieth of them."""
    numbers = list(range(count))
    Random(seed).shuffle(numbers)
    share = max(1, count // SHARE)
    groups = [numbers[at : at + 2 * share] for at in range(0, 8 * share, 2 * share)]
    pairs, clashes = (tuple(zip(g[::2], g[1::2], strict=True)) for g in groups[:2])
    return Kinds(frozenset(groups[2]), pairs, clashes, frozenset(groups[3]))


def plan_of(place: Path, count: int, kinds: Kinds) -> str:
    """The plan: task `n7` is entry 7. Its agent and its gate are scripts, put at `place`.

    Each start of an agent is a line of `begun` there.
    """
    seen = place / "seen"
    seen.mkdir()
    partner = {n: pair for pair in kinds.clashes for n in pair}
    writes = "".join(f"n{n}) echo {n} > shared-{min(partner[n])}.txt;;\n" for n in sorted(partner))
    reds = "".join(f"test ! -e n{n}.txt || exit 1\n" for n in sorted(kinds.bad))
    reds += "".join(f"test ! -e n{a}.txt || test ! -e n{b}.txt || exit 1\n" for a, b in kinds.pairs)
    # All at once: a tree with several of them is red once, not as often as there are.
    flaky = "new=0\n" + "".join(
        f"test ! -e n{n}.txt || test -e {seen}/{n} || {{ touch {seen}/{n}; new=1; }}\n"
        for n in sorted(kinds.flaky)
    )
    flaky += "test $new = 0 || exit 1\n"
    writer = _script(
        place / "writer",
        f"echo $1 >> {place}/begun\necho work > $1.txt\ncase $1 in\n{writes}esac\n",
    )
    gate = _script(place / "gate", flaky + reds)
    rows = "".join(f'[[task]]\nid = "n{n}"\nprompt = "x"\n' for n in range(count))
    return PLAN.format(writer=writer, gate=gate) + rows


def _script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}true\n", encoding="utf-8")
    path.chmod(0o755)
    return path


__all__ = ["Kinds", "drawn", "plan_of"]
