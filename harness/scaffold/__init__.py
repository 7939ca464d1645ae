"""Writes a complete plugin package: `harness new task NAME`, and likewise for every other kind of plugin."""
