"""The same numbers have the same interval in every output: record, score, tables, report, CSV, breakdown."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest

from harness.api import breakdown, report, score
from harness.registry.default import get_registry
from harness.report.benchmark_scores import by_language, by_task
from harness.report.report import make_report
from harness.report.table import Value
from harness.results.rescore import score_run
from harness.results.systems import load_run
from harness.run import load as open_run
from tests.run_folders import nli, rewrite, write_run

CODES = ("de", "en", "fr", "sw")


def answers(generator, right: float) -> tuple[str, str]:
    """SQuAD files: three passages with four questions each."""
    gold, given = [], {}
    for passage in range(3):
        questions = []
        for number in range(4):
            name = f"{passage}-{number}"
            questions.append({"id": name, "question": "?", "answers": [{"text": "old Ann", "answer_start": 0}]})
            given[name] = "Ann" if generator.random() < right else "Bob"
        gold.append({"title": str(passage), "paragraphs": [{"context": f"old Ann {passage}", "qas": questions}]})
    return json.dumps({"version": "1", "data": gold}), json.dumps(given)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Parallel sentences in four languages, hard and easy ones in all of them alike, and questions of passages."""
    generator = np.random.default_rng(5)
    gold = generator.integers(0, 3, 80)
    hard = generator.random(80) < 0.5
    names = np.array(["contradiction", "entailment", "neutral"])
    labels = "".join(f"{name}\n" for name in names[gold])
    units = {}
    for code in CODES:
        wrong = (generator.random(80) < np.where(hard, 0.8, 0.05)).astype(int)
        units[code] = (labels, "".join(f"{name}\n" for name in names[(gold + wrong) % 3]))
    tasks = {"xnli": units, "xquad": {code: answers(generator, 0.6) for code in ("de", "en")}}
    tasks["pawsx"] = {
        "en": tuple(
            text.replace("neutral", "0").replace("entailment", "1").replace("contradiction", "1")
            for text in nli(generator, 50, 0.8)
        )
    }
    folder = write_run(tmp_path_factory.mktemp("agree") / "run", tasks)
    scores = score_run(folder, get_registry()).to_dict()
    rewrite(folder, lambda record: record.update(scores=scores))
    return folder


def half(interval) -> float:
    return pytest.approx((interval[1] - interval[0]) / 2)


def test_an_average_over_languages_has_one_interval(run: Path) -> None:
    """Sentences that are hard in all languages make it wide: as independent items they would seem to be more than there are."""
    intervals = score(run).to_dict()["intervals"]["xnli"]["score"]["average"]
    assert load_run(run).scores["intervals"]["xnli"]["score"]["average"] == pytest.approx(intervals)
    (part,) = [part for part in breakdown(run, tasks=["xnli"], attributes=["script"]) if part.attribute == "script"]
    (bucket,) = part.buckets
    assert bucket.n == 80 * len(CODES) and bucket.score.value == pytest.approx(
        fmean(v for _, v in bucket.languages.values())
    )
    assert (bucket.score.low, bucket.score.high) == pytest.approx(tuple(intervals))
    tables = {table.name: table for table in make_report([load_run(run)], get_registry()).tables}
    shown = {row[0]: row[tables["by-task"].head.index("score")] for row in tables["by-task"].rows}["xnli"]
    assert isinstance(shown, Value) and shown.half_width == half(intervals)
    own = by_task(open_run(run).scores)
    printed = {row[0]: row[own.head.index("of those scored")] for row in own.rows}["xnli"]
    assert isinstance(printed, Value) and printed.half_width == half(intervals)
    alone = 1.96 * 100 * (0.25 / (80 * len(CODES))) ** 0.5
    assert shown.half_width > 1.4 * alone


@pytest.mark.parametrize("task, code", [("xnli", "sw"), ("xquad", "de"), ("pawsx", "en")])
def test_a_language_has_one_interval(run: Path, task: str, code: str) -> None:
    unit = load_run(run).tasks[task].units[code].score
    (part,) = breakdown(run, tasks=[task], attributes=["language"])
    bucket = next(bucket for bucket in part.buckets if bucket.name.startswith(code))
    assert (bucket.score.low, bucket.score.high) == pytest.approx((unit.low, unit.high))
    table = by_language(open_run(run).scores.tasks)
    printed = {row[0]: row[table.head.index(task)] for row in table.rows}[code]
    assert isinstance(printed, Value) and printed.half_width == pytest.approx(unit.half_width)
    rows = [
        row
        for row in csv.DictReader(io.StringIO(report([run], "csv")))
        if (row["task"], row["language"]) == (task, code)
    ]
    lows, highs = ([float(row[side]) for row in rows if row["primary"] == "yes"] for side in ("low", "high"))
    assert (fmean(lows), fmean(highs)) == pytest.approx((unit.low, unit.high), rel=1e-4)
    scored = score(run).tasks[task].language_estimate(code)
    assert scored is not None and (scored.low, scored.high) == pytest.approx((unit.low, unit.high))


def test_a_task_in_one_language_has_the_interval_of_the_language(run: Path) -> None:
    view = load_run(run).tasks["pawsx"]
    assert view.half_width == pytest.approx(view.units["en"].score.half_width)
