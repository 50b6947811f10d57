"""MCP servers of agentdeck over stdio: for the agents of a run, and for whoever looks at one."""
