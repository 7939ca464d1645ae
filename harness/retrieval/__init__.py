"""Sentence embedding, exact nearest neighbours, and mining of translation pairs."""
