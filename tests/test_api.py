"""The Python interface: few arguments, and models that are already loaded."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import harness
from harness import UsageError
from harness.types.options import EvalOptions

EXAMPLE = '''\
"""Scores a model that is in memory on Tatoeba, and prints what a notebook would show."""

from __future__ import annotations

import sys

from transformers import AutoModel, AutoTokenizer

import harness
from harness import EvalOptions

folder, data, out = sys.argv[1:]
model = AutoModel.from_pretrained(folder)
tokenizer = AutoTokenizer.from_pretrained(folder)
run = harness.evaluate(
    (model, tokenizer), ["tatoeba[de,fr]"], out=out, options=EvalOptions(data_dir=data, offline=True, limit=20)
)
table: str = run.table()
rows: list[float] = run.to_pandas()["value"].tolist()
overall: float | None = run.scores.overall
print(table, len(rows), overall, run.missing, run.failed, len(run._repr_html_()))
'''


@pytest.mark.parametrize("name", ["evaluate", "train", "score", "compare"])
def test_public_functions_take_at_most_eight_keyword_arguments(name: str) -> None:
    function = getattr(harness, name)
    kinds = [parameter.kind for parameter in inspect.signature(function).parameters.values()]
    assert kinds.count(inspect.Parameter.KEYWORD_ONLY) <= 8
    assert len(kinds) <= 8
    assert inspect.Parameter.VAR_KEYWORD not in kinds
    assert inspect.getdoc(function)


def test_a_loaded_model_gives_what_its_folder_gives(corpus: Path, small_model: Path, tmp_path: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    model, tokenizer = AutoModel.from_pretrained(small_model), AutoTokenizer.from_pretrained(small_model)
    options = EvalOptions(data_dir=str(corpus), offline=True, limit=10, train_limit=16, overrides={"max_steps": 2})
    tasks = ["tatoeba[de]", "xnli[en,de]"]
    ours = harness.evaluate((model.train(), tokenizer), tasks, out=tmp_path / "ours", options=options)
    theirs = harness.evaluate(str(small_model), tasks, out=tmp_path / "theirs", options=options)
    assert ours.to_dict() == theirs.to_dict()
    assert ours.record["model"]["kind"] == "loaded"
    assert model.training  # left as it was
    assert not list((tmp_path / "ours").glob(".model-*"))
    stages = [run.record["stages"][0]["fingerprint"] for run in (ours, theirs)]
    assert stages[0] == stages[1]

    # the same weights again: nothing to do; other weights in the same object: everything
    before = ours.record["units"]
    assert harness.evaluate((model, tokenizer), tasks, out=tmp_path / "ours", options=options).record["units"] == before
    import torch

    with torch.no_grad():
        model.embeddings.word_embeddings.weight.mul_(-1)
    after = harness.evaluate((model, tokenizer), tasks, out=tmp_path / "ours", options=options)
    assert after.record["model"]["fingerprint"] != ours.record["model"]["fingerprint"]
    assert all(after.record["units"][key]["key"] != before[key]["key"] for key in before)


def test_train_takes_a_loaded_model(corpus: Path, small_model: Path, tmp_path: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    loaded = AutoModel.from_pretrained(small_model), AutoTokenizer.from_pretrained(small_model)
    options = EvalOptions(data_dir=str(corpus), offline=True, train_limit=16, overrides={"max_steps": 1})
    trained = harness.train(loaded, "mnli", out=tmp_path / "made" / "mnli", options=options)
    assert (trained.folder / "model.safetensors").is_file()
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["mnli"]


@pytest.mark.parametrize("model", [None, 3, ("a", "b"), (1, 2, 3)])
def test_what_is_no_model_is_refused(model: object, corpus: Path) -> None:
    with pytest.raises(UsageError, match=r"\(model, tokenizer\)"):
        harness.evaluate(model, ["tatoeba[de]"], options=EvalOptions(data_dir=str(corpus)))  # type: ignore[arg-type]


def test_the_example_runs_and_is_typed(corpus: Path, small_model: Path, tmp_path: Path) -> None:
    script = tmp_path / "example.py"
    script.write_text(EXAMPLE)
    command = [sys.executable, str(script), str(small_model), str(corpus), str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert "tatoeba" in done.stdout
    assert json.loads((tmp_path / "run" / "record.json").read_text())["model"]["kind"] == "loaded"
    root = Path(harness.__file__).parent.parent
    checker = [sys.executable, "-m", "mypy", "--config-file", str(root / "pyproject.toml"), str(script)]
    checked = subprocess.run(checker, capture_output=True, text=True, timeout=300, cwd=root)
    assert checked.returncode == 0, checked.stdout
