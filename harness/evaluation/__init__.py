"""Evaluation: plan the units, predict them in one stream a checkpoint, write files, score the files."""
