"""Data sets as tensors: what they are, how they are read, split, batched and augmented."""
