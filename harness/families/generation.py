"""Text from text: answers, summaries and the like, written by an encoder-decoder or a decoder.

Trained on English, such a model is asked for text in other languages (zero-shot cross-lingual generation, Chirkova, Liang
and Nikoulina 2023, arXiv:2310.09917). It may answer in the wrong language, which English dev data cannot show.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from harness.core.arrays import OutputRows
from harness.core.errors import ModelError, UsageError
from harness.data.language_id import check_identifier, language_counts, language_identifier
from harness.families._source_rows import SourceRows, closing_token, end_token, source_rows, target_rows
from harness.families.base import HeadFamily
from harness.families.baseline import most_frequent, random_stream
from harness.inference.decoding import Decoding, written
from harness.models.heads import model_inputs, plain_model
from harness.models.language_codes import code_token, language_codes
from harness.models.language_model import (
    check_precision,
    check_room,
    load_language_model,
    start_token,
)
from harness.models.load import load_tokenizer
from harness.models.masked_head import masked_logits
from harness.models.padding import Unpadded
from harness.types.examples import Example, Source
from harness.types.languages import LANGUAGE, language_number, numbered_language
from harness.types.roles import MEASURES, option
from harness.types.units import Prediction, UnitExamples

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from harness.inference.forward import Forward

_SENTINEL = re.compile(r"<extra_id_\d+>")
"""Tokens that T5 puts in place of hidden spans, and a hardly trained one into its texts."""
_LOGITS = 1 << 27
"""Logits computed at a time where no gradient is wanted: a multilingual vocabulary makes many of few tokens."""
_ROWS = 1024
"""Examples of a stream: a run that is stopped loses what was written for the last of them at most."""


class Generation(HeadFamily):
    """A prediction is the text that was written. The head is the checkpoint's own and is trained on, not drawn anew."""

    @dataclass(frozen=True)
    class Options:
        """``max_length`` counts the tokens of a text, special ones included; a longer one is cut at its end.

        At most ``max_new_tokens`` are written, and trained on, with ``num_beams`` beams (1: greedily). With
        ``force_language`` the first token is the code of the language that is asked for, for models that have such codes
        (mBART, NLLB), and the text is marked with that of its own. ``language_id`` identifies the languages of what is
        written: "builtin", or "lingua" or "langid", whose packages are to be installed.
        """

        max_length: int = option(512, MEASURES)
        max_new_tokens: int = option(64, MEASURES)
        num_beams: int = option(1, MEASURES)
        force_language: bool = option(False, MEASURES)
        language_id: str = option("builtin", MEASURES)

        def __post_init__(self) -> None:
            """Refuses numbers that nothing can be written with."""
            for name in ("max_new_tokens", "num_beams"):
                if getattr(self, name) < 1:
                    raise UsageError(f"option {name}: a positive number expected, not {getattr(self, name)!r}")
            check_identifier(self.language_id)

    options: Options
    fresh_head = False
    reads_language = True
    labels_translate = False
    writes = True
    adapts_head = False
    stream_rows = _ROWS

    @property
    def auxiliary(self) -> bool:
        """False: it is trained for its own sake."""
        return False

    def load(self, reference: str, **kwargs: Any) -> PreTrainedModel:
        """The model with its language-model head (:func:`~harness.models.language_model.load_language_model`)."""
        model = load_language_model(reference, **kwargs)
        tokenizer = load_tokenizer(Path(reference), self.tokenizer_settings())
        model.harness_end = end_token(tokenizer)
        if self.options.force_language:
            model.harness_codes = language_codes(tokenizer)
            if not model.config.is_encoder_decoder:
                raise ModelError(
                    f"{reference}: option force_language: a decoder has no place for a language code",
                    hint="--set force_language=false",
                )
        return model

    def metric_name(self, metric: str) -> str:
        """The metric ``generation`` with the identifier of the options; any other metric as it is."""
        other = metric == "generation" and self.options.language_id != "builtin"
        return f"{metric}:{self.options.language_id}" if other else metric

    def treatment(self, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
        """``closing``: the token that ends a text, where the tokenizer itself puts none there."""
        closing = closing_token(tokenizer)
        return {} if closing is None else {"closing": tokenizer.convert_ids_to_tokens(closing)}

    def predict(self, forward: Forward, units: Sequence[UnitExamples]) -> Iterator[Prediction]:
        """Writes texts for every unit. Its facts say how (``decoding``) and in which languages (``written_languages``)."""
        check_precision(forward.model, forward.dtype)
        how = self._decoding(end_token(forward.tokenizer)).describe()
        forced = {"force_language": True} if self.options.force_language else {}
        for found in super().predict(forward, units):
            facts = {"decoding": how | forced, "written_languages": self._languages(found)}
            yield replace(found, facts={**found.facts, **facts})

    def _languages(self, found: Prediction) -> dict[str, Any]:
        """Counts texts, and targets, by their language, and says what identified it.

        ``too_weak`` is there where the identifier does not know the language of the unit.
        """
        identifier = language_identifier(self.options.language_id)
        targets = [each.target for each in found.unit.examples if isinstance(each, Source) and each.target is not None]
        return {
            "identifier": identifier.describe(),
            "written": language_counts(found.predictions, identifier),
            **({"targets": language_counts(targets, identifier)} if targets else {}),
            **({} if identifier.knows(found.unit.language) else {"too_weak": True}),
        }

    def features(
        self, tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example], *, training: bool
    ) -> SourceRows:
        """One row an example. In training it comes with the tokens of its target and the end token."""
        sources = [(index, example) for index, example in enumerate(examples) if isinstance(example, Source)]
        if training:
            sources = [(index, source) for index, source in sources if source.target]
        index = np.array([index for index, _ in sources], np.int64)
        rows = source_rows(tokenizer, [source.text for _, source in sources], self.options.max_length, index)
        wanted = np.array([language_number(source.language) for _, source in sources], np.int64)
        rows = replace(rows, columns={"wanted": wanted}, facts={"tokenizer": tokenizer})
        if not training:
            return replace(rows, cost=(rows.ids.lengths + self.options.max_new_tokens) * self.options.num_beams)
        targets = target_rows(tokenizer, [source.target or "" for _, source in sources], self.options.max_new_tokens)
        return replace(rows, aligned={"labels": (targets, -100)}, cost=rows.ids.lengths + targets.lengths)

    def embedding_rows(self, features: Any) -> None:
        """None: the head says something of every token, and most models tie it to the embeddings."""

    def loss(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Summed cross-entropy of the tokens of the targets, in fp32, each after the right ones, and their number."""
        import torch
        from torch.nn.functional import cross_entropy

        if isinstance(model, Unpadded):
            raise ModelError("a model that reads padding cannot be trained to write", hint="choose another model")
        plain = plain_model(model)
        batch = self._in_language(plain, batch)
        if not plain.config.is_encoder_decoder:
            with self.seeing(plain, batch):
                logits, labels = _decoder_logits(model, batch)
            return cross_entropy(logits, labels, reduction="sum"), labels.new_tensor(len(labels))
        total, terms = batch["labels"].new_zeros((), dtype=torch.float32), (batch["labels"] != -100).sum()
        for piece in _pieces(plain, batch):
            with self.seeing(plain, piece):
                logits = _seq2seq_logits(model, plain, piece)
            total = total + cross_entropy(logits.flatten(0, 1), piece["labels"].flatten(), reduction="sum")
        return total, terms

    def _in_language(self, plain: Any, batch: Mapping[str, torch.Tensor]) -> Mapping[str, torch.Tensor]:
        """The batch with codes of languages, where the options want them: of its texts, and in front of its labels."""
        import torch

        if not self.options.force_language:
            return batch
        ids, codes = batch["input_ids"], plain.harness_codes
        spoken = _tokens_of(batch[LANGUAGE], codes, ids)
        is_code = torch.isin(ids, ids.new_tensor(list(codes.values())))
        changed = {"input_ids": torch.where(is_code & (batch["attention_mask"] > 0), spoken[:, None], ids)}
        first = self._first(plain, batch)
        if "labels" in batch and first is not None:
            changed["labels"] = torch.cat([first[:, None], batch["labels"]], dim=1)
        return {**batch, **changed}

    def _first(self, plain: Any, batch: Mapping[str, torch.Tensor]) -> torch.Tensor | None:
        """The code that each text has to begin with; None where the options want none."""
        if not self.options.force_language:
            return None
        wanted = batch["wanted"].where(batch["wanted"] != language_number(""), batch[LANGUAGE])
        return _tokens_of(wanted, plain.harness_codes, batch["input_ids"])

    def outputs(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """``ids``: the tokens that were written, shape (rows, ``max_new_tokens``), filled up with the end token."""
        plain = plain_model(model)
        batch = self._in_language(plain, batch)
        with self.seeing(plain, batch):
            return {"ids": written(plain, batch, self._decoding(plain.harness_end), self._first(plain, batch))}

    def seeing(self, plain: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> AbstractContextManager[None]:
        """Within, the model reads more of the rows of a batch than their tokens; by default, nothing."""
        return nullcontext()

    def _decoding(self, end: int) -> Decoding:
        return Decoding(self.options.max_new_tokens, self.options.num_beams, end)

    def decode(self, features: SourceRows, outputs: Mapping[str, OutputRows], examples: Sequence[Example]) -> list[str]:
        """One text an example, without special tokens and without white space around it."""
        if not len(features):
            return []
        tokenizer = cast("PreTrainedTokenizerBase", features.facts["tokenizer"])
        texts = tokenizer.batch_decode(np.asarray(outputs["ids"]), skip_special_tokens=True)
        return [_SENTINEL.sub(" ", text).strip() for text in texts]

    def guess(self, kind: str, train: Sequence[Example], unit: UnitExamples, seed: int) -> list[str]:
        """ "majority": the most frequent training target; "random": those of random training examples. Both are English."""
        known = [example.target for example in train if isinstance(example, Source) and example.target] or [""]
        count = len(unit.examples)
        if kind == "majority":
            return [most_frequent(known, tuple(dict.fromkeys(known)))] * count
        return [known[index] for index in random_stream(unit, seed).integers(len(known), size=count)]


def _tokens_of(numbers: torch.Tensor, codes: Mapping[str, int], like: torch.Tensor) -> torch.Tensor:
    """The token of the language of each row; a row without a language is English."""
    found = {number: code_token(numbered_language(number) or "en", codes) for number in set(numbers.tolist())}
    return like.new_tensor([found[number] for number in numbers.tolist()])


def _seq2seq_logits(model: Any, plain: Any, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Logits of every token of the labels, after the right ones before it: (rows, tokens, vocabulary), fp32."""
    import torch

    labels = batch["labels"]
    given = labels.masked_fill(labels == -100, plain.config.pad_token_id)
    start = torch.full_like(given[:, :1], start_token(plain, plain.harness_end))
    before = torch.cat([start, given[:, :-1]], dim=1)
    logits: torch.Tensor = model(**model_inputs(model, batch), decoder_input_ids=before, use_cache=False).logits
    return logits.float()


def _pieces(plain: Any, batch: Mapping[str, torch.Tensor]) -> Iterator[Mapping[str, torch.Tensor]]:
    """The batch in one piece, or, where no gradient is wanted, in pieces whose logits are not too many."""
    import torch

    rows, tokens = batch["labels"].shape
    count = rows if torch.is_grad_enabled() else max(_LOGITS // max(tokens * plain.config.vocab_size, 1), 1)
    for start in range(0, rows, max(count, 1)):
        yield {name: value[start : start + count] for name, value in batch.items()}


def _decoder_logits(model: Any, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of the tokens of all targets, each behind its text, (tokens, vocabulary) in fp32, and these tokens.

    The tokens of the texts are read and not learned: they have no logits.
    """
    import torch

    ids, mask, labels = batch["input_ids"], batch["attention_mask"], batch["labels"]
    of_text, of_target = mask.sum(1, keepdim=True), (labels != -100).sum(1, keepdim=True)
    width = int((of_text + of_target).max())
    check_room(model, width)
    place = torch.arange(width, device=ids.device)[None].expand(len(ids), -1)
    from_text = place < of_text
    source = torch.where(from_text, place, ids.shape[1] + place - of_text).clamp(max=ids.shape[1] + labels.shape[1] - 1)
    both = torch.cat([ids, labels.clamp(min=0)], dim=1).gather(1, source)
    inside = (place < of_text + of_target).long()
    predicts = (place >= of_text - 1) & (place < of_text + of_target - 1)
    logits = masked_logits(model, {**batch, "input_ids": both, "attention_mask": inside}, predicts)
    return logits, labels[labels != -100]
