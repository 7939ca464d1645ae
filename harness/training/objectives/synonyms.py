"""Random smoothing by synonyms: copies of each training example in which words are replaced by their synonyms.

Huang et al., EMNLP 2021 (arXiv 2104.08645): data augmentation. The table is the user's; none comes with the harness.
"""

from __future__ import annotations

import json
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.border import border
from harness.core.errors import DataError, UsageError
from harness.core.files import read_text
from harness.training.objectives.base import ObjectiveContext, ObjectiveFile, StageObjective
from harness.types.examples import Example, unlabelled
from harness.types.roles import MEASURES, option

TABLE = ObjectiveFile(
    "synonyms/en.json",
    'a JSON object of words, each with the list of its synonyms: {"buy": ["purchase"]};'
    " `harness data synonyms` makes one of WordNet, `harness data sample` writes a small one",
)
ROLE = "synonym table"
MATCHES = ("exact", "folded")


class Synonyms(StageObjective):
    """Trains on copies of the examples in which each word of the table is drawn from itself and its synonyms.

    The originals are not among the copies. Texts are split at spaces; the texts of a pair are drawn independently; the
    context of a question, which holds its answers, stays.
    """

    @dataclass(frozen=True)
    class Options:
        """``copies`` are those of each example, and so many times are the steps of an epoch.

        ``match`` "exact" replaces words that are spelled as in the table. "folded" takes words in any case and with
        punctuation around them, which the new word keeps.
        """

        copies: int = option(3, MEASURES)
        match: str = option("exact", MEASURES)

        def __post_init__(self) -> None:
            """Refuses less than one copy, and unknown ways to match."""
            if self.copies < 1:
                raise UsageError(f"option copies: a positive number expected, not {self.copies!r}")
            if self.match not in MATCHES:
                raise UsageError(f"option match: 'exact' or 'folded' expected, not {self.match!r}")

    options: Options

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._facts: dict[str, Any] = {}

    def files(self) -> Mapping[str, ObjectiveFile]:
        """The table of synonyms."""
        return {ROLE: TABLE}

    def examples(self, examples: Sequence[Example], context: ObjectiveContext) -> Sequence[Example]:
        """``copies`` of each example, one behind the other, as the seed decides them; with one copy, as many as before.

        Those of examples in other languages than English, of which the table has no words, are as they were.
        """
        if unlabelled(examples) or not (examples and isinstance(examples[0], Example) and examples[0].asked_texts()):
            kind = type(examples[0]).__name__ if len(examples) else "no"
            raise UsageError(
                f"objective 'synonyms': {kind} examples have no labelled text whose words could be replaced",
                hint="it is for classification, tagging, questions and multiple choice",
            )
        words = Replacements(read_table(context.files[ROLE]), self.options.match)
        languages = context.languages or ["en"] * len(examples)
        if not {"en", ""} & set(languages):
            raise UsageError(
                "objective 'synonyms': the table is one of English words, and no training example is in English",
                hint="leave it out",
            )
        made = []
        for number, (example, code) in enumerate(zip(examples, languages, strict=True)):
            if code not in ("en", ""):
                made += [example] * self.options.copies
                continue
            generator = np.random.default_rng((context.seed, number, *b"synonyms"))
            for _ in range(self.options.copies):
                texts = example.asked_texts()
                new = {name: words.drawn(text, generator) for name, text in texts.items()}
                made.append(example.with_texts(**new) if new != texts else example)
        self._facts = {
            "examples": len(examples),
            "copies": len(made),
            "words": words.seen,
            "in_table": words.found,
            "replaced": words.replaced,
            "replaced_share": round(words.replaced / max(words.seen, 1), 6),
        }
        return made

    def example_count(self, examples: int) -> int:
        """As many times as there are copies."""
        return self.options.copies * examples

    def facts(self) -> Mapping[str, Any]:
        """The numbers of examples, copies and words in them, and those of words in the table and of replaced ones."""
        return self._facts


class Replacements:
    """Draws words, and counts them."""

    def __init__(self, table: Mapping[str, Sequence[str]], match: str) -> None:
        self._table = table
        self._folded: dict[str, Sequence[str]] = {}
        if match == "folded":
            for word, others in table.items():
                self._folded.setdefault(word.casefold(), others)
        self._match = match
        self.seen = self.found = self.replaced = 0

    def drawn(self, text: str, generator: np.random.Generator) -> str:
        """The text with its words drawn anew; spaces stay as they are."""
        return "".join(part if part.isspace() else self._word(part, generator) for part in re.split(r"(\s+)", text))

    def _word(self, word: str, generator: np.random.Generator) -> str:
        if not word:
            return word
        self.seen += 1
        start, core, end = ("", word, "") if self._match == "exact" else _parted(word)
        others = self._table.get(core) if self._match == "exact" else self._folded.get(core.casefold())
        if not others:
            return word
        self.found += 1
        chosen = int(generator.integers(len(others) + 1))
        if not chosen:
            return word
        self.replaced += 1
        new = others[chosen - 1]
        return start + (new if self._match == "exact" else _in_case_of(core, new)) + end


def _parted(word: str) -> tuple[str, str, str]:
    """The punctuation before a word, the word, and the punctuation after it."""
    core = word.strip(string.punctuation + "“”‘’«»…–—")
    start = word.index(core)
    return word[:start], core, word[start + len(core) :]


def _in_case_of(word: str, new: str) -> str:
    """The new word in capitals, or with a capital first letter, where the old one is so."""
    if len(word) > 1 and word.isupper():
        return new.upper()
    return new[:1].upper() + new[1:] if word[:1].isupper() else new


def read_table(path: Path) -> dict[str, list[str]]:
    """The table in a file: words with their synonyms; DataError where it is something else."""
    text = read_text(path)
    with border(f"{path}: not JSON", hint=TABLE.obtain):
        table: Any = json.loads(text)
    if not isinstance(table, dict):
        raise DataError(f"{path}: a JSON {type(table).__name__}, expected an object", hint=TABLE.obtain)
    for word, others in table.items():
        if not (isinstance(others, list) and all(isinstance(each, str) and each.split() for each in others)):
            raise DataError(f"{path}: {word!r}: expected a list of words, not {others!r}", hint=TABLE.obtain)
        if any("\n" in each for each in others):
            raise DataError(f"{path}: {word!r}: a synonym with a line break", hint=TABLE.obtain)
    return table
