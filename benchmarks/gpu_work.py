"""Work for a GPU: a model of XLM-R large's shape with random weights, and texts of the lengths of XTREME's tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.families.base import Predictor
from harness.types.examples import (
    Answer,
    Choice,
    Example,
    GoldPair,
    Match,
    Pair,
    Question,
    Sentence,
    Tagged,
    Text,
    Translation,
)
from harness.types.units import UnitExamples

LARGE = {
    "vocab_size": 250_002,
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
}
SMALL = {
    "vocab_size": 2_000,
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 128,
}
WORDS = [a + b + c for a in ("ba", "de", "fi", "go", "ku", "la", "me", "no") for b in "lmnrst" for c in "aeiou"]
"""Each is one token of the tokenizer that is trained on them."""


def build_model(folder: Path, shape: dict[str, int]) -> None:
    """An XLM-R encoder of this shape from a fixed seed, kept in bf16, with a tokenizer of far fewer tokens."""
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaModel

    from harness.models.tiny import train_tokenizer

    tokenizer = train_tokenizer([" ".join(WORDS)] * 50, vocabulary=1_500)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = XLMRobertaConfig(**shape, max_position_embeddings=514, type_vocab_size=1)
    XLMRobertaModel(config).bfloat16().save_pretrained(folder)


@dataclass(frozen=True)
class Workload:
    """Examples of one family: ``make(text, i)`` writes the i-th, with ``text(mean)`` for texts of about so many tokens."""

    family: str
    labels: tuple[str, ...]
    make: Callable[[Callable[[int], str], int], Sequence[Example]]
    examples: int
    trained: bool = True

    def predictor(self, **options: Any) -> Predictor:
        """The family with its default options but for ``options``."""
        from harness.registry.default import get_registry
        from harness.registry.registry import load_part

        kind = load_part(get_registry().family(self.family), "implementation")
        return kind(self.labels, kind.Options(**options))  # type: ignore[no-any-return]

    def unit(self, count: int, seed: int = 0) -> UnitExamples:
        """So many examples from a fixed seed."""
        rng = np.random.default_rng(seed)

        def text(mean: int) -> str:
            length = max(int(rng.gamma(6, mean / 6)), 1)
            return " ".join(WORDS[place] for place in rng.integers(len(WORDS), size=length))

        examples = [example for i in range(count) for example in self.make(text, i)]
        return UnitExamples("benchmark", "en", "dev" if self.family == "bitext_mining" else "test", examples)


def _pair(text: Callable[[int], str], i: int) -> list[Example]:
    return [Pair(str(i), text(36), text(22), ("yes", "no", "maybe")[i % 3])]


def _tagged(text: Callable[[int], str], i: int) -> list[Example]:
    words = tuple(text(24).split())
    return [Tagged(str(i), words, tuple(("O", "B-X", "I-X")[place % 3] for place in range(len(words))))]


def _question(text: Callable[[int], str], i: int) -> list[Example]:
    context = text(230)
    answer = context.split()[0]
    return [Question(str(i), text(14), context, (Answer(answer, 0),))]


def _choice(text: Callable[[int], str], i: int) -> list[Example]:
    return [Choice(str(i), text(20), (text(8), text(8)), i % 2)]


def _match(text: Callable[[int], str], i: int) -> list[Example]:
    return [Match(str(i), text(14), text(90))]


def _text(text: Callable[[int], str], i: int) -> list[Example]:
    return [Text(str(i), text(150))]


def _translation(text: Callable[[int], str], i: int) -> list[Example]:
    return [Translation(str(i), text(12), text(12))]


def _mined(text: Callable[[int], str], i: int) -> list[Example]:
    pair = [Sentence(f"f{i}", text(28), english=False), Sentence(f"e{i}", text(28), english=True)]
    return [*pair, GoldPair(f"f{i}", f"e{i}")]


WORKLOADS = {
    "classification": Workload("classification", ("yes", "no", "maybe"), _pair, 20_000),
    "tagging": Workload("tagging", ("O", "B-X", "I-X"), _tagged, 30_000),
    "span_qa": Workload("span_qa", (), _question, 4_000),
    "multiple_choice": Workload("multiple_choice", (), _choice, 10_000),
    "dual_encoder": Workload("dual_encoder", (), _match, 10_000),
    "mlm": Workload("mlm", (), _text, 2_000),
    "bitext_retrieval": Workload("bitext_retrieval", (), _translation, 20_000, trained=False),
    "bitext_mining": Workload("bitext_mining", (), _mined, 20_000, trained=False),
}

EVALUATED = {  # workload, tokens an example with XLM-R's tokenizer (estimates)
    "xnli": ("classification", 62),
    "pawsx": ("classification", 62),
    "panx": ("tagging", 20),
    "udpos": ("tagging", 32),
    "xquad": ("span_qa", 260),
    "mlqa": ("span_qa", 250),
    "tydiqa": ("span_qa", 200),
    "tatoeba": ("bitext_retrieval", 28),
    "bucc2018": ("bitext_mining", 30),
}
TRAINED = {
    "xnli": ("classification", 40),
    "pawsx": ("classification", 56),
    "panx": ("tagging", 20),
    "udpos": ("tagging", 26),
    "squad": ("span_qa", 190),
    "tydiqa": ("span_qa", 200),
}
BUCC = {"fr": (271_874, 369_810), "de": (413_869, 399_337), "ru": (460_853, 558_401), "zh": (94_637, 88_860)}
"""Sentences of both sides of the pools that XTREME mines: the training sets of the shared task BUCC 2018."""


def suite_tokens() -> dict[str, tuple[str, int]]:
    """For each task of XTREME its workload and the tokens of its test sets, by their official sizes."""
    from harness.registry.default import get_registry

    registry, found = get_registry(), {}
    for name, codes in registry.benchmark("xtreme").tasks.items():
        task = registry.task(name)
        examples = sum(task.languages[code]["test"].rows or 0 for code in codes)
        workload, each = EVALUATED[name]
        examples = sum(map(sum, BUCC.values())) if name == "bucc2018" else examples
        found[name] = workload, examples * each
    return found


def training_tokens() -> dict[str, tuple[str, int]]:
    """For each English fine-tuning its workload and its tokens, over all epochs of XTREME's recipe."""
    from harness.registry.default import get_registry

    registry = get_registry()
    recipe, found = registry.recipe("xtreme"), {}
    for name, (workload, each) in TRAINED.items():
        split = registry.intermediate(name).train if name == "squad" else registry.task(name).train
        epochs = recipe.tasks.get(name, {}).get("epochs", recipe.defaults["epochs"])
        found[name] = workload, int(split.rows * epochs * each)
    return found
