"""All IO of a run: the ring, the journal, processes, worktrees, gates, landings."""
