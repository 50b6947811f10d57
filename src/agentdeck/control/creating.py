"""Making a run, for faces."""

from agentdeck.engine.create import create_run

__all__ = ["create_run"]
