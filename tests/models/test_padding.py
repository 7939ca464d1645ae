"""Models that read padding: found when they are loaded, and computed without any."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from hypothesis import given
from hypothesis import strategies as st
from small_models import KINDS, TEXTS, save_model, save_other
from transformers import AutoModelForMaskedLM

import harness
from harness.analysis.invariance import invariance
from harness.core.errors import ModelError
from harness.families.classification import Classification
from harness.families.dual_encoder import DualEncoder
from harness.families.mlm import MaskedLanguageModel
from harness.families.multiple_choice import MultipleChoice
from harness.families.span_qa import SpanQA
from harness.families.tagging import Tagging
from harness.inference.features import Features, Ragged
from harness.inference.forward import Forward, batches
from harness.models import padding
from harness.models.config import load_config
from harness.models.fresh_head import reset_head
from harness.models.load import load_tokenizer
from harness.models.padding import Unpadded, known_to_read_padding, padding_of
from harness.models.sentence_encoder import load_encoder
from harness.registry.default import get_registry
from harness.retrieval.embed import embed
from harness.training._order import micro_batches
from harness.training._trainer import HeadTask, Trainer
from harness.training.schedule import make_schedule
from harness.types.examples import Choice, Example, Match, Pair, Question, Tagged, Text
from harness.types.options import EvalOptions, TrainOptions
from harness.types.units import UnitExamples

READERS = ("convbert", "fnet", "funnel", "xlnet")
OTHERS = ("albert", "big_bird", "deberta-v2", "electra", "modernbert", "mobilebert", "mpnet", "roformer")
LABELS = ("a", "b", "c")


def texts(count: int, longest: int = 25) -> list[str]:
    """Texts of one word to ``longest`` words."""
    words = " ".join(TEXTS[:4]).split()
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(words, rng.integers(1, longest + 1))) for _ in range(count)]


def examples(family: type, count: int, longest: int = 25) -> list[Example]:
    a, b = texts(count, longest), texts(2 * count, longest)[count:]
    made: dict[type, Any] = {
        Classification: lambda i: Pair(str(i), a[i], b[i], LABELS[i % 3]),
        Tagging: lambda i: Tagged(str(i), tuple(a[i].split()), tuple(LABELS[j % 3] for j in range(len(a[i].split())))),
        SpanQA: lambda i: Question(str(i), b[i], a[i] + " " + b[i], ()),
        MultipleChoice: lambda i: Choice(str(i), a[i], (b[i], a[-1 - i], "dogs"), i % 3),
        MaskedLanguageModel: lambda i: Text(str(i), a[i] + " " + b[i]),
        DualEncoder: lambda i: Match(str(i), f"{i} {a[i]}", f"{i} {b[i]}"),
    }
    return [made[family](i) for i in range(count)]


FAMILIES = (Classification, Tagging, SpanQA, MultipleChoice, MaskedLanguageModel, DualEncoder)


def load(family: Any, folder: Path) -> tuple[Any, Any]:
    built = family(LABELS, family.Options())
    return built, built.load(str(folder), ignore_mismatched_sizes=True, dtype="float32").eval()


def model_of(kind: str, folder: Path, **more: Any) -> Path:
    return save_model(kind, folder) if kind in KINDS else save_other(kind, folder, **more)


@given(st.lists(st.integers(1, 30), max_size=60), st.integers(1, 200))
def test_rows_of_an_unpadded_batch_have_one_length(lengths: list[int], budget: int) -> None:
    found = list(batches(np.array(lengths, dtype=np.int64), budget, padding="none"))
    assert sorted(row for batch in found for row in batch.tolist()) == list(range(len(lengths)))
    for batch in found:
        assert len({lengths[row] for row in batch}) == 1
        assert len(batch) * lengths[batch[0]] <= budget or len(batch) == 1


@given(st.lists(st.integers(1, 30), min_size=1, max_size=60), st.integers(1, 200))
def test_so_have_those_of_an_unpadded_micro_batch(lengths: list[int], budget: int) -> None:
    features = Features(Ragged.of([[5] * n for n in lengths]), np.arange(len(lengths)))
    found = list(micro_batches(features, np.arange(len(lengths)), budget, padding="none"))
    assert sorted(row for batch in found for row in batch.tolist()) == list(range(len(lengths)))
    assert all(len({lengths[row] for row in batch}) == 1 for batch in found)


@pytest.mark.parametrize("kind", READERS)
def test_models_that_read_padding_are_known_by_name_too(kind: str, tmp_path: Path) -> None:
    folder = model_of(kind, tmp_path / "m")
    _, model = load(Classification, folder)
    assert padding_of(model, load_tokenizer(folder)) == "none"
    assert known_to_read_padding(model.config.to_dict())
    assert not known_to_read_padding({"model_type": "xlm-roberta"}) and not known_to_read_padding({})


@pytest.mark.parametrize("kind", [*KINDS, *OTHERS])
def test_models_that_mask_it_go_on_as_before(kind: str, tmp_path: Path) -> None:
    folder = model_of(kind, tmp_path / "m")
    tokenizer = load_tokenizer(folder)
    for family in (Classification, Tagging, SpanQA, DualEncoder):
        assert padding_of(load(family, folder)[1], tokenizer) == "right"
    assert padding_of(load_encoder(str(folder)).eval(), tokenizer) == "right"


@pytest.mark.parametrize("kind", [*READERS, "roformer", "yoso"])
@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_predicted_does_not_depend_on_the_batch(kind: str, family: Any, tmp_path: Path) -> None:
    folder = model_of(kind, tmp_path / "m")
    if family is MaskedLanguageModel and type(load_config(folder)) not in AutoModelForMaskedLM._model_mapping:
        pytest.skip("no such head")
    built, model = load(family, folder)
    tokenizer = load_tokenizer(folder)
    (unit,) = built.join([UnitExamples("task", "en", "test", examples(family, 40))])
    found = []
    for budget in (1, 8192):
        forward = Forward(model, tokenizer, "cpu", budget=budget)
        (prediction,) = built.predict(forward, [unit])
        found.append(prediction.predictions)
    if family is MaskedLanguageModel:
        for one, other in zip(*found, strict=True):
            assert (one.masked, one.right) == (other.masked, other.right)
            assert one.loss == pytest.approx(other.loss, rel=1e-3)
    else:
        assert found[0] == found[1]


@pytest.mark.parametrize("kind", READERS)
def test_logits_are_those_of_the_row_alone(kind: str, tmp_path: Path) -> None:
    folder = model_of(kind, tmp_path / "m")
    built, model = load(Classification, folder)
    features = built.features(load_tokenizer(folder), examples(Classification, 30), training=False)
    full = Forward(model, load_tokenizer(folder), "cpu").stream(features, built.outputs)["logits"]
    for row in range(len(features)):
        ids = torch.from_numpy(features.ids[row][None].astype(np.int64))
        types = torch.zeros_like(ids) if features.segments is None else torch.from_numpy(features.segments[row][None])
        batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "token_type_ids": types.long()}
        with torch.inference_mode():
            alone = built.outputs(model, batch)["logits"][0].numpy()
        np.testing.assert_allclose(full[row], alone, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", ["convbert", "fnet"])
@pytest.mark.parametrize("pool", ["mean", "cls"])
def test_sentence_vectors_are_those_of_the_sentence_alone(kind: str, pool: str, tmp_path: Path) -> None:
    folder = model_of(kind, tmp_path / "m")
    encoder, tokenizer = load_encoder(str(folder)).eval(), load_tokenizer(folder)
    one, full = (
        embed(Forward(encoder, tokenizer, "cpu", budget=budget), texts(40), layers=[2], pool=pool)[2]
        for budget in (1, 8192)
    )
    np.testing.assert_allclose(one, full, atol=1e-4)


def test_padding_that_the_head_reads_is_found_however_little_its_one_number_changes(tmp_path: Path) -> None:
    folder = model_of("roformer", tmp_path / "m")  # its choice head looks at the last place of a row
    _, model = load(MultipleChoice, folder)
    with torch.no_grad():
        model.classifier.weight.mul_(1e-4)
        model.classifier.bias.fill_(1.0)
    assert padding_of(model, load_tokenizer(folder)) == "none"


class Unmasked(torch.nn.Module):
    """Somebody's network, which forgets the mask."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner, self.config = inner, inner.config

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        return self.inner(input_ids=input_ids)


class Batched(Unmasked):
    """One that takes something of the other rows."""

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        output = self.inner(input_ids=input_ids)
        output.last_hidden_state = output.last_hidden_state - output.last_hidden_state.mean(0, keepdim=True) / 2
        return output


def test_a_network_that_reads_padding_without_our_knowing_is_found(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = save_model("xlmr", tmp_path / "m")
    padding._warn.cache_clear()
    model, tokenizer = Unmasked(load_encoder(str(folder))).eval(), load_tokenizer(folder)
    with caplog.at_level(logging.WARNING, "harness"):
        forwards = [Forward(model, tokenizer, "cpu", budget=budget) for budget in (1, 8192)]  # type: ignore[arg-type]
    assert [forward.padding for forward in forwards] == ["none", "none"]
    assert caplog.text.count("read padding") == 1
    features = Features(Ragged.of([range(5, 5 + n) for n in (3, 9, 30, 9, 2)]), np.arange(5))

    def step(model: Any, batch: Any) -> dict[str, torch.Tensor]:
        return {"mean": model(batch["input_ids"], batch["attention_mask"]).last_hidden_state.mean(1)}

    one, full = (forward.stream(features, step)["mean"] for forward in forwards)
    np.testing.assert_allclose(one, full, atol=1e-5)


def test_a_network_whose_rows_change_each_other_is_refused(tmp_path: Path) -> None:
    folder = save_model("xlmr", tmp_path / "m")
    model = Batched(load_encoder(str(folder))).eval()
    with pytest.raises(ModelError, match="beside other rows"):
        Forward(model, load_tokenizer(folder), "cpu")  # type: ignore[arg-type]


def test_the_trial_of_padding_leaves_no_trace_in_model_or_random_state(tmp_path: Path) -> None:
    for kind in ("xlmr", "fnet"):
        folder = model_of(kind, tmp_path / kind)
        _, model = load(Classification, folder)
        model.train()
        model.base_model.eval()
        before = {name: value.clone() for name, value in model.state_dict().items()}
        modes = [module.training for module in model.modules()]
        state = torch.get_rng_state()
        padding_of(model, load_tokenizer(folder))
        assert torch.equal(state, torch.get_rng_state())
        assert modes == [module.training for module in model.modules()]
        assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
        assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("kind", ["convbert", "fnet", "xlnet"])
@pytest.mark.parametrize("family", [Classification, Tagging, MultipleChoice, DualEncoder])
def test_a_training_step_does_not_depend_on_how_it_is_cut(kind: str, family: Any, tmp_path: Path) -> None:
    folder = model_of(kind, tmp_path / "m", **{"dropout": 0.0} if kind == "xlnet" else {"hidden_dropout_prob": 0.0})
    tokenizer = load_tokenizer(folder)
    updates = []
    for number, budget in enumerate((1, 4096)):
        built, model = load(family, folder)
        reset_head(model, 1)
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        start = {name: value.detach().clone() for name, value in model.named_parameters()}
        features = built.features(tokenizer, examples(family, 12, longest=3), training=True)
        options = TrainOptions(
            batch=12, max_steps=1, batch_tokens=budget, lr=1.0, warmup_ratio=0.0, adam_epsilon=10.0, weight_decay=0.0
        )
        trainer = Trainer(
            [HeadTask("task", built, model, features, padding_of(model, tokenizer))],
            make_schedule([features.item_count], options),
            options,
            Accelerator(cpu=True),
            pad_id=tokenizer.pad_token_id,
            state_folder=tmp_path / f"state-{number}",
            evaluate=None,
            keep=lambda: None,
        )
        trainer.run()
        updates.append(
            torch.cat([(value - start[name]).detach().flatten() for name, value in model.named_parameters()])
        )
    scale = float(updates[0].abs().max())
    assert scale > 0
    assert float((updates[0] - updates[1]).abs().max()) < 1e-3 * scale


@given(st.lists(st.integers(1, 6), min_size=1, max_size=8))
def test_rows_of_several_lengths_go_through_one_length_at_a_time(lengths: list[int]) -> None:
    from transformers.modeling_outputs import TokenClassifierOutput

    seen: list[tuple[int, ...]] = []

    def model(input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        seen.append(tuple(input_ids.shape))
        assert attention_mask.all()
        return TokenClassifierOutput(loss=input_ids.float().sum(1), logits=input_ids.float()[:, :, None])

    width = max(lengths)
    mask = torch.tensor([[1] * n + [0] * (width - n) for n in lengths])
    ids = torch.arange(1, mask.numel() + 1).view(mask.shape) * mask
    output = Unpadded(model)(input_ids=ids, attention_mask=mask)
    assert torch.equal(output.logits[:, :, 0], ids.float()) and torch.equal(output.loss, ids.float().sum(1))
    assert sorted(length for _, length in seen) == sorted(set(lengths))


def test_sharding_such_a_model_over_examples_of_several_rows_is_refused(tmp_path: Path) -> None:
    features = Features(Ragged.of([[1], [2]]), np.zeros(2, np.int64), items=np.array([0, 2]))
    part = HeadTask("copa", MultipleChoice((), MultipleChoice.Options()), SimpleNamespace(), features, "none")  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="copa: a model that reads padding"):
        Trainer(
            [part],
            np.zeros(1, np.int64),
            TrainOptions(),
            Accelerator(cpu=True),
            pad_id=0,
            state_folder=tmp_path,
            evaluate=None,
            keep=lambda: None,
            shard=True,
        )


@pytest.mark.parametrize("kind", ["convbert", "fnet", "xlnet"])
def test_doctor_finds_no_decision_that_the_batch_changes(kind: str, corpus: Path, tmp_path: Path) -> None:
    folder = model_of(kind, tmp_path / "m")
    found = invariance(
        str(folder), get_registry(), EvalOptions(data_dir=str(corpus), device="cpu", offline=True), limit=30
    )
    assert {change.family: change.fp32 for change in found.changes if change.family != "dual_encoder"} == {
        change.family: 0 for change in found.changes if change.family != "dual_encoder"
    }
    assert len(found.changes) >= 5


def units_of(model: Path, corpus: Path, out: Path, tasks: Sequence[str]) -> dict[str, Any]:
    chosen = {"max_steps": 2, "batch": 8, "max_length": 128}
    options = EvalOptions(
        recipe="tiny",
        overrides=chosen,
        data_dir=str(corpus),
        offline=True,
        device="cpu",
        dtype="fp32",
        limit=10,
        train_limit=16,
    )
    run = harness.evaluate(str(model), list(tasks), out=out, options=options)
    assert run.record["units"] and not run.record["failed"]
    return run.record


def test_the_record_says_which_models_run_without_padding(corpus: Path, tmp_path: Path) -> None:
    odd = units_of(model_of("fnet", tmp_path / "fnet"), corpus, tmp_path / "odd", ["xnli", "tatoeba"])
    assert {unit["facts"].get("padding") for unit in odd["units"].values()} == {"none"}
    assert [stage["padding"] for stage in odd["stages"]] == ["none"]
    plain = units_of(model_of("bert", tmp_path / "bert"), corpus, tmp_path / "plain", ["xnli", "tatoeba"])
    assert all("padding" not in unit["facts"] for unit in plain["units"].values())
    assert all("padding" not in stage for stage in plain["stages"])
