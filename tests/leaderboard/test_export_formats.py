"""harness leaderboard export --format hub, eee, mteb: by the published schemas, with intervals, and sent when asked."""

from __future__ import annotations

import hashlib
import json
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from huggingface_hub import ModelCard, parse_eval_result_entries
from jsonschema_rs import Draft7Validator
from run_folders import nli, rewrite, write_run

from harness import Registry
from harness.core.errors import DataError, PluginError, UsageError
from harness.leaderboard.export import export_row
from harness.leaderboard.formats import export_files
from harness.leaderboard.push import push
from harness.registry.default import get_registry
from harness.results.rescore import score_run

SCHEMAS = Path(__file__).parent / "schemas"
ALLOWED = {"allow_partial": True}


def check(schema: str, value: object) -> None:
    validator = Draft7Validator(json.loads((SCHEMAS / f"{schema}.schema.json").read_text(encoding="utf-8")))
    assert [f"{list(error.instance_path)}: {error.message}" for error in validator.iter_errors(value)] == []


def rows(generator, n: int, chance: float) -> tuple[str, str]:
    """Labels and predictions of a retrieval unit."""
    guesses = [i if generator.random() < chance else int(generator.integers(0, n)) for i in range(n)]
    return "".join(f"{i}\n" for i in range(n)), "".join(f"{guess}\n" for guess in guesses)


def write_scored(folder: Path, seed: int = 1) -> Path:
    """A finished run: XNLI in three languages from the Hub, Tatoeba in both directions, mining from plain files."""
    gold, generator = np.random.default_rng(0), np.random.default_rng(seed)
    labels = {code: nli(gold, 50, 0.8)[0] for code in ("en", "sw", "zh")}
    units = {"xnli": {code: (text, nli(np.random.default_rng(seed), 50, 0.8)[1]) for code, text in labels.items()}}
    units |= {task: {code: rows(generator, 40, 0.7) for code in ("de", "sw")} for task in ("tatoeba", "tatoeba_mteb")}
    units["bucc2018"] = {"de": ("de-1\ten-1\nde-2\ten-2\n", "de-1\ten-1\nde-2\ten-3\n")}
    write_run(folder, units, seed=seed)
    sources = {"xnli": "facebook/xnli/{}/test@0123456789ab", "bucc2018": "bucc2018/{0}-en/{0}-en.test.{0}"}

    def finish(record: dict) -> None:
        for key, unit in record["units"].items():
            task, code, _ = key.split("/")
            iso = {"de": "deu", "sw": "swh"}.get(code, code)
            unit["data"]["source"] = sources.get(task, f"google/xtreme/tatoeba.{iso}/validation").format(code)
        record["scores"] = score_run(folder, get_registry(), None, (), ()).to_dict()

    rewrite(folder, finish)
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return write_scored(tmp_path_factory.mktemp("run") / "run")


@pytest.fixture(scope="module")
def cells(run):
    row = export_row(run, get_registry(), **ALLOWED)
    return {(cell["task"], cell["metric"], cell["language"]): cell for cell in row["cells"]}


def exported(runs: Path | list[Path], name: str, registry: Registry | None = None, **more) -> dict[str, bytes]:
    registry = registry or get_registry()
    folders = runs if isinstance(runs, list) else [runs]
    return export_files(folders, registry, registry.export_format(name), **ALLOWED, **more)


# The Hub.


def test_results_for_the_hub_are_read_by_its_own_library(run, cells, caplog):
    with caplog.at_level("INFO"):
        files = exported(run, "hub")
    assert "no .eval_results of bucc2018: the data that were scored are not on the Hub" in caplog.text
    assert sorted(files) == [
        ".eval_results/tatoeba.yaml",
        ".eval_results/tatoeba_mteb.yaml",
        ".eval_results/xnli.yaml",  # the data of bucc2018 are not on the Hub
        "README.md",
    ]
    for name in files:
        if name.endswith(".yaml"):
            check("hub_eval_results", yaml.safe_load(files[name]))
    entries = parse_eval_result_entries(yaml.safe_load(files[".eval_results/xnli.yaml"]))
    assert [(entry.dataset_id, entry.task_id) for entry in entries] == [
        ("facebook/xnli", name) for name in ("xnli", "xnli.en", "xnli.sw", "xnli.zh")
    ]
    sw = cells["xnli", "accuracy", "sw"]
    assert entries[2].value == pytest.approx(sw["value"], abs=1e-4)
    assert entries[0].value == pytest.approx(cells["xnli", "accuracy", "avg"]["value"], abs=1e-4)
    assert f"95% interval {sw['low']:.2f} to {sw['high']:.2f}; n=50; zero_shot_en" in entries[2].notes
    assert "incomplete: selected tasks" in entries[2].notes
    assert entries[2].dataset_revision is None  # twelve digits are no revision


def test_the_model_card_has_base_model_languages_licence_and_scores_with_intervals(run, cells):
    card = ModelCard(exported(run, "hub", options={"license": "mit"})["README.md"].decode())
    data = card.data
    assert (data.base_model, data.license, data.library_name) == ("org/model", "mit", "transformers")
    assert data.language == ["de", "en", "sw", "zh"] and "xtreme-harness" in data.tags
    assert data.metrics == ["accuracy", "f1", "precision", "recall", "score"]
    found = {(e.metric_args["task"], e.metric_type, e.metric_args["language"]): e for e in data.eval_results}
    assert {key for key in cells if key[2] != "avg"} <= set(found)
    entry, cell = found["xnli", "accuracy", "sw"], cells["xnli", "accuracy", "sw"]
    assert (entry.task_type, entry.dataset_type, entry.dataset_config) == ("text-classification", "facebook/xnli", "sw")
    assert entry.metric_value == pytest.approx(cell["value"], abs=1e-4)
    assert [entry.metric_args[end] for end in ("low", "high", "n")] == pytest.approx(
        [cell["low"], cell["high"], 50], abs=1e-4
    )
    assert (
        f"| xnli | Swahili (sw) | accuracy | {cell['value']:.2f} [{cell['low']:.2f}, {cell['high']:.2f}] |" in card.text
    )
    assert "incomplete: selected tasks" in card.text and "CC BY-NC 4.0" in card.text


def test_a_source_without_an_address_is_refused(run):
    with pytest.raises(UsageError, match="source_name: it needs an address"):
        exported(run, "hub", options={"source_name": "logs"})
    files = exported(run, "hub", options={"source_url": "https://example.org/logs", "source_name": "logs"})
    (first, *_) = parse_eval_result_entries(yaml.safe_load(files[".eval_results/xnli.yaml"]))
    assert (first.source_url, first.source_name) == ("https://example.org/logs", "logs")


# Every Eval Ever.


def test_a_record_of_every_eval_ever_has_each_score_with_its_uncertainty(run, cells):
    files = exported(run, "eee", options={"organization": "A Lab", "relationship": "third_party"})
    path, samples = sorted(files, key=len)
    record = json.loads(files[path])
    check("eee_record", record)
    assert path.startswith("data/xtreme-harness/org/model/") and samples == path.replace(".json", "_samples.jsonl")
    assert record["source_metadata"]["source_organization_name"] == "A Lab"
    assert record["model_info"]["developer"] == "org"
    results = {result["evaluation_result_id"]: result for result in record["evaluation_results"]}
    assert len(results) == len(record["evaluation_results"]) == len(cells)
    cell, result = cells["xnli", "accuracy", "sw"], results["xnli.sw:accuracy"]
    assert result["source_data"]["hf_repo"] == "facebook/xnli" and result["metric_config"]["metric_id"] == "accuracy"
    uncertainty = result["score_details"]["uncertainty"]
    assert result["score_details"]["score"] == pytest.approx(cell["value"] / 100)
    assert uncertainty["confidence_interval"]["lower"] == pytest.approx(cell["low"] / 100)
    assert uncertainty["standard_error"] == {"value": pytest.approx(cell["stderr"] / 100), "method": "analytic"}
    f1 = results["tatoeba_mteb.de:f1"]["score_details"]["uncertainty"]
    assert f1["standard_error"]["method"] == "bootstrap" and f1["num_bootstrap_samples"] == 1000
    assert results["bucc2018.de:f1"]["source_data"]["source_type"] == "other"


def test_items_of_every_eval_ever_add_up_to_their_score_and_have_its_checksum(run):
    files = exported(run, "eee")
    path, samples = sorted(files, key=len)
    record, lines = json.loads(files[path]), [json.loads(line) for line in files[samples].splitlines()]
    for line in lines:
        check("eee_item", line)
        assert (line["evaluation_id"], line["model_id"]) == (record["evaluation_id"], record["model_info"]["id"])
    told = record["detailed_evaluation_results"]
    assert told["checksum"] == hashlib.sha256(files[samples]).hexdigest()
    assert (told["file_path"], told["total_rows"]) == (samples, len(lines))
    scores = [line["evaluation"]["score"] for line in lines if line["evaluation_result_id"] == "xnli.sw:accuracy"]
    known = {result["evaluation_result_id"]: result for result in record["evaluation_results"]}
    assert np.mean(scores) == pytest.approx(known["xnli.sw:accuracy"]["score_details"]["score"])
    assert len({line["sample_id"] for line in lines if line["evaluation_name"] == "xnli.sw"}) == 50
    assert {line["input"]["raw"] for line in lines} == {""}  # no data were named


def test_the_same_run_gives_the_same_files(run):
    assert exported(run, "eee") == exported(run, "eee")


# mteb.


def test_results_for_mteb_are_proportions_under_its_names(run, cells):
    files = exported(run, "mteb")
    folder = f"org__model/{'0' * 40}"
    assert sorted(files) == [
        f"{folder}/{name}.json"
        for name in ("Tatoeba", "bucc2018-xtreme-harness", "model_meta", "tatoeba-xtreme-harness")
    ]
    for name in ("Tatoeba", "bucc2018-xtreme-harness", "tatoeba-xtreme-harness"):
        result = json.loads(files[f"{folder}/{name}.json"])
        check("mteb_task_result", result)
        assert result["task_name"] == name
    swahili = json.loads(files[f"{folder}/Tatoeba.json"])["scores"]["test"][1]
    assert (swahili["hf_subset"], swahili["languages"]) == ("swh-eng", ["swh-Latn", "eng-Latn"])
    assert swahili["main_score"] == swahili["f1"] == pytest.approx(cells["tatoeba_mteb", "f1", "sw"]["value"] / 100)
    assert swahili["accuracy"] == pytest.approx(cells["tatoeba_mteb", "accuracy", "sw"]["value"] / 100)


def test_a_run_without_retrieval_has_nothing_for_mteb(tmp_path):
    folder = write_run(tmp_path / "run", {"xnli": {"en": nli(np.random.default_rng(0), 20, 0.8)}})
    rewrite(folder, lambda record: record.update(scores=score_run(folder, get_registry(), None, (), ()).to_dict()))
    with pytest.raises(UsageError, match="no retrieval or mining"):
        exported(folder, "mteb")


# Several seeds.


def test_seeds_are_exported_as_means_with_their_deviation(tmp_path):
    folders = [write_scored(tmp_path / f"seed-{seed}", seed) for seed in (1, 2)]
    notes = yaml.safe_load(exported(folders, "hub")[".eval_results/xnli.yaml"])[0]["notes"]
    assert "standard deviation over seeds" in notes and "seeds 1, 2" in notes
    files = exported(folders, "eee")
    (record,) = map(json.loads, files.values())  # items belong to one run
    check("eee_record", record)
    assert record["evaluation_results"][0]["score_details"]["details"]["seeds"] == "2"


# The command, and formats of plugins.


def test_the_command_writes_a_new_folder_or_an_archive(run, tmp_path, cli):
    code, out, err = cli("leaderboard", "export", run, "--format", "hub", "-o", tmp_path / "out", "--allow-partial")
    assert (code, out) == (0, "") and "4 files" in err
    assert (tmp_path / "out/.eval_results/xnli.yaml").is_file()
    code, _, err = cli("leaderboard", "export", run, "--format", "hub", "-o", tmp_path / "out", "--allow-partial")
    assert code == 2 and "exists already" in err
    words = ("leaderboard", "export", run, "--format", "eee", "-o", tmp_path / "x.zip", "--allow-partial", "--zip")
    assert cli(*words)[0] == 0
    assert len(zipfile.ZipFile(tmp_path / "x.zip").namelist()) == 2


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--format", "hubb"), 2, "did you mean 'hub'?"),
        (("--format", "hub"), 4, "--allow-partial"),
        (("--format", "hub", "--allow-partial", "--set", "licence=mit"), 2, "did you mean 'license'?"),
        (("--format", "hub", "--allow-partial", "--set", "license"), 2, "NAME=VALUE expected"),
        (("--format", "eee", "--allow-partial", "--set", "relationship=mine"), 2, "known: "),
        (("--format", "mteb", "--allow-partial", "--push", "a/b"), 2, "it is for --format"),
        (("--format", "row", "--allow-partial", "--set", "license=mit"), 2, "row has no options"),
        (("--format", "hub", "--allow-partial", "--push", "org/model"), 2, "--yes sends without asking"),
    ],
)
def test_a_wrong_word_is_said_with_what_is_right(run, tmp_path, cli, words, code, said):
    found = cli("leaderboard", "export", run, "-o", tmp_path / "out", *words)
    assert (found[0], said in found[2]) == (code, True), found[2]
    assert not (tmp_path / "out").exists()


FORMAT = """
from harness import ExportFormat, hookimpl

def page(export):
    lines = [f"{result.task.name}.{result.unit.language} {result.score['value']:.1f}" for result in export.results]
    return {"pages/scores.txt": export.options.get("title", "") + "\\n".join(lines)}

def outside(export):
    return {"../scores.txt": ""}

@hookimpl
def harness_export_formats():
    yield ExportFormat("wiki", f"{__name__}:page", options=("title",))
    yield ExportFormat("outside", f"{__name__}:outside")
"""


def test_a_plugin_brings_a_format_of_its_own(run, tmp_path):
    (tmp_path / "wiki.py").write_text(FORMAT)
    registry = Registry([tmp_path / "wiki.py"])
    registry.check()
    (page,) = exported(run, "wiki", registry, options={"title": "Scores: "}).values()
    assert page.startswith(b"Scores: ") and b"xnli.sw " in page
    with pytest.raises(PluginError, match=r"by file names in the folder, not '\.\./scores\.txt'"):
        exported(run, "outside", registry)


# Sending.


class FakeHub:
    """Takes what ``HfApi`` is asked for."""

    def __init__(self, *, has_card: bool = False) -> None:
        self.has_card = has_card
        self.sent: list[tuple[str, list[str], dict]] = []

    def file_exists(self, repo_id: str, filename: str, *, repo_type: str) -> bool:
        return self.has_card

    def create_commit(self, repo_id: str, operations: list, **more: object) -> SimpleNamespace:
        self.sent.append((repo_id, [operation.path_in_repo for operation in operations], more))
        return SimpleNamespace(pr_url="https://huggingface.co/org/model/discussions/1", commit_url="")


def test_an_export_is_sent_as_a_pull_request_and_a_card_that_is_there_stays(run):
    files = exported(run, "hub")
    hub = FakeHub()
    assert push(files, "org/model", "model", "title", hub) == ("https://huggingface.co/org/model/discussions/1", [])
    assert hub.sent[0][:2] == ("org/model", sorted(files))
    assert hub.sent[0][2] == {"commit_message": "title", "repo_type": "model", "create_pr": True}
    with_card = FakeHub(has_card=True)
    assert push(files, "org/model", "model", "title", with_card)[1] == ["README.md"]
    assert "README.md" not in with_card.sent[0][1]


def test_a_hub_out_of_reach_is_one_message(run):
    with pytest.raises(DataError, match="org/model: nothing was sent") as found:
        push(exported(run, "hub"), "org/model", "model", "title")  # HF_HUB_OFFLINE is set for tests
    assert "auth login" in found.value.hint


def test_what_would_be_sent_is_shown_before_anybody_is_asked(run, tmp_path, cli, monkeypatch):
    hub = FakeHub()
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: hub)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.confirm", lambda *words, **more: False)
    words = ("leaderboard", "export", run, "--format", "hub", "--allow-partial", "--push", "org/model")
    code, _, err = cli(*words, "-o", tmp_path / "no")
    assert (
        code == 0 and "--- .eval_results/xnli.yaml" in err and "task_id: xnli.sw" in err and "nothing was sent" in err
    )
    assert hub.sent == []
    code, _, err = cli(*words, "-o", tmp_path / "yes", "--yes")
    assert code == 0 and "discussions/1" in err and len(hub.sent) == 1
