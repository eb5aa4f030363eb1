"""Ablation: one field of a network changed at a time, each network trained on the same seeds."""
