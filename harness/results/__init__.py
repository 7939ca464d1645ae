"""The read side of finished runs: their records, several seeds as one system, and what lies on disk."""
