"""A table of English synonyms from the database files of WordNet (Princeton), for the objective ``synonyms``.

Only words of one part count, in lower case and of three letters or more: shorter ones are articles and prepositions in
most texts, and something else in WordNet ("at": astatine, "as": arsenic).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from harness.core.errors import DataError
from harness.core.files import read_text, write_atomic

TABLE = Path("synonyms", "en.json")
"""The table's place in a data folder."""
PARTS = ("noun", "verb", "adj", "adv")
MOST = 8
"""Synonyms of a word at most, as in the table that was published."""
WHERE = (
    "a folder with WordNet's index.noun, data.noun and so on: of NLTK's corpus `wordnet`, or Debian's `wordnet-base`"
)
_WORD = re.compile(r"[a-z]{3,}")


def synonym_table(folder: Path) -> dict[str, list[str]]:
    """The words of a WordNet database that have synonyms, with these.

    They are those of the first sense as each part of speech, where WordNet has found that sense in texts, nouns before
    verbs, adjectives and adverbs.
    """
    table: dict[str, list[str]] = {}
    for part in PARTS:
        sets = {line[:8]: line for _, line in _lines(folder / f"data.{part}")}
        for number, line in _lines(folder / f"index.{part}"):
            try:
                # word, part of speech, senses, pointers, those, senses, senses found in texts, addresses of the senses
                word, _, _, pointers, *rest = line.split()
                found, first = int(rest[int(pointers) + 1]), rest[int(pointers) + 2]
                others = _words(sets[first])
            except (IndexError, ValueError, KeyError):
                raise DataError(f"{folder / f'index.{part}'}, line {number}: no entry of WordNet", hint=WHERE) from None
            if found and _WORD.fullmatch(word):
                own = table.setdefault(word, [])
                own += [other for other in others if other != word and other not in own]
    return {word: others[:MOST] for word, others in sorted(table.items()) if others}


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The numbered lines of a file that are no part of the licence at its top."""
    if not path.is_file():
        raise DataError(f"{path}: not there", hint=WHERE)
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if line.strip() and not line.startswith("  "):
            yield number, line


def _words(line: str) -> list[str]:
    """The words of a set of synonyms that can stand for one another; adjectives have marks such as "(p)" behind them."""
    fields = line.split()
    count = int(fields[3], 16)
    words = [re.sub(r"\(\w+\)$", "", fields[4 + 2 * place]) for place in range(count)]
    return [word for word in words if _WORD.fullmatch(word)]


def write_synonyms(source: Path, folder: Path) -> tuple[Path, int]:
    """Writes the table of ``source`` into a data folder; returns its file and the number of its words."""
    table = synonym_table(source)
    path = folder / TABLE
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(f"{json.dumps(word)}: {json.dumps(others)}" for word, others in table.items())
    write_atomic(path, f"{{\n{lines}\n}}\n")
    return path, len(table)
