"""Folders on disk: of a run, of a trial, of a single training, and who may write to them."""
