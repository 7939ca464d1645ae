"""Texts through a network: tokenisation, features, batches, and the forward pass."""
