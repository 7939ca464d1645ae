"""Masked language modelling: masks, smoothed languages, the loss, and training that can be continued."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from hypothesis import given
from hypothesis import strategies as st
from small_models import TEXTS, cutting, save_model, tokenizer

from harness import Pair, Text
from harness.core.errors import ModelError, UsageError
from harness.core.imports import load_object
from harness.data.corpus import text
from harness.families.classification import Classification
from harness.families.mlm import MaskedCounts, MaskedLanguageModel
from harness.families.text_rows import Languages, Mask, TextRows
from harness.models.fresh_head import share_encoder
from harness.models.load import load_tokenizer
from harness.registry.default import get_registry
from harness.scoring.files import score_unit
from harness.scoring.metrics import get_metric
from harness.training._trainer import HeadTask, Trainer
from harness.training.schedule import make_schedule
from harness.types.options import TrainOptions, build
from harness.types.units import UnitExamples


def family(**options: object) -> MaskedLanguageModel:
    return MaskedLanguageModel((), build(MaskedLanguageModel.Options, {"max_length": 32, **options}))


def texts(count: int = 60) -> list[Text]:
    rng = np.random.default_rng(0)
    words = " ".join(TEXTS).split()
    return [Text(str(i), " ".join(rng.choice(words, rng.integers(1, 12)))) for i in range(count)]


def rows(kind: str = "xlmr", count: int = 60, **options: object) -> TextRows:
    found = family(**options).features(tokenizer(kind), texts(count), training=True)
    assert isinstance(found, TextRows)
    return found


@pytest.mark.parametrize("kind", ["xlmr", "bert"])
def test_masks_80_10_10_of_15_percent_and_never_special_tokens(kind: str) -> None:
    tokens = tokenizer(kind)
    mask = Mask.of(tokens, 0.15)
    rng = np.random.default_rng(1)
    ids = rng.integers(len(tokens), size=400_000)
    masked, labels = mask.drawn(ids, np.array([0, len(ids)]), [np.random.default_rng(0)])
    special = np.isin(ids, tokens.all_special_ids)
    chosen = labels != -100
    assert special.any() and not chosen[special].any() and (masked[~chosen] == ids[~chosen]).all()
    assert (labels[chosen] == ids[chosen]).all()
    assert chosen[~special].mean() == pytest.approx(0.15, abs=0.005)
    assert (masked[chosen] == tokens.mask_token_id).mean() == pytest.approx(0.8, abs=0.01)
    same = masked[chosen] == ids[chosen]
    assert same.mean() == pytest.approx(0.1, abs=0.01)
    replaced = masked[chosen][~same & (masked[chosen] != tokens.mask_token_id)]
    assert not np.isin(replaced, tokens.all_special_ids).any()
    assert len(np.unique(replaced)) > 0.95 * (len(tokens) - len(tokens.all_special_ids))


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=6), st.floats(0, 1))
def test_languages_are_drawn_by_their_smoothed_shares_and_every_text_at_least_once(
    sizes: list[int], alpha: float
) -> None:
    languages = Languages.of(sizes, alpha)
    drawn = np.diff(languages.starts)
    n = np.array(sizes)
    assert ((drawn == 0) == (n == 0)).all()
    assert (drawn >= n).all()  # every text is seen in an epoch
    if n.max():
        assert drawn[n.argmax()] == n.max()
        share = np.where(n > 0, n.astype(float) ** alpha, 0)
        np.testing.assert_allclose(drawn / drawn.sum(), share / share.sum(), atol=len(n) / drawn.sum())


def test_an_epoch_holds_every_text_small_languages_again_and_again() -> None:
    languages = Languages.of([1_000, 10], 0.3)
    seen = [languages.text(row) for row in range(int(languages.starts[-1]))]
    assert {index for language, index in seen if language == 0} == set(range(1_000))
    times = np.bincount([index for language, index in seen if language == 1])
    assert len(times) == 10 and times.sum() == round(1_000 * (10 / 1_000) ** 0.3) and np.ptp(times) <= 1


def test_a_row_has_no_more_masks_than_it_may_and_those_that_stay_would_be_there_anyway() -> None:
    ids = np.full(3_000, 100)
    edges = np.concatenate([[0], np.cumsum(np.tile([128, 2, 40, 130], 10))])
    ids = ids[: edges[-1]]
    plain, capped = (Mask.of(tokenizer("bert"), 0.15, most) for most in (0, 20))
    masked, every = plain.drawn(ids, edges, [np.random.default_rng(row) for row in range(len(edges) - 1)])
    fewer, labels = capped.drawn(ids, edges, [np.random.default_rng(row) for row in range(len(edges) - 1)])
    counts, kept = (np.add.reduceat(found != -100, edges[:-1]) for found in (every, labels))
    assert counts.max() > 20 and np.array_equal(kept, np.minimum(counts, 20))
    assert np.array_equal(fewer[labels != -100], masked[labels != -100]) and not (labels != -100)[every == -100].any()
    assert np.array_equal(fewer[labels == -100], ids[labels == -100])
    batch = rows("bert", masked_per_row=1, max_length=32).batch(np.arange(40), 0)
    assert ((batch["labels"] != -100).sum(axis=1) <= 1).all()


@pytest.mark.parametrize("kind", ["xlmr", "bert"])
def test_rows_are_those_of_the_tokenizer(kind: str) -> None:
    tokens, features = tokenizer(kind), rows(kind, mlm_probability=0.0, max_length=256)
    chosen = np.array([3, 59, 7])
    expected = tokens([texts()[i].text for i in chosen], padding=True, return_tensors="np")
    batch = features.batch(chosen, tokens.pad_token_id)
    for name in tokens.model_input_names:
        np.testing.assert_array_equal(batch[name], expected[name])
    assert (batch["labels"] == -100).all()
    np.testing.assert_array_equal(features.lengths[chosen], expected["attention_mask"].sum(axis=1))
    assert features.lengths[3:5].tolist() == [features.lengths[3], features.lengths[4]]
    assert len(features) == features.item_count == 60


def test_a_long_text_shows_another_stretch_each_time() -> None:
    tokens = tokenizer("xlmr")
    words = " ".join(TEXTS * 3)
    features = family(max_length=12, mlm_probability=0.0).features(tokens, [Text("0", words)], training=True)
    ids = tokens(words, add_special_tokens=False)["input_ids"]
    begins = set()
    for step in range(400):
        row = features.at_step(0, step).batch(np.array([0]), 1)["input_ids"][0].tolist()
        assert len(row) == 12 and (row[0], row[-1]) == (tokens.bos_token_id, tokens.eos_token_id)
        begins |= {i for i in range(len(ids)) if ids[i : i + 10] == row[1:-1]}
    assert min(begins) == 0 and max(begins) == len(ids) - 10 and len(begins) > 0.6 * len(ids)
    assert features.lengths[np.array([0])].tolist() == [12]


@given(st.integers(0, 2**40), st.integers(0, 10**6), st.permutations(range(8)))
def test_masks_and_stretches_depend_on_seed_step_and_row_alone(seed: int, step: int, order: list[int]) -> None:
    made = rows(count=8, max_length=8)
    assert max(len(text.text.split()) for text in texts(8)) > 8  # some are cut
    together = made.at_step(seed, step).batch(np.array(order), 1)
    for place, row in enumerate(order):
        alone = rows(count=8, max_length=8).at_step(seed, step).batch(np.array([row]), 1)
        for name in ("input_ids", "labels"):
            assert np.array_equal(alone[name][0], together[name][place][: alone[name].shape[1]])
    for others in (made.at_step(seed, step + 1), made.at_step(seed + 1, step)):
        assert not np.array_equal(others.batch(np.array(order), 1)["input_ids"], together["input_ids"])


def test_the_loss_is_that_of_the_whole_model(tmp_path: Path) -> None:
    """Only masked positions pass the head; nothing else changes, gradients included."""
    for kind in ("xlmr", "bert"):
        folder = save_model(kind, tmp_path / kind)
        head = family()
        model = head.load(str(folder), dtype="float32").eval()
        features = rows(kind)
        torch.manual_seed(3)
        batch = {
            name: torch.from_numpy(value)
            for name, value in features.batch(np.arange(20), tokenizer(kind).pad_token_id).items()
        }
        total, count = head.loss(model, batch)
        total.backward()
        gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
        model.zero_grad()
        whole = model(**batch).loss
        whole.backward()
        assert float((total / count).detach()) == pytest.approx(float(whole.detach()), rel=1e-5)
        for name, parameter in model.named_parameters():
            if parameter.grad is not None:
                torch.testing.assert_close(gradients[name] / count, parameter.grad, rtol=1e-3, atol=1e-6)
        assert not model.base_model._forward_hooks


def test_a_batch_without_any_masked_token_costs_nothing(tmp_path: Path) -> None:
    head = family(mlm_probability=0.0)
    model = head.load(str(save_model("xlmr", tmp_path / "m")), dtype="float32")
    features = head.features(tokenizer("xlmr"), texts(), training=True)
    batch = {name: torch.from_numpy(value) for name, value in features.batch(np.arange(4), 1).items()}
    total, count = head.loss(model, batch)
    total.backward()
    assert float(total.detach()) == 0.0 and int(count) == 0


def test_dev_scores_read_back_from_files_equal_those_of_the_predictions(tmp_path: Path) -> None:
    folder = save_model("xlmr", tmp_path / "m")
    head = family()
    forward = cutting(200)(head.load(str(folder), dtype="float32"), load_tokenizer(folder))
    unit = UnitExamples("mlm", "sw", "dev", texts(40))
    predictions = next(iter(head.predict(forward, [unit]))).predictions
    again = next(iter(head.predict(cutting(2_000)(forward.model, forward.tokenizer), [unit]))).predictions
    assert [(p.masked, p.right) for p in predictions] == [(p.masked, p.right) for p in again]  # whatever the batches
    form = load_object(get_registry().family("mlm").format)()
    form.write_predictions(tmp_path / "p.tsv", unit.examples, predictions)
    form.write_labels(tmp_path / "l.tsv", unit.examples)
    metric = get_metric(get_registry().intermediate("mlm").metric)
    score = score_unit("mlm", metric, form, "sw", tmp_path / "p.tsv", tmp_path / "l.tsv", ()).metrics
    masked, right, loss = (sum(getattr(p, name) for p in predictions) for name in ("masked", "right", "loss"))
    assert score["accuracy"].value == pytest.approx(100 * right / masked)
    assert score["perplexity"].value == pytest.approx(np.exp(loss / masked)) and masked > 20
    assert metric.compute([None], [(0, 0, 0.0)], "sw")["accuracy"] == 0.0


def test_counts_of_a_perfect_and_a_hopeless_guess() -> None:
    metric = get_metric("harness.scoring.metrics.masked:MaskedTokens")
    assert metric.compute([None] * 2, [(3, 3, 0.0), (1, 1, 0.0)], "en") == {"accuracy": 100.0, "perplexity": 1.0}
    values = metric.compute([None], [(4, 1, 4 * np.log(50))], "en")
    assert values["accuracy"] == 25.0 and values["perplexity"] == pytest.approx(50)
    assert MaskedCounts(3, 1, 2.0).masked == 3


def make_trainer(folder: Path, corpus: Path, state: Path, options: TrainOptions) -> Trainer:
    head = family(max_length=24)
    tokens = load_tokenizer(folder)
    features = head.features(tokens, text(*sorted(corpus.glob("*.txt"))), training=True)
    torch.manual_seed(options.seed)
    model = head.load(str(folder), dtype="float32")
    schedule = make_schedule([features.item_count], options)
    return Trainer(
        [HeadTask("mlm", head, model, features)],
        schedule,
        options,
        Accelerator(cpu=True),
        pad_id=1,
        state_folder=state,
        evaluate=None,
        keep=lambda: None,
    )


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "text"
    folder.mkdir()
    for number, (code, count) in enumerate((("de", 80), ("ru", 25), ("sw", 6))):
        words = TEXTS[2 + 3 * number % 7].split()
        lines = [" ".join(words[i % len(words) :] + words[: i % 5]) for i in range(count)]
        (folder / f"{code}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_training_learns_and_a_stopped_one_goes_on_to_the_same_bits(tmp_path: Path, corpus: Path) -> None:
    folder = save_model("xlmr", tmp_path / "m")
    options = TrainOptions(lr=2e-3, batch=8, max_steps=24, save_every=5, batch_tokens=100)
    straight = make_trainer(folder, corpus, tmp_path / "a", options)
    losses = straight.run().losses

    class Killed(Exception):
        pass

    stopped = make_trainer(folder, corpus, tmp_path / "b", options)
    original = stopped._step

    def dies(step: int) -> torch.Tensor:
        if step == 13:
            raise Killed
        return original(step)

    stopped._step = dies  # type: ignore[method-assign]
    with pytest.raises(Killed):
        stopped.run()
    torch.manual_seed(99)
    resumed = make_trainer(folder, corpus, tmp_path / "b", options)
    assert resumed.run().step == 24
    for (name, value), other in zip(
        straight.modules.state_dict().items(), resumed.modules.state_dict().values(), strict=True
    ):
        assert torch.equal(value, other), name
    assert losses[-1][1] < losses[0][1]


def test_how_a_step_is_cut_changes_no_mask(tmp_path: Path, corpus: Path) -> None:
    folder = save_model("xlmr", tmp_path / "m")
    config = json.loads((folder / "config.json").read_text())
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps(config))
    found = []
    for name, budget in (("whole", 10_000), ("cut", 30)):
        options = TrainOptions(lr=2e-3, batch=8, max_steps=4, batch_tokens=budget)
        found.append(make_trainer(folder, corpus, tmp_path / name, options).run())
    [(_, loss)], [(_, cut)] = (progress.losses for progress in found)
    assert cut == pytest.approx(loss, rel=1e-5) and found[0].tokens == found[1].tokens


def test_the_pretrained_head_is_kept_and_tied(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = save_model("xlmr", tmp_path / "encoder")
    head = family()
    assert head.fresh_head is False and Classification.fresh_head is True
    with caplog.at_level(logging.WARNING, "harness"):
        model = head.load(str(folder), dtype="float32")
    assert "no masked-language-model head" in caplog.text
    with torch.no_grad():
        model.lm_head.dense.weight.add_(1.0)
    model.save_pretrained(tmp_path / "mlm")
    caplog.clear()
    again = head.load(str(tmp_path / "mlm"), dtype="float32")
    assert not caplog.text
    assert torch.equal(again.lm_head.dense.weight, model.lm_head.dense.weight)
    assert again.lm_head.decoder.weight is again.get_input_embeddings().weight


def test_one_encoder_under_mlm_and_another_task(tmp_path: Path) -> None:
    folder = save_model("xlmr", tmp_path / "m")
    head = family()
    pairs = Classification(("no", "yes"), build(Classification.Options, {}))
    first = pairs.load(str(folder), dtype="float32")
    second = head.load(str(folder), dtype="float32")
    share_encoder(first, second)
    shared = {id(p) for p in first.base_model.parameters()}
    own = [name for name, p in second.named_parameters() if id(p) not in shared]
    assert own and all(name.startswith("lm_head") for name in own)
    assert second.lm_head.decoder.weight is first.get_input_embeddings().weight


def test_what_cannot_be_masked_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no mask token"):
        family().features(tokenizer("llama"), texts(), training=True)
    with pytest.raises(ModelError, match="no MaskedLM head"):
        family().load(str(save_model("qwen2", tmp_path / "q")))
    with pytest.raises(UsageError, match="not on Pair examples"):
        features = family().features(tokenizer("xlmr"), [Pair("0", "a", "b", None)], training=True)
        features.batch(np.array([0]), 1)
    with pytest.raises(UsageError, match="mlm_probability"):
        family(mlm_probability=1.5)
    with pytest.raises(UsageError, match="no baseline"):
        family().guess("majority", [], UnitExamples("mlm", "sw", "dev", texts(1)), 0)
