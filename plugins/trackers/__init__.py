"""Trackers: each follows a run in a place of its own. ``--track NAME`` or the variables of its library switch it on."""
