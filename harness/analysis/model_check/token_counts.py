"""Counts how finely a tokenizer cuts the languages, and how many of its tokens stand for what it does not know.

The text is the names of months, days and languages in each language, from the Unicode CLDR (release 49; the licence is in
``names.LICENSE``): every language of XTREME and XTREME-R but Haitian Creole, which the CLDR lacks. Names are borrowed more
often than other words are, so that running text has a little more tokens a word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from harness.inference.token_counts import TokenCounts, token_counts

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@cache
def names() -> Mapping[str, tuple[str, ...]]:
    """The names by language."""
    lines = (files(__package__) / "names.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return {code: tuple(found.split("|")) for code, found in (line.split("\t") for line in lines)}


def name_counts(tokenizer: PreTrainedTokenizerBase) -> Iterator[TokenCounts]:
    """Counts of the names, language by language."""
    for code, found in names().items():
        yield token_counts(tokenizer, code, found)
