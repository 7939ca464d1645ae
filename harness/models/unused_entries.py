"""New tokens in the places that a BERT vocabulary leaves unused (Chau & Smith 2021, "vocabulary augmentation").

No id changes and no row of the embeddings: the pieces get the rows that the unused entries have. Pieces are those of a
WordPiece vocabulary that is trained on the language's text, first those that spare an unknown token.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import ModelError, UsageError
from harness.models._copied import copy_with_tokenizer
from harness.models.load import load_tokenizer
from harness.models.vocabulary import numbers_of, symbol_of
from harness.types.examples import Example

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

VOCABULARY = 5_000
"""Pieces of the vocabulary that is trained on the text (our reading: the paper's code does not say)."""
MIN_FREQUENCY, ALPHABET = 5, 1_000
"""Times that a piece must come up, and letters at most, as in the paper's code."""
_UNUSED = re.compile(r"\[unused\d+\]")


def fill_unused_entries(model: Path, texts: Sequence[Example] | Sequence[str], size: int, folder: Path) -> list[str]:
    """Writes the model in ``model`` with up to ``size`` pieces in unused entries to ``folder``; returns the pieces.

    Fewer are found where the text is short. ModelError for a tokenizer that is no WordPiece model or has no unused entries,
    UsageError where it has fewer than ``size``.
    """
    tokenizer = load_tokenizer(model)
    spec: dict[str, Any] = json.loads(tokenizer.backend_tokenizer.to_str()) if tokenizer.is_fast else {"model": {}}
    vocabulary: dict[str, int] = spec["model"]["vocab"] if spec["model"].get("type") == "WordPiece" else {}
    unused = sorted((name for name in vocabulary if _UNUSED.fullmatch(name)), key=vocabulary.__getitem__)
    if not unused:
        raise ModelError(
            f"{model}: its vocabulary has no unused entries ([unused1] and so on, as BERT's have)",
            hint="--set extend_vocabulary_how=merges adds tokens to it",
        )
    if size > len(unused):
        raise UsageError(
            f"option extend_vocabulary: {size} tokens, and {len(unused)} unused entries in the vocabulary",
            hint=f"--set extend_vocabulary={len(unused)}, or --set extend_vocabulary_how=merges",
        )
    pieces = best_pieces(tokenizer, texts, size)
    for entry, piece in zip(unused, pieces, strict=False):
        vocabulary[piece] = vocabulary.pop(entry)
    taken = set(unused[: len(pieces)])
    model_part = spec["model"] | {"vocab": dict(sorted(vocabulary.items(), key=lambda entry: entry[1]))}
    added = [token for token in spec["added_tokens"] if token["content"] not in taken]
    copy_with_tokenizer(model, tokenizer, {"model": model_part, "added_tokens": added}, folder)
    return pieces


def best_pieces(tokenizer: PreTrainedTokenizerBase, texts: Sequence[Example] | Sequence[str], size: int) -> list[str]:
    """The pieces of a vocabulary of the text that the tokenizer lacks, up to ``size``, the best first.

    Those come first that words need which are unknown to the tokenizer, by how often such words need them; then the
    others, by how often they are in the text as the new vocabulary cuts it. The text is read through the tokenizer's own
    normaliser, so that case and accents stay as far as the model keeps them.
    """
    words = _words(tokenizer, texts)
    own, trained = tokenizer.backend_tokenizer.model, _trained(words, tokenizer)
    known = tokenizer.get_vocab()
    spared, seen = Counter[str](), Counter[str]()
    for word, count in words.items():
        missing = [piece.value for piece in trained.tokenize(word) if piece.value not in known]
        unknown = missing and any(token.id == tokenizer.unk_token_id for token in own.tokenize(word))
        for piece in missing:
            seen[piece] += count
            spared[piece] += count if unknown else 0
    return sorted(seen, key=lambda piece: (-spared[piece], -seen[piece], piece))[:size]


def _trained(words: Counter[str], tokenizer: PreTrainedTokenizerBase) -> Any:
    """A WordPiece model of the words, learned as byte-pair merges of letters that know whether they begin a word.

    The library's own trainer of WordPiece numbers letters by chance, and so breaks ties between pairs.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    prefix = tokenizer.backend_tokenizer.model.continuing_subword_prefix
    letters = Counter[str]()
    for word, count in words.items():
        for letter in word:
            letters[letter] += count
    kept = set(sorted(letters, key=lambda letter: (-letters[letter], letter))[:ALPHABET])
    spelt = {word: [letter for letter in word if letter in kept] for word in words}
    units = sorted({prefix * (place > 0) + letter for word in spelt.values() for place, letter in enumerate(word)})
    numbers = {unit: number for number, unit in enumerate(units)}
    symbols = {
        word: "".join(symbol_of(numbers[prefix * (place > 0) + letter]) for place, letter in enumerate(parts))
        for word, parts in spelt.items()
    }
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(
        vocab_size=max(VOCABULARY - len(tokenizer.all_special_ids), len(units)),
        min_frequency=MIN_FREQUENCY,
        show_progress=False,
    )
    learner.train_from_iterator(chain.from_iterable([symbols[word]] * count for word, count in words.items()), trainer)
    pieces = [[units[number] for number in numbers_of(piece)] for piece in learner.get_vocab()]
    spellings = [first + "".join(part.removeprefix(prefix) for part in rest) for first, *rest in pieces]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys([str(tokenizer.unk_token), *spellings]))}
    return models.WordPiece(
        vocabulary, unk_token=str(tokenizer.unk_token), continuing_subword_prefix=prefix, max_input_chars_per_word=100
    )


def _words(tokenizer: PreTrainedTokenizerBase, texts: Sequence[Example] | Sequence[str]) -> Counter[str]:
    """The words of the text as the tokenizer's model gets them, with how often each comes up."""
    backend = tokenizer.backend_tokenizer
    found = Counter[str]()
    for line in _lines(texts):
        normal = backend.normalizer.normalize_str(line) if backend.normalizer else line
        found.update(word for word, _ in backend.pre_tokenizer.pre_tokenize_str(normal))
    return found


def _lines(texts: Sequence[Example] | Sequence[str]) -> Iterator[str]:
    for text in texts:
        yield from [text] if isinstance(text, str) else text.texts().values()
