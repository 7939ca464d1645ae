"""Uses of a model, and what a reviewer would ask about it, found on a shallow copy before any weights are loaded."""
