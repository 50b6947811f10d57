"""Keeping a plan's source document true: its own marks for what has landed, and nothing else."""
