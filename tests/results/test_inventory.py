"""harness runs and harness cache: what is there, and removing it without taking anything else along."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.api import evaluate
from harness.cli.main import main
from harness.core.built import built
from harness.core.claims import Claims, is_free
from harness.core.scratch import scratch_folder
from harness.data.sample import write_sample_corpus
from harness.results.inventory import StoredFolder, remove_kept
from harness.runs.folder import RunFolder
from harness.types.options import EvalOptions
from harness.types.progress import ProgressListener

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def made(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs that share a stage, and one stage that only the second one uses."""
    root = tmp_path_factory.mktemp("kept")
    write_sample_corpus(root / "corpus", size="tiny")
    words = ["eval", "--model", small_model, "--data-dir", root / "corpus", "--limit", "8", "--train-limit", "8"]
    words += ["--set", "max_steps=1", "--offline", "--task", "xnli[en,de]"]
    assert main([str(word) for word in [*words, "--out", root / "runs" / "one"]]) == 0
    more = ["--task", "pawsx[de]", "--out", root / "runs" / "deep" / "two", "--stages", root / "runs" / "stages"]
    assert main([str(word) for word in [*words, *more]]) == 0
    return root / "runs"


@pytest.fixture
def runs(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    shutil.copytree(made, tmp_path / "runs")
    return tmp_path / "runs"


def names(folder: Path) -> set[str]:
    return {path.name.rpartition("-")[0] for path in (folder / "stages").iterdir()}


def test_runs_list_shows_every_run_below_a_folder_and_names_unreadable_records(
    runs: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = cli("runs", "list", runs, "--json")
    found = {Path(run["folder"]).name: run for run in json.loads(out)}
    assert code == 0 and set(found) == {"one", "two"}
    assert (found["one"]["units"], found["one"]["tasks"], found["one"]["partial"]) == (2, "xnli", True)
    assert (found["two"]["units"], found["two"]["tasks"]) == (3, "pawsx xnli")
    monkeypatch.chdir(runs.parent)
    code, out, _ = cli("runs", "list")
    assert code == 0 and "runs/deep/two" in out and "runs/one" in out
    (runs / "one" / "record.json").write_text("{")
    code, out, err = cli("runs", "list")
    assert code == 0 and "unreadable" in out and "runs/one/record.json" in err
    assert cli("runs", "list", "nowhere")[0] == 2


def test_runs_show_prints_the_parts_of_a_run_and_its_units(runs: Path, cli: Cli) -> None:
    code, out, _ = cli("runs", "show", runs / "one")
    assert code == 0
    assert "weights:" in out and "xnli" in out and "accuracy" in out and "--train-limit" in out
    code, out, _ = cli("runs", "show", runs / "one", "--json")
    assert json.loads(out)["units"].keys() == {"xnli/en/test", "xnli/de/test"}
    assert cli("runs", "show", runs)[0] == 4


def test_rm_takes_what_the_run_wrote_and_nothing_else(runs: Path, cli: Cli) -> None:
    (runs / "one" / "notes.txt").write_text("mine")
    before = sorted(runs.rglob("*"))
    code, _, err = cli("runs", "rm", runs / "one", runs / "deep" / "two")
    assert code == 0 and "would be removed" in err and "--yes" in err
    assert sorted(runs.rglob("*")) == before
    code, _, err = cli("runs", "rm", runs / "one", runs / "deep" / "two", "--yes")
    assert code == 0 and "other files are left" in err
    assert sorted(path.name for path in runs.iterdir()) == ["deep", "one", "stages"]
    assert [path.name for path in (runs / "one").iterdir()] == ["notes.txt"]
    assert not (runs / "deep" / "two").exists()
    assert names(runs) == {"xnli", "pawsx"}
    assert cli("runs", "rm", runs / "one", "--yes")[0] == 2
    assert cli("runs", "rm", runs, "--yes")[0] == 2


def test_rm_leaves_a_run_that_is_at_work(runs: Path, cli: Cli) -> None:
    with RunFolder(runs / "one").joined("at work"):
        code, _, err = cli("runs", "rm", runs / "one", "--yes")
    assert (code, "is working on this run" in err) == (2, True)
    assert (runs / "one" / "predictions").is_dir()


def test_rm_does_not_follow_links(runs: Path, cli: Cli, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.tex").write_text("x")
    shutil.rmtree(runs / "one" / "labels")
    (runs / "one" / "labels").symlink_to(precious)
    assert cli("runs", "rm", runs / "one", "--yes")[0] == 0
    assert (precious / "thesis.tex").is_file()


def test_cache_ls_says_who_uses_what(runs: Path, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "cache" / "models" / "tiny-1").mkdir(parents=True)
    (tmp_path / "cache" / "models" / "tiny-1" / "model.safetensors").write_bytes(b"x" * 100)
    code, out, _ = cli("cache", "ls", runs, "--json")
    found = {Path(kept["folder"]).name.rpartition("-")[0]: kept for kept in json.loads(out)}
    assert code == 0 and set(found) == {"xnli", "pawsx", "tiny"}
    assert [Path(run).name for run in found["xnli"]["runs"]] == ["two", "one"]
    assert [Path(run).name for run in found["pawsx"]["runs"]] == ["two"]
    assert (found["tiny"]["kind"], found["tiny"]["size"]) == ("built", 100)
    assert found["xnli"]["size"] > 10_000
    code, out, _ = cli("cache", "ls", runs)
    assert code == 0 and "one" in out and "built" in out


def test_prune_leaves_what_a_stopped_run_is_going_to_need(
    small_model: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    write_sample_corpus(tmp_path / "corpus", size="tiny")

    class Stops(ProgressListener):
        def training(self, task: str) -> Callable[[int, int, float], None]:
            if task == "xnli":
                raise KeyboardInterrupt  # when MNLI, the stage before it, is trained and no unit uses it yet
            return super().training(task)

    options = EvalOptions(
        data_dir=str(tmp_path / "corpus"), offline=True, via=("mnli",), train_limit=8, overrides={"max_steps": 1}
    )
    with pytest.raises(KeyboardInterrupt):
        evaluate(str(small_model), ["xnli[de]"], out=tmp_path / "runs" / "run", options=options, reporter=Stops())
    assert cli("cache", "prune", tmp_path / "runs", "--yes")[0] == 0
    assert names(tmp_path / "runs") == {"mnli"}
    assert cli("runs", "rm", tmp_path / "runs" / "run", "--yes")[0] == 0
    assert cli("cache", "prune", tmp_path / "runs", "--yes")[0] == 0
    assert names(tmp_path / "runs") == set()


def test_prune_leaves_the_stages_of_a_study_whose_evaluations_are_to_come(runs: Path, cli: Cli) -> None:
    assert cli("runs", "rm", runs / "one", runs / "deep" / "two", "--yes")[0] == 0
    (runs / "jobs").mkdir()
    (runs / "jobs" / "evaluation-0123456789ab.json").write_text("{}")
    assert cli("cache", "prune", runs, "--yes")[0] == 0
    assert names(runs) == {"xnli", "pawsx"}
    (runs / "jobs" / "evaluation-0123456789ab.result.json").write_text("{}")
    assert cli("cache", "prune", runs, "--yes")[0] == 0
    assert names(runs) == set()


def test_prune_removes_what_no_run_uses(runs: Path, cli: Cli) -> None:
    foreign = runs / "stages" / "mine"
    foreign.mkdir()
    (foreign / "stage.json").write_text("{}")
    stopped = runs / "stages" / "squad-123456789abc.partial"
    stopped.mkdir()
    code, _, err = cli("cache", "prune", runs, "--yes")
    assert (code, "nothing to remove" in err) == (0, True)
    assert cli("runs", "rm", runs / "deep" / "two", "--yes")[0] == 0
    code, _, err = cli("cache", "prune", runs)
    assert code == 0 and "pawsx" in err and "would be removed" in err and "xnli" not in err
    assert {"xnli", "pawsx"} <= names(runs)
    assert cli("cache", "prune", runs, "--yes")[0] == 0
    assert "pawsx" not in names(runs) and "xnli" in names(runs)
    assert foreign.is_dir() and stopped.is_dir()
    with Claims(runs / "stages" / ".claims").held("squad-123456789abc"):
        code, _, err = cli("cache", "prune", runs, "--unfinished", "--yes")
        assert code == 0 and "is in use and stays" in err and stopped.is_dir()
    assert cli("cache", "prune", runs, "--unfinished", "--yes")[0] == 0
    assert not stopped.exists() and foreign.is_dir()


def test_prune_removes_nothing_while_a_record_is_unreadable(runs: Path, cli: Cli) -> None:
    (runs / "one" / "record.json").write_text("{")
    code, _, err = cli("cache", "prune", runs, "--yes")
    assert code == 4 and "record.json" in err
    assert names(runs) == {"xnli", "pawsx"}


def test_cache_prune_removes_built_models_only_when_asked(runs: Path, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "cache" / "models" / "tiny-1").mkdir(parents=True)
    assert cli("cache", "prune", runs, "--yes")[0] == 0
    assert (tmp_path / "cache" / "models" / "tiny-1").is_dir()
    assert cli("cache", "prune", runs, "--built", "--yes")[0] == 0
    assert not (tmp_path / "cache" / "models" / "tiny-1").exists()


def test_models_with_a_larger_vocabulary_are_listed_and_go_with_what_was_built(
    runs: Path, cli: Cli, tmp_path: Path
) -> None:
    grown = built(runs / "stages" / "vocabulary-123456789abc", lambda folder: (folder / "config.json").write_text("{}"))
    mine = runs / "stages" / "vocabulary-notes"
    mine.mkdir()
    listed = json.loads(cli("cache", "ls", runs, "--json")[1])
    assert [Path(kept["folder"]) for kept in listed if kept["kind"] == "built"] == [grown]
    assert cli("cache", "prune", runs, "--yes")[0] == 0 and grown.is_dir()
    code, _, err = cli("cache", "prune", runs, "--built")
    assert code == 0 and f"{grown} (" in err and "would be removed" in err and grown.is_dir()
    assert cli("cache", "prune", runs, "--built", "--yes")[0] == 0
    assert not grown.exists() and mine.is_dir() and {"xnli", "pawsx"} <= names(runs)


def test_what_another_process_is_building_stays(runs: Path, cli: Cli, tmp_path: Path) -> None:
    models = tmp_path / "cache" / "models"
    folder, being_built = models / "tiny-1", models / ".tiny-1.new"
    for made in (folder, being_built):
        made.mkdir(parents=True)
    with Claims(models / ".claims").held("tiny-1"):
        code, _, err = cli("cache", "prune", runs, "--built", "--yes")
        assert code == 0 and err.count("is in use and stays") == 2
        assert folder.is_dir() and being_built.is_dir()
    assert cli("cache", "prune", runs, "--built", "--yes")[0] == 0
    assert list(models.iterdir()) == []


def test_a_folder_is_claimed_as_long_as_it_is_removed(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "cache" / "models" / "tiny-1"
    folder.mkdir(parents=True)
    claimed: list[bool] = []
    claims = Claims(folder.parent / ".claims")

    def removed(path: Path) -> None:
        claimed.append(not is_free(claims.path("tiny-1")))
        path.rmdir()

    monkeypatch.setattr("harness.results.inventory._remove", removed)
    assert remove_kept(StoredFolder(folder, "built", 0)) and claimed == [True]
    assert is_free(claims.path("tiny-1"))


def abandoned(parent: Path, prefix: str) -> Path:
    """The scratch folder of a process that was killed."""
    parent.mkdir(parents=True, exist_ok=True)
    child = os.fork()
    if child == 0:
        with scratch_folder(parent, prefix):
            os._exit(0)
    os.waitpid(child, 0)
    (path,) = parent.glob(f"{prefix}*")
    return path


def test_leftovers_of_kills_go_and_what_a_process_works_on_stays(runs: Path, cli: Cli, tmp_path: Path) -> None:
    models = tmp_path / "cache" / "models"
    dead = [abandoned(models, ".building-"), abandoned(runs / "stages", ".building-"), abandoned(runs, ".model-")]
    old = models / ".tiny-x1y2z3"
    old.mkdir()
    code, _, err = cli("cache", "prune", runs)
    assert code == 0 and all(str(path) in err and path.is_dir() for path in [*dead, old])
    with scratch_folder(models, ".building-") as building, scratch_folder(runs, ".model-") as loaded:
        code, _, err = cli("cache", "prune", runs, "--built", "--yes")
        assert code == 0 and err.count("is in use and stays") == 2
        assert building.is_dir() and loaded.is_dir()
    assert not any(path.exists() for path in [*dead, old])
    assert names(runs) == {"xnli", "pawsx"}


def test_damaged_and_stopped_stages_go_when_they_are_asked_for(runs: Path, cli: Cli) -> None:
    aside = [runs / "stages" / f"xnli-123456789abc{end}" for end in (".damaged", ".damaged-2", ".partial.damaged")]
    stopped = runs / "checkpoints" / "mine.partial"
    for folder in [*aside, stopped, runs / "notes.partial"]:
        (folder / "state").mkdir(parents=True)
    (stopped / "state" / "progress.json").write_text("{}")
    assert cli("cache", "prune", runs, "--yes")[0] == 0
    assert all(folder.is_dir() for folder in [*aside, stopped])
    assert cli("cache", "prune", runs, "--unfinished", "--yes")[0] == 0
    assert not any(folder.exists() for folder in [*aside, stopped])
    assert (runs / "notes.partial").is_dir() and names(runs) == {"xnli", "pawsx"}


def test_rm_takes_the_leftovers_of_kills_along(runs: Path, cli: Cli) -> None:
    run = runs / "one"
    (run / ".record.json.0123456789abcdef.tmp").write_text("{")
    (run / "earlier" / ".new-4711").mkdir(parents=True)
    abandoned(run, ".model-")
    with scratch_folder(run, ".model-") as loaded:
        assert cli("runs", "rm", run, "--yes")[0] == 0
        assert list(run.iterdir()) == [loaded]
