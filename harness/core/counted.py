"""A number with its noun, as a sentence has it."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Writes "1 unit", "2 units" or "5,010 units"; for nouns whose plural ends in s."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
