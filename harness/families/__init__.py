"""What a kind of task does: how examples become features, and how outputs become predictions."""
