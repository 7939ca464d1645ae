"""Training objectives: what is minimised besides, or instead of, the plain loss of the labels."""
