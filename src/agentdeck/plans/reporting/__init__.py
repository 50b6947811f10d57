"""What a run has proven, as data and as pages: evidence cards, the report, gates over time."""
