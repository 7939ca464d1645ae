"""Behaviour by kind of task: how examples become features, and how outputs become predictions."""
