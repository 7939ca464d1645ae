"""The benchmark of methods: what is trained on is not scored, translations are parallel, and its commands run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.commands import evaluated
from benchmarks.methods import LANGUAGES, METHODS, TASK, divided, folder_of, table_rows, words, write_english_of_tests

pytest.importorskip("harness_sib200", reason="the pack sib200 is not installed: pip install ./packs/sib200")


@pytest.fixture(scope="module", autouse=True)
def installed_packs() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("HARNESS_PLUGINS_AUTOLOAD", "1")
        yield


@pytest.fixture(scope="module")
def data(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = divided(shared_data, tmp_path_factory.mktemp("methods"))
    write_english_of_tests(folder)
    return folder


@pytest.mark.parametrize("code", LANGUAGES)
def test_no_sentence_is_trained_on_and_scored(code: str, data: Path) -> None:
    trained, tested = (
        {row["index_id"] for row in table_rows(data / folder_of(code) / f"{name}.tsv")} for name in ("train", "test")
    )
    assert len(tested) == 102 and len(trained) == (803 if code == "en" else 102) and not trained & tested


def test_the_english_of_a_test_text_has_its_number(data: Path) -> None:
    english = {row["index_id"]: row["text"] for row in table_rows(data / folder_of("en") / "test.tsv")}
    for code in LANGUAGES[1:]:
        found = [
            json.loads(line) for line in (data / "translated" / TASK / code / "test-en.jsonl").open(encoding="utf-8")
        ]
        own = [row["index_id"] for row in table_rows(data / folder_of(code) / "test.tsv")]
        assert sorted(row["source"] for row in found) == sorted(own)
        assert all(row["text"] == english[row["source"]] for row in found)


@pytest.mark.parametrize("name", ["plain", "translate-train", "translate-test", "fusion"])
def test_a_method_trains_and_is_scored_in_every_language(
    name: str, data: Path, small_model: Path, tmp_path: Path
) -> None:
    [method] = [each for each in METHODS if each.name == name]
    command = words(method, str(small_model), str(data), 1, {"max_steps": 1, "batch": 4}, "fp32")
    run = evaluated([*command, "--limit", "8", "--stages", str(tmp_path / "stages")], tmp_path / "run")
    [task] = run.scores.tasks.values()
    assert set(task.metrics["accuracy"].languages) == set(LANGUAGES)
