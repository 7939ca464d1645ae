"""Tells whether one system is better than another: paired by example, with effect sizes, intervals and corrected p-values."""
