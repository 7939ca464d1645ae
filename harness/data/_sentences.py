"""Sentences of running text, for training data without sentence breaks."""

from __future__ import annotations

import re

# An end mark with what closes after it, white space, and something that can begin a sentence.
_END = re.compile(r"""[.!?…]["'”’)\]]*\s+(?=["'“‘(\[]*[^\W_a-z])|[。！？।؟]["'”’」』)\]]*\s*(?=\S)""")
_ABBREVIATED = re.compile(
    r"(?:^|[\s(\[\"“])(?:[A-Z]|[A-Za-z](?:\.[A-Za-z])+|Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|vs|etc|al|cf|No|vol|pp|ca|Gen|Col|Lt|"
    r"Sgt|Capt|Rev|Hon|Sen|Rep|Gov|Inc|Ltd|Co|Corp|Mt|Ft|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec)\.$"
)


def sentence_at(text: str, position: int) -> str:
    """The sentence of ``text`` that holds the character at ``position``, without white space around it.

    A rule of thumb: end marks before something that begins with a capital or a digit, save after common English
    abbreviations and initials. XTREME-R trains LAReQA on sentences cut by its own rules, which differ in places.
    """
    start = 0
    for end in _END.finditer(text):
        if end.group().rstrip() == "." and _ABBREVIATED.search(text[start : end.start() + 1]):
            continue
        if end.end() > position:
            return text[start : end.end()].strip()
        start = end.end()
    return text[start:].strip()
