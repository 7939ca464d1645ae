"""Counts how finely a tokenizer cuts the languages, and how many of its tokens stand for what it does not know.

The text is the names of months, days and languages in each language, from the Unicode CLDR (release 49; the licence is in
``names.LICENSE``): every language of XTREME and XTREME-R but Haitian Creole, which the CLDR lacks. Names are borrowed more
often than other words are, so that running text has a little more tokens a word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from harness.inference.tokenization import tokenise
from harness.types.languages import UNSPACED, language

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class TokenCounts:
    """Counts for some text of a language: ``unknown`` of its ``tokens`` stand for what it does not know.

    ``characters`` leave out spaces; ``words`` is None for a script that puts no space between them.
    """

    language: str
    characters: int
    words: int | None
    tokens: int
    unknown: int

    @property
    def per_word(self) -> float | None:
        """Tokens a word."""
        return self.tokens / self.words if self.words else None

    @property
    def per_character(self) -> float:
        """Tokens a character."""
        return self.tokens / self.characters

    @property
    def unknown_share(self) -> float:
        """Share of the tokens, 0 to 1."""
        return self.unknown / max(self.tokens, 1)


@cache
def names() -> Mapping[str, tuple[str, ...]]:
    """The names by language."""
    lines = (files(__package__) / "names.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return {code: tuple(found.split("|")) for code, found in (line.split("\t") for line in lines)}


def name_counts(tokenizer: PreTrainedTokenizerBase) -> Iterator[TokenCounts]:
    """Counts of the names, language by language."""
    for code, found in names().items():
        yield token_counts(tokenizer, code, found)


def token_counts(tokenizer: PreTrainedTokenizerBase, code: str, texts: Sequence[str]) -> TokenCounts:
    """Counts of some texts, without special tokens."""
    rows, which = tokenise(tokenizer, texts)
    unknown = np.array([np.count_nonzero(rows[row] == tokenizer.unk_token_id) for row in range(len(rows))])
    words = [word for text in texts for word in text.split()]
    return TokenCounts(
        language=code,
        characters=sum(map(len, words)),
        words=None if language(code).script in UNSPACED else len(words),
        tokens=int(rows.lengths[which].sum()),
        unknown=int(unknown[which].sum()),
    )
