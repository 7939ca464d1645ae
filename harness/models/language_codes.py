"""Tokens by which a multilingual decoder is told the language to write in: those of mBART, M2M-100 and NLLB."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from harness.core.errors import ModelError
from harness.types.languages import languages, primary_code

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_MBART = re.compile(r"(?P<code>[a-z]{2,3})_(?P<region>[A-Z]{2})")
_M2M = re.compile(r"__(?P<code>[a-z]{2,3})__")
_NLLB = re.compile(r"(?P<code>[a-z]{3})_(?P<script>[A-Z][a-z]{3})")


def language_codes(tokenizer: PreTrainedTokenizerBase) -> dict[str, int]:
    """The added tokens of a tokenizer that are codes of languages ("fr_XX", "fra_Latn", "__fr__"), with their ids."""
    found = {str(token): index for index, token in tokenizer.added_tokens_decoder.items()}
    return {name: index for name, index in found.items() if any(kind.fullmatch(name) for kind in (_MBART, _M2M, _NLLB))}


def code_token(code: str, known: Mapping[str, int]) -> int:
    """The id of the token of a language, "fr"; ModelError where the tokenizer, whose codes are ``known``, has none."""
    for name in _spellings(code, list(known)):
        return known[name]
    entry = languages().get(code)
    raise ModelError(
        f"option force_language: the tokenizer has no code of {entry.name if entry else 'the language'} ({code})"
        + ("" if known else ", nor of any other language"),
        hint="--set force_language=false, or choose a model with language codes (mBART, NLLB)",
    )


def _spellings(code: str, known: Sequence[str]) -> Iterator[str]:
    """The codes of a language among the known ones: in the language's own script first."""
    entry = languages().get(code)
    if entry is None:
        return
    short, script = primary_code(code), entry.script
    if script == "Hani":
        script = "Hans"
    three = [f"{entry.iso639_3}_{script}", f"{_INDIVIDUAL.get(entry.iso639_3, '')}_{script}"]
    yield from (name for name in (*three, f"__{short}__") if name in known)
    yield from (name for name in known if _MBART.fullmatch(name) and name.partition("_")[0] == short)


_INDIVIDUAL = {"ara": "arb", "aze": "azj", "fas": "pes", "msa": "zsm", "swa": "swh"}
"""Individual languages by which NLLB stands for macrolanguages."""
