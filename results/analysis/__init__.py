"""What a run says: importance, ablation, confirmation, prediction, and picking a trial."""
