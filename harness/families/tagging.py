"""A tag for every word of a sentence (part-of-speech tags, named entities, supertags)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.arrays import IntArray, OutputRows
from harness.core.errors import DataError, UsageError
from harness.families.base import HeadFamily
from harness.families.baseline import most_frequent, random_stream
from harness.families.distributions import Distributions
from harness.families.words import Words, alone, in_text, marks_space
from harness.inference.features import Features, Ragged
from harness.inference.tokenization import RowTemplate, gather, offsets
from harness.models.heads import check_finite, in_task_order, load_head, model_inputs
from harness.types.examples import Example, Tagged
from harness.types.roles import MEASURES, option
from harness.types.units import UnitExamples

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class Tagging(HeadFamily):
    """Token classification at the first sub-token of each word; a prediction is a list with one tag a word.

    The preprocessing of XTREME (utils_preprocess.py and utils_tag.py of google-research/xtreme): words are tokenised
    one by one; a word that gives no sub-token, or more than fit, becomes the unknown token; a sentence that is too long
    is cut between words into consecutive pieces, whose tags are joined again. A row is a piece. With tokenizers that
    mark the space before a word, words get the tokens of the running text (:mod:`harness.families.words`).
    """

    @dataclass(frozen=True)
    class Options:
        """``max_length`` counts special tokens.

        ``overflow``: "split" makes a row of every piece of a long sentence; "truncate" keeps only the first (jiant) and
        predicts for the lost words "O", or "X" where the task has no "O", or else the first label.
        ``extra_separator`` ends rows with two separators, as the reference does for XLM-R; it acts on tokenizers that
        put two separators between the texts of a pair. ``labels_by_position``: as in classification.
        ``words``: "alone" tokenises each word by itself, as the reference; "in_text" as part of the running text;
        "auto" does so for tokenizers that give words in a text other tokens than alone, because they mark the space.
        """

        max_length: int = option(128, MEASURES)
        overflow: str = option("split", MEASURES)
        extra_separator: bool = option(True, MEASURES)
        labels_by_position: bool = option(False, MEASURES)
        words: str = option("auto", MEASURES, keyed="changed")

        def __post_init__(self) -> None:
            """Refuses unknown ways to treat long sentences and words."""
            if self.overflow not in ("split", "truncate"):
                raise UsageError(f"option overflow: 'split' or 'truncate' expected, not {self.overflow!r}")
            if self.words not in ("auto", "alone", "in_text"):
                raise UsageError(f"option words: 'auto', 'alone' or 'in_text' expected, not {self.words!r}")

    options: Options
    reads_pairs = True
    labels_translate = False
    token_level = True

    def load(self, reference: str, **kwargs: Any) -> PreTrainedModel:
        """The model with a token classification head, one output a label (see :mod:`harness.models.heads`)."""
        by_position = self.options.labels_by_position
        return load_head("TokenClassification", reference, self.labels, by_position=by_position, **kwargs)

    def treatment(self, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
        """``words`` "in_text" where words are not tokenised alone."""
        in_text = self.options.words == "in_text" or (self.options.words == "auto" and marks_space(tokenizer))
        return {"words": "in_text"} if in_text else {}

    def features(self, tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example], *, training: bool) -> Features:
        """One row a piece; for its words, ``first`` is the place of the first sub-token, ``labels`` the tag.

        With ``keeps_unlabelled``, the column ``words`` has their number in each row.
        """
        sentences = [(index, example) for index, example in enumerate(examples) if isinstance(example, Tagged)]
        if training:
            every = self.keeps_unlabelled
            sentences = [(index, sentence) for index, sentence in sentences if every or sentence.tags is not None]
        template = _template(tokenizer, self.options.extra_separator)
        room = template.room(tokenizer, self.options.max_length)
        tokens_of = in_text if self.treatment(tokenizer) else alone
        unknown = template.filler if tokenizer.unk_token_id is None else tokenizer.unk_token_id
        words = _with_unknown(tokens_of(tokenizer, [sentence for _, sentence in sentences]), room, unknown)

        words_in = np.array([len(sentence.words) for _, sentence in sentences], np.int64)
        piece_of_word, sentence_of_piece = split(words.lengths, words_in, room)
        words_in_piece = np.bincount(piece_of_word, minlength=len(sentence_of_piece))
        labels = self._labels([sentence for _, sentence in sentences], words_in) if training else None
        if self.options.overflow == "truncate":
            first_piece = np.diff(sentence_of_piece, prepend=-1) > 0
            kept = first_piece[piece_of_word]
            words = Words(words.values, words.starts[kept], words.lengths[kept], words.head[kept])
            labels = None if labels is None else labels[kept]
            words_in_piece, sentence_of_piece = words_in_piece[first_piece], sentence_of_piece[first_piece]

        edges = offsets(words_in_piece)
        start_of_word = offsets(words.lengths)
        starts = start_of_word[edges]
        ids, _ = template.rows(
            gather(words.values, words.starts, words.lengths), starts[:-1, None], np.diff(starts)[:, None]
        )
        first = start_of_word[:-1] + words.head - np.repeat(starts[:-1], words_in_piece) + template.texts[0]
        aligned = {"first": (Ragged(first, edges), 0)}
        if labels is not None:
            aligned["labels"] = (Ragged(labels, edges), -100)
        index = np.array([index for index, _ in sentences], np.int64)
        columns = {"words": words_in_piece} if training and self.keeps_unlabelled else {}
        return Features(ids, index[sentence_of_piece], aligned=aligned, columns=columns)

    def _labels(self, sentences: Sequence[Tagged], words_in: IntArray) -> IntArray:
        known: dict[str | None, int] = {label: index for index, label in enumerate(self.labels)}
        tags_of = [(None,) * len(sentence.words) if sentence.tags is None else sentence.tags for sentence in sentences]
        if self.keeps_unlabelled:
            known[None] = -100
        for sentence, tags, words in zip(sentences, tags_of, words_in, strict=True):
            if len(tags) != words:
                raise DataError(f"sentence {sentence.id!r} has {words} words and {len(tags)} tags")
            if not known.keys() >= set(tags):
                wrong = next(tag for tag in tags if tag not in known)
                hint = f"known: {', '.join(self.labels)}"
                raise DataError(f"sentence {sentence.id!r} has the tag {wrong!r}", hint=hint)
        return np.array([known[tag] for tag in chain.from_iterable(tags_of)], np.int64)

    def loss(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Summed cross-entropy over words, in fp32, and the number of words."""
        from torch.nn.functional import cross_entropy

        labels = batch["labels"].flatten()
        logits = self._logits(model, batch).flatten(0, 1)
        return cross_entropy(logits, labels, reduction="sum", ignore_index=-100), (labels != -100).sum()

    def outputs(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """``tags``: label numbers by word, shape (rows, words of the longest row); -1 where logits are not finite."""
        import torch

        logits = self._logits(model, batch)
        tags = logits.argmax(dim=-1).masked_fill(~logits.isfinite().all(dim=-1), -1)
        return {"tags": tags.to(torch.int32)}

    def distributions(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> Sequence[Distributions]:
        """One for each word, over the tags."""
        import torch

        logits, gold = self._logits(model, batch), batch["labels"]
        there = gold != -100
        if "words" in batch:  # some of them without a tag
            there = torch.arange(gold.shape[1], device=gold.device) < batch["words"][:, None]
        rows, places = there.nonzero(as_tuple=True)
        return [Distributions(logits[rows, places], rows, gold[rows, places])]

    def _logits(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Logits in fp32 at the first sub-tokens, in the task's order of labels, shape (rows, words, labels)."""
        logits = model(**model_inputs(model, batch)).logits
        logits = logits.gather(1, batch["first"][:, :, None].expand(-1, -1, logits.shape[-1])).float()
        return in_task_order(logits, model, self.labels, by_position=self.options.labels_by_position)

    def decode(
        self, features: Features, outputs: Mapping[str, OutputRows], examples: Sequence[Example]
    ) -> list[list[str]]:
        """The tags of each sentence, its pieces joined; words that truncation lost get the tag for lost words."""
        words = features.aligned["first"][0].lengths
        rows = [tags[:count] for tags, count in zip(outputs.get("tags", ()), words, strict=True)]
        flat = np.concatenate(rows) if rows else np.empty(0, np.int64)
        check_finite(flat >= 0)
        names = np.array(self.labels, dtype=object)[flat]
        edges = offsets(np.bincount(features.example, weights=words, minlength=len(examples)).astype(np.int64))
        filler = next((tag for tag in ("O", "X") if tag in self.labels), self.labels[0])
        predictions = []
        for number, sentence in enumerate(examples):
            tags = list(names[edges[number] : edges[number + 1]])
            lost = len(sentence.words) - len(tags) if isinstance(sentence, Tagged) else 0
            predictions.append(tags + [filler] * lost)
        return predictions

    def guess(self, kind: str, train: Sequence[Example], unit: UnitExamples, seed: int) -> list[list[str]]:
        """ "majority": the most frequent tag of all training words; "random": a uniform draw for each word."""
        counts = [len(sentence.words) for sentence in unit.examples if isinstance(sentence, Tagged)]
        if kind == "majority":
            tags = chain.from_iterable(sentence.tags or () for sentence in train if isinstance(sentence, Tagged))
            tag = most_frequent(tags, self.labels)
            return [[tag] * count for count in counts]
        random, names = random_stream(unit, seed), np.array(self.labels, dtype=object)
        return [list(names[random.integers(len(names), size=count)]) for count in counts]


def split(lengths: IntArray, words_in: IntArray, room: int) -> tuple[IntArray, IntArray]:
    """Cuts sentences between words into consecutive pieces of at most ``room`` sub-tokens, each as full as can be.

    ``lengths`` are the sub-tokens of every word (1 to ``room``), ``words_in`` the words of every sentence. Returns the
    piece of every word and the sentence of every piece. A sentence without words has no piece.
    """
    edges = offsets(words_in)
    totals = offsets(lengths)
    opens = np.zeros(len(lengths), dtype=bool)
    opens[edges[:-1][words_in > 0]] = True
    for sentence in np.flatnonzero(totals[edges[1:]] - totals[edges[:-1]] > room):
        start, end = edges[sentence], edges[sentence + 1]
        while totals[end] - totals[start] > room:
            start = int(np.searchsorted(totals, totals[start] + room, side="right")) - 1
            opens[start] = True
    sentence_of_word = np.repeat(np.arange(len(words_in)), words_in)
    return np.cumsum(opens) - 1, sentence_of_word[opens]


def _with_unknown(words: Words, room: int, unknown: int) -> Words:
    """The words' tokens with the unknown token for words that have none, or more than ``room``."""
    odd = (words.lengths == 0) | (words.lengths > room)
    return Words(
        np.append(words.values, np.int32(unknown)),
        np.where(odd, len(words.values), words.starts),
        np.where(odd, 1, words.lengths),
        np.where(odd, 0, words.head),
    )


def _template(tokenizer: PreTrainedTokenizerBase, extra_separator: bool) -> RowTemplate:
    template, pair = RowTemplate.of(tokenizer, 1), RowTemplate.of(tokenizer, 2)
    between = pair.ids[pair.texts[0] + 1 : pair.texts[1]]
    if extra_separator and len(between) == 2 and (between == tokenizer.sep_token_id).all():
        types = np.append(template.types, template.types[-1])
        return replace(template, ids=np.append(template.ids, between[-1:]), types=types)
    return template
