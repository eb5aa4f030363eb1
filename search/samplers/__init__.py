"""Samplers for searches of thousands of trials."""
