"""The tables of a run: their columns, files, and how they are read."""
