"""Examining a machine or a cluster: what it can do, what is wrong with it, and the remedy."""
