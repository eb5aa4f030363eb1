"""Standalone models: what leaves this project, how it is written, checked and loaded again."""
