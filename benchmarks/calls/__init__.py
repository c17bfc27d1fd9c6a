"""What benchmarks/teaching.py measures and with what."""
