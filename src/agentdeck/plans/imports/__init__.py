"""Plans from other people's documents: each importer reads text and reports what it made of it."""
