"""Training the rows of an embedding that a stage can touch gives the bits of training the whole table."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from small_models import save_model, save_other

from harness import Objective, Pair, StageObjective, Tagged
from harness.cli.main import main
from harness.core.errors import PluginError
from harness.families.base import HeadFamily
from harness.families.classification import Classification
from harness.families.mlm import MaskedLanguageModel
from harness.families.tagging import Tagging
from harness.inference.features import Features, Ragged
from harness.models.load import load_tokenizer
from harness.training import train_stage
from harness.training._checkpoint import TENSORS
from harness.training._rows import EmbeddingRows, Table, TouchedRows, touched_rows
from harness.training._trainer import HeadTask, Trainer
from harness.training.objectives.base import ObjectiveContext
from harness.training.objectives.composition import Composition, Layer
from harness.training.schedule import make_schedule
from harness.types.options import TrainOptions, build

pytestmark = pytest.mark.usefixtures("warm_python")

WORDS = "The committee did not say when the next meeting Two dogs".split()
OPTIONS = TrainOptions(lr=1e-2, batch=8, max_steps=6, batch_tokens=100, clip=0.05, warmup_steps=1, evaluate_every=2)


def examples(family: HeadFamily) -> Sequence[Any]:
    rng = np.random.default_rng(0)
    made: list[Any] = []
    for number in range(30):
        words = tuple(rng.choice(WORDS, rng.integers(2, 9)))
        if isinstance(family, Tagging):
            made.append(Tagged(str(number), words, tuple("NV"[word[0].islower()] for word in words)))
        else:
            made.append(Pair(str(number), " ".join(words), str(rng.choice(WORDS)), ("no", "yes")["dogs" in words]))
    return made


def families(*kinds: type[HeadFamily]) -> list[HeadFamily]:
    labels = {Classification: ("no", "yes"), Tagging: ("N", "V")}
    return [kind(labels.get(kind, ()), build(kind.Options, {})) for kind in kinds]


def tasks(folder: Path, of: Sequence[HeadFamily], objective: Composition | None = None) -> list[HeadTask]:
    found: list[HeadTask] = []
    tokenizer = load_tokenizer(folder)
    for number, family in enumerate(of):
        model = family.load(str(folder), ignore_mismatched_sizes=True, dtype="float32")
        family.draw_head(model, 42, ())
        if found:
            family.share_encoder(found[0].model, model, ())
        rows = family.features(tokenizer, examples(family), training=True)
        found.append(HeadTask(str(number), family, model, rows))
        if objective is not None:
            context = ObjectiveContext(42, family, tokenizer, "cpu")
            found[-1] = replace(found[-1], objective=objective, context=context)
    return found


@dataclass
class Result:
    weights: dict[str, torch.Tensor]
    norms: list[float]
    scores: list[float]
    tables: TouchedRows


def train(
    parts: Sequence[HeadTask], folder: Path, state: Path, *, whole: bool, stop: int = 0, **changes: Any
) -> Result | None:
    """Trains the parts; ``stop`` is the step at which the process is killed."""
    options, tokenizer = replace(OPTIONS, **changes), load_tokenizer(folder)
    schedule = make_schedule([part.features.item_count for part in parts], options)
    tables = TouchedRows()
    if not whole:
        tables = touched_rows(parts, tokenizer, steps=len(schedule), decay=options.weight_decay)
    kept: dict[str, torch.Tensor] = {}
    norms, scores = [], []
    accelerator = Accelerator(cpu=True)
    clip = accelerator.clip_grad_norm_

    def clipped(parameters: Any, limit: float) -> Any:
        norms.append(float(found := clip(parameters, limit)))
        return found

    accelerator.clip_grad_norm_ = clipped  # type: ignore[method-assign]

    def evaluate() -> Mapping[str, Any]:
        model = parts[0].model
        rows = torch.arange(len(tokenizer))[None, :200]  # tokens that no training row has
        with torch.inference_mode():
            scores.append(float(model(rows, attention_mask=torch.ones_like(rows)).logits.double().sum()))
        return {"score": scores[-1]}

    def keep() -> None:
        kept.update({f"{i}.{n}": v.clone() for i, part in enumerate(parts) for n, v in part.model.state_dict().items()})

    trainer = Trainer(
        parts,
        schedule,
        options,
        accelerator,
        pad_id=tokenizer.pad_token_id,
        state_folder=state,
        evaluate=evaluate if changes.get("select") != "last" else None,
        keep=keep,
        tables=tables,
    )
    step = trainer._step

    def killed(number: int) -> torch.Tensor:
        if stop and number == stop:
            raise Killed
        return step(number)

    trainer._step = killed  # type: ignore[method-assign]
    try:
        trainer.run()
    except Killed:
        return None
    with tables.whole():
        keep()
    return Result(kept, norms, scores, tables)


class Killed(Exception):
    pass


def assert_same(one: Result | None, other: Result | None) -> None:
    assert one is not None and other is not None
    assert one.weights.keys() == other.weights.keys()
    assert [name for name, value in one.weights.items() if not torch.equal(value, other.weights[name])] == []
    assert one.norms[-2:] == other.norms[-2:] and one.scores[-1:] == other.scores[-1:]


def made(kind: str, folder: Path, **more: Any) -> Path:
    return save_model(kind, folder) if kind in ("xlmr", "bert", "llama", "mt5") else save_other(kind, folder, **more)


@pytest.mark.parametrize(
    ("kind", "decay"),
    [
        ("xlmr", 0.0),
        ("xlmr", 0.1),
        ("bert", 0.0),
        ("mt5", 0.1),
        ("llama", 0.1),
        ("albert", 0.1),
        ("electra", 0.0),
        ("deberta-v2", 0.0),
    ],
)
def test_weights_clip_norms_and_dev_scores_are_those_of_the_whole_table(
    kind: str, decay: float, tmp_path: Path
) -> None:
    folder, results = made(kind, tmp_path / "model"), []
    for whole in (False, True):
        parts = tasks(folder, families(Classification))
        results.append(train(parts, folder, tmp_path / f"{whole}", whole=whole, weight_decay=decay))
    assert_same(*results)
    narrow, whole_tables = results
    assert narrow and whole_tables and narrow.tables.digest and not whole_tables.tables.digest
    assert narrow.norms == whole_tables.norms and max(narrow.norms) > OPTIONS.clip
    assert len(set(narrow.scores)) == 3 and narrow.scores == whole_tables.scores


def test_several_tasks_share_the_rows_of_all_their_data(tmp_path: Path) -> None:
    folder = save_model("xlmr", tmp_path / "model")
    results = [
        train(
            tasks(folder, families(Classification, Tagging)),
            folder,
            tmp_path / f"{whole}",
            whole=whole,
            weight_decay=0.1,
        )
        for whole in (False, True)
    ]
    assert_same(*results)
    assert results[0] and results[0].tables.digest


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_a_killed_training_goes_on_to_the_same_bits_from_a_smaller_state(tmp_path: Path, decay: float) -> None:
    folder = save_model("bert", tmp_path / "model")
    more = {"weight_decay": decay, "evaluate_every": 0, "save_every": 2, "select": "last"}
    straight = train(tasks(folder, families(Classification)), folder, tmp_path / "a", whole=False, **more)
    for whole, state in ((False, "narrow"), (True, "whole")):
        parts = tasks(folder, families(Classification))
        assert train(parts, folder, tmp_path / state, whole=whole, stop=5, **more) is None
    sizes = [(tmp_path / state / TENSORS).stat().st_size for state in ("narrow", "whole")]
    assert sizes[0] < sizes[1] - 3 * 4 * 32 * 100  # weights and two moments of a hundred rows and more
    torch.manual_seed(12345)  # a new process has another random state
    resumed = train(tasks(folder, families(Classification)), folder, tmp_path / "narrow", whole=False, **more)
    assert resumed and len(resumed.norms) == 2
    assert_same(straight, resumed)


def test_a_state_of_whole_tables_is_set_aside_with_a_word(
    corpus: Path, small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    given = ["train", "--model", str(small_model), "--task", "mnli", "--data-dir", str(corpus), "--offline"]
    given += ["--device", "cpu", "--train-limit", "16", "--set", "max_steps=4", "--set", "save_every=1"]
    assert main([*given, "--out", str(tmp_path / "straight")]) == 0
    step = Trainer._step

    def stops(trainer: Trainer, number: int) -> torch.Tensor:
        if number == 2:
            raise KeyboardInterrupt
        return step(trainer, number)

    with monkeypatch.context() as before:
        before.setattr(train_stage, "touched_rows", lambda *parts, **options: TouchedRows())
        before.setattr(Trainer, "_step", stops)
        assert main([*given, "--out", str(tmp_path / "again")]) == 130
    progress = tmp_path / "again.partial" / "state" / "progress.json"
    assert json.loads(progress.read_text())["step"] == 2
    with caplog.at_level(logging.WARNING):
        assert main([*given, "--out", str(tmp_path / "again")]) == 0
    assert "a state with other rows of the embeddings" in caplog.text and "from its beginning" in caplog.text
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("straight", "again"))
    assert all(torch.equal(value, two[name]) for name, value in one.items())
    assert len(one["roberta.embeddings.word_embeddings.weight"]) == len(load_tokenizer(small_model))


# Where the whole table is trained


def tables_of(parts: Sequence[HeadTask], folder: Path) -> TouchedRows:
    return touched_rows(parts, load_tokenizer(folder), steps=1, decay=0.0)


@pytest.mark.parametrize("kind", ["bert", "rembert"])
def test_a_masked_language_model_trains_the_whole_table_tied_to_its_head_or_not(kind: str, tmp_path: Path) -> None:
    folder = made(kind, tmp_path / "model", head="MaskedLM")
    [family] = families(MaskedLanguageModel)
    parts = [HeadTask("mlm", family, family.load(str(folder), dtype="float32"), rows(folder))]
    assert tables_of(parts, folder).digest == ""
    assert type(parts[0].model.get_input_embeddings()) is torch.nn.Embedding


def rows(folder: Path) -> Features:
    found = families(Classification)[0].features(
        load_tokenizer(folder), examples(families(Classification)[0]), training=True
    )
    assert isinstance(found, Features)
    return found


class Foreign(torch.nn.Module):
    """Computes with the weight of another module."""

    def __init__(self, weight: torch.nn.Parameter) -> None:
        super().__init__()
        self.tied = weight


@pytest.mark.parametrize(
    "why", ["frozen", "tied", "hook", "hook of the weight", "scaled", "made when needed", "a masked task beside it"]
)
def test_the_whole_table_is_trained_where_it_may_be_more_than_looked_up(why: str, tmp_path: Path) -> None:
    folder = save_model("bert", tmp_path / "model")
    parts = tasks(folder, families(Classification))
    embedding = parts[0].model.get_input_embeddings()
    if why == "frozen":
        embedding.weight.requires_grad_(False)
    elif why == "tied":
        parts[0].model.classifier.add_module("foreign", Foreign(embedding.weight))
    elif why == "hook":
        embedding.register_forward_hook(lambda module, given, output: output * 2)
    elif why == "hook of the weight":
        embedding.weight.register_hook(lambda gradient: gradient * 2)
    elif why == "scaled":
        embedding.__class__ = type("Scaled", (torch.nn.Embedding,), {})
    elif why == "made when needed":
        parts[0] = replace(parts[0], features=object())
    else:
        [masked] = families(MaskedLanguageModel)
        parts.append(replace(parts[0], family=masked))
    assert tables_of(parts, folder).digest == ""
    assert parts[0].model.get_input_embeddings() is embedding


class Replacing(StageObjective):
    """Puts a token of no row into every row; ``said`` tells whether it says so."""

    @dataclass(frozen=True)
    class Options:
        said: bool = True

    def embedding_rows(self, rows: Any, context: ObjectiveContext) -> Any:
        return None if self.options.said else rows

    def loss(self, model: Any, batch: Any, plain: Any, context: ObjectiveContext) -> Any:
        ids = batch["input_ids"].clone()
        ids[:, 1] = len(context.tokenizer) - 1
        return plain({**batch, "input_ids": ids})


def replacing(said: bool) -> Composition:
    return Composition((Layer(Objective("replacing", 1, "x:X"), Replacing(Replacing.Options(said))),))


def test_an_objective_that_puts_in_other_tokens_has_the_whole_table_or_is_refused(tmp_path: Path) -> None:
    folder = save_model("bert", tmp_path / "model")
    parts = tasks(folder, families(Classification), replacing(True))
    assert tables_of(parts, folder).digest == ""
    parts = tasks(folder, families(Classification), replacing(False))
    with pytest.raises(PluginError, match="not in its rows") as error:
        train(parts, folder, tmp_path / "state", whole=False)
    assert "embedding_rows" in (error.value.hint or "")
    assert not (tmp_path / "state").exists()


def test_tokens_in_aligned_columns_and_special_tokens_have_rows(tmp_path: Path) -> None:
    folder = save_model("bert", tmp_path / "model")
    [part] = tasks(folder, families(Classification))
    column = Ragged.of([[-100, 200 + number % 5] for number in range(len(part.features))])
    assert isinstance(part.features, Features)
    part = replace(part, features=replace(part.features, aligned={"targets": (column, -100)}))
    tables_of([part], folder)
    narrow = part.model.get_input_embeddings()
    assert isinstance(narrow, EmbeddingRows)
    narrow(torch.tensor([[200, 204, *load_tokenizer(folder).all_special_ids]]))
    assert not narrow.missed
    narrow(torch.tensor([[199]]))
    assert narrow.missed


def test_whoever_computes_with_the_whole_table_fails_rather_than_taking_some_of_it(tmp_path: Path) -> None:
    folder = save_model("bert", tmp_path / "model")
    parts = tasks(folder, families(Classification))
    tables_of(parts, folder)
    weight = parts[0].model.get_input_embeddings().weight
    assert weight.dtype == torch.float32 and weight.shape == (0, 32)
    with pytest.raises(IndexError):
        weight[torch.tensor([5])]


# Gathered and put back


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_gathered_rows_are_put_back_as_if_the_whole_table_were_trained(data: st.DataObject) -> None:
    size, width = data.draw(st.integers(2, 40)), 16
    own = sorted(data.draw(st.sets(st.integers(0, size - 1), min_size=1, max_size=size - 1)))
    padding = data.draw(st.sampled_from([None, own[0]]))
    decay = data.draw(st.sampled_from([0.0, 0.01, 0.3]))
    batches = data.draw(st.lists(st.lists(st.sampled_from(own), min_size=1, max_size=6), min_size=1, max_size=5))
    looks = data.draw(st.sets(st.integers(0, len(batches) - 1)))
    torch.manual_seed(data.draw(st.integers(0, 99)))
    whole = torch.nn.Embedding(size, width, padding_idx=padding)
    reference = torch.nn.Embedding(size, width, padding_idx=padding)
    reference.load_state_dict(whole.state_dict())
    model = torch.nn.ModuleDict({"words": whole})
    tables = narrowed(model, whole, own, len(batches) if decay else 0, decay)
    optimizers = [
        torch.optim.AdamW(module.parameters(), lr=0.1, weight_decay=decay, fused=True) for module in (model, reference)
    ]
    factor = torch.randn(width)
    for step, batch in enumerate(batches):
        rate = 0.1 / (step + 1)
        for module, optimizer in zip((model["words"], reference), optimizers, strict=True):
            (module(torch.tensor([batch])) * factor).tanh().sum().backward()
            optimizer.param_groups[0]["lr"] = rate
            optimizer.step()
            if module is not reference:
                tables.stepped(step, rate)
            optimizer.zero_grad()
        if step in looks:
            with tables.whole():
                assert model["words"] is whole and torch.equal(whole.weight, reference.weight)
            assert isinstance(model["words"], EmbeddingRows)
    with tables.whole():
        assert torch.equal(whole.weight, reference.weight)


def narrowed(
    model: torch.nn.ModuleDict, whole: torch.nn.Embedding, own: list[int], steps: int, decay: float
) -> TouchedRows:
    ids = torch.tensor(own)
    table = Table([(model, "words", whole)], ids, EmbeddingRows(whole, ids, steps))
    table.narrow()
    return TouchedRows([table], decay)


# Two processes

TWICE = """
import sys
from harness.cli.main import main
from harness.training import train_stage
from harness.training._rows import TouchedRows

*words, out = sys.argv[1:]
seen = []
touched = train_stage.touched_rows
train_stage.touched_rows = lambda *parts, **options: seen.append(touched(*parts, **options)) or seen[-1]
assert main([*words, "--out", out + "/rows"]) == 0 and seen[0].digest
train_stage.touched_rows = lambda *parts, **options: TouchedRows()
assert main([*words, "--out", out + "/whole"]) == 0
"""


def test_two_processes_train_the_rows_to_the_bits_of_the_whole_table(
    corpus: Path, small_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "twice.py").write_text(TWICE)
    given: list[object] = ["train", "--model", small_model, "--task", "mnli+squad", "--data-dir", corpus, "--offline"]
    given += ["--device", "cpu", "--train-limit", 20, "--set", "max_steps=5", "--set", "batch=6", "--set", "lr=1e-2"]
    given += ["--set", "weight_decay=0.1", "--set", "clip=0.05", "--set", "evaluate_every=2", "--set", "eval_limit=8"]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*launcher, str(tmp_path / "twice.py"), *map(str, given), str(tmp_path)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("rows", "whole"))
    assert one.keys() == two.keys() and all(torch.equal(value, two[name]) for name, value in one.items())
    told = [json.loads((tmp_path / name / "stage.json").read_text()) for name in ("rows", "whole")]
    assert told[0]["dev"] == told[1]["dev"] and len(told[0]["dev"]) == 3 and told[0]["loss"] == told[1]["loss"]
