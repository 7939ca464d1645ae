"""SIB-200, a plugin for xtreme-harness."""
