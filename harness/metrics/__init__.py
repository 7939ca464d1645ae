"""Metrics: a table of statistics for each scored item, and a function of their sums."""
