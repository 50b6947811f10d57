"""A run over HTTP and WebSocket on this machine, for dashboards: `agentdeck bridge`."""
