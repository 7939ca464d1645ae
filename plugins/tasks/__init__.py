"""Target tasks, one file each."""
