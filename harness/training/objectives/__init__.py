"""What a stage trains on besides, or instead of, the plain loss of its labels."""
