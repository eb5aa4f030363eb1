"""Weights that many networks share: training them, and predicting networks from them."""
