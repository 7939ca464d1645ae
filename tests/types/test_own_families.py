"""Families on a third party's own example classes are limited, keyed, trained, broken down and checked like our own."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_examples import write_data, write_plugin

from harness import Example, GoldPair, PoolRole, Sentence
from harness.analysis.invariance import invariance
from harness.api import breakdown, evaluate, train
from harness.core.errors import UsageError
from harness.data.sources import load_examples
from harness.data.subset import fingerprint, limited, written_fingerprint
from harness.registry.registry import Registry
from harness.testing import check_plugin
from harness.training.objectives.shuffled import shuffled
from harness.types.options import EvalOptions


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    found = Registry([write_plugin(tmp_path_factory.mktemp("plugin"))])
    found.check()
    return found


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"))


def options(data: Path, **changes: Any) -> EvalOptions:
    changes = {"recipe": "tiny", "overrides": {"max_steps": 2, "batch": 8}, **changes}
    return EvalOptions(data_dir=str(data), offline=True, device="cpu", **changes)


def examples(registry: Registry, data: Path, name: str, split: str = "test", language: str = "en") -> list[Any]:
    task = registry.task(name)
    found = task.pool if split == "pool" else task.languages[language][split]
    assert found is not None
    return list(load_examples(task, found, data_dir=data, offline=True).examples)


# Limits


def test_a_limit_keeps_queries_what_answers_them_and_the_same_share_of_the_other_members(
    registry: Registry, data: Path
) -> None:
    captions, pictures = examples(registry, data, "pictures"), examples(registry, data, "pictures", "pool")
    kept = limited([*captions, *pictures], 4)
    asked = [example for example in kept if not example.pool_role().pool]
    found = {example.id for example in kept if example.pool_role().pool}
    assert len(asked) == 4 and {name for caption in asked for name in caption.shows} <= found
    assert len(found) == 4 + round(0.4 * 11)  # six pictures that other captions show, and five that none shows
    assert kept == [example for example in [*captions, *pictures] if example in kept]
    assert [example for example in limited([*captions, *pictures[::-1]], 4) if example in captions] == asked


@dataclass(frozen=True)
class Line(Example):
    """A sentence of a mining pool, on the left or on the right."""

    id: str
    text: str
    right: bool

    def pool_role(self) -> PoolRole:
        return PoolRole("right" if self.right else "left", counts=not self.right)


@dataclass(frozen=True)
class Same(Example):
    """Two lines that mean the same."""

    left: str
    right: str

    def pool_role(self) -> PoolRole:
        return PoolRole(links=(("left", self.left), ("right", self.right)), counts=False)


@pytest.mark.parametrize("limit", [1, 7, 20, 39])
def test_own_mining_pools_are_limited_as_bucc_is(limit: int) -> None:
    ours = [
        Sentence(f"{'en' if side else 'xx'}-{i}", "", side) for side in (False, True) for i in range(40 + 30 * side)
    ]
    gold = [GoldPair(f"xx-{i}", f"en-{i * 2}") for i in range(15)]
    theirs = [Line(s.id, s.text, s.english) for s in ours] + [Same(p.foreign, p.english) for p in gold]
    kept = limited(theirs, limit)
    assert len([e for e in kept if isinstance(e, Line) and not e.right]) == limit
    assert [theirs.index(example) for example in kept] == [
        [*ours, *gold].index(example) for example in limited([*ours, *gold], limit)
    ]


# Fingerprints


def test_how_words_are_written_is_no_part_of_the_fingerprint_of_an_own_class(registry: Registry, data: Path) -> None:
    plain = examples(registry, data, "rating")
    told = [replace(example, spaced=tuple(f" {word}" for word in example.pieces)) for example in plain]
    assert fingerprint(plain) == fingerprint(told) != fingerprint([replace(plain[0], stars="good"), *plain[1:]])
    assert written_fingerprint(plain) is None and written_fingerprint(told) is not None


# Objectives


def test_own_labels_are_shuffled(registry: Registry, data: Path) -> None:
    before = examples(registry, data, "rating")
    after: list[Any] = shuffled(before, np.random.default_rng(3))
    assert [replace(one, stars=None) for one in after] == [replace(one, stars=None) for one in before]
    assert after != before and Counter(one.stars for one in after) == Counter(one.stars for one in before)
    with pytest.raises(UsageError, match="Caption examples have no field 'label'"):
        shuffled(examples(registry, data, "pictures"), np.random.default_rng(3))


def test_a_stage_on_own_examples_trains_on_shuffled_labels(
    registry: Registry, data: Path, small_model: Path, tmp_path: Path
) -> None:
    plain, other = (
        train(str(small_model), name, out=tmp_path / name, options=options(data), registry=registry).summary
        for name in ("rated", "rated@shuffled")
    )
    assert other["tokens"] == plain["tokens"] and other["loss"] != plain["loss"] and other["dev"] == []


# Analyses


def test_an_own_ranking_decides_by_what_its_family_says(registry: Registry, data: Path, small_model: Path) -> None:
    found = invariance(str(small_model), registry, EvalOptions(data_dir=str(data), device="cpu"), limit=4)
    changes = {change.family: change for change in found.changes}
    assert set(changes) == {"look_up", "rate"} and not found.unchecked
    assert changes["look_up"].decisions == 4
    assert changes["look_up"].precision == 0  # the ranks after the first are others in bf16


def test_own_examples_are_broken_down_by_their_words_and_their_paired_texts(
    registry: Registry, data: Path, small_model: Path, tmp_path: Path
) -> None:
    run = evaluate(str(small_model), ["rating"], out=tmp_path / "run", options=options(data), registry=registry)
    assert not run.failed
    found = {part.attribute: part for part in breakdown(tmp_path / "run", data_dir=data, registry=registry)}
    assert set(found) == {"gold-label", "language", "length", "overlap", "tokens-per-word"}
    both = [e for code in ("en", "sw") for e in examples(registry, data, "rating", language=code)]
    words = Counter(str(len(example.pieces)) for example in both)
    assert {bucket.name: bucket.n for bucket in found["length"].buckets} == dict(sorted(words.items()))
    assert found["overlap"].n == len(both)


# The contract

CHECKED = ("references", "readable", "ids", "labels", "sizes", "deterministic", "batches", "odd-text", "training")
"""The checks of data and families; loading the plugin imports a family of ours, which takes its time."""


def test_a_plugin_with_own_examples_keeps_the_contract(registry: Registry, data: Path) -> None:
    outcomes = check_plugin("own", checks=CHECKED, data_dir=data, registry=registry)
    assert [outcome for outcome in outcomes if outcome.status == "failed"] == []
    passed = {(outcome.check, outcome.subject) for outcome in outcomes if outcome.status == "passed"}
    assert {
        (check, f"task {name}") for check in ("readable", "ids", "batches") for name in ("rating", "pictures")
    } <= passed


@pytest.mark.parametrize(
    ("before", "after", "check", "reason"),
    [
        ('word_field = "pieces"', 'word_field = "peices"', "readable", "Rating has no 'peices'"),
        ('query_fields = ("text",)', 'query_fields = ("txt",)', "readable", "Caption has no 'txt'"),
        ("return PoolRole(links=", "return dict(links=", "readable", "not a PoolRole"),
        ('else Picture(row["id"], ', "else Picture(int(row['id'][1:]), ", "ids", "the id 0 is not a string"),
        ('(("pictures", name)', '(("images", name)', "ids", "links lead to images, but the pools are pictures"),
        ('(), row["stars"])', '(), "fine")', "labels", "'fine' is not one of bad, good"),
    ],
)
def test_what_an_own_class_says_wrongly_fails_the_contract(
    data: Path, tmp_path: Path, before: str, after: str, check: str, reason: str
) -> None:
    path = write_plugin(tmp_path)
    source = path.read_text(encoding="utf-8")
    assert before in source
    path.write_text(source.replace(before, after), encoding="utf-8")
    outcomes = check_plugin("own", checks=[check], data_dir=data, registry=Registry([path]))
    assert any(reason in outcome.detail for outcome in outcomes if outcome.status == "failed"), outcomes
