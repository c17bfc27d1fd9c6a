"""Continuous training of small specialised language models: lore -> trajectories -> SRL -> RLVR -> gated promotion."""
