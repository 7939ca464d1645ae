"""Accuracy against latency, and the page that shows it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.efficiency.memory import Memory
from harness.efficiency.operations import Operations, Parameters
from harness.efficiency.page import efficiency_page
from harness.efficiency.pareto import Known, ScoredRun, models_of, on_front, scored_runs
from harness.efficiency.percentiles import percentiles
from harness.efficiency.protocol import Protocol
from harness.efficiency.ratio import Ratio
from harness.efficiency.result import FILE, Efficiency, Latency, ModelEfficiency, read_efficiency
from harness.efficiency.tables import efficiency_tables
from harness.efficiency.written import write_files
from harness.results.systems import load_runs

RUNS = Path(__file__).parents[1] / "golden" / "report" / "runs"


def scored(score: float, milliseconds: float) -> ScoredRun:
    return ScoredRun("run", "model", score, None, ("en",), milliseconds)


def test_runs_that_none_beats_in_both_are_on_the_front() -> None:
    quick, middle, best = scored(60, 1), scored(70, 5), scored(80, 20)
    slow, worse = scored(70, 6), scored(59, 1)
    runs = [quick, middle, best, slow, worse]
    assert [on_front(run, runs) for run in runs] == [True, True, True, False, False]
    assert on_front(middle, [middle, middle]), "equal runs do not beat one another"


@pytest.fixture
def found() -> Efficiency:
    """A measurement of two models, one of them with a name that is markup."""
    models = []
    for name, pace in (("example/encoder", 1.0), ("<script>alert(1)</script>", 2.0)):
        times = percentiles([pace * step for step in range(1, 301)])
        models.append(
            ModelEfficiency(
                name=name, reference=name, fingerprint="f" * 16, head="random", dtype="fp32", attention="sdpa",
                parameters=Parameters(30, 10, 20, 120), operations=Operations(1e9, 30.0, 100.0, 97.0),
                latency=Latency(300, times, times), throughput=(), memory=Memory("process", 1, 2, 3, 4, None),
                fertility=(), ratio=None if pace == 1 else Ratio(2.0, 1.9, 2.1, 9),
            )
        )  # fmt: skip
    hardware = {"processor": "P", "cores": 2, "memory_bytes": None, "governor": None, "power_source": "battery"}
    return Efficiency(
        task="xnli", languages=(), missing=("th",), examples=20, protocol=Protocol(batch_sizes=()),
        hardware={**hardware, "device": "cpu", "gpu": None}, threads=1, compiled=False, energy=None, sessions=(),
        environment={"python": "3", "platform": "p", "packages": {"torch": "2"}}, models=tuple(models),
    )  # fmt: skip


def test_runs_are_found_by_reference_or_fingerprint_and_scored_over_common_languages() -> None:
    plain, via = load_runs([RUNS / "plain", RUNS / "via-mnli"])
    reference, fingerprint = plain.record["model"]["reference"], plain.record["model"]["fingerprint"]
    assert models_of([plain], "xnli", [Known("other", "0"), Known(reference, "")]) == [1]
    assert models_of([plain], "xnli", [Known("./folder", fingerprint)]) == [0]
    one, two = scored_runs([plain, via], "xnli", [Known(reference, "")], ["encoder"], [12.5])
    common = sorted(set(plain.tasks["xnli"].units) & set(via.tasks["xnli"].units))
    assert one.languages == two.languages == tuple(common)
    assert one.score == pytest.approx(plain.tasks["xnli"].mean(common))
    assert (one.milliseconds, one.model) == (12.5, "encoder")
    assert [run.front for run in (one, two)] == [one.score >= two.score, two.score >= one.score]


def test_runs_of_other_models_and_tasks_are_refused() -> None:
    (plain,) = load_runs([RUNS / "plain"])
    with pytest.raises(UsageError, match="which is not measured"):
        models_of([plain], "xnli", [Known("tiny", "0" * 16)])
    with pytest.raises(UsageError, match="no score of pawsx"):
        models_of([plain], "pawsx", [Known("tiny", "0" * 16)])


def test_the_page_has_a_chart_of_accuracy_and_escapes_names(found: Efficiency) -> None:
    runs = (replace(scored(70, 150.0), front=True), scored(60, 300.0))
    page = efficiency_page(replace(found, scores=runs))
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page
    charts = json.loads(re.search(r'id="chart-data">(.*?)</script>', page)[1])  # type: ignore[index]
    assert [chart["kind"] for chart in charts] == ["scatter", "dots"]
    assert [(point["x"], point["y"]) for point in charts[0]["choices"][0]["points"]] == [(150, 70), (300, 60)]
    assert {point["value"] for point in charts[1]["points"]} == {150, 300}
    assert "the machine ran on its battery" in page and "no data in th" in page
    without = efficiency_page(found)
    assert [chart["kind"] for chart in json.loads(re.search(r'chart-data">(.*?)</script>', without)[1])] == ["dots"]  # type: ignore[index]


def test_tables_say_where_the_formula_differs_from_what_is_counted(found: Efficiency) -> None:
    notes = [note for table in efficiency_tables(found) for note in table.notes]
    assert any("the formula gives +3.1%" in note for note in notes)


def test_scores_are_written_and_read_again(found: Efficiency, tmp_path: Path) -> None:
    write_files(replace(found, languages=("en",), models=_with_fertility(found), scores=(scored(70, 150.0),)), tmp_path)
    assert read_efficiency(tmp_path / FILE)["scores"][0]["milliseconds"] == 150.0
    assert (tmp_path / "accuracy.csv").read_text().splitlines()[1].startswith("run,model,70")
    assert (tmp_path / "efficiency.html").read_text().startswith("<!DOCTYPE html>")


def _with_fertility(found: Efficiency) -> tuple[ModelEfficiency, ...]:
    from harness.efficiency.result import Fertility

    return tuple(replace(model, fertility=(Fertility("en", 1.2, 0.3, 20.0),)) for model in found.models)
