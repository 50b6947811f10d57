"""Forecasts: runs that are played before, or beside, the real one. Pure, as all of `plans` is."""
