"""Breakdowns: a system's scores by attributes of the examples, such as length, overlap or the type of the answer."""
