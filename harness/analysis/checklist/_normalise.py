"""When an answer is right: it equals the label after both lose articles and marks at the ends (MultiCheckList's rule)."""

from __future__ import annotations

import re

_WORDS = {
    "de": "ein eine einen",
    "el": "Ο ένα μια",
    "en": "a an the in at",
    "es": "un una unos unas el la los las",
    "eu": "bat",
    "fa": "یک",
    "fr": "un une le la en",
    "hu": "egy",
    "it": "un una",
    "nl": "een",
    "pt": "um uma",
    "tl": "Si",
    "tr": "bir",
    "vi": "một",
    "wo": "dafa",
    "yo": "kan",
}
"""Words that do not count, which are articles mostly."""
_BEGINNINGS = {
    "ar": "ال",
    "bn": "একটি একজন",
    "hi": "एक",
    "ml": "ഒരു",
    "mr": "एक",
    "my": "တစ်ဦး",
    "pa": "ਇੱਕ ਇਕ",
    "ta": "ஒரு",
}
"""Those that are written together with the word, or end in a mark that is no letter."""
_MARKS = {"bn": "৷", "hi": "৷", "pa": "।", "pl": "„”", "ur": "\u200f"}
_MARKS_OF_ALL = ",. "


def normalise_answer(text: str, language: str) -> str:
    """The text without articles, without comma, full stop and blank at its ends; capitals stay."""
    if language in _WORDS:
        text = re.sub(rf"\b({'|'.join(_WORDS[language].split())})\b", " ", text)
    elif language == "ar":
        text = text.replace(_BEGINNINGS["ar"], " ")
    elif language in _BEGINNINGS:
        text = re.sub(rf"\b({'|'.join(_BEGINNINGS[language].split())})", " ", text)
    elif language == "af":
        text = re.sub(r"(’n)\b", " ", text)
    return text.strip(_MARKS_OF_ALL + _MARKS.get(language, ""))
