"""A data set with an eval.yaml as a task: what it makes, and what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from harness.cli.main import main
from harness.core.errors import PluginError
from harness.registry.eval_yaml import read_eval_yaml
from harness.registry.registry import Registry
from harness.types.examples import Answer, Choice, Pair, Question, Tagged, Translation

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "docs/plugins.md").read_text("utf-8"), re.M | re.S)[0]
CHOICES = """
name: Choices
tasks:
  - {id: copa/sw, config: default, field_spec: {input: premise, target: answer, choices: [one, two]}}
harness: {train: socialiqa}
"""


def write(folder: Path, text: str, name: str = "opinions") -> Path:
    path = folder / "data" / "hotel" / name / "eval.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_the_example_of_the_page_trains_and_scores_without_code(
    tmp_path: Path, small_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path, EXAMPLE)
    rows = [{"text": f"the room was {('bad', 'good')[i % 2]} {i}", "label": ("bad", "good")[i % 2]} for i in range(20)]
    for name in ("en/train", "en/test", "sw/test"):
        file = path.parent / f"{name}.jsonl"
        file.parent.mkdir(exist_ok=True)
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ["--plugin", str(path.parent), "eval", "--task", "opinions", "--data-dir", "data", "--offline"]
    assert main([*words, "--model", str(small_model), "--out", "run", "--set", "max_steps=1"]) == 0
    record = json.loads(Path("run/record.json").read_text(encoding="utf-8"))
    assert set(record["units"]) == {"opinions/en/test", "opinions/sw/test"}


def test_choices_make_multiple_choice_and_answers_are_numbers_letters_or_texts(tmp_path: Path) -> None:
    registry = Registry([write(tmp_path, CHOICES, "copa-plus")])
    registry.check()
    task = registry.task("copa-plus")
    assert (task.family, task.train, list(task.languages)) == ("multiple_choice", "socialiqa", ["sw"])
    row: dict[str, Any] = {"premise": "p", "one": "a", "two": "b", "_row": 3}
    for answer in (1, "1", "B", "b"):
        assert task.example({**row, "answer": answer}) == Choice("3", "p", ("a", "b"), 1)


def test_labels_may_be_numbers_and_there_may_be_a_second_text(tmp_path: Path) -> None:
    text = EXAMPLE.replace("labels: [bad, good]", "labels: [bad, good]\n  second: reply")
    task = read_eval_yaml(write(tmp_path, text)).task
    row = {"text": "t", "reply": "r", "label": 1, "id": "x", "_row": 0}
    assert task.example(row) == Pair("x", "t", "r", "good")
    assert task.example({**row, "label": None}) == Pair("x", "t", "r", None)


def test_questions_tags_and_translations_are_tasks_too(tmp_path: Path) -> None:
    fields = "field_spec: {input: text, target: label}"
    asked = EXAMPLE.replace(fields, "field_spec: {input: q, target: a, context: c}").replace(
        "  labels: [bad, good]\n", ""
    )
    task = read_eval_yaml(write(tmp_path, asked)).task
    assert (task.family, task.metric) == ("span_qa", "squad")
    row: dict[str, Any] = {"q": "who?", "c": "it was Ada", "_row": 0}
    known = Question("0", "who?", "it was Ada", (Answer("Ada", 7),))
    assert task.example({**row, "a": {"text": ["Ada"], "answer_start": [7]}}) == known
    assert task.example({**row, "a": "Ada"}) == task.example({**row, "a": ["Ada", ""]}) == known
    tagged = EXAMPLE.replace("labels: [bad, good]", "family: tagging\n  labels: [O, B-PER]")
    task = read_eval_yaml(write(tmp_path, tagged, "names")).task
    assert (task.family, task.metric, task.labels) == ("tagging", "ner_f1", ("O", "B-PER"))
    assert task.example({"text": ["hi", "Ada"], "label": [0, 1], "id": 7, "_row": 0}) == Tagged(
        "7", ("hi", "Ada"), ("O", "B-PER")
    )
    assert task.example({"text": "hi Ada", "label": "O B-PER", "_row": 0}).tags == ("O", "B-PER")  # type: ignore[attr-defined]
    pairs = EXAMPLE.replace("  labels: [bad, good]\n  train: {config: en, split: train}", "  family: bitext_retrieval")
    task = read_eval_yaml(write(tmp_path, pairs, "pairs")).task
    assert task.family == "bitext_retrieval" and task.train is None
    assert task.example({"text": "jambo", "label": "hello", "_row": 2}) == Translation("2", "jambo", "hello")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tasks: [", "not YAML"),
        ("- 1", "the file must be a table"),
        ("name: x", "tasks must be a list"),
        (EXAMPLE.replace("  labels: [bad, good]\n", ""), "neither choices nor context in field_spec, and no labels"),
        (EXAMPLE.replace("config: sw", "config: swahili").replace("reviews_sw", "r"), "no language in 'swahili'"),
        (EXAMPLE.replace("config: sw", "config: en"), "the language 'en' is there twice"),
        (EXAMPLE.replace("labels:", "label:"), "harness: unknown key 'label'"),
        (EXAMPLE.replace("labels:", "family: taging\n  labels:"), "family 'taging': one of"),
        (EXAMPLE.replace("labels:", "family: span_qa\n  labels:"), "field_spec: context is missing"),
        (EXAMPLE.replace("labels: [bad, good]", "family: tagging"), "labels are missing, which tagging needs"),
        (
            EXAMPLE.replace("target: label}}\n  - {id: reviews_sw", "target: other}}\n  - {id: reviews_sw"),
            "the same in all",
        ),
        (EXAMPLE.replace("target: label", "answer: label"), "target must name a column"),
        (EXAMPLE.replace("{config: en, split: train}", "{config: en}"), "train must have a split"),
    ],
)
def test_what_makes_no_task_is_refused_with_its_field(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(PluginError, match=re.escape(message)) as caught:
        read_eval_yaml(write(tmp_path, text))
    assert "eval.yaml" in str(caught.value) and "\n" not in str(caught.value)
