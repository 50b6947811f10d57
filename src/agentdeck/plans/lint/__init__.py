"""What a plan says that is legal, and probably not what its author wants."""
