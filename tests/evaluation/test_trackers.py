"""Trackers: chosen by option or variable, told of everything, continued with the run; one that fails costs a warning."""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
from own_task import PLUGIN, write_data

from harness import EvalOptions, Registry, evaluate, train
from harness.core.errors import UsageError
from harness.evaluation.tracking import run_title, wanted_trackers
from harness.registry.default import get_registry

VARIABLES = ("HARNESS_TRACK", *(name for each in get_registry().trackers().values() for name in each.variables))
OURS = ["eventlog", "mlflow", "tensorboard", "trackio", "wandb"]
BEFORE = """
from harness import IntermediateTask

@hookimpl
def harness_intermediate_tasks():
    kept = {name: FIELDS[name] for name in ("version", "family", "metric", "labels", "train", "example")}
    yield IntermediateTask("before", dev=split("dev", "en"), **kept)
"""
DIARY = """
from harness import RunTracker, Tracker, hookimpl, lineage, run_numbers, unit_numbers

TOLD = []

class Diary(RunTracker):
    def __init__(self, run):
        super().__init__(run)
        TOLD.append(("started", run.name, dict(run.memory), run.config))
        run.remember(id=run.memory.get("id", "first"))

    def step(self, stage, step, total, loss):
        TOLD.append(("step", stage, step, total))

    def unit(self, unit, entry, *, cached):
        TOLD.append(("unit", unit_numbers(unit, entry), cached))

    def finish(self, record):
        TOLD.append(("finished", run_numbers(record), [stage["name"] for stage in lineage(record)]))

    def close(self, *, failed):
        TOLD.append(("closed", failed))

class Broken(Diary):
    def step(self, stage, step, total, loss):
        raise SystemExit(f"no more room at step {step}")

@hookimpl
def harness_trackers():
    yield Tracker("diary", f"{__name__}:Diary", variables=("DIARY",))
    yield Tracker("broken", f"{__name__}:Broken")
    yield Tracker("absent", f"{__name__}:Diary", variables=("ABSENT",), library="no_such_library", install="thing[absent]")
"""


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data") / "data")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    for name, source in (("own", PLUGIN + BEFORE), ("diary", DIARY)):
        (tmp_path / f"{name}.py").write_text(source)
    found = Registry([tmp_path / "own.py", tmp_path / "diary.py"])
    found.check()
    return found


@pytest.fixture
def told(registry: Registry) -> list[Any]:
    from harness.core.imports import load_object

    found: list[Any] = load_object(registry.trackers()["diary"].implementation.replace(":Diary", ":TOLD"))
    return found


def options(data: Path, *track: str, **more: Any) -> EvalOptions:
    kept = {"data_dir": str(data), "offline": True, "device": "cpu", "recipe": "tiny", "overrides": {"max_steps": 2}}
    return EvalOptions(**{**kept, "track": track, **more})


# Which trackers are wanted.


def test_a_name_that_no_tracker_has_lists_trackers_only(cli: Any) -> None:
    code, _, err = cli("eval", "--model", "tiny", "--task", "xnli", "--track", "xnli")
    assert code == 2 and "--track xnli: no such tracker" in err
    assert f"known: {', '.join(OURS)}" in err
    code, _, err = cli("train", "--model", "tiny", "--task", "mnli", "--out", "x", "--track", "wandbb")
    assert code == 2 and "did you mean 'wandb'?" in err


def test_variables_switch_on_the_trackers_that_they_belong_to(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def wanted(*chosen: str) -> list[str]:
        return [tracker.name for tracker in wanted_trackers(registry, chosen)]

    assert wanted() == []
    assert wanted("diary", "eventlog") == ["diary", "eventlog"]
    monkeypatch.setenv("DIARY", "1")
    monkeypatch.setenv("HARNESS_TRACK", "eventlog,own,eventlgo")
    assert wanted() == ["eventlog", "diary"] and wanted("none") == []
    warnings = [record.getMessage() for record in caplog.records]
    assert warnings == ["HARNESS_TRACK names 'eventlgo', but there is no such tracker; did you mean 'eventlog'?"]
    monkeypatch.setenv("HARNESS_TRACK", "none")
    assert wanted() == [] and wanted("eventlog") == ["eventlog", "diary"]


def test_a_library_that_is_missing_is_named_with_what_installs_it(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(
        UsageError, match=r"--track absent: no_such_library is not installed: pip install 'thing\[absent"
    ):
        wanted_trackers(registry, ["absent"])
    monkeypatch.setenv("ABSENT", "1")
    assert wanted_trackers(registry, []) == []
    assert "ABSENT asks for the tracker absent: no_such_library is not installed" in caplog.text
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(UsageError, match=r"pip install 'xtreme-harness\[wandb\]'"):
        wanted_trackers(registry, ["wandb"])


def test_one_of_several_seeds_is_named_after_all_of_them(tmp_path: Path) -> None:
    assert run_title(tmp_path / "xlmr-seeds/seed-3") == "xlmr-seeds/seed-3" and run_title(tmp_path / "xlmr") == "xlmr"


# What they are told.


def test_a_tracker_is_told_of_everything_and_knows_a_run_that_is_continued(
    tmp_path: Path, small_model: Path, data: Path, registry: Registry, told: list[Any]
) -> None:
    run = evaluate(str(small_model), ["mine"], out=tmp_path / "run", options=options(data, "diary"), registry=registry)
    unit = run.record["units"]["mine/en/test"]["score"]["metrics"]["accuracy"]["value"]
    assert [event[0] for event in told] == ["started", "step", "unit", "unit", "finished", "closed"]
    _, name, memory, config = told[0]
    assert (name, memory, config["units"]) == ("run", {}, ["mine/en/test", "mine/sw/test"])
    assert str(tmp_path) not in json.dumps(config) and config["data_dir"] == "data"
    assert told[1] == ("step", "mine", 2, 2) and told[2] == ("unit", {"test/mine/accuracy/en": unit}, False)
    assert set(told[4][1]) == {"score/mine", "dev/mine"} and told[4][2] == ["mine"] and told[5] == ("closed", False)
    del told[:]
    evaluate(str(small_model), ["mine"], out=tmp_path / "run", options=options(data, "diary"), registry=registry)
    assert told[0][2] == {"id": "first"} and [event[2] for event in told if event[0] == "unit"] == [True, True]


def test_a_tracker_that_fails_costs_one_warning(
    tmp_path: Path,
    small_model: Path,
    data: Path,
    registry: Registry,
    told: list[Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    chosen = options(data, "broken", "diary")
    run = evaluate(str(small_model), ["mine"], out=tmp_path / "run", options=chosen, registry=registry)
    assert run.failed == {} and told[-1] == ("closed", False)
    warnings = [r.getMessage() for r in caplog.records if "tracker" in r.getMessage()]
    assert warnings == ["tracker broken failed: SystemExit: no more room at step 2; the run goes on without it"]


def test_the_training_of_a_checkpoint_is_tracked_beside_it(
    tmp_path: Path, small_model: Path, data: Path, registry: Registry, told: list[Any]
) -> None:
    for _ in range(2):  # the second finds it trained, and tells nothing
        train(str(small_model), "before", out=tmp_path / "out", options=options(data, "diary"), registry=registry)
    assert [event[0] for event in told] == ["started", "step", "finished", "closed"]
    assert told[2][2] == ["before"] and (tmp_path / "out.tracking/trackers.json").is_file()


# Those that come with the harness, with their own libraries.


def test_the_event_log_and_tensorboard_hold_the_losses_and_scores_of_a_run(
    tmp_path: Path, small_model: Path, data: Path, registry: Registry
) -> None:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator").EventAccumulator
    chosen = options(data, "eventlog", "tensorboard")
    run = evaluate(str(small_model), ["mine"], out=tmp_path / "run", options=chosen, registry=registry)
    events = [json.loads(line) for line in (tmp_path / "run/events.jsonl").read_text().splitlines()]
    assert [event["event"] for event in events] == [
        "run_started",
        "step_trained",
        "unit_scored",
        "unit_scored",
        "run_finished",
    ]
    assert events[1]["step"] == 2 and events[2]["score"]["n"] == 8 and events[4]["lineage"][0]["name"] == "mine"
    (path,) = (tmp_path / "run/tensorboard").iterdir()
    found = reader(str(path)).Reload()
    scalars = {tag: [(event.step, event.value) for event in found.Scalars(tag)] for tag in found.Tags()["scalars"]}
    assert set(scalars) == {"loss/mine", "test/mine/accuracy/en", "test/mine/accuracy/sw", "score/mine", "dev/mine"}
    score = run.record["units"]["mine/en/test"]["score"]["metrics"]["accuracy"]["value"]
    assert scalars["loss/mine"][0][0] == 2 and scalars["test/mine/accuracy/en"] == [(0, score)]
    assert set(found.Tags()["tensors"]) == {"config/text_summary", "lineage/text_summary"}


def twice(folder: Path, model: Path, data: Path, registry: Registry, tracker: str) -> dict[str, str]:
    """Evaluates, and continues for one more language; returns what the tracker remembers."""
    out = folder / "run"
    for tasks in (["mine[en]"], ["mine"]):
        run = evaluate(str(model), tasks, out=out, options=options(data, tracker), registry=registry)
        assert run.failed == {}
    remembered: dict[str, str] = json.loads((out / "trackers.json").read_text())[tracker]
    return remembered


def test_mlflow_has_one_run_with_the_losses_and_scores(
    tmp_path: Path, small_model: Path, data: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow, _ = pytest.importorskip("mlflow"), pytest.importorskip("sqlalchemy")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.chdir(tmp_path)  # where it keeps artifacts
    remembered = twice(tmp_path, small_model, data, registry, "mlflow")
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("xtreme-harness")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.run_id == remembered["run_id"] and (run.info.status, run.info.run_name) == ("FINISHED", "run")
    assert {"loss/mine", "test/mine/accuracy/en", "test/mine/accuracy/sw", "score/mine"} <= set(run.data.metrics)
    assert run.data.params["recipe"] == "tiny" and run.data.params["overrides.max_steps"] == "2"
    assert client.list_artifacts(run.info.run_id)[0].path == "lineage.json"


def test_trackio_has_one_run_with_the_losses_and_scores(
    tmp_path: Path, small_model: Path, data: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    monkeypatch.setenv("TRACKIO_PROJECT", "ours")
    pytest.importorskip("trackio")
    remembered = twice(tmp_path, small_model, data, registry, "trackio")
    with sqlite3.connect(tmp_path / "trackio/ours.db") as database:
        found = database.execute("SELECT run_name, metrics FROM metrics").fetchall()
    assert {name for name, _ in found} == {remembered["name"]}
    text = " ".join(str(metrics) for _, metrics in found)
    assert all(name in text for name in ("loss/mine", "test/mine/accuracy/en", "test/mine/accuracy/sw", "score/mine"))


def test_wandb_has_one_run_with_the_losses_and_scores(
    tmp_path: Path, small_model: Path, data: Path, registry: Registry
) -> None:
    pytest.importorskip("wandb")
    remembered = twice(tmp_path, small_model, data, registry, "wandb")
    folders = sorted((tmp_path / "run/wandb").glob("offline-run-*"))
    assert len(folders) == 2 and {folder.name.rpartition("-")[2] for folder in folders} == {remembered["id"]}
    (written,) = folders[-1].glob("*.wandb")
    content = written.read_bytes()
    assert all(name in content for name in (b"test/mine/accuracy/sw", b"score/mine", b"lineage"))
