"""Universal Dependencies files as XTREME uses them: a multiword token stays whole and carries one tag.

Follows the conversion that XTREME (Hu et al. 2020) applies to UD v2.5 (``scripts/download_data.sh`` of its repository).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from harness.core.errors import DataError
from harness.data._lines import lines
from harness.types.sources import Row

PRECEDENCE = {
    "": "VERB NOUN PROPN PRON ADJ NUM ADV INTJ AUX ADP DET PART CCONJ SCONJ X PUNCT",
    "es": "VERB AUX PRON ADP DET",
    "fr": "VERB AUX PRON NOUN ADJ ADV ADP DET PART SCONJ CONJ",
    "it": "VERB AUX ADV PRON ADP DET INTJ",
}
"""Picks the word whose tag a multiword token takes, among those that are equally high."""


def conllu(*paths: Path) -> Iterator[Row]:
    """Rows ``{"tokens", "tags", "written"}`` of CoNLL-U files; the language is the file name up to the first underscore.

    ``written`` has each token with the space before it, where the text has one (``SpaceAfter=No`` says where not).
    A multiword token is one word with the tag of its head. Empty nodes are left out, and so are sentences whose text is
    withheld (all words, or all but one, are ``_``).
    """
    for path in paths:
        precedence = PRECEDENCE.get(path.name.partition("_")[0], PRECEDENCE[""]).split()
        block: list[list[str]] = []
        for number, line in (*lines(path), (0, "")):
            if line.startswith("#"):
                continue
            if line.strip():
                fields = line.split("\t")
                if len(fields) != 10:
                    raise DataError(f"{path}:{number}: expected the 10 columns of CoNLL-U, found {len(fields)}")
                if re.fullmatch(r"[0-9]{1,9}([-.][0-9]{1,9})?", fields[0]) is None:
                    raise DataError(f"{path}:{number}: {fields[0]!r} is not the number of a word")
                block.append(fields)
            elif block:
                tokens, tags, glued = _fused(block, precedence)
                masked = tokens.count("_")
                if masked == 0 or masked < len(tokens) - 1:
                    spaces = ("", *("" if last else " " for last in glued))
                    written = [space + token for space, token in zip(spaces, tokens, strict=False)]
                    yield {"tokens": tokens, "tags": tags, "written": written}
                block = []


def _fused(block: list[list[str]], precedence: list[str]) -> tuple[list[str], list[str], list[bool]]:
    """Tokens, their tags, and whether the text continues after each without a space."""
    words = {fields[0]: fields for fields in block if fields[0].isdigit()}
    tokens, tags, glued, inside = list[str](), list[str](), list[bool](), set[str]()
    for fields in block:
        first, dash, last = fields[0].partition("-")
        if dash:
            span = [word for word in words if int(first) <= int(word) <= int(last)]
            inside.update(span)
            tokens.append(fields[1])
            tags.append(words[_head(span, words, precedence)][3] if span else fields[3])
            glued.append("SpaceAfter=No" in fields[9].split("|"))
        elif fields[0] in words and fields[0] not in inside:
            tokens.append(fields[1])
            tags.append(fields[3])
            glued.append("SpaceAfter=No" in fields[9].split("|"))
    return tokens, tags, glued


def _head(span: list[str], words: dict[str, list[str]], precedence: list[str]) -> str:
    """The word with the fewest ancestors in the graph of basic and enhanced edges; ties by tag, then by position."""
    ancestors = {word: len(_ancestors(word, words)) for word in span}
    fewest = min(ancestors.values())
    tied = [word for word in span if ancestors[word] == fewest]
    rank = {tag: place for place, tag in enumerate(precedence)}
    return min(tied, key=lambda word: rank.get(words[word][3], len(rank)))


def _ancestors(word: str, words: dict[str, list[str]]) -> set[str]:
    found: set[str] = set()
    queue = [word]
    while queue:
        fields = words.get(queue.pop())
        if fields is None:  # the root
            continue
        enhanced = [edge.partition(":")[0] for edge in fields[8].split("|")]
        heads = {head for head in (fields[6], *enhanced) if head.isdigit()}  # an empty node (8.1) is no ancestor
        for head in heads - found - {word}:
            found.add(head)
            queue.append(head)
    return found
