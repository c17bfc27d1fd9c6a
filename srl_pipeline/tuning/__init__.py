"""Paid fine-tuning: a vendor's model is trained on verified trajectories and competes as a teacher."""
