"""Every two of the objectives that come with the harness, in both orders: they train, or are refused in words."""

from __future__ import annotations

import itertools
import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from harness import ObjectiveContext, get_registry
from harness.api import evaluate, train
from harness.core.errors import HarnessError
from harness.data.sources import load_examples
from harness.models.load import load_tokenizer
from harness.models.prompt import prompt_of
from harness.models.resolve import check_folder
from harness.training._teacher import with_teacher
from harness.types.options import EvalOptions
from tests.training_stages import cpu_stages

OWN = sorted(
    name
    for name, value in get_registry().objectives().items()
    if value.provider.startswith("xtreme-harness") and "classification" in (value.families or ("classification",))
)
"""Those that a task such as MNLI can be trained with."""
REFUSED = {
    **dict.fromkeys(itertools.permutations(("adversarial", "prompt")), "not beside a soft prompt"),
    **dict.fromkeys(itertools.permutations(("noise", "prompt")), "not beside a soft prompt"),
    **dict.fromkeys(itertools.permutations(("fusion", "shuffled")), "the English side of a pair keeps its labels"),
    ("masked", "teaching"): "predicts no distribution",
    ("teaching", "masked"): "no teacher has the head that 'teaching@masked' trains",
}
"""What is said of the pairs that make no sense, whose first one is innermost."""


@pytest.fixture(scope="module")
def data(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A German translation of some of the sample's MNLI."""
    folder = tmp_path_factory.mktemp("translation")
    mnli = get_registry().intermediate("mnli")
    examples: Any = load_examples(mnli, mnli.train, data_dir=corpus, offline=True).examples
    rows = [{"premise": f"de {one.a}", "hypothesis": one.b, "label": one.label, "source": one.id} for one in examples]
    path = folder / "translated/mnli/de/train.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def teacher(corpus: Path, small_model: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain model of the task."""
    return trained(corpus, data, small_model, "mnli[de]", tmp_path_factory.mktemp("teacher")).folder


def trained(corpus: Path, data: Path, model: Path, expression: str, out: Path, **overrides: Any) -> Any:
    chosen = {"max_steps": 1, "batch": 4, "local_layers": 0, "eval_limit": 4, "signals": "stored"} | overrides
    options = EvalOptions(
        data_dir=f"{corpus}{os.pathsep}{data}",
        offline=True,
        device="cpu",
        recipe="tiny",
        overrides=chosen,
        train_limit=12,
    )
    return train(str(model), expression, out=out, options=options)


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(OWN, 2)))
def test_two_objectives_train_together_or_are_refused(
    corpus: Path, data: Path, small_model: Path, teacher: Path, tmp_path: Path, first: str, second: str
) -> None:
    expression, taught = (
        f"mnli[en,de]@{first}@{second}",
        {"teacher": str(teacher)} if "teaching" in (first, second) else {},
    )
    if (first, second) in REFUSED:
        with pytest.raises(HarnessError, match=REFUSED[first, second]):
            trained(corpus, data, small_model, expression, tmp_path / "out", **taught)
        return
    summary = trained(corpus, data, small_model, expression, tmp_path / "out", **taught).summary
    assert [layer["name"] for layer in summary["tasks"][0]["objective"]] == [first, second]
    assert summary["steps"] == 1 and math.isfinite(summary["loss"][-1][1])


@pytest.mark.parametrize("signals", ["live", "stored"])
def test_a_teacher_of_pairs_stands_before_or_behind_what_makes_them(
    corpus: Path, data: Path, small_model: Path, teacher: Path, tmp_path: Path, signals: str
) -> None:
    given = {"teacher": str(teacher), "signals": signals, "eval_limit": 1}
    losses = [
        trained(corpus, data, small_model, f"mnli[de]@{order}", tmp_path / order, **given).summary["loss"][-1][1]
        for order in ("teaching@fusion", "fusion@teaching")
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


@pytest.mark.parametrize("expression", ["mnli@synonyms", "mnli[en,de]@fusion", "mnli[en,de]@fusion@synonyms", "mnli"])
def test_the_announced_steps_are_those_that_are_trained(
    corpus: Path, data: Path, small_model: Path, tmp_path: Path, expression: str
) -> None:
    """Copies of examples count, and pairs of which an epoch draws one do not."""
    chosen = {"max_steps": 0, "epochs": 1, "batch": 4, "local_layers": 0, "eval_limit": 1, "copies": 3}
    folders = Path(f"{corpus}{os.pathsep}{data}")
    stages = cpu_stages(get_registry(), "tiny", folders, overrides=chosen, train_limit=12)
    stage = stages.last([expression], check_folder(small_model, "small"))
    [coming] = stages.coming([stage], tmp_path / "out")
    assert stages.train(stage, tmp_path / "out").summary["planned_steps"] == coming.steps


def test_a_teacher_keeps_the_soft_prompt_that_it_has_learned(
    corpus: Path, data: Path, small_model: Path, tmp_path: Path
) -> None:
    """Those of the model that learns are drawn anew; the teacher's are those in its checkpoint."""
    folder = trained(corpus, data, small_model, "mnli@prompt", tmp_path / "teacher").folder
    stages = cpu_stages(get_registry(), "tiny", corpus, overrides={"teacher": str(folder)}, train_limit=12)
    stage = stages.last(["mnli@prompt@teaching"], check_folder(small_model, "small"))
    context = ObjectiveContext(42, stage.tasks[0].family, load_tokenizer(small_model), "cpu")
    teacher = with_teacher(context, stage, folder, {}).teacher
    assert teacher is not None
    vectors = prompt_of(teacher)
    assert vectors is not None
    [stored] = [value for value in load_file(folder / "model.safetensors").values() if value.shape == vectors.shape]
    assert torch.equal(vectors, stored)


@pytest.mark.parametrize("own", [True, False], ids=["self", "folder"])
def test_a_task_that_is_scored_is_taught_on_its_translations(
    corpus: Path, small_model: Path, teacher: Path, tmp_path: Path, own: bool
) -> None:
    """The teacher reads the translations as well; one that is the same stage is trained on them first."""
    options = EvalOptions(
        data_dir=str(corpus),
        offline=True,
        device="cpu",
        recipe="tiny",
        train_on=("xnli[de]",),
        overrides={"max_steps": 1, "batch": 4, "objective": "teaching", "teacher": "self" if own else str(teacher)},
        train_limit=12,
        limit=4,
    )
    record = evaluate(str(small_model), out=tmp_path / "run", tasks=["xnli"], languages=["de"], options=options).record
    stage = record["stages"][-1]
    assert stage["name"] == "xnli[de]@teaching" and [part["task"] for part in stage["tasks"]] == ["xnli[de]"]
    [taught] = stage["inputs"]
    assert ("stage" in taught) == own
    assert [each["to"] for each in record["resources"]["translations_train"]] == ["de"]
    assert "xnli/de/test" in record["units"]


def scored(corpus: Path, model: Path, out: Path, objective: str, task: str = "xnli", **more: Any) -> Any:
    chosen = {"max_steps": 1, "batch": 4, "objective": objective} | more
    options = EvalOptions(
        data_dir=str(corpus), offline=True, device="cpu", recipe="tiny", train_limit=12, limit=4, overrides=chosen
    )
    return evaluate(str(model), out=out, tasks=[task], languages=["en"], options=options)


@pytest.mark.parametrize(
    ("task", "objective", "message", "hint"),
    [
        (
            "xnli",
            "prompt@adversarial",
            "'xnli@prompt@adversarial': 'adversarial' adds noise to",
            "before one that trains",
        ),
        ("xnli", "noise@prompt", "'noise' adds noise to the embeddings of words, and not beside a soft prompt", ""),
        ("topics", "adversarial", "'topics_seen@adversarial': 'adversarial' adds noise", "a stage with objective"),
        ("xnli", "masked", "trains no head that could be scored on 'xnli'", "as in --via 'anli_plus@masked'"),
        ("xquad", "synonyms@masked", "trains no head that could be scored", "as in --via 'squad@synonyms@masked'"),
        (
            "xnli",
            "noise@noise",
            "option objective: 'noise@noise': the objective 'noise' occurs twice",
            "synonyms@noise",
        ),
        ("xnli", "noise@", "option objective: 'noise@': a name expected before and after each '@'", "synonyms@noise"),
    ],
)
def test_what_cannot_be_put_together_is_said_before_anything_is_trained(
    corpus: Path, small_model: Path, tmp_path: Path, task: str, objective: str, message: str, hint: str
) -> None:
    with pytest.raises(HarnessError) as refused:
        scored(corpus, small_model, tmp_path / "run", objective, task)
    assert message in str(refused.value) and hint in (refused.value.hint or "")
    assert not list(tmp_path.glob("**/stage.json*")) and not list(tmp_path.glob("**/*.safetensors"))


def test_noise_that_is_off_goes_with_a_soft_prompt_and_noise_comes_in_a_stage_before_it(
    corpus: Path, data: Path, small_model: Path, tmp_path: Path
) -> None:
    found = scored(corpus, small_model, tmp_path / "off", "prompt@adversarial", weight=0.0)
    assert [stage["name"] for stage in found.record["stages"]] == ["xnli@prompt@adversarial"]
    robust = trained(corpus, data, small_model, "mnli@adversarial", tmp_path / "robust").folder
    prompted = trained(corpus, data, robust, "mnli@prompt", tmp_path / "prompted").folder
    with pytest.raises(HarnessError, match="not with a soft prompt, whose vectors are those of no word"):
        trained(corpus, data, prompted, "mnli@noise", tmp_path / "again")
