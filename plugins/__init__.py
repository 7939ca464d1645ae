"""First-party plugins: all of it comes through the same entry points as a third party's."""
