"""agentdeck: a terminal control room for many coding agents working on one plan."""

__version__ = "0.1.0"
