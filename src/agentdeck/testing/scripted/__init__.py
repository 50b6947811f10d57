"""The parts of the built-in scripted agent. Its program is `testing/scripted_agent.py`.

Rules:
- Only the standard library, and of that only what starts fast: the agent is started for every
  attempt. `typing`, `signal`, `re`, `json`, `dataclasses` and `pathlib` take longer to import than
  all the rest together; a module that needs one imports it where it is used, and says why.
- A format that the agent can speak is a voice in `voices/`; the rest does not know the formats.
"""
