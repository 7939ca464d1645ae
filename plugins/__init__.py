"""First-party plugins: every task, benchmark, family and recipe comes through the same entry points as a third party's."""
