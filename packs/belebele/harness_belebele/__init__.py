"""Belebele, a plugin for xtreme-harness."""
