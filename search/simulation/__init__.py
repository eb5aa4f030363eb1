"""Searches on tables of learning curves, in virtual time."""
