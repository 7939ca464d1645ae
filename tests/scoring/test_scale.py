"""Scales of metrics: the digits of their numbers in every output, and intervals of metrics that do not follow from sums."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import compare, report
from harness.leaderboard.board import ShownCell
from harness.leaderboard.export import export_row
from harness.leaderboard.formats import export_files
from harness.leaderboard.rows import published_rows
from harness.leaderboard.validation import problems
from harness.registry.default import get_registry
from harness.report.benchmark_scores import by_language, by_task
from harness.report.comparison import tables as comparison_tables
from harness.report.leaderboard import cell_text
from harness.report.pages.chart_data import gap_chart
from harness.report.table import Value
from harness.results.rescore import score_run
from harness.run import load as load_run
from harness.scoring.estimates import recomputed
from harness.scoring.metrics import get_metric
from harness.scoring.metrics.accuracy import Accuracy
from harness.scoring.metrics.base import AdditiveMetric, Metric
from harness.scoring.scale import common_scale, shown
from tests.run_folders import nli, rewrite, write_run


class Agreement(AdditiveMetric):
    """Share of right labels less that of wrong ones: from -1 to 1."""

    name = "tests.scoring.test_scale:Agreement"
    primary = ("agreement",)
    scale = "-1-1"

    def statistics(self, gold, predicted, language):
        right = np.array([left == other for left, other in zip(gold, predicted, strict=True)], np.float64)
        return np.stack([2 * right - 1, np.ones(len(right))], axis=1)

    def finish(self, sums):
        return {"agreement": sums[..., 0] / sums[..., 1]}


class Correlation(Metric):
    """Pearson's correlation, which is no number where one side is constant."""

    name = "correlation"
    primary = ("r",)
    scale = "-1-1"

    def compute(self, gold, predicted, language):
        if len(set(gold)) < 2 or len(set(predicted)) < 2:
            raise ValueError("constant")
        return {"r": float(np.corrcoef(gold, predicted)[0, 1])}


@pytest.mark.parametrize(
    "value, scale, text",
    [
        (79.25, "0-100", "79.2"),
        (0.4567, "0-1", "0.457"),
        (-0.0312, "-1-1", "-0.031"),
        (1234.5, "unbounded", "1234"),
        (12.345, "unbounded", "12.3"),
        (0.012345, "unbounded", "0.0123"),
        (0.0, "unbounded", "0.00"),
        (-0.0001, "-1-1", "0.000"),
    ],
)
def test_numbers_have_the_digits_of_their_scale(value, scale, text) -> None:
    assert shown(value, scale) == text


@given(st.floats(-1e6, 1e6), st.sampled_from(["0-100", "0-1", "-1-1", "unbounded"]), st.booleans())
def test_what_is_shown_is_the_number_rounded(value: float, scale, signed: bool) -> None:
    text = shown(value, scale, signed=signed)
    digits = len(text.partition(".")[2])
    assert float(text) == pytest.approx(value, abs=0.5000001 * 10.0**-digits)
    assert not text.startswith("-0.0") or float(text) != 0


def test_a_half_width_has_the_digits_of_the_score_beside_it() -> None:
    assert Value(0.4567, 0.0521, "*", "-1-1").show(signed=True) == "+0.457 ±0.052*"
    assert Value(12.345, 0.6789, scale="unbounded").show() == "12.3 ±0.7"
    assert Value(79.25, 0.51).show() == "79.2 ±0.5"


def test_a_mean_of_numbers_on_different_scales_is_on_none() -> None:
    assert common_scale(["0-1", "0-1"]) == "0-1" and common_scale(["0-1", "-1-1"]) == "unbounded"
    assert common_scale([]) == "0-100"


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two runs of XNLI, scored by a metric from -1 to 1."""
    registry = get_registry()
    task = replace(registry.task("xnli"), metric=Agreement.name)
    monkeypatch.setattr(type(registry), "task", lambda self, name: task)
    generator = np.random.default_rng(3)
    made = {code: nli(generator, 60, 0.75, 0.9) for code in ("en", "sw")}
    folders = []
    for number in (1, 2):
        units = {"xnli": {code: (texts[0], texts[number]) for code, texts in made.items()}}
        folder = write_run(tmp_path / f"run-{number}", units, model=f"org/{number}")
        scores = score_run(folder, registry).to_dict()
        rewrite(folder, lambda record, scores=scores: record.update(scores=scores))
        folders.append(folder)
    return folders


def test_every_output_has_the_digits_and_the_interval_of_a_metric_from_minus_one_to_one(runs: list[Path]) -> None:
    run = load_run(runs[0])
    unit = run.view.tasks["xnli"].units["sw"].score
    assert unit.scale == "-1-1" and unit.half_width is not None and unit.chance is not None and unit.chance.level == 0
    cell = f"{unit.value:.3f} ±{unit.half_width:.3f}"
    assert cell in {text for row in by_language(run.scores.tasks).texts() for text in row}
    average = f"{run.scores.tasks['xnli'].partial:.3f} ±{run.scores.tasks['xnli'].interval.half_width:.3f}"
    assert average in {text for row in by_task(run.scores).texts() for text in row}
    for kind in ("text", "md"):
        assert cell in report([runs[0]], kind) and average in report([runs[0]], kind)
    assert cell.replace("±", "$\\pm$") in report([runs[0]], "latex")
    assert f"{unit.value:.6g}" in report([runs[0]], "csv")
    assert f"{unit.value:.3f}" in report([runs[0]], "html")
    found = compare(runs)
    line = found.tasks["xnli"].languages["sw"]
    texts = {text.rstrip("*") for table in comparison_tables(found) for row in table.texts() for text in row}
    assert f"{line.scores[0]:.4f}" in texts and f"{line.differences[0].value:+.4f}" in texts


def test_a_board_shows_the_digits_of_the_scale() -> None:
    cell = {"value": 0.4567, "low": 0.4, "high": 0.5, "scale": "-1-1", "seed_deviation": 0.0123}
    assert cell_text(ShownCell(cell, {}, ())) == "0.457 ±0.050 sd 0.012"


def test_a_metric_that_does_not_follow_from_sums_is_computed_anew_for_its_interval() -> None:
    generator = np.random.default_rng(4)
    gold = list(generator.normal(size=150))
    near = [value + generator.normal(0, 0.5) for value in gold]
    value = Correlation().compute(gold, near, "en")
    found = recomputed(Correlation(), gold, near, "en", None, value)["r"]
    assert found.low < found.value < found.high and found.value == value["r"]
    expected = (1 - found.value**2) / 150**0.5
    assert found.stderr == pytest.approx(expected, rel=0.4)
    wide = recomputed(Correlation(), gold, near, "en", [place // 75 for place in range(150)], value)["r"]
    assert (wide.low, wide.high) != (found.low, found.high)
    single = recomputed(Correlation(), gold, near, "en", [0] * 150, value)["r"]
    assert single.low is None


def test_there_is_no_interval_where_the_metric_fails_on_samples() -> None:
    value = Correlation().compute([0.0, 1.0], [0.0, 1.0], "en")
    assert recomputed(Correlation(), [0.0, 1.0], [0.0, 1.0], "en", None, value)["r"].low is None


def test_recomputed_intervals_are_those_of_sums_where_both_are_there() -> None:
    generator = np.random.default_rng(6)
    gold = list(generator.choice(["a", "b"], 400))
    predicted = [label if generator.random() < 0.7 else "a" for label in gold]
    metric = Accuracy()
    value = metric.compute(gold, predicted, "en")
    found = recomputed(metric, gold, predicted, "en", None, value)["accuracy"]
    share = value["accuracy"] / 100
    assert found.stderr == pytest.approx(100 * (share * (1 - share) / 400) ** 0.5, rel=0.15)


def test_metrics_of_evaluate_know_their_scale() -> None:
    assert get_metric("evaluate:matthews_correlation").scale == "-1-1"
    assert get_metric("evaluate:f1?average=macro").scale == "0-1"
    assert get_metric("evaluate:some/perplexity").scale == "unbounded"


def test_exports_charts_and_hovers_have_them_too(runs: list[Path]) -> None:
    registry, run = get_registry(), load_run(runs[0])
    units = {code: unit.score.value for code, unit in run.view.tasks["xnli"].units.items()}
    allowed = {"allow_partial": True, "allow_dirty": True, "allow_unpinned": True}
    row = export_row(runs[0], registry, **allowed)
    assert [found.text for found in problems(row, registry) if not found.warning] == []
    formats = registry.export_formats()
    card = export_files([runs[0]], registry, formats["hub"], **allowed)["README.md"].decode()
    assert all(f"| {value:.4f} [" in card for value in units.values()) and "unless their metric has another" in card
    files = export_files([runs[0]], registry, formats["eee"], **allowed)
    record = json.loads(next(content for name, content in files.items() if name.endswith(".json")))
    for result in record["evaluation_results"]:
        assert (result["metric_config"]["min_score"], result["metric_config"]["max_score"]) == (-1, 1)
        assert abs(result["score_details"]["score"]) <= 1 and result["metric_config"]["metric_unit"] == "correlation"
    gap = units["en"] - units["sw"]
    (bar,) = gap_chart([run.view])["points"]
    assert bar["text"] == f"{gap:.3f}".replace("-", "−") and f"English {units['en']:.4f}" in bar["hint"]
    assert re.search(rf"xnli {run.view.tasks['xnli'].mean():.3f}", repr(run))
    assert re.search(r"xnli [+-]\d\.\d{3}", repr(compare(runs)))
    assert f"{run.view.tasks['xnli'].units['sw'].score.half_width:.3f}" in run._repr_html_()


@pytest.mark.parametrize(
    "scale, value, valid",
    [(None, 99.0, True), (None, 101.0, False), ("0-1", 0.5, True), ("-1-1", -1.5, False), ("unbounded", 1e6, True)],
)
def test_a_row_holds_the_numbers_of_each_scale_and_no_others(scale, value, valid) -> None:
    row = copy.deepcopy(next(row for row in published_rows(get_registry()) if row["benchmark"] == "xtreme"))
    cell = {**row["cells"][0], "task": "mine", "metric": "own", "value": value, "low": value, "high": value}
    row["cells"] = [cell | ({"scale": scale} if scale else {})]
    wrong = [found.text for found in problems({k: v for k, v in row.items() if k != "provider"}) if not found.warning]
    assert (wrong == []) == valid, wrong
