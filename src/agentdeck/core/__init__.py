"""The pure core: plan, events, commands, run state, scheduler, merge queue, explanations.

Nothing in here does IO, reads a clock, draws random numbers or looks at the environment. Time
comes in as an argument (seconds since the epoch, float); decisions go out as values.
"""
