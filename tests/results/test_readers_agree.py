"""Every reader of a run gives the same numbers and intervals: score, reports, rows, breakdowns, comparisons, Python."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from click.testing import CliRunner

import harness
from harness.api import breakdown
from harness.cli.main import cli
from harness.data.sample import write_sample_corpus
from harness.leaderboard.export import export_row
from harness.registry.default import get_registry
from harness.report.formats import render
from harness.report.report import make_report
from harness.report.table import Value
from harness.results.rescore import score_run
from harness.results.systems import load_runs
from harness.run import Run, load
from harness.types.options import EvalOptions

TASKS = [
    "xnli[sw,de,en]",
    "udpos[de,en]",
    "panx[sw]",
    "xquad[de,en]",
    "tatoeba[sw]",
    "bucc2018[de,ru]",
    "lareqa[de,en]",
]
Number = tuple[float, float | None, float | None]
"""A value and the ends of its interval."""


@pytest.fixture(scope="module")
def runs(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    root = tmp_path_factory.mktemp("runs")
    write_sample_corpus(root / "corpus", size="tiny")
    found = {}
    for name, seed in (("one", 1), ("two", 2)):
        overrides = {"max_steps": 2, "seed": seed, "lr": 1e-3, "layer": seed}
        options = EvalOptions(data_dir=str(root / "corpus"), offline=True, train_limit=16, overrides=overrides)
        found[name] = harness.evaluate(str(small_model), TASKS, out=root / name, options=options)
        assert not found[name].failed
    return found


@pytest.fixture(scope="module")
def recorded(runs: dict[str, Run]) -> dict[tuple[str, str, str], Number]:
    """Every number of every unit by task, language and metric, as the record has it."""
    return {
        (task, code, metric): (found["value"], found["low"], found["high"])
        for key, unit in runs["one"].record["units"].items()
        for task, code, _ in [key.split("/")]
        for metric, found in unit["score"]["metrics"].items()
    }


def averages(plain: dict[str, Any]) -> dict[tuple[str, str], tuple[float | None, Any]]:
    """Every average by task and metric ("score"), with its interval, from what ``to_dict`` gives.

    Of a task that lacks a language, it is the mean over the others, which is kept apart.
    """
    found = {}
    for task, entry in plain["tasks"].items():
        intervals = plain["intervals"].get(task, {})
        for metric, values in entry["metrics"].items():
            found[task, metric] = (average(values, "average"), intervals.get(metric, {}).get("average"))
        found[task, "score"] = (average(entry, "score"), intervals.get("score", {}).get("average"))
    return found


def average(entry: dict[str, Any], name: str) -> float:
    assert (entry[name] is None) == ("partial" in entry)
    return entry.get("partial", entry[name])


def from_dict(plain: dict[str, Any]) -> dict[tuple[str, str, str], Number]:
    return {
        (task, code, metric): (value, *plain["intervals"].get(task, {}).get(metric, {}).get(code, (None, None)))
        for task, entry in plain["tasks"].items()
        for metric, values in entry["metrics"].items()
        for code, value in values["languages"].items()
    }


def command(*words: str) -> str:
    result = CliRunner().invoke(cli, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_run_the_score_command_and_the_loaded_run_give_what_the_record_has(
    runs: dict[str, Run], recorded: dict[tuple[str, str, str], Number]
) -> None:
    run = runs["one"]
    readers: dict[str, Callable[[], dict[str, Any]]] = {
        "evaluate": run.to_dict,
        "score": lambda: score_run(run.path, get_registry()).to_dict(),
        "harness score": lambda: json.loads(command("score", str(run.path), "--json")),
        "load_run": lambda: load(run.path).to_dict(),
        "record": lambda: run.record["scores"],
    }
    for name, read in readers.items():
        plain = read()
        assert from_dict(plain) == recorded, name
        assert averages(plain) == averages(run.to_dict()), name


def test_rows_of_numbers_give_what_the_record_has(
    runs: dict[str, Run], recorded: dict[tuple[str, str, str], Number]
) -> None:
    frame = runs["one"].to_pandas().to_dict("records")
    rows = {
        (r["task"], r["language"], r["metric"]): tuple(
            None if r[name] != r[name] else r[name] for name in ("value", "low", "high")
        )
        for r in frame
    }
    assert rows == recorded
    table = csv.DictReader(io.StringIO(command("report", str(runs["one"].path), "--format", "csv")))
    shown = {(r["task"], r["language"], r["metric"]): (r["value"], r["low"], r["high"]) for r in table}
    assert shown == {key: tuple("" if n is None else f"{n:.6g}" for n in numbers) for key, numbers in recorded.items()}


def test_the_leaderboard_row_gives_what_the_record_has(
    runs: dict[str, Run], recorded: dict[tuple[str, str, str], Number]
) -> None:
    row = export_row(runs["one"].path, get_registry(), allow_partial=True, allow_dirty=True, allow_unpinned=True)
    cells = {(c["task"], c["language"], c["metric"]): (c["value"], c.get("low"), c.get("high")) for c in row["cells"]}
    assert {key: value for key, value in cells.items() if key[1] != "avg"} == recorded
    for (task, metric), (value, interval) in averages(runs["one"].to_dict()).items():
        if value is not None and (task, "avg", metric) in cells:
            assert cells[task, "avg", metric] == (value, *(interval or (None, None)))
    averaged = {(task, metric) for task, code, metric in cells if code == "avg"}
    assert {task for task, _ in averaged} == set(runs["one"].scores.tasks)


def scores(recorded: dict[tuple[str, str, str], Number], run: Run) -> dict[tuple[str, str], Number]:
    """Each task's score in each language, the mean of its main numbers."""
    found = {}
    for task, result in run.scores.tasks.items():
        for code in {code for name, code, _ in recorded if name == task}:
            parts = [recorded[task, code, metric] for metric in result.primary]
            ends = [None if any(p[i] is None for p in parts) else fmean(p[i] or 0.0 for p in parts) for i in (1, 2)]
            found[task, code] = (fmean(part[0] for part in parts), *ends)
    return found


def test_a_breakdown_by_language_gives_the_scores_of_the_languages(
    runs: dict[str, Run], recorded: dict[tuple[str, str, str], Number]
) -> None:
    wanted = scores(recorded, runs["one"])
    found = {
        (result.task, bucket.name): (bucket.score.value, bucket.score.low, bucket.score.high)
        for result in breakdown(runs["one"].path, attributes=["language"])
        for bucket in result.buckets
    }
    assert found.keys() == wanted.keys()
    for key, numbers in found.items():
        assert numbers == pytest.approx(wanted[key], abs=1e-9), key


def test_every_table_of_the_report_and_every_format_shows_these_numbers(
    runs: dict[str, Run], recorded: dict[tuple[str, str, str], Number]
) -> None:
    run = runs["one"]
    wanted = scores(recorded, run)
    report = make_report(load_runs([run.path]), get_registry())
    tables = {table.name: table for table in report.tables}
    by_language = tables["by-language"]
    tasks = by_language.head[2:]
    shown = 0
    for row in by_language.rows:
        for task, cell in zip(tasks, row[2:], strict=True):
            if isinstance(cell, Value):
                value, low, high = wanted[task, str(row[0])]
                assert cell.value == pytest.approx(value)
                if cell.half_width is not None:
                    assert cell.half_width == pytest.approx((high - low) / 2)  # type: ignore[operator]
                shown += 1
    assert shown == len(wanted)
    means = averages(run.to_dict())
    texts = {name: render(report, name) for name in ("text", "md", "latex", "html", "json")}
    for row in tables["by-task"].rows:
        cell = row[2]
        assert isinstance(cell, Value)
        value, interval = means[str(row[0]), "score"]
        assert cell.value == pytest.approx(value)
        if (interval := interval or means[str(row[0]), run.scores.tasks[str(row[0])].primary[0]][1]) is not None:
            assert cell.half_width == pytest.approx((interval[1] - interval[0]) / 2)
            for name, text in texts.items():
                figures = (
                    [f"{cell.value:.1f}", f"{cell.half_width:.1f}"] if name != "json" else [json.dumps(cell.value)]
                )
                assert all(figure in text for figure in figures), (name, row[0])


def test_one_language_and_the_average_over_it_have_one_interval(
    runs: dict[str, Run], recorded: dict[tuple[str, str, str], Number]
) -> None:
    means = averages(runs["one"].to_dict())
    for task, code in (("panx", "sw"), ("tatoeba", "sw")):
        metric = runs["one"].scores.tasks[task].primary[0]
        value, low, high = recorded[task, code, metric]
        assert means[task, metric] == (value, [low, high])
        assert means[task, "score"] == (value, [low, high])


def test_compare_and_the_report_of_two_runs_give_the_scores_and_one_difference(runs: dict[str, Run]) -> None:
    one, two = runs["one"], runs["two"]
    compared = harness.compare([one, two], resamples=200)
    report = make_report(load_runs([one.path, two.path]), get_registry())
    (difference,) = report.compared
    assert set(compared.tasks) == set(difference.tasks) == set(one.scores.tasks)
    for task, found in compared.tasks.items():
        both = [run.scores.tasks[task] for run in (one, two)]
        assert found.average.scores == pytest.approx([result.partial for result in both])
        assert found.average.differences[0].value == pytest.approx(difference.tasks[task])
        assert found.average.differences[0].value == pytest.approx(both[1].partial - both[0].partial)
        for code, line in found.languages.items():
            assert line.scores == pytest.approx([result.language_score(code) for result in both])
            assert line.differences[0].value == pytest.approx(difference.units[task, code])


def test_what_eval_prints_are_the_numbers_of_the_record(runs: dict[str, Run], capsys: Any) -> None:
    from harness.cli.run_report import show_run

    show_run(runs["one"], to_stderr=False)
    printed = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    for task, result in runs["one"].scores.tasks.items():
        assert result.score is None
        assert re.search(rf"^ *{task} +\d+/\d+ +- +{result.partial:.1f}\b", printed, re.MULTILINE), task
    assert runs["one"].table().split("\n")[0] == "Scores by task (mean over languages)"


def test_looking_at_a_run_from_python_computes_nothing_and_changes_nothing(runs: dict[str, Run]) -> None:
    before = {path: path.stat().st_mtime_ns for path in runs["one"].path.rglob("*") if path.is_file()}
    looked = harness.load(runs["one"].path)
    assert looked.to_dict() == runs["one"].to_dict() and looked.record == runs["one"].record
    assert looked.table() == runs["one"].table() and looked.partial == runs["one"].partial
    assert looked._repr_html_() == runs["one"]._repr_html_()
    assert {path: path.stat().st_mtime_ns for path in runs["one"].path.rglob("*") if path.is_file()} == before
    with pytest.raises(harness.DataError, match="not a run folder"):
        harness.load(runs["one"].path / "predictions")
