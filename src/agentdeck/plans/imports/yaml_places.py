"""YAML text to values whose tables know their line.

Rules:
- Only plain values are made, as the safe loader of PyYAML makes them; no tag makes an object. What
  looks like a number or a date and is none stays text.
- The text becomes a tree of nodes first, and the tree is weighed before a value is made of it: an
  alias counts as often as it is used, so that ten lines cannot stand for a billion values.
- Names of fields become texts (`1:` is "1"). A name that stands twice is a fault, as YAML says.
- `<<` merges tables in; what the table says itself holds.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, Final

from agentdeck.plans.imports.tables import MAX_DEPTH, Table, refuse
from agentdeck.plans.problems import shown

MAX_YAML: Final = 2_000_000  # characters; the reader is slow, and no person writes a plan so long
MAX_WEIGHT: Final = 10_000_000  # characters and values, with aliases written out
MAX_NUMBER: Final = 100  # characters of a number; long ones in base 60 take quadratic time

_STRANGE: Final = re.compile("[\x00\ud800-\udfff]")
_MERGE: Final = "tag:yaml.org,2002:merge"


def read_yaml(text: str, *, file: str) -> Any:
    """Read one YAML document; every table of the result is a `Table`.

    Raises:
        PlanProblems: this is no YAML, it is too deep, or its aliases stand for too much.
    """
    import yaml  # only documents that are YAML pay for it

    if len(text) > MAX_YAML:
        refuse(file, 1, f"this has {len(text)} characters; YAML is read up to {MAX_YAML}")
    try:
        return _Reader(file).read(_STRANGE.sub("\ufffd", text.removeprefix("\ufeff")))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        words = str(error.problem or error.context or "it breaks off")
        refuse(file, mark.line + 1 if mark else 1, f"this is no YAML: {words}")
    except yaml.YAMLError as error:
        refuse(file, 1, f"this is no YAML: {str(error).split(chr(10), maxsplit=1)[0][:200]}")


class _Reader:
    """From one text to its value."""

    def __init__(self, file: str) -> None:
        import yaml

        self._yaml: Any = yaml
        self._loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C where it was built
        self._maker: Any = yaml.constructor.SafeConstructor()
        self._file = file

    def read(self, text: str) -> Any:
        self._check_depth(text)
        root = self._yaml.compose(text, Loader=self._loader)
        if root is None:
            return None
        self._weigh(root)
        return self._value(root)

    def _check_depth(self, text: str) -> None:
        """The composer recurses; the parser does not."""
        depth = 0
        for event in self._yaml.parse(text, Loader=self._loader):
            if isinstance(event, self._yaml.CollectionStartEvent):
                depth += 1
                if depth > MAX_DEPTH:
                    self._refuse(event, f"this is nested more than {MAX_DEPTH} deep")
            elif isinstance(event, self._yaml.CollectionEndEvent):
                depth -= 1

    def _inner(self, node: Any) -> list[Any]:
        if isinstance(node, self._yaml.MappingNode):
            return [part for pair in node.value for part in pair]
        return node.value if isinstance(node, self._yaml.SequenceNode) else []

    def _weigh(self, root: Any) -> None:
        """How much the tree stands for, and how deep; each node is looked at once."""
        known: dict[int, tuple[int, int]] = {}  # weight and height
        above: set[int] = set()
        stack = [(root, False)]
        while stack:
            node, ready = stack.pop()
            if ready:
                above.discard(id(node))
                below = [known[id(child)] for child in self._inner(node)]
                own = 1 if below else 1 + len(node.value)
                weight = own + sum(each for each, _ in below)
                height = 1 + max((each for _, each in below), default=0)
                if weight > MAX_WEIGHT or height > MAX_DEPTH + 1:
                    self._refuse(node, "aliases make this stand for too much")
                known[id(node)] = weight, height
            elif id(node) in above:
                self._refuse(node, "an alias makes this contain itself")
            elif id(node) not in known:
                above.add(id(node))
                stack.append((node, True))
                stack.extend((child, False) for child in self._inner(node))

    def _value(self, root: Any) -> Any:
        """The value of a tree without rings; a node that is used twice becomes one value."""
        made: dict[int, Any] = {}
        stack = [(root, False)]
        while stack:
            node, ready = stack.pop()
            if id(node) in made:
                continue
            if ready:
                made[id(node)] = self._made(node, made)
            else:
                stack.append((node, True))
                stack.extend((child, False) for child in self._inner(node))
        return made[id(root)]

    def _made(self, node: Any, made: dict[int, Any]) -> Any:
        if isinstance(node, self._yaml.SequenceNode):
            return [made[id(child)] for child in node.value]
        if isinstance(node, self._yaml.MappingNode):
            return self._table(node, made)
        return self._scalar(node)

    def _table(self, node: Any, made: dict[int, Any]) -> Table:
        found = Table(line=node.start_mark.line + 1)
        merged: dict[str, Any] = {}
        for key, child in node.value:
            if key.tag == _MERGE:
                sources = made[id(child)]
                for source in sources if isinstance(sources, list) else [sources]:
                    if not isinstance(source, Table):
                        self._refuse(key, "`<<` needs a table, or a list of tables")
                    merged = {**source, **merged}  # the first of several holds
                continue
            if not isinstance(key, self._yaml.ScalarNode):
                self._refuse(key, "the name of a field must be a text")
            if key.value in found:
                self._refuse(key, f"the field {shown(key.value)} stands here twice")
            found[key.value] = made[id(child)]
        for name, value in merged.items():
            found.setdefault(name, value)
        return found

    def _scalar(self, node: Any) -> Any:
        """A text, number, true, false or nothing; everything else as it is written."""
        name = node.tag.rpartition(":")[2]
        if name in ("int", "float") and len(node.value) > MAX_NUMBER:
            return node.value
        try:
            value = self._maker.construct_object(node)
        except (self._yaml.YAMLError, ValueError, LookupError):
            return node.value  # a tag of another program, the 45th of a month, `!!int x`
        return node.value if isinstance(value, dt.date | bytes | dict | list | set) else value

    def _refuse(self, place: Any, message: str) -> None:
        refuse(self._file, place.start_mark.line + 1, message)
