"""The Python interface: few arguments, and models that are already loaded."""

from __future__ import annotations

import dataclasses
import inspect
import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

import harness
from harness import UsageError
from harness.types.keywords import Keywords, with_keywords
from harness.types.options import EvalOptions

pytestmark = pytest.mark.usefixtures("warm_python")

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


OF_THE_COMMAND_LINE = {"as_json", "columns", "dry_run", "launcher", "launcher_options", "jobs", "out"}
"""Options about output and jobs, which Python has under other names or in other functions."""


@pytest.mark.parametrize("name", ["evaluate", "evaluate_seeds", "train"])
def test_the_keywords_are_the_options_of_the_command_line(name: str) -> None:
    from harness.cli.main import cli

    command = cli.get_command(click.Context(cli), {"train": "train"}.get(name, "eval"))
    assert command is not None
    options = {parameter.name for parameter in command.params if parameter.name} - OF_THE_COMMAND_LINE
    parameters = set(inspect.signature(getattr(harness, name)).parameters)
    assert options - {"help"} <= parameters, name


def test_keywords_are_the_fields_of_the_options_with_their_types_and_defaults() -> None:
    fields = {field.name: getattr(EvalOptions(), field.name) for field in dataclasses.fields(EvalOptions)}
    assert set(fields) < set(Keywords.__annotations__)
    shown = inspect.signature(harness.evaluate).parameters
    assert {name: shown[name].default for name in fields} == fields
    assert with_keywords(None, {}) == EvalOptions()


def test_keywords_make_the_options_of_the_same_command_line() -> None:
    words = {"via": "mnli", "limit": 5, "seed": 7, "layer": 3, "data_dir": Path("data"), "overrides": {"lr": 1e-5}}
    made = with_keywords(EvalOptions(train_limit=9, overrides={"epochs": 1}), words)
    assert made == EvalOptions(
        via=("mnli",),
        limit=5,
        train_limit=9,
        data_dir="data",
        overrides={"epochs": 1, "lr": 1e-5, "seed": 7, "layer": 3},
    )
    assert with_keywords(None, {"via": ["mnli", "squad"], "with_mlm": True}).via == ("mnli+mlm", "squad+mlm")


@pytest.mark.parametrize(
    ("word", "hint"), [("limt", "did you mean 'limit'"), ("lr", "overrides={'lr': ...}"), ("stages", "stages_dir")]
)
def test_an_unknown_keyword_says_which_one_was_meant(word: str, hint: str) -> None:
    with pytest.raises(UsageError, match=f"unknown option '{word}'") as caught:
        harness.evaluate("baseline:majority", "xnli", **{word: 1})  # type: ignore[arg-type]
    assert hint in caught.value.hint


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
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "tatoeba" in done.stdout
    assert json.loads((tmp_path / "run" / "record.json").read_text())["model"]["kind"] == "loaded"
    root = Path(harness.__file__).parent.parent
    checker = [sys.executable, "-m", "mypy", "--config-file", str(root / "pyproject.toml"), str(script)]
    checked = subprocess.run(checker, capture_output=True, text=True, cwd=root)
    assert checked.returncode == 0, checked.stdout


def test_mining_in_python_is_mining_on_the_command_line(
    small_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from harness.api import mine
    from harness.cli.main import main
    from harness.retrieval.mine_files import MiningOptions
    from harness.types.progress import ProgressListener

    notes: list[str] = []

    class Notes(ProgressListener):
        def note(self, text: str) -> None:
            notes.append(text)

    files = [tmp_path / name for name in ("a.txt", "b.txt")]
    for path in files:
        path.write_text("the cat sleeps\na small bird\nin the garden yesterday\n", encoding="utf-8")
    words = ["mine", "--model", str(small_model), "--source", str(files[0]), "--target", str(files[1]), "--json"]
    assert main([*words, "--out", str(tmp_path / "theirs.tsv"), "--k", "2", "--device", "cpu"]) == 0
    printed = json.loads(capsys.readouterr().out)
    options = EvalOptions(device="cpu")
    done = mine(
        *files,
        str(small_model),
        out=tmp_path / "ours.tsv",
        mining=MiningOptions(k=2),
        options=options,
        reporter=Notes(),
    )
    assert {**done, "out": "", "vectors": ""} == {**printed, "out": "", "vectors": ""}
    assert (tmp_path / "ours.tsv").read_bytes() == (tmp_path / "theirs.tsv").read_bytes()
    assert notes[-1] == f"{files[1]}: 3 of 3 sentences embedded"
    with pytest.raises(UsageError, match="margin"):
        MiningOptions(margin="rato")


def test_a_run_brings_its_registry_to_what_reports_it(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.api import breakdown, report
    from harness.registry.registry import Registry

    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "brought_along.py").write_text(
        "def shout(systems): return 'MINE'\n"
        "def second(examples, context): return ['a' if i % 2 else 'b' for i, _ in enumerate(examples)]\n"
    )
    plugin = tmp_path / "mine.py"
    plugin.write_text(
        "from harness import Attribute, ReportFormat, hookimpl\n"
        "@hookimpl\ndef harness_report_formats():\n    yield ReportFormat('shout', 'brought_along:shout')\n"
        "@hookimpl\ndef harness_attributes():\n    yield Attribute('odd', (), 'brought_along:second', 'every other one')\n"
    )
    options = EvalOptions(data_dir=str(corpus), offline=True, limit=20)
    run = harness.evaluate(
        "baseline:random", ["xnli[de]"], out=tmp_path / "run", options=options, registry=Registry([plugin])
    )
    assert report([run], "shout") == "MINE\n"
    assert [found.attribute for found in breakdown(run, attributes=["odd"])] == ["odd"]
    with pytest.raises(UsageError, match="shout"):
        report([run.path], "shout")


def test_score_takes_two_folders_or_a_run_and_is_strict_unless_told_otherwise(corpus: Path, tmp_path: Path) -> None:
    options = EvalOptions(data_dir=str(corpus), offline=True, limit=8)
    run = harness.evaluate("baseline:random", ["xnli[de,en]"], out=tmp_path / "run", options=options)
    of_run = harness.score(run.path)
    assert of_run.to_dict()["tasks"] == run.scores.to_dict()["tasks"]
    folders = run.path / "predictions", run.path / "labels"
    with pytest.raises(harness.DataError, match="files of the submission are missing"):
        harness.score(*folders)
    loose = harness.score(*folders, strict=False)
    assert loose.overall is None and set(loose.tasks["xnli"].metrics["accuracy"].languages) == {"de", "en"}
    assert set(harness.score(*folders, tasks=["xnli[de,en]"]).tasks["xnli"].metrics["accuracy"].languages) == {
        "de",
        "en",
    }
    german = harness.score(run.path, languages=["de"])
    assert set(german.tasks["xnli"].metrics["accuracy"].languages) == {"de"}
