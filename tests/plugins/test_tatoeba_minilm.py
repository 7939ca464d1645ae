"""Tatoeba with a real encoder: every language's accuracy equals a plain computation that shares no code with ours."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.cli.main import main

LANGUAGES = {
    "ar": "ara", "de": "deu", "es": "spa", "et": "est", "fr": "fra", "hi": "hin",
    "ja": "jpn", "ru": "rus", "sw": "swh", "tr": "tur", "vi": "vie", "zh": "cmn",
}  # fmt: skip
LIMIT = 60


def plain_vectors(folder: Path, sentences: list[str], layer: int) -> np.ndarray:
    """Tokenise, mean of a hidden state over all tokens, divide by the length of the vector."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    vectors = []
    for start in range(0, len(sentences), 50):
        batch = tokenizer(
            sentences[start : start + 50], padding=True, truncation=True, max_length=256, return_tensors="pt"
        )
        with torch.inference_mode():
            hidden = model(**batch, output_hidden_states=True).hidden_states[layer]
        mask = batch["attention_mask"][:, :, None]
        vectors.append(((hidden * mask).sum(1) / mask.sum(1)).numpy())
    joined = np.concatenate(vectors).astype(np.float64)
    return joined / np.linalg.norm(joined, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def run(shared_data: Path, minilm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "tatoeba"
    words = ["--task", "tatoeba", "--data-dir", str(shared_data), "--offline", "--limit", str(LIMIT), "--dtype", "fp32"]
    assert main(["eval", "--model", str(minilm), *words, "--out", str(out)]) == 0
    return out


def test_every_language_that_there_is_has_a_score(run: Path) -> None:
    record = json.loads((run / "record.json").read_text(encoding="utf-8"))
    assert {key.split("/")[1] for key in record["units"]} == set(LANGUAGES)
    for unit in record["units"].values():  # the last of MiniLM's six, as its modules.json says
        assert (unit["facts"]["layer"], unit["facts"]["pool"], unit["facts"]["max_length"]) == (6, "mean", 256)
        assert unit["facts"]["layer_from"] == "last: the authors' modules.json"


def test_accuracies_equal_a_plain_computation(run: Path, shared_data: Path, minilm: Path) -> None:
    import pyarrow.parquet as pq

    from harness.data.sources import load_examples
    from harness.registry.default import get_registry

    task = get_registry().task("tatoeba")
    units = json.loads((run / "record.json").read_text(encoding="utf-8"))["units"]
    for code, iso in LANGUAGES.items():
        split = task.languages[code]["test"]
        chosen = load_examples(task, split, data_dir=shared_data, offline=True, limit=LIMIT).examples
        table = pq.read_table(
            shared_data / f"google/xtreme/tatoeba.{iso}/validation-00000-of-00001.parquet"
        ).to_pylist()
        pairs = {(row["source_sentence"].strip(), row["target_sentence"].strip()) for row in table}
        foreign, english = [example.foreign for example in chosen], [example.english for example in chosen]
        assert set(zip(foreign, english, strict=True)) <= pairs
        vectors = plain_vectors(minilm, foreign + english, layer=6)
        index, queries = vectors[: len(foreign)], vectors[len(foreign) :]
        # the official direction: English sentences look for their translation among the foreign ones
        accuracy = 100 * np.mean((queries @ index.T).argmax(axis=1) == np.arange(len(english)))
        assert units[f"tatoeba/{code}/test"]["score"]["metrics"]["accuracy"]["value"] == pytest.approx(
            accuracy, abs=1e-9
        )
