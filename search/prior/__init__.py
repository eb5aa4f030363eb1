"""The shared-weights prior of a search: its price, its training and what it predicts."""
