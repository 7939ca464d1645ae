"""Models: what a reference string names, where its files are, and the tiny model built here."""
