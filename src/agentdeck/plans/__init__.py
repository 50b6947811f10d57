"""Plan text to `Plan` and back, and what can be said about a plan before it runs.

Nothing in here does IO: text comes in, values or text go out.
"""
