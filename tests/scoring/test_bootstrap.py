"""What is drawn together when the units of a task are resampled at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from harness.scoring.bootstrap import Items, joint_sums, mean_replicates, owners
from harness.scoring.metrics import get_metric

ACCURACY = get_metric("accuracy")


def items(ids: str, clusters: Sequence[int] | None = None, right: Sequence[int] | None = None) -> Items:
    """A unit with an item for each letter, all of them answered rightly unless ``right`` says so."""
    found = np.ones(len(ids)) if right is None else np.array(right, dtype=float)
    return Items(ACCURACY, tuple(ids), np.stack([found, np.ones(len(ids))], axis=1), clusters)


def together(*units: Items) -> list[str]:
    """The ids that have one owner, a word for each owner."""
    numbers, count = owners(units)
    names: list[set[str]] = [set() for _ in range(count)]
    for unit, owner in zip(units, numbers, strict=True):
        for name, number in zip(unit.ids, owner.tolist(), strict=True):
            names[number].add(name)
    return sorted("".join(sorted(found)) for found in names)


def test_translations_are_drawn_together() -> None:
    assert together(items("abc"), items("bcd")) == ["a", "b", "c", "d"]


def test_the_items_of_a_cluster_are_drawn_together() -> None:
    assert together(items("abcd", [0, 0, 1, 1])) == ["ab", "cd"]


def test_clusters_of_one_language_hold_in_another_that_has_none() -> None:
    assert together(items("abcd", [0, 0, 1, 1]), items("abce")) == ["ab", "cd", "e"]
    assert together(items("abce"), items("abcd", [0, 0, 1, 1])) == ["ab", "cd", "e"]


def test_clusters_of_two_languages_are_joined_through_what_they_share() -> None:
    assert together(items("abcd", [0, 0, 1, 1]), items("bcef", [5, 5, 6, 7])) == ["abcd", "e", "f"]


def test_a_cluster_with_an_item_twice_is_one_owner() -> None:
    assert together(items("aab", [0, 0, 1]), items("ab")) == ["a", "b"]


def test_clusters_have_to_name_every_item() -> None:
    with pytest.raises(ValueError):
        owners([items("abc", [0, 0])])


def test_parallel_units_get_the_same_draws_and_others_their_own() -> None:
    right = [1, 0, 1, 1, 0, 0]
    one, same, other = joint_sums([items("abcdef", None, right)] * 2 + [items("uvwxyz", None, right)], "t", 200)
    assert (one == same).all() and (one != other).any()
    assert (one[:, 1] == 6).all() and (other[:, 1] == 6).all()


def test_an_average_needs_two_owners_in_every_unit() -> None:
    fine, single = items("abcd", [0, 0, 1, 1]), items("ab")
    assert mean_replicates({"en": fine}, "t", [1], 50)["accuracy"].shape == (50,)
    assert mean_replicates({"en": fine, "de": single}, "t", [1, 1], 50) == {}


def test_a_sample_without_any_item_of_a_unit_takes_the_sums_of_the_whole_unit() -> None:
    """Items that add nothing to a sum, as a sentence without entities, are not missing."""
    seldom = Items(ACCURACY, ("a",), np.array([[3.0, 0.0]]), None)
    _, sums = joint_sums([items("abcdef"), seldom], "t", 200)
    times = sums[:, 0] / 3
    assert (sums[:, 1] == 0).all() and (times >= 1).all()
    # drawn from six owners, it is left out of (5/6)^6 of the samples, and drawn twice or more in a quarter
    assert 0.15 < (times > 1).mean() < 0.4
