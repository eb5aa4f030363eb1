"""The texts, tables and progress bars of the command line."""
