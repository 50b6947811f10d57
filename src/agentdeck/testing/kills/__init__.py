"""Whole runs of a plan in which processes are killed at random moments, and what must hold then.

`python -m agentdeck.testing.kills --plan PLAN --kills 200 --seed 1` does it; see `__main__`.
"""
