"""Given names of men for the templates, which are worded for men where a language marks gender."""

from __future__ import annotations

from functools import cache

from harness.data.sample.lexicon import LANGUAGES, table


@cache
def names(language: str) -> tuple[str, ...]:
    """Names as the language writes them, for the languages of the sample corpus; in Latin script for all others."""
    code = language if language in LANGUAGES else "en"
    return tuple(entry.forms(code)[0] for entry in table("names").values() if entry.features["kind"] == "given.m")
