"""Model to cells, in pure functions."""
