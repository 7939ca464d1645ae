"""Sentence vectors, their exact nearest neighbours, and the mining of translation pairs."""
