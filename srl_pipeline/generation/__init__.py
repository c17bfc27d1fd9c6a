"""Dynamic example generation: what to ask, whom to ask, what to keep."""
