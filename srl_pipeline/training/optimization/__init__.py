"""Policy optimisation: the trainers of SRL and RLVR, and what watches over them."""
