"""The console script ``srl-pipeline``."""
