"""The engine: SRL and RLVR on a student model. Knows nothing of artifacts' stages, of lore or of Dagster."""
