"""The control room in a browser, through textual-serve: `python -m agentdeck.tui.browser`."""
