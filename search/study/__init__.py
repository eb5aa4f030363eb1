"""The record of a search: its Optuna study, the trials and their attributes, the journal, and the tables."""
