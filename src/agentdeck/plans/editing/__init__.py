"""Edits of plan text that keep everything they do not touch: comments, blank lines, formatting."""
