"""Execution of trials: the bridge between Optuna and Ray Tune, the cluster and the trainable."""
