"""Training: one loop for every family, the chain of stages, and the checkpoints that survive a kill."""
