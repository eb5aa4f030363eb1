"""The record: the Optuna study, its trials and attributes, its journal, and the tables made from it."""
