"""Intermediate training tasks, one file each."""
