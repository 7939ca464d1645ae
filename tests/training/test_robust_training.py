"""Robust training: the adversary, random noise and synonyms; what they promise, and what makes them plain training."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from published_models import PUBLISHED, save_published
from safetensors.torch import load_file
from scipy.stats import chisquare

from harness import Choice, Match, ObjectiveContext, Pair, Question, Tagged, Text
from harness.api import evaluate, train
from harness.core.errors import DataError, HarnessError, ModelError, UsageError
from harness.families.classification import Classification
from harness.models.heads import model_inputs, plain_model
from harness.models.load import load_tokenizer
from harness.report.provenance import data_notes
from harness.results.run_view import view
from harness.training.objectives import _embedding_noise as embedding_noise
from harness.training.objectives._embedding_noise import NoisyEmbedding, ascent_gradient, norms, within
from harness.training.objectives.adversarial import Adversarial
from harness.training.objectives.base import PlainLoss
from harness.training.objectives.noise import Noise
from harness.training.objectives.synonyms import Replacements, Synonyms, read_table
from harness.training.stage import TrainedStage
from harness.types.options import EvalOptions, build
from tests.training_stages import Killed, Killing, once_each

LABELS = ("no", "yes")


def options(corpus: Path, **overrides: Any) -> EvalOptions:
    overrides = {"max_steps": 3, "batch": 8, **overrides}
    return EvalOptions(
        data_dir=str(corpus), offline=True, device="cpu", recipe="tiny", train_limit=24, overrides=overrides
    )


@pytest.fixture(scope="module")
def trained(corpus: Path, small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Trains an expression, once each."""
    folder = tmp_path_factory.mktemp("stages")
    return once_each(folder, small_model, partial(options, corpus))


def weights(stage: TrainedStage) -> dict[str, torch.Tensor]:
    return load_file(stage.folder / "model.safetensors")


def same_bits(one: TrainedStage, other: TrainedStage) -> bool:
    first, second = weights(one), weights(other)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


# What switches it off


@pytest.mark.parametrize(
    ("objective", "overrides"),
    [
        ("adversarial", {"weight": 0}),
        ("adversarial", {"radius": 0}),
        ("adversarial", {"weight": 0, "method": "free"}),
        ("noise", {"weight": 0}),
        ("noise", {"radius": 0}),
    ],
)
def test_a_weight_or_a_radius_of_0_gives_the_bits_of_plain_training(
    trained: Any, objective: str, overrides: dict[str, Any]
) -> None:
    """With dropout: no random number may be drawn where nothing is done."""
    plain, off = trained("mnli"), trained(f"mnli@{objective}", **overrides)
    assert same_bits(plain, off) and off.summary["key"] != plain.summary["key"]
    assert not same_bits(plain, trained(f"mnli@{objective}"))


def test_one_copy_under_an_empty_table_gives_the_bits_of_plain_training(
    corpus: Path, small_model: Path, tmp_path: Path, trained: Any
) -> None:
    data = tmp_path / "data"
    (data / "synonyms").mkdir(parents=True)
    for entry in corpus.iterdir():
        if entry.name != "synonyms":
            (data / entry.name).symlink_to(entry)
    (data / "synonyms" / "en.json").write_text("{}")
    chosen = options(data, copies=1)
    off = train(str(small_model), "mnli@synonyms", out=tmp_path / "off", options=chosen)
    assert same_bits(trained("mnli"), off)
    assert off.summary["objectives"]["mnli"]["synonyms"]["replaced"] == 0


# The ascent, on a network in float64 without dropout


class Trial:
    """A classifier with padded rows, and its loss, for the step of an objective."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = load_tokenizer(folder)
        self.family = Classification(LABELS, build(Classification.Options, {}))
        self.model = self.family.load(str(folder), dtype="float32").double().eval()
        # A random head that listens to the encoder, so that the loss is no constant.
        torch.manual_seed(1)
        for parameter in self.family.head_parameters(self.model).values():
            torch.nn.init.normal_(parameter, std=0.5)
        texts = ["the bird", "a small bird did not sing in the garden", "yesterday", "der Vogel sang im Garten"]
        rows = [
            Pair(str(i), f"{a} {i}", b, LABELS[i % 2])
            for i, (a, b) in enumerate([(x, y) for x in texts for y in texts])
        ]
        self.features = self.family.features(self.tokenizer, rows, training=True)
        self.context = ObjectiveContext(3, self.family, self.tokenizer, "cpu", step=5, total=9)

    def batch(self, rows: Any) -> tuple[dict[str, torch.Tensor], ObjectiveContext]:
        rows = np.array(rows)
        arrays = self.features.batch(rows, self.tokenizer.pad_token_id or 0)
        return {name: torch.from_numpy(array) for name, array in arrays.items()}, replace(self.context, rows=rows)

    @staticmethod
    def wide_loss(model: Any, batch: Any) -> Any:
        """The family's own, which computes in fp32, in float64."""
        logits = model(**model_inputs(model, batch)).logits
        return torch.nn.functional.cross_entropy(logits, batch["labels"], reduction="sum"), torch.tensor(len(logits))

    @property
    def plain(self) -> PlainLoss:
        return PlainLoss(self.wide_loss, self.model)

    def loss(self, place: NoisyEmbedding, noise: torch.Tensor, batch: Any) -> torch.Tensor:
        with torch.no_grad(), place.added(noise):
            return self.plain(batch)[0]


@pytest.fixture(scope="module")
def trial(small_model: Path) -> Trial:
    return Trial(small_model)


def test_the_gradient_of_the_noise_is_that_of_finite_differences(trial: Trial) -> None:
    batch, context = trial.batch([1, 5])
    place = NoisyEmbedding.of(trial.model, batch, context, "adversarial")
    noise = 0.1 * place.draw(context.generators(), lambda each, shape: each.standard_normal(shape))
    _, gradient, _ = ascent_gradient(place, noise, batch, trial.plain)
    rng = np.random.default_rng(0)
    places = rng.permutation(torch.nonzero(place.inside[:, :, None].expand(gradient.shape)).numpy())[:40]
    for at in map(tuple, places):
        moved = torch.zeros_like(noise)
        moved[at] = 1e-5
        slope = (trial.loss(place, noise + moved, batch) - trial.loss(place, noise - moved, batch)) / 2e-5
        assert abs(float(slope - gradient[at])) < 1e-8


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("method", ["pgd", "free"])
def test_the_noise_is_in_its_ball_and_nowhere_but_at_real_tokens(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, norm: str, method: str
) -> None:
    """Long steps, so that the projection has work to do."""
    batch, context = trial.batch(range(16))
    seen: list[torch.Tensor] = []
    added = NoisyEmbedding.added

    def watching(self: NoisyEmbedding, noise: torch.Tensor) -> Any:
        seen.append(noise.detach())
        return added(self, noise)

    monkeypatch.setattr(NoisyEmbedding, "added", watching)
    radius = 0.3 if norm == "l2" else 0.05
    chosen = Adversarial.Options(method=method, radius=radius, ascent_steps=3, ascent_rate=1.0, initial=5.0, norm=norm)
    Adversarial(chosen).loss(trial.model, batch, trial.plain, context)
    special = torch.isin(batch["input_ids"], torch.tensor(trial.tokenizer.all_special_ids))
    outside = special | (batch["attention_mask"] == 0)
    assert len(seen) == (4 if method == "pgd" else 3) and outside.any()
    for noise in seen:
        lengths = norms(noise) if norm == "l2" else noise.abs().amax((1, 2), keepdim=True)
        assert lengths.max() <= radius + 1e-6
        assert not noise[outside].any() and noise[~outside].any()
    assert norms(seen[-1]).min() > 0.29 or norm == "linf"


def test_noise_is_uniform_in_the_ball_of_a_row(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    batch, context = trial.batch([0])
    place = NoisyEmbedding.of(trial.model, batch, context, "noise")
    size = int(place.inside.sum()) * place.embedding.embedding_dim
    objective = Noise(Noise.Options(radius=0.2))
    made = [place.draw(replace(context, step=step).generators("noise"), objective._draw) for step in range(300)]
    lengths = torch.stack([norms(each).squeeze() for each in made])
    assert lengths.max() <= 0.2 + 1e-9
    # The length to the power of the dimension is uniform; the direction has no preference.
    shares = np.histogram((lengths.numpy() / 0.2) ** size, bins=5, range=(0, 1))[0]
    assert chisquare(shares).pvalue > 0.001
    assert abs(float(torch.stack(made).mean(0)[place.inside].abs().max())) < 0.2 * 5 / (size * 300) ** 0.5


def test_the_ascent_raises_the_loss_more_than_noise_of_the_same_length(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, context = trial.batch(range(16))
    place = NoisyEmbedding.of(trial.model, batch, context, "adversarial")
    seen: list[torch.Tensor] = []
    added = NoisyEmbedding.added

    def watching(self: NoisyEmbedding, noise: torch.Tensor) -> Any:
        seen.append(noise.detach())
        return added(self, noise)

    monkeypatch.setattr(NoisyEmbedding, "added", watching)
    chosen = Adversarial.Options(radius=0.5, ascent_steps=4, ascent_rate=0.2)
    found, _ = Adversarial(chosen).loss(trial.model, batch, trial.plain, context)
    monkeypatch.undo()
    clean = trial.loss(place, torch.zeros_like(seen[-1]), batch)
    assert found > clean
    for step in range(5):
        other = place.draw(replace(context, step=step).generators("x"), lambda each, shape: each.standard_normal(shape))
        other = other * norms(seen[-1]) / norms(other)
        assert found > trial.loss(place, other, batch)


@pytest.mark.parametrize("kind", [Adversarial, Noise])
def test_noise_belongs_to_rows_however_they_are_batched(trial: Trial, kind: Any) -> None:
    """Cut into pieces, in another order and with other padding, the loss and its gradient are the same."""
    objective = kind(kind.Options(radius=0.5))

    def gradient(*pieces: list[int]) -> tuple[float, torch.Tensor]:
        trial.model.zero_grad()
        total = 0.0
        for rows in pieces:
            batch, context = trial.batch(rows)
            loss, _ = objective.loss(trial.model, batch, trial.plain, context)
            loss.backward()
            total += float(loss.detach())
        found = trial.model.get_input_embeddings().weight.grad
        assert found is not None
        return total, found.clone()

    loss, whole = gradient(list(range(16)))
    other, cut = gradient([9, 3], [15], [0, 8, 1, 2], [4, 5, 6, 7], list(range(14, 9, -1)))
    assert other == pytest.approx(loss, rel=1e-9)
    torch.testing.assert_close(cut, whole, rtol=1e-6, atol=1e-9)


def test_free_averages_the_gradients_of_all_passes(trial: Trial) -> None:
    """One step of ascent: the mean of L at the first noise and at the one that follows from it."""
    batch, context = trial.batch(range(6))
    chosen = Adversarial.Options(method="free", ascent_steps=2)
    objective = Adversarial(chosen)
    trial.model.zero_grad()
    loss, terms = objective.loss(trial.model, batch, trial.plain, context)
    loss.backward()  # type: ignore[no-untyped-call]
    found = {name: p.grad.clone() for name, p in trial.model.named_parameters() if p.grad is not None}
    trial.model.zero_grad()
    place = NoisyEmbedding.of(trial.model, batch, context, "adversarial")
    first = objective._start(place, context)
    second = objective._climb(place, first, batch, trial.plain, None)
    total = 0.0
    for noise in (first, second):
        with place.added(noise):
            part = trial.plain(batch)[0] / 2
        part.backward()
        total += float(part.detach())
    assert float(loss.detach()) == pytest.approx(total, rel=1e-12) and int(terms) == 6
    for name, gradient in found.items():
        expected = trial.model.get_parameter(name).grad
        assert expected is not None
        torch.testing.assert_close(gradient, expected, rtol=1e-9, atol=1e-12)


def test_the_weight_mixes_the_two_losses(trial: Trial) -> None:
    batch, context = trial.batch(range(4))
    clean = float(trial.plain(batch)[0].detach())
    for kind in (Noise, Adversarial):
        whole = float(kind(kind.Options(radius=0.5)).loss(trial.model, batch, trial.plain, context)[0].detach())
        part = float(
            kind(kind.Options(radius=0.5, weight=0.25)).loss(trial.model, batch, trial.plain, context)[0].detach()
        )
        assert part == pytest.approx(0.75 * clean + 0.25 * whole, rel=1e-12) and whole != clean


def test_the_ascent_is_computed_without_half_precision(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    """fp16 on a processor exists as autocast only; what the inner pass runs in is what counts."""
    batch, context = trial.batch([0, 1])
    place = NoisyEmbedding.of(trial.model, batch, context, "adversarial")
    found: list[Any] = []

    def loss(model: Any, batch: Any) -> Any:
        found.append((torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")))
        embedded = place.embedding(batch["input_ids"])
        return embedded.sum(), torch.tensor(1)

    noise = torch.zeros(*place.inside.shape, place.embedding.embedding_dim, dtype=torch.float64)
    for dtype in (torch.float16, torch.bfloat16):
        with torch.autocast("cpu", dtype=dtype):
            ascent_gradient(place, noise, batch, PlainLoss(loss, trial.model))
    assert found[0][0] is False and found[1] == (True, torch.bfloat16)


def test_rows_in_one_line_and_rows_of_one_length_get_their_own_noise(trial: Trial) -> None:
    batch, context = trial.batch([0, 1, 6, 2])
    place = NoisyEmbedding.of(trial.model, batch, context, "noise")
    noise = place.draw(context.generators(), lambda each, shape: each.standard_normal(shape))
    ids, there = batch["input_ids"], place.there
    with torch.no_grad(), place.added(noise):
        padded = place.embedding(ids)
        torch.testing.assert_close(place.embedding(ids[there][None])[0], padded[there])
        lengths = there.sum(1)
        for length in lengths.unique().tolist():
            rows = lengths == length
            torch.testing.assert_close(place.embedding(ids[rows, :length]), padded[rows, :length])
        torch.testing.assert_close(place.embedding(ids.T), padded.transpose(0, 1))
        with pytest.raises(ModelError, match=r"of \(4, \d+\) in the batch"):
            place.embedding(ids[:, : int(lengths.max()) - 1].repeat(3, 1))


def test_as_many_rows_as_tokens_are_no_riddle(trial: Trial) -> None:
    """XLNet looks tokens up by columns."""
    batch, context = trial.batch(range(16))
    size = min(batch["input_ids"].shape)
    square = {name: value[:size, :size] if value.dim() == 2 else value for name, value in batch.items()}
    place = NoisyEmbedding.of(trial.model, square, context, "noise")
    noise = place.draw(context.generators()[:size], lambda each, shape: each.standard_normal(shape))
    with torch.no_grad():
        plain = place.embedding(square["input_ids"])
        with place.added(noise):
            torch.testing.assert_close(place.embedding(square["input_ids"]), plain + noise)
            torch.testing.assert_close(place.embedding(square["input_ids"].T), (plain + noise).transpose(0, 1))


def test_a_projection_leaves_what_is_inside() -> None:
    noise = torch.tensor([[[0.3, 0.4]], [[3.0, 4.0]], [[0.0, 0.0]]], dtype=torch.float64)
    expected = torch.tensor([[[0.3, 0.4]], [[0.6, 0.8]], [[0.0, 0.0]]], dtype=torch.float64)
    torch.testing.assert_close(within(noise, 1.0, "l2"), expected)
    assert within(noise, 1.0, "l2")[0].tolist() == [[0.3, 0.4]]
    assert within(noise, 1.0, "linf").tolist() == [[[0.3, 0.4]], [[1.0, 1.0]], [[0.0, 0.0]]]


# Stages


@pytest.mark.parametrize(
    ("expression", "overrides"),
    [("mnli@synonyms@noise@adversarial", {}), ("mnli@adversarial", {"method": "free", "weight": 0.5})],
)
def test_a_killed_training_goes_on_to_the_same_bits(
    corpus: Path, small_model: Path, tmp_path: Path, expression: str, overrides: dict[str, Any]
) -> None:
    chosen = options(corpus, max_steps=22, save_every=7, **overrides)
    straight = train(str(small_model), expression, out=tmp_path / "straight", options=chosen)
    with suppress(Killed):
        train(str(small_model), expression, out=tmp_path / "killed", options=chosen, reporter=Killing())
    assert not (tmp_path / "killed").exists()
    assert same_bits(straight, train(str(small_model), expression, out=tmp_path / "killed", options=chosen))


@pytest.mark.parametrize("objective", ["noise", "adversarial"])
def test_how_a_step_is_cut_changes_nothing(corpus: Path, small_model: Path, tmp_path: Path, objective: str) -> None:
    import shutil

    model = shutil.copytree(small_model, tmp_path / "model")
    config = json.loads((model / "config.json").read_text())
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (model / "config.json").write_text(json.dumps(config))
    found = []
    for size in (512, 40):
        chosen = options(corpus, batch_tokens=size, lr=1e-4, adam_epsilon=1e-3)
        found.append(train(str(model), f"mnli@{objective}", out=tmp_path / str(size), options=chosen))
    one, other = map(weights, found)
    for name, value in one.items():
        torch.testing.assert_close(other[name], value, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("expression", "overrides"),
    [
        ("squad@adversarial", {}),
        ("copa@adversarial", {"method": "free"}),
        ("mlm@adversarial", {}),
        ("mnli+squad@noise", {}),
        ("mnli@adversarial", {"peft": "lora"}),
        ("mnli@adversarial", {"norm": "linf", "radius": 0.01, "initial": 0.01, "ascent_rate": 0.005}),
    ],
)
def test_it_trains_every_kind_of_task(trained: Any, expression: str, overrides: dict[str, Any]) -> None:
    robust = trained(expression, **overrides).summary
    assert robust["steps"] == 3 and np.isfinite(robust["loss"][-1][1])
    plain = expression.replace("@adversarial", "").replace("@noise", "").replace("@synonyms", "")
    assert robust["loss"] != trained(plain, **{k: v for k, v in overrides.items() if k == "peft"}).summary["loss"]


def test_recomputed_activations_see_the_same_noise(trained: Any) -> None:
    first, second = trained("mnli@adversarial"), trained("mnli@adversarial", gradient_checkpointing=True)
    assert first.summary["loss"] == second.summary["loss"]
    for name, value in weights(first).items():
        torch.testing.assert_close(weights(second)[name], value, rtol=1e-5, atol=1e-6)


def test_only_the_rows_of_the_data_are_trained(
    corpus: Path, small_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The hook is no reason to train the whole table."""
    with caplog.at_level("DEBUG"):
        train(str(small_model), "mnli@noise@adversarial", out=tmp_path / "out", options=options(corpus))
    assert "rows of the input embeddings are trained" in caplog.text


@pytest.mark.parametrize(("task", "objective"), [("udpos", "synonyms@adversarial"), ("lareqa", "noise@adversarial")])
def test_it_trains_tasks_that_are_scored(
    corpus: Path, small_model: Path, tmp_path: Path, task: str, objective: str
) -> None:
    """Words keep their tags; both texts of a dual encoder get noise."""
    chosen = replace(options(corpus, objective=objective), limit=8)
    run = evaluate(str(small_model), [f"{task}[en]"], out=tmp_path / "run", options=chosen)
    [stage] = run.record["stages"]
    assert stage["name"] == f"{task}@{objective}" and np.isfinite(stage["loss"][-1][1])


@pytest.mark.parametrize(
    ("kind", "message"), [("canine", "no table of word embeddings"), ("mt5", "not for encoder-decoders")]
)
def test_a_model_without_a_table_of_embeddings_is_refused(
    corpus: Path, tmp_path: Path, kind: str, message: str
) -> None:
    published = next(each for each in PUBLISHED if each.kind == kind)
    model = save_published(published, tmp_path / kind)
    with pytest.raises(ModelError, match=message):
        train(str(model), "mnli@noise", out=tmp_path / "out", options=options(corpus, max_length=64))


def test_packed_weights_have_no_gradients_to_climb(corpus: Path, small_model: Path, tmp_path: Path) -> None:
    chosen = replace(options(corpus, peft="lora"), quant="8bit")
    with pytest.raises(UsageError, match="'adversarial': not with --quant"):
        train(str(small_model), "mnli@adversarial", out=tmp_path / "out", options=chosen)


def test_sharded_weights_have_no_gradients_to_climb(
    corpus: Path, small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.training.train_stage.sharding_asked_for", lambda: nullcontext(True))
    with pytest.raises(UsageError, match="'adversarial': not with FSDP"):
        train(str(small_model), "mnli@noise@adversarial", out=tmp_path / "out", options=options(corpus))


# Synonyms


TABLE = {"buy": ["purchase", "get"], "Car": ["auto"], "red": []}


def test_words_are_drawn_uniformly_from_themselves_and_their_synonyms() -> None:
    words = Replacements(TABLE, "exact")
    found = Counter(words.drawn("buy", np.random.default_rng(seed)) for seed in range(10_000))
    assert set(found) == {"buy", "purchase", "get"}
    assert chisquare(list(found.values())).pvalue > 0.001
    assert words.seen == words.found == 10_000 and words.replaced == 10_000 - found["buy"]


def drawn(text: str, match: str, table: Any = None) -> set[str]:
    return {
        Replacements(TABLE if table is None else table, match).drawn(text, np.random.default_rng(seed))
        for seed in range(60)
    }


def test_exact_words_are_those_that_are_spelled_as_in_the_table() -> None:
    assert drawn("Buy  red, (buy) car", "exact") == {"Buy  red, (buy) car"}
    assert drawn(" buy\tCar ", "exact") == {f" {a}\t{b} " for a in ("buy", "purchase", "get") for b in ("Car", "auto")}


def test_folded_words_keep_their_case_and_their_punctuation() -> None:
    assert drawn("Buy, “car”!", "folded") == {
        f"{a}, “{b}”!" for a in ("Buy", "Purchase", "Get") for b in ("car", "auto")
    }
    assert drawn("BUY ...", "folded") == {"BUY ...", "PURCHASE ...", "GET ..."}


def synonyms(
    examples: Any, tmp_path: Path, table: Any = None, seed: int = 0, languages: Any = (), **chosen: Any
) -> Any:
    path = tmp_path / "en.json"
    path.write_text(json.dumps(TABLE if table is None else table))
    nothing: Any = None
    context = ObjectiveContext(seed, nothing, nothing, "cpu", files={"synonym table": path}, languages=languages)
    objective = Synonyms(Synonyms.Options(**chosen))
    return objective.examples(examples, context), objective.facts()


def test_words_of_other_languages_have_no_english_synonyms(tmp_path: Path) -> None:
    rows = [Pair(str(i), "buy buy buy buy", "buy buy buy buy", LABELS[0]) for i in range(4)]
    made, facts = synonyms(rows, tmp_path, languages=["en", "de", "", "fr"])
    assert [one == rows[place // 3] for place, one in enumerate(made)] == [False] * 3 + [True] * 3 + [False] * 3 + [
        True
    ] * 3
    assert (facts["copies"], facts["words"]) == (12, 2 * 3 * 8)
    with pytest.raises(UsageError, match="no training example is in English"):
        synonyms(rows, tmp_path, languages=["de"] * 4)


def test_copies_of_translations_keep_their_words_in_a_stage(trained: Any) -> None:
    made = trained("mnli[en,de]@synonyms", max_steps=1).summary["objectives"]["mnli[en,de]"]["synonyms"]
    english = trained("mnli@synonyms", max_steps=1).summary["objectives"]["mnli"]["synonyms"]
    assert made["copies"] == english["copies"] and 0 < made["words"] < 0.9 * english["words"]


def test_copies_take_the_place_of_an_example_and_keep_its_label(tmp_path: Path) -> None:
    rows = [Pair(str(i), "I buy a Car .", "they buy nothing .", LABELS[i % 2]) for i in range(50)]
    made, facts = synonyms(rows, tmp_path, copies=4)
    assert [one.id for one in made] == [row.id for row in rows for _ in range(4)]
    assert [one.label for one in made] == [row.label for row in rows for _ in range(4)]
    # Both texts of a pair are drawn independently.
    verbs = Counter((one.a.split()[1], one.b.split()[1]) for one in made)
    assert len(verbs) == 9
    replaced = sum(one.a.split()[1] != "buy" for one in made) + sum(one.b.split()[1] != "buy" for one in made)
    replaced += sum(one.a.split()[3] != "Car" for one in made)
    assert facts == {
        "examples": 50,
        "copies": 200,
        "words": 200 * 9,
        "in_table": 200 * 3,
        "replaced": replaced,
        "replaced_share": round(replaced / 1800, 6),
    }
    assert synonyms(rows, tmp_path, copies=4)[0] == made
    assert synonyms(rows, tmp_path, copies=4, seed=1)[0] != made
    # Other rows behind them change nothing.
    assert synonyms([*rows, *rows], tmp_path, copies=4)[0][:200] == made


def test_labels_that_point_into_a_text_stay_right(tmp_path: Path) -> None:
    made, _ = synonyms([Question("q", "who did buy it?", "I did buy it.", ())], tmp_path, copies=20)
    assert {one.context for one in made} == {"I did buy it."} and len({one.question for one in made}) == 3
    made, _ = synonyms([Tagged("t", ("I", "buy", "it"), ("P", "V", "P"))], tmp_path, copies=20)
    assert {one.tags for one in made} == {("P", "V", "P")} and len({one.words for one in made}) == 3
    made, _ = synonyms([Choice("c", "I buy it", ("buy", "no"), 0)], tmp_path, copies=20)
    assert {one.options for one in made} == {("buy", "no")} and len({one.prompt for one in made}) == 3


@pytest.mark.parametrize("example", [Text("t", "running text"), Match("m", "a query", "a candidate")])
def test_examples_without_a_text_to_replace_are_refused(tmp_path: Path, example: Any) -> None:
    with pytest.raises(UsageError, match=f"{type(example).__name__} examples have no labelled text"):
        synonyms([example], tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "a JSON list, expected an object"),
        ("{", "not JSON"),
        ('{"buy": "purchase"}', "'buy': expected a list of words"),
        ('{"buy": [""]}', "'buy': expected a list of words"),
        ('{"buy": ["a\\nb"]}', "'buy': a synonym with a line break"),
    ],
)
def test_a_table_that_is_none_is_refused_by_its_file(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "en.json"
    path.write_text(content)
    with pytest.raises(DataError, match=message) as caught:
        read_table(path)
    assert str(path) in str(caught.value) and "harness data sample" in caught.value.hint


def test_the_table_is_an_input_of_the_stage(corpus: Path, small_model: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for entry in corpus.iterdir():
        if entry.name != "synonyms":
            (data / entry.name).symlink_to(entry)

    def of(name: str, table: Any) -> TrainedStage:
        (data / "synonyms").mkdir(exist_ok=True)
        (data / "synonyms" / "en.json").write_text(json.dumps(table))
        return train(str(small_model), "mnli@synonyms", out=tmp_path / name, options=options(data))

    with pytest.raises(DataError, match=r"synonyms/en\.json not found in .*data") as caught:
        train(str(small_model), "mnli@synonyms", out=tmp_path / "none", options=options(data))
    assert "harness data sample" in caught.value.hint
    one, two = of("one", {"bought": ["purchased"]}), of("two", {"bought": ["acquired"]})
    assert one.summary["key"] != two.summary["key"]
    [given] = one.summary["inputs"]
    assert given["role"] == "synonym table" and given["name"] == "synonyms/en.json" and len(given["fingerprint"]) == 64
    assert one.summary["resources"]["labels"] == ["en"]
    assert one.summary["items"] == [3 * 24]


def test_a_run_says_which_table_it_used(corpus: Path, small_model: Path, tmp_path: Path) -> None:
    chosen = options(corpus, objective="synonyms")
    run = evaluate(str(small_model), ["pawsx[en]"], out=tmp_path / "run", options=chosen)
    [stage] = run.record["stages"]
    digest = stage["inputs"][0]["fingerprint"][:12]
    assert f"pawsx@synonyms, synonym table: {digest} (synonyms/en.json)" in data_notes(view(run.record, "run"))
    assert stage["objectives"]["pawsx"]["synonyms"]["copies"] == stage["items"][0]


# Options


@pytest.mark.parametrize(
    ("objective", "overrides", "message"),
    [
        ("adversarial", {"weight": 1.5}, "option weight: a number from 0 to 1"),
        ("adversarial", {"radius": -1}, "option radius: no negative number"),
        ("adversarial", {"ascent_steps": 0}, "option ascent_steps: a positive number"),
        ("adversarial", {"norm": "l1"}, "option norm: 'l2' or 'linf' expected"),
        ("adversarial", {"method": "pdg"}, "option method: 'pgd' or 'free' expected"),
        ("noise", {"weight": -0.5}, "option weight: a number from 0 to 1"),
        ("noise", {"radius": "inf"}, "option radius"),
        ("synonyms", {"copies": 0}, "option copies: a positive number"),
        ("synonyms", {"match": "fuzzy"}, "option match: 'exact' or 'folded'"),
    ],
)
def test_values_that_cannot_be_are_refused(
    corpus: Path, small_model: Path, tmp_path: Path, objective: str, overrides: dict[str, Any], message: str
) -> None:
    with pytest.raises(HarnessError, match=message):
        train(str(small_model), f"mnli@{objective}", out=tmp_path / "out", options=options(corpus, **overrides))


def test_the_noise_is_added_inside_wrappers(trial: Trial) -> None:
    """The inner pass goes past the wrapper of data parallelism, the one that trains goes through it."""

    class Wrapper(torch.nn.Module):
        def __init__(self, module: Any) -> None:
            super().__init__()
            self.module, self.calls = module, 0

        def forward(self, **given: Any) -> Any:
            self.calls += 1
            return self.module(**given)

    batch, context = trial.batch([0, 1])
    wrapper = Wrapper(trial.model)
    plain = PlainLoss(trial.wide_loss, wrapper)
    expected, _ = Adversarial(Adversarial.Options()).loss(trial.model, batch, trial.plain, context)
    found, _ = Adversarial(Adversarial.Options()).loss(wrapper, batch, plain, context)  # type: ignore[arg-type]
    assert wrapper.calls == 1 and float(found) == float(expected)
    assert plain_model(wrapper) is trial.model and embedding_noise.NoisyEmbedding is NoisyEmbedding
