"""Training of one network: optimisation, evaluation, checkpoints, resumable epochs."""
