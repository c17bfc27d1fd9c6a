"""`teachers.yaml`: which teachers there are, what they cost, who may use them for what."""
