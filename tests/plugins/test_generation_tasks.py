"""Generation tasks on real data: what they read, whole runs with resume and rates, the learning-rate axis, submissions."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from writing_models import save_writer

from harness import Source
from harness.api import evaluate, report, score
from harness.data.sources import load_examples
from harness.registry.default import get_registry
from harness.results.systems import load_run
from harness.studies.grid import cells, run_cells
from harness.types.options import EvalOptions
from harness.types.progress import ProgressListener
from harness.types.studies import Arm, Search, Study

RATES = (1e-4, 1e-2)


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_writer("mt5", tmp_path_factory.mktemp("writer"))


@pytest.fixture(scope="module")
def captions(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five hundred real captions in four languages as training, dev and test data."""
    folder = tmp_path_factory.mktemp("captions") / "multi30k"
    folder.mkdir()
    lines = (shared_data / "extra" / "multi30k" / "val.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    for name, part in (("train", lines[:200]), ("val", lines[200:220]), ("test_2016_flickr", lines[220:240])):
        (folder / f"{name}.jsonl").write_text("".join(part), encoding="utf-8")
    return folder.parent


def options(data: Path, **more: Any) -> EvalOptions:
    values: dict[str, Any] = {"recipe": "tiny", "overrides": {"max_steps": 2, "batch": 4, "max_new_tokens": 8}}
    return EvalOptions(**{**values, "data_dir": str(data), "offline": True, "device": "cpu", **more})


def examples(data: Path, name: str, code: str) -> list[Source]:
    task = get_registry().task(name)
    return list(load_examples(task, task.languages[code]["test"], data_dir=data, offline=True).examples)


def test_answers_are_written_for_the_questions_of_the_span_tasks(shared_data: Path) -> None:
    for name, of, code in (("xquad_gen", "xquad", "es"), ("tydiqa_gen", "tydiqa", "fi")):
        spans, texts = examples(shared_data, of, code), examples(shared_data, name, code)
        assert [text.id for text in texts] == [span.id for span in spans]
        first, span = texts[0], spans[0]
        assert first.text == f"question: {span.question} context: {span.context}"
        assert first.target == span.answers[0].text and first.target in span.context
    assert get_registry().task("xquad_gen").train == "squad_gen"


def test_captions_lose_words_and_order_and_nothing_else(captions: Path) -> None:
    for code in ("en", "de", "fr", "cs"):
        found = examples(captions, "multi30k", code)
        assert len(found) == 20 and [each.id for each in found] == [str(i) for i in range(20)]
        assert all(set(each.text.split()) <= set(each.target.split()) for each in found)
        share = sum(len(each.text.split()) for each in found) / sum(len(each.target.split()) for each in found)
        assert 0.7 < share < 0.9
        assert found == examples(captions, "multi30k", code)


def test_captions_are_read_as_they_are_distributed(captions: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (captions / "multi30k" / "test_2016_flickr.jsonl").read_text().splitlines()]
    (tmp_path / "multi30k").mkdir()
    lines = "".join(f"{row['cs']}\n" for row in rows)
    (tmp_path / "multi30k" / "test_2016_flickr.cs").write_text(lines, encoding="utf-8")
    assert examples(tmp_path, "multi30k", "cs") == examples(captions, "multi30k", "cs")


def test_no_benchmark_has_a_generation_task() -> None:
    registry = get_registry()
    written = {task.name for task in registry.tasks().values() if task.family == "generation"}
    assert written == {"xquad_gen", "tydiqa_gen", "multi30k"}
    assert not any(written & set(benchmark.tasks) for benchmark in registry.benchmarks().values())


def test_a_run_is_scored_in_every_language_and_goes_on_with_the_units_that_it_lacks(
    writer: Path, captions: Path, tmp_path: Path
) -> None:
    chosen = options(captions, limit=8)
    first = evaluate(str(writer), ["multi30k[en,de]"], out=tmp_path / "run", options=chosen)
    before = dict(first.record["units"])
    run = evaluate(str(writer), ["multi30k"], out=tmp_path / "run", options=chosen)
    units = run.record["units"]
    assert set(units) == {f"multi30k/{code}/test" for code in ("en", "de", "fr", "cs")} and not run.failed
    assert {key: units[key] for key in before} == before
    numbers = units["multi30k/de/test"]["score"]["metrics"]
    assert {"rouge_l", "chrf", "bleu", "wrong_script", "short", "empty"} <= set(numbers)
    assert units["multi30k/cs/test"]["facts"]["written_languages"]["too_weak"] is True
    assert "wrong_language" not in units["multi30k/cs/test"]["score"]["metrics"]
    again = score(tmp_path / "run" / "predictions", tmp_path / "run" / "labels", tasks=["multi30k"])
    assert again.tasks["multi30k"].partial == pytest.approx(run.scores.tasks["multi30k"].partial)
    assert "asked for and, across, written" in report([tmp_path / "run"], "text")


def test_questions_in_other_languages_are_answered_after_english_training(
    writer: Path, shared_data: Path, tmp_path: Path
) -> None:
    chosen = options(shared_data, limit=4, train_limit=16)
    run = evaluate(str(writer), ["xquad_gen[en,zh,vi]", "tydiqa_gen[en,sw]"], out=tmp_path, options=chosen)
    assert not run.failed and len(run.record["units"]) == 5
    (line, *_) = (tmp_path / "predictions" / "xquad_gen" / "test-zh.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line).keys() == {"id", "text"}
    assert load_run(tmp_path).record["units"]["xquad_gen/vi/test"]["facts"]["decoding"]["max_new_tokens"] == 8


def test_another_identifier_is_recorded_and_used_again(writer: Path, captions: Path, tmp_path: Path) -> None:
    pytest.importorskip("py3langid")
    chosen = options(captions, limit=4, train="never", overrides={"max_new_tokens": 8, "language_id": "langid"})
    run = evaluate(str(writer), ["multi30k[cs]"], out=tmp_path / "run", options=chosen)
    (unit,) = run.record["units"].values()
    assert unit["metric"] == "generation:langid"
    assert unit["facts"]["written_languages"]["identifier"]["version"].startswith("py3langid")
    assert "wrong_language_of_references" in unit["score"]["metrics"]


def test_every_learning_rate_is_reported_with_its_rates_and_english_dev_data_choose(
    writer: Path, captions: Path, tmp_path: Path
) -> None:
    arms = tuple(Arm(f"lr-{rate:g}", options={"lr": rate}) for rate in RATES)
    shared: dict[str, Any] = {"models": (str(writer),), "tasks": ("multi30k[en,de]",), "seeds": (1,), "recipe": "tiny"}
    axis, searched = (
        Study("axis", 1, arms=arms, **shared),
        Study("best", 1, arms=(Arm("none"),), search=Search("lr", RATES), **shared),
    )
    chosen = options(captions, limit=4)
    for study in (axis, searched):
        study.check()
        grid = list(cells(study, tmp_path / study.name, chosen))
        found = run_cells(grid, tmp_path / study.name, registry=get_registry(), reporter=ProgressListener())
        assert not found.failed
    runs = sorted(path.parent for path in (tmp_path / "axis").glob("*/lr-*/seed-1/record.json"))
    assert [load_run(run).stages[-1]["options"]["lr"] for run in runs] == sorted(RATES)
    table = report(runs, "md").split("Written texts in the wrong language")[1].split("##")[0]
    assert [line.count("multi30k | German") for line in table.splitlines()].count(1) == len(RATES)
    searches = json.loads((tmp_path / "best" / "search.json").read_text())["searches"]
    assert set(searches[0]["dev"]["multi30k"]) == {"recipe", "0.0001", "0.01"}


def test_a_submission_with_a_text_too_few_is_scored_and_one_with_a_wrong_line_is_refused(
    captions: Path, tmp_path: Path
) -> None:
    from harness.core.errors import DataError

    found = examples(captions, "multi30k", "de")
    for side, rows in (("labels", found), ("predictions", found[1:])):
        (tmp_path / side / "multi30k").mkdir(parents=True)
        lines = "".join(json.dumps({"id": each.id, "text": each.target}) + "\n" for each in rows)
        (tmp_path / side / "multi30k" / "test-de.jsonl").write_text(lines, encoding="utf-8")
    scored = score(tmp_path / "predictions", tmp_path / "labels", tasks=["multi30k[de]"])
    rouge = scored.tasks["multi30k"].metrics["rouge_l"].languages["de"]
    assert rouge.value == pytest.approx(95) and any("no prediction" in warning for warning in scored.warnings)
    shutil.copytree(tmp_path / "predictions", tmp_path / "wrong")
    (tmp_path / "wrong" / "multi30k" / "test-de.jsonl").write_text('{"id": "0"}\n')
    with pytest.raises(DataError, match=r"test-de\.jsonl:1: no 'text'"):
        score(tmp_path / "wrong", tmp_path / "labels", tasks=["multi30k[de]"])
