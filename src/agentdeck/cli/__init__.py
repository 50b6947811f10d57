"""The command line: one verb for each command, and reports."""
