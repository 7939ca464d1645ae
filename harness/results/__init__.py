"""The read side of finished runs: their records, several seeds as one system, and the inventory of the disk."""
