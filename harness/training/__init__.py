"""Training: one lean loop for every family, and the stages it makes."""
