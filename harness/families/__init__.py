"""Families of tasks: how examples become features, what the head is, and how its output becomes predictions."""
