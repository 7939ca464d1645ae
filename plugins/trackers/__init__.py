"""Trackers: observers that write down what happens in a run. HARNESS_TRACK names those that are wanted."""
