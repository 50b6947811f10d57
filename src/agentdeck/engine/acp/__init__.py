"""Drives an agent that speaks ACP (Agent Client Protocol): `python -P -m agentdeck.engine.acp`.

Rules:
- This is a program of its own, a child of the launcher. The engine knows its command line
  (`command_line`), what it writes to raw.log (`raw_log`) and what it reads from its FIFO
  (`control_lines`), and holds no pipe to it: it goes on when the engine dies.
- What to say next is decided in `turns`, without IO. Paths, permissions, errors and what the agent
  offers are judged by pure functions too; the rest only carries bytes.
- Only `peer`, `hands` and `session` import the SDK, and only after the agent was started: it takes
  longer to import than most agents take to start.
"""
