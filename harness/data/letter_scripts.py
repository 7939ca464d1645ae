"""Scripts of letters: which one a text is written in, and which ones a language is written in."""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import lru_cache

from harness.types.languages import languages

UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Characters of Thai, Lao, Burmese, Khmer, Japanese and Chinese, which put no space between words (for ``[...]``)."""

_SCRIPTS = {
    "LATIN": "Latn",
    "FULLWIDTH": "Latn",
    "CYRILLIC": "Cyrl",
    "GREEK": "Grek",
    "ARMENIAN": "Armn",
    "GEORGIAN": "Geor",
    "HEBREW": "Hebr",
    "ARABIC": "Arab",
    "SYRIAC": "Syrc",
    "THAANA": "Thaa",
    "NKO": "Nkoo",
    "ETHIOPIC": "Ethi",
    "DEVANAGARI": "Deva",
    "BENGALI": "Beng",
    "GURMUKHI": "Guru",
    "GUJARATI": "Gujr",
    "ORIYA": "Orya",
    "TAMIL": "Taml",
    "TELUGU": "Telu",
    "KANNADA": "Knda",
    "MALAYALAM": "Mlym",
    "SINHALA": "Sinh",
    "OL": "Olck",
    "THAI": "Thai",
    "LAO": "Laoo",
    "TIBETAN": "Tibt",
    "MYANMAR": "Mymr",
    "KHMER": "Khmr",
    "MONGOLIAN": "Mong",
    "TIFINAGH": "Tfng",
    "CHEROKEE": "Cher",
    "CANADIAN": "Cans",
    "HANGUL": "Hang",
    "HIRAGANA": "Kana",
    "KATAKANA": "Kana",
    "HALFWIDTH": "Kana",
    "CJK": "Hani",
}
"""ISO 15924 codes by the first word of the Unicode name of a letter; both syllabaries of Japanese count as one."""
_WRITTEN_IN = {
    **dict.fromkeys(("Hans", "Hant", "Hani"), frozenset({"Hani"})),
    "Jpan": frozenset({"Hani", "Kana"}),
    **dict.fromkeys(("Kore", "Hang"), frozenset({"Hang", "Hani"})),
}
"""Scripts that stand for several kinds of letters, and those that are parts of one."""


@lru_cache(maxsize=1 << 16)
def _script(letter: str) -> str:
    name = unicodedata.name(letter, "")
    return _SCRIPTS.get(name.partition(" ")[0], "Zyyy")


def letter_count(text: str) -> int:
    """Letters in a text; signs that are put on letters, digits and punctuation are none."""
    return sum(map(str.isalpha, text))


def script_of(text: str) -> str:
    """The script of most letters of a text, "" without any. Chinese characters beside Japanese ones count as these."""
    counts = Counter(_script(letter) for letter in text if letter.isalpha())
    if counts["Kana"]:
        counts["Kana"] += counts.pop("Hani", 0)
    return max(counts, key=lambda script: counts[script]) if counts.total() else ""


def scripts_of_language(code: str) -> frozenset[str]:
    """The scripts that a language is written in, as :func:`script_of` calls them; empty for an unknown language."""
    entry = languages().get(code)
    return frozenset() if entry is None else _WRITTEN_IN.get(entry.script, frozenset({entry.script}))
