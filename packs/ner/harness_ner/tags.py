"""Tags of all tasks of this pack: persons, organisations and places, in IOB2."""

TAGS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
