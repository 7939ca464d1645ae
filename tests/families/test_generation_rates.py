"""The wrong-language rate of a small model that writes three languages and is then trained in English at several rates."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from harness import Source, get_metric
from harness.data.sample import sample_text
from harness.data.sources import LoadedSplit
from harness.families.generation import Generation
from harness.inference.session import Compute, open_model
from harness.models import tiny_seq2seq
from harness.models.resolve import Access, check_folder
from harness.models.tiny import train_tokenizer
from harness.scoring.formats.texts import Texts
from harness.training.stage import Stage, StageTask
from harness.training.train_stage import train_stage
from harness.types.options import TrainOptions, build
from harness.types.sources import Split
from harness.types.tasks import IntermediateTask
from harness.types.units import UnitExamples

CODES = ("en", "ru", "ko")
TEXTS = {code: [text for text in sample_text(code) if len(text) < 40][:330] for code in CODES}


def sources(code: str, texts: list[str]) -> list[Source]:
    """Sentences that lack a word in five."""

    def noised(text: str, seed: int) -> str:
        random = Random(seed)
        return " ".join(word for word in text.split() if random.random() >= 0.2)

    return [Source(f"{code}-{i}", noised(text, i), text) for i, text in enumerate(texts)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("writes-three")
    texts = [text for code in CODES for text in TEXTS[code][:300]]
    tokenizer = train_tokenizer(texts, vocabulary=900)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiny_seq2seq, "SENTENCES_A_STEP", 32)
        patch.setattr(tiny_seq2seq, "_LR", 5e-3)
        tiny_seq2seq.pretrain_seq2seq(tokenizer, texts, 200, 64).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def rates(model: Path, out: Path, lr: float) -> dict[str, float]:
    """The wrong-language rate of each language after training in English at a learning rate."""
    own = Generation((), build(Generation.Options, {"max_length": 48, "max_new_tokens": 24}))
    task = IntermediateTask("t", 1, "generation", Split(), lambda row: None, "generation", (), dev=Split())
    english = sources("en", TEXTS["en"][:300])
    split = LoadedSplit(english, len(english), None, "test", [], "none", languages=["en"] * len(english))
    how: dict[str, Any] = {"max_steps": 60, "batch": 16, "select": "last", "lr": lr}
    stage = Stage(
        (StageTask(task, split, None, own, Texts()),), check_folder(model, "model"), TrainOptions(**how), "fp32"
    )
    trained = train_stage(stage, model, out / f"{lr:g}", compute=Compute()).folder
    session = open_model(trained, Access(offline=True), Compute())
    units = [UnitExamples("t", code, "test", sources(code, TEXTS[code][300:])) for code in CODES]
    found = {}
    for prediction in own.predict(session.forward(session.network(own.load)), units):
        targets = [example.target for example in prediction.unit.examples]
        code = prediction.unit.language
        found[code] = get_metric("generation").compute(targets, prediction.predictions, code)["wrong_language"]
    return found


def test_the_higher_the_learning_rate_the_more_texts_are_in_english(model: Path, tmp_path: Path) -> None:
    low, high = rates(model, tmp_path, 1e-5), rates(model, tmp_path, 1e-2)
    assert high["en"] <= 20  # which English data alone would show
    for code in ("ru", "ko"):
        assert low[code] < 40 and high[code] > 90 and high[code] - low[code] > 50
