"""`harness eval` from end to end: all nine tasks on the sample corpus with a small random model."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.cli.main import main

FAST = ["--limit", "8", "--train-limit", "16", "--set", "max_steps=2", "--set", "batch=4", "--offline"]
Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def finished(corpus: Path, small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the whole benchmark."""
    out = tmp_path_factory.mktemp("runs") / "small"
    words = ["eval", "--model", small_model, "--benchmark", "xtreme", "--data-dir", corpus, "--out", out, *FAST]
    assert main([str(word) for word in words]) == 0
    return out


def record(run: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((run / "record.json").read_text(encoding="utf-8"))
    return loaded


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_task_is_scored_and_what_is_missing_is_listed(finished: Path) -> None:
    found = record(finished)
    tasks = {key.split("/")[0] for key in found["units"]}
    assert tasks == {"pawsx", "xnli", "panx", "udpos", "bucc2018", "tatoeba", "xquad", "mlqa", "tydiqa"}
    assert not found["failed"]
    assert "xnli/bg/test" in found["missing"]
    assert found["scores"]["overall"] is None
    assert found["scores"]["tasks"]["xnli"]["score"] is None
    assert "bg" in found["scores"]["missing"]["xnli"]
    assert any("--limit" in reason for reason in found["partial"])
    for unit in found["units"].values():
        for value in unit["score"]["metrics"].values():
            assert value["low"] is None or value["low"] <= value["value"] <= value["high"]


def test_scoring_the_written_files_gives_the_same_numbers(finished: Path, cli: Cli) -> None:
    code, out, _ = cli("score", finished, "--json")
    assert code == 0
    assert json.loads(out)["tasks"] == record(finished)["scores"]["tasks"]


def test_tasks_that_train_on_the_same_data_share_one_stage(finished: Path) -> None:
    stages = [stage["name"] for stage in record(finished)["stages"]]
    assert sorted(stages) == ["panx", "pawsx", "squad", "tydiqa", "udpos", "xnli"]
    assert len(list((finished.parent / "stages").glob("squad-*"))) == 1


def test_the_same_command_again_does_nothing_but_look(
    finished: Path, corpus: Path, small_model: Path, cli: Cli
) -> None:
    before = files(finished / "predictions")
    units = record(finished)["units"]
    words = ["--benchmark", "xtreme", "--data-dir", corpus, "--out", finished, *FAST]
    code, _, err = cli("eval", "--model", small_model, *words)
    assert code == 0
    assert err.count("(kept)") == len(units)
    assert "training" not in err
    assert record(finished)["units"] == units
    assert len(record(finished)["stages"]) == 6
    assert files(finished / "predictions") == before


def test_an_edited_prediction_file_is_noticed_and_made_again(
    finished: Path, corpus: Path, small_model: Path, cli: Cli, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    victim = run / "predictions" / "xnli" / "test-sw.tsv"
    good = victim.read_bytes()
    victim.write_bytes(good.replace(b"e", b"o", 1))
    (run / "predictions" / "tatoeba" / "test-de.tsv").unlink()
    words = ["--benchmark", "xtreme", "--data-dir", corpus, "--out", run, *FAST]
    code, _, err = cli("eval", "--model", small_model, *words, "--stages", finished.parent / "stages")
    assert code == 0
    assert err.count("(kept)") == len(record(run)["units"]) - 2
    assert victim.read_bytes() == good
    assert files(run / "predictions") == files(finished / "predictions")


def test_other_weights_at_the_same_path_are_not_taken_for_the_old_ones(
    corpus: Path, small_model: Path, cli: Cli, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    model = tmp_path / "model"
    shutil.copytree(small_model, model)
    words = ["--task", "tatoeba[de]", "--data-dir", corpus, "--out", tmp_path / "run", "--offline"]
    assert cli("eval", "--model", model, *words)[0] == 0
    assert "(kept)" in cli("eval", "--model", model, *words)[2]
    tensors = load_file(model / "model.safetensors")
    tensors = {name: value.flip(0).contiguous() for name, value in tensors.items()}
    save_file(tensors, model / "model.safetensors", metadata={"format": "pt"})
    code, _, err = cli("eval", "--model", model, *words)
    assert code == 0
    assert "(kept)" not in err


def test_decisions_do_not_depend_on_the_batch_size(
    finished: Path, corpus: Path, small_model: Path, cli: Cli, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    words = ["--benchmark", "xtreme", "--data-dir", corpus, "--out", run, *FAST, "--stages", finished.parent / "stages"]
    code, _, _ = cli("eval", "--model", small_model, *words, "--batch-tokens", 150)
    assert code == 0
    assert files(run / "predictions") == files(finished / "predictions")


def test_a_fine_tuned_checkpoint_is_scored_as_it_is(
    finished: Path, corpus: Path, small_model: Path, cli: Cli, tmp_path: Path
) -> None:
    stage = next((finished.parent / "stages").glob("xnli-*"))
    words = ["--task", "xnli", "--data-dir", corpus, "--limit", "8", "--offline", "--train", "never"]
    code, _, _ = cli("eval", "--model", stage, *words, "--out", tmp_path / "a")
    assert code == 0
    theirs = files(finished / "predictions" / "xnli")
    assert files(tmp_path / "a" / "predictions" / "xnli") == theirs

    # the same checkpoint with its outputs in another order, named so
    from safetensors.torch import load_file, save_file

    turned = tmp_path / "turned"
    shutil.copytree(stage, turned)
    config = json.loads((turned / "config.json").read_text())
    names = [config["id2label"][str(i)] for i in range(3)]
    config["id2label"] = {str(i): name.upper() for i, name in enumerate(reversed(names))}
    config["label2id"] = {name.upper(): i for i, name in enumerate(reversed(names))}
    (turned / "config.json").write_text(json.dumps(config))
    tensors = load_file(turned / "model.safetensors")
    for name in ("classifier.out_proj.weight", "classifier.out_proj.bias"):
        tensors[name] = tensors[name].flip(0).contiguous()
    save_file(tensors, turned / "model.safetensors", metadata={"format": "pt"})
    assert cli("eval", "--model", turned, *words, "--out", tmp_path / "b")[0] == 0
    assert files(tmp_path / "b" / "predictions" / "xnli") == theirs

    code, _, err = cli("eval", "--model", stage, "--task", "pawsx", *words[2:], "--out", tmp_path / "c")
    assert code == 6
    assert "no output is called '0'" in err
    code, _, err = cli("eval", "--model", small_model, *words, "--out", tmp_path / "d")
    assert code == 6
    assert "no trained head" in err


@pytest.mark.parametrize("baseline", ["majority", "random"])
def test_baselines_score_every_family(baseline: str, corpus: Path, cli: Cli, tmp_path: Path) -> None:
    words = ["--benchmark", "xtreme", "--data-dir", corpus, "--out", tmp_path / "run", "--limit", "30", "--offline"]
    code, out, _ = cli("eval", "--model", f"baseline:{baseline}", *words, "--json")
    assert code == 0
    scores = json.loads(out)
    assert len(scores["tasks"]) == 9
    xnli = scores["tasks"]["xnli"]["metrics"]["accuracy"]["languages"]
    assert all(5 < value < 70 for value in xnli.values())


def test_an_evaluation_via_an_intermediate_stage_trains_both_stages_in_order(
    corpus: Path, small_model: Path, cli: Cli, tmp_path: Path
) -> None:
    words = ["--task", "xnli[en,de]", "--task", "tatoeba[de]", "--data-dir", corpus, *FAST]
    code, _, _ = cli("eval", "--model", small_model, "--via", "mnli+squad", *words, "--out", tmp_path / "via")
    assert code == 0
    stages = record(tmp_path / "via")["stages"]
    assert [stage["name"] for stage in stages] == ["mnli+squad", "xnli"]
    assert stages[1]["parent"] == {"stage": stages[0]["key"]}
    assert [task["task"] for task in stages[0]["tasks"]] == ["mnli", "squad"]


def test_train_writes_a_checkpoint_that_eval_takes(corpus: Path, small_model: Path, cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "mnli"
    words = ["--task", "mnli", "--data-dir", corpus, "--train-limit", "16", "--set", "max_steps=2", "--offline"]
    code, printed, _ = cli("train", "--model", small_model, *words, "--out", out, "--json")
    assert code == 0
    assert json.loads(printed)["selected_step"] == 2
    assert (out / "model.safetensors").is_file()
    assert cli("train", "--model", small_model, *words, "--out", out)[0] == 0  # done before: nothing to do
    words = ["--task", "tatoeba[de]", "--data-dir", corpus, "--offline", "--out", tmp_path / "run"]
    assert cli("eval", "--model", out, *words)[0] == 0
    code, _, err = cli("train", "--model", small_model, "--task", "qqp", *words[2:5], "--out", out)
    assert (code, "holds something else" in err) == (2, True)


def test_several_seeds_give_mean_and_deviation(corpus: Path, small_model: Path, cli: Cli, tmp_path: Path) -> None:
    words = ["--task", "xnli[en,de]", "--data-dir", corpus, *FAST, "--out", tmp_path, "--seeds", "1,2", "--json"]
    code, out, _ = cli("eval", "--model", small_model, *words)
    assert code == 0
    summary = json.loads(out)
    assert (summary["seeds"], summary["single_seed"]) == ([1, 2], False)
    scores = [record(tmp_path / f"seed-{n}")["scores"]["tasks"]["xnli"]["partial"] for n in (1, 2)]
    assert summary["tasks"]["xnli"]["score"]["mean"] is None, "not all languages were selected"
    assert summary["tasks"]["xnli"]["partial"]["mean"] == pytest.approx(sum(scores) / 2)
    assert summary["tasks"]["xnli"]["partial"]["sd"] == pytest.approx(abs(scores[0] - scores[1]) / 2**0.5)


def test_a_damaged_file_fails_its_units_and_no_others(
    corpus: Path, small_model: Path, cli: Cli, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(corpus, data)
    victim = next((data / "google/xtreme/tatoeba.deu").glob("*.parquet"))
    victim.write_bytes(victim.read_bytes()[:200])
    words = ["--task", "tatoeba[de,fr]", "--data-dir", data, "--offline", "--out", tmp_path / "run"]
    code, _, err = cli("eval", "--model", small_model, *words)
    assert code == 6
    found = record(tmp_path / "run")
    assert list(found["failed"]) == ["tatoeba/de/test"]
    assert victim.name in found["failed"]["tatoeba/de/test"]
    assert list(found["units"]) == ["tatoeba/fr/test"]
    assert "tatoeba/de/test" in err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--task", "xnly"], 2, "did you mean 'xnli'?"),
        (["--benchmark", "xtrem"], 2, "did you mean 'xtreme'"),
        (["--task", "xnli[swa]"], 2, "swa"),
        (["--task", "xnli", "--set", "learning_rate=1"], 2, "learning_rate"),
        (["--task", "xnli", "--set", "lr=fast"], 2, "option lr: float expected"),
        (["--task", "xnli", "--set", "squat.lr=1"], 2, "no task called 'squat'"),
        (
            ["--task", "xnli", "--set", "xnli.doc_stride=9"],
            2,
            "xnli has no such option\nhint: it is one of the family span_qa",
        ),
        (["--task", "xnli", "--set", "xnli.ascent_steps=2"], 2, "has no such option"),
        (["--task", "tatoeba", "--set", "tatoeba.lr=1"], 2, "tatoeba is scored with the model as it is"),
        (["--task", "tatoeba", "--set", "tatoeba.objective=noise"], 2, "nothing is trained for it"),
        (["--task", "xnli", "--via", "mnly"], 2, "did you mean 'mnli'?"),
        (["--task", "xnli", "--recipe", "xtrem"], 2, "did you mean 'xtreme'"),
        (["--task", "xnli", "--dtype", "fp8"], 2, "fp8"),
        (["--task", "xnli", "--device", "cuda:7"], 2, "not on this machine"),
        (["--task", "xnli", "--limit", "0"], 2, "positive"),
        (["--task", "xnli", "--split", "train"], 2, "split"),
        (["--task", "tatoeba[et]"], 4, "tatoeba/et/test"),
    ],
)
def test_mistakes_in_the_eval_command_are_explained_without_a_traceback(
    words: list[str], code: int, said: str, corpus: Path, small_model: Path, cli: Cli, tmp_path: Path
) -> None:
    out = ["--data-dir", corpus, "--offline", "--out", tmp_path / "run"]
    found, stdout, err = cli("eval", "--model", small_model, *words, *out)
    assert found == code, err
    assert said in err
    assert "Traceback" not in err + stdout


def test_an_option_for_the_whole_run_that_no_task_has_is_noted(
    corpus: Path, small_model: Path, cli: Cli, tmp_path: Path
) -> None:
    words = ["--task", "xnli", "--data-dir", corpus, "--offline", "--dry-run", "--out", tmp_path / "run"]
    for option, noted in (("doc_stride=9", True), ("max_length=9", False), ("lr=1", False)):
        code, _, err = cli("eval", "--model", small_model, *words, "--set", option)
        assert code == 0, err
        assert ("no task of this run has such an option; it is one of the family span_qa" in err) == noted


def test_an_option_of_training_is_noted_where_nothing_is_trained(
    corpus: Path, small_model: Path, cli: Cli, tmp_path: Path
) -> None:
    words = ["--data-dir", corpus, "--offline", "--dry-run", "--out", tmp_path / "run"]
    for task, option, noted in (
        ("tatoeba", "lr=1", True),
        ("tatoeba", "seed=3", False),
        ("tatoeba,xnli", "lr=1", False),
    ):
        code, _, err = cli("eval", "--model", small_model, *words, "--task", task, "--set", option)
        assert code == 0, err
        assert ("nothing is trained in this run" in err) == noted


def test_models_that_are_none_are_explained(corpus: Path, cli: Cli, tmp_path: Path) -> None:
    words = ["--task", "tatoeba[de]", "--data-dir", corpus, "--offline", "--out", tmp_path / "run"]
    (tmp_path / "empty").mkdir()
    (tmp_path / "pickled").mkdir()
    (tmp_path / "pickled" / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "pickled" / "pytorch_model.bin").write_bytes(b"x")
    for model, code, said in (
        (tmp_path / "empty", 5, "no config.json"),
        (tmp_path / "pickled", 5, "pickled weights"),
        ("./nowhere", 5, "no such folder"),
        ("someone/some-model", 5, "not in the local cache\nhint: "),
        ("baseline:oracle", 2, "baseline:majority"),
        ("a b c", 2, "neither a folder nor a Hub id"),
    ):
        found, _, err = cli("eval", "--model", model, *words)
        assert (found, said in err) == (code, True), err


def test_the_plan_is_shown_without_loading_a_model(corpus: Path) -> None:
    script = (
        "import sys\n"
        "from harness.cli.main import main\n"
        f"code = main(['eval', '--model', 'xlm-roberta-base', '--benchmark', 'xtreme', '--data-dir', {str(corpus)!r},"
        " '--dry-run', '--json', '--offline'])\n"
        "assert code == 0 and 'torch' not in sys.modules and 'transformers' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)["units"]
    assert len(plan) == 162
    german = next(row for row in plan if (row["task"], row["language"]) == ("xnli", "de"))
    assert german["data"] == "sample"
    assert not german["done"]


def test_a_recipe_file_sets_the_options_and_its_mistakes_are_named(
    corpus: Path, small_model: Path, cli: Cli, tmp_path: Path
) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text('name = "mine"\n[defaults]\nlr = 1e-4\nmax_steps = 1\n[tasks.xnli]\nmax_length = 16\n')
    words = ["--task", "xnli[de]", "--data-dir", corpus, "--train-limit", "16", "--limit", "4", "--offline"]
    assert cli("eval", "--model", small_model, *words, "--recipe", recipe, "--out", tmp_path / "run")[0] == 0
    stage = record(tmp_path / "run")["stages"][0]
    assert (stage["options"]["lr"], stage["options"]["max_steps"]) == (1e-4, 1)
    assert stage["tasks"][0]["options"]["max_length"] == 16
    for text, said in (("[defaults]\nrl = 1", "'rl'"), ("[default]\nlr = 1", "'default'"), ("lr =", "TOML")):
        recipe.write_text(text)
        code, _, err = cli("eval", "--model", small_model, *words, "--recipe", recipe, "--out", tmp_path / "no")
        assert (code, said in err) == (2, True), err


def test_further_pretraining_with_more_tokens_grows_the_vocabulary(
    corpus: Path, small_model: Path, cli: Cli, tmp_path: Path
) -> None:
    words = ["--task", "mlm[sw]", "--data-dir", corpus, "--set", "max_steps=3", "--offline", "--json"]
    more = ["--set", "extend_vocabulary=40", "--out", tmp_path / "sw"]
    code, out, err = cli("train", "--model", small_model, *words, *more)
    assert code == 0, err
    assert json.loads(out)["parent"]["model"].endswith("with 40 more tokens")
    sizes = [
        json.loads((folder / "config.json").read_text())["vocab_size"] for folder in (small_model, tmp_path / "sw")
    ]
    assert sizes[1] - sizes[0] == 40
    more = ["--task", "tatoeba[sw]", "--data-dir", corpus, "--offline", "--out", tmp_path / "run"]
    assert cli("eval", "--model", tmp_path / "sw", *more)[0] == 0
    words[1] = "mnli"
    code, _, err = cli(
        "train", "--model", small_model, *words, "--set", "extend_vocabulary=9", "--out", tmp_path / "no"
    )
    assert (code, "plain text" in err) == (2, True)
