"""Metrics as text, in the format that Prometheus reads (version 0.0.4).

Rules: a family has its HELP and TYPE before its samples and stands together; label values and help
texts are escaped; a number is written so that it reads back as the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Labels = Mapping[str, str]


class Exposition:
    """Collects families of samples.

    Args:
        labels: that every sample has.
    """

    def __init__(self, labels: Labels) -> None:
        self._labels = dict(labels)
        self._lines: list[str] = []

    def gauge(self, name: str, help_: str, samples: Iterable[tuple[Labels, float]]) -> None:
        """What goes up and down."""
        self._family(name, "gauge", help_)
        for labels, value in samples:
            self._sample(name, labels, value)

    def counter(self, name: str, help_: str, samples: Iterable[tuple[Labels, float]]) -> None:
        """What only goes up; its name ends with `_total`."""
        self._family(name, "counter", help_)
        for labels, value in samples:
            self._sample(name, labels, value)

    def histogram(
        self,
        name: str,
        help_: str,
        bounds: Sequence[float],
        samples: Iterable[tuple[Labels, Sequence[int], float]],
    ) -> None:
        """How often something was at most so much.

        Args:
            name: of the family.
            help_: one sentence.
            bounds: of the buckets, rising; one more is added that has no bound.
            samples: labels, how many fell into each bucket alone (one more than there are bounds),
                and the sum of all values.
        """
        self._family(name, "histogram", help_)
        for labels, counts, total in samples:
            seen = 0
            for bound, count in zip((*bounds, float("inf")), counts, strict=True):
                seen += count
                self._sample(f"{name}_bucket", {**labels, "le": _number(bound)}, seen)
            self._sample(f"{name}_sum", labels, total)
            self._sample(f"{name}_count", labels, seen)

    def text(self) -> str:
        """All of it."""
        return "\n".join([*self._lines, ""])

    def _family(self, name: str, kind: str, help_: str) -> None:
        text = help_.replace("\\", "\\\\").replace("\n", "\\n")
        self._lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]

    def _sample(self, name: str, labels: Labels, value: float) -> None:
        said = ",".join(f'{key}="{_escaped(of)}"' for key, of in {**self._labels, **labels}.items())
        self._lines.append(f"{name}{{{said}}} {_number(value)}")


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    return (
        str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
    )


__all__ = ["CONTENT_TYPE", "Exposition"]
