"""harness leaderboard: published rows, export of runs, checks, comparability, ranks, pages, submissions."""

from __future__ import annotations

import copy
import json
import math
import zipfile

import numpy as np
import pytest
from html_pages import Page
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from run_folders import nli, rewrite, write_run

from harness.cli.main import main
from harness.data.resources import union
from harness.leaderboard._setting import setting
from harness.leaderboard.board import build_board
from harness.leaderboard.export import export_row
from harness.leaderboard.official_size import official_half_width
from harness.leaderboard.recipes import recipe_of
from harness.leaderboard.rows import published_rows, row_text
from harness.leaderboard.validation import problems
from harness.registry.default import get_registry
from harness.report.leaderboard import cell_text, legend
from harness.report.names import setting_name
from harness.report.pages.board_page import page
from harness.report.paired_rows import paired_tests, rows_of_runs
from harness.results.rescore import score_run
from harness.scoring.intervals import wilson

LANGUAGES = "ar bg de el en es fr hi ru sw th tr ur vi zh".split()


@pytest.fixture(scope="module")
def registry():
    return get_registry()


@pytest.fixture(scope="module")
def published(registry):
    return published_rows(registry)


@pytest.fixture
def run(tmp_path, registry):
    """A finished XNLI run in all languages, of a pinned model, on official data."""
    generator = np.random.default_rng(0)
    units = {"xnli": {code: tuple(nli(generator, 60, 0.8)) for code in LANGUAGES}}
    return scored(write_run(tmp_path / "run", units, benchmark="xtreme"), "xtreme")


def scored(folder, benchmark=None):
    """The run folder with its averages in the record."""
    scores = score_run(folder, get_registry(), benchmark).to_dict()
    rewrite(folder, lambda record: record.update(scores=scores))
    return folder


@pytest.fixture
def row(run, registry):
    return export_row(run, registry)


def fake(row, name, **changes):
    """A copy of a row under another name; ``cells`` are changed by (task, metric, language)."""
    made = copy.deepcopy(row)
    made |= {"id": name, "system": name}
    for key, value in changes.items():
        if key == "cells":
            for cell in made["cells"]:
                cell.update(value.get((cell["task"], cell["metric"], cell["language"]), {}))
        else:
            made[key] = value
    return made


def cli(capsys, *arguments):
    code = main(["leaderboard", *map(str, arguments)])
    return code, *capsys.readouterr()


# published systems


def test_published_rows_are_valid_and_named_once(published, registry):
    assert len(published) > 100
    assert [
        (row["id"], problem.text) for row in published for problem in problems(row, registry) if not problem.warning
    ] == []
    assert len({row["id"] for row in published}) == len(published)


@pytest.mark.parametrize(
    ("row_id", "task", "metric", "value"),
    [
        ("hu2020_xtreme.xlm-r-large.zero-shot-en", "xnli", "accuracy", 79.2),
        ("hu2020_xtreme.xlm-r-large.zero-shot-en", "udpos", "f1", 73.8),
        ("hu2020_xtreme.mbert.zero-shot-en", "tydiqa", "f1", 59.7),
        ("xue2021_mt5.mt5-xxl.zero-shot-en", "pawsx", "accuracy", 90.0),
        (
            "phang2020_xstilts.x-stilts-as-listed-in-mt5-readme.zero-shot-en-intermediate-best-per-target",
            "xnli",
            "accuracy",
            80.4,
        ),
    ],
)
def test_published_rows_hold_the_published_values(published, row_id, task, metric, value):
    row = next(row for row in published if row["id"] == row_id)
    cells = [cell for cell in row["cells"] if (cell["task"], cell["metric"], cell["language"]) == (task, metric, "avg")]
    assert value in [cell["value"] for cell in cells if cell["languages"] == "benchmark"]


def test_published_numbers_are_those_of_the_collection(published, shared_data):
    """Every record is there with its value, source, table, setting and split, and nothing else is."""
    metrics = {"acc": "accuracy", "em": "exact_match", "map20": "map@20"}
    tasks = {"avg_all9": "overall", "avg_all10": "overall"} | {
        g: f"group:{g}" for g in ("classification", "tagging", "qa")
    }
    # By its authors' code FILTER reads an English translation of each test text; the collection has the training alone.
    settings = {("fang2020_filter", "translate_train_all"): "translate_train+test"}
    wanted, places = set(), 0
    for path in sorted((shared_data.parent / "published").glob("*.json")):
        collected = json.loads(path.read_text(encoding="utf-8"))
        for record in collected.get("records", []) if isinstance(collected, dict) else []:
            language = "avg" if record["lang"].startswith("avg") else record["lang"]
            task, metric = record["task"], record["metric"]
            setting = settings.get((collected["source_id"], record["setting"]), record["setting"])
            keys = [collected["source_id"], record["system"], record["benchmark"], setting, record["split"]]
            wanted.add((*keys, tasks.get(task, task), metrics.get(metric, metric), language, record["value"]))
            places += 1
    found, seen = set(), 0
    for row in published:
        if (
            row["source"]["id"] == "mteb_tatoeba"
        ):  # read elsewhere; tests/plugins/test_published_tatoeba.py computes them
            continue
        for cell in row["cells"]:
            keys = (row["source"]["id"], row["system"], row["benchmark"], row["setting"], row["split"])
            found.add((*keys, cell["task"], cell["metric"], cell["language"], cell["value"]))
            seen += 1 + len(cell.get("also_seen_in", ()))
            assert cell["table"]
    assert found == wanted
    assert seen == places


def test_suspicious_cells_are_kept_and_marked(published):
    cells = [cell for row in published for cell in row["cells"] if cell["status"] == "suspicious"]
    assert len(cells) > 50


# export


def test_a_row_holds_what_the_run_says(row, run):
    record = json.loads((run / "record.json").read_text())
    assert problems(row, get_registry()) == []
    assert row["model"]["revision"] == "0" * 40 and row["model"]["parameters"] == 278_043_648
    assert row["model"]["fingerprint"] == "f" * 64
    assert row["run"]["seeds"] == [1] and row["run"]["lineage"][0]["name"] == "mnli"
    assert row["run"]["command"] == record["command"] and row["run"]["date"] == record["finished"]
    assert row["run"]["harness"]["version"] == record["harness"]["version"]
    assert row["run"]["tasks"] == {"xnli": {"version": 1, "provider": "test"}}
    assert row["run"]["data"]["xnli/sw/test"]["fingerprint"] == "d" * 32
    assert (row["setting"], row["split"], row["selection"]) == ("zero_shot_en", "test", "english_dev")
    cells = {(cell["task"], cell["metric"], cell["language"]): cell for cell in row["cells"]}
    unit = record["units"]["xnli/sw/test"]["score"]
    expected = {
        "n": unit["n"],
        **unit["metrics"]["accuracy"],
        "chance": unit["metrics"]["accuracy"]["chance"]["constant"],
    }
    assert {key: cells["xnli", "accuracy", "sw"][key] for key in expected} == expected
    average = cells["xnli", "accuracy", "avg"]
    assert average["languages"] == "benchmark"
    assert average["value"] == record["scores"]["tasks"]["xnli"]["score"]
    assert [average["low"], average["high"]] == record["scores"]["intervals"]["xnli"]["accuracy"]["average"]
    assert ("overall", "score", "avg") not in cells


def test_a_row_names_no_folder_of_the_machine_and_no_secret(run, registry):
    secret = "hf_" + "x1Y" * 12
    command = [
        "harness",
        "eval",
        "--model",
        "/data/of-me/models/mine",
        f"--data-dir={run.parent}",
        f"HF_TOKEN={secret}",
    ]
    rewrite(run, lambda record: record.update(command=command))
    rewrite(run, lambda record: record["model"].update(reference="/data/of-me/models/mine"))
    rewrite(run, lambda record: record["partial"].append("/data/of-me/data/x.parquet: cannot be read"))
    row = export_row(run, registry, allow_partial=True, allow_unpinned=True)
    text = json.dumps(row)
    assert "/data" not in text and str(run.parent) not in text and secret not in text
    assert row["model"]["reference"] == row["system"] == "mine"
    assert row["run"]["command"][:5] == ["harness", "eval", "--model", "mine", f"--data-dir={run.parent.name}"]


def test_intermediate_tasks_are_another_setting(run, registry):
    rewrite(run, lambda record: record["options"].update(via=["mnli", "squad"]))
    row = export_row(run, registry)
    assert row["setting"] == "zero_shot_en+intermediate:mnli,squad"
    assert row["system"] == "org/model + mnli + squad"


def test_labels_of_people_are_named_beside_translations():
    """A run, or one of its stages, that also learned from labels in a target language was a plain translate-train row."""
    machine = {"origin": "machine_translation", "system": ""}
    train, test = [{"from": "en", "to": "de", **machine}], [{"from": "de", "to": "en", **machine}]
    of_xnli = {"labels": ["de", "en"], "translations_train": train}

    def named(*used, test=()):
        whole = union([*used, {"translations_test": test}])
        stages = [{"name": "x", "lineage": ["x"], "tasks": [], "resources": union([each])} for each in used]
        return setting({"model": {}, "options": {}, "stages": stages, "resources": None}, whole)

    assert named(of_xnli) == "translate_train"
    assert named(of_xnli, {"labels": ["de"]}) == "translate_train+labels:de"
    assert named({"labels": ["en", "yo"]}, test=test) == "translate_test+labels:yo"
    assert setting_name("translate_train+labels:de") == "Translate-train, labels in de"
    assert setting_name("translate_train+test+objective:fusion") == "Translate-train and -test, objective fusion"


@pytest.mark.parametrize(
    ("change", "flag", "kind"),
    [
        ({"partial": ["at most 5 examples a unit (--limit)"]}, "--allow-partial", "partial"),
        ({"missing": {"xnli/sw/test": "nowhere"}}, "--allow-partial", "incomplete"),
        ({"failed": {"xnli/sw/test": "broken"}}, "--allow-partial", "incomplete"),
        ({"finished": None}, "--allow-partial", "incomplete"),
        ({"harness": {"version": "0.1.0", "git": {"commit": "c" * 40, "dirty": True}}}, "--allow-dirty", "dirty"),
        (
            {"model": {"reference": "./mine", "kind": "folder", "revision": None, "fingerprint": "f" * 64}},
            "--allow-unpinned",
            "unpinned",
        ),
    ],
)
def test_export_refuses_unless_told_and_then_the_row_says_so(run, tmp_path, capsys, change, flag, kind):
    rewrite(run, lambda record: record.update(change))
    out = tmp_path / "row.json"
    code, _, err = cli(capsys, "export", run, "-o", out)
    assert code == 4 and flag in err and kind in err
    assert not out.exists()
    code, _, _ = cli(capsys, "export", run, "-o", out, flag)
    row = json.loads(out.read_text())
    assert code == 0 and row["caveats"][kind]
    assert all(not texts for name, texts in row["caveats"].items() if name != kind)


def test_export_of_a_partial_run_is_refused_under_any_other_permission(run, tmp_path, capsys):
    rewrite(run, lambda record: record.update(partial=["limited"]))
    code, _, err = cli(capsys, "export", run, "-o", tmp_path / "row.json", "--allow-dirty", "--allow-unpinned")
    assert code == 4 and "--allow-partial" in err


def test_export_refuses_changed_predictions(run, tmp_path, capsys):
    path = run / "predictions/xnli/test-sw.tsv"
    path.write_text(path.read_text()[::-1])
    code, _, err = cli(capsys, "export", run, "-o", tmp_path / "row.json")
    assert code == 4 and "test-sw.tsv: not the file that was scored" in err


def test_the_same_run_gives_the_same_row(run, registry):
    assert row_text(export_row(run, registry)) == row_text(export_row(run, registry))
    assert json.loads(row_text(export_row(run, registry))) == export_row(run, registry)


# several seeds


@pytest.fixture
def seeds(tmp_path, registry):
    """Three runs of one system on the same test data, with other predictions each."""
    labels = {code: nli(np.random.default_rng(0), 60, 0.8)[0] for code in LANGUAGES}
    folders = []
    for seed in (3, 1, 2):
        generator = np.random.default_rng(seed)
        units = {"xnli": {code: (labels[code], nli(generator, 60, 0.8)[1]) for code in LANGUAGES}}
        folders.append(write_run(tmp_path / f"seed-{seed}", units, seed=seed, benchmark="xtreme"))
        scores = score_run(folders[-1], registry, "xtreme").to_dict()
        rewrite(folders[-1], lambda record, scores=scores: record.update(scores=scores))
    return folders


def test_seeds_of_one_system_make_one_row(seeds, registry, tmp_path, capsys):
    path, rows = tmp_path / "row.json", tmp_path / "rows"
    assert cli(capsys, "export", *seeds, "-o", path)[0] == 0
    row = json.loads(path.read_text())
    assert problems(row, registry) == []
    run = row["run"]
    assert run["seeds"] == [1, 2, 3] and [each["seeds"] for each in run["seed_runs"]] == [[1], [2], [3]]
    assert [stage["options"]["seed"] for stage in run["lineage"]] == [1, 2, 3]
    assert run["options"]["overrides"] == {}
    assert row == export_row(seeds[::-1], registry)  # whatever the order
    (tmp_path / "seeds.json").write_text('{"seeds": [1, 2, 3]}')
    assert row == export_row(tmp_path, registry)  # as `harness eval --seeds` left them
    singles = [{(c["task"], c["language"]): c for c in export_row(folder, registry)["cells"]} for folder in seeds]
    for cell in row["cells"]:
        own = [single[cell["task"], cell["language"]] for single in singles]
        values = np.array([each["value"] for each in own])
        assert cell["seeds"] == 3
        assert cell["value"] == pytest.approx(values.mean())
        assert cell["seed_deviation"] == pytest.approx(values.std(ddof=1))
        assert cell["low"] == pytest.approx(np.mean([each["low"] for each in own]))
        assert cell["low"] < cell["value"] < cell["high"]
    assert {cell["n"] for cell in row["cells"] if cell["language"] != "avg"} == {60}
    assert cli(capsys, "validate", path)[0] == 0
    assert cli(capsys, "add", path, "--rows", rows)[0] == 0
    code, out, err = cli(capsys, "show", "--rows", rows)
    assert code == 0 and "seeds 1, 2, 3" in out and " sd " in out and "over the seeds" in err
    assert cli(capsys, "render", "--rows", rows, "--html", tmp_path / "page.html")[0] == 0
    assert "seeds 1, 2, 3" in (tmp_path / "page.html").read_text()
    code, _, err = cli(capsys, "export", *seeds, "-o", tmp_path / "out", "--format", "xtreme", "--allow-partial")
    assert code == 2 and "one run" in err
    assert cli(capsys, "export", seeds[0], "-o", tmp_path / "out", "--format", "xtreme", "--allow-partial")[0] == 0


def test_runs_that_are_no_seeds_of_one_system_share_no_row(seeds, tmp_path, capsys):
    def refused(change, words, expected):
        before = (seeds[1] / "record.json").read_text()
        rewrite(seeds[1], change)
        code, _, err = cli(capsys, "export", *seeds, "-o", tmp_path / "row.json")
        (seeds[1] / "record.json").write_text(before)
        assert code == expected and words in err and not (tmp_path / "row.json").exists()

    refused(lambda record: record["model"].update(fingerprint="e" * 64), "the model differs", 2)
    refused(lambda record: record["options"].update(via=["squad"]), "option via differs", 2)
    refused(lambda record: record["options"]["overrides"].update(lr=1e-3), "--set differs", 2)
    refused(lambda record: record.update(benchmark=None), "the benchmarks differ", 4)
    refused(lambda record: record["harness"].update(version="0.0.1"), "versions of the harness differ", 4)
    refused(lambda record: record["units"]["xnli/sw/test"]["data"].update(fingerprint="e" * 32), "test data differ", 4)
    refused(lambda record: record.update(partial=["limited"]), "--allow-partial", 4)  # one partial seed is enough
    code, _, err = cli(capsys, "export", seeds[0], seeds[0], "-o", tmp_path / "row.json")
    assert code == 2 and "twice" in err


def test_what_any_seed_has_to_say_stands_in_the_row(seeds, registry):
    rewrite(seeds[1], lambda record: record.update(partial=["limited"]))
    row = export_row(seeds, registry, allow_partial=True)
    assert row["caveats"]["partial"] == ["limited"]
    del row["run"]["seed_runs"][0]
    assert any("of 2 seed_runs" in problem.text for problem in problems(row))


# validation


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda row: row.pop("model"), "'model' is a required property"),
        (lambda row: row.update(schema="leaderboard-row/9"), "leaderboard-row/1"),
        (lambda row: row.update(id="../../etc/passwd"), "id:"),
        (lambda row: row["cells"][0].update(value=101), "cells.0.value"),
        (lambda row: row["cells"][0].update(surprise=1), "surprise"),
        (lambda row: row["cells"][0].update(low=90.0, high=10.0), "outside of its interval"),
        (lambda row: row["cells"].append(row["cells"][0]), "occurs twice"),
        (lambda row: row["cells"][0].update(status="verified"), "is measured"),
        (lambda row: row["cells"][-1].update(languages=["en", "sw"], value=1.0, low=0.0, high=2.0), "not the mean"),
        (lambda row: row.update(source={"id": "x", "title": "y", "seen": {}}), "the row"),
    ],
)
def test_invalid_rows_have_a_problem_that_says_why(row, change, words):
    change(row)
    found = [problem.text for problem in problems(row) if not problem.warning]
    assert any(words in text for text in found), found


def test_scores_of_another_task_version_are_stale(row, registry):
    row["run"]["tasks"]["xnli"]["version"] = 0
    (problem,) = problems(row, registry)
    assert problem.warning and "stale" in problem.text
    other = fake(row, "other", run=json.loads(json.dumps(row["run"]).replace('"version": 0,', '"version": 1,')))
    section = build_board([row, other], "xtreme", registry).sections[0]
    marks = {line.row["id"]: {mark for shown in line.cells.values() for mark in shown.marks} for line in section.lines}
    assert marks == {row["id"]: {"stale"}, "other": set()}


def test_a_score_at_chance_is_marked_and_still_ranked(row, registry):
    poor = {("xnli", "accuracy", "avg"): {"value": 34.0, "low": 30.0, "high": 38.0, "chance": 33.3}}
    board = build_board([row, fake(row, "poor", cells=poor)], "xtreme", registry)
    shown = {line.row["id"]: next(iter(line.cells.values())) for line in board.sections[0].lines}
    assert shown["poor"].marks == ("chance",) and shown["poor"].rank == 2 and shown[row["id"]].marks == ()
    assert any("§ at chance" in line for line in legend(board.sections))
    worse = {("xnli", "accuracy", "avg"): {"value": 24.0, "low": 20.0, "high": 28.0, "chance": 33.3}}
    board = build_board([row, fake(row, "worse", cells=worse)], "xtreme", registry)
    shown = {line.row["id"]: next(iter(line.cells.values())) for line in board.sections[0].lines}
    assert shown["worse"].marks == ("below",) and any("¶ below chance" in line for line in legend(board.sections))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_row_is_valid_or_told_why(row, registry, data):
    """Whatever stands in a row, checking it is no crash, and what passes can be shown."""
    changed = copy.deepcopy(row)
    target = data.draw(
        st.sampled_from([changed, changed["model"], changed["run"], changed["cells"][0], changed["cells"][-1]])
    )
    target[data.draw(st.sampled_from(sorted(target)) | st.text(max_size=8))] = data.draw(json_values)
    if not any(not problem.warning for problem in problems(changed, registry)) and changed["benchmark"] == "xtreme":
        page(build_board([changed], "xtreme", registry, tasks=[cell["task"] for cell in changed["cells"][:1]]))


@pytest.mark.parametrize(
    "text", ["", "[", "1", '["x"]', '{"schema": NaN}', "[" * 100_000, "\ud800".encode("utf-8", "surrogatepass")]
)
def test_validate_refuses_files_that_are_no_rows_by_their_name(tmp_path, capsys, text):
    path = tmp_path / "row.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    code, _, err = cli(capsys, "validate", path)
    assert code == 4 and "row.json" in err


# adding


def test_rows_are_added_once(row, tmp_path, capsys):
    path, folder = tmp_path / "row.json", tmp_path / "rows"
    path.write_text(row_text(row))
    assert cli(capsys, "add", path, "--rows", folder)[0] == 0
    code, _, err = cli(capsys, "add", path, "--rows", folder)
    assert code == 0 and "there already" in err
    assert [file.name for file in folder.iterdir()] == [f"{row['id']}.json"]
    path.write_text(row_text({**row, "system": "other"}))
    code, _, err = cli(capsys, "add", path, "--rows", folder)
    assert code == 2 and "another row has the id" in err


def test_invalid_rows_are_not_added(row, tmp_path, capsys):
    good, bad, folder = tmp_path / "good.json", tmp_path / "bad.json", tmp_path / "rows"
    good.write_text(row_text(row))
    bad.write_text(json.dumps({**row, "cells": []}))
    code, _, err = cli(capsys, "add", good, bad, "--rows", folder)
    assert code == 4 and "bad.json" in err and not folder.exists()


# the board


def ranks(rows, registry, column="xnli accuracy", **options):
    board = build_board(rows, "xtreme", registry, **options)
    return {
        section.title: {
            line.row["id"]: shown.rank
            for line in section.lines
            for key, shown in line.cells.items()
            if key.title == column
        }
        for section in board.sections
    }


AVERAGE = ("xnli", "accuracy", "avg")


def test_a_run_is_ranked_among_published_systems(row, published, registry):
    """Its rank counts the systems whose number lies outside of the interval of the difference."""
    mine = fake(row, "mine", cells={AVERAGE: {"value": 79.9, "low": 79.3, "high": 80.5}})
    board = build_board([*published, mine], "xtreme", registry)
    section = next(section for section in board.sections if section.title == "zero_shot_en, test")
    column = next(column for column in section.columns if column.title == "xnli accuracy")
    others = {
        line.row["system"]: line.cells[column]
        for line in section.lines
        if column in line.cells and line.cells[column].rank and line.row["id"] != "mine"
    }
    shown = next(line.cells[column] for line in section.lines if line.row["id"] == "mine")
    assert all(0.9 < other.half_width < 1.4 for other in others.values()), "of 5,010 test items"

    def apart(other):
        return abs(other.value - 79.9) > math.hypot(0.6, other.half_width)

    assert shown.rank == 1 + sum(other.value > 79.9 and apart(other) for other in others.values()) > 1
    assert set(shown.tied) == {name for name, other in others.items() if not apart(other)} > set()
    assert shown.rank < ranks([*published, mine], registry)[section.title]["hu2020_xtreme.xlm-r-large.zero-shot-en"]


def test_a_published_share_has_the_interval_of_the_official_test_set(published, registry):
    def row(cell, **changes):
        base = {"kind": "published", "split": "test", "benchmark": "xtreme"}
        return official_half_width({**base, **changes}, {"metric": "accuracy", "language": "sw", **cell}, registry)

    low, high = wilson(0.75, 5010)
    assert row({"task": "xnli", "value": 75.0}) == pytest.approx(50 * (high - low))
    average = {"task": "xnli", "value": 75.0, "language": "avg", "languages": "benchmark"}
    assert row(average) == pytest.approx(50 * (high - low)), "no narrower than a language's"
    few = {"task": "tatoeba", "value": 75.0, "language": "avg", "languages": ["de", "sw"]}
    widths = [50 * (high - low) for low, high in (wilson(0.75, 1000), wilson(0.75, 390))]
    assert row(few) == pytest.approx(sum(widths) / 2)
    assert 2.5 < row({"task": "xquad", "metric": "exact_match", "language": "de", "value": 60.0}) < 3
    for cell in (
        {"task": "xquad", "metric": "f1", "language": "de", "value": 60.0},
        {"task": "panx", "metric": "f1", "value": 60.0},
        {"task": "overall", "metric": "score", "language": "avg", "languages": "benchmark", "value": 60.0},
        {"task": "xnli", "value": 75.0, "data": "another release"},
        {"task": "xnli", "value": 75.0, "low": 70.0, "high": 80.0},
        {"task": "xnli", "value": 75.0, "language": "avg", "languages": None},
        {"task": "xnli", "value": 75.0, "language": "qu"},
    ):
        assert row(cell) is None, cell
    assert row({"task": "xnli", "value": 75.0}, split="dev") is row({"task": "xnli", "value": 75.0}, kind="run") is None


def test_published_shares_that_chance_could_explain_share_a_rank(published, registry):
    """mT5-large 81.1 and RemBERT 80.8 on the 5,010 items of each language of XNLI."""
    board = build_board(published, "xtreme", registry)
    (section,) = [section for section in board.sections if section.title == "zero_shot_en, test"]
    (column,) = [column for column in section.columns if column.title == "xnli accuracy"]
    shown = {line.row["system"]: line.cells[column] for line in section.lines if column in line.cells}
    assert shown["mT5-large"].value != shown["RemBERT"].value and shown["mT5-large"].rank == shown["RemBERT"].rank
    assert "RemBERT" in shown["mT5-large"].tied and shown["mT5-xxl"].rank == 1


def test_a_published_system_has_one_line_with_its_best_read_numbers(published, registry):
    board = build_board(published, "xtreme", registry)
    for section in board.sections:
        named = [(line.row["system"].casefold(), recipe_of(line.row)) for line in section.lines]
        assert len(set(named)) == len(named)
    (line,) = [
        line
        for section in board.sections
        if section.title == "zero_shot_en, test"
        for line in section.lines
        if line.row["system"] == "mT5-xxl"
    ]
    assert len(line.rows) == 3
    shown = {column.title: cell for column, cell in line.cells.items()}["tydiqa f1"]
    assert (shown.value, shown.marks) == (82.0, ()) and [other.value for other in shown.others] == [80.8]


def test_paired_tests_decide_before_intervals_and_intervals_before_numbers(row, registry):
    def placed(paired=None, **interval):
        rows = [fake(row, name, cells={AVERAGE: {"value": value, **interval}}) for name, value in VALUES.items()]
        board = build_board(rows, "xtreme", registry, paired=paired)
        (column,) = [column for column in board.sections[0].columns if column.title == "xnli accuracy"]
        return {line.row["id"]: line.cells[column].rank for line in board.sections[0].lines}

    VALUES = {"a": 80.0, "b": 79.0}
    alone = {"low": None, "high": None}
    assert placed(**alone) == {"a": 1, "b": 2}
    assert placed(low=60.0, high=90.0) == {"a": 1, "b": 1}
    assert placed({("b", "a"): {("xnli", "avg"): True}}, low=60.0, high=90.0) == {"a": 1, "b": 2}
    assert placed({("a", "b"): {("xnli", "avg"): False}}, **alone) == {"a": 1, "b": 1}


def test_runs_are_ranked_by_their_predictions(tmp_path, capsys):
    """A line apart in 200, all of them in one direction: the intervals overlap, the paired test tells them apart."""
    gold = ["entailment", "neutral"] * 100
    folders = []
    for name, wrong in (("good", 60), ("worse", 75), ("same", 75)):
        guessed = ["contradiction"] * wrong + gold[wrong:]
        texts = "\n".join(gold) + "\n", "\n".join(guessed) + "\n"
        folders.append(scored(write_run(tmp_path / name, {"xnli": {"en": texts, "sw": texts}}, model=f"org/{name}")))
    options = [part for folder in folders for part in ("--run", folder)]
    out = tmp_path / "board.html"
    assert cli(capsys, "render", *options, "--task", "xnli", "--rows", tmp_path / "none", "--html", out)[0] == 0
    page = Page(out.read_text(encoding="utf-8"))
    assert {"good", "worse", "same"} <= {name.removeprefix("org/") for name in page.text if name.startswith("org/")}
    registry = get_registry()
    rows = rows_of_runs(folders, registry)
    tests = paired_tests(rows, folders, registry)
    good, worse, same = (row["id"] for row in rows)
    assert tests[good, worse]["xnli", "avg"] and not tests[worse, same]["xnli", "avg"]


@pytest.mark.parametrize(
    "change",
    [
        {"setting": "translate_train_all"},
        {"setting": "zero_shot_en+intermediate:mnli"},
        {"split": "dev"},
        {"selection": "target_dev"},
        {"selection": "translated_english_dev"},
        {"benchmark": "xtreme-r"},
        {"cells": {AVERAGE: {"languages": ["en", "sw"]}}},
        {"cells": {AVERAGE: {"languages": None}}},
        {"cells": {AVERAGE: {"metric": "f1"}}},
        {"cells": {AVERAGE: {"data": "another release"}}},
        {"cells": {AVERAGE: {"status": "suspicious"}}},
        {"cells": {AVERAGE: {"status": "unverified"}}},
        {"caveats": {"partial": ["limited"], "incomplete": [], "dirty": [], "unpinned": []}},
    ],
)
def test_unlike_numbers_are_never_ranked_together(row, registry, change):
    rows = [fake(row, "a"), fake(row, "b"), fake(row, "other", **change)]
    for column in (
        "xnli accuracy",
        "xnli f1",
        "xnli accuracy (en, sw: 2 of 15 languages)",
        "xnli accuracy (another release)",
    ):
        for found in ranks(rows, registry, column, metrics=("accuracy", "f1")).values():
            assert found.get("other") is None
    assert ranks(rows, registry)["zero_shot_en, test"]["a"] == 1


def test_equal_values_share_a_rank_and_a_lone_value_has_none(row, registry):
    values = {"a": 80.0, "b": 80.0, "c": 70.0}
    rows = [fake(row, name, cells={AVERAGE: {"value": value}}) for name, value in values.items()]
    assert ranks(rows, registry)["zero_shot_en, test"] == {"a": 1, "b": 1, "c": 3}
    assert ranks(rows[:1], registry)["zero_shot_en, test"] == {"a": None}


def test_what_is_suspicious_or_unverified_is_shown_as_such(published, registry):
    board = build_board(published, "xtreme", registry, tasks=["xnli", "mlqa"])
    shown = [shown for section in board.sections for line in section.lines for shown in line.cells.values()]
    marked = {mark: [s for s in shown if mark in s.marks] for mark in ("suspicious", "unverified", "second_hand")}
    assert all(marked.values())
    assert all(s.rank is None for s in marked["suspicious"] + marked["unverified"])
    assert all("‡" in cell_text(s) for s in marked["suspicious"])
    assert any(s.rank for s in marked["second_hand"])


def test_the_mean_over_other_languages_has_its_own_column(published, registry):
    """XQuAD's README averages over twelve languages, XTREME over eleven of them."""
    board = build_board(published, "xtreme", registry)
    titles = [column.title for column in board.sections[0].columns]
    assert "xquad f1" in titles and "xquad f1 (all 12 languages)" in titles


def test_english_stands_before_the_other_languages(row, registry):
    (section,) = build_board([row], "xtreme", registry, tasks=["xnli"]).sections
    assert [column.language for column in section.columns] == ["avg", "en", *(c for c in LANGUAGES if c != "en")]


def test_the_leaderboard_command_shows_rows_as_text_json_and_markdown(row, tmp_path, capsys):
    path, rows = tmp_path / "row.json", tmp_path / "none"
    path.write_text(row_text(row))
    code, out, err = cli(capsys, "show", "--row", path, "--rows", rows)
    assert code == 0 and "xtreme: zero_shot_en, test" in out and "org/model" in out and "rank among" in err
    code, out, _ = cli(capsys, "show", "--row", path, "--rows", rows, "--task", "xnli", "--json")
    assert code == 0 and row in json.loads(out)
    code, out, _ = cli(capsys, "show", "--row", path, "--rows", rows, "--task", "xnli", "--markdown")
    assert code == 0 and "| org/model |" in out
    code, _, err = cli(capsys, "show", "--benchmark", "xtrem", "--rows", rows)
    assert code == 2 and "xtreme" in err
    code, _, err = cli(capsys, "show", "--task", "xnly", "--rows", rows)
    assert code == 2 and "xnli" in err


@pytest.mark.parametrize(
    ("changes", "words", "reason"),
    [
        ({"benchmark": None, "benchmark_version": None}, [], "no benchmark; --task xnli shows it"),
        ({"benchmark": None, "benchmark_version": None}, ["--task", "xnli"], ""),
        ({}, ["--benchmark", "xtreme-r"], "it is of the benchmark xtreme; --benchmark xtreme shows it"),
        ({}, ["--task", "panx"], "it has no score of panx; it has xnli"),
        ({}, ["--metric", "f1"], "it has no f1; it has accuracy"),
        ({}, ["--recipe", "nlu-evals"], "it is not known to be of the recipe nlu-evals"),
        ({}, [], ""),
    ],
)
def test_a_given_row_is_shown_or_the_reason_is_told(row, tmp_path, capsys, changes, words, reason):
    path = tmp_path / "row.json"
    path.write_text(row_text(fake(row, "mine", **changes)))
    code, out, err = cli(capsys, "show", "--row", path, "--rows", tmp_path / "none", *words)
    assert code == 0
    assert any(line.startswith("mine ") for line in out.splitlines()) == (not reason)
    assert (f"{path}: mine is not shown: " in err) == bool(reason) and reason in err


def test_the_page_is_one_file_and_text_stays_text(row, tmp_path, capsys):
    hostile = fake(
        row, "evil", system='<script>alert(1)</script>" onmouseover="x', cells={AVERAGE: {"note": '"><img src=x>'}}
    )
    path, out = tmp_path / "row.json", tmp_path / "board.html"
    path.write_text(row_text(hostile))
    assert cli(capsys, "render", "--row", path, "--rows", tmp_path / "none", "--html", out)[0] == 0
    page = out.read_text(encoding="utf-8")
    assert "<script>alert" not in page and "<img" not in page and 'onmouseover="x' not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "hu2020_xtreme" in page and "src=" not in page.replace("src=x", "")
    links = {link for link in Page(page).links if not link.startswith("#")}
    assert links and all(link.startswith("https://arxiv.org/abs/") for link in links)


# submissions


def test_export_writes_the_files_of_the_official_submission_and_replaces_none(run, tmp_path, capsys):
    out = tmp_path / "submission"
    code, _, err = cli(capsys, "export", run, "--format", "xtreme", "-o", out)
    assert code == 4 and "pawsx lacks" in err and not out.exists()
    code, _, _ = cli(capsys, "export", run, "--format", "xtreme", "-o", out, "--allow-partial")
    names = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    assert code == 0 and names == sorted(f"xnli/test-{language}.tsv" for language in LANGUAGES)
    assert (out / "xnli/test-sw.tsv").read_bytes() == (run / "predictions/xnli/test-sw.tsv").read_bytes()
    code, _, err = cli(capsys, "export", run, "--format", "xtreme", "-o", out, "--allow-partial")
    assert code == 2 and "exists already" in err


def test_the_zipped_submission_is_the_same_every_time(run, tmp_path, capsys):
    first, second = tmp_path / "1.zip", tmp_path / "2.zip"
    for out in (first, second):
        code, _, _ = cli(capsys, "export", run, "--format", "xtreme", "-o", out, "--zip", "--allow-partial")
        assert code == 0
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert archive.testzip() is None and "xnli/test-sw.tsv" in archive.namelist()


def test_a_task_that_lacks_a_language_is_left_out(run, tmp_path, capsys):
    def without_sw(record):
        del record["units"]["xnli/sw/test"]
        del record["scores"]["tasks"]["xnli"]["metrics"]["accuracy"]["languages"]["sw"]

    rewrite(run, without_sw)
    code, _, err = cli(capsys, "export", run, "--format", "xtreme", "-o", tmp_path / "s", "--allow-partial")
    assert code == 4 and "no task of xtreme is complete" in err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nowhere", "-o", "x"], 4, "not a run folder"),
        (["RUN", "-o", "x", "--zip"], 2, "--zip is for several files"),
        (["RUN", "-o", "x", "--format", "xtrem"], 2, "xtreme"),
    ],
)
def test_mistakes_in_the_export_command_are_named_with_their_exit_code(
    run, tmp_path, monkeypatch, capsys, arguments, code, words
):
    monkeypatch.chdir(tmp_path)
    got, _, err = cli(capsys, "export", *(run if word == "RUN" else word for word in arguments))
    assert got == code and words in err


def test_the_number_of_parameters_comes_from_the_weights(small_model):
    from safetensors import safe_open

    from harness.models.resolve import check_folder

    with safe_open(small_model / "model.safetensors", "numpy") as weights:
        expected = sum(int(np.prod(weights.get_slice(name).get_shape())) for name in weights.keys())  # noqa: SIM118
    assert check_folder(small_model, "small").parameters == expected


def test_unreadable_weights_are_refused_before_anything_is_said_of_them(tmp_path):
    from harness.core.errors import ModelError
    from harness.models.resolve import check_folder

    (tmp_path / "config.json").write_text("{}")
    for header in (b"", b"\xff" * 8, (5).to_bytes(8, "little") + b"{}xyz"):
        (tmp_path / "model.safetensors").write_bytes(header)
        with pytest.raises(ModelError, match=r"model\.safetensors"):
            check_folder(tmp_path, "broken")
