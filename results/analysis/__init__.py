"""Analysis of a run: importance, ablation, confirmation, prediction, and picking a trial."""
