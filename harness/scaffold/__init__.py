"""Writes a complete plugin package: ``harness new task|benchmark|family NAME``."""
