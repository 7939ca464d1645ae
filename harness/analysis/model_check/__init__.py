"""What a model can be used for, and what a reviewer would ask about it: found on a shallow copy, before any weights."""
