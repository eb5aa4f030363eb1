"""Pruners: multi-objective successive halving, single-metric pruners, and the reports that they read."""
