"""Made pictures of one thing each, with captions, for tests: which colour and which shape it is, the picture alone tells."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from harness import AdditiveMetric, Captioned, FileData, IntermediateTask, Picture, Split, hookimpl
from harness.registry.registry import Registry
from harness.scoring.metrics.base import percent

COLOURS = {"red": (220, 30, 30), "blue": (30, 30, 220), "green": (30, 180, 30), "yellow": (230, 220, 40)}
SHAPES = {"square": (14, 14), "bar": (5, 26)}
SIZE = 32


def png(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    from PIL import Image

    found = BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(found, kind)
    return found.getvalue()


def drawn(count: int, seed: int = 0) -> list[Captioned]:
    """Captioned pictures of a square or a bar in one of four colours, somewhere on grey."""
    rng = np.random.default_rng(seed)
    return [_drawn(number, seed, rng) for number in range(count)]


def _drawn(number: int, seed: int, rng: np.random.Generator) -> Captioned:
    colour, shape = str(rng.choice(list(COLOURS))), str(rng.choice(list(SHAPES)))
    height, width = SHAPES[shape]
    pixels = np.full((SIZE, SIZE, 3), rng.integers(90, 160))
    top, left = rng.integers(0, SIZE - height), rng.integers(0, SIZE - width)
    pixels[top : top + height, left : left + width] = COLOURS[colour]
    caption = f"the picture has a {colour} {shape} in it"
    spans = tuple((caption.index(word), caption.index(word) + len(word)) for word in (colour, shape))
    name = f"{seed}-{number}"
    return Captioned(name, Picture.of_bytes(png(pixels), f"{name}.png"), caption, "en", spans=spans)


class NamedThings(AdditiveMetric):
    """The share of captions that name the right colour ("colour"), and the right shape ("shape")."""

    name = "named_things"
    primary = ("colour", "shape")

    def statistics(self, gold: Sequence[Mapping[str, Any]], predicted: Sequence[str | None], language: str) -> Any:
        rows = zip(gold, predicted, strict=True)
        return np.array(
            [
                [*(_named(known["caption"], names) == _named(said or "", names) for names in (COLOURS, SHAPES)), 1.0]
                for known, said in rows
            ]
        )

    def finish(self, sums: Any) -> dict[str, Any]:
        return {"colour": percent(sums[..., 0], sums[..., 2]), "shape": percent(sums[..., 1], sums[..., 2])}


def _named(caption: str, names: Mapping[str, object]) -> set[str]:
    return set(caption.split()) & set(names)


def write_drawn(folder: Path, train: int, dev: int) -> Path:
    """The data of the task ``drawn`` (:class:`DrawnPlugin`) under ``folder``."""
    (folder / "drawn").mkdir(parents=True)
    for name, count, seed in (("train", train, 0), ("dev", dev, 1)):
        rows = [
            {
                "id": each.id,
                "png": b64encode(each.image.read()).decode(),
                "caption": each.caption,
                "spans": each.spans,
            }
            for each in drawn(count, seed)
        ]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / "drawn" / f"{name}.jsonl").write_text(text, encoding="utf-8")
    return folder


def _lines(path: Path) -> Iterator[Any]:
    return map(json.loads, path.read_text(encoding="utf-8").splitlines())


def _read(row: Any) -> Captioned:
    spans = tuple((begin, end) for begin, end in row["spans"])
    return Captioned(row["id"], Picture.of_bytes(b64decode(row["png"]), row["id"]), row["caption"], "en", spans=spans)


def _split(name: str) -> Split:
    return Split(FileData((f"drawn/{name}.jsonl",), _lines, "it is made by the test"))


class DrawnPlugin:
    """The intermediate task ``drawn``."""

    @staticmethod
    @hookimpl
    def harness_intermediate_tasks() -> Iterator[IntermediateTask]:
        yield IntermediateTask(
            "drawn",
            1,
            "captioning",
            _split("train"),
            _read,
            f"{__name__}:NamedThings",
            dev=_split("dev"),
            summary="what is drawn?",
            licence="CC0 1.0",
            citation="nobody",
            options={"max_length": 48},
        )


def registry() -> Registry:
    found = Registry()
    found.add(DrawnPlugin(), "drawn")
    return found


def small_reader(folder: Path, *, width: int = 64, dropout: float = 0.0) -> Path:
    """Saves a random XLM-R of two layers with a head for masked tokens, whose tokens are the words of the captions."""
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

    from harness.models.tiny import train_tokenizer

    tokens = train_tokenizer([each.caption for each in drawn(200)], vocabulary=500)
    # How many tokens are hidden must not tell the word.
    assert {len(tokens.tokenize(f"a {word}")) for word in (*COLOURS, *SHAPES)} == {2}
    tokens.save_pretrained(folder)
    torch.manual_seed(3)
    config = XLMRobertaConfig(
        vocab_size=len(tokens),
        hidden_size=width,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=2 * width,
        max_position_embeddings=66,
        type_vocab_size=1,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    XLMRobertaForMaskedLM(config).save_pretrained(folder)
    return folder
