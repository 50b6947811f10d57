"""Screens and dialogs of the control room, each with its style sheet beside it."""
