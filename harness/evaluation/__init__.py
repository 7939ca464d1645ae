"""Evaluation: plan the units, predict them in one stream per checkpoint, write files, score the files."""
