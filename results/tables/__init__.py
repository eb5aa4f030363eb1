"""The tables of a run: their columns and files, and `load`, which reads them."""
