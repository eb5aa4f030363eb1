"""Confirmation: the front trained again on other seeds and measured on the test set."""
