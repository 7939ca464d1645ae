"""The mean over hand-picked languages of a task is no score of the task, and every output says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import harness
from harness.api import report
from harness.leaderboard.board import build_board, languages_in_words
from harness.leaderboard.export import export_row
from harness.registry.default import get_registry
from harness.report.latex import to_latex
from harness.report.leaderboard import tables as board_tables
from harness.report.report import make_report
from harness.results.systems import load_runs
from harness.runs.recorded_scores import selection
from harness.scoring.aggregate import aggregate
from harness.scoring.scores import UnitScore
from harness.types.options import EvalOptions
from harness.types.tracking import run_numbers

Cli = Callable[..., tuple[int, str, str]]
SOME = "means over some of the languages: xnli 2 of 15"


@pytest.fixture(scope="module")
def run(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> harness.Run:
    return picked(corpus, tmp_path_factory.mktemp("picked") / "run")


def picked(corpus: Path, out: Path, model: str = "baseline:random", **more: object) -> harness.Run:
    options = EvalOptions(data_dir=str(corpus), offline=True, limit=30)
    return harness.evaluate(model, "xnli[sw,de]", out=out, options=options, **more)  # type: ignore[arg-type, return-value]


def test_the_record_has_no_score_of_the_task_but_the_mean_and_its_interval(run: harness.Run) -> None:
    scores = json.loads((run.path / "record.json").read_text(encoding="utf-8"))["scores"]
    task, accuracy = scores["tasks"]["xnli"], scores["tasks"]["xnli"]["metrics"]["accuracy"]
    mean = sum(accuracy["languages"].values()) / 2
    assert task["score"] is None and accuracy["average"] is None
    assert task["partial"] == accuracy["partial"] == pytest.approx(mean)
    low, high = scores["intervals"]["xnli"]["accuracy"]["average"]
    assert low <= mean <= high
    assert len(scores["missing"]["xnli"]) == 13 and SOME in run.record["partial"]
    assert run_numbers(run.record) == {"partial/xnli": pytest.approx(mean)}


def test_python_says_so(run: harness.Run) -> None:
    for found in (run, harness.load(run.path)):
        assert found.scores.tasks["xnli"].score is None and found.scores.coverage == SOME
        assert "† (2 of 15 languages) (not benchmark scores)" in repr(found) and SOME in found.partial
        assert SOME in found._repr_html_()
    assert harness.score(run.path).coverage == SOME


def test_the_terminal_says_so_and_that_nothing_is_missing(run: harness.Run, cli: Cli) -> None:
    for words in (["report", run.path], ["runs", "show", run.path]):
        _, out, _ = cli(*words)
        assert SOME in out and "2/15" in out and "†" in out
    _, out, _ = cli("report", run.path)
    assert f"not benchmark scores: {SOME}" in out and "not selected (13 units): xnli[" in out
    assert "missing (" not in out
    _, out, err = cli("score", run.path)
    assert (out + err).count(SOME) == 1


@pytest.mark.parametrize("kind", ["text", "md", "latex", "latex-document", "html", "json"])
def test_every_format_of_the_report_says_so(run: harness.Run, kind: str) -> None:
    text = report([run.path], kind)
    assert "xnli 2 of 15" in text and ("†" in text or "dagger" in text)


def test_a_fragment_of_latex_prints_what_its_marks_mean(run: harness.Run) -> None:
    text = to_latex(make_report(load_runs([run.path]), get_registry()))
    printed = [line for line in text.splitlines() if not line.startswith("%")]
    assert any("$^\\dagger$ means over some of the languages" in line for line in printed)


def test_compare_says_over_how_many_languages_it_compares(run: harness.Run, corpus: Path, tmp_path: Path) -> None:
    other = picked(corpus, tmp_path / "other", "baseline:majority")
    found = harness.compare([run, other], resamples=50)
    assert SOME in found.notes and not any(note.endswith(f"scores: {SOME}") for note in found.notes)
    assert "2 of 15" in found.to_markdown()


def test_a_row_names_the_languages_and_a_board_gives_them_a_column(run: harness.Run) -> None:
    registry = get_registry()
    with pytest.raises(harness.DataError, match="not exported"):
        export_row(run.path, registry)
    row = export_row(run.path, registry, allow_partial=True, allow_dirty=True, allow_unpinned=True)
    [mean] = [cell for cell in row["cells"] if cell["language"] == "avg"]
    assert mean["languages"] == ["de", "sw"] and SOME in row["caveats"]["incomplete"]
    assert SOME not in row["caveats"]["partial"], "numbers of single languages are as good as any"
    board = build_board([row, {**row, "id": "other", "benchmark": "xtreme"}], "xtreme", registry, ["xnli"])
    heads = [head for table in board_tables(board) for head in table.head]
    assert "xnli accuracy (de, sw: 2 of 15 languages)" in heads


def test_several_seeds_have_a_mean_over_the_same_languages(corpus: Path, tmp_path: Path) -> None:
    runs = picked(corpus, tmp_path / "seeds", seeds=[1, 2])
    task = runs.summary["tasks"]["xnli"]  # type: ignore[attr-defined]
    assert task["score"]["mean"] is None and task["partial"]["n"] == 2
    assert "2 of 15" in runs.table() and "†" in repr(runs)


def test_all_languages_of_a_task_make_a_score(run: harness.Run) -> None:
    record = json.loads((run.path / "record.json").read_text(encoding="utf-8"))
    unit = record["units"]["xnli/de/test"]["score"]
    scored = {code: UnitScore.from_dict(unit) for code in get_registry().task("xnli").languages_with("test")}
    found = aggregate(
        selection({"xnli": ["de", "sw"]}, get_registry(), "test"), {"xnli": scored}, {"xnli": ("accuracy",)}
    )
    assert found.tasks["xnli"].score is not None and not found.missing and found.coverage == ""


def test_headings_name_a_few_languages_and_count_many() -> None:
    codes = list("abcdefghij")
    assert languages_in_words(["a", "b"], codes) == "a, b: 2 of 10 languages"
    assert languages_in_words(codes[:5], codes) == "5 of 10 languages"
    assert languages_in_words(codes[:9], codes) == "9 of 10 languages: not j"
    assert languages_in_words(codes, codes) == "all 10 languages"
    assert languages_in_words(["x"], codes) == "1 language" and languages_in_words(["a", "b"], []) == "2 languages"
