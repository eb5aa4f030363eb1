"""A study in a database: its address, and the storage of the one process that writes to it."""
