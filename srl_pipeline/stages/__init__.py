"""What a training process does: one stage of the chain, from a request to an artifact.

Brings together what knows nothing of each other: the engine (`training`), the judge of its models (`evaluation`), the
data (`generation`, `lore`, `verification`) and the store (`registry`). Knows nothing of Dagster; only `__main__`
speaks Pipes.
"""
