"""Rows with a mask in place of the class: a template of texts, words, places for a soft prompt, and one mask token."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from harness.core.arrays import IntArray
from harness.core.errors import UsageError
from harness.inference.features import Ragged
from harness.inference.tokenization import RowTemplate, backend_of, balanced, tokenise
from harness.models.places import PLACEHOLDER

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_PART = re.compile(r"(\{\w*\})")
_PARTS = ("{a}", "{b}", "{prompt}", "{mask}")


def check_template(template: str, prompt_length: int) -> None:
    """UsageError for a template that is not one: unknown parts, none or several of those that must be there once."""
    where = f"option template: {template!r}"
    found = _PART.findall(template)
    hint = "for example '{a} {b} {prompt} {mask}', or with words of your own between the parts"
    if unknown := [part for part in found if part not in _PARTS]:
        raise UsageError(f"{where}: {unknown[0]} is not known", hint=f"the parts are {', '.join(_PARTS)}")
    for part in _PARTS:
        needed = part in ("{a}", "{mask}") or (part == "{prompt}" and prompt_length > 0)
        if found.count(part) > 1 or (needed and not found.count(part)):
            raise UsageError(f"{where}: {part} must be there once, not {found.count(part)} times", hint=hint)


@dataclass(frozen=True)
class ClozeTemplate:
    """A template with one tokenizer. ``row`` has every special token, word, place and mask, around one or two texts.

    ``mask`` is the place of the mask among the parts of the row.
    """

    row: RowTemplate
    mask: int

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase, template: str, prompt_length: int) -> ClozeTemplate:
        """Puts the template where the tokenizer puts a text: between its special tokens."""
        around = RowTemplate.of(tokenizer, 1)
        (place,) = around.texts
        ids: list[int] = []
        texts: dict[str, int] = {}
        for part in filter(None, _PART.split(template)):
            if part in ("{a}", "{b}"):
                texts[part] = len(ids)
                ids.append(-1)
            elif part == "{prompt}":
                ids += range(PLACEHOLDER, PLACEHOLDER + prompt_length)
            elif part == "{mask}":
                mask = len(ids)
                assert tokenizer.mask_token_id is not None
                ids.append(tokenizer.mask_token_id)
            elif part.strip():
                ids += backend_of(tokenizer).encode(part.strip(), add_special_tokens=False).ids
        row = RowTemplate(
            ids=np.concatenate([around.ids[:place], ids, around.ids[place + 1 :]]).astype(np.int64),
            types=np.full(len(around.ids) - 1 + len(ids), around.types[place]),
            texts=tuple(place + texts[part] for part in ("{a}", "{b}") if part in texts),
            filler=around.filler,
        )
        return cls(row, place + mask)

    def rows(
        self, tokenizer: PreTrainedTokenizerBase, texts: Sequence[tuple[str, str]], max_length: int
    ) -> tuple[Ragged, Ragged, IntArray]:
        """Ids and token types of a row for each pair of texts, and the place of its mask.

        Texts are cut to what the rest of the template leaves of ``max_length``, so that prompt and mask are always whole.
        UsageError where it leaves nothing.
        """
        row, count = self.row, len(self.row.texts)
        room = row.room(tokenizer, max_length)
        tokens, which = tokenise(tokenizer, chain.from_iterable(pair[:count] for pair in texts))
        which = which.reshape(-1, count)
        lengths = tokens.lengths[which]
        kept = (
            np.minimum(lengths, room) if count == 1 else np.stack(balanced(lengths[:, 0], lengths[:, 1], room), axis=1)
        )
        ids, types = row.rows(tokens.values, tokens.offsets[which], kept)
        before = np.array([place < self.mask for place in row.texts])
        return ids, types, self.mask + (kept - 1) @ before.astype(np.int64)
