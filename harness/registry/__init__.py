"""What plugins provide: hooks, discovery, loading, validation, selection, and whose fault an error is."""
