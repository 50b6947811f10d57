"""Attempts on other machines: the port, the far side, and who carries words between the two."""
