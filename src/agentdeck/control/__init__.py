"""How a face talks to an engine: JSON-RPC over a Unix socket, and reading a journal."""
