"""Recordings of event cameras: reading their files, the cache that all time steps share, and frames."""
