"""SRL and RLVR on a student model. Knows nothing of Dagster; only `__main__` speaks Pipes."""
