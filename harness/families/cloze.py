"""Classes as words at a mask, with a soft prompt that alone is trained (Philippy et al. 2025; NPPrompt, Zhao et al. 2023).

The row of a text ends in a few vectors and a mask. What the frozen model says of the mask is read as a class by the names
of the classes, so that classes which training never saw can be named, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.arrays import OutputRows
from harness.core.errors import DataError, ModelError, UsageError, check_choice, did_you_mean
from harness.families._cloze_rows import ClozeTemplate, check_template
from harness.families._verbaliser import NameTokens, Verbaliser, first_tokens
from harness.families.base import HeadFamily
from harness.families.baseline import most_frequent, random_stream
from harness.families.mlm import check_mask_token
from harness.inference.features import Features
from harness.models.evaluation_mode import evaluation_mode
from harness.models.heads import check_finite, plain_model
from harness.models.load import load_tokenizer
from harness.models.masked_head import HEADS, load_masked_head, masked_logits
from harness.models.places import PLACEHOLDER
from harness.models.prompt import (
    attach_prompt,
    drawn_vectors,
    freeze_but_prompt,
    prompt_name,
    prompt_of,
)
from harness.types.examples import Example, Pair
from harness.types.languages import LANGUAGE, numbered_language
from harness.types.roles import MEASURES, option
from harness.types.units import Prediction, UnitExamples

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from harness.inference.forward import Forward

SCORES = ("logits", "probabilities")
ENGLISH = "en"


class Cloze(HeadFamily):
    """A prediction is a label: the class whose names the model expects most at the mask.

    The checkpoint's own masked-language-model head is used as it is. Only the prompt is trained, on the names of the
    training labels; a checkpoint with a prompt is scored on any labels.
    """

    reads_language = True
    reads_class_names = True
    freezes_encoder = True

    @dataclass(frozen=True)
    class Options:
        """``max_length`` counts all tokens of a row; texts are cut, the prompt and the mask never are.

        ``prompt_length`` is the number of vectors (0: the model as it is, which cannot be trained). ``template`` has the
        parts {a}, {b}, {prompt} and {mask}. ``names`` are English names of labels ("entailment=yes,sports=sport|game");
        a label without one is its own, in parts at "/". ``neighbours`` is the number of tokens that stand for a name.
        ``scores`` adds up their "logits" or "probabilities", and ``calibrate`` compares them with those under an empty text.

        Training: ``smoothing`` is the share of the target that goes to tokens of no training class, ``penalty`` the weight
        of the divergence from the model without the prompt. ``head`` "tied" scores tokens by the input embeddings, for
        encoders that come without a masked-language-model head.
        """

        max_length: int = option(128, MEASURES)
        prompt_length: int = option(10, MEASURES)
        template: str = option("{a} {b} {prompt} {mask}", MEASURES)
        names: str = option("", MEASURES)
        neighbours: int = option(12, MEASURES)
        scores: str = option("logits", MEASURES)
        calibrate: bool = option(False, MEASURES)
        smoothing: float = option(0.1, MEASURES)
        penalty: float = option(0.1, MEASURES)
        head: str = option("checkpoint", MEASURES)

        def __post_init__(self) -> None:
            """Refuses templates, names of settings and numbers that mean nothing."""
            check_choice("scores", self.scores, SCORES)
            check_choice("head", self.head, HEADS)
            if self.prompt_length < 0:
                raise UsageError(f"option prompt_length: 0 or more expected, not {self.prompt_length}")
            if self.neighbours < 1:
                raise UsageError(f"option neighbours: 1 or more expected, not {self.neighbours}")
            if not 0 <= self.smoothing < 1:
                raise UsageError(f"option smoothing: a number from 0 to below 1 expected, not {self.smoothing!r}")
            if not self.penalty >= 0:
                raise UsageError(f"option penalty: no negative number expected, not {self.penalty!r}")
            check_template(self.template, self.prompt_length)

    options: Options

    def __init__(self, labels: tuple[str, ...], options: Options) -> None:
        super().__init__(labels, options)
        self._english = english_names(labels, options.names)

    @property
    def names(self) -> dict[str, Mapping[str, Sequence[str]]]:
        """By language, the names of each label: those of the data folder, and English ones in any case."""
        return {ENGLISH: self._english, **self.class_names}

    def load(self, reference: str, **kwargs: Any) -> PreTrainedModel:
        """The model with its masked-language-model head and its prompt; everything but the prompt is frozen.

        To be trained it gets a fresh prompt. ModelError where it has no such head, or a prompt of another length.
        """
        training = kwargs.get("ignore_mismatched_sizes", False)
        model = load_masked_head(reference, self.options.head, **kwargs)
        self._settle_prompt(reference, model, training)
        freeze_but_prompt(model)
        model.harness_verbaliser = self._verbaliser(load_tokenizer(Path(reference), self.tokenizer_settings()))
        return model

    def _settle_prompt(self, reference: str, model: PreTrainedModel, training: bool) -> None:
        """Sees to it that the model has the prompt that the options say: the checkpoint's, or a fresh one."""
        stored, length = prompt_of(model), self.options.prompt_length
        if stored is not None and model.config.soft_prompt["place"] != "rows":
            raise ModelError(
                f"{reference}: it has a soft prompt in every text, from the objective 'prompt' or a stage before this one",
                hint="train the prompt of this task on a model without one",
            )
        if stored is not None and not training and len(stored) != length:
            raise ModelError(
                f"{reference}: its soft prompt has {len(stored)} vectors, and prompt_length is {length}",
                hint=f"--set prompt_length={len(stored)}",
            )
        if length and (stored is None or training):
            attach_prompt(model, drawn_vectors(model, length, 0), "rows")
            model.harness_fresh = frozenset({*getattr(model, "harness_fresh", ()), prompt_name(model)})

    def _verbaliser(self, tokenizer: PreTrainedTokenizerBase) -> Verbaliser:
        check_mask_token(tokenizer)
        ids, _, masks = self._template(tokenizer).rows(tokenizer, [("", "")], self.options.max_length)
        return Verbaliser(
            first={code: first_tokens(tokenizer, names) for code, names in self.names.items()},
            neighbours=self.options.neighbours,
            excluded=tokenizer.all_special_ids,
            vocabulary=len(tokenizer),
            empty_row=ids[0].tolist(),
            empty_mask=int(masks[0]),
        )

    def _template(self, tokenizer: PreTrainedTokenizerBase) -> ClozeTemplate:
        return ClozeTemplate.of(tokenizer, self.options.template, self.options.prompt_length)

    def draw_head(self, model: PreTrainedModel, seed: int, carried: Collection[str]) -> list[str]:
        """Draws the prompt anew; the masked-language-model head stays as it is."""
        import torch

        if not self.options.prompt_length:
            raise UsageError(
                "option prompt_length: 0 leaves nothing to train", hint="--train never scores the model as it is"
            )
        torch.manual_seed(seed)
        attach_prompt(model, drawn_vectors(model, self.options.prompt_length, seed), "rows")
        return [prompt_name(model)]

    def head_parameters(self, model: PreTrainedModel) -> Mapping[str, torch.nn.Parameter]:
        """The prompt, and the masked-language-model head where there is one."""
        vectors = prompt_of(model)
        own = {} if vectors is None else {prompt_name(model): vectors}
        return {**own, **super().head_parameters(model)}

    def treatment(self, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
        """``class_names``: the names of the labels by language, which decide what is trained and what is predicted."""
        return {
            "class_names": {
                code: {label: list(of_label) for label, of_label in names.items()} for code, names in self.names.items()
            }
        }

    def predict(self, forward: Forward, units: Sequence[UnitExamples]) -> Iterator[Prediction]:
        """Predicts every unit; its facts say the names that were used, and their language."""
        for prediction in super().predict(forward, units):
            code = prediction.unit.language if prediction.unit.language in self.names else ENGLISH
            own = {"class_names": prediction.facts["class_names"][code], "class_names_language": code}
            yield replace(prediction, facts={**prediction.facts, **own})

    def features(self, tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example], *, training: bool) -> Features:
        """One row an example, with the place of its mask. In training with its label, and which labels there are at all."""
        check_mask_token(tokenizer)
        pairs = [(index, example) for index, example in enumerate(examples) if isinstance(example, Pair)]
        if training:
            pairs = [(index, pair) for index, pair in pairs if pair.label is not None]
        template = self._template(tokenizer)
        texts = [(pair.a, pair.b) for _, pair in pairs]
        ids, types, masks = template.rows(tokenizer, texts, self.options.max_length)
        columns: dict[str, Any] = {"mask_place": masks}
        if training:
            labels = np.array([self._number(pair) for _, pair in pairs], np.int64)
            seen = np.isin(np.arange(len(self.labels)), labels)
            columns |= {"labels": labels, "seen": np.tile(seen, (len(labels), 1))}
        segments = types if "token_type_ids" in tokenizer.model_input_names else None
        return Features(ids, np.array([index for index, _ in pairs], np.int64), segments=segments, columns=columns)

    def _number(self, pair: Pair) -> int:
        if pair.label not in self.labels:
            raise DataError(
                f"example {pair.id!r} has the label {pair.label!r}", hint=f"known: {', '.join(self.labels)}"
            )
        return self.labels.index(pair.label)

    def embedding_rows(self, features: Any) -> None:
        """None: no row of the table is trained."""

    def loss(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Summed loss of the rows, in fp32, and their number.

        Cross-entropy over the vocabulary at the mask, against the tokens of the right class and, with the share
        ``smoothing``, all tokens of no training class; and ``penalty`` times the divergence KL(frozen || prompted), where
        the frozen model sees the row without its prompt.
        """
        import torch

        options = self.options
        log_p = _mask_logits(model, batch).log_softmax(dim=1)
        found = []
        for names, rows in self._by_language(model, batch):
            own, labels = log_p[rows], batch["labels"][rows]
            loss = (options.smoothing - 1) * names.expected(own).gather(1, labels[:, None])[:, 0]
            if options.smoothing:
                known = names.tokens_of(batch["seen"][rows[0]])
                others = (own.sum(1) - own[:, known].sum(1)) / (own.shape[1] - len(known))
                loss = loss - options.smoothing * others
            found.append(loss.sum())
        total = torch.stack(found).sum()
        if options.penalty:
            plain = plain_model(model)
            with torch.no_grad(), evaluation_mode(plain):
                log_q = _mask_logits(plain, without_prompt(batch)).log_softmax(dim=1)
            total = total + options.penalty * (log_q.exp() * (log_q - log_p)).sum()
        return total, batch["labels"].new_tensor(len(log_p))

    def outputs(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """``scores``: fp32, shape (rows, labels), in the task's order of labels."""
        import torch

        tokens = self._scale(_mask_logits(model, batch))
        scores = tokens.new_empty(len(tokens), len(self.labels))
        empty = None
        if self.options.calibrate:
            empty = self._scale(_mask_logits(model, _empty_batch(model, batch)))
        for names, rows in self._by_language(model, batch):
            own = names.class_scores(tokens[rows])
            if empty is not None:
                prior = names.class_scores(empty)
                own = own / prior if self.options.scores == "probabilities" else own - prior
            scores[rows] = own
        return {"scores": torch.as_tensor(scores)}

    def _scale(self, logits: torch.Tensor) -> torch.Tensor:
        """Numbers of tokens that are added up: probabilities, or their logarithms (logits, up to a number of the row)."""
        return logits.softmax(dim=1) if self.options.scores == "probabilities" else logits.log_softmax(dim=1)

    def _by_language(
        self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]
    ) -> Iterator[tuple[NameTokens, torch.Tensor]]:
        """The names of the classes in each language of the batch, with its rows."""
        import torch

        plain: Any = plain_model(model)
        verbaliser, table = plain.harness_verbaliser, plain.get_input_embeddings().weight
        if LANGUAGE not in batch:
            yield verbaliser.names(ENGLISH, table), torch.arange(len(batch["input_ids"]), device=table.device)
            return
        for number in sorted(set(batch[LANGUAGE].tolist())):
            rows = torch.nonzero(batch[LANGUAGE] == number)[:, 0]
            yield verbaliser.names(numbered_language(number), table), rows

    def decode(self, features: Features, outputs: Mapping[str, OutputRows], examples: Sequence[Example]) -> list[str]:
        """The label with the highest score, the earlier one in a tie."""
        if not len(features):
            return []
        scores = np.asarray(outputs["scores"])
        check_finite(np.isfinite(scores))
        return [self.labels[best] for best in scores.argmax(axis=1)]

    def guess(self, kind: str, train: Sequence[Example], unit: UnitExamples, seed: int) -> list[str]:
        """ "majority": the most frequent training label; "random": a uniform draw for each example."""
        count = len(unit.examples)
        if kind == "majority":
            known = (pair.label for pair in train if isinstance(pair, Pair) and pair.label)
            return [most_frequent(known, self.labels)] * count
        return [self.labels[index] for index in random_stream(unit, seed).integers(len(self.labels), size=count)]


def english_names(labels: Sequence[str], text: str) -> dict[str, tuple[str, ...]]:
    """The English names of the labels: ``"sports=sport|game,travel=trip"``, and for others the label itself.

    In a label "_" stands for a space and "/" parts several names. UsageError for names of what is no label.
    """
    names = {
        label: tuple(part.strip() for part in label.replace("_", " ").split("/") if part.strip()) for label in labels
    }
    for entry in filter(None, (entry.strip() for entry in text.split(","))):
        label, _, given = (part.strip() for part in entry.partition("="))
        if label not in names:
            raise UsageError(f"option names: {label!r} is no label of the task", hint=did_you_mean(label, labels))
        own = tuple(name.strip() for name in given.split("|") if name.strip())
        if not own:
            raise UsageError(f"option names: no name for {label!r}", hint="'entailment=yes,sports=sport|game'")
        names[label] = own
    return {label: own or (label,) for label, own in names.items()}


def without_prompt(batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same rows without the places of the prompt, of which each row has as many."""
    ids = batch["input_ids"]
    kept = ids < PLACEHOLDER
    taken = (~kept).cumsum(dim=1).gather(1, batch["mask_place"][:, None])[:, 0]
    found = {
        name: value[kept].view(len(ids), -1) if value.shape == ids.shape else value for name, value in batch.items()
    }
    return {**found, "mask_place": batch["mask_place"] - taken}


def _mask_logits(model: Any, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Logits of all tokens at the mask of each row, fp32, shape (rows, vocabulary)."""
    import torch

    places = batch["mask_place"]
    chosen = torch.zeros_like(batch["input_ids"], dtype=torch.bool)
    chosen[torch.arange(len(places), device=places.device), places] = True
    return masked_logits(model, batch, chosen)


def _empty_batch(model: Any, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A batch of the row of an empty text, on the device of another batch, whose first language it has."""
    verbaliser, like = plain_model(model).harness_verbaliser, batch["input_ids"]
    ids = like.new_tensor([verbaliser.empty_row])
    more = {LANGUAGE: batch[LANGUAGE][:1]} if LANGUAGE in batch else {}
    if "token_type_ids" in batch:
        more["token_type_ids"] = ids.new_zeros(ids.shape)
    mask = ids.new_ones(ids.shape)
    return {"input_ids": ids, "attention_mask": mask, "mask_place": ids.new_tensor([verbaliser.empty_mask]), **more}
