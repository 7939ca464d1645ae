"""Writes a complete plugin package: ``harness new task|benchmark|family|objective|launcher|language|rows NAME``."""
