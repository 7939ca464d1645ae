"""Training sets of several sizes: each lies within the next, and only what is trained on is in the key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from training_stages import cpu_stages

from harness.core.errors import UsageError
from harness.data.corpus import Corpus
from harness.data.sources import LoadedSplit
from harness.data.store import ExampleList
from harness.data.train_size import of_train_size
from harness.models.resolve import ResolvedModel
from harness.registry.default import get_registry
from harness.training.schedule import make_schedule
from harness.training.stage import Stage
from harness.types.examples import Pair, Text


def a_split(count: int, languages: tuple[str, ...] = ()) -> LoadedSplit:
    examples = ExampleList(Pair(str(i), f"text {i}", "", "yes") for i in range(count))
    codes = [languages[i % len(languages)] for i in range(count)] if languages else ()
    return LoadedSplit(examples, count, None, "made", [], examples.fingerprint, languages=codes)


def numbers(split: LoadedSplit) -> list[int]:
    return [int(example.id) for example in split.examples]


@pytest.mark.parametrize("count", [10, 1000, 40_000])
def test_a_set_lies_within_any_larger_one(count: int) -> None:
    whole = a_split(count)
    sizes = [1, count // 5, count // 2, count - 1, count]
    sets = [numbers(of_train_size(whole, size, "t")) for size in sizes]
    for size, smaller, larger in zip(sizes, sets, sets[1:], strict=False):
        assert len(smaller) == size and set(smaller) < set(larger) and smaller == sorted(smaller)
    assert sets[-1] == list(range(count)) and sets[2] != list(range(count // 2))
    assert of_train_size(whole, 0, "t") is whole and of_train_size(whole, count, "t") is whole


def test_a_set_is_spread_over_the_data_and_has_the_languages_of_its_examples() -> None:
    whole = a_split(30_000, ("en", "es", "ar"))
    part = of_train_size(whole, 3_000, "t")
    assert [("en", "es", "ar")[number % 3] for number in numbers(part)] == list(part.languages)
    for low in range(0, 30_000, 10_000):  # hypergeometric: a standard deviation of 24.5
        assert abs(sum(low <= number < low + 10_000 for number in numbers(part)) - 1_000) < 110
    assert 900 < part.languages.count("es") < 1_100
    assert part.fingerprint != whole.fingerprint and part.rows == 30_000


def test_running_text_keeps_its_parts() -> None:
    parts = [[Text(f"{code}:{i}", f"{code} {i}") for i in range(400)] for code in ("sw", "yo")]
    corpus = Corpus(parts, ["sw", "yo"], "digest")
    whole = LoadedSplit(corpus, 800, None, "made", [], corpus.fingerprint, languages=["sw"] * 400 + ["yo"] * 400)
    small, large = (of_train_size(whole, size, "mlm") for size in (50, 200))
    assert isinstance(small.examples, Corpus) and small.examples.names == ("sw", "yo")
    assert len({whole.fingerprint, small.fingerprint, large.fingerprint}) == 3
    assert {text.id for text in small.examples} < {text.id for text in large.examples}
    assert [text.id[:2] for text in large.examples] == list(large.languages) and set(large.languages) == {"sw", "yo"}


def test_more_than_there_are_is_an_error_that_says_how_many_there_are() -> None:
    with pytest.raises(
        UsageError, match=r"option mnli.train_size: 5,000 is more than the task.s 1,234 training examples"
    ) as caught:
        of_train_size(a_split(1234), 5000, "mnli")
    assert caught.value.hint == "1234 or less; 0 is all"


def the_stage(expression: str, corpus: Path, folder: Path, **overrides: Any) -> Stage:
    stages = cpu_stages(get_registry(), "tiny", corpus, overrides=overrides)
    return stages.last([expression], ResolvedModel("org/model", folder, None, "f" * 64, {"hidden_size": 32}))


def test_the_key_and_the_record_have_it_where_it_changes_the_data(corpus: Path, small_model: Path) -> None:
    plain = the_stage("mnli", corpus, small_model)
    count = len(plain.tasks[0].train.examples)
    whole = the_stage("mnli", corpus, small_model, **{"mnli.train_size": count})
    small, other = (the_stage("mnli", corpus, small_model, train_size=20, seed=seed) for seed in (42, 7))
    assert whole.key == plain.key != small.key
    assert small.tasks[0].train.fingerprint == other.tasks[0].train.fingerprint
    assert "train_size" not in json.dumps(plain.describe())
    [described] = small.describe()["tasks"]
    assert described["train_size"] == described["data"]["train"]["examples"] == 20
    assert described["data"]["train"]["rows"] == count


def test_a_stage_that_the_cap_no_longer_shortens_is_another_stage(
    corpus: Path, small_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Earlier versions trained a task that is alone for fewer steps where it has more examples than the cap."""

    def keys(expression: str, **overrides: Any) -> tuple[str, str]:
        stage = the_stage(expression, corpus, small_model, **overrides)
        now = stage.key
        with monkeypatch.context() as earlier:
            earlier.setattr(Stage, "_longer_than_once", False)
            return now, the_stage(expression, corpus, small_model, **overrides).key

    for expression, overrides, changed in (
        ("mnli", {"sampling_cap": 20}, True),
        ("mnli", {}, False),
        ("mnli", {"sampling_cap": 20, "max_steps": 9}, False),
        ("mnli", {"sampling_cap": 20, "sampling": "proportional"}, False),
        ("mnli+qqp", {"sampling_cap": 20}, False),
    ):
        now, before = keys(expression, **overrides)
        assert (now != before) == changed, (expression, overrides)


def test_steps_follow_the_size_or_are_fixed(corpus: Path, small_model: Path) -> None:
    def steps(**overrides: Any) -> int:
        stage = the_stage("mnli", corpus, small_model, batch=8, epochs=2, **overrides)
        return len(make_schedule([len(stage.tasks[0].train.examples)], stage.options))

    assert (steps(train_size=16), steps(train_size=40)) == (4, 10)
    assert steps(train_size=16, max_steps=30) == steps(train_size=40, max_steps=30) == 30


def test_in_a_stage_of_several_tasks_it_counts_for_each(corpus: Path, small_model: Path) -> None:
    def sizes(**overrides: Any) -> list[int]:
        stage = the_stage("mnli+squad", corpus, small_model, **overrides)
        return [len(part.train.examples) for part in stage.tasks]

    mnli, squad = sizes()
    assert sizes(train_size=10) == sizes(**{"mnli+squad.train_size": 10}) == [10, 10]
    assert sizes(**{"mnli.train_size": 10}) == [10, squad]
    assert sizes(**{"train_size": 10, "mnli.train_size": 0}) == [mnli, 10]


def test_a_run_is_not_partial_for_it(corpus: Path, small_model: Path, tmp_path: Path, cli: Any) -> None:
    given = ["--task", "xnli[en]", "--data-dir", corpus, "--out", tmp_path / "run", "--set", "max_steps=1"]
    code, _, error = cli("eval", "--model", small_model, *given, "--set", "train_size=12", "--device", "cpu")
    assert code == 0, error
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    [stage] = record["stages"]
    assert stage["tasks"][0]["train_size"] == stage["tasks"][0]["data"]["train"]["examples"] == 12
    assert stage["items"] == [12] and not [reason for reason in record["partial"] if "train" in reason]
    code, _, error = cli("eval", "--model", small_model, *given, "--set", "train_size=1000000")
    assert code == UsageError.exit_code and "training examples" in error and "or less; 0 is all" in error
