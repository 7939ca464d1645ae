"""Captions of pictures by a text model: masked tokens of a caption are guessed with the picture in front of it.

A tower makes a few vectors of the picture, which stand before the row of the caption. The text model and the tower are
trained; what is written is the text model alone, unless the options say something else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from harness.core.arrays import OutputRows
from harness.core.errors import DataError, ModelError, UsageError, check_choice
from harness.families._caption_rows import MASKS, CaptionRows, filled, gaps, groups, in_front
from harness.families.base import HeadFamily
from harness.families.baseline import random_stream
from harness.families.text_rows import Mask
from harness.inference.features import Features, Ragged
from harness.inference.tokenization import RowTemplate, encode_pairs
from harness.models.config import WHERE, load_config
from harness.models.fingerprint import model_fingerprint
from harness.models.heads import plain_model, quiet
from harness.models.image_tower import (
    CONVOLUTIONS,
    KINDS,
    PATCHES,
    attach_tower,
    drawn_projector,
    drawn_squares,
    keep_tower,
    release_tower,
    shown,
    take_off_tower,
    tower_names,
    tower_of,
)
from harness.models.masked_head import HEADS, load_masked_head, masked_logits, masked_loss
from harness.models.places import PLACEHOLDER
from harness.models.prompt import attach_prompt, drawn_vectors
from harness.models.vision import colour_scale, load_vision, vision_size
from harness.types.examples import Captioned, Example
from harness.types.roles import MEASURES, option
from harness.types.units import UnitExamples

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_WRITES = "encoders such as XLM-R and mBERT fill in gaps; a model with a decoder writes captions: --via 'TASK@written'"
AT_INFERENCE = ("removed", "null", "kept")
BLANK_SHARE = 0.1
"""Share of the rows that see the constant vectors in place of a picture, where these stay in the checkpoint."""


class Captioning(HeadFamily):
    """A prediction is a caption, of which the marked stretches are guessed, all at once.

    The checkpoint's own masked-language-model head is trained along. A tower is drawn for each stage.
    """

    @dataclass(frozen=True)
    class Options:
        """``max_length`` counts all tokens of a row; captions are cut, the places of the picture never are.

        ``prefix`` is the number of vectors of a picture (0: captions alone), ``mask_share`` the share of a caption that is
        predicted: of its "tokens", of its "words", each with all of its tokens, or of its marked "spans", as ``mask`` says.
        Of tokens and words 80% are masked, 10% replaced, 10% kept. Spans are always masked, as they are where captions are
        predicted, and nothing else is hidden; a caption without any is hidden by words. ``tower`` is "patches" or
        "convolutions", trained from nothing on pictures of ``image_size`` pixels a side, with a vector for each square of
        ``patch``, or the folder of a CLIP or SigLIP model, which is frozen. ``tower_at_inference`` says what of it is in the
        checkpoint: nothing ("removed"), constant vectors that are learned in its place ("null"), or the tower, which sees a
        blank picture ("kept"). ``head`` "tied" scores tokens by the input embeddings, for encoders without a
        masked-language-model head.
        """

        max_length: int = option(128, MEASURES)
        prefix: int = option(16, MEASURES)
        mask_share: float = option(0.5, MEASURES)
        mask: str = option("tokens", MEASURES, keyed="changed")
        tower: str = option(PATCHES, MEASURES, keyed="never")
        patch: int = option(8, MEASURES)
        image_size: int = option(32, MEASURES)
        tower_at_inference: str = option("removed", MEASURES)
        head: str = option("checkpoint", MEASURES)

        def __post_init__(self) -> None:
            """Refuses names and numbers that mean nothing, and patches that are not as many as the vectors."""
            check_choice("tower_at_inference", self.tower_at_inference, AT_INFERENCE)
            check_choice("head", self.head, HEADS)
            check_choice("mask", self.mask, MASKS)
            if self.prefix < 0:
                raise UsageError(f"option prefix: 0 or more expected, not {self.prefix}")
            if not 0 < self.mask_share <= 1:
                raise UsageError(f"option mask_share: a number above 0, up to 1, expected, not {self.mask_share!r}")
            if not self.prefix and self.tower_at_inference != "removed":
                raise UsageError(
                    f"option tower_at_inference: {self.tower_at_inference!r} keeps vectors, and prefix is 0",
                    hint="--set prefix=16",
                )
            if self.prefix and self.tower in KINDS:
                _check_squares(self.prefix, self.patch, self.image_size)
            if self.prefix and self.tower == CONVOLUTIONS and (self.patch < 2 or self.patch & (self.patch - 1)):
                raise UsageError(
                    f"option patch: convolutions halve a picture to squares of 2, 4, 8, ... pixels, not of {self.patch}"
                )

    options: Options

    @property
    def reads_images(self) -> bool:  # type: ignore[override]
        """Captions alone are text."""
        return self.options.prefix > 0

    def load(self, reference: str, **kwargs: Any) -> PreTrainedModel:
        """The model with its masked-language-model head, and with the tower of the checkpoint where that has one.

        To be trained, or else, it gets a fresh one. ModelError where it has no such head.
        """
        if kwargs.get("quantization_config") is not None:
            raise UsageError("--quant: captions are not learned by a model in 8 or 4 bits", hint="train without")
        model = self.load_network(reference, **kwargs)
        release_tower(model)
        if kwargs.get("ignore_mismatched_sizes", False) or tower_of(model) is None:
            take_off_tower(model)
            self._put_on_tower(model, 0)
            model.harness_fresh = frozenset({*getattr(model, "harness_fresh", ()), *tower_names(model)})
        return model

    def load_network(self, reference: str, **kwargs: Any) -> PreTrainedModel:
        """The model with its head; ModelError for an encoder-decoder, which guesses no tokens of what it reads."""
        with quiet():
            config = load_config(reference, **{name: kwargs[name] for name in WHERE if name in kwargs})
        if config.is_encoder_decoder:
            raise ModelError(f"{reference}: an encoder-decoder fills in no gaps of captions", hint=_WRITES)
        return load_masked_head(reference, self.options.head, **kwargs)

    def _put_on_tower(self, model: PreTrainedModel, seed: int) -> None:
        """Draws the tower, and the constant vectors where there are some."""
        options = self.options
        if not options.prefix:
            return
        if options.tower in KINDS:
            tower = drawn_squares(model, options.tower, options.image_size, options.patch, seed)
        else:
            folder, there = Path(options.tower), tower_of(model)
            vision = load_vision(folder) if there is None else cast(Any, there).vision
            about = {**colour_scale(folder), "fingerprint": model_fingerprint(folder)}
            tower = drawn_projector(model, vision, options.prefix, about, seed)
        if options.tower_at_inference == "null":
            import torch

            tower.constant = torch.nn.Parameter(drawn_vectors(model, options.prefix, seed))
        attach_tower(model, tower)

    def draw_head(self, model: PreTrainedModel, seed: int, carried: Collection[str]) -> list[str]:
        """Draws the tower anew; the masked-language-model head stays as it is."""
        import torch

        self._put_on_tower(model, seed)
        torch.manual_seed(seed)
        return tower_names(model)

    def head_parameters(self, model: PreTrainedModel) -> Mapping[str, torch.nn.Parameter]:
        """The trained parameters of the tower, and the masked-language-model head where there is one."""
        tower = dict(model.named_parameters())
        return {**{name: tower[name] for name in tower_names(model)}, **super().head_parameters(model)}

    def treatment(self, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
        """``tower``: the fingerprint of the vision model, where one is used, or the kind of a trained one but for patches."""
        tower = self.options.tower
        if not self.options.prefix or tower == PATCHES:
            return {}
        return {"tower": tower if tower in KINDS else model_fingerprint(Path(tower))}

    def finish(self, model: PreTrainedModel) -> PreTrainedModel:
        """The text model, with what ``tower_at_inference`` leaves of the tower."""
        plain = plain_model(model)
        tower = tower_of(plain)
        if tower is None:
            return model
        if self.options.tower_at_inference == "kept":
            keep_tower(plain)
            return model
        constant = tower.constant
        take_off_tower(plain)
        if constant is not None:
            attach_prompt(plain, constant.detach(), "before")
        return model

    def share_encoder(self, first: PreTrainedModel, model: PreTrainedModel, carried: Collection[str]) -> None:
        """The encoder of ``first`` gets the tower of this task, which no row of another task sees."""
        tower = tower_of(model)
        super().share_encoder(first, model, carried)
        if tower is not None and tower_of(model) is not None:
            raise UsageError("two tasks of captions in one stage: each has its tower", hint="--via a --via b")
        if tower is not None:
            attach_tower(model, tower)

    def features(
        self, tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example], *, training: bool
    ) -> CaptionRows:
        """One row a caption. In training tokens are hidden anew at every step; else the marked stretches are."""
        if tokenizer.mask_token_id is None:
            raise ModelError(f"{tokenizer.name_or_path}: the tokenizer has no mask token", hint=_WRITES)
        captions = captions_of(examples)
        self.check_pictures(captions)
        length, room = self.options.prefix, self._room(tokenizer)
        ids, segments = self._rows(tokenizer, captions)
        places = np.arange(PLACEHOLDER, PLACEHOLDER + length)
        rows = CaptionRows(
            in_front(ids, places),
            np.arange(len(ids)),
            segments=None if segments is None else in_front(segments, np.zeros(length, np.int64)),
            pictures=[caption.image for caption in captions],
            length=length,
            size=self.size,
        )
        if training:
            null = self.options.tower_at_inference == "null"
            mask = Mask.of(tokenizer, self.options.mask_share)
            together = self.options.mask
            return replace(
                rows,
                mask=mask,
                groups=() if together == "tokens" else groups(tokenizer, captions, together, ids.lengths),
                plainly=together == "spans",
                blank_share=BLANK_SHARE if null else 0.0,
            )
        behind = length + RowTemplate.of(tokenizer, 1).texts[0]
        found = gaps(tokenizer, captions, behind, room)
        asked = np.zeros(len(rows.ids.values), np.int64)
        for start, own in zip(rows.ids.offsets.tolist(), found, strict=False):
            for gap in own:
                asked[start + gap.tokens.start : start + gap.tokens.stop] = 1
        hidden = np.where(asked > 0, tokenizer.mask_token_id, rows.ids.values)
        return replace(
            rows,
            ids=Ragged(hidden, rows.ids.offsets),
            aligned={"asked": (Ragged(asked, rows.ids.offsets), 0)},
            facts={"gaps": found, "tokenizer": tokenizer},
        )

    def text_rows(self, tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example], *, training: bool) -> Features:
        """The rows of the captions, without places and pictures, which need not be there."""
        ids, segments = self._rows(tokenizer, captions_of(examples))
        return Features(ids, np.arange(len(ids)), segments=segments)

    def _rows(self, tokenizer: PreTrainedTokenizerBase, captions: Sequence[Captioned]) -> tuple[Ragged, Ragged | None]:
        """Ids and token types of the captions, which leave room for the places in front of them."""
        texts = [caption.caption for caption in captions]
        return encode_pairs(tokenizer, texts, None, self.options.max_length - self.options.prefix)

    def _room(self, tokenizer: PreTrainedTokenizerBase) -> int:
        """The tokens of a caption that a row has."""
        return RowTemplate.of(tokenizer, 1).room(tokenizer, self.options.max_length - self.options.prefix)

    @property
    def size(self) -> int:
        """The pixels on a side of the pictures that the tower takes."""
        if not self.options.prefix or self.options.tower in KINDS:
            return self.options.image_size
        return vision_size(Path(self.options.tower))

    def check_pictures(self, captions: Sequence[Captioned]) -> None:
        """DataError where a picture is not there and the model is to see it."""
        missing = [caption.image for caption in captions if not caption.image.digest] if self.options.prefix else []
        if missing:
            more = f", nor are {len(missing) - 1:,} others" if len(missing) > 1 else ""
            raise DataError(
                f"{missing[0].path or missing[0].name}: this picture is not there{more}",
                hint="put the pictures beside their captions; or train on the captions alone: 'TASK@masked'",
            )

    def embedding_rows(self, features: Any) -> None:
        """None: a token may be replaced by any other, and the head predicts all of them."""

    def loss(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Summed cross-entropy of the predicted tokens, in fp32, and their number."""
        with self.seeing(model, batch):
            return masked_loss(model, batch)

    def outputs(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """``tokens``: the row, with the likeliest token in each place that is asked for."""
        asked = batch["asked"] > 0
        with self.seeing(model, batch):
            logits = masked_logits(model, batch, asked)
        tokens = batch["input_ids"].clone()
        tokens[asked] = logits.argmax(dim=1)
        return {"tokens": tokens}

    def seeing(self, model: Any, batch: Mapping[str, torch.Tensor]) -> AbstractContextManager[None]:
        """Within, the model sees the pictures of a batch at the places of its rows."""
        if "pixels" not in batch:
            return nullcontext()
        return shown(plain_model(model), batch["pixels"], batch.get("blank"), batch.get("picture"))

    def decode(self, features: Features, outputs: Mapping[str, OutputRows], examples: Sequence[Example]) -> list[str]:
        """The captions, with what the model has said in their gaps."""
        if not len(features):
            return []
        tokenizer: Any = features.facts["tokenizer"]
        every: Any = features.facts["gaps"]
        known, said = len(tokenizer), []
        for caption, found, tokens in zip(captions_of(examples), every, outputs["tokens"], strict=True):
            words = [[int(token) for token in tokens[gap.tokens.start : gap.tokens.stop]] for gap in found]
            plain = [
                tokenizer.decode([token for token in own if token < known], skip_special_tokens=True).strip()
                for own in words
            ]
            said.append(filled(caption.caption, found, plain))
        return said

    def guess(self, kind: str, train: Sequence[Example], unit: UnitExamples, seed: int) -> list[str]:
        """ "majority": the most frequent training caption; "random": any of them."""
        captions = [caption.caption for caption in captions_of(train)]
        count = len(unit.examples)
        if not captions:
            return [""] * count
        if kind == "majority":
            return [Counter(captions).most_common(1)[0][0]] * count
        return [captions[index] for index in random_stream(unit, seed).integers(len(captions), size=count)]


def captions_of(examples: Sequence[Example]) -> list[Captioned]:
    """The examples, all of which must be captions of pictures; UsageError where they are not."""
    captions = [example for example in examples if isinstance(example, Captioned)]
    if len(captions) < len(examples):
        kinds = {type(example).__name__ for example in examples if not isinstance(example, Captioned)}
        raise UsageError(f"captioning is learned from captions of pictures, not from {min(kinds)} examples")
    return captions


def _check_squares(prefix: int, patch: int, size: int) -> None:
    """UsageError where squares of ``patch`` pixels do not cut pictures into as many as there are vectors."""
    if patch < 1 or size < patch or size % patch:
        raise UsageError(f"option patch: pictures of {size} pixels a side are not cut into squares of {patch}")
    if (size // patch) ** 2 != prefix:
        raise UsageError(
            f"option prefix: a picture of {size} pixels a side has {(size // patch) ** 2} squares of {patch}, not {prefix}",
            hint=f"--set prefix={(size // patch) ** 2}, or another patch or image_size",
        )
