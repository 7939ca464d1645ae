"""Named entities, a plugin for xtreme-harness."""
