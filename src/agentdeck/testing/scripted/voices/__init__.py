"""One module for each stream format that the scripted agent can speak."""
