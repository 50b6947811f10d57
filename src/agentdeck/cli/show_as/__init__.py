"""The views of a plan: as a table, a graph, a time line … on the terminal and as files.

Rules: this file is read with every command line, so it holds only the names of the views.
"""

from __future__ import annotations

from enum import StrEnum


class ShowAs(StrEnum):
    """The views."""

    TABLE = "table"
    GRAPH = "graph"
    OUTLINE = "outline"
    TIMELINE = "timeline"
    WAVES = "waves"
    CONFLICTS = "conflicts"
    COST = "cost"
    MERMAID = "mermaid"
    DOT = "dot"
