"""The model of a first stage, prepared as its options say: with another script, then with more tokens."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.built import built
from harness.core.errors import UsageError
from harness.core.scratch import scratch_folder
from harness.data.corpus import Corpus
from harness.data.locate import data_folders
from harness.inference.token_counts import TokenCounts, token_counts
from harness.models.load import load_tokenizer
from harness.models.preparation import write_preparation
from harness.models.resolve import ResolvedModel, check_folder
from harness.models.transliterate import Transliteration, transliterate, transliterates, transliteration
from harness.models.unused_entries import fill_unused_entries
from harness.models.vocabulary import extend_vocabulary
from harness.types.examples import unlabelled

if TYPE_CHECKING:
    from harness.training.stage import StageTask
    from harness.types.options import TrainOptions

COUNTED = 10_000
"""Texts of a language, at most, whose tokens are counted before and after."""


def prepared(
    model: ResolvedModel,
    parts: Sequence[StageTask],
    options: TrainOptions,
    root: Path,
    data_dir: str | Path | None = None,
) -> ResolvedModel:
    """The model as the options want it, made once under ``root`` for a model, a text and these options.

    New tokens are learned from the plain text among the training data of the ``parts``, as the transliterating tokenizer
    reads it. UsageError where there is no such text.
    """
    tables = tables_of(options, data_dir)
    texts = [part.train for part in parts if unlabelled(part.train.examples)]
    size, how = options.extend_vocabulary, options.extend_vocabulary_how
    if size and not texts:
        raise UsageError(
            "extend_vocabulary: for the first stage, where it models plain text",
            hint="harness train --task 'mlm[sw]' --set extend_vocabulary=2000",
        )
    if tables and transliterates(load_tokenizer(model.folder), tables):
        tables = []
    if not tables and not size:
        return model
    content: list[Any] = [model.fingerprint, [[table.name, str(table.rules)] for table in tables]]
    content += [[texts[0].fingerprint, size, how]] if size else [[part.train.fingerprint for part in parts]]
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]

    def build(folder: Path) -> None:
        tokens: list[str] = []
        with scratch_folder(folder.parent, ".preparing-") as scratch:
            between = model.folder
            if tables:
                between = scratch / "model" if size else folder
                transliterate(model.folder, tables, between)
            if size:
                add = fill_unused_entries if how == "unused" else extend_vocabulary
                tokens = add(between, texts[0].examples, size, folder)
        said = {
            **({"transliterate": [table.name for table in tables]} if tables else {}),
            **({"new_tokens": len(tokens), "how": how} if size else {}),
            "text": texts[0].fingerprint if texts else "",
            "languages": _counted(model.folder, folder, parts),
        }
        write_preparation(folder, said, tokens)

    folder = built(root / f"prepared-{digest}", build)
    with_tables = f" in the script of {', '.join(table.name for table in tables)}" if tables else ""
    with_tokens = f" with {size} more tokens" if size else ""
    return check_folder(folder, model.reference + with_tables + with_tokens, model.revision)


def tables_of(options: TrainOptions, data_dir: str | Path | None = None) -> list[Transliteration]:
    """The tables that the options name, in order."""
    names = [name.strip() for name in options.transliterate.split(",") if name.strip()]
    folders = data_folders(data_dir) if names else []
    return [transliteration(name, folders) for name in names]


def _counted(before: Path, after: Path, parts: Sequence[StageTask]) -> dict[str, Any]:
    """Tokens a word and the share of unknown ones in the first texts of each language, with both tokenizers."""
    texts: dict[str, list[str]] = {}
    for part in parts:
        for code, found in _by_language(part):
            own = texts.setdefault(code, [])
            own += islice(found, COUNTED - len(own))
    old, new = load_tokenizer(before), load_tokenizer(after)
    return {
        code: {
            "texts": len(lines),
            "before": _numbers(token_counts(old, code, lines)),
            "after": _numbers(token_counts(new, code, lines)),
        }
        for code, lines in texts.items()
        if lines
    }


def _by_language(part: StageTask) -> Iterator[tuple[str, Iterator[str]]]:
    """The languages of a training split, each with its texts; "en" where the data do not say theirs."""
    examples = part.train.examples
    if isinstance(examples, Corpus):
        for name, own in zip(examples.names, examples.parts, strict=True):
            yield name, (text for example in own for text in example.texts().values())
        return
    known = part.train.languages or ["en"] * len(examples)
    for code in dict.fromkeys(known):
        pairs = zip(examples, known, strict=True)
        yield code, (text for example, own in pairs if own == code for text in example.texts().values())


def _numbers(counts: TokenCounts) -> dict[str, float | None]:
    """The counts as stored in records, rounded; no tokens a word in a script without spaces."""
    per_word = counts.per_word
    return {
        "tokens_per_word": None if per_word is None else round(per_word, 4),
        "unknown": round(counts.lost_share, 4),
    }
