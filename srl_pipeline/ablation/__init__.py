"""Training methods compared at equal token budgets, on scenarios chosen by measured pass rate."""
