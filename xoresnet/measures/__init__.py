"""Measures, without torch: counts and energy of a network, the record of an epoch, and the vocabulary of metrics."""
