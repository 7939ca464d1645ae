"""Sentence retrieval and mining as families, on real sentences with a real encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core.errors import DataError, UsageError
from harness.families.bitext_mining import BitextMining
from harness.families.bitext_retrieval import BitextRetrieval
from harness.inference.forward import Forward
from harness.retrieval.knn import resolve_backend
from harness.types.examples import Example, GoldPair, Sentence, Translation
from harness.types.units import UnitExamples


@pytest.fixture(scope="module")
def forward(minilm: Path) -> Forward:
    from transformers import AutoTokenizer

    model = BitextRetrieval((), BitextRetrieval.Options()).load(str(minilm)).eval()
    return Forward(model, AutoTokenizer.from_pretrained(minilm), "cpu")


def tatoeba(folder: Path, code: str, count: int) -> UnitExamples:
    import pyarrow.parquet as pq

    [path] = (folder / "google/xtreme" / f"tatoeba.{code}").glob("*.parquet")
    rows = pq.read_table(path).slice(0, count).to_pylist()
    pairs = [
        Translation(str(i), row["source_sentence"].rstrip("\n"), row["target_sentence"].rstrip("\n"))
        for i, row in enumerate(rows)
    ]
    return UnitExamples("tatoeba", code[:2], "test", pairs)


def plain_vectors(forward: Forward, sentences: list[str], layer: int) -> Any:
    """Padded batches as they come, mean over all tokens, by the book."""
    import torch

    batch = forward.tokenizer(sentences, padding=True, truncation=True, max_length=512, return_tensors="pt")
    with torch.inference_mode():
        states = forward.model(**batch, output_hidden_states=True).hidden_states[layer]
    mask = batch["attention_mask"][:, :, None]
    return torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1)).double()


def test_tatoeba_equals_a_plain_computation(forward: Forward, shared_data: Path) -> None:
    units = [tatoeba(shared_data, "deu", 120), tatoeba(shared_data, "fra", 40)]
    predicted = list(BitextRetrieval((), BitextRetrieval.Options()).predict(forward, units))
    assert [prediction.unit for prediction in predicted] == units
    for unit, prediction in zip(units, predicted, strict=True):
        english = sorted(pair.english for pair in unit.examples)
        foreign = plain_vectors(forward, [pair.foreign for pair in unit.examples], 3)
        similar = plain_vectors(forward, english, 3) @ foreign.T
        assert prediction.predictions == similar.argmax(1).tolist()
        assert prediction.facts == {
            "layer": 3, "layer_from": "by depth, as XTREME does", "pool": "mean", "prompt": "none", "max_length": 512,
            "dimension": 384, "index": resolve_backend("auto"),
        }  # fmt: skip
        hits = sum(
            unit.examples[row].english == sentence
            for row, sentence in zip(prediction.predictions, english, strict=True)
        )
        assert hits / len(english) > 0.05  # an English encoder finds names, numbers and cognates; chance is 0.01


def test_layer_and_index_are_options(forward: Forward, shared_data: Path) -> None:
    unit = tatoeba(shared_data, "deu", 40)
    found = {}
    pytest.importorskip("faiss")
    for index in ("faiss", "torch"):
        options = BitextRetrieval.Options(layer=6, pool="cls", index=index)
        [prediction] = BitextRetrieval((), options).predict(forward, [unit])
        assert prediction.facts == {
            "layer": 6, "layer_from": "as asked", "pool": "cls", "prompt": "none", "max_length": 512,
            "dimension": 384, "index": index,
        }  # fmt: skip
        found[index] = prediction.predictions
    assert found["faiss"] == found["torch"]


def test_all_layers_come_from_one_pass_and_none_is_chosen_on_the_test_set(forward: Forward, shared_data: Path) -> None:
    unit = tatoeba(shared_data, "deu", 40)
    [every] = BitextRetrieval((), BitextRetrieval.Options(layer="all")).predict(forward, [unit])
    [alone] = BitextRetrieval((), BitextRetrieval.Options()).predict(forward, [unit])
    assert (every.predictions, every.facts["layer"]) == (alone.predictions, 3)
    curve = every.facts["curve"]
    assert (curve["split"], curve["metric"], len(curve["values"])) == ("test", "accuracy", 7)
    order = sorted(range(40), key=lambda row: unit.examples[row].english)
    for layer in (0, 3, 6):
        [one] = BitextRetrieval((), BitextRetrieval.Options(layer=layer)).predict(forward, [unit])
        right = sum(found == row for found, row in zip(one.predictions, order, strict=True))
        assert curve["values"][layer] == pytest.approx(100 * right / 40, abs=1e-3)


def test_units_in_groups_equal_units_together(
    forward: Forward, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.retrieval import embed_units

    units = [tatoeba(shared_data, code, 20) for code in ("deu", "fra", "spa")]
    calls: list[int] = []
    embed = embed_units.embed

    def counting(forward: Forward, sentences: Any, **options: Any) -> Any:
        calls.append(len(sentences))
        return embed(forward, sentences, **options)

    monkeypatch.setattr(embed_units, "embed", counting)
    sentences = lambda unit: [text for pair in unit.examples for text in (pair.foreign, pair.english)]  # noqa: E731
    options = {"layer": 1, "pool": "mean", "max_length": 32}
    together = list(embed_units.embed_units(forward, units, sentences, **options))
    one_by_one = list(embed_units.embed_units(forward, units, sentences, **options, held=1))
    assert len(calls) == 4
    assert calls[0] <= sum(calls[1:])
    for one, other in zip(together, one_by_one, strict=True):
        np.testing.assert_allclose(one.of(sentences(one.unit)), other.of(sentences(one.unit)), atol=1e-5)


def test_retrieval_baselines_guess_rows_of_the_pool_from_the_seed() -> None:
    unit = UnitExamples("tatoeba", "de", "test", [Translation(str(i), f"f{i}", f"e{i}") for i in range(50)])
    family = BitextRetrieval((), BitextRetrieval.Options())
    assert family.guess("majority", [], unit, 0) == [0] * 50
    random = family.guess("random", [], unit, 0)
    assert random == family.guess("random", [], unit, 0) != family.guess("random", [], unit, 1)
    assert set(random) <= set(range(50))
    with pytest.raises(DataError, match="tatoeba de test"):
        family.guess("random", [], UnitExamples("tatoeba", "de", "test", []), 0)


@pytest.fixture(scope="module")
def pools(shared_data: Path) -> dict[str, list[Example]]:
    """Dev and test from the stand-in for BUCC: 60 pairs each, hidden among 60 lonely sentences a side."""
    folder = shared_data / "mining_made" / "de-en"
    table = {
        end: [line.split("\t") for line in (folder / f"de-en.dev.{end}").read_text("utf-8").splitlines()]
        for end in ("de", "en", "gold")
    }
    paired = {name for pair in table["gold"] for name in pair}
    splits: dict[str, list[Example]] = {}
    for number, split in enumerate(("dev", "test")):
        gold = table["gold"][60 * number :][:60]
        wanted = {name for pair in gold for name in pair}
        for end in ("de", "en"):
            wanted |= set([name for name, _ in table[end] if name not in paired][60 * number :][:60])
        splits[split] = [
            Sentence(name, text, end == "en") for end in ("de", "en") for name, text in table[end] if name in wanted
        ] + [GoldPair(*pair) for pair in gold]
    return splits


def f1(predicted: Any, examples: list[Example]) -> float:
    gold = {(pair.foreign, pair.english) for pair in examples if isinstance(pair, GoldPair)}
    return 200 * len(gold & set(predicted)) / (len(gold) + len(set(predicted)))


def test_mining_finds_pairs_and_learns_its_threshold_on_dev(forward: Forward, pools: dict[str, list[Example]]) -> None:
    test_sentences = [example for example in pools["test"] if isinstance(example, Sentence)]
    units = [
        UnitExamples("bucc2018", "de", "dev", pools["dev"]),
        UnitExamples("bucc2018", "de", "test", test_sentences, pools["dev"]),  # as released: no gold with the test set
    ]
    on_dev, on_test = BitextMining((), BitextMining.Options(layer=6)).predict(forward, units)
    assert on_dev.facts["threshold_from"] == "dev (itself)"
    assert on_test.facts["threshold_from"] == "dev"
    assert on_test.facts["threshold"] == pytest.approx(on_dev.facts["threshold"], abs=1e-5)
    assert on_dev.facts["dev_f1"] == pytest.approx(f1(on_dev.predictions, pools["dev"]))
    # Chance is below 1; an English encoder gets this far by names, numbers and cognates.
    assert f1(on_dev.predictions, pools["dev"]) > 20
    assert f1(on_test.predictions, pools["test"]) > 10
    for prediction, split in ((on_dev, "dev"), (on_test, "test")):
        sides = [
            {e.id for e in pools[split] if isinstance(e, Sentence) and e.english is side} for side in (False, True)
        ]
        foreign, english = zip(*prediction.predictions, strict=True)
        assert set(foreign) <= sides[0] and set(english) <= sides[1]
        assert len(set(foreign)) == len(foreign) and len(set(english)) == len(english)
        assert prediction.facts["candidates"] >= len(prediction.predictions)
        assert (prediction.facts["layer"], prediction.facts["pool"]) == (6, "mean")


def test_the_layer_of_mining_is_the_one_with_the_best_f1_on_dev(
    forward: Forward, pools: dict[str, list[Example]]
) -> None:
    test_sentences = [example for example in pools["test"] if isinstance(example, Sentence)]
    unit = UnitExamples("bucc2018", "de", "test", test_sentences, pools["dev"])
    [every] = BitextMining((), BitextMining.Options(layer="all")).predict(forward, [unit])
    curve = every.facts["curve"]
    assert (curve["split"], curve["metric"], len(curve["values"])) == ("dev", "f1", 7)
    best = every.facts["layer"]
    assert curve["values"][best] == max(curve["values"])
    assert every.facts["layer_from"] == "the best F1 on dev"
    [alone] = BitextMining((), BitextMining.Options(layer=best)).predict(forward, [unit])
    assert alone.predictions == every.predictions
    assert alone.facts["dev_f1"] == pytest.approx(max(curve["values"]), abs=1e-3)


def test_half_precision_mines_the_same_pairs(forward: Forward, pools: dict[str, list[Example]]) -> None:
    unit = UnitExamples("bucc2018", "de", "dev", pools["dev"])
    [single] = BitextMining((), BitextMining.Options(layer=1)).predict(forward, [unit])
    [half] = BitextMining((), BitextMining.Options(layer=1, precision="bf16", memory=1)).predict(forward, [unit])
    assert half.predictions == single.predictions
    assert half.facts == single.facts


def test_no_gold_on_dev_is_an_error_after_the_other_units(forward: Forward, pools: dict[str, list[Example]]) -> None:
    sentences = [example for example in pools["dev"] if isinstance(example, Sentence)]
    units = [
        UnitExamples("bucc2018", "fr", "test", sentences, sentences),
        UnitExamples("bucc2018", "de", "test", sentences, pools["dev"]),
    ]
    predicted = BitextMining((), BitextMining.Options(layer=1)).predict(forward, units)
    assert next(predicted).unit is units[1]
    with pytest.raises(DataError, match=r"bucc2018\[fr\]: no gold pairs") as caught:
        next(predicted)
    assert ".gold" in caught.value.hint


def test_mining_baselines_guess_nothing_or_each_sentence_once(pools: dict[str, list[Example]]) -> None:
    unit = UnitExamples("bucc2018", "de", "test", pools["test"])
    family = BitextMining((), BitextMining.Options())
    assert family.guess("majority", [], unit, 0) == []
    random = family.guess("random", [], unit, 0)
    assert random == family.guess("random", [], unit, 0)
    assert len(random) == 120 == len({left for left, _ in random}) == len({right for _, right in random})
    assert all(left.startswith("de-") and right.startswith("en-") for left, right in random)


@pytest.mark.parametrize(
    "wrong",
    [
        {"pool": "best"},
        {"layer": "best"},
        {"margin": "none"},
        {"retrieval": "fwd"},
        {"duplicates": "keep"},
        {"precision": "fp8"},
        {"k": 0},
    ],
)
def test_wrong_options_are_refused_before_anything_is_embedded(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        BitextMining.Options(**wrong)
