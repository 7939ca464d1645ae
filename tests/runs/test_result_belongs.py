"""A result belongs to the run that made it: what another model, option or data set left in a folder never shows as its own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.api import breakdown
from harness.core.errors import DataError, HarnessError, ModelError, UsageError
from harness.leaderboard.export import export_row
from harness.models.resolve import Access
from harness.registry.default import get_registry
from harness.report.formats import write_page
from harness.results.inventory import find_runs
from harness.results.rescore import score_run
from harness.results.systems import load_run, load_runs
from harness.run import Run
from harness.runs.record import UnsoundRecord, load_record, save_record
from harness.types.options import EvalOptions
from harness.types.progress import ProgressListener
from harness.types.units import Unit

TASKS = ["xnli[sw,en]", "tatoeba[sw]"]


@pytest.fixture(scope="module")
def models(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two models whose folders have one name, and whose weights differ."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    root = tmp_path_factory.mktemp("models")
    found = []
    for number in (1, 2):
        folder = root / f"run{number}" / "checkpoint-500"
        torch.manual_seed(number)
        model = AutoModel.from_pretrained(small_model)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.3)
        model.save_pretrained(folder)
        AutoTokenizer.from_pretrained(small_model).save_pretrained(folder)
        found.append(folder)
    return found[0], found[1]


class Notes(ProgressListener):
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.computed: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def unit(self, unit: Unit, entry: dict[str, Any], *, cached: bool) -> None:
        if not cached:
            self.computed.append(unit.key)


def run(model: Path, data: Path, out: Path | None, tasks: list[str] = TASKS, **changes: Any) -> tuple[Run, Notes]:
    heard = changes.pop("reporter", Notes())
    overrides = {"max_steps": 2, **changes.pop("overrides", {})}
    options = EvalOptions(
        **{"data_dir": str(data), "offline": True, "train_limit": 8, "limit": 8, "overrides": overrides, **changes}
    )
    return harness.evaluate(str(model), tasks, out=out, options=options, reporter=heard), heard


def shown(folder: Path, data: Path) -> Iterator[set[str]]:
    """The units that each reader of a run folder shows or uses."""
    record = load_record(folder)
    assert record is not None
    yield set(record["units"])
    yield set(load_run(folder).units)
    (system,) = load_runs([folder])
    yield {f"{name}/{code}/test" for name, task in system.tasks.items() for code in task.units}
    row = export_row(folder, get_registry(), allow_partial=True, allow_dirty=True, allow_unpinned=True)
    yield {f"{cell['task']}/{cell['language']}/test" for cell in row["cells"] if cell["language"] != "avg"}
    scores = score_run(folder, get_registry())
    yield {f"{name}/{code}/test" for name, task in scores.tasks.items() for code in _languages(task)}
    yield {
        f"{found.task}/{code}/test"
        for found in breakdown(folder, data_dir=data, attributes=["language"])
        for bucket in found.buckets
        for code in bucket.languages
    }
    (kept,) = [found for found in find_runs(folder) if found.folder == folder]
    assert kept.units == len(record["units"])


def _languages(task: Any) -> set[str]:
    return {code for metric in task.metrics.values() for code in metric.languages}


def test_units_of_another_model_are_set_aside_and_no_reader_shows_them(
    models: tuple[Path, Path], corpus: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    first, _ = run(models[0], corpus, out)
    before = {key: unit["score"] for key, unit in first.record["units"].items()}
    second, heard = run(models[1], corpus, out, ["xnli[sw]"])
    assert heard.computed == ["xnli/sw/test"]
    for units in shown(out, corpus):
        assert units == {"xnli/sw/test"}
    assert any("set aside in" in note for note in heard.notes)
    assert not (out / "predictions" / "tatoeba" / "test-sw.tsv").exists()
    aside = out / "earlier" / "1"
    record = load_record(aside)
    assert record is not None and record["model"]["fingerprint"] == first.record["model"]["fingerprint"]
    assert {key: unit["score"] for key, unit in record["units"].items()} == before
    for units in shown(aside, corpus):
        assert units == {"xnli/sw/test", "xnli/en/test", "tatoeba/sw/test"}
    assert second.record["model"]["fingerprint"] != first.record["model"]["fingerprint"]


def test_a_head_that_cannot_be_scored_leaves_no_result_of_the_model_before_it(
    models: tuple[Path, Path], corpus: Path, tmp_path: Path
) -> None:
    trained = harness.train(
        str(models[0]),
        "mnli",
        out=tmp_path / "one" / "checkpoint-500",
        options=EvalOptions(data_dir=str(corpus), offline=True, train_limit=8, overrides={"max_steps": 1}),
    )
    out = tmp_path / "run"
    scored, _ = run(trained.folder, corpus, out, ["xnli[sw]"], train="never")
    assert "xnli/sw/test" in scored.record["units"]
    failed, _ = run(models[1], corpus, out, ["xnli[sw]"], train="never")
    assert set(failed.failed) == {"xnli/sw/test"} and failed.record["units"] == {} and not failed.scores.tasks
    (system,) = load_runs([out])
    assert not any(task.units for task in system.tasks.values())
    with pytest.raises(UsageError, match="no scored unit"):
        harness.compare([out / "earlier" / "1", out])
    with pytest.raises(HarnessError, match=r"nothing was scored|not exported"):
        export_row(out, get_registry(), allow_partial=True, allow_dirty=True, allow_unpinned=True)
    with pytest.raises(DataError):
        score_run(out, get_registry())
    page = tmp_path / "page.html"
    write_page([out], page, get_registry(), str(corpus))
    assert f"{scored.scores.tasks['xnli'].metrics['accuracy'].languages['sw'].value:.1f}" not in page.read_text()


def test_a_command_that_is_refused_moves_nothing(models: tuple[Path, Path], corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    run(models[0], corpus, out, ["xnli[sw]"])
    before = (out / "record.json").read_bytes()
    with pytest.raises(UsageError, match="no dev data of its own"):
        run(models[0], corpus, out, ["xnli[sw]"], select_on=("ja",))
    assert (out / "record.json").read_bytes() == before and not (out / "earlier").exists()


def test_a_training_that_diverges_leaves_no_result_of_other_options(
    models: tuple[Path, Path], corpus: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    run(models[0], corpus, out, ["xnli[sw]"])
    diverged, _ = run(models[0], corpus, out, ["xnli[sw]"], overrides={"lr": 1e9, "max_steps": 25})
    assert "diverged" in diverged.failed["xnli/sw/test"] and diverged.record["units"] == {}
    assert load_record(out / "earlier" / "1")["units"].keys() == {"xnli/sw/test"}  # type: ignore[index]


def test_a_stop_in_the_middle_leaves_no_result_of_the_run_before(
    models: tuple[Path, Path], corpus: Path, tmp_path: Path
) -> None:
    class Stops(Notes):
        def unit(self, unit: Unit, entry: dict[str, Any], *, cached: bool) -> None:
            raise KeyboardInterrupt

    out = tmp_path / "run"
    first, _ = run(models[0], corpus, out)
    with pytest.raises(KeyboardInterrupt):
        run(models[1], corpus, out, reporter=Stops())
    record = load_record(out)
    assert record is not None and len(record["units"]) == 1
    assert record["scores"] is None and record["finished"] is None
    assert record["model"]["fingerprint"] != first.record["model"]["fingerprint"]
    again, heard = run(models[1], corpus, out)
    assert len(heard.computed) == 2 and len(again.record["units"]) == 3


def test_going_back_takes_up_what_was_set_aside(models: tuple[Path, Path], corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first, _ = run(models[0], corpus, out)
    run(models[1], corpus, out)
    back, heard = run(models[0], corpus, out)
    assert heard.computed == []
    assert back.to_dict() == first.to_dict()
    assert [stage["key"] for stage in back.record["stages"]] == [stage["key"] for stage in first.record["stages"]]
    assert sorted(path.name for path in (out / "earlier").iterdir()) == ["1", "2"]
    run(models[1], corpus, out)
    assert sorted(path.name for path in (out / "earlier").iterdir()) == ["1", "2"]  # what is there is not kept twice


def test_commands_for_other_units_of_one_system_add_up(models: tuple[Path, Path], corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    run(models[0], corpus, out, ["xnli[sw,en]"])
    both, heard = run(models[0], corpus, out, ["tatoeba[sw]"])
    assert heard.computed == ["tatoeba/sw/test"]
    whole, _ = run(models[0], corpus, tmp_path / "whole")
    assert both.to_dict()["tasks"] == whole.to_dict()["tasks"]
    assert {stage["name"] for stage in both.record["stages"]} == {"xnli"}
    for units in shown(out, corpus):
        assert units == {"xnli/sw/test", "xnli/en/test", "tatoeba/sw/test"}


def test_units_of_other_data_are_set_aside_though_the_command_does_not_name_them(
    models: tuple[Path, Path], corpus: Path, tmp_path: Path
) -> None:
    import pyarrow.parquet as pq

    data, out = tmp_path / "data", tmp_path / "run"
    shutil.copytree(corpus, data)
    run(models[0], data, out)
    [path] = (data / "google/xtreme/tatoeba.swh").glob("*.parquet")
    table = pq.read_table(path)
    pq.write_table(table.slice(1), path)
    narrow, heard = run(models[0], data, out, ["xnli[sw]"])
    assert heard.computed == [] and set(narrow.record["units"]) == {"xnli/sw/test", "xnli/en/test"}
    assert any("tatoeba/sw/test" in note for note in heard.notes)
    assert set(load_record(out / "earlier" / "1")["units"]) == {"tatoeba/sw/test"}  # type: ignore[index]
    shutil.rmtree(data / "google/xtreme/tatoeba.swh")
    shutil.copytree(corpus / "google/xtreme/tatoeba.swh", data / "google/xtreme/tatoeba.swh")
    whole, heard = run(models[0], data, out)
    assert heard.computed == [] and len(whole.record["units"]) == 3


def test_a_record_with_a_unit_of_another_run_is_refused_by_every_reader(
    models: tuple[Path, Path], corpus: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    run(models[0], corpus, out, ["tatoeba[sw]"])
    record = json.loads((out / "record.json").read_text())
    del record["sha256"]
    record["units"]["tatoeba/sw/test"]["run"] = "0" * 64
    save_record(out, record)
    for read in (load_run, lambda path: load_runs([path]), lambda path: score_run(path, get_registry()), breakdown):
        with pytest.raises(UnsoundRecord, match=r"tatoeba/sw/test is a result of another run"):
            read(out)
    again, heard = run(models[0], corpus, out, ["tatoeba[sw]"])
    assert heard.computed == ["tatoeba/sw/test"] and (out / "record.json.unsound").is_file()
    assert not again.failed


def test_files_that_no_unit_names_are_not_scored_and_changed_ones_are_refused(
    models: tuple[Path, Path], corpus: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    run(models[0], corpus, out, ["tatoeba[sw]"])
    for side in ("predictions", "labels"):
        shutil.copy(out / side / "tatoeba" / "test-sw.tsv", out / side / "tatoeba" / "test-de.tsv")
    assert _languages(score_run(out, get_registry()).tasks["tatoeba"]) == {"sw"}
    (out / "predictions" / "tatoeba" / "test-sw.tsv").write_text("1\n" * 8)
    with pytest.raises(DataError, match="not the file that was scored"):
        score_run(out, get_registry())


def test_a_breakdown_reads_the_tokenizer_and_the_training_data_of_the_run_alone(
    models: tuple[Path, Path], corpus: Path, tmp_path: Path
) -> None:
    from harness.analysis.breakdown._sources import tokenizer, train

    model, out = tmp_path / "model", tmp_path / "run"
    shutil.copytree(models[0], model)
    run(model, corpus, out, ["xnli[sw]"])
    (system,) = load_runs([out])
    assert len(train(system, get_registry(), "xnli", corpus)) == 8  # as many as it was trained on
    assert tokenizer(system, Access(offline=True)) is not None
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "layer_norm_eps": 1e-3}))
    with pytest.raises(ModelError, match="not the model that run scored"):
        tokenizer(system, Access(offline=True))


def test_each_unit_says_which_command_made_it(
    models: tuple[Path, Path], corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    monkeypatch.setattr("sys.argv", ["harness", "one"])
    run(models[0], corpus, out, ["xnli[sw]"])
    monkeypatch.setattr("sys.argv", ["harness", "two"])
    both, _ = run(models[0], corpus, out, ["tatoeba[sw]"])
    sessions = both.record["sessions"]
    made = {key: sessions[unit["session"]]["command"][1] for key, unit in both.record["units"].items()}
    assert made == {"xnli/sw/test": "one", "tatoeba/sw/test": "two"}
