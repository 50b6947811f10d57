"""How agent CLIs are started and how their streams are read. Pure: bytes in, reports out."""
