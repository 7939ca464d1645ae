"""Leaderboards: rows of runs and of published systems, checked, and ranked only where they are alike."""
