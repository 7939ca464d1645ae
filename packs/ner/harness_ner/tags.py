"""Tags of all tasks of this pack, persons, organisations and places in IOB2, and a row as a tagged sentence."""

from collections.abc import Mapping
from typing import Any

from harness import Tagged

TAGS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")


def read(row: Mapping[str, Any]) -> Tagged:
    """A sentence, and how it is written where that is known; a translation has no tags."""
    tags = row["ner_tags"]
    words = tuple(row["tokens"])
    return Tagged(str(row["_row"]), words, tuple(tags) if tags is not None else None, tuple(row.get("written", ())))
