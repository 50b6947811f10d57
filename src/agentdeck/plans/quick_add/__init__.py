"""A task from one line in plain words: `Fix login after S-1 ~30m @codex #auth`."""
