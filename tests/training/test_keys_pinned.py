"""Keys of results and of stages, pinned: what was computed before a change of the code is found again after it."""

from __future__ import annotations

import shutil
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from training_stages import cpu_context, cpu_stages

from harness.evaluation._preparation import Preparation
from harness.evaluation.groups import grouped, make_group
from harness.evaluation.plan import PlannedUnit
from harness.models.resolve import ResolvedModel
from harness.registry.default import get_registry
from harness.training.chain import Stages
from harness.training.context import options_of
from harness.types.examples import Pair, Tagged
from harness.types.options import build
from harness.types.roles import key_part
from harness.types.sources import FileData, Split
from harness.types.task_key import BY_CONTENT, HARMLESS
from harness.types.tasks import TargetTask
from harness.types.units import Unit

PINNED = {
    "defaults": (
        "e3edad7dfb1eb71db3cc6cbdfffab16a642b52e802cae51d0572a1cdb7740a54",
        "f4f6e98fb8de7413d339b824503fe029c22e2753ba922dd90286aaa926fdf3f2",
    ),
    "quantised": (
        "7894d1822c048802000be2e818a808a2b99aee5e75a7ae95cdf5c224c356498f",
        "326a4b20bf1ba5b9f17869ae41a3c91ae5fe85669c845491a68f6e82259563b6",
    ),
    "tagging": (
        "6e9f876c32018969318d1c73fa35b31bec6a1c0f4979e2d98604a5ca9a11ca1b",
        "665bd5efd0b45d1f21e49cf0756a0f9b47b42e88524d0e16f52f5de234d10f26",
    ),
}
"""Keys of the stage and of the unit as commit aa9024c made them."""


def _split(kind: str) -> Split:
    def read(path: Path) -> list[dict[str, Any]]:
        return [{"text": f"{kind} {number}", "label": ("yes", "no")[number % 2]} for number in range(6)]

    return Split(FileData(("rows.txt",), read, "made by the test"))


PAIRS = TargetTask(
    name="pinned",
    version=3,
    family="classification",
    labels=("no", "yes"),
    train=_split("train"),
    languages={"en": {"dev": _split("dev"), "test": _split("test")}},
    example=lambda row: Pair(str(row["_row"]), row["text"], "", row["label"]),
    metric="accuracy",
    provider="xtreme-harness:pinned",
)
TAGS = replace(
    PAIRS,
    name="pinned_tags",
    version=1,
    family="tagging",
    example=lambda row: Tagged(str(row["_row"]), (row["text"],), (row["label"],)),
    metric="udpos_f1",
)


def keys(
    task: TargetTask, data: Path, folder: Path, config: dict[str, Any] | None = None, **options: Any
) -> tuple[str, str]:
    """The key of the task's stage and that of its English test unit."""
    (data / "rows.txt").touch()
    model = ResolvedModel("org/model", folder, None, "f" * 64, {"hidden_size": 768, **(config or {})})
    context = cpu_context(get_registry(), "xtreme", data, **options).of_model(model)
    stages = Stages(context, data / "stages", lambda name: lambda *told: None)
    split = task.languages["en"]["test"]
    entry = PlannedUnit(Unit(task.name, "en", "test"), task, split, None)
    (units,) = grouped([entry], context)
    group = make_group(units, context, stages, model)
    ready = Preparation(context, "org/model").prepare(units[0], group)
    return group.identity, ready.key


@pytest.mark.parametrize(
    ("task", "options", "expected"),
    [
        (PAIRS, {}, PINNED["defaults"]),
        (PAIRS, {"quant": "8bit", "overrides": {"peft": "lora", "seed": 7}}, PINNED["quantised"]),
        (TAGS, {}, PINNED["tagging"]),
    ],
    ids=["defaults", "quantised", "tagging"],
)
def test_old_keys_stay_what_they_were(
    task: TargetTask, options: dict[str, Any], expected: tuple[str, str], small_model: Path, tmp_path: Path
) -> None:
    assert keys(task, tmp_path, small_model, **options) == expected


@pytest.mark.parametrize("name", [field.name for field in fields(TargetTask)])
def test_every_field_of_a_plugins_task_is_in_its_keys_or_declared_harmless(
    name: str, small_model: Path, tmp_path: Path
) -> None:
    """A field that is new, and neither read by content nor declared harmless, is in the keys by itself."""
    other = {
        "name": "other",
        "version": 4,
        "family": "tagging",
        "metric": "accuracy_f1:yes",
        "labels": ("yes", "no"),
        "options": {"max_length": 32},
    }
    mine = replace(PAIRS, provider="elsewhere:plugin")
    assert set(other) == {field.name for field in fields(TargetTask)} - BY_CONTENT - HARMLESS
    if name in other and name != "family":
        changed = replace(mine, **{name: other[name]})
        assert keys(changed, tmp_path, small_model)[1] != keys(mine, tmp_path, small_model)[1]
    elif name in HARMLESS - {"provider", "average"}:
        assert keys(replace(mine, **{name: "other"}), tmp_path, small_model) == keys(mine, tmp_path, small_model)


def test_a_majority_baseline_of_other_training_data_is_another_result(small_model: Path, tmp_path: Path) -> None:
    def key(train: Split) -> str:
        stages = cpu_stages(get_registry(), "xtreme", tmp_path)
        entry = PlannedUnit(
            Unit("pinned", "en", "test"), replace(PAIRS, train=train), PAIRS.languages["en"]["test"], None
        )
        group = make_group([entry], stages.context, stages, None)
        return Preparation(stages.context, "baseline:majority").prepare(entry, group).key

    (tmp_path / "rows.txt").touch()
    assert key(_split("train")) == key(_split("train")) != key(_split("other"))


def test_results_from_before_padding_was_kept_from_a_model_that_reads_it_are_not_taken_for_todays(
    small_model: Path, tmp_path: Path
) -> None:
    assert keys(PAIRS, tmp_path, small_model, {"model_type": "fnet"}) != PINNED["defaults"]


def test_results_of_words_in_running_text_are_not_those_of_words_tokenised_alone(
    small_model: Path, tmp_path: Path
) -> None:
    """A tokenizer that marks spaces: results from before words were tokenised in text are not taken for those of today."""
    from tests.tokenizer_schemes import scheme

    folder = tmp_path / "model"
    shutil.copytree(small_model, folder)
    scheme("eurobert").save_pretrained(folder)
    stage, unit = keys(TAGS, tmp_path, folder)
    assert stage != PINNED["tagging"][0] and unit != PINNED["tagging"][1]
    assert keys(PAIRS, tmp_path, folder) == PINNED["defaults"]
    alone = keys(TAGS, tmp_path, folder, overrides={"words": "alone"})
    assert alone[1] not in (unit, PINNED["tagging"][1])


@pytest.mark.parametrize(
    ("family", "options", "pinned"),
    [
        ("bitext_retrieval", {}, {"layer": None, "pool": "mean", "max_length": 512, "index": "auto"}),
        (
            "bitext_retrieval",
            {"layer": "12", "pool": "cls", "max_length": "256"},
            {"layer": 12, "pool": "cls", "max_length": 256, "index": "auto"},
        ),
        (
            "bitext_mining",
            {"layer": "auto", "pool": "mean"},
            {"layer": None, "pool": "mean", "max_length": 512, "k": 4, "margin": "ratio", "retrieval": "max"}
            | {"duplicates": "drop", "precision": "auto", "memory": 1024, "index": "auto"},
        ),
        (
            "dual_encoder",
            {},
            {"query_length": 96, "candidate_length": 256, "softmax_pairs": 4, "vector": "auto", "index": "auto"},
        ),
    ],
    ids=["retrieval", "retrieval asked", "mining", "dual encoder"],
)
def test_options_of_sentence_vectors_are_in_keys_as_before_models_were_asked(
    family: str, options: dict[str, Any], pinned: dict[str, Any]
) -> None:
    kind = options_of(get_registry().family(family))
    assert kind is not None
    assert key_part(build(kind, options)) == pinned
