"""What a plan says once it is read with care: lengths, conflicts, costs, and what would help."""
