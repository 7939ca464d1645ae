"""Natural language inference, a plugin for xtreme-harness."""
