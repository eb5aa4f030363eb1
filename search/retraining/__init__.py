"""Networks of a search trained again on new seeds: what a confirmation and an ablation have in common."""
