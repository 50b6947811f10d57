"""Search over all that is known of runs: tasks, briefs, logs, diffs, words of the journal."""
