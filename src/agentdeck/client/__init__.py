"""A run, for programs: `agentdeck.Client`, and for asyncio `agentdeck.AsyncClient`.

Rules:
- What is here is public: names stay, and what changes is said in the changelog.
- An event that this agentdeck does not know is passed on all the same.
- Reads are tried again on a new connection when the old one has gone. A command never is: it may
  have been carried out.
- `Client` imports no asyncio.
"""
